//! What a name of the API is and does, in a few lines for a person at a prompt.

use std::collections::BTreeSet;

use super::api;
use super::catalog::{Catalog, Entry, EntryKind};
use super::names::did_you_mean;
use super::problem::Problem;
use super::reference::{Doc, signature, variable};

/// `""`: what there is to begin with. `users`, `Selection`, `where`, `users.where`, `invite.plan`.
///
/// # Errors
/// `unknown_name`, with the nearest.
pub fn describe(catalog: &Catalog, name: &str) -> Result<String, Problem> {
    let name = name.trim().trim_end_matches("()");
    if name.is_empty() {
        return Ok(overview(catalog));
    }
    let (object, member) = match name.rsplit_once('.') {
        Some((object, member)) => (Some(object), member),
        None => (None, name),
    };
    if object.is_none()
        && let Some((_, kind, purpose)) = api::GLOBALS.iter().find(|(global, ..)| *global == name)
    {
        return Ok(format!("{name}: {kind}, {purpose}\n{}", of_type(catalog, kind)));
    }
    if object.is_none() && catalog.types().iter().any(|t| t.name == name) {
        return Ok(of_type(catalog, name));
    }
    let mut found: Vec<&Entry> = catalog.entries().iter().filter(|entry| entry.name == member && is_named(entry)).collect();
    if let Some(object) = object {
        found.retain(|entry| {
            entry.params.first().is_some_and(|(_, kind)| kind == object || variable(kind) == object || is_global(object, kind))
        });
    }
    // The API's own first: the language has functions of the same names.
    if found.iter().any(|entry| !entry.standard) {
        found.retain(|entry| !entry.standard);
    }
    found.sort_by_key(|entry| (entry.params.len(), signature(entry)));
    if found.is_empty() {
        return Err(unknown(catalog, name, member));
    }
    Ok(found.into_iter().map(one).collect::<Vec<_>>().join("\n\n"))
}

fn is_global(object: &str, kind: &str) -> bool {
    api::GLOBALS.iter().any(|(global, of, _)| *global == object && *of == kind)
}

fn is_named(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Function | EntryKind::Field) && !matches!(entry.name.as_str(), "to_string" | "to_debug")
}

fn unknown(catalog: &Catalog, name: &str, member: &str) -> Problem {
    let globals = api::GLOBALS.iter().map(|(global, ..)| *global);
    let types = catalog.types().iter().map(|t| t.name.as_str());
    let entries = catalog.entries().iter().filter(|entry| is_named(entry)).map(|entry| entry.name.as_str());
    let problem = Problem::new("unknown_name", format!("there is nothing called {name:?}")).about(name);
    problem.hint("`help()` shows what there is").maybe_hint(did_you_mean(member, globals.chain(types).chain(entries)))
}

fn overview(catalog: &Catalog) -> String {
    let mut text = String::new();
    for (name, _, purpose) in api::GLOBALS {
        text.push_str(&format!("{name:<10} {purpose}\n"));
    }
    let free = |entry: &&Entry| !entry.standard && entry.kind == EntryKind::Function && !entry.is_method();
    let functions: BTreeSet<&str> = catalog.entries().iter().filter(free).map(|entry| entry.name.as_str()).collect();
    let functions: Vec<&str> = functions.into_iter().collect();
    text.push_str(&format!("functions: {}\n", functions.join(", ")));
    text.push_str("help(\"users\"), help(\"where\"), help(\"invite.plan\") tell of each");
    text
}

/// A type's purpose, and the names that it has.
fn of_type(catalog: &Catalog, kind: &str) -> String {
    let mut text = catalog.types().iter().find(|t| t.name == kind).map(|t| format!("{}\n", t.doc)).unwrap_or_default();
    for (title, of) in [("fields", EntryKind::Field), ("functions", EntryKind::Function)] {
        let mine =
            |entry: &&Entry| entry.kind == of && is_named(entry) && entry.params.first().is_some_and(|(_, first)| first == kind);
        let names: BTreeSet<&str> = catalog.entries().iter().filter(mine).map(|entry| entry.name.as_str()).collect();
        if !names.is_empty() {
            text.push_str(&format!("{title}: {}\n", names.into_iter().collect::<Vec<_>>().join(", ")));
        }
    }
    text.trim_end().to_owned()
}

/// One function or field: how it is written, what it does, what it can cause.
fn one(entry: &Entry) -> String {
    let doc = Doc::of(&entry.doc);
    let mut text = signature(entry);
    for line in doc.text.lines() {
        text.push_str(&format!("\n  {line}"));
    }
    for option in &entry.options {
        text.push_str(&format!("\n  option {}: {}, {}", option.path, option.kind, option.meaning));
    }
    if let Some(throws) = doc.throws {
        text.push_str(&format!("\n  throws {}", throws.replace('\n', " ")));
    }
    if entry.kind == EntryKind::Function && !entry.standard {
        let effect = doc.effect.map_or("changes nothing", |effect| effect);
        let effect = if doc.effect.is_some() { format!("effect: {effect}, when the run commits") } else { effect.to_owned() };
        text.push_str(&format!("\n  {effect}"));
    }
    for line in doc.example.unwrap_or_default().lines() {
        text.push_str(&format!("\n    {line}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::script::testing::{host, trial};

    #[test]
    fn a_name_is_described_by_what_it_is() {
        let says = |name: &str, words: &[&str]| {
            let text = host().describe(name).unwrap();
            words.iter().for_each(|word| assert!(text.contains(word), "{name}: {text}"));
        };
        says("", &["users      all users", "functions: ", "days"]);
        says("users", &["users: Selection, all users", "functions: ", "where"]);
        says("where", &["selection.where(closure: closure) -> Selection", "changes nothing", "let late = "]);
        says("users.where", &["selection.where("]);
        says("invite.plan", &["invite.plan(", "-> Plan"]);
        says("plan.send", &["effect: invite", "option remind"]);
        says("User.username", &["user.username"]);
        says("days()", &["days("]);
        assert_eq!(host().describe("user.wehre").unwrap_err(), "there is nothing called \"user.wehre\"; did you mean \"where\"?");
    }

    #[test]
    fn a_script_prints_it() {
        assert!(trial("help(\"days\")").output().starts_with("days("));
        assert!(trial("help()").output().contains("help(\"users\")"));
        assert!(trial("help(\"dayz\")").error().starts_with("error: there is nothing called \"dayz\""));
    }
}
