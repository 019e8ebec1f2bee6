//! Turns a `where` closure into a condition for the store, with this room's own value types.

use rhai::{Dynamic, FnPtr, NativeCallContext};

use super::closure;
use super::values::Time;
use crate::domain::ids::GroupId;
use crate::domain::selection::{Of, Value};

pub use super::closure::Compiled;

/// What of `closure` the store can answer.
pub fn compile(ctx: &NativeCallContext, closure: &FnPtr, of: Of, resolve_group: &dyn Fn(&str) -> Option<GroupId>) -> Compiled {
    let value_of = |value: &Dynamic| value.read_lock::<Time>().map(|time| Value::Time(time.0));
    closure::compile(ctx, closure, of, resolve_group, &value_of)
}
