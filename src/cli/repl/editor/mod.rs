//! The line editor of the prompt: completion, hints, colours and history on top of `rustyline`.
//! What can be completed is decided by the script room; nothing here runs a script or waits for the store.

mod ahead;
mod completion;
mod highlight;
mod hint;
mod history;
mod keys;
mod known;
mod secret;

use std::borrow::Cow;
use std::cell::Cell;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::{DefaultHistory, History as _, SearchDirection};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, CompletionType, Config, Context, Event, EventHandler, ExternalPrinter as _, Helper};
use unicode_width::UnicodeWidthStr as _;

pub use known::{Known, SharedSoFar, SoFar};

use self::ahead::Typed;
use self::hint::Tip;
use self::history::HistoryFile;
use self::keys::{Keys, Reading};
use super::commands::goes_on;
use super::line_editor::{Entry, LineEditor, Printer};
use crate::cli::exit::{Exit, Failure};
use crate::cli::question::{Line, next_line};

/// More alternatives than this are shown only when asked.
const ALTERNATIVES_MAX: usize = 100;

/// Reads statements at a terminal, and all other lines that somebody types there: so no key can be lost
/// between two readers.
pub struct Editor {
    inner: rustyline::Editor<Assistant, DefaultHistory>,
    file: HistoryFile,
    keys: Keys,
    /// The lines that were no statements: what the debugger was told, for instance.
    other_lines: DefaultHistory,
    /// The terminal can't be drawn on: lines come whole, as it edits them itself.
    is_plain: bool,
}

impl Editor {
    /// `known`: what can be completed. `cancel`: stops the line that runs. `history`: the file that earlier sessions of this site left; without one
    /// nothing is remembered. No escape codes for colours are written unless `colour`.
    ///
    /// # Errors
    /// The terminal can't be used.
    pub fn new(known: Known, cancel: Arc<AtomicBool>, history: Option<PathBuf>, colour: bool) -> Result<Self, Failure> {
        let file = HistoryFile::open(history);
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .completion_prompt_limit(ALTERNATIVES_MAX)
            .color_mode(if colour { ColorMode::Forced } else { ColorMode::Disabled })
            .max_history_size(history::ENTRIES_MAX)
            .map_err(unusable)?
            .build();
        let mut inner = rustyline::Editor::with_config(config).map_err(unusable)?;
        let keys = Keys::new(cancel);
        inner.set_helper(Some(Assistant { known, colour, keys: keys.clone(), prompt_width: Cell::new(0) }));
        inner.bind_sequence(Event::Any, EventHandler::Conditional(Box::new(keys.clone())));
        for entry in file.entries() {
            let _ = inner.add_history_entry(entry.as_str());
        }
        Ok(Self { inner, file, keys, other_lines: DefaultHistory::new(), is_plain: false })
    }

    /// Reads what the terminal or the editor holds already, and keeps it for the next prompt.
    fn set_typed_ahead_aside(&mut self) -> Result<(), Failure> {
        if self.is_plain {
            while keys::keys_wait() {
                let Some(line) = next_line()? else { break };
                self.keys.ahead().line(&line);
            }
            return Ok(());
        }
        if cfg!(not(unix)) {
            return Ok(());
        }
        self.keys.begin(Reading::TypedAhead);
        // It ends by the signal; anything else that ends it leaves nothing that could be taken for an answer.
        let _ = self.inner.readline("");
        // The editor leaves its empty line behind.
        print!("\x1b[A");
        Ok(std::io::stdout().flush()?)
    }

    /// A line with the editor in this state, beginning with `begun`.
    fn line(&mut self, reading: Reading, prompt: &str, begun: &str) -> Result<Entry, Failure> {
        self.keys.begin(reading);
        if self.is_plain {
            self.keys.line_comes();
        }
        if let Some(assistant) = self.inner.helper() {
            assistant.prompt_width.set(prompt.width());
        }
        let read =
            if begun.is_empty() { self.inner.readline(prompt) } else { self.inner.readline_with_initial(prompt, (begun, "")) };
        match read {
            Ok(text) if self.keys.was_interrupted() => Ok(Entry::Interrupted { on_empty: text.trim().is_empty() }),
            Ok(text) => Ok(Entry::Text(text)),
            Err(ReadlineError::Interrupted) => Ok(Entry::Interrupted { on_empty: true }),
            Err(ReadlineError::Eof) => {
                if self.is_plain {
                    println!("");
                }
                Ok(Entry::Ended)
            }
            Err(error) => Err(unusable(error)),
        }
    }

    /// A line of somebody who is asked something that a statement is no answer to; with a history of its own.
    fn other_line(&mut self, prompt: &str, begun: &str) -> Result<Option<Line>, Failure> {
        std::mem::swap(self.inner.history_mut(), &mut self.other_lines);
        let entry = self.line(Reading::Answer, prompt, begun);
        std::mem::swap(self.inner.history_mut(), &mut self.other_lines);
        Ok(match entry? {
            Entry::Text(line) => Some(Line::Typed(line)),
            Entry::Interrupted { .. } => {
                // Who breaks off wants nothing of what was to come.
                self.keys.ahead().clear();
                Some(Line::BrokenOff)
            }
            Entry::Ended => None,
        })
    }
}

impl LineEditor for Editor {
    fn read(&mut self, prompt: &str) -> Result<Entry, Failure> {
        let typed = self.keys.ahead().next();
        let entry = match typed {
            Some(Typed::Whole(text)) => {
                self.keys.line_comes();
                println!("{prompt}{text}");
                Entry::Text(text)
            }
            Some(Typed::Begun(text)) => self.line(Reading::Statement, prompt, &text)?,
            None => self.line(Reading::Statement, prompt, "")?,
        };
        if let Entry::Text(text) = &entry
            && !text.trim().is_empty()
        {
            // The session's own memory keeps everything; the file only what may be kept.
            let _ = self.inner.add_history_entry(text.as_str());
            self.file.add(text);
        }
        Ok(entry)
    }

    fn answer(&mut self, question: &str) -> Result<Option<String>, Failure> {
        self.set_typed_ahead_aside()?;
        if self.keys.ahead().says_something() {
            eprintln!("(what was typed before this question waits for the next prompt; Ctrl-C forgets it)");
        }
        Ok(self.other_line(question, "")?.and_then(Line::typed))
    }

    fn other(&mut self, prompt: &str) -> Result<Option<Line>, Failure> {
        let typed = self.keys.ahead().next_line();
        let line = match typed {
            Some(Typed::Whole(line)) => {
                println!("{prompt}{line}");
                Some(Line::Typed(line))
            }
            Some(Typed::Begun(begun)) => self.other_line(prompt, &begun)?,
            None => self.other_line(prompt, "")?,
        };
        if let Some(Line::Typed(line)) = &line {
            let _ = self.other_lines.add(line);
        }
        Ok(line)
    }

    fn printer(&mut self) -> Result<Printer, Failure> {
        match self.inner.create_external_printer() {
            Ok(mut printer) => Ok(Printer::new(move |text| {
                // The terminal may have gone; what was said is in the journal too.
                let _ = printer.print(text);
            })),
            // A terminal that can't be drawn on takes lines as they come.
            Err(_) => {
                self.is_plain = true;
                Ok(Printer::new(|text| print!("{text}")))
            }
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
    keys: Keys,
    prompt_width: Cell<usize>,
}

impl Helper for Assistant {}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        if self.keys.reading() != Reading::Statement {
            return Ok((pos, Vec::new()));
        }
        Ok(completion::complete(&self.known, line, pos))
    }
}

impl Hinter for Assistant {
    type Hint = Tip;

    fn hint(&self, line: &str, pos: usize, context: &Context<'_>) -> Option<Tip> {
        // It is asked whenever the line is drawn, also at first.
        self.keys.end_typed_ahead();
        if pos != line.len() || line.is_empty() || self.keys.reading() != Reading::Statement {
            return None;
        }
        let last_line = line.rsplit('\n').next().unwrap_or_default();
        let used = last_line.width() + if last_line.len() == line.len() { self.prompt_width.get() } else { 0 };
        let columns = console::Term::stdout().size().1;
        let room = usize::from(columns).checked_sub(used % usize::from(columns.max(1)) + 1)?;
        let before = self.known.before(line);
        let called = self.known.vocabulary.called(&self.known.variables(), &format!("{before}{line}"), before.len() + pos);
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
        let colour = self.colour && self.keys.reading() == Reading::Statement;
        if colour { Cow::Owned(highlight::coloured(line, pos)) } else { Cow::Borrowed(line) }
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        let is_question = self.colour && self.keys.reading() == Reading::Answer;
        if is_question { Cow::Owned(format!("\x1b[1m{prompt}\x1b[0m")) } else { Cow::Borrowed(prompt) }
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
        let goes_on = self.keys.reading() == Reading::Statement && goes_on(context.input());
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
pub fn known(site: &crate::host::site::Site, host: &crate::script::ScriptHost, so_far: &SharedSoFar) -> Known {
    Known::new(site, host.vocabulary(), Arc::clone(so_far))
}
