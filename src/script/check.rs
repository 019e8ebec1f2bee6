//! What can be seen of a script without running it: calls of functions that do not exist, and wrong
//! fields and functions on the globals and on the rows of their selections.
//!
//! It speaks up only where it is sure; what a value holds that came another way is seen when it runs.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTFlags, ASTNode, BinaryExpr, Expr, FnCallExpr, FnPtr, Module, Position, ScriptFuncDef, Shared, Stmt};

use super::catalog::Catalog;
use super::error::ScriptError;
use super::explain::Explainer;
use super::problem::Problem;
use super::sources::ANONYMOUS;
use super::syntax::declared_names;
use super::typing::Type;

/// Functions that are part of the language's syntax and no catalogue lists.
const SYNTAX: &[&str] =
    &["Fn", "call", "curry", "is_shared", "is_def_fn", "is_def_var", "type_of", "print", "debug", "to_string", "to_debug", "tag"];
/// Everything that is wrong is listed, but nobody reads more.
const ERRORS_MAX: usize = 50;

/// Everything that is wrong, in the order of the text.
pub fn check(ast: &AST, explainer: &Explainer) -> Vec<ScriptError> {
    let text = explainer.sources.text(explainer.sources.main()).unwrap_or_default();
    let functions: BTreeMap<String, Shared<ScriptFuncDef>> =
        ast.iter_fn_def().filter(|f| f.name.starts_with(ANONYMOUS)).map(|f| (f.name.to_string(), f.clone())).collect();
    let mut checker = Checker {
        catalog: explainer.catalog,
        script: ast.iter_functions().map(|f| f.name.to_owned()).collect(),
        shadowed: declared_names(&text).into_iter().chain(closure_parameters(&text)).map(str::to_owned).collect(),
        closures: functions,
        rows: Vec::new(),
        found: Vec::new(),
    };
    checker.nodes(ast, None);
    // Closures over rows, and the closures inside of those.
    let mut done = BTreeSet::new();
    while let Some((name, row)) = checker.rows.pop() {
        let Some(closure) = checker.closures.get(&name).cloned().filter(|_| done.insert(name)) else { continue };
        let Some(parameter) = closure.params.last().map(ToString::to_string) else { continue };
        let mut module = Module::new();
        module.set_script_fn(closure);
        checker.nodes(&AST::new_from_module(module), Some((&parameter, &row)));
    }
    let mut found = checker.found;
    found.sort_by_key(|(_, position)| (position.line(), position.position()));
    found.dedup();
    found.truncate(ERRORS_MAX);
    found.into_iter().map(|(problem, position)| explainer.found(problem, position)).collect()
}

struct Checker<'a> {
    catalog: &'a Catalog,
    /// Functions that the script itself defines.
    script: BTreeSet<String>,
    /// Names that the script declares: they may hide a global.
    shadowed: BTreeSet<String>,
    closures: BTreeMap<String, Shared<ScriptFuncDef>>,
    /// Closures that are asked about rows, with the type of the row.
    rows: Vec<(String, String)>,
    found: Vec<(Problem, Position)>,
}

/// One step of `a.b(c)[d]`.
enum Step<'a> {
    Property(&'a str, Position),
    Call(&'a FnCallExpr, Position),
    Index,
}

impl Checker<'_> {
    fn nodes(&mut self, ast: &AST, row: Option<(&str, &str)>) {
        ast.walk(&mut |path: &[ASTNode]| {
            match path.last() {
                Some(ASTNode::Expr(expr @ (Expr::Dot(..) | Expr::Index(..)))) => self.chain(expr, row),
                Some(ASTNode::Expr(Expr::FnCall(call, at)) | ASTNode::Stmt(Stmt::FnCall(call, at))) if row.is_none() => {
                    self.call(call, *at)
                }
                _ => {}
            }
            true
        });
    }

    fn call(&mut self, call: &FnCallExpr, at: Position) {
        let name = call.name.as_str();
        let ours = call.is_qualified() || call.is_operator_call() || SYNTAX.contains(&name) || self.script.contains(name);
        if ours || !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return;
        }
        let known: Vec<usize> = self.catalog.functions_named(name).map(|e| e.params.len()).collect();
        if known.contains(&call.args.len()) {
            return;
        }
        if known.is_empty() && self.shadowed.contains(name) {
            let problem = Problem::new("unknown_function", format!("there is no function `{name}`")).about(name);
            self.found.push((problem.hint(format!("a closure in a variable is called so: `{name}.call(…)`")), at));
            return;
        }
        let types = vec!["any"; call.args.len()].join(", ");
        self.found.push((self.catalog.unknown_function(&format!("{name} ({types})"), false), at));
    }

    fn chain(&mut self, expr: &Expr, row: Option<(&str, &str)>) {
        let Some((root, steps)) = chain(expr) else { return };
        let Some(mut of) = self.root(root, row) else { return };
        for step in steps {
            match self.step(&of, &step) {
                Some(next) => of = next,
                None => return,
            }
        }
    }

    fn root(&self, root: &Expr, row: Option<(&str, &str)>) -> Option<Type> {
        let Expr::Variable(variable, ..) = root else { return None };
        if !variable.2.is_empty() {
            return None;
        }
        let name = variable.1.as_str();
        match row {
            Some((parameter, kind)) if parameter == name => return Type::known(kind, None),
            _ if self.shadowed.contains(name) => return None,
            _ => {}
        }
        self.catalog.global(name)
    }

    /// The type that a step leads to; a step that can't be is noted. Only types of the API are followed.
    fn step(&mut self, of: &Type, step: &Step) -> Option<Type> {
        let (next, at) = match step {
            Step::Property(name, at) => (self.catalog.field(of, name), *at),
            Step::Call(call, at) => (self.method(of, call)?, *at),
            Step::Index => (Ok(self.catalog.index(of)), Position::NONE),
        };
        match next {
            Ok(next) => next.filter(Type::is_of_api),
            Err(problem) => {
                self.found.push((problem, at));
                None
            }
        }
    }

    fn method(&mut self, of: &Type, call: &FnCallExpr) -> Option<Result<Option<Type>, Problem>> {
        let name = call.name.as_str();
        if call.is_qualified() || self.script.contains(name) || SYNTAX.contains(&name) {
            return None;
        }
        let yielded = self.catalog.method(of, name, call.args.len());
        if yielded.is_ok()
            && let (Some(row), Some(closure)) = (of.row, call.args.first().and_then(closure_name))
        {
            self.rows.push((closure, row.to_owned()));
        }
        Some(yielded)
    }
}

/// Takes a chain apart; `None` where `?.` may yield `()` half way.
fn chain(expr: &Expr) -> Option<(&Expr, Vec<Step<'_>>)> {
    fn link(expr: &Expr) -> Option<(&BinaryExpr, bool, ASTFlags)> {
        match expr {
            Expr::Dot(pair, flags, _) => Some((pair, true, *flags)),
            Expr::Index(pair, flags, _) => Some((pair, false, *flags)),
            _ => None,
        }
    }
    fn step(is_dot: bool, expr: &Expr) -> Option<Step<'_>> {
        match expr {
            Expr::Property(names, at) if is_dot => Some(Step::Property(&names.2, *at)),
            Expr::MethodCall(call, at) if is_dot => Some(Step::Call(call, *at)),
            _ if !is_dot => Some(Step::Index),
            _ => None,
        }
    }
    let (mut pair, mut is_dot, mut flags) = link(expr)?;
    let root = &pair.lhs;
    let mut steps = Vec::new();
    loop {
        if flags.contains(ASTFlags::NEGATED) {
            return None;
        }
        match link(&pair.rhs).filter(|_| !flags.contains(ASTFlags::BREAK)) {
            Some((next, next_is_dot, next_flags)) => {
                steps.push(step(is_dot, &next.lhs)?);
                (pair, is_dot, flags) = (next, next_is_dot, next_flags);
            }
            None => {
                steps.push(step(is_dot, &pair.rhs)?);
                return Some((root, steps));
            }
        }
    }
}

/// The name of a closure that is written out as an argument.
fn closure_name(arg: &Expr) -> Option<String> {
    match arg {
        Expr::DynamicConstant(value, _) => value.read_lock::<FnPtr>().map(|f| f.fn_name().to_owned()),
        Expr::FnCall(call, _) if call.name == "curry" => call.args.first().and_then(closure_name),
        _ => None,
    }
}

/// Names between the bars of closures.
fn closure_parameters(text: &str) -> Vec<&str> {
    let between = text.split('|').skip(1);
    let lists =
        between.filter(|part| part.len() < 200 && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ',' | ' ')));
    lists.flat_map(|list| list.split(',').map(str::trim)).filter(|name| !name.is_empty()).collect()
}
