//! Reads truth-valued expressions; `None` means "not proved".

use rhai::{Dynamic, Expr, FnCallExpr, FnPtr, NativeCallContext, Stmt};

use crate::domain::ids::GroupId;
use crate::domain::selection::{Condition, Kind, Of, Value};

use super::body;
use super::exact::{Exact, Fact};
use super::rules::{Search, compare, comparison, of_whom, one_of, search};
use super::term::{self, Captured, Names, Term, Whose};
use crate::script::chain::{Chain, Step};

/// Closures inside closures inside closures are left to the interpreter.
const LEVELS_MAX: usize = 3;

pub struct Reader<'a> {
    pub ctx: &'a NativeCallContext<'a>,
    pub resolve_group: &'a dyn Fn(&str) -> Option<GroupId>,
    pub value_of: &'a dyn Fn(&Dynamic) -> Option<Value>,
}

impl Reader<'_> {
    /// Understands `expr`, given what is known by the time it is evaluated. Only expressions that are sure
    /// to be truth values (or to raise an error) are understood.
    pub fn predicate(&self, names: &Names, expr: &Expr, known: &[Fact]) -> Option<Exact> {
        match expr {
            Expr::And(parts, _) => {
                let mut known = known.to_vec();
                Exact::all(self.in_turn(names, parts, &mut known, |part| &part.if_true)?)
            }
            Expr::Or(parts, _) => {
                let mut known = known.to_vec();
                Exact::any(self.in_turn(names, parts, &mut known, |part| &part.if_false)?)
            }
            Expr::FnCall(call, _) if !call.is_qualified() && !call.capture_parent_scope => self.call(names, call, known),
            Expr::Dot(..) | Expr::Index(..) => self.chain(names, expr, known),
            // A literal or a captured switch such as `everybody || u.enabled`.
            other => self.constant(names, other)?.as_bool().ok().map(Exact::always),
        }
    }

    fn in_turn(
        &self,
        names: &Names,
        parts: &[Expr],
        known: &mut Vec<Fact>,
        learned: fn(&Exact) -> &Vec<Fact>,
    ) -> Option<Vec<Exact>> {
        let mut understood = Vec::with_capacity(parts.len());
        for part in parts {
            let exact = self.predicate(names, part, known)?;
            known.extend(learned(&exact).iter().cloned());
            understood.push(exact);
        }
        Some(understood)
    }

    fn call(&self, names: &Names, call: &FnCallExpr, known: &[Fact]) -> Option<Exact> {
        match (call.is_operator_call(), call.name.as_str(), call.args.as_slice()) {
            (true, "!", [inner]) => self.predicate(names, inner, known).map(Exact::not),
            // `item in container` is a call of `contains`, and so is `item !in container` under a `!`.
            (_, "contains", [container, item]) => {
                let (container, item) = (self.term(names, container)?, self.part(names, item)?);
                self.contains(container, item, known)
            }
            (true, operator, [left, right]) => {
                let is = comparison(operator)?;
                compare(self.term(names, left)?, is, self.term(names, right)?, known)
            }
            _ => None,
        }
    }

    fn chain(&self, names: &Names, expr: &Expr, known: &[Fact]) -> Option<Exact> {
        let Chain { root, steps, .. } = term::chain(expr)?;
        let Some((Step::Call(call, _), before)) = steps.split_last() else {
            let Term::Field(whose, field) = self.term(names, expr)? else { return None };
            return match field.kind() {
                Kind::Bool => of_whom(whose, known, |_| Some(Exact::sure(Condition::Is(field.clone())))),
                _ => None,
            };
        };
        if call.is_qualified() || body::redefined(self.ctx, &call.name) {
            return None;
        }
        let args = call.args.as_slice();
        if self.is_row(names, root)
            && let ("in_group", [group]) = (call.name.as_str(), args)
        {
            let whose = match (names.of, before) {
                (Of::Users, []) => Whose::Row,
                (Of::Devices, [Step::Property("user", _)]) => Whose::Owner,
                _ => return None,
            };
            return self.in_group(whose, self.term(names, group)?, known);
        }
        let receiver = match before {
            [] => self.term(names, root)?,
            steps if self.is_row(names, root) => self.steps(names, names.of, steps)?,
            _ => return None,
        };
        match (call.name.as_str(), args) {
            ("contains", [part]) => self.contains(receiver, self.part(names, part)?, known),
            ("starts_with", [part]) => search(Search::StartsWith, receiver, self.part(names, part)?, known),
            ("ends_with", [part]) => search(Search::EndsWith, receiver, self.part(names, part)?, known),
            ("is_empty", []) if receiver == Term::Devices => {
                Some(Exact::sure(Condition::not(Condition::AnyDevice(Box::new(Condition::Always(true))))))
            }
            ("some", [closure]) if receiver == Term::Devices => self.any_device(names, closure),
            _ => None,
        }
    }

    /// What is looked for in a text: a single character is a text of one.
    fn part(&self, names: &Names, expr: &Expr) -> Option<Term> {
        match expr {
            Expr::CharConstant(c, _) if *c != '\0' => Some(Term::Value(Value::Text(c.to_string()))),
            other => self.term(names, other),
        }
    }

    fn contains(&self, container: Term, item: Term, known: &[Fact]) -> Option<Exact> {
        // `in` calls `contains` by name too.
        if body::redefined(self.ctx, "contains") {
            return None;
        }
        match container {
            Term::List(values) => one_of(item, values, known),
            Term::Groups(whose) => self.in_group(whose, item, known),
            text => search(Search::Contains, text, item, known),
        }
    }

    fn in_group(&self, whose: Whose, group: Term, known: &[Fact]) -> Option<Exact> {
        let Term::Value(Value::Text(name)) = group else { return None };
        // An unknown group may be an error or an empty group; the interpreter knows which.
        let group = (self.resolve_group)(&name)?;
        of_whom(whose, known, |_| Some(Exact::sure(Condition::InGroup(group))))
    }

    /// `u.devices.some(|d| …)`, when the inner closure is understood to the last part and can't fail.
    fn any_device(&self, names: &Names, closure: &Expr) -> Option<Exact> {
        if names.level >= LEVELS_MAX {
            return None;
        }
        let (pointer, captured) = self.inner_closure(names, closure)?;
        let (params, expr) = body::of(self.ctx, pointer.fn_name(), captured.len() + 1)?;
        let inner = Names::new(Of::Devices, &params, captured, names.level + 1)?;
        let exact = self.predicate(&inner, &expr, &[])?;
        exact.raises.is_none().then(|| Exact::sure(Condition::AnyDevice(Box::new(exact.yes))))
    }

    /// A closure written in place, or captured in a variable.
    fn inner_closure(&self, names: &Names, expr: &Expr) -> Option<(FnPtr, Vec<Captured>)> {
        if let Expr::Stmt(block) = expr {
            // One that captures is a block: mark what is shared, then curry.
            let call = match block.statements() {
                [Stmt::Share(_), Stmt::FnCall(call, _)] => call,
                [Stmt::Share(_), Stmt::Expr(expr)] => match &**expr {
                    Expr::FnCall(call, _) => call,
                    _ => return None,
                },
                _ => return None,
            };
            let (Expr::DynamicConstant(pointer, _), variables) = call.args.split_first()? else { return None };
            let pointer = pointer.clone().try_cast::<FnPtr>().filter(|p| call.name == "curry" && !p.is_curried())?;
            let captured = variables.iter().map(|variable| match variable {
                Expr::Variable(v, ..) if v.2.is_empty() => names.handed_on(&v.1),
                _ => None,
            });
            return Some((pointer, captured.collect::<Option<_>>()?));
        }
        let pointer = self.constant(names, expr)?.try_cast::<FnPtr>()?;
        let captured = pointer.iter_curry().map(|value| Captured::Value(value.flatten_clone())).collect();
        Some((pointer, captured))
    }
}
