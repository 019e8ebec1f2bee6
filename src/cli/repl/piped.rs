//! Statements that come without a terminal: a file, a pipe. They print like a transcript.

use std::io::BufRead;

use super::commands::goes_on;
use super::shell::{Next, Shell};
use crate::cli::exit::{Exit, Failure};

/// Reads statement by statement to the end, whatever each comes to. The answer tells of the last error.
///
/// # Errors
/// The input can't be read.
pub fn work_through(shell: &mut Shell<'_, '_>, input: &mut dyn BufRead) -> Result<Exit, Failure> {
    let mut text = String::new();
    loop {
        let mut line = Vec::new();
        let ended = input.read_until(b'\n', &mut line)? == 0;
        text.push_str(&String::from_utf8_lossy(&line));
        if ended || !goes_on(&text) {
            let statement = std::mem::take(&mut text);
            if !statement.trim().is_empty() && shell.enter_aloud(statement.trim_end()) == Next::Leave {
                return Ok(shell.finish());
            }
        }
        if ended || shell.is_stopped() {
            return Ok(shell.finish());
        }
    }
}
