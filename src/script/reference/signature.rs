//! What a function looks like where it is called.

use crate::script::api;
use crate::script::catalog::{Entry, EntryKind};

/// As a script writes it: `selection.where(closure: closure) -> Selection`.
pub fn signature(entry: &Entry) -> String {
    let returns = if entry.returns == "()" { String::new() } else { format!(" -> {}", entry.returns) };
    let object = object(entry);
    match entry.kind {
        EntryKind::Field => format!("{object}.{}{returns}", entry.name),
        EntryKind::Index => {
            let index = entry.params.get(1).map(|(name, kind)| format!("{name}: {kind}")).unwrap_or_default();
            format!("{object}[{index}]{returns}")
        }
        EntryKind::Operator => {
            let kinds: Vec<&str> = entry.params.iter().map(|(_, kind)| kind.as_str()).collect();
            format!("{}{returns}", kinds.join(&format!(" {} ", entry.name)))
        }
        EntryKind::Function if entry.is_method() => format!("{object}.{}{returns}", entry.call_form(true)),
        EntryKind::Function => format!("{}{returns}", entry.call_form(false)),
    }
}

/// What it is called, without arguments: `selection.where`, `days`, `groups[…]`, `time operators`.
pub fn title(entry: &Entry) -> String {
    match entry.kind {
        EntryKind::Field => format!("{}.{}", object(entry), entry.name),
        EntryKind::Index => format!("{}[…]", object(entry)),
        EntryKind::Operator => format!("{} operators", object(entry)),
        EntryKind::Function if entry.is_method() => format!("{}.{}", object(entry), entry.name),
        EntryKind::Function => entry.name.clone(),
    }
}

fn object(entry: &Entry) -> String {
    entry.params.first().map(|(_, kind)| variable(kind)).unwrap_or_default()
}

/// What the object of a method is called: the global of that type, or the type's name, as scripts write it.
pub fn variable(kind: &str) -> String {
    if kind == "TestSite" {
        return "site".to_owned();
    }
    let globals: Vec<&str> = api::GLOBALS.iter().filter(|(_, k, _)| *k == kind).map(|(name, ..)| *name).collect();
    match globals.as_slice() {
        [one] => (*one).to_owned(),
        _ => kind.to_lowercase(),
    }
}
