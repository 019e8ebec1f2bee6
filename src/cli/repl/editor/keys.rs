//! What keys do at the moment: write a statement, answer a question, or wait for the next prompt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustyline::{Cmd, ConditionalEventHandler, Event, EventContext, KeyEvent, RepeatCount};

use super::ahead::Ahead;

/// What is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// Statements, with everything that helps.
    #[default]
    Statement,
    /// A line that is no statement.
    Answer,
    /// What was typed already, so that it is not taken for an answer.
    TypedAhead,
}

/// The editor, its helper and its key bindings share it.
#[derive(Clone, Default)]
pub struct Keys(Arc<State>);

#[derive(Default)]
struct State {
    reading: Mutex<Reading>,
    ahead: Mutex<Ahead>,
    /// Ctrl-C has ended the line.
    interrupted: AtomicBool,
    /// The end of what was typed ahead has been asked for.
    ends: AtomicBool,
    /// Stops the line that runs.
    cancel: Arc<AtomicBool>,
}

impl Keys {
    /// `cancel`: what a Ctrl-C sets that the editor does not read, because no line is being typed.
    pub fn new(cancel: Arc<AtomicBool>) -> Self {
        Self(Arc::new(State { cancel, ..State::default() }))
    }

    /// Whatever was to be stopped until now, the line that comes is not.
    pub fn line_comes(&self) {
        self.0.cancel.store(false, Ordering::Relaxed);
    }

    pub fn begin(&self, reading: Reading) {
        *self.0.reading.lock().unwrap_or_else(PoisonError::into_inner) = reading;
        self.0.interrupted.store(false, Ordering::Relaxed);
        self.0.ends.store(false, Ordering::Relaxed);
    }

    pub fn reading(&self) -> Reading {
        *self.0.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn ahead(&self) -> MutexGuard<'_, Ahead> {
        self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn was_interrupted(&self) -> bool {
        self.0.interrupted.load(Ordering::Relaxed)
    }

    /// Ends the reading of what was typed ahead once the editor has none of it left. It sees a signal only when
    /// its own buffer is empty, and before it looks at the terminal again; what waits at the terminal is read
    /// first.
    pub fn end_typed_ahead(&self) {
        if self.reading() == Reading::TypedAhead && !keys_wait() && !self.0.ends.swap(true, Ordering::Relaxed) {
            interrupt_reading();
        }
    }
}

/// For every key, before the editor's own bindings are asked.
impl ConditionalEventHandler for Keys {
    fn handle(&self, event: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        let key = event.get(0)?;
        if self.reading() == Reading::TypedAhead {
            self.ahead().key(key);
            self.end_typed_ahead();
            return Some(Cmd::Noop);
        }
        // While the editor reads keys, Ctrl-C is one of them. So the last key of a line is the last moment at which
        // a stop can only have been meant for the line before: afterwards it is for this one, even if it has not begun.
        self.line_comes();
        if *key == KeyEvent::ctrl('C') {
            // It ends the line as Enter does: an error would take along what the editor has read ahead, and
            // whoever types on at once would lose it.
            self.0.interrupted.store(true, Ordering::Relaxed);
            return Some(Cmd::AcceptLine);
        }
        if *key == KeyEvent::ctrl('@') {
            // A Ctrl-D that came while a line was running: the terminal has put a null in its place.
            return Some(Cmd::EndOfFile);
        }
        (*key == KeyEvent::alt('\r') && self.reading() == Reading::Statement).then_some(Cmd::Newline)
    }
}

/// Whether the terminal has keys that nobody has read.
#[cfg(unix)]
pub fn keys_wait() -> bool {
    rustix::io::ioctl_fionread(std::io::stdin()).is_ok_and(|bytes| bytes > 0)
}

#[cfg(not(unix))]
pub fn keys_wait() -> bool {
    false
}

/// The editor hears this signal while it reads, and nobody else does.
#[cfg(unix)]
fn interrupt_reading() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT);
}

#[cfg(not(unix))]
fn interrupt_reading() {}
