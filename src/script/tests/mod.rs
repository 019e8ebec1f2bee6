//! The script host from outside: a script in; its output, its plan or its error out.

mod checks;
mod contract;
mod errors;
mod language;
mod library;
mod limits;
mod modules;
mod parameters;
mod past;
mod plans;
