//! What a value looks like to a person, as plain data: a table, an info card, a plan, a text. Made inside of
//! the script's thread, where the roster can be read; drawn for a width by whoever has a terminal.

mod bar;
mod card;
pub mod device;
pub mod field;
pub mod group;
mod table;
mod text;
mod tree;
pub mod user;

#[cfg(test)]
mod tests;

use rhai::Dynamic;
use serde::Serialize;

use super::api::plan::Plan;
use super::problem::RhaiResultOf;
use super::run_context::Run;
use super::values::unshared;
use crate::domain::task::Page;

pub use bar::{ASCII, BLOCKS, Bar, Marks, Share};
pub use card::{Card, Line, Value};
pub use table::{Column, Table};
pub use text::printed;

/// A value that is ready to be shown. Texts in it are as the roster has them: whoever draws them makes
/// visible what would steer a terminal.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// `()`.
    #[default]
    Nothing,
    /// A text, a number, an instant: as it is.
    Text(String),
    Table(Table),
    Card(Card),
    /// The summary that a person confirms.
    Plan(String),
}

/// How much a run shows of its last value: nobody is there who could turn a page.
pub const LAST_VALUE: Page = Page { from: 0, rows: 100 };

/// What `value` looks like. Of what has many rows only those of the page are read.
///
/// # Errors
/// The roster's, and those of closures that were left over for the interpreter.
pub fn of(run: &Run, value: &Dynamic, page: Page) -> RhaiResultOf<Shown> {
    let value = unshared(value);
    if value.is_unit() {
        return Ok(Shown::Nothing);
    }
    if let Some(plan) = value.read_lock::<Plan>() {
        return Ok(Shown::Plan(plan.summary()));
    }
    if let Some(table) = table::of(run, &value, page)? {
        return Ok(Shown::Table(table));
    }
    if let Some(card) = card::of(run, &value)? {
        return Ok(Shown::Card(card));
    }
    if let Some(card) = tree::of(run, &value) {
        return Ok(Shown::Card(card));
    }
    Ok(Shown::Text(text::of(run, value.into_owned())?))
}
