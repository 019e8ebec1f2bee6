//! Where lines come from at a terminal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cli::exit::Failure;
use crate::cli::question::{Keyboard, Line};

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

/// Reads from a person.
pub trait LineEditor: Send {
    /// Waits for a statement.
    ///
    /// # Errors
    /// The terminal can't be used.
    fn read(&mut self, prompt: &str) -> Result<Entry, Failure>;

    /// Waits for an answer to a question; what was typed before it is kept for the next statement. `None`:
    /// there is none.
    ///
    /// # Errors
    /// The terminal can't be used.
    fn answer(&mut self, question: &str) -> Result<Option<String>, Failure>;

    /// The next line, whatever it is. `None`: there is none.
    ///
    /// # Errors
    /// The terminal can't be used.
    fn other(&mut self, prompt: &str) -> Result<Option<Line>, Failure>;

    /// Prints above the prompt, also while somebody is typing.
    ///
    /// # Errors
    /// The terminal can't be used.
    fn printer(&mut self) -> Result<Printer, Failure>;
}

/// The prompt's editor, for whoever else asks for a line: questions, parameters, the debugger.
#[derive(Clone)]
pub struct SharedEditor(Arc<Mutex<dyn LineEditor>>);

impl SharedEditor {
    pub fn new(editor: impl LineEditor + 'static) -> Self {
        Self(Arc::new(Mutex::new(editor)))
    }

    /// The editor itself. Nobody may wait for a line while a statement runs that could ask for one.
    pub fn lock(&self) -> MutexGuard<'_, dyn LineEditor + 'static> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keyboard for SharedEditor {
    fn answer(&self, question: &str) -> Result<Option<String>, Failure> {
        self.lock().answer(question)
    }

    fn line(&self, prompt: &str) -> Result<Option<Line>, Failure> {
        self.lock().other(prompt)
    }
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
