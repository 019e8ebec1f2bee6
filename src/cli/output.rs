//! Printing to people who may have stopped reading. The macros here take the place of the standard
//! ones in this room: `beckon tasks | head` must neither end in a panic nor stop a run half way.

use std::fmt::Arguments;
use std::io::{self, Write as _};
use std::sync::OnceLock;

/// Why standard output could not be written, the first time.
static LOST: OnceLock<String> = OnceLock::new();

/// Prints to standard output. A reader that has gone misses it, and that is all; a full disk is told at the end.
pub fn out(text: Arguments<'_>) {
    note(io::stdout().write_fmt(text));
}

/// Why not all of standard output could be written, where that is so and its reader has not just gone.
pub fn lost() -> Option<&'static str> {
    note(io::stdout().flush());
    LOST.get().map(String::as_str)
}

fn note(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let _ = LOST.set(error.to_string());
    }
}

/// Prints to standard error, likewise.
pub fn err(text: Arguments<'_>) {
    let _ = io::stderr().write_fmt(text);
}

macro_rules! print {
    ($($text:tt)*) => { $crate::cli::output::out(format_args!($($text)*)) };
}

macro_rules! println {
    ($($text:tt)*) => { $crate::cli::output::out(format_args!("{}\n", format_args!($($text)*))) };
}

macro_rules! eprint {
    ($($text:tt)*) => { $crate::cli::output::err(format_args!($($text)*)) };
}

macro_rules! eprintln {
    ($($text:tt)*) => { $crate::cli::output::err(format_args!("{}\n", format_args!($($text)*))) };
}
