//! The names that stand for something at a place in the text.

use rhai::{Expr, Position};

use super::walk::Walk;
use crate::script::problem::Problem;
use crate::script::typing::Type;

/// What a name was declared as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Variable,
    /// Holds the value of a parameter of the script.
    Declared(String),
    Parameter,
    /// How many a closure has is for whoever calls it to say.
    ClosureParameter,
    Loop,
    Caught,
}

/// A name in reach.
pub struct Local<'a> {
    pub name: String,
    pub at: Position,
    pub what: What,
    pub used: bool,
    pub of: Option<Type>,
    /// What it was declared with, where it never gets another value.
    pub value: Option<&'a Expr>,
    /// A new plan that nobody has sent or been handed so far.
    pub plan: Option<bool>,
}

impl<'a> Local<'a> {
    pub fn new(name: &str, at: Position, what: What) -> Self {
        Self { name: name.to_owned(), at, what, used: false, of: None, value: None, plan: None }
    }

    pub fn of(mut self, of: Option<Type>) -> Self {
        self.of = of;
        self
    }
}

impl<'a> Walk<'a> {
    pub fn declare(&mut self, local: Local<'a>) {
        let is_global = self.catalog.type_of_global(&local.name).is_some();
        // Tests call the site that they make a `site`.
        if is_global && !self.facts.is_test {
            let problem = Problem::new("hides_global", format!("`{0}` hides the global `{0}` from here on", local.name));
            self.warn(problem.about(local.name.as_str()).hint("give it another name"), local.at);
        }
        self.locals.push(local);
    }

    /// The innermost of that name that this place can see.
    pub fn local(&mut self, name: &str) -> Option<&mut Local<'a>> {
        let own = self.own;
        self.locals.get_mut(own..)?.iter_mut().rev().find(|local| local.name == name)
    }

    pub fn use_name(&mut self, name: &str) {
        if let Some(local) = self.local(name) {
            local.used = true;
            local.plan = None;
        }
    }

    /// Ends a block: what was declared since `mark` can't be used any more.
    pub fn leave(&mut self, mark: usize) {
        for local in self.locals.split_off(mark) {
            let Local { name, at, .. } = &local;
            if local.plan == Some(false) {
                let problem = Problem::new("never_sent", format!("the plan in `{name}` is never sent")).about(name);
                self.warn(problem.hint(format!("nothing is sent until `{name}.send()`")), *at);
                continue;
            }
            if local.used || name.starts_with('_') {
                continue;
            }
            let (code, said) = match &local.what {
                What::Declared(parameter) => {
                    ("unused_parameter", format!("the parameter {parameter:?} is declared, and its value is never used"))
                }
                What::Variable => ("unused_variable", format!("the variable `{name}` is never used")),
                What::Parameter => ("unused_variable", format!("the parameter `{name}` of the function is never used")),
                What::ClosureParameter | What::Loop | What::Caught => continue,
            };
            let hint = format!("use it, take it out, or call it `_{name}`");
            self.warn(Problem::new(code, said).about(name).hint(hint), *at);
        }
    }
}
