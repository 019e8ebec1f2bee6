//! Turns a `where` closure into a condition for the store, with this room's own value types.

use rhai::{Dynamic, FnPtr, NativeCallContext, Position};

use super::closure;
use super::values::Time;
use crate::domain::ids::GroupId;
use crate::domain::selection::{Condition, Of, Value};

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

pub fn compile(
    _ctx: &NativeCallContext,
    _closure: &FnPtr,
    _of: Of,
    _resolve_group: &dyn Fn(&str) -> Option<GroupId>,
    _value_of: &dyn Fn(&Dynamic) -> Option<Value>,
) -> Compiled {
    Compiled { leftover: true, left_text: vec!["the whole closure".to_owned()], ..Compiled::default() }
}
