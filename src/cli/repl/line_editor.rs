//! Where lines come from at a terminal.

use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::exit::Failure;

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
