//! What a script can say: the Rhai engine, its limits, the API modules and the errors.
//! A script reads the roster view and appends intents; it cannot reach a port, the clock or the disk.

mod api;
mod audience;
mod calendar;
mod caret;
mod catalog;
mod chain;
mod check;
pub mod closure;
mod comparing;
mod coverage;
pub mod debug;
mod declare;
mod definitions;
mod describe;
mod ending;
mod engine;
mod error;
mod explain;
mod export;
mod finding;
mod function_places;
mod growing;
mod habits;
mod imports;
mod input;
mod json;
mod limits;
mod lookup;
pub mod memory;
mod option_key;
mod options;
mod packages;
mod params;
mod past;
mod pattern;
mod piece;
mod problem;
pub mod reference;
mod reminder_policy;
mod resolver;
mod row_test;
mod rows;
mod run_context;
mod second_look;
mod selection;
pub mod session;
pub mod shown;
mod snapshot;
mod sources;
mod stdlib;
mod syntax;
mod test_run;
mod tested;
mod thread;
pub mod trial;
mod typing;
mod unknown;
mod values;
mod vocabulary;
mod watch;
mod written;

#[cfg(test)]
mod stdlib_parse_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod tests;

pub use coverage::{Coverage, Covered};
pub use engine::ScriptHost;
pub use error::{Details, ErrorKind, Frame, ScriptError};
pub use finding::{Checked, Effect, Finding, Severity, effects_in_words};
pub use input::{
    Declarations, HeldModules, LastValue, ParamAbort, ParamDecl, ParamKind, ParamSource, RunInput, RunOutput, ScheduleBook,
    ScriptSource, SiteFacts, Stop, Surroundings, TemplateCheck, TemplateMisfit, Turn,
};
pub use piece::{Piece, PieceKind, is_called, pieces};
pub use problem::Problem;
pub use typing::Type;
pub use vocabulary::{Offer, OfferKind, Vocabulary};
pub use written::{Names, Place, Quote, Variable, Wanted};
