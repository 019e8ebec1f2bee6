//! The book put together: globals, functions and types from the catalogue, modules from the standard
//! library, chapters from their files.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Book, Doc, EDITORS, Field, Form, Item, Key, Part, Section, library, signature};
use crate::domain::limits::ScriptLimits;
use crate::script::api;
use crate::script::catalog::{Catalog, Entry, EntryKind};
use crate::script::explain::grouped;
use crate::script::limits;
use crate::script::option_key::OptionKey;

impl Book {
    /// Everything that the catalogue, the library and the chapters have.
    pub fn of(catalog: &Catalog) -> Self {
        let ours: Vec<&Entry> = catalog.entries().iter().filter(|e| !e.standard).collect();
        let mut sections = vec![globals(), section("Functions", "", &ours, |e| e.kind == EntryKind::Function && !e.is_method())];
        for kind in catalog.types() {
            sections.push(section(&kind.name, &kind.doc, &ours, |e| {
                e.params.first().is_some_and(|(_, first)| *first == kind.name) && e.name != "to_debug"
            }));
        }
        sections.extend(library::sections(catalog));
        sections.push(chapter("language", "The language in short", include_str!("chapters/language.md")));
        sections.push(chapter("builtin", "What the language brings", &builtin(catalog)));
        sections.push(chapter("tests", "Script tests", include_str!("chapters/tests.md")));
        sections.push(chapter("errors", "Errors", include_str!("chapters/errors.md")));
        sections.push(chapter("limits", "Limits", &limits_chapter()));
        sections.push(chapter("editors", "Setting up an editor", EDITORS));
        Self { sections }
    }
}

fn globals() -> Section {
    let mut text = String::new();
    for (name, kind, purpose) in api::GLOBALS {
        let _ = writeln!(text, "- `{name}`: [{kind}](#{}), {purpose}", kind.to_lowercase());
    }
    Section::chapter(Part::Api, "globals", "Globals", text)
}

/// A chapter that explains.
pub fn chapter(id: &str, title: &str, text: &str) -> Section {
    Section::chapter(Part::Writing, id, title, text.to_owned())
}

fn section(title: &str, doc: &str, entries: &[&Entry], belongs: impl Fn(&Entry) -> bool) -> Section {
    let id = title.to_lowercase();
    let mine: Vec<&&Entry> = entries.iter().filter(|e| belongs(e)).collect();
    let mut fields: Vec<Field> = mine.iter().filter(|e| e.kind == EntryKind::Field).map(|e| field(&id, e)).collect();
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    // Forms of one function stand together; operators do, too.
    let mut functions: BTreeMap<(bool, &str), Vec<&Entry>> = BTreeMap::new();
    for entry in mine.iter().filter(|e| e.kind != EntryKind::Field) {
        let operator = entry.kind == EntryKind::Operator;
        let name = if operator { "operators" } else { entry.name.as_str() };
        functions.entry((operator, name)).or_default().push(entry);
    }
    let items = functions.into_values().filter_map(|forms| item(&id, forms)).collect();
    Section { id, title: title.to_owned(), part: Part::Api, text: doc.to_owned(), fields, items }
}

fn field(section: &str, entry: &Entry) -> Field {
    Field {
        id: format!("{section}.{}", entry.name),
        name: entry.name.clone(),
        kind: entry.returns.clone(),
        text: Doc::of(&entry.doc).text.replace('\n', " "),
    }
}

fn item(section: &str, mut forms: Vec<&Entry>) -> Option<Item> {
    // The engine keeps overloads in no order of their own.
    forms.sort_by_key(|e| (e.params.len(), signature(e)));
    let first = forms.first()?;
    let name = match first.kind {
        EntryKind::Operator => "operators",
        EntryKind::Index => "index",
        _ => first.name.as_str(),
    };
    let id = if section == "functions" { name.to_owned() } else { format!("{section}.{name}") };
    let title = signature::title(first);
    let forms = forms.iter().map(|entry| form(&id, signature(entry), &entry.doc, &entry.options)).collect();
    Some(Item { id, title, forms })
}

/// A form from its doc comment.
pub fn form(id: &str, signature: String, comment: &str, options: &[OptionKey]) -> Form {
    let doc = Doc::of(comment);
    let mut text = doc.text.to_owned();
    // Options that another function explains are not explained again.
    let same = doc.options.and_then(|o| o.strip_prefix("As "));
    if let Some(same) = same {
        let _ = write!(text, "\n\nThe options are those of {same}");
    }
    let own = if same.is_some() { &[] } else { options };
    let key = |key: &OptionKey| Key {
        id: format!("{id}:{}", key.path),
        name: key.path.clone(),
        kind: key.kind.clone(),
        text: key.meaning.clone(),
    };
    Form {
        signature,
        effect: (!doc.effects.is_empty()).then(|| doc.effects.join(", ")),
        text,
        throws: doc.throws.map(str::to_owned),
        options: own.iter().map(key).collect(),
        example: doc.example.map(str::to_owned),
    }
}

/// The functions that come with the language, a table for each type that they are called on.
fn builtin(catalog: &Catalog) -> String {
    let mut kinds: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    let functions = catalog.entries().iter().filter(|e| {
        e.standard && e.kind == EntryKind::Function && e.name.starts_with(|c: char| c.is_ascii_lowercase()) && !e.doc.is_empty()
    });
    for entry in functions {
        let kind = match entry.params.first() {
            Some((_, kind)) if BUILTIN.iter().any(|(known, _)| known == kind) => kind.as_str(),
            _ => continue,
        };
        let names: Vec<&str> = entry.params.iter().skip(1).map(|(name, _)| name.as_str()).collect();
        let form = format!("{}({})", entry.name, names.join(", "));
        let said = Doc::of(&entry.doc).text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        let known = kinds.entry(kind).or_default().entry(form).or_insert_with(|| said.clone());
        // The engine keeps overloads in no order of their own: of their words, the same ones each time.
        if said < *known {
            *known = said;
        }
    }
    let mut text = String::from(
        "Values of the language have functions, too. They are called on the value: `\"Ana\".to_upper()`. Those that \
         change a value change the variable that holds it.\n",
    );
    for (kind, title) in BUILTIN {
        let Some(functions) = kinds.get(kind) else { continue };
        let _ = writeln!(text, "\n### {title}\n\n| function | does |\n|---|---|");
        for (form, said) in functions {
            let _ = writeln!(text, "| `{form}` | {} |", said.replace('|', "\\|"));
        }
    }
    text
}

/// The language's own types in the order in which a script meets them.
const BUILTIN: &[(&str, &str)] = &[
    ("string", "Texts"),
    ("array", "Arrays"),
    ("map", "Maps"),
    ("int", "Whole numbers"),
    ("float", "Numbers with a fraction"),
    ("char", "Characters"),
    ("closure", "Closures"),
    ("range", "Ranges"),
];

/// The chapter with the figures that hold.
fn limits_chapter() -> String {
    let script = ScriptLimits::default();
    let figures = [
        ("OPERATIONS", grouped(script.operations)),
        ("SECONDS", script.seconds.to_string()),
        ("MEMORY", format!("{} MB", script.memory_bytes / 1_000_000)),
        ("STRING", grouped(limits::STRING_BYTES as u64)),
        ("ARRAY", grouped(limits::ARRAY_ITEMS as u64)),
        ("MAP", grouped(limits::MAP_ITEMS as u64)),
        ("CALLS", limits::CALL_LEVELS.to_string()),
        ("EXPRESSION", limits::EXPRESSION_LEVELS.to_string()),
        ("VARIABLES", grouped(limits::VARIABLES as u64)),
        ("FUNCTIONS", grouped(limits::FUNCTIONS as u64)),
        ("MODULES", limits::MODULES.to_string()),
        ("SOURCE", grouped(limits::SOURCE_BYTES as u64)),
        ("OUTPUT", grouped(limits::OUTPUT_BYTES as u64)),
        ("INTENTS", grouped(limits::INTENTS as u64)),
        ("LINES", grouped(limits::LOG_LINES as u64)),
        ("PARAMS", limits::PARAMS.to_string()),
        ("LEFTOVER", grouped(limits::LEFTOVER_ROWS)),
    ];
    let text = include_str!("chapters/limits.md").to_owned();
    figures.iter().fold(text, |text, (name, figure)| text.replace(&format!("{{{name}}}"), figure))
}
