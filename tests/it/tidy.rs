//! The rules of the house that no compiler knows. A breach names its file and line and says what to do.
//!
//! Which room may see which is in [`rooms`], whether the map is true in [`map`]; everything else is in
//! [`house`]. The text of every file is read by [`source`], so that a rule about code is not upset by a
//! comment, a string or a test.

mod house;
mod map;
mod names;
mod rooms;
mod source;

use std::fmt;

use source::{Source, Tree};

/// One breach of one rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breach {
    pub path: String,
    /// From 1; 0 when it is the whole file.
    pub line: usize,
    pub what: String,
}

impl Breach {
    fn at(source: &Source, line: usize, what: impl Into<String>) -> Self {
        Self { path: source.path.clone(), line, what: what.into() }
    }

    fn of(source: &Source, what: impl Into<String>) -> Self {
        Self::at(source, 0, what)
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// Fails with every breach at once.
fn none(mut breaches: Vec<Breach>) {
    breaches.sort();
    breaches.dedup();
    let list: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{} to mend:\n{}\n", list.len(), list.join("\n"));
}

/// What a rule finds in one file with this text, for the rules' own tests.
fn found_in(path: &str, text: &str, rule: impl Fn(&Tree) -> Vec<Breach>) -> Vec<String> {
    let mut files = vec![(path, text)];
    if path != "src/lib.rs" {
        files.push(("src/lib.rs", "//! All rooms.\npub mod domain; pub mod ports; pub mod store;"));
    }
    rule(&Tree::of(&files)).into_iter().filter(|b| b.path == path).map(|b| b.what).collect()
}

#[test]
fn every_room_looks_only_where_it_may() {
    none(rooms::directions(&Tree::read()));
}

#[test]
fn no_room_reaches_past_its_tools() {
    none(rooms::foreign_crates(&Tree::read()));
}

#[test]
fn every_room_says_what_lives_there() {
    none(house::introductions(&Tree::read()));
}

#[test]
fn files_stay_short_enough_to_read() {
    none(house::lengths(&Tree::read()));
}

#[test]
fn nothing_is_left_unfinished() {
    none(house::unfinished(&Tree::read()));
}

#[test]
fn nothing_outside_of_tests_unwraps() {
    none(house::unwraps(&Tree::read()));
}

#[test]
fn time_and_chance_come_in_through_the_clock_and_seeds() {
    none(house::clocks_and_chance(&Tree::read()));
}

#[test]
fn nobody_sleeps() {
    none(house::sleeps(&Tree::read()));
}

#[test]
fn the_map_of_the_house_is_true() {
    let map = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let map = std::fs::read_to_string(map).expect("the map is readable");
    assert_eq!(map::not_there(&map, &Tree::read()), Vec::<String>::new(), "ARCHITECTURE.md names what is not there");
}
