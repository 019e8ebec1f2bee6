//! Where lines come from at a terminal.

use std::sync::{Arc, Mutex, PoisonError};

use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, ExternalPrinter as _};

use crate::cli::exit::{Exit, Failure};
use crate::script::session::{Completeness, completeness};

/// What a person did at the prompt.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry {
    /// A whole statement, which may be several lines, or a command.
    Text(String),
    /// Ctrl-C: the line is gone. `on_empty`: there was nothing on it.
    Interrupted { on_empty: bool },
    /// Ctrl-D on an empty line, or the terminal has gone.
    Ended,
}

/// Reads statements from a person.
pub trait LineEditor {
    /// Waits for a statement.
    ///
    /// # Errors
    /// The terminal can't be used.
    fn read(&mut self, prompt: &str) -> Result<Entry, Failure>;

    /// Prints above the prompt, also while somebody is typing.
    ///
    /// # Errors
    /// The terminal can't be used.
    fn printer(&mut self) -> Result<Printer, Failure>;
}

/// Prints lines from any thread.
#[derive(Clone)]
pub struct Printer(Arc<Mutex<dyn FnMut(String) + Send>>);

impl Printer {
    pub fn new(print: impl FnMut(String) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(print)))
    }

    /// Prints whole lines.
    pub fn print(&self, text: &str) {
        let text = if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
        let mut print = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        print(text);
    }
}

/// An editor with nothing but lines.
pub struct PlainEditor(DefaultEditor);

impl PlainEditor {
    /// # Errors
    /// The terminal can't be used.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self(DefaultEditor::new().map_err(unusable)?))
    }
}

impl LineEditor for PlainEditor {
    fn read(&mut self, prompt: &str) -> Result<Entry, Failure> {
        let mut text = String::new();
        loop {
            let more = format!("{:>1$} ", "·", prompt.trim_end().chars().count());
            match self.0.readline(if text.is_empty() { prompt } else { more.as_str() }) {
                Ok(line) => text.push_str(&line),
                Err(ReadlineError::Interrupted) => return Ok(Entry::Interrupted { on_empty: text.is_empty() }),
                Err(ReadlineError::Eof) => return Ok(Entry::Ended),
                Err(error) => return Err(unusable(error)),
            }
            if text.starts_with(':') || completeness(&text) != Completeness::Incomplete {
                let _ = self.0.add_history_entry(text.as_str());
                return Ok(Entry::Text(text));
            }
            text.push('\n');
        }
    }

    fn printer(&mut self) -> Result<Printer, Failure> {
        let mut printer = self.0.create_external_printer().map_err(unusable)?;
        Ok(Printer::new(move |text| {
            let _ = printer.print(text);
        }))
    }
}

fn unusable(error: ReadlineError) -> Failure {
    Failure::new(Exit::Failed, format!("the terminal can't be used: {error}"))
}
