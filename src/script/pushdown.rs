//! Turns a `where` closure into a condition for the store: the closure room's answer, under this room's name.

pub use super::closure::{Compiled, compile};
