//! The script host from outside: a script in; its output, its plan or its error out.

mod beginners;
mod checks;
mod contract;
mod definitions;
mod error_ways;
mod errors;
mod findings;
mod language;
mod library;
mod limits;
mod modules;
pub(crate) mod pages;
mod parameters;
mod past;
mod plans;
