//! A debugger beside a script that runs: where the script stops, what can be seen there, how it goes on.
//!
//! The engine calls back at every expression and says in its own way where it is; what a stop is, is decided
//! here. Nothing of this is there in a run without a debugger.

mod attached;
mod breakpoint;
mod brief;
mod sight;
mod standing;
mod statements;
mod stepper;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use attached::Attached;
pub use breakpoint::{Breakpoint, Breakpoints, Spot};
pub use statements::Statements;

use super::error::ScriptError;
use super::shown::Shown;

/// Whoever stands beside a script and looks at it where it stops.
pub trait Debugger: Send + Sync {
    /// The script stands still until this answers. Called on the script's own thread.
    fn stopped(&self, script: &mut dyn Standing) -> Go;

    /// Whether somebody wants the script to stop at the statement that is about to be run. Asked at each.
    fn breaks_in(&self) -> bool;
}

/// A script that stands still, and what can be asked of it.
pub trait Standing {
    /// Why it stopped.
    fn event(&self) -> &Event;

    /// What it would do next, or has just done.
    fn place(&self) -> &Place;

    /// The calls that led here, innermost first.
    fn calls(&self) -> Vec<Call>;

    /// The variables that are in sight, the newest first. Values are short; no selection is read for it.
    fn variables(&mut self) -> Vec<Variable>;

    /// The value of an expression, as it would be here. Whatever it changes or asks for is forgotten.
    ///
    /// # Errors
    /// What is wrong with the expression.
    fn evaluate(&mut self, expression: &str) -> Result<Shown, ScriptError>;

    /// The text of the script or of a module that it has read.
    fn text(&self, source: &str) -> Option<Arc<str>>;

    /// What the script has asked for until now, each as a person confirms it.
    fn asked(&self) -> Vec<String>;

    /// Where it stops. A change holds for the rest of the run.
    fn breakpoints(&mut self) -> &mut Breakpoints;

    /// The line at which a breakpoint on this line would stop: a line without a statement stands for the next
    /// that has one. `None` where the text has none, or has not been read yet.
    fn line_of(&self, source: &str, line: u32) -> Option<u32>;
}

/// How a script goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// To the next statement, wherever it is.
    Into,
    /// To the next statement of this function, or of whoever called it.
    Over,
    /// To the end of this function.
    Out,
    /// To the next breakpoint or error.
    On,
    /// No further: the run is cancelled.
    Quit,
}

/// Why a script stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing has been run yet.
    Start,
    Step,
    /// Somebody broke into a script that was running on.
    BrokenInto,
    Breakpoint {
        number: u32,
        /// The condition could not be evaluated, in words.
        trouble: Option<String>,
    },
    /// The function that is to be left has this value.
    Returns(String),
    /// The function is left by an error. A `try` further out may still catch it.
    Error(String),
}

/// A place in a text, as errors show it. Lines and columns count from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub source: String,
    pub line: u32,
    pub column: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.source, self.line, self.column)
    }
}

/// A function that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `function remind`, `a closure`, `the script`.
    pub what: String,
    /// Where it is now: the stop itself, or the call that leads further in.
    pub at: Place,
}

/// A variable in sight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    pub value: String,
}
