//! What a comparison tells a person.

use crate::domain::roster_change::{Change, ChangeKind, Difference, Incoming, Place, Rejected, RowKind};
use crate::store::near_names::NearNames;

/// More warnings than this are counted and not written out.
const WARNINGS_MAX: usize = 100;

/// Looking for near names reads all names. So many are read in all, which is enough for every slip in a
/// school's files and a handful in those of a large company, and then no more.
const NAMES_READ_MAX: usize = 500_000;

pub(super) struct Report {
    difference: Difference,
    warnings_more: usize,
    names_left: usize,
}

impl Report {
    /// Starts with what the files' reader had to say already.
    pub fn new(incoming: &Incoming) -> Self {
        let (rejected, warnings) = (incoming.rejected.clone(), incoming.warnings.clone());
        let difference = Difference { rejected, warnings, ..Difference::default() };
        Self { difference, warnings_more: 0, names_left: NAMES_READ_MAX }
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
        if self.names_left == 0 {
            return String::new();
        }
        let mut near = NearNames::new(wanted);
        for name in names() {
            self.names_left = self.names_left.saturating_sub(1);
            near.offer(name);
        }
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
