//! Info cards: what is known of one thing, a line for each.

use std::fmt::Write as _;

use rhai::Dynamic;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::bar::{ASCII, Bar};
use super::field::{Getters, Kind, cell};
use super::{device, group, user};
use crate::domain::time::show;
use crate::domain::words::visible;
use crate::script::api::schedule::Schedule;
use crate::script::problem::RhaiResultOf;
use crate::script::run_context::Run;
use crate::script::values::{Device, Group, User};

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
    Bar(Bar),
}

/// Labels of info cards are at least so wide, so that cards under each other line up.
const LABEL_MIN: usize = 11;
/// A label that is longer than this does not move the values of the others.
const LABEL_MAX: usize = 24;
/// How long the bar of a printed card is.
const BAR_WIDTH: usize = 40;
/// How many of a schedule's next times are shown.
const TIMES: usize = 3;

impl Card {
    /// A card with nothing on it yet.
    #[must_use]
    pub fn titled(title: String) -> Self {
        Self { title, lines: Vec::new() }
    }

    /// Adds a line.
    pub fn add(&mut self, label: &str, value: Value) {
        self.lines.push(Line { depth: 0, label: label.to_owned(), value });
    }

    /// Adds a line of text.
    pub fn text_line(&mut self, label: &str, text: &str) {
        self.add(label, Value::Text(text.to_owned()));
    }

    /// Adds of when it is, where that is not now.
    pub fn as_of(&mut self, run: &Run) {
        if let Some(when) = run.as_of() {
            self.text_line("as of", &show(when, run.site.zone));
        }
    }

    /// Adds a line that lists, or says that there is none.
    pub fn list(&mut self, label: &str, items: impl Iterator<Item = String>) {
        let items: Vec<String> = items.collect();
        self.add(label, if items.is_empty() { Value::Text("none".to_owned()) } else { Value::List(items) });
    }

    /// How wide the labels are; one that is much longer than the others hangs over.
    #[must_use]
    pub fn label_width(&self) -> usize {
        let least = if self.title.is_empty() { 0 } else { LABEL_MIN };
        self.lines.iter().map(|line| line.label.width()).filter(|width| *width <= LABEL_MAX).max().unwrap_or(0).max(least)
    }

    /// As `print` shows it: however wide it becomes, without colours. No final newline.
    #[must_use]
    pub fn text(&self) -> String {
        let labels = self.label_width();
        let mut text = self.title.clone();
        for line in &self.lines {
            let indent = "  ".repeat(line.depth + usize::from(!self.title.is_empty()));
            let words = match &line.value {
                Value::Text(words) => words.clone(),
                Value::List(items) => items.join(", "),
                Value::Bar(bar) => format!("[{}]\n{indent}{}", bar.drawn(BAR_WIDTH, &ASCII), bar.legend(&ASCII)),
            };
            let missing = (labels + 2).saturating_sub(line.label.width());
            let label = if line.label.is_empty() { String::new() } else { format!("{}{}", line.label, " ".repeat(missing)) };
            let _ = write!(text, "{}{indent}{label}{words}", if text.is_empty() { "" } else { "\n" });
        }
        text.chars().map(|c| if c == '\n' { c } else { visible(c) }).collect::<String>().replace('\u{a0}', " ")
    }
}

/// The value as a card, where it has one.
///
/// # Errors
/// The roster's.
pub fn of(run: &Run, value: &Dynamic) -> RhaiResultOf<Option<Card>> {
    if let Some(user) = value.read_lock::<User>() {
        return Ok(Some(user::card(run, &user)?));
    }
    if let Some(device) = value.read_lock::<Device>() {
        return Ok(Some(device::card(run, &device)?));
    }
    if let Some(group) = value.read_lock::<Group>() {
        return Ok(Some(group::card(run, &group)?));
    }
    Kind::of(value).map(|kind| of_fields(run, kind, value.clone())).transpose()
}

/// A line for each field of something that has no card of its own making.
fn of_fields(run: &Run, kind: Kind, mut value: Dynamic) -> RhaiResultOf<Card> {
    let getters = Getters::new(run)?;
    let mut card = Card::default();
    for field in kind.columns() {
        let text = cell(&getters.get(&mut value, field.name)?, run);
        if field.rank == 0 {
            card.title = text;
        } else if !text.is_empty() {
            card.text_line(field.heading, &text);
        }
    }
    if let Some(schedule) = value.read_lock::<Schedule>() {
        let next = schedule.next(run, TIMES);
        card.list("next", next.into_iter().map(|at| show(at, run.site.zone)));
    }
    Ok(card)
}
