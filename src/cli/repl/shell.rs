//! What happens to each thing that is typed.

use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::args::Repl;
use super::commands::{self, Command};
use super::deliveries::Deliveries;
use super::editor::SharedVariables;
use crate::cli::docs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::params::Given;
use crate::cli::question::says_yes;
use crate::cli::render::{self, Ink};
use crate::cli::script_file::load_script;
use crate::cli::session::Session;
use crate::cli::shown::{Canvas, draw, is_utf8, rows_that_fit};
use crate::cli::width;
use crate::domain::task::Page;
use crate::domain::time::Span;
use crate::host::prompt::{LineError, Prompt};
use crate::host::run::Talk;
use crate::host::site::Site;
use crate::script::debug::Debugger;
use crate::script::session::{Answer, Wanted, statements};
use crate::script::shown::{LAST_VALUE, Shown};
use crate::script::{ErrorKind, ScriptError, ScriptHost};

/// Whether the talk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    GoOn,
    Leave,
}

/// A prompt with everything around it.
pub struct Shell<'scope, 'env> {
    pub(super) session: &'env Session,
    pub(super) site: &'env Site,
    host: &'env ScriptHost,
    pub(super) prompt: Prompt<'env>,
    pub(super) deliveries: Deliveries<'scope, 'env>,
    pub(super) json: bool,
    pub(super) yes: bool,
    pub(super) at_terminal: bool,
    /// What the editor completes: all that is declared after the last line.
    variables: SharedVariables,
    /// Set when the line that runs is to stop.
    cancel: Arc<AtomicBool>,
    /// The last line, where another one may go on with it.
    goes_on: Option<String>,
    /// Where the next page of the last value begins, if there is one.
    next_page: Option<u64>,
    /// The last error's.
    exit: Exit,
}

impl<'scope, 'env> Shell<'scope, 'env> {
    pub fn new(
        host: &'env ScriptHost,
        deliveries: Deliveries<'scope, 'env>,
        cancel: Arc<AtomicBool>,
        args: &Repl,
        at_terminal: bool,
        variables: SharedVariables,
    ) -> Self {
        let Deliveries { session, site, .. } = deliveries;
        let prompt = Prompt::new(site, host, Arc::clone(&session.clock), session.actor.clone());
        let (json, yes) = (args.json, args.leaving.yes);
        Self {
            session,
            site,
            host,
            prompt,
            deliveries,
            json,
            yes,
            at_terminal,
            variables,
            cancel,
            goes_on: None,
            next_page: None,
            exit: Exit::Done,
        }
    }

    /// `Sunnyside School> `, with the tray's size where it is not empty.
    pub fn prompt(&self) -> String {
        let tray = match self.prompt.tray().len() {
            0 => String::new(),
            n => format!(" [{n}]"),
        };
        format!("{}{tray}> ", self.site.config.site.name)
    }

    pub fn is_stopped(&self) -> bool {
        self.session.stopped()
    }

    /// Shows a statement as if it were typed, and carries it out.
    pub fn enter_aloud(&mut self, text: &str) -> Next {
        if !self.json {
            let mut lines = text.lines();
            println!("{}{}", self.prompt(), lines.next().unwrap_or_default());
            lines.for_each(|line| println!("{line}"));
        }
        self.enter(text)
    }

    /// Carries out a statement or a command. What goes wrong is said, and ends nothing.
    pub fn enter(&mut self, text: &str) -> Next {
        self.cancel.store(false, Ordering::Relaxed);
        let done = match text.strip_prefix(':') {
            Some(command) => self.command(command),
            None => self.line(text).map(|()| Next::GoOn),
        };
        done.unwrap_or_else(|failure| {
            self.tell(&failure);
            Next::GoOn
        })
    }

    fn command(&mut self, text: &str) -> Result<Next, Failure> {
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let wrong = |what: String| Failure::new(Exit::Usage, what);
        match Command::find(name).map_err(wrong)? {
            Command::Help => {
                let text = commands::help(rest).map_err(wrong)?;
                self.say(&text, json!({ "help": text }));
            }
            Command::Doc => {
                let ink = Ink::new(self.session.ink.out && !self.json);
                let text = docs::about(&self.host.reference(), rest, ":doc", &ink)?;
                self.say(text.trim_end(), json!({ "doc": text }));
            }
            Command::More => self.more()?,
            Command::Save => self.save(rest)?,
            Command::Type => self.look(rest, Wanted::Kind)?,
            Command::Explain => self.look(rest, Wanted::Reasons)?,
            Command::Debug => self.debug(rest)?,
            Command::Time => {
                let began = self.session.clock.now();
                self.line(rest)?;
                let took = self.session.clock.now() - began;
                self.say(&format!("took {}", milliseconds(took)), json!({ "milliseconds": took.num_milliseconds() }));
            }
            Command::Review => self.review()?,
            Command::Send => self.send()?,
            Command::Drop => self.drop(rest)?,
            Command::Undo => self.undo()?,
            Command::Load => self.load(rest)?,
            Command::Quit => return Ok(self.leave()),
        }
        Ok(Next::GoOn)
    }

    /// Runs a line and says what came of it. One that begins with a dot goes on with the line before.
    fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.line_beside(text, None)
    }

    /// The same, perhaps with a debugger beside it.
    pub(super) fn line_beside(&mut self, text: &str, debugger: Option<Arc<dyn Debugger>>) -> Result<(), Failure> {
        let before = self.goes_on.take().filter(|_| text.trim_start().starts_with('.'));
        let whole = before.as_ref().map_or_else(|| text.to_owned(), |before| format!("{before}\n{text}"));
        let text = whole.as_str();
        let (mut answer, printed) = self.run(text, Wanted::Value { rows: self.rows(), data: self.json }, debugger)?;
        if before.is_some() {
            self.prompt.forget_last_but_one();
        }
        // What asked for something is not said a second time.
        self.goes_on = answer.asked.is_empty().then_some(whole.clone());
        *self.variables.lock().unwrap_or_else(PoisonError::into_inner) = std::mem::take(&mut answer.variables);
        self.next_page = next_page(&answer.shown);
        if self.json {
            let asked: Vec<String> = answer.asked.iter().map(|ask| ask.asked.intent.summary()).collect();
            let tray = self.prompt.tray().len();
            let data = json!({
                "line": text, "printed": printed, "value": answer.data, "shown": answer.shown, "asked": asked, "tray": tray,
            });
            println!("{data}");
            return Ok(());
        }
        self.draw(&answer.shown);
        self.show_tray()
    }

    fn draw(&self, shown: &Shown) {
        let ink = Ink::new(self.session.ink.out);
        print!("{}", draw(shown, &Canvas { width: width(), ink: &ink, unicode: is_utf8(), more: Some(":more") }));
    }

    /// How many rows of a table are shown at once.
    fn rows(&self) -> u64 {
        match console::Term::stdout().size_checked() {
            Some((lines, _)) if self.at_terminal => rows_that_fit(usize::from(lines)),
            _ => LAST_VALUE.rows,
        }
    }

    /// The next page of the last value.
    fn more(&mut self) -> Result<(), Failure> {
        let Some(from) = self.next_page else {
            return Err(Failure::new(Exit::Usage, "there is no more of the last value"));
        };
        let talk = Talk { params: Given::of(&[])?, print: Arc::new(|_| {}), cancel: Arc::clone(&self.cancel), debugger: None };
        let page = Page { from, rows: self.rows() };
        let shown = match self.prompt.page(page, talk) {
            Ok(shown) => shown,
            Err(LineError::Host(error)) => return Err(error.into()),
            Err(LineError::Script(error)) => return Err(self.script_error("", Vec::new(), &error)),
        };
        self.next_page = next_page(&shown);
        if self.json {
            println!("{}", json!({ "shown": shown }));
        } else {
            self.draw(&shown);
        }
        Ok(())
    }

    fn look(&mut self, text: &str, wanted: Wanted) -> Result<(), Failure> {
        if text.is_empty() {
            return Err(Failure::new(Exit::Usage, "it needs an expression, such as `users.count()`"));
        }
        let (answer, printed) = self.run(text, wanted, None)?;
        let value = answer.words.unwrap_or_default();
        self.say(&value, json!({ "line": text, "printed": printed, "value": value }));
        Ok(())
    }

    /// The answer, and what was printed meanwhile where it is to be data.
    fn run(&mut self, text: &str, wanted: Wanted, debugger: Option<Arc<dyn Debugger>>) -> Result<(Answer, Vec<String>), Failure> {
        let printed = Arc::new(Mutex::new(Vec::new()));
        let (lines, as_data) = (Arc::clone(&printed), self.json);
        let params = Given::of(&[])?;
        let talk = Talk {
            params: Arc::clone(&params) as Arc<_>,
            print: Arc::new(move |line| {
                if as_data {
                    lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
                } else {
                    println!("{line}");
                }
            }),
            cancel: Arc::clone(&self.cancel),
            debugger,
        };
        let answer = self.prompt.run(text, wanted, talk);
        let printed = std::mem::take(&mut *printed.lock().unwrap_or_else(PoisonError::into_inner));
        match answer {
            Ok(answer) => Ok((answer, printed)),
            Err(LineError::Host(error)) => Err(error.into()),
            Err(LineError::Script(error)) => {
                if let Some(name) = params.given_up() {
                    return Err(Failure::new(Exit::Refused, format!("no value was given for {name:?}: nothing was changed")));
                }
                Err(self.script_error(text, printed, &error))
            }
        }
    }

    /// Says what a script did wrong. Nothing is left to be said of the failure.
    fn script_error(&self, text: &str, printed: Vec<String>, error: &ScriptError) -> Failure {
        if self.json {
            println!("{}", json!({ "line": text, "printed": printed, "error": error }));
        } else {
            eprintln!("{}", error.render_within(self.session.ink.err, crate::cli::error_width()));
        }
        let exit = if error.kind == ErrorKind::Cancelled { Exit::Stopped } else { Exit::ScriptError };
        Failure::new(exit, String::new())
    }

    /// Runs a script's statements one by one, until one fails.
    fn load(&mut self, file: &str) -> Result<(), Failure> {
        if file.is_empty() {
            return Err(Failure::new(Exit::Usage, "it needs the name of a script"));
        }
        let script = load_script(self.site, std::path::Path::new(file))?;
        statements(&script.text).iter().try_for_each(|statement| self.line(statement))
    }

    /// Writes the session into a runbook.
    fn save(&mut self, file: &str) -> Result<(), Failure> {
        if file.is_empty() {
            return Err(Failure::new(Exit::Usage, "it needs the name of a file"));
        }
        let path = Path::new(file);
        let is_bare = path.components().count() == 1 && path.extension().is_none();
        let path = if is_bare { self.site.dir.join("scripts").join(format!("{file}.rhai")) } else { path.to_owned() };
        let text = self.prompt.runbook()?;
        let unwritable = |e: std::io::Error| Failure::new(Exit::Failed, format!("can't write {}: {e}", path.display()));
        let new = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
        let mut file = match new {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let question = format!("{} exists. Replace it? [y/N] ", path.display());
                if !self.at_terminal || !says_yes(self.session, &question)? {
                    return Err(Failure::new(Exit::Refused, format!("{} exists: nothing was written", path.display())));
                }
                std::fs::File::create(&path).map_err(unwritable)?
            }
            other => other.map_err(unwritable)?,
        };
        file.write_all(text.as_bytes()).map_err(unwritable)?;
        self.say(&format!("saved as {}", path.display()), json!({ "saved": path }));
        for error in self.host.check(&path.display().to_string(), &text) {
            eprintln!("{}", error.render_within(self.session.ink.err, crate::cli::error_width()));
        }
        Ok(())
    }

    /// The tray in one line, and what limits would say of it.
    pub(super) fn show_tray(&self) -> Result<(), Failure> {
        let tray = self.prompt.tray();
        if self.json || tray.is_empty() {
            return Ok(());
        }
        println!("{}", self.session.ink.err_dim(&format!("tray: {} (:review, :send)", tray.summary())));
        let judged = self.prompt.judged()?;
        eprint!("{}", render::exceeded(&judged.exceeded));
        Ok(())
    }

    /// One thing for people, or the same as data.
    pub(super) fn say(&self, text: &str, data: Value) {
        if self.json { println!("{data}") } else { println!("{text}") }
    }

    /// Says what went wrong, and remembers it for the shell.
    fn tell(&mut self, failure: &Failure) {
        self.exit = failure.exit;
        if failure.message.is_empty() {
            return;
        }
        if self.json {
            println!("{}", json!({ "error": { "message": failure.message, "hint": failure.remedy } }));
            return;
        }
        crate::cli::tell(failure, self.session.ink.err);
    }

    /// Asks whether to leave a tray that is not empty.
    pub fn leave(&mut self) -> Next {
        let tray = self.prompt.tray();
        if tray.is_empty() || !self.at_terminal {
            return Next::Leave;
        }
        let question = format!("{} in the tray will not be sent. Leave? [y/N] ", tray.summary());
        match says_yes(self.session, &question) {
            Ok(false) => Next::GoOn,
            // Where nobody can answer, nobody is kept.
            Ok(true) | Err(_) => Next::Leave,
        }
    }

    /// Waits for what is under way. Answers what the shell is told.
    pub fn finish(&mut self) -> Exit {
        let runs: Vec<String> = self.deliveries.under_way().iter().map(|run| format!("run {run}")).collect();
        if !runs.is_empty() && !self.json {
            eprintln!("{} still has deliveries under way: waiting for them", runs.join(", "));
            eprintln!("Ctrl-C stops: nothing is lost, `beckon deliver` goes on with what is left");
        }
        self.wait_for_deliveries();
        self.exit
    }

    pub(super) fn wait_for_deliveries(&mut self) {
        let exit = self.deliveries.wait();
        if exit != Exit::Done {
            self.exit = exit;
        }
    }
}

/// Where the next page of a table begins.
fn next_page(shown: &Shown) -> Option<u64> {
    let Shown::Table(table) = shown else { return None };
    let next = table.from + table.rows.len() as u64;
    (!table.rows.is_empty() && next < table.total).then_some(next)
}

fn milliseconds(span: Span) -> String {
    match span.num_milliseconds() {
        ms if ms < 10_000 => format!("{ms} ms"),
        ms => format!("{} s", ms / 1_000),
    }
}
