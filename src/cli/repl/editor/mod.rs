//! The line editor of the prompt: completion, hints, colours and history on top of `rustyline`.
//! What can be completed is decided by the script room; nothing here runs a script or waits for the store.

mod completion;
mod highlight;
mod hint;
mod history;
mod known;
mod secret;

use std::borrow::Cow;
use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::{DefaultHistory, SearchDirection};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Context, Event, EventContext, EventHandler};
use rustyline::{ExternalPrinter as _, Helper, KeyEvent, RepeatCount};
use unicode_width::UnicodeWidthStr as _;

pub use known::{Known, SharedVariables};

use self::hint::Tip;
use self::history::HistoryFile;
use super::line_editor::{Entry, LineEditor, Printer};
use crate::cli::exit::{Exit, Failure};
use crate::script::session::{Completeness, completeness};

/// More alternatives than this are shown only when asked.
const ALTERNATIVES_MAX: usize = 100;

/// Reads statements at a terminal.
pub struct Editor {
    inner: rustyline::Editor<Assistant, DefaultHistory>,
    file: HistoryFile,
    interrupted: Interrupted,
}

impl Editor {
    /// `known`: what can be completed. `history`: the file that earlier sessions of this site left; without one
    /// nothing is remembered. No escape codes for colours are written unless `colour`.
    ///
    /// # Errors
    /// The terminal can't be used.
    pub fn new(known: Known, history: Option<PathBuf>, colour: bool) -> Result<Self, Failure> {
        let file = HistoryFile::open(history);
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .completion_prompt_limit(ALTERNATIVES_MAX)
            .color_mode(if colour { ColorMode::Forced } else { ColorMode::Disabled })
            .max_history_size(history::ENTRIES_MAX)
            .map_err(unusable)?
            .build();
        let mut inner = rustyline::Editor::with_config(config).map_err(unusable)?;
        let interrupted = Interrupted::default();
        inner.set_helper(Some(Assistant { known, colour, prompt_width: Cell::new(0) }));
        inner.bind_sequence(KeyEvent::alt('\r'), Cmd::Newline);
        // A Ctrl-D that came while a line was running: the terminal has put a null in its place.
        inner.bind_sequence(KeyEvent::ctrl('@'), Cmd::EndOfFile);
        inner.bind_sequence(KeyEvent::ctrl('C'), EventHandler::Conditional(Box::new(interrupted.clone())));
        for entry in file.entries() {
            let _ = inner.add_history_entry(entry.as_str());
        }
        Ok(Self { inner, file, interrupted })
    }
}

impl LineEditor for Editor {
    fn read(&mut self, prompt: &str) -> Result<Entry, Failure> {
        if let Some(assistant) = self.inner.helper() {
            assistant.prompt_width.set(prompt.width());
        }
        match self.inner.readline(prompt) {
            Ok(text) if self.interrupted.0.swap(false, Ordering::Relaxed) => {
                Ok(Entry::Interrupted { on_empty: text.trim().is_empty() })
            }
            Ok(text) => {
                if !text.trim().is_empty() {
                    // The session's own memory keeps everything; the file only what may be kept.
                    let _ = self.inner.add_history_entry(text.as_str());
                    self.file.add(&text);
                }
                Ok(Entry::Text(text))
            }
            Err(ReadlineError::Interrupted) => Ok(Entry::Interrupted { on_empty: true }),
            Err(ReadlineError::Eof) => Ok(Entry::Ended),
            Err(error) => Err(unusable(error)),
        }
    }

    fn printer(&mut self) -> Result<Printer, Failure> {
        match self.inner.create_external_printer() {
            Ok(mut printer) => Ok(Printer::new(move |text| {
                // The terminal may have gone; what was said is in the journal too.
                let _ = printer.print(text);
            })),
            // A terminal that can't be drawn on takes lines as they come.
            Err(_) => Ok(Printer::new(|text| print!("{text}"))),
        }
    }
}

fn unusable(error: ReadlineError) -> Failure {
    Failure::new(Exit::Failed, format!("the terminal can't be used: {error}"))
}

/// What helps while somebody types.
struct Assistant {
    known: Known,
    colour: bool,
    prompt_width: Cell<usize>,
}

/// Whether Ctrl-C has ended the line. It ends it as Enter does: an error would take along what the editor
/// has read ahead, and whoever types on at once would lose it.
#[derive(Clone, Default)]
struct Interrupted(Arc<AtomicBool>);

impl ConditionalEventHandler for Interrupted {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.0.store(true, Ordering::Relaxed);
        Some(Cmd::AcceptLine)
    }
}

impl Helper for Assistant {}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        Ok(completion::complete(&self.known, line, pos))
    }
}

impl Hinter for Assistant {
    type Hint = Tip;

    fn hint(&self, line: &str, pos: usize, context: &Context<'_>) -> Option<Tip> {
        if pos != line.len() || line.is_empty() {
            return None;
        }
        let last_line = line.rsplit('\n').next().unwrap_or_default();
        let used = last_line.width() + if last_line.len() == line.len() { self.prompt_width.get() } else { 0 };
        let columns = console::Term::stdout().size().1;
        let room = usize::from(columns).checked_sub(used % usize::from(columns.max(1)) + 1)?;
        let called = self.known.vocabulary.called(&self.known.variables(), line, pos);
        if let Some(tip) = hint::signature(&called, room) {
            return Some(tip);
        }
        let newest = context.history().len().checked_sub(1)?;
        let found = context.history().starts_with(line, newest, SearchDirection::Reverse).ok().flatten()?;
        hint::continuation(found.entry.get(pos..)?, room)
    }
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, pos: usize) -> Cow<'l, str> {
        if self.colour { Cow::Owned(highlight::coloured(line, pos)) } else { Cow::Borrowed(line) }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if self.colour { Cow::Owned(format!("\x1b[2m{hint}\x1b[0m")) } else { Cow::Borrowed(hint) }
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.colour
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        let goes_on = !text.starts_with(':') && completeness(text) == Completeness::Incomplete;
        Ok(if goes_on { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

/// The history file of a site, in the folder where a person's programs keep such things: `None` where there
/// is no such folder.
#[must_use]
pub fn history_path(site: &std::path::Path) -> Option<PathBuf> {
    history::path(site, |name| std::env::var_os(name))
}

/// What can be completed on a site.
#[must_use]
pub fn known(site: &crate::host::site::Site, host: &crate::script::ScriptHost, variables: &SharedVariables) -> Known {
    Known::new(site, host.vocabulary(), Arc::clone(variables))
}
