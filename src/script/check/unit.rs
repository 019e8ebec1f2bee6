//! A compiled text, taken apart for the check.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTNode, Expr, FnAccess, FnPtr, Module, ScriptFuncDef, Shared, Stmt};

use crate::script::reference::uncommented;
use crate::script::sources::ANONYMOUS;

/// Functions that change a map or an array where it is.
const CHANGING: &[&str] = &["set", "remove", "clear", "mixin", "fill_with", "drain", "retain", "push", "insert", "append"];

/// A text's statements and functions.
pub struct Unit {
    pub main: Vec<Stmt>,
    /// By name and number of parameters.
    pub functions: BTreeMap<(String, usize), Function>,
    /// By the engine's name for each.
    pub closures: BTreeMap<String, Function>,
    /// Names of variables that are given another value somewhere, or may be changed by what they are handed to.
    pub changed: BTreeSet<String>,
    /// Every name that is called, and every text that may name a function.
    pub mentioned: BTreeSet<String>,
    /// Names of constants that functions reach as `global::NAME`.
    pub used_as_global: BTreeSet<String>,
    /// What is imported, by the name it has here; `None` where that is not one certain module.
    pub modules: BTreeMap<String, Option<String>>,
    /// The names here of the modules of which something is used.
    pub used_modules: BTreeSet<String>,
    /// Groups that the text makes itself.
    pub rules: BTreeSet<String>,
}

/// A function or a closure.
pub struct Function {
    pub params: Vec<String>,
    pub private: bool,
    /// Its doc comment, without slashes.
    pub doc: String,
    pub body: Vec<Stmt>,
}

impl Unit {
    pub fn of(ast: &AST) -> Self {
        let (mut functions, mut closures) = (BTreeMap::new(), BTreeMap::new());
        for definition in ast.iter_fn_def() {
            let function = Function {
                params: definition.params.iter().map(ToString::to_string).collect(),
                private: definition.access == FnAccess::Private,
                doc: uncommented(definition.comments.iter().map(|line| line.as_str())),
                body: body(definition),
            };
            if definition.name.starts_with(ANONYMOUS) {
                closures.insert(definition.name.to_string(), function);
            } else {
                functions.insert((definition.name.to_string(), function.params.len()), function);
            }
        }
        let (mut changed, mut mentioned) = (BTreeSet::new(), BTreeSet::new());
        let (mut used_as_global, mut used_modules, mut rules) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut modules: BTreeMap<String, Option<String>> = BTreeMap::new();
        ast.walk(&mut |path: &[ASTNode]| {
            match path.last() {
                Some(ASTNode::Stmt(Stmt::Assignment(pair))) => {
                    changed.extend(root_name(&pair.1.lhs));
                }
                Some(ASTNode::Stmt(Stmt::FnCall(call, _)) | ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))) => {
                    mentioned.insert(call.name.to_string());
                    used_modules.insert(root_of(&call.namespace.to_string()));
                    if let ("rule", Some(Expr::StringConstant(name, _))) = (call.name.as_str(), call.args.first()) {
                        rules.insert(name.to_string());
                    }
                }
                Some(ASTNode::Stmt(Stmt::Import(import, _))) => {
                    let name = match &import.0 {
                        Expr::StringConstant(name, _) => Some(name.to_string()),
                        _ => None,
                    };
                    let known = modules.entry(import.1.name.to_string()).or_insert_with(|| name.clone());
                    if *known != name {
                        *known = None;
                    }
                }
                Some(ASTNode::Expr(Expr::StringConstant(text, _))) => {
                    mentioned.insert(text.to_string());
                }
                Some(ASTNode::Expr(Expr::Variable(variable, ..))) => {
                    mentioned.insert(variable.1.to_string());
                    if variable.2.to_string() == "global" {
                        used_as_global.insert(variable.1.to_string());
                    }
                    used_modules.insert(root_of(&variable.2.to_string()));
                }
                Some(ASTNode::Expr(Expr::DynamicConstant(value, _))) => {
                    mentioned.extend(value.read_lock::<FnPtr>().map(|f| f.fn_name().to_owned()));
                }
                // A method of the script may assign to `this`; one of the language may change the value in place.
                Some(ASTNode::Expr(Expr::Dot(pair, ..))) => {
                    if let Expr::MethodCall(call, _) = first_step(&pair.rhs)
                        && (CHANGING.contains(&call.name.as_str())
                            || functions.keys().any(|(name, _)| *name == call.name.as_str()))
                    {
                        changed.extend(root_name(&pair.lhs));
                    }
                }
                _ => {}
            }
            true
        });
        Self {
            main: ast.statements().to_vec(),
            functions,
            closures,
            changed,
            mentioned,
            used_as_global,
            modules,
            used_modules,
            rules,
        }
    }

    /// Whether the text defines a function of that name, with whatever parameters.
    pub fn defines(&self, name: &str) -> bool {
        self.functions.keys().any(|(known, _)| known == name)
    }

    /// The closure that is written out as an argument, and how many of its parameters it captured.
    pub fn closure(&self, arg: &Expr) -> Option<(&Function, usize)> {
        let (name, captured) = closure_name(arg)?;
        self.closures.get(&name).map(|closure| (closure, captured))
    }
}

/// The statements of a function: they can only be walked as those of a program.
fn body(definition: &Shared<ScriptFuncDef>) -> Vec<Stmt> {
    let mut module = Module::new();
    module.set_script_fn(definition.clone());
    let mut statements = Vec::new();
    AST::new_from_module(module).walk(&mut |path: &[ASTNode]| {
        if let [ASTNode::Stmt(statement)] = path {
            statements.push((*statement).clone());
        }
        true
    });
    statements
}

/// The first name of `a::b`.
fn root_of(namespace: &str) -> String {
    namespace.split("::").next().unwrap_or_default().to_owned()
}

/// The variable that a chain begins with.
pub fn root_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Variable(variable, ..) if variable.2.is_empty() => Some(variable.1.to_string()),
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => root_name(&pair.lhs),
        _ => None,
    }
}

fn first_step(rest: &Expr) -> &Expr {
    match rest {
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => &pair.lhs,
        step => step,
    }
}

/// The engine's name of a closure that is written out, and the number of variables that it captured.
fn closure_name(arg: &Expr) -> Option<(String, usize)> {
    match arg {
        Expr::DynamicConstant(value, _) => value.read_lock::<FnPtr>().map(|f| (f.fn_name().to_owned(), 0)),
        Expr::FnCall(call, _) if call.name == "curry" => {
            closure_name(call.args.first()?).map(|(name, _)| (name, call.args.len() - 1))
        }
        Expr::Stmt(block) => block.statements().iter().find_map(|statement| match statement {
            Stmt::Expr(expr) => closure_name(expr),
            _ => None,
        }),
        _ => None,
    }
}
