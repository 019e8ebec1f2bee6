//! Everything that a script can call, read from the API modules' own metadata: for the nearest names
//! in errors, for the static check, and for the reference. Nothing is written twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::Deserialize;

use super::option_key::{self, OptionKey};
use super::reference::{LibraryFunction, library_functions, uncommented};
use super::stdlib;

/// The functions, fields and globals of a script.
pub struct Catalog {
    entries: Vec<Entry>,
    /// Name and type.
    globals: Vec<(String, String)>,
    types: Vec<TypeEntry>,
    /// The functions of the standard library, by module; read when somebody asks.
    library: OnceLock<BTreeMap<&'static str, Vec<LibraryFunction>>>,
}

/// One callable thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub kind: EntryKind,
    pub name: String,
    /// Name and type, the object included.
    pub params: Vec<(String, String)>,
    pub returns: String,
    /// The doc comment, without slashes.
    pub doc: String,
    /// What its map of options knows; empty where it takes none.
    pub options: Vec<OptionKey>,
    /// Comes with the language.
    pub standard: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    Function,
    Field,
    Index,
    Operator,
}

/// A type of the API, with its doc comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeEntry {
    pub name: String,
    pub doc: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    functions: Vec<FunctionMetadata>,
    #[serde(default)]
    custom_types: Vec<TypeMetadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionMetadata {
    name: String,
    #[serde(default)]
    params: Vec<ParamMetadata>,
    #[serde(default)]
    num_params: usize,
    #[serde(default)]
    return_type: String,
    #[serde(default)]
    doc_comments: Vec<String>,
}

#[derive(Deserialize)]
struct ParamMetadata {
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeMetadata {
    display_name: String,
    #[serde(default)]
    doc_comments: Vec<String>,
}

impl Catalog {
    /// From the engine's metadata: of the API, and of the language around it.
    pub fn read(api: &str, language: &str, globals: Vec<(String, String)>) -> Self {
        let ours: Metadata = serde_json::from_str(api).unwrap_or_default();
        let standard: Metadata = serde_json::from_str(language).unwrap_or_default();
        let types = ours
            .custom_types
            .iter()
            .map(|t| TypeEntry { name: t.display_name.clone(), doc: doc(&t.doc_comments) })
            .filter(|t| !t.doc.is_empty())
            .collect();
        // What only the module `testing` calls stands in no reference.
        let inner = |f: &FunctionMetadata| f.name.starts_with("testing_");
        let mut entries: Vec<Entry> = ours.functions.iter().map(|f| entry(f, inner(f))).collect();
        let known: BTreeSet<(String, Vec<String>)> = entries.iter().map(key).collect();
        option_key::share(&mut entries);
        entries.extend(standard.functions.iter().map(|f| entry(f, true)).filter(|e| !known.contains(&key(e))));
        // The engine keeps the forms of one name in no order; whoever reads them should always see the same.
        let mut places = BTreeMap::new();
        for entry in &entries {
            let next = places.len();
            places.entry((entry.kind as u8, entry.name.clone())).or_insert(next);
        }
        entries.sort_by_cached_key(|e| (places.get(&(e.kind as u8, e.name.clone())).copied(), e.params.len(), e.params.clone()));
        Self { entries, globals, types, library: OnceLock::new() }
    }

    pub fn globals(&self) -> impl Iterator<Item = &str> {
        self.globals.iter().map(|(name, _)| name.as_str())
    }

    /// The type of a global.
    pub fn type_of_global(&self, name: &str) -> Option<&str> {
        self.globals.iter().find(|(global, _)| global == name).map(|(_, kind)| kind.as_str())
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn types(&self) -> &[TypeEntry] {
        &self.types
    }

    /// The public functions of a module of the standard library, by name; of another module none.
    pub fn library(&self, module: &str) -> &[LibraryFunction] {
        let read = || stdlib::MODULES.iter().map(|(name, text)| (*name, library_functions(text))).collect();
        self.library.get_or_init(read).get(module).map(Vec::as_slice).unwrap_or_default()
    }

    /// The functions of that name, with or without an object.
    pub fn functions_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.functions().filter(move |e| e.name == name)
    }

    /// What a step on an object of that type can be: a field, a function or an index.
    pub fn members_named<'a>(&'a self, object: &'a str, kind: EntryKind, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |e| e.kind == kind && e.name == name && e.takes_first(object))
    }

    /// What an operator between two types yields.
    pub fn operator(&self, name: &str, left: &str, right: &str) -> Option<&str> {
        let fits = |e: &&Entry| e.kind == EntryKind::Operator && e.name == name;
        let takes = |e: &&Entry| matches!(e.params.as_slice(), [(_, l), (_, r)] if l == left && r == right);
        self.entries.iter().find(|e| fits(e) && takes(e)).map(|e| e.returns.as_str())
    }

    pub fn functions(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|e| e.kind == EntryKind::Function)
    }

    pub fn fields_of(&self, object: &str) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |e| e.kind == EntryKind::Field && !e.standard && e.takes_first(object))
    }
}

impl Entry {
    /// Whether it is called on an object of the API.
    pub fn is_method(&self) -> bool {
        self.params.first().is_some_and(|(_, kind)| kind.starts_with(char::is_uppercase))
    }

    /// Whether its object, or first argument, can be of that type.
    pub fn takes_first(&self, object: &str) -> bool {
        self.params.first().is_some_and(|(_, kind)| kind == object || kind == "any")
    }

    /// `find(username: string)`; a method without its object.
    pub fn call_form(&self, method: bool) -> String {
        let params = if method { self.params.get(1..).unwrap_or_default() } else { &self.params };
        let params: Vec<String> = params.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
        format!("{}({})", self.name, params.join(", "))
    }
}

fn key(entry: &Entry) -> (String, Vec<String>) {
    (entry.name.clone(), entry.params.iter().map(|(_, kind)| kind.clone()).collect())
}

fn entry(function: &FunctionMetadata, standard: bool) -> Entry {
    let (kind, name) = if let Some(field) = function.name.strip_prefix("get$") {
        (EntryKind::Field, field)
    } else if function.name.starts_with("index$") || function.name.starts_with("set$") {
        (EntryKind::Index, function.name.as_str())
    } else if function.name.chars().any(char::is_alphanumeric) {
        (EntryKind::Function, function.name.as_str())
    } else {
        (EntryKind::Operator, function.name.as_str())
    };
    let mut params: Vec<(String, String)> = function
        .params
        .iter()
        .map(|p| {
            let name = p.name.clone().unwrap_or_default();
            (name.trim_start_matches('_').to_owned(), script_type(p.kind.as_deref().unwrap_or("?")))
        })
        .collect();
    let doc = doc(&function.doc_comments);
    params.resize_with(function.num_params.max(params.len()), || ("value".to_owned(), "any".to_owned()));
    Entry {
        kind,
        name: name.to_owned(),
        params,
        returns: script_type(&function.return_type),
        options: option_key::read(&doc),
        doc,
        standard,
    }
}

fn doc(comments: &[String]) -> String {
    uncommented(comments.iter().map(String::as_str))
}

/// A Rust or engine type as scripts know it.
pub fn script_type(name: &str) -> String {
    let name = name.trim().trim_start_matches("&mut ").trim_start_matches('&').trim();
    if let Some(inner) = name.strip_prefix("RhaiResultOf<").and_then(|n| n.strip_suffix('>')) {
        return script_type(inner);
    }
    if let Some(inner) = name.strip_prefix("Result<") {
        return script_type(inner.split(", Box<").next().unwrap_or(inner));
    }
    if name.contains(" | ") {
        return script_type(name.split(" | ").next().unwrap_or(name));
    }
    match name.rsplit("::").next().unwrap_or(name) {
        "ImmutableString" | "String" | "str" | "string" => "string",
        "i64" | "INT" | "int" => "int",
        "f64" | "FLOAT" | "float" => "float",
        "bool" => "bool",
        "char" => "char",
        "Array" | "array" => "array",
        "Map" | "map" => "map",
        "Blob" | "blob" => "blob",
        "FnPtr" | "Fn" => "closure",
        "Dynamic" | "?" | "T" => "any",
        "()" | "" => "()",
        "Range<i64>" | "Range<INT>" | "range" | "ExclusiveRange" | "InclusiveRange" | "range=" => "range",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_said_as_scripts_know_them() {
        assert_eq!(script_type("&mut Selection"), "Selection");
        assert_eq!(script_type("RhaiResultOf<Array>"), "array");
        assert_eq!(script_type("&str | ImmutableString | String"), "string");
    }
}
