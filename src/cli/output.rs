//! Printing to people who may have stopped reading. The macros here take the place of the standard
//! ones in this room: `beckon tasks | head` must neither end in a panic nor stop a run half way.

use std::fmt::Arguments;
use std::io::Write as _;

/// Prints to standard output. A reader that has gone misses it, and that is all.
pub fn out(text: Arguments<'_>) {
    let _ = std::io::stdout().write_fmt(text);
}

/// Prints to standard error, likewise.
pub fn err(text: Arguments<'_>) {
    let _ = std::io::stderr().write_fmt(text);
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
