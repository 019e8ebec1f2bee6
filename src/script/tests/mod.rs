//! The script host from outside: a script in; its output, its plan or its error out.

mod errors;
mod language;
