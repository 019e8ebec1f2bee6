//! What chains of fields, calls and indexes lead to: `a.b(c)[d]`.

use rhai::{Expr, FnCallExpr, Position, Stmt};

use super::SYNTAX;
use super::walk::Walk;
use crate::script::chain::{Chain, Step};
use crate::script::problem::Problem;
use crate::script::typing::Type;

/// What a chain ends with.
#[derive(Default)]
pub struct End {
    pub of: Option<Type>,
    /// The object and the name of the field that is its last step.
    pub field: Option<(Type, String)>,
}

impl<'a> Walk<'a> {
    pub fn chain(&mut self, expr: &'a Expr) -> Option<Type> {
        self.chain_end(expr).of
    }

    /// Follows a chain, and notes the first step that can't be.
    pub fn chain_end(&mut self, expr: &'a Expr) -> End {
        let Some(Chain { root, steps, may_stop }) = Chain::of(expr) else { return End::default() };
        let sends = steps.iter().any(|step| matches!(step, Step::Call(call, _) if call.name == "send"));
        let mut of = self.chain_root(root, sends);
        let mut field = None;
        for step in &steps {
            field = match (&of, step) {
                (Some(of), Step::Property(name, _)) => Some((of.clone(), (*name).to_owned())),
                _ => None,
            };
            of = self.step(of, step);
        }
        // After `?.` there may be nothing.
        if may_stop { End::default() } else { End { of, field } }
    }

    fn step(&mut self, of: Option<Type>, step: &Step<'a>) -> Option<Type> {
        let of_api = of.as_ref().filter(|of| of.is_of_api());
        match step {
            Step::Property(name, at) => match self.catalog.field(of_api?, name) {
                Ok(next) => next,
                // A name is as good as an index: `groups.Staff`.
                Err(_) if of_api?.name == "Groups" => {
                    self.group_called(name, *at);
                    self.catalog.index(of_api?)
                }
                Err(problem) => {
                    self.error(problem, *at);
                    None
                }
            },
            Step::Index(index) => {
                self.argument(index);
                if let Some(of) = of_api {
                    self.literal_index(of, index);
                }
                self.catalog.index(of_api?)
            }
            Step::Call(call, at) => self.method(of.as_ref().filter(|of| self.knows_methods_of(of)), call, *at),
        }
    }

    /// Whether every function that can be called on such a value is in the catalogue. A map may hold closures, and
    /// some types of the language's own are not described.
    fn knows_methods_of(&self, of: &Type) -> bool {
        matches!(of.name.as_str(), "string" | "array") || self.catalog.types().iter().any(|known| known.name == of.name)
    }

    fn method(&mut self, of: Option<&Type>, call: &'a FnCallExpr, at: Position) -> Option<Type> {
        let name = call.name.as_str();
        let ours = call.is_qualified() || self.unit.defines(name) || SYNTAX.contains(&name);
        let Some(of) = of.filter(|_| !ours) else {
            call.args.iter().for_each(|arg| self.argument(arg));
            self.noted.calls_all(self.unit, name);
            if !ours {
                let mails = self.may_mail(call.args.last());
                self.noted.may_be(self.catalog, name, call.args.len() + 1, mails);
            }
            return None;
        };
        let form = match self.catalog.method_form(of, name, call.args.len()) {
            Ok(form) => form,
            Err(problem) => {
                self.error(problem, at);
                call.args.iter().for_each(|arg| self.argument(arg));
                return None;
            }
        };
        let mut types = vec![Some(of.clone())];
        for arg in &call.args {
            let is_closure = self.closure(arg, of.of_row());
            types.push(if is_closure { Type::known("closure", None) } else { self.expr(arg) });
        }
        let mails = self.may_mail(call.args.last().filter(|_| !form.options.is_empty()));
        self.noted.has_effect(form, mails);
        self.arguments(name, &types, at, true);
        self.options(form, call, 1);
        self.literals(of, form, call);
        self.catalog.method(of, name, call.args.len()).ok().flatten()
    }

    /// `invite.plan(…)` and nothing after it.
    pub fn is_new_plan(&mut self, expr: &'a Expr) -> bool {
        self.only_call(expr, "invite").is_some_and(|call| call.name == "plan")
    }

    /// A plan that is made and dropped at once.
    pub fn unsent(&mut self, statement: &'a Stmt) {
        if let Stmt::Expr(expr) = statement
            && self.is_new_plan(expr)
        {
            let problem = Problem::new("never_sent", "this plan is never sent").about("plan");
            self.warn(problem.hint("nothing is sent until `.send()`"), expr.start_position());
        }
    }

    /// The name of the parameter that the expression declares: `run.param("group", …)`.
    pub fn declared_parameter(&mut self, expr: &'a Expr) -> Option<String> {
        let call = self.only_call(expr, "run").filter(|call| call.name == "param")?;
        match call.args.first()? {
            Expr::StringConstant(name, _) => Some(name.to_string()),
            _ => None,
        }
    }

    fn only_call(&mut self, expr: &'a Expr, global: &str) -> Option<&'a FnCallExpr> {
        let Expr::Dot(pair, ..) = expr else { return None };
        match (&pair.lhs, &pair.rhs) {
            (Expr::Variable(variable, ..), Expr::MethodCall(call, _))
                if variable.1 == global && variable.2.is_empty() && self.local(global).is_none() =>
            {
                Some(call)
            }
            _ => None,
        }
    }
}
