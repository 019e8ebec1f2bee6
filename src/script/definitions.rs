//! What the Rhai language server has to know of the API: definition files (`*.d.rhai`), one for what is
//! there by itself and one for each module of the standard library.
//!
//! The engine's own generator prints Rust types, which the server does not know; these come from the
//! catalogue.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::api;
use super::catalog::{Catalog, Entry, EntryKind};
use super::declare;
use super::stdlib;

/// Words that the server takes for something else than a name: its keywords, and those it keeps.
const RESERVED: &[&str] = &[
    "let",
    "const",
    "for",
    "do",
    "until",
    "while",
    "in",
    "loop",
    "break",
    "continue",
    "if",
    "else",
    "switch",
    "fn",
    "private",
    "return",
    "throw",
    "try",
    "catch",
    "import",
    "export",
    "as",
    "var",
    "static",
    "goto",
    "exit",
    "match",
    "case",
    "public",
    "protected",
    "new",
    "use",
    "with",
    "module",
    "package",
    "super",
    "spawn",
    "thread",
    "go",
    "sync",
    "async",
    "await",
    "yield",
    "default",
    "void",
    "null",
    "nil",
    "true",
    "false",
];

/// Types of the language that the server has to be told of, and those that it has.
const LANGUAGE_TYPES: &[&str] = &["array", "map", "blob", "closure", "range"];
const SERVER_TYPES: &[&str] = &["int", "float", "bool", "char", "string"];

/// Functions that are part of the language's syntax and no catalogue lists.
const SYNTAX: &str = "\
/// Shows a value: the last lines of a run.
fn print(value: ?);

/// Shows a value as the language writes it, with the place in the script.
fn debug(value: ?);

/// The name of a value's type.
fn type_of(value: ?) -> string;

/// A closure from the name of a function.
fn Fn(name: string) -> closure;

/// Calls a closure.
fn call(action: closure, ...values: ?) -> ?;

/// A closure that has its first values already.
fn curry(action: closure, ...values: ?) -> closure;

/// Whether a closure has taken the variable along.
fn is_shared(value: ?) -> bool;

/// Whether the script has a function of that name with so many parameters.
fn is_def_fn(name: string, params: int) -> bool;

/// Whether there is a variable of that name.
fn is_def_var(name: string) -> bool;
";

/// Every file, by its name.
pub fn files(catalog: &Catalog) -> Vec<(String, String)> {
    let mut files = vec![("beckon.d.rhai".to_owned(), own(catalog)), ("rhai.d.rhai".to_owned(), language(catalog))];
    for (name, text) in stdlib::MODULES {
        files.push((format!("{name}.d.rhai"), library(catalog, name, text)));
    }
    files
}

/// Globals, types and functions of the API.
fn own(catalog: &Catalog) -> String {
    let mut file =
        String::from("/// What a script of beckon can use. Made by `beckon definitions`; don't edit it.\nmodule static;\n");
    for kind in catalog.types() {
        let _ = write!(file, "\n{}type {} = ...;\n", comment(&kind.doc), kind.name);
    }
    for (name, kind, purpose) in api::GLOBALS {
        let mut letters = purpose.chars();
        let first = letters.next().map(char::to_uppercase).into_iter().flatten();
        let purpose: String = first.chain(letters).collect();
        let _ = write!(file, "\n/// {purpose}.\nconst {name}: {kind};\n");
    }
    let known = known(catalog);
    let mut seen = BTreeSet::new();
    // The server knows one thing of a name, wherever it stands: of `users` that it is the global.
    let is_global = |entry: &Entry| api::GLOBALS.iter().any(|(name, ..)| *name == entry.name);
    let mut entries: Vec<&Entry> = catalog.entries().iter().filter(|e| !e.standard && !is_global(e)).collect();
    entries.sort_by_key(|e| (e.params.first().filter(|_| e.is_method()).map(|p| p.1.clone()), order(e)));
    for entry in entries {
        write_entry(&mut file, entry, &known, &mut seen);
    }
    file
}

/// The engine keeps overloads in no order of their own: the same files each time.
fn order(entry: &Entry) -> (String, usize, Vec<(String, String)>, String) {
    (entry.name.clone(), entry.params.len(), entry.params.clone(), entry.doc.clone())
}

/// What the language brings.
fn language(catalog: &Catalog) -> String {
    let mut file = String::from("/// What the language brings. Made by `beckon definitions`; don't edit it.\nmodule static;\n\n");
    for kind in LANGUAGE_TYPES {
        let _ = writeln!(file, "type {kind} = ...;");
    }
    let _ = write!(file, "\n{SYNTAX}");
    let known = known(catalog);
    let mut seen: BTreeSet<String> = SYNTAX.lines().filter(|l| l.starts_with("fn ")).map(str::to_owned).collect();
    let mut entries: Vec<&Entry> = catalog.entries().iter().filter(|e| e.standard && !e.doc.is_empty()).collect();
    entries.sort_by_key(|e| order(e));
    for entry in entries {
        write_entry(&mut file, entry, &known, &mut seen);
    }
    file
}

/// A module of the standard library, as if it lay in the folder `scripts`: the server looks there for
/// what a script imports.
fn library(catalog: &Catalog, name: &str, text: &str) -> String {
    let mut file = format!("{}module \"../scripts/{name}\";\n", comment(&declare::description(text)));
    let known = known(catalog);
    for function in catalog.library(name) {
        let params: Vec<String> = function.params.iter().map(|(n, of)| format!("{}: {}", word(n), kind(of, &known))).collect();
        let doc = comment(&without_fences(&without_types(&function.doc)));
        let _ = write!(file, "\n{doc}fn {}({}){};\n", function.name, params.join(", "), returning(&function.returns, &known));
    }
    file
}

fn write_entry(file: &mut String, entry: &Entry, known: &BTreeSet<&str>, seen: &mut BTreeSet<String>) {
    let kind = |name: &str| kind(name, known);
    let returns = returning(&entry.returns, known);
    let params = || -> String {
        let params: Vec<String> = entry.params.iter().map(|(name, of)| format!("{}: {}", word(name), kind(of))).collect();
        params.join(", ")
    };
    let line = match entry.kind {
        EntryKind::Function if !is_name(&entry.name) => return,
        EntryKind::Function => format!("fn {}({}){returns};", entry.name, params()),
        EntryKind::Field => format!("fn get {}({}){returns};", entry.name, params()),
        EntryKind::Operator if !entry.standard => {
            let kinds: Vec<String> = entry.params.iter().map(|(_, of)| kind(of)).collect();
            format!("op {}({}){returns};", entry.name, kinds.join(", "))
        }
        // The server has no word for an index, and knows the language's own operators.
        EntryKind::Index | EntryKind::Operator => return,
    };
    if seen.insert(line.clone()) {
        let _ = write!(file, "\n{}{line}\n", comment(&without_fences(&entry.doc)));
    }
}

/// A doc comment as the server shows it: examples are Rhai.
fn without_fences(doc: &str) -> String {
    let mut open = false;
    let lines = doc.lines().map(|line| {
        let fence = line.trim_start().starts_with("```");
        open ^= fence;
        if fence && open && line.trim() == "```" { "```rhai" } else { line }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn comment(doc: &str) -> String {
    doc.lines().map(|line| format!("/// {line}").trim_end().to_owned() + "\n").collect()
}

/// A doc comment without its types, which the definition itself has.
fn without_types(doc: &str) -> String {
    let Some((before, types)) = doc.split_once("# Types\n") else { return doc.to_owned() };
    let rest = types.find("\n# ").map_or("", |at| types.get(at + 1..).unwrap_or_default());
    format!("{before}{rest}")
}

fn returning(returns: &str, known: &BTreeSet<&str>) -> String {
    if returns == "()" { String::new() } else { format!(" -> {}", kind(returns, known)) }
}

/// A type as the server knows it: one that is declared nowhere can be anything, and what is in an array it
/// can't be told.
fn kind(said: &str, known: &BTreeSet<&str>) -> String {
    let all: Vec<&str> = said.split(" or ").map(|one| one.split(" of ").next().unwrap_or(one)).collect();
    if all.iter().all(|one| *one == "()" || known.contains(one)) { all.join(" | ") } else { "?".to_owned() }
}

/// The types of the API, those that a file declares, and those that the server has.
fn known(catalog: &Catalog) -> BTreeSet<&str> {
    let own = catalog.types().iter().map(|t| t.name.as_str());
    own.chain(LANGUAGE_TYPES.iter().copied()).chain(SERVER_TYPES.iter().copied()).collect()
}

/// A name that a parameter can have.
fn word(name: &str) -> String {
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    if name.is_empty() || RESERVED.contains(&name.as_str()) { format!("{name}_value") } else { name }
}

fn is_name(name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    plain && name.starts_with(|c: char| c.is_ascii_alphabetic()) && !RESERVED.contains(&name)
}
