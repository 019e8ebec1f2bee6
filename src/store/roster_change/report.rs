//! What a comparison tells a person.

use crate::domain::roster_change::{Change, ChangeKind, Difference, Place, Rejected, RowKind};
use crate::store::near_names::NearNames;

/// More warnings than this are counted and not written out.
const WARNINGS_MAX: usize = 100;

/// Looking for near names reads all names: it is done for so many unknown ones and then no more.
const NEAR_NAMES_MAX: usize = 20;

pub(super) struct Report {
    difference: Difference,
    warnings_more: usize,
    near_names_left: usize,
}

impl Report {
    pub fn new(rejected: &[Rejected]) -> Self {
        let difference = Difference { rejected: rejected.to_vec(), ..Difference::default() };
        Self { difference, warnings_more: 0, near_names_left: NEAR_NAMES_MAX }
    }

    pub fn change(&mut self, kind: RowKind, name: impl Into<String>, what: ChangeKind) {
        self.difference.changes.push(Change { kind, name: name.into(), what });
    }

    pub fn reject(&mut self, place: &Place, about: &str, reason: String) {
        self.difference.rejected.push(Rejected { place: place.clone(), about: about.to_owned(), reason });
    }

    pub fn warn(&mut self, words: String) {
        if self.difference.warnings.len() < WARNINGS_MAX {
            self.difference.warnings.push(words);
        } else {
            self.warnings_more += 1;
        }
    }

    /// ` (did you mean "Grade 5"?)`, or nothing.
    pub fn did_you_mean<'n, N: Iterator<Item = &'n str>>(&mut self, wanted: &str, names: impl FnOnce() -> N) -> String {
        if self.near_names_left == 0 {
            return String::new();
        }
        self.near_names_left -= 1;
        let mut near = NearNames::new(wanted);
        names().for_each(|name| near.offer(name));
        near.into_names().first().map_or_else(String::new, |name| format!(" (did you mean \"{name}\"?)"))
    }

    pub fn into_difference(mut self) -> Difference {
        if self.warnings_more > 0 {
            self.difference.warnings.push(format!("and {} more warnings like these", self.warnings_more));
        }
        self.difference
    }
}

/// `students.csv, line 12`; what there is of it.
pub(super) fn shown(place: &Place) -> String {
    match (place.file.as_str(), place.line) {
        ("", 0) => "another row".to_owned(),
        (file, 0) => file.to_owned(),
        ("", line) => format!("line {line}"),
        (file, line) => format!("{file}, line {line}"),
    }
}

/// Why the second of two rows about one thing is not taken.
pub(super) fn twice(noun: &str, name: &str, first: &Place) -> String {
    format!("the {noun} \"{name}\" stands already in {}", shown(first))
}
