//! Turns the closure of a `where` into a condition that the store can answer, wherever the answer is
//! provably the interpreter's. It reads no row and guesses nothing: what it can't prove is left over.
//!
//! # What a caller may rely on
//!
//! For every row, with "true", "false" and "an error" being what the interpreter says of the closure:
//!
//! - `pushed` holds on every row where the closure is true. It is a filter that loses nothing.
//! - When `leftover` is false, `pushed` holds exactly where the closure is true, and the closure raises no
//!   error on any row: there is nothing left to interpret.
//! - When `leftover` is true, the whole closure has to be evaluated on the rows that `pushed` keeps.
//! - When `raises` is given, everything was understood and only errors stand in the way: the closure raises
//!   one exactly on the rows where `raises` holds, and `pushed` keeps those rows so that the interpreter
//!   raises the same error. A caller who finds that no row satisfies `raises` needs no interpreter.
//!
//! One thing differs from plain interpretation, and the reference says so: **an error that a left-over part
//! would raise on a row that the pushed part excludes is not seen.**
//!
//! # What has to be true of the host
//!
//! - A row's getters yield what `Field` says: text as strings, truth values as `bool`, numbers as `i64`, and
//!   `()` where the row has nothing. `u.attributes[key]` yields `()` for a user without that attribute.
//! - `u.groups.contains(name)`, `name in u.groups` and `u.in_group(name)` speak of nested membership.
//! - `u.devices.some(closure)`, `u.devices.is_empty()` and `d.user` (a user or `()`) exist.
//! - Times have one host type, whole milliseconds, and comparison operators; `value_of` yields a
//!   `Value::Time` for that type and nothing for any other.

mod body;
mod exact;
mod predicate;
mod rules;
mod term;
mod words;

#[cfg(test)]
mod tests;

use rhai::{Dynamic, FnPtr, NativeCallContext, Position};

use crate::domain::ids::GroupId;
use crate::domain::selection::{Condition, Of, Value};

use exact::Exact;
use predicate::Reader;
use term::Names;

/// What became of a closure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compiled {
    /// Holds on every row where the closure is true. `None`: nothing could be pushed.
    pub pushed: Option<Condition>,
    /// Whether the closure has to be evaluated on the rows that `pushed` keeps.
    pub leftover: bool,
    /// Where nothing but a possible error is left over: the rows on which the closure raises one.
    pub raises: Option<Condition>,
    /// The parts that the store answers, as a person would write them.
    pub pushed_text: Vec<String>,
    /// The parts that the interpreter answers, as a person would write them.
    pub left_text: Vec<String>,
    /// Where each left-over part stands in the script.
    pub left_at: Vec<Position>,
}

/// Compiles `closure`, a predicate over rows of the kind `of`.
///
/// `resolve_group` finds a group by its name; `value_of` turns a host value (a time) into a domain value.
/// The closure's captured variables and the times that it speaks of are taken as they are now: keep
/// [`frozen`] for the part that is left over, so that both parts see the same values.
pub fn compile(
    ctx: &NativeCallContext,
    closure: &FnPtr,
    of: Of,
    resolve_group: &dyn Fn(&str) -> Option<GroupId>,
    value_of: &dyn Fn(&Dynamic) -> Option<Value>,
) -> Compiled {
    let reader = Reader { ctx, resolve_group, value_of };
    let unread = || Compiled {
        leftover: true,
        left_text: vec!["the whole closure".to_owned()],
        left_at: vec![ctx.call_position()],
        ..Compiled::default()
    };
    // A host that overloads operators on plain values would make them mean something else.
    if !ctx.engine().fast_operators() {
        return unread();
    }
    let Some((params, expr)) = body::of(ctx, closure.fn_name(), closure.curry().len() + 1) else { return unread() };
    let Some(names) = Names::of_closure(of, &params, closure.curry()) else { return unread() };
    conjuncts(&reader, &names, &expr)
}

/// The closure with its captured variables as they are now, whatever the script assigns to them later.
#[must_use]
pub fn frozen(closure: &FnPtr) -> FnPtr {
    let mut copy = closure.clone();
    for value in copy.iter_curry_mut() {
        *value = std::mem::take(value).flatten();
    }
    copy
}

/// Pushes every conjunct that can be proved and leaves the others over.
fn conjuncts(reader: &Reader, names: &Names, expr: &rhai::Expr) -> Compiled {
    let whole = std::slice::from_ref(expr);
    let parts = match expr {
        rhai::Expr::And(parts, _) => parts.as_slice(),
        _ => whole,
    };
    let mut compiled = Compiled::default();
    let mut understood = Vec::new();
    let mut known = Vec::new();
    let mut may_raise = Vec::new();
    for part in parts {
        let exact = reader.predicate(names, part, &known);
        let full = exact.as_ref().is_some_and(|e| e.raises.is_some()) && may_raise.len() >= exact::RAISING_MAX;
        let text = words::of(part);
        match exact {
            Some(exact) if !full => {
                known.extend(exact.if_true.iter().cloned());
                if exact.raises.is_some() {
                    may_raise.push((text.clone(), part.start_position()));
                }
                compiled.pushed_text.push(text);
                understood.push(exact);
            }
            _ => {
                compiled.left_text.push(text);
                compiled.left_at.push(part.start_position());
            }
        }
    }
    let opaque = !compiled.left_text.is_empty();
    for (text, at) in may_raise {
        compiled.left_text.push(format!("{text}, because it may raise an error"));
        compiled.left_at.push(at);
    }
    compiled.leftover = !compiled.left_text.is_empty();
    match Exact::all(understood) {
        Some(exact) => {
            let pushed = Condition::any([Some(exact.yes), exact.raises.clone()].into_iter().flatten().collect());
            let says_something = !compiled.leftover || pushed != Condition::Always(true);
            compiled.pushed = says_something.then_some(pushed);
            compiled.raises = exact.raises.filter(|_| !opaque);
        }
        // Too large to be worth a query: the interpreter has all of it.
        None => {
            compiled.left_text = parts.iter().map(words::of).collect();
            compiled.left_at = parts.iter().map(rhai::Expr::start_position).collect();
            compiled.pushed_text.clear();
            compiled.leftover = true;
        }
    }
    compiled
}
