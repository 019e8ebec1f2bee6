//! A value in a few words, without reading anything for it that has many rows.

use rhai::{Dynamic, FnPtr};

use crate::domain::invite_plan::counted;
use crate::script::explain::clipped;
use crate::script::options::type_word;
use crate::script::run_context::Run;
use crate::script::selection::Selection;
use crate::script::shown;
use crate::script::sources::ANONYMOUS;
use crate::script::values::{noun, unshared};

const CHARACTERS: usize = 100;
const ITEMS: usize = 5;
const LEVELS: usize = 3;

/// One line for a variable.
pub fn brief(run: &Run, value: &Dynamic) -> String {
    at_level(run, value, LEVELS)
}

fn at_level(run: &Run, value: &Dynamic, levels: usize) -> String {
    let value = unshared(value);
    if let Some(selection) = value.read_lock::<Selection>() {
        return format!("a selection of {}s", noun(selection.of()));
    }
    if let Some(function) = value.read_lock::<FnPtr>() {
        let name = function.fn_name();
        return if name.starts_with(ANONYMOUS) { "a closure".to_owned() } else { format!("the function {name}") };
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return format!("{:?}", clipped(text.to_string(), CHARACTERS));
    }
    if let Ok(items) = value.as_array_ref() {
        let shown = items.iter().map(|item| if levels > 0 { at_level(run, item, levels - 1) } else { "…".to_owned() });
        return listed("[", shown, items.len(), "item", "]");
    }
    if let Ok(map) = value.as_map_ref() {
        let shown = map.iter().map(|(key, value)| match levels {
            0 => format!("{key}: …"),
            _ => format!("{key}: {}", at_level(run, value, levels - 1)),
        });
        return listed("#{", shown, map.len(), "key", "}");
    }
    if value.is_unit() {
        return "()".to_owned();
    }
    let kind = type_word(&value);
    match shown::printed(run, &value) {
        Ok(Some(text)) => clipped(text.lines().next().unwrap_or_default().to_owned(), CHARACTERS),
        Ok(None) | Err(_) => kind,
    }
}

fn listed(open: &str, shown: impl Iterator<Item = String>, count: usize, noun: &str, close: &str) -> String {
    let mut text = shown.take(ITEMS).collect::<Vec<_>>().join(", ");
    let is_clipped = text.chars().count() > CHARACTERS;
    if is_clipped {
        text = clipped(text, CHARACTERS);
    } else if count > ITEMS {
        text.push_str(", …");
    }
    let more = if is_clipped || count > ITEMS { format!(" ({})", counted(count, noun)) } else { String::new() };
    format!("{open}{text}{close}{more}")
}
