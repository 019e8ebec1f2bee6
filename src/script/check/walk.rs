//! Goes through a text as it would run, with what is known of each value.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{ASTFlags, Expr, Position, Stmt, StmtBlock};

use super::flow;
use super::literal::literal_type;
use super::scope::{Local, What};
use super::unit::{Function, Unit, root_name};
use super::{Facts, Noted};
use crate::script::catalog::Catalog;
use crate::script::finding::Severity;
use crate::script::function_places::FunctionPlaces;
use crate::script::problem::Problem;
use crate::script::typing::Type;

/// The walk through one text.
pub struct Walk<'a> {
    pub unit: &'a Unit,
    pub catalog: &'a Catalog,
    pub facts: &'a Facts<'a>,
    /// Where functions and parameters stand in the text.
    pub places: &'a FunctionPlaces,
    pub locals: Vec<Local<'a>>,
    /// Locals below this one belong to other functions.
    pub own: usize,
    pub noted: Noted,
    /// How many `try` bodies are around: what fails in there is caught.
    pub tries: usize,
    /// What functions yield, once they were walked; `None` for one that is being walked.
    yields: BTreeMap<(String, usize), Option<Type>>,
    /// What the function that is walked returns early.
    returns: Vec<Option<Type>>,
}

impl<'a> Walk<'a> {
    pub fn new(unit: &'a Unit, catalog: &'a Catalog, facts: &'a Facts<'a>, places: &'a FunctionPlaces) -> Self {
        Self {
            unit,
            catalog,
            facts,
            places,
            locals: Vec::new(),
            own: 0,
            noted: Noted::default(),
            tries: 0,
            yields: BTreeMap::new(),
            returns: Vec::new(),
        }
    }

    /// The whole text: its statements, then every function that none of them led to.
    pub fn all(mut self) -> Noted {
        let unit = self.unit;
        self.noted.begin(None);
        self.statements(&unit.main, true);
        self.leave(0);
        for key in unit.functions.keys() {
            self.result_of(key);
        }
        let unused: BTreeSet<&String> = unit
            .functions
            .iter()
            .filter(|((name, _), function)| function.private && !unit.mentioned.contains(name))
            .map(|((name, _), _)| name)
            .collect();
        for name in unused.into_iter().filter(|name| !name.starts_with('_')) {
            let problem = Problem::new("unused_function", format!("the function `{name}` is never called")).about(name);
            self.warn(problem, self.places.function(name));
        }
        self.noted
    }

    pub fn error(&mut self, problem: Problem, at: Position) {
        let severity = if self.tries > 0 { Severity::Warning } else { Severity::Error };
        self.noted.found.push((severity, problem, at));
    }

    pub fn warn(&mut self, problem: Problem, at: Position) {
        self.noted.found.push((Severity::Warning, problem, at));
    }

    /// What a function of the text yields, whoever calls it.
    pub fn result_of(&mut self, key: &(String, usize)) -> Option<Type> {
        if let Some(known) = self.yields.get(key) {
            return known.clone();
        }
        let function = self.unit.functions.get(key)?;
        self.yields.insert(key.clone(), None);
        let around = self.noted.begin(Some(key.clone()));
        let tries = std::mem::take(&mut self.tries);
        let of = self.function(function, &key.0, 0, None);
        self.tries = tries;
        self.noted.begin(around);
        self.yields.insert(key.clone(), of.clone());
        of
    }

    /// A function's body with its parameters. Of a closure the first `captured` parameters are the
    /// variables around it, and one that stands alone after them may be a `row`.
    fn function(&mut self, function: &'a Function, name: &str, captured: usize, row: Option<Type>) -> Option<Type> {
        let (mark, own) = (self.locals.len(), self.own);
        let is_closure = name.is_empty();
        if !is_closure {
            self.own = mark;
        }
        let at = if is_closure { Position::NONE } else { self.places.function(name) };
        let params = function.params.get(captured..).unwrap_or_default();
        for param in params {
            // With more than one it may be asked about something else first, as by `reduce`.
            let of = row.clone().filter(|_| params.len() == 1);
            let what = if is_closure { What::ClosureParameter } else { What::Parameter };
            let at = if is_closure { at } else { self.places.parameter(name, param) };
            self.declare(Local::new(param, at, what).of(of));
        }
        let returns = std::mem::take(&mut self.returns);
        let last = self.statements(&function.body, true);
        let mut returned = std::mem::replace(&mut self.returns, returns);
        // Where every way ends earlier, the last statement answers nothing.
        if !function.body.iter().any(flow::ends) {
            returned.push(last);
        }
        self.leave(mark);
        self.own = own;
        let first = returned.first().cloned().flatten();
        returned.into_iter().all(|of| of == first).then_some(first).flatten()
    }

    /// A closure where it is written, asked about rows of that type. What fails in it may be caught by a `try` around
    /// it, or may fail after that has ended: in doubt it is caught.
    pub fn closure(&mut self, arg: &'a Expr, row: Option<Type>) -> bool {
        let Some((closure, captured)) = self.unit.closure(arg) else { return false };
        self.function(closure, "", captured, row);
        true
    }

    fn block(&mut self, block: &'a StmtBlock) -> Option<Type> {
        let mark = self.locals.len();
        let of = self.statements(block.statements(), false);
        self.leave(mark);
        of
    }

    /// What the last of the statements yields. `answers`: the last one's value goes to somebody.
    fn statements(&mut self, statements: &'a [Stmt], answers: bool) -> Option<Type> {
        let mut last = None;
        let mut ended: Option<&Stmt> = None;
        for (index, statement) in statements.iter().enumerate() {
            if matches!(statement, Stmt::Noop(..)) {
                continue;
            }
            if let Some(before) = ended.take() {
                let problem = Problem::new("unreachable", format!("this is never reached: {}", flow::why(before)));
                self.warn(problem, statement.position());
            }
            if !(answers && index + 1 == statements.len()) {
                self.unsent(statement);
            }
            last = self.statement(statement);
            if flow::ends(statement) {
                ended = Some(statement);
                last = None;
            }
        }
        last
    }

    fn statement(&mut self, statement: &'a Stmt) -> Option<Type> {
        match statement {
            Stmt::Var(var, flags, _) => {
                self.variable(&var.0.name, var.0.pos, &var.1, *flags);
                None
            }
            Stmt::Assignment(pair) => {
                match &pair.1.lhs {
                    // Being given a value is not being used.
                    Expr::Variable(..) => self.look_up(&pair.1.lhs, false),
                    lhs => self.expr(lhs),
                };
                self.expr(&pair.1.rhs);
                None
            }
            Stmt::If(branches, _) => {
                self.expr(&branches.expr);
                self.never(&branches.expr, false, &branches.body, "the condition is always false");
                self.never(&branches.expr, true, &branches.branch, "the condition is always true");
                let of = self.block(&branches.body);
                let other = self.block(&branches.branch);
                of.filter(|of| other.as_ref() == Some(of))
            }
            Stmt::Switch(switch, _) => {
                self.expr(&switch.0);
                // A case with several values stands in the list once.
                for case in &switch.1.expressions {
                    self.expr(&case.lhs);
                    self.expr(&case.rhs);
                }
                None
            }
            Stmt::While(parts, _) => {
                self.expr(&parts.expr);
                self.never(&parts.expr, false, &parts.body, "the condition is always false");
                self.block(&parts.body);
                None
            }
            Stmt::Do(parts, ..) => {
                self.block(&parts.body);
                self.expr(&parts.expr);
                None
            }
            Stmt::For(parts, _) => {
                let (each, counter, parts) = &**parts;
                let of = self.expr(&parts.expr).and_then(|of| of.of_row());
                let mark = self.locals.len();
                self.declare(Local::new(&each.name, each.pos, What::Loop).of(of));
                if let Some(counter) = counter {
                    self.declare(Local::new(&counter.name, counter.pos, What::Loop).of(Type::known("int", None)));
                }
                self.block(&parts.body);
                self.leave(mark);
                None
            }
            Stmt::TryCatch(parts, _) => {
                self.tries += 1;
                self.block(&parts.body);
                self.tries -= 1;
                let mark = self.locals.len();
                if let Expr::Variable(variable, _, at) = &parts.expr {
                    self.declare(Local::new(&variable.1, *at, What::Caught));
                }
                self.block(&parts.branch);
                self.leave(mark);
                None
            }
            Stmt::Block(block) => self.block(block),
            Stmt::Expr(expr) => self.expr(expr),
            Stmt::FnCall(call, at) => self.call(call, *at),
            Stmt::BreakLoop(value, ..) => {
                if let Some(value) = value {
                    self.expr(value);
                }
                None
            }
            Stmt::Return(value, flags, _) => {
                let of = value.as_ref().and_then(|value| self.expr(value));
                if !flags.contains(ASTFlags::BREAK) {
                    self.returns.push(of);
                }
                None
            }
            Stmt::Import(import, _) => {
                self.expr(&import.0);
                self.import(&import.0, &import.1);
                None
            }
            Stmt::Export(export, _) => {
                self.use_name(&export.0.name);
                None
            }
            _ => None,
        }
    }

    fn variable(&mut self, name: &'a str, at: Position, value: &'a Expr, flags: ASTFlags) {
        let of = match self.closure(value, None) {
            true => None,
            false => self.expr(value),
        };
        let certain = !self.unit.changed.contains(name);
        let what = match self.declared_parameter(value) {
            Some(parameter) => What::Declared(parameter),
            None => What::Variable,
        };
        let mut local = Local::new(name, at, what).of(of.filter(|_| certain));
        local.value = Some(value).filter(|_| certain);
        local.plan = self.is_new_plan(value).then_some(false);
        local.used = flags.contains(ASTFlags::EXPORTED) || self.unit.used_as_global.contains(name);
        self.declare(local);
    }

    fn never(&mut self, condition: &Expr, when: bool, block: &StmtBlock, why: &str) {
        if let (Expr::BoolConstant(value, _), Some(first)) = (condition, block.statements().first())
            && *value == when
        {
            self.warn(Problem::new("unreachable", format!("this is never reached: {why}")), first.position());
        }
    }

    /// What an expression yields, where that is certain.
    pub fn expr(&mut self, expr: &'a Expr) -> Option<Type> {
        match expr {
            Expr::Variable(..) => self.look_up(expr, true),
            Expr::Dot(..) | Expr::Index(..) => self.chain(expr),
            Expr::FnCall(call, at) => self.call(call, *at),
            Expr::MethodCall(call, _) => {
                call.args.iter().for_each(|arg| self.argument(arg));
                None
            }
            Expr::And(parts, _) | Expr::Or(parts, _) => {
                parts.iter().for_each(|part| {
                    self.expr(part);
                });
                Type::known("bool", None)
            }
            Expr::Coalesce(parts, _) => {
                parts.iter().for_each(|part| {
                    self.expr(part);
                });
                None
            }
            Expr::InterpolatedString(parts, _) => {
                parts.iter().for_each(|part| {
                    self.shown(part);
                });
                Type::known("string", None)
            }
            Expr::Array(parts, _) => {
                parts.iter().for_each(|part| self.argument(part));
                Type::known("array", None)
            }
            Expr::Map(map, _) => {
                map.0.iter().for_each(|(_, value)| self.argument(value));
                Type::known("map", None)
            }
            Expr::Stmt(block) => {
                if self.closure(expr, None) {
                    return Type::known("closure", None);
                }
                self.block(block)
            }
            Expr::DynamicConstant(..) => {
                self.closure(expr, None);
                literal_type(expr)
            }
            other => {
                self.unfilled(other);
                literal_type(other)
            }
        }
    }

    /// Something that is handed on.
    pub fn argument(&mut self, arg: &'a Expr) {
        if !self.closure(arg, None) {
            self.expr(arg);
        }
    }

    /// Something that is only looked at.
    pub fn shown(&mut self, expr: &'a Expr) -> Option<Type> {
        self.chain_root(expr, false)
    }

    fn look_up(&mut self, expr: &'a Expr, used: bool) -> Option<Type> {
        let Expr::Variable(variable, _, at) = expr else { return None };
        if !variable.2.is_empty() {
            return self.module_variable(&variable.2.to_string(), &variable.1, *at);
        }
        let name = variable.1.as_str();
        if let Some(local) = self.local(name) {
            local.used |= used;
            if used {
                // Handed to somebody, who may send it.
                local.plan = None;
            }
            return local.of.clone();
        }
        let global = self.catalog.global(name);
        if self.unit.defines(name) {
            self.noted.calls_all(self.unit, name);
        } else if global.is_none() {
            self.noted.unknown.push((name.to_owned(), *at));
        }
        global
    }

    /// The variable that a chain begins with; what is done with it is seen in the chain.
    pub fn chain_root(&mut self, expr: &'a Expr, sends: bool) -> Option<Type> {
        let Expr::Variable(variable, ..) = expr else { return self.expr(expr) };
        let plan = self.local(&variable.1).and_then(|local| local.plan);
        let of = self.look_up(expr, true);
        if let (Some(false), Some(name)) = (plan.filter(|_| !sends), root_name(expr))
            && let Some(local) = self.local(&name)
        {
            local.plan = plan;
        }
        of
    }
}
