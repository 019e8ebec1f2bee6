//! A chain of fields, calls and indexes in a compiled text, `a.b(c)[d]`, taken apart.

use rhai::{ASTFlags, BinaryExpr, Expr, FnCallExpr, Position};

/// What a chain begins with, and its steps from there on.
pub struct Chain<'a> {
    pub root: &'a Expr,
    pub steps: Vec<Step<'a>>,
    /// It has a `?.` or `?[`, which may yield `()` half way.
    pub may_stop: bool,
}

/// One step of a chain.
pub enum Step<'a> {
    Property(&'a str, Position),
    Call(&'a FnCallExpr, Position),
    Index(&'a Expr),
}

impl<'a> Chain<'a> {
    /// `None` for an expression that is no chain.
    pub fn of(expr: &'a Expr) -> Option<Self> {
        let (mut pair, mut is_dot, mut flags) = link(expr)?;
        let root = &pair.lhs;
        let (mut steps, mut may_stop) = (Vec::new(), false);
        loop {
            may_stop |= flags.contains(ASTFlags::NEGATED);
            match link(&pair.rhs).filter(|_| !flags.contains(ASTFlags::BREAK)) {
                Some((next, next_is_dot, next_flags)) => {
                    steps.push(step(is_dot, &next.lhs)?);
                    (pair, is_dot, flags) = (next, next_is_dot, next_flags);
                }
                None => {
                    steps.push(step(is_dot, &pair.rhs)?);
                    return Some(Self { root, steps, may_stop });
                }
            }
        }
    }
}

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
        _ if !is_dot => Some(Step::Index(expr)),
        _ => None,
    }
}
