//! What the modules that a text imports offer, and what their functions can cause.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rhai::{AST, ASTFlags, Stmt};

use super::literal::literal_type;
use super::unit::Unit;
use super::walk::Walk;
use super::{Facts, Key, Noted};
use crate::domain::delivery::Channel;
use crate::script::catalog::Catalog;
use crate::script::finding::Effect;
use crate::script::function_places::FunctionPlaces;
use crate::script::input::Surroundings;
use crate::script::option_key::{self, OptionKey};
use crate::script::problem::Problem;
use crate::script::stdlib;
use crate::script::typing::{Type, Types};

/// What importers can name.
pub struct Offer {
    pub functions: Vec<Offered>,
    /// The variables that it exports, with the types of those that are constants written out.
    pub variables: BTreeMap<String, Option<Type>>,
    /// The variables that it declares and does not export.
    pub kept: BTreeSet<String>,
}

/// A function that importers can call.
pub struct Offered {
    pub name: String,
    pub params: Vec<String>,
    pub effects: Vec<Effect>,
    /// What its map of options knows.
    pub options: Vec<OptionKey>,
    /// What it yields, where its comment says so.
    pub yields: Option<Type>,
}

/// The modules in reach; each is read once.
pub struct Modules<'a> {
    around: &'a Surroundings<'a>,
    compile: &'a dyn Fn(&str) -> Option<AST>,
    catalog: &'a Catalog,
    read: RefCell<BTreeMap<String, Option<Rc<Offer>>>>,
}

impl<'a> Modules<'a> {
    pub fn new(around: &'a Surroundings<'a>, compile: &'a dyn Fn(&str) -> Option<AST>, catalog: &'a Catalog) -> Self {
        Self { around, compile, catalog, read: RefCell::default() }
    }

    /// What is wrong with importing that name.
    pub fn missing(&self, name: &str) -> Option<Problem> {
        if self.around.modules_unknown || stdlib::find(name).is_some() {
            return None;
        }
        let known = (self.around.module)(name).err()?;
        let known = stdlib::MODULES.iter().map(|(name, _)| *name).chain(known.iter().map(String::as_str));
        Some(Problem::unknown_module(name, known))
    }

    /// Whether an invitation goes by mail where nobody says how it travels; without a site it may.
    pub fn mails(&self) -> bool {
        self.around.site.is_none_or(|site| site.channels.contains(&Channel::Mail))
    }

    /// What a module offers; `None` where it can't be read, or is being read.
    pub fn offered(&self, name: &str) -> Option<Rc<Offer>> {
        if let Some(known) = self.read.borrow().get(name) {
            return known.clone();
        }
        // A module that imports itself, over others, ends here.
        self.read.borrow_mut().insert(name.to_owned(), None);
        let text = match stdlib::find(name) {
            Some(text) => text.to_owned(),
            None => (self.around.module)(name).ok()?,
        };
        let ast = (self.compile)(&text)?;
        let unit = Unit::of(&ast);
        let facts = Facts { site: None, view: None, modules: self, mails: self.mails(), is_test: true };
        let noted = Walk::new(&unit, self.catalog, &facts, &FunctionPlaces::default()).all();
        let functions = unit.functions.iter().filter(|(_, function)| !function.private).map(|(key, function)| Offered {
            name: key.0.clone(),
            params: function.params.clone(),
            options: option_key::read(&function.doc),
            yields: Types::of(&function.doc).yields(),
            effects: noted.effects_from(&BTreeSet::from([Some(key.clone())])),
        });
        let (variables, kept) = variables(&unit);
        let offered = Rc::new(Offer { functions: functions.collect(), variables, kept });
        self.read.borrow_mut().insert(name.to_owned(), Some(Rc::clone(&offered)));
        Some(offered)
    }
}

/// The variables that a module exports, and those that it keeps to itself.
fn variables(unit: &Unit) -> (BTreeMap<String, Option<Type>>, BTreeSet<String>) {
    let (mut exported, mut kept) = (BTreeMap::new(), BTreeMap::new());
    for statement in &unit.main {
        match statement {
            Stmt::Var(var, flags, _) => {
                let of = literal_type(&var.1).filter(|_| flags.contains(ASTFlags::CONSTANT));
                let exports = flags.contains(ASTFlags::EXPORTED);
                (if exports { &mut exported } else { &mut kept }).insert(var.0.name.to_string(), of);
            }
            Stmt::Export(export, _) => {
                let (name, alias) = (export.0.name.as_str(), export.1.name.as_str());
                let of = kept.get(name).cloned().flatten();
                exported.insert(if alias.is_empty() { name } else { alias }.to_owned(), of);
            }
            _ => {}
        }
    }
    (exported, kept.into_keys().collect())
}

impl Noted {
    /// What can be caused from these places on: the functions, or `None` for the text's own statements.
    pub fn effects_from(&self, from: &BTreeSet<Option<Key>>) -> Vec<Effect> {
        let (mut open, mut seen): (Vec<Option<Key>>, BTreeSet<Option<Key>>) = (from.iter().cloned().collect(), BTreeSet::new());
        let mut effects = BTreeSet::new();
        while let Some(place) = open.pop() {
            let Some(uses) = self.uses.get(&place).filter(|_| !seen.contains(&place)) else { continue };
            effects.extend(uses.effects.iter().cloned());
            open.extend(uses.calls.iter().cloned().map(Some));
            seen.insert(place);
        }
        effects.into_iter().collect()
    }
}
