//! Calls of functions: those of the text, of modules, and of the language; their arguments.

use rhai::{Expr, FnCallExpr, Ident, Position};

use super::SYNTAX;
use super::walk::Walk;
use crate::domain::misspelt::nearest_few;
use crate::script::problem::Problem;
use crate::script::typing::Type;

impl<'a> Walk<'a> {
    pub fn call(&mut self, call: &'a FnCallExpr, at: Position) -> Option<Type> {
        let name = call.name.as_str();
        if matches!(name, "print" | "debug") && !self.unit.defines(name) {
            call.args.iter().for_each(|arg| {
                self.shown(arg);
            });
            return None;
        }
        if let Some(of) = self.comparison(call) {
            return Some(of);
        }
        let mut types = Vec::new();
        for arg in &call.args {
            types.push(if self.closure(arg, None) { Type::known("closure", None) } else { self.expr(arg) });
        }
        if call.is_operator_call() {
            self.unit_missing(name, &types, at);
            return self.operator(name, &types);
        }
        if call.is_qualified() {
            return self.module_call(call, at);
        }
        let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if SYNTAX.contains(&name) || !is_name {
            if let ("Fn", Some(Expr::StringConstant(function, _))) = (name, call.args.first()) {
                self.noted.calls_all(self.unit, function);
            }
            return None;
        }
        if self.unit.defines(name) {
            return self.own_call(name, call.args.len(), at);
        }
        self.language_call(call, &types, at)
    }

    fn own_call(&mut self, name: &str, arguments: usize, at: Position) -> Option<Type> {
        let key = (name.to_owned(), arguments);
        if self.unit.functions.contains_key(&key) {
            self.noted.calls(&key);
            return self.result_of(&key);
        }
        if !self.catalog.functions_named(name).any(|e| e.params.len() == arguments) {
            let forms = self.unit.functions.iter().filter(|((known, _), _)| known == name);
            let forms: Vec<String> = forms.map(|(_, f)| format!("`{name}({})`", f.params.join(", "))).collect();
            self.error(wrong_number(name, arguments, &forms), at);
        }
        None
    }

    fn language_call(&mut self, call: &'a FnCallExpr, types: &[Option<Type>], at: Position) -> Option<Type> {
        let name = call.name.as_str();
        let forms: Vec<_> = self.catalog.functions_named(name).filter(|e| e.params.len() == types.len()).collect();
        if let Some(first) = forms.first() {
            // A method may also be called as a function with its object first.
            let object = types.first().and_then(Option::as_ref);
            let meant = forms.iter().find(|e| object.is_some_and(|of| e.takes_first(&of.name)));
            let meant = *meant.unwrap_or(first);
            let mails = self.may_mail(call.args.last().filter(|_| !meant.options.is_empty()));
            self.noted.has_effect(meant, mails);
            self.arguments(name, types, at, false);
            self.literal_time(call);
            return self.catalog.function(name, types.len());
        }
        let known = self.catalog.functions_named(name).next().is_some();
        if !known && self.local(name).is_some() {
            let problem = Problem::new("unknown_function", format!("there is no function `{name}`")).about(name);
            self.error(problem.hint(format!("a closure in a variable is called so: `{name}.call(…)`")), at);
            return None;
        }
        if !known {
            let own = self.unit.functions.iter();
            let own: Vec<(&str, &[String])> = own.map(|((known, _), f)| (known.as_str(), f.params.as_slice())).collect();
            if let Some(near) = nearest_few(name, own.iter().map(|(known, _)| *known), 1).first()
                && let Some((_, params)) = own.iter().find(|(known, _)| known == near)
            {
                let problem = Problem::new("unknown_function", format!("there is no function `{name}`")).about(name);
                self.error(problem.hint(format!("did you mean `{near}({})`?", params.join(", "))), at);
                return None;
            }
        }
        let words = vec!["any"; types.len()].join(", ");
        self.error(self.catalog.unknown_function(&format!("{name} ({words})"), false), at);
        None
    }

    /// Says when no form of a function takes what is certain of the arguments' types.
    pub fn arguments(&mut self, name: &str, types: &[Option<Type>], at: Position, method: bool) {
        let mut forms = self.catalog.functions_named(name).filter(|e| e.params.len() == types.len()).peekable();
        let object = types.first().and_then(Option::as_ref).filter(|_| method);
        let certain = forms.peek().is_some() && types.iter().any(Option::is_some);
        let fits = |params: &[(String, String)]| {
            params.iter().zip(types).all(|((_, wanted), got)| got.as_ref().is_none_or(|got| may_take(wanted, &got.name)))
        };
        if !certain || forms.any(|e| fits(&e.params)) {
            return;
        }
        let words: Vec<&str> = types.iter().map(|of| of.as_ref().map_or("any", |of| of.name.as_str())).collect();
        let known = object.is_some() || !method;
        if known {
            self.error(self.catalog.unknown_function(&format!("{name} ({})", words.join(", ")), method), at);
        }
    }

    /// `now() - 7`: seven of what is not said.
    fn unit_missing(&mut self, name: &str, types: &[Option<Type>], at: Position) {
        if let [Some(left), Some(right)] = types
            && matches!((name, left.name.as_str(), right.name.as_str()), ("+" | "-", "Time" | "Span", "int" | "float"))
        {
            let signature = format!("{name} ({}, {})", left.name, right.name);
            self.error(self.catalog.unknown_function(&signature, false), at);
        }
    }

    fn operator(&self, name: &str, types: &[Option<Type>]) -> Option<Type> {
        if matches!(name, "==" | "!=" | "<" | "<=" | ">" | ">=" | "!") {
            return Type::known("bool", None);
        }
        let [Some(left), Some(right)] = types else { return None };
        if left.name == "Selection" && left == right && matches!(name, "+" | "-" | "&") {
            return Some(left.clone());
        }
        let of = self.catalog.operator(name, &left.name, &right.name)?;
        Type::known(of, None)
    }

    fn module_call(&mut self, call: &'a FnCallExpr, at: Position) -> Option<Type> {
        let namespace = call.namespace.to_string();
        let library = self.unit.modules.get(&namespace)?.as_deref()?;
        let module = &self.facts.modules.offered(library)?.functions;
        let (name, arguments) = (call.name.as_str(), call.args.len());
        if let Some(function) = module.iter().find(|f| f.name == name && f.params.len() == arguments) {
            let shown = format!("{namespace}::{name}");
            self.noted.through(&shown, &function.effects);
            if !function.options.is_empty() {
                call.args.iter().for_each(|arg| self.options_map(&shown, &function.options, "", arg));
            }
            return function.yields.clone();
        }
        let form = |name: &str| -> Vec<String> {
            let named = module.iter().filter(|f| f.name == name);
            named.map(|f| format!("`{namespace}::{name}({})`", f.params.join(", "))).collect()
        };
        let forms = form(name);
        if !forms.is_empty() {
            let problem = wrong_number(&format!("{namespace}::{name}"), arguments, &forms);
            self.error(problem.about(name), at);
            return None;
        }
        let problem = Problem::new("unknown_function", format!("there is no function `{namespace}::{name}`")).about(name);
        let near = nearest_few(name, module.iter().map(|f| f.name.as_str()), 3);
        let near: Vec<String> = near.iter().flat_map(|near| form(near)).collect();
        let hint = if near.is_empty() {
            let all: Vec<&str> = module.iter().map(|f| f.name.as_str()).collect();
            format!("the module has: {}", all.join(", "))
        } else {
            format!("did you mean {}?", near.join(" or "))
        };
        self.error(problem.hint(hint), at);
        None
    }

    /// `audiences::LATE`: a variable that a module exports.
    pub fn module_variable(&mut self, namespace: &str, name: &str, at: Position) -> Option<Type> {
        let library = self.unit.modules.get(namespace)?.as_deref()?;
        let module = self.facts.modules.offered(library)?;
        if let Some(of) = module.variables.get(name) {
            return of.clone();
        }
        let problem = Problem::new("unknown_variable", format!("there is no variable `{namespace}::{name}`")).about(name);
        let known = || module.variables.keys().map(String::as_str);
        let hint = if module.functions.iter().any(|f| f.name == name) {
            format!("it is a function: write `{namespace}::{name}(…)`")
        } else if module.kept.contains(name) {
            format!("the module keeps it to itself: write `export` before `{name}` there")
        } else if let Some(near) = nearest_few(name, known(), 1).first() {
            format!("did you mean `{namespace}::{near}`?")
        } else if module.variables.is_empty() {
            "the module exports no variables".to_owned()
        } else {
            format!("the module exports: {}", known().collect::<Vec<_>>().join(", "))
        };
        self.error(problem.hint(hint), at);
        None
    }

    /// A module that is imported by a literal name.
    pub fn import(&mut self, name: &'a Expr, alias: &Ident) {
        let at = match alias.pos {
            Position::NONE => name.position(),
            at => at,
        };
        if let Expr::StringConstant(module, position) = name
            && let Some(problem) = self.facts.modules.missing(module)
        {
            self.error(problem, *position);
            return;
        }
        let alias = alias.name.as_str();
        if !alias.is_empty() && !alias.starts_with('_') && !self.unit.used_modules.contains(alias) {
            let problem = Problem::new("unused_import", format!("nothing of the module `{alias}` is used")).about(alias);
            self.warn(problem.hint("take the import out"), at);
        }
    }
}

fn wrong_number(name: &str, arguments: usize, forms: &[String]) -> Problem {
    let given = match arguments {
        0 => "nothing".to_owned(),
        n => crate::domain::invite_plan::counted(n, "argument"),
    };
    Problem::new("wrong_arguments", format!("`{name}` can't be called with {given}"))
        .about(name)
        .hint(format!("it takes: {}", forms.join(" or ")))
}

/// Whether a value of the type `got` can be given where `wanted` stands in the reference. In doubt it can.
fn may_take(wanted: &str, got: &str) -> bool {
    const PLAIN: [&str; 8] = ["string", "int", "float", "bool", "array", "map", "closure", "char"];
    let is_certain = |name: &str| PLAIN.contains(&name) || name.starts_with(char::is_uppercase);
    wanted == got || !is_certain(wanted) || !is_certain(got)
}
