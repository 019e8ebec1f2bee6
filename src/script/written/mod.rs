//! Script text while somebody writes it: its pieces, what a chain before the cursor is, and what could
//! stand at the cursor. Any text will do, whole or not; nothing here runs anything.

mod chain;
mod place;
mod reading;

pub use place::{Names, Place, Quote, Wanted};
pub use reading::Variable;

use super::catalog::{Catalog, Entry};
use reading::Reading;

/// Longer texts than this are not looked into while somebody types.
const BYTES_MAX: usize = 16 * 1024;

/// What could stand at the cursor; `None` inside a comment, or where nothing of the kind is known.
pub fn place(catalog: &Catalog, variables: &[Variable], text: &str, cursor: usize) -> Option<Place> {
    Reading::new(catalog, variables, before(text, cursor)?).place(after(text, cursor))
}

/// The forms of the function whose arguments the cursor is in.
pub fn called<'c>(catalog: &'c Catalog, variables: &'c [Variable], text: &'c str, cursor: usize) -> Vec<&'c Entry> {
    before(text, cursor).map(|before| Reading::new(catalog, variables, before).called()).unwrap_or_default()
}

fn before(text: &str, cursor: usize) -> Option<&str> {
    text.get(..cursor).filter(|before| before.len() <= BYTES_MAX)
}

fn after(text: &str, cursor: usize) -> &str {
    text.get(cursor..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
