//! What scripts can say, as an editor and a person at a prompt ask for it: words, members of a type,
//! signatures, and what the reference says of a name. All of it from the API's own comments.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::api;
use super::catalog::{Catalog, Entry, EntryKind};
use super::engine::Shared;
use super::piece::KEYWORDS;
use super::reference::{LibraryFunction, library_functions, signature};
use super::stdlib;
use super::typing::Type;
use super::written::{self, Place, Variable};

/// The words that scripts know. Cheap to clone; read from the API when it is first asked.
#[derive(Clone)]
pub struct Vocabulary {
    shared: Arc<Shared>,
}

/// A name that can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub name: String,
    pub kind: OfferKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OfferKind {
    Global,
    Field,
    /// `needs_arguments` says whether none of its forms goes without.
    Function {
        needs_arguments: bool,
    },
    Keyword,
}

impl Vocabulary {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn catalog(&self) -> &Catalog {
        self.shared.catalog()
    }

    /// What could stand at the cursor; `None` in a comment or where nothing is known. Any text and cursor will do.
    #[must_use]
    pub fn place(&self, variables: &[Variable], text: &str, cursor: usize) -> Option<Place> {
        written::place(self.catalog(), variables, text, cursor)
    }

    /// The forms of the function whose arguments the cursor is in: `where(closure: closure) -> Selection`.
    #[must_use]
    pub fn called(&self, variables: &[Variable], text: &str, cursor: usize) -> Vec<String> {
        written::called(self.catalog(), variables, text, cursor).into_iter().map(short_signature).collect()
    }

    #[must_use]
    pub fn is_global(name: &str) -> bool {
        api::GLOBALS.iter().any(|(global, ..)| *global == name)
    }

    /// Globals, functions and words of the language, in this order.
    #[must_use]
    pub fn words(&self) -> Vec<Offer> {
        let offer = |name: &str, kind| Offer { name: name.to_owned(), kind };
        let globals = api::GLOBALS.iter().map(|(name, ..)| offer(name, OfferKind::Global));
        let alone = |e: &&Entry| {
            e.kind == EntryKind::Function && !e.is_method() && (!e.standard || e.params.is_empty() || is_called_alone(&e.name))
        };
        let functions = offers(self.catalog().entries().iter().filter(alone), 0);
        let keywords = KEYWORDS.iter().map(|word| offer(word, OfferKind::Keyword));
        globals.chain(functions).chain(keywords).collect()
    }

    /// The fields and functions of a type: fields first, then by name.
    #[must_use]
    pub fn members(&self, of: &Type) -> Vec<Offer> {
        let belongs = |e: &&Entry| {
            let kind = matches!(e.kind, EntryKind::Field | EntryKind::Function);
            // What comes with the language for every value says nothing about a type of ours.
            kind && e.takes_first(&of.name) && !(of.is_of_api() && e.standard) && !is_no_member(&e.name)
        };
        let mut members = offers(self.catalog().entries().iter().filter(belongs), 1);
        members.sort_by(|a, b| (a.kind != OfferKind::Field, &a.name).cmp(&(b.kind != OfferKind::Field, &b.name)));
        members
    }

    /// The modules of the standard library, and their texts.
    #[must_use]
    pub fn library() -> &'static [(&'static str, &'static str)] {
        stdlib::MODULES
    }

    /// The functions that a module's text gives to those who import it. A text that can't be read has none.
    #[must_use]
    pub fn functions_of(text: &str) -> Vec<Offer> {
        let mut functions = library_functions(text);
        // The form with the fewest parameters comes first.
        functions.dedup_by(|other, first| other.name == first.name);
        let offer =
            |f: LibraryFunction| Offer { name: f.name, kind: OfferKind::Function { needs_arguments: !f.params.is_empty() } };
        functions.into_iter().map(offer).collect()
    }

    /// Names that `help` and `:doc` know.
    #[must_use]
    pub fn documented(&self) -> Vec<String> {
        let globals = api::GLOBALS.iter().map(|(name, ..)| (*name).to_owned());
        let types = self.catalog().types().iter().map(|t| t.name.clone());
        let ours =
            self.catalog().entries().iter().filter(|e| !e.standard && e.kind != EntryKind::Operator && e.name != "to_debug");
        let entries = ours.filter(|e| e.kind != EntryKind::Index).map(|e| match signature(e).split_once('(') {
            Some((name, _)) => name.to_owned(),
            None => signature(e).split(" -> ").next().unwrap_or_default().to_owned(),
        });
        let mut names: Vec<String> = globals.chain(types).chain(entries).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// One offer for all forms of a name, in the order of names; the first `objects` parameters stand before the dot.
fn offers<'e>(entries: impl Iterator<Item = &'e Entry>, objects: usize) -> Vec<Offer> {
    let mut shortest: BTreeMap<&str, &Entry> = BTreeMap::new();
    for entry in entries.filter(|e| e.name.starts_with(|c: char| c.is_alphabetic())) {
        let form = shortest.entry(entry.name.as_str()).or_insert(entry);
        if entry.params.len() < form.params.len() {
            *form = entry;
        }
    }
    let kind = |form: &Entry| match form.kind {
        EntryKind::Field => OfferKind::Field,
        _ => OfferKind::Function { needs_arguments: form.params.len() > objects },
    };
    shortest.into_iter().map(|(name, form)| Offer { name: name.to_owned(), kind: kind(form) }).collect()
}

/// A signature without the object: what follows the dot.
fn short_signature(entry: &Entry) -> String {
    let returns = if entry.returns == "()" { String::new() } else { format!(" -> {}", entry.returns) };
    match entry.kind {
        EntryKind::Function => format!("{}{returns}", entry.call_form(entry.is_method())),
        _ => format!("{}{returns}", entry.name),
    }
}

/// What no value of the language is asked for, though the engine would take it as the first argument.
fn is_no_member(name: &str) -> bool {
    let reads_alone = ["to_debug", "print", "debug", "sleep", "exit", "tag", "set_tag", "weeks", "days", "hours", "minutes"];
    reads_alone.contains(&name) || name.starts_with("testing_")
}

/// Functions of the language that read naturally without an object.
fn is_called_alone(name: &str) -> bool {
    matches!(name, "print" | "debug" | "type_of" | "parse_int" | "parse_float" | "min" | "max" | "range" | "abs")
}

#[cfg(test)]
mod tests {
    use super::OfferKind;
    use crate::script::{ScriptHost, Type};

    #[test]
    fn what_stands_before_the_dot_is_no_argument() {
        let vocabulary = ScriptHost::new().vocabulary();
        for (of, name, needs_arguments) in
            [("string", "to_upper", false), ("string", "split", false), ("Selection", "where", true)]
        {
            let members = vocabulary.members(&Type::known(of, None).unwrap());
            let offer = members.iter().find(|offer| offer.name == name).unwrap();
            assert_eq!(offer.kind, OfferKind::Function { needs_arguments }, "{name}");
        }
    }

    #[test]
    fn what_is_offered_is_described() {
        let host = ScriptHost::new();
        let book = host.reference();
        for name in host.vocabulary().documented() {
            assert!(!book.find(&name).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_value_of_the_language_has_what_is_asked_of_it_and_no_more() {
        let host = ScriptHost::new();
        let members = |kind: &str| -> Vec<String> {
            let kind = crate::script::Type::known(kind, None).expect("a type");
            host.vocabulary().members(&kind).into_iter().map(|offer| offer.name).collect()
        };
        for kind in ["int", "string", "array", "map"] {
            let odd: Vec<String> = members(kind).into_iter().filter(|name| super::is_no_member(name)).collect();
            assert_eq!(odd, [""; 0], "{kind}");
        }
        assert!(members("int").contains(&"to_string".to_owned()) && members("string").contains(&"to_upper".to_owned()));
        assert!(members("array").contains(&"to_csv".to_owned()), "{:?}", members("array"));
    }
}
