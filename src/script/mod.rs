//! What a script can say: the Rhai engine, its limits, the API modules and the errors.
//! A script reads the roster view and appends intents; it cannot reach a port, the clock or the disk.

mod api;
mod audience;
mod calendar;
mod caret;
mod catalog;
mod check;
pub mod closure;
pub mod debug;
mod declare;
mod describe;
mod engine;
mod error;
mod explain;
mod growing;
mod imports;
mod input;
mod json;
mod limits;
mod lookup;
pub mod memory;
mod names;
mod option_key;
mod options;
mod packages;
mod params;
mod pattern;
mod problem;
mod reference;
mod reminder_policy;
mod resolver;
mod row_test;
mod rows;
mod run_context;
mod selection;
pub mod session;
pub mod shown;
mod snapshot;
mod sources;
mod stdlib;
mod syntax;
mod tested;
mod typing;
mod values;
mod watch;

#[cfg(test)]
mod stdlib_parse_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use engine::ScriptHost;
pub use error::{Details, ErrorKind, Frame, ScriptError};
pub use input::{
    Declarations, HeldModules, ParamAbort, ParamDecl, ParamKind, ParamSource, RunInput, RunOutput, ScheduleBook, ScriptSource,
    SiteFacts, Stop, TemplateCheck, Turn,
};
