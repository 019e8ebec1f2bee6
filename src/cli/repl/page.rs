//! A value on the screen, a long table page by page.

use std::sync::Arc;

use serde_json::json;
use unicode_width::UnicodeWidthStr as _;

use super::shell::Shell;
use crate::cli::exit::{Exit, Failure};
use crate::cli::ink::Ink;
use crate::cli::params::Given;
use crate::cli::shown::{Canvas, draw, is_utf8, rows_that_fit};
use crate::cli::width;
use crate::domain::task::Page;
use crate::host::prompt::LineError;
use crate::host::run::Talk;
use crate::script::shown::{LAST_VALUE, Shown};

impl Shell<'_, '_> {
    /// How many rows of a table are shown at once, when this and the prompt stand below.
    pub(super) fn rows(&self, below: &str) -> u64 {
        match console::Term::stdout().size_checked() {
            Some((lines, columns)) if self.at_terminal => {
                let taken = lines_taken(below, columns.into()) + lines_taken(&self.prompt(), columns.into());
                rows_that_fit(usize::from(lines).saturating_sub(taken))
            }
            _ => LAST_VALUE.rows,
        }
    }

    /// Draws a value so that all of a page stays in sight above what is said of the tray; `:more` goes on there.
    pub(super) fn show(&mut self, mut shown: Shown, (tray, exceeded): &(String, String)) {
        if let Shown::Table(table) = &mut shown {
            let fitting = usize::try_from(self.rows(&format!("{tray}{exceeded}"))).unwrap_or(usize::MAX);
            if self.at_terminal {
                table.rows.truncate(fitting);
            }
        }
        self.next_page = next_page(&shown);
        let ink = Ink::new(self.session.ink.out);
        print!("{}", draw(&shown, &Canvas { width: width(), ink: &ink, unicode: is_utf8(), more: Some(":more") }));
    }

    /// The next page of the last value.
    pub(super) fn more(&mut self) -> Result<(), Failure> {
        let Some(from) = self.next_page else {
            return Err(Failure::new(Exit::Usage, "there is no more of the last value"));
        };
        let talk = Talk { params: Given::none(None), print: Arc::new(|_| {}), cancel: Arc::clone(&self.cancel), debugger: None };
        let page = Page { from, rows: self.rows("") };
        let shown = match self.prompt.page(page, talk) {
            Ok(shown) => shown,
            Err(LineError::Host(error)) => return Err(error.into()),
            Err(LineError::Script(error)) => return Err(self.script_error("", Vec::new(), &error)),
        };
        if self.json {
            self.next_page = next_page(&shown);
            println!("{}", json!({ "shown": shown }));
        } else {
            self.show(shown, &Default::default());
        }
        Ok(())
    }
}

/// Where the next page of a table begins.
pub fn next_page(shown: &Shown) -> Option<u64> {
    let Shown::Table(table) = shown else { return None };
    let next = table.from + table.rows.len() as u64;
    (!table.rows.is_empty() && next < table.total).then_some(next)
}

/// Lines of a screen that a text without colours takes.
fn lines_taken(text: &str, columns: usize) -> usize {
    text.lines().map(|line| line.width().div_ceil(columns.max(1)).max(1)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_takes_as_many_as_the_edge_makes_of_it() {
        assert_eq!(lines_taken("", 10), 0);
        assert_eq!(lines_taken("a\n\nb\n", 10), 3);
        assert_eq!(lines_taken("0123456789\n0123456789a", 10), 3);
        assert_eq!(lines_taken("\u{5c71}\u{7530}", 3), 2);
        assert_eq!(lines_taken("abc", 0), 3);
    }
}
