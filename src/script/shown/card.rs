//! Info cards: what is known of one thing, a line for each.

use rhai::Dynamic;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use crate::script::problem::RhaiResultOf;
use crate::script::run_context::Run;

/// What is known of one thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Card {
    /// Nothing for a map.
    pub title: String,
    pub lines: Vec<Line>,
}

/// A line of a card.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// How many levels it is inside of something else.
    pub depth: usize,
    /// Nothing where the value says what it is.
    pub label: String,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    Text(String),
    /// Several that a person reads one by one: groups, devices.
    List(Vec<String>),
    /// How a whole is shared out, as a bar.
    Bar(Vec<Share>),
}

/// A part of a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    pub name: String,
    pub count: u64,
}

impl Card {
    /// How wide the labels are; one that is much longer than the others hangs over.
    #[must_use]
    pub fn label_width(&self) -> usize {
        self.lines.iter().map(|line| line.label.width()).filter(|width| *width <= LABEL_MAX).max().unwrap_or(0)
    }
}

/// A label that is longer than this does not move the values of the others.
const LABEL_MAX: usize = 24;

/// The value as a card, where it has one.
///
/// # Errors
/// The roster's.
pub fn of(_run: &Run, _value: &Dynamic) -> RhaiResultOf<Option<Card>> {
    Ok(None)
}
