//! The API reference as Markdown, made from the functions' own comments. Nothing is written twice.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::api;
use super::catalog::{Catalog, Entry, EntryKind};

/// The whole page.
pub fn markdown(catalog: &Catalog) -> String {
    let mut page = String::from(
        "# Script reference\n\nMade by `beckon docs` from the program itself. What changes the world when the run commits is marked **effect**.\n\n## Globals\n\n",
    );
    for (name, kind, purpose) in api::GLOBALS {
        let _ = writeln!(page, "- `{name}`: [{kind}](#{}), {purpose}", kind.to_lowercase());
    }
    let ours: Vec<&Entry> = catalog.entries().iter().filter(|e| !e.standard).collect();
    section(&mut page, "Functions", "", &ours, |e| e.kind == EntryKind::Function && !e.is_method());
    for kind in catalog.types() {
        section(&mut page, &kind.name, &kind.doc, &ours, |e| {
            e.params.first().is_some_and(|(_, first)| *first == kind.name) && !matches!(e.name.as_str(), "to_debug")
        });
    }
    page
}

fn section(page: &mut String, title: &str, doc: &str, entries: &[&Entry], belongs: impl Fn(&Entry) -> bool) {
    let _ = writeln!(page, "\n## {title}\n");
    if !doc.is_empty() {
        let _ = writeln!(page, "{doc}\n");
    }
    let mine: Vec<&&Entry> = entries.iter().filter(|e| belongs(e)).collect();
    let mut fields: Vec<&&&Entry> = mine.iter().filter(|e| e.kind == EntryKind::Field).collect();
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    if !fields.is_empty() {
        page.push_str("| field | type | is |\n|---|---|---|\n");
        for field in fields {
            let first = Doc::of(&field.doc).text.replace('\n', " ").replace('|', "\\|");
            let _ = writeln!(page, "| `.{}` | {} | {first} |", field.name, field.returns);
        }
        page.push('\n');
    }
    // Forms of one function stand together.
    let mut functions: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in mine.iter().filter(|e| e.kind != EntryKind::Field) {
        functions.entry(entry.name.as_str()).or_default().push(entry);
    }
    for forms in functions.values_mut() {
        // The engine keeps overloads in no order of their own.
        forms.sort_by_key(|e| (e.params.len(), signature(e)));
        for entry in forms.iter() {
            function(page, entry);
        }
    }
}

fn function(page: &mut String, entry: &Entry) {
    let doc = Doc::of(&entry.doc);
    let effect = doc.effect.map(|e| format!(" **effect: {e}**")).unwrap_or_default();
    let _ = writeln!(page, "### `{}`{effect}\n", signature(entry));
    if !doc.text.is_empty() {
        let _ = writeln!(page, "{}\n", doc.text);
    }
    if let Some(same) = doc.options.and_then(|o| o.strip_prefix("As ")) {
        let _ = writeln!(page, "The options are those of {same}\n");
    } else if !entry.options.is_empty() {
        page.push_str("| option | type | is |\n|---|---|---|\n");
        for option in &entry.options {
            let _ = writeln!(page, "| `{}` | {} | {} |", option.path, option.kind, option.meaning.replace('|', "\\|"));
        }
        page.push('\n');
    }
    if let Some(throws) = doc.throws {
        let _ = writeln!(page, "Throws {throws}\n");
    }
    if let Some(example) = doc.example {
        let _ = writeln!(page, "```rhai\n{example}\n```\n");
    }
}

/// As a script writes it: `selection.where(closure: closure) -> Selection`.
pub fn signature(entry: &Entry) -> String {
    let returns = if entry.returns == "()" { String::new() } else { format!(" -> {}", entry.returns) };
    let object = entry.params.first().map(|(_, kind)| variable(kind)).unwrap_or_default();
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

/// What the object of a method is called: the global of that type, or the type's name.
pub fn variable(kind: &str) -> String {
    let globals: Vec<&str> = api::GLOBALS.iter().filter(|(_, k, _)| *k == kind).map(|(name, ..)| *name).collect();
    match globals.as_slice() {
        [one] => (*one).to_owned(),
        _ => kind.to_lowercase(),
    }
}

/// The parts of a doc comment.
pub struct Doc<'a> {
    pub text: &'a str,
    pub throws: Option<&'a str>,
    pub effect: Option<&'a str>,
    pub options: Option<&'a str>,
    pub example: Option<&'a str>,
}

impl<'a> Doc<'a> {
    pub fn of(doc: &'a str) -> Self {
        let part = |title: &str| {
            let start = doc.find(&format!("# {title}\n"))?;
            let body = doc.get(start + title.len() + 3..)?;
            let end = body.find("\n# ").unwrap_or(body.len());
            body.get(..end).map(str::trim)
        };
        let text = doc.get(..doc.find("# ").unwrap_or(doc.len())).unwrap_or(doc).trim();
        let example = part("Example").map(|e| e.trim_start_matches("```").trim_end_matches("```").trim());
        Self { text, throws: part("Throws"), effect: part("Effect"), options: part("Options"), example }
    }
}
