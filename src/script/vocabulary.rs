//! What scripts can say, as an editor and a person at a prompt ask for it: words, members of a type,
//! signatures, and what the reference says of a name. All of it from the API's own comments.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::api;
use super::catalog::{Catalog, Entry, EntryKind};
use super::engine::Shared;
use super::piece::KEYWORDS;
use super::reference::{Doc, signature};
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
    /// As the reference writes it; empty for a word of the language.
    pub signature: String,
    /// The first sentence of what the reference says.
    pub says: String,
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
        let globals = api::GLOBALS.iter().map(|(name, kind, purpose)| Offer {
            name: (*name).to_owned(),
            kind: OfferKind::Global,
            signature: (*kind).to_owned(),
            says: (*purpose).to_owned(),
        });
        let functions = offers(self.catalog().entries().iter().filter(|e| {
            e.kind == EntryKind::Function && !e.is_method() && (!e.standard || e.params.is_empty() || is_called_alone(&e.name))
        }));
        let keywords = KEYWORDS.iter().map(|word| Offer {
            name: (*word).to_owned(),
            kind: OfferKind::Keyword,
            signature: String::new(),
            says: String::new(),
        });
        globals.chain(functions).chain(keywords).collect()
    }

    /// The fields and functions of a type: fields first, then by name.
    #[must_use]
    pub fn members(&self, of: &Type) -> Vec<Offer> {
        let mut members = offers(self.catalog().entries().iter().filter(|e| {
            let kind = matches!(e.kind, EntryKind::Field | EntryKind::Function);
            // What comes with the language for every value says nothing about a type of ours.
            kind && e.takes_first(&of.name) && !(of.is_of_api() && e.standard) && e.name != "to_debug"
        }));
        members.sort_by(|a, b| (a.kind != OfferKind::Field, &a.name).cmp(&(b.kind != OfferKind::Field, &b.name)));
        members
    }

    /// Names that [`super::ScriptHost::describe`] knows.
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

/// One offer for all forms of a name, in the order of names.
fn offers<'e>(entries: impl Iterator<Item = &'e Entry>) -> Vec<Offer> {
    let mut by_name: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries.filter(|e| e.name.starts_with(|c: char| c.is_alphabetic())) {
        by_name.entry(entry.name.as_str()).or_default().push(entry);
    }
    let offer = |(name, mut forms): (&str, Vec<&Entry>)| {
        forms.sort_by_key(|e| e.params.len());
        let shortest = *forms.first()?;
        let object = usize::from(shortest.is_method());
        let kind = match shortest.kind {
            EntryKind::Field => OfferKind::Field,
            _ => OfferKind::Function { needs_arguments: shortest.params.len() > object },
        };
        let text = Doc::of(&shortest.doc).text;
        let says = text.split_inclusive(['.', '\n']).next().unwrap_or_default().trim();
        Some(Offer { name: name.to_owned(), kind, signature: short_signature(shortest), says: says.to_owned() })
    };
    by_name.into_iter().filter_map(offer).collect()
}

/// A signature without the object: what follows the dot.
fn short_signature(entry: &Entry) -> String {
    let returns = if entry.returns == "()" { String::new() } else { format!(" -> {}", entry.returns) };
    match entry.kind {
        EntryKind::Function => format!("{}{returns}", entry.call_form(entry.is_method())),
        _ => format!("{}{returns}", entry.name),
    }
}

/// Functions of the language that read naturally without an object.
fn is_called_alone(name: &str) -> bool {
    matches!(name, "print" | "debug" | "type_of" | "parse_int" | "parse_float" | "min" | "max" | "range" | "abs")
}

#[cfg(test)]
mod tests {
    use crate::script::ScriptHost;

    #[test]
    fn what_is_offered_is_described() {
        let host = ScriptHost::new();
        let book = host.reference();
        for name in host.vocabulary().documented() {
            assert!(!book.find(&name).is_empty(), "{name}");
        }
    }
}
