//! Maps, and arrays of what differs: a line for each entry, inner ones further in.

use rhai::{Array, Dynamic, Map};

use super::card::{Card, Line, Value};
use super::field::cell;
use crate::script::run_context::Run;
use crate::script::values::{Attributes, unshared};

/// Deeper ones stand on one line.
const DEPTH_MAX: usize = 16;
/// More lines than anybody reads.
const LINES_MAX: usize = 1_000;

/// The value as a card without a title, where it has entries.
pub fn of(run: &Run, value: &Dynamic) -> Option<Card> {
    let mut card = Card::default();
    if let Some(attributes) = value.read_lock::<Attributes>() {
        for (key, text) in &attributes.0.attributes {
            card.lines.push(Line { depth: 0, label: key.clone(), value: Value::Text(text.clone()) });
        }
    } else if is_branch(value) && !is_flat(value) {
        add(run, value, 0, &mut card.lines);
    }
    (!card.lines.is_empty()).then_some(card)
}

/// Whether it has entries of its own.
fn is_branch(value: &Dynamic) -> bool {
    value.read_lock::<Map>().is_some_and(|map| !map.is_empty())
        || value.read_lock::<Array>().is_some_and(|array| !array.is_empty())
}

/// Whether it is an array of plain values, which stands on one line.
fn is_flat(value: &Dynamic) -> bool {
    value.read_lock::<Array>().is_some_and(|array| !array.iter().any(|item| is_branch(&unshared(item))))
}

fn add(run: &Run, value: &Dynamic, depth: usize, lines: &mut Vec<Line>) {
    let entry = |label: &str, value: &Dynamic, lines: &mut Vec<Line>| {
        if lines.len() >= LINES_MAX {
            return false;
        }
        let value = unshared(value);
        if is_branch(&value) && depth < DEPTH_MAX {
            lines.push(Line { depth, label: label.to_owned(), value: Value::Text(String::new()) });
            add(run, &value, depth + 1, lines);
        } else {
            lines.push(Line { depth, label: label.to_owned(), value: Value::Text(cell(&value, run)) });
        }
        true
    };
    if let Some(map) = value.read_lock::<Map>() {
        for (key, value) in map.iter() {
            if !entry(key, value, lines) {
                return;
            }
        }
    } else if let Some(array) = value.read_lock::<Array>() {
        for (n, value) in array.iter().enumerate() {
            if !entry(&n.to_string(), value, lines) {
                return;
            }
        }
    }
}
