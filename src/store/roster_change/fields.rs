//! Comparing one row's cells with what the roster holds.

use crate::domain::roster_change::Cell;

/// The fields of one row that differ: name, before, after.
#[derive(Default)]
pub(super) struct Fields(Vec<(String, String, String)>);

impl Fields {
    /// An optional text: what it will be. An empty cell takes the value away, an absent column leaves it.
    pub fn optional<'v>(&mut self, name: &str, held: Option<&'v str>, cell: &'v Cell<String>) -> Option<&'v str> {
        let Some(given) = given(cell) else { return held };
        if given != held {
            self.push(name, held.unwrap_or_default(), given.unwrap_or_default());
        }
        given
    }

    /// A text that is always there.
    pub fn required<'v>(&mut self, name: &str, held: &'v str, given: Option<&'v str>) -> &'v str {
        let Some(given) = given.filter(|text| !text.is_empty()) else { return held };
        if given != held {
            self.push(name, held, given);
        }
        given
    }

    pub fn yes_or_no(&mut self, name: &str, held: bool, given: Option<bool>) -> bool {
        let Some(given) = given else { return held };
        if given != held {
            self.push(name, word(held), word(given));
        }
        given
    }

    pub fn push(&mut self, name: &str, before: &str, after: &str) {
        self.0.push((name.to_owned(), before.to_owned(), after.to_owned()));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn into_changed(self) -> Vec<(String, String, String)> {
        self.0
    }
}

/// What a cell says about an optional text; an empty text is none.
pub(super) fn given(cell: &Cell<String>) -> Option<Option<&str>> {
    cell.as_ref().map(|value| value.as_deref().filter(|text| !text.is_empty()))
}

fn word(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
