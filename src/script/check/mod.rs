//! What can be seen of a script without running it: what will fail, and what is hardly meant.
//!
//! It speaks up only where it is sure: what will fail when it is reached is an error; what runs and looks
//! wrong is a warning, and so is what a `try` around it catches. What a value holds that came another way is
//! seen when it runs.

mod call;
mod chain;
mod compare;
mod flow;
mod literal;
mod modules;
mod scope;
mod unit;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use rhai::{AST, Position};

use super::catalog::{Catalog, Entry};
use super::explain::Explainer;
use super::finding::{Checked, Effect, Finding, Severity};
use super::function_places::FunctionPlaces;
use super::input::SiteFacts;
use super::problem::Problem;
use super::reference::{Doc, variable};
use super::{declare, imports};
use crate::domain::roster::RosterView;

pub use modules::Modules;
use unit::Unit;
use walk::Walk;

/// Functions that are part of the language's syntax and no catalogue lists.
const SYNTAX: &[&str] =
    &["Fn", "call", "curry", "is_shared", "is_def_fn", "is_def_var", "type_of", "print", "debug", "to_string", "to_debug", "tag"];
/// Everything that is wrong is listed, but nobody reads more.
const FINDINGS_MAX: usize = 50;

/// What is known beside the text.
pub struct Facts<'a> {
    /// Without a site its names are not looked at.
    pub site: Option<&'a SiteFacts>,
    /// The roster as it is now: what is wrong with a name in it is a warning.
    pub view: Option<&'a Mutex<Box<dyn RosterView>>>,
    pub modules: &'a Modules<'a>,
    /// Whether invitations go by mail, too, where a script names no channels.
    pub mails: bool,
    /// A script of tests may call what it makes as it likes.
    pub is_test: bool,
}

/// A function's name and number of parameters.
type Key = (String, usize);

/// What the walk came across.
#[derive(Default)]
struct Noted {
    found: Vec<(Severity, Problem, Position)>,
    /// Variables that nothing declares.
    unknown: Vec<(String, Position)>,
    /// By function; `None` for the text's own statements.
    uses: BTreeMap<Option<Key>, Uses>,
    within: Option<Key>,
}

/// What a function does itself, and what it calls.
#[derive(Default)]
struct Uses {
    effects: BTreeSet<Effect>,
    calls: BTreeSet<Key>,
}

impl Noted {
    /// What follows belongs to that function; the answer is the one before.
    fn begin(&mut self, function: Option<Key>) -> Option<Key> {
        std::mem::replace(&mut self.within, function)
    }

    fn uses(&mut self) -> &mut Uses {
        self.uses.entry(self.within.clone()).or_default()
    }

    fn calls(&mut self, function: &Key) {
        self.uses().calls.insert(function.clone());
    }

    fn calls_all(&mut self, unit: &Unit, name: &str) {
        let named = unit.functions.keys().filter(|(known, _)| known == name);
        named.for_each(|key| self.calls(key));
    }

    /// `mails`: whether an invitation that the call sends may go by mail.
    fn has_effect(&mut self, form: &Entry, mails: bool) {
        let effects = Doc::of(&form.doc).effects;
        let invites = effects.contains(&"invite");
        for effect in effects.into_iter().filter(|effect| mails || !invites || *effect != "mail") {
            let object = form.params.first().filter(|_| form.is_method()).map(|(_, kind)| format!("{}.", variable(kind)));
            let by = format!("{}{}", object.unwrap_or_default(), form.name);
            self.uses().effects.insert(Effect { effect: effect.to_owned(), by });
        }
    }

    /// A method of something unknown: it may be any of that name.
    fn may_be(&mut self, catalog: &Catalog, name: &str, params: usize, mails: bool) {
        let forms = catalog.functions_named(name).filter(|form| form.params.len() == params && form.is_method());
        forms.for_each(|form| self.has_effect(form, mails));
    }

    fn through(&mut self, function: &str, effects: &[Effect]) {
        for Effect { effect, by } in effects {
            let by = format!("{function} → {by}");
            self.uses().effects.insert(Effect { effect: effect.clone(), by });
        }
    }
}

/// Everything that is to be said of a text, in its order. `lenient`: the compiler did not look for
/// variables that nothing declares.
pub fn check(ast: &AST, explainer: &Explainer, facts: &Facts, lenient: bool) -> Checked {
    let text = explainer.sources.text(explainer.sources.main()).unwrap_or_default();
    let unit = Unit::of(ast);
    let places = FunctionPlaces::of(&text);
    let noted = Walk::new(&unit, explainer.catalog, facts, &places).all();
    // A text that does nothing itself is a module, or tests: whatever can be called counts.
    let from: BTreeSet<Option<Key>> = match unit.main.iter().all(|s| matches!(s, rhai::Stmt::Import(..) | rhai::Stmt::Noop(..))) {
        true => unit.functions.keys().cloned().map(Some).chain([None]).collect(),
        false => BTreeSet::from([None]),
    };
    let effects = noted.effects_from(&from);
    let mut found = noted.found;
    if lenient {
        for (name, at) in noted.unknown {
            found.push((Severity::Error, explainer.unknown_variable(&name, at), at));
        }
    }
    found.sort_by_key(|(severity, problem, at)| (at.line(), at.position(), *severity, problem.code.clone()));
    found.dedup();
    found.truncate(FINDINGS_MAX);
    let finding = |(severity, problem, at)| Finding { severity, error: explainer.found(problem, at) };
    Checked {
        findings: found.into_iter().map(finding).collect(),
        effects,
        params: declare::written(ast, &[]),
        more_params: declare::has_unnamed(ast),
        imports: imports::imports(ast),
    }
}
