//! What happens to each thing that is typed.

use std::io::IsTerminal as _;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::args::Repl;
use super::commands::{self, Command};
use super::deliveries::Deliveries;
use super::editor::{SharedSoFar, SoFar};
use super::page::next_page;
use crate::cli::debug::BreakIn;
use crate::cli::docs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::ink::Ink;
use crate::cli::params::Given;
use crate::cli::question::says_yes;
use crate::cli::session::Session;
use crate::domain::time::Span;
use crate::host::prompt::{LineError, Prompt};
use crate::host::run::Talk;
use crate::host::site::Site;
use crate::script::debug::Debugger;
use crate::script::session::{Answer, Wanted};
use crate::script::{ErrorKind, ScriptError, ScriptHost};

const NEEDS_EXPRESSION: &str = "it needs an expression, such as `users.count()`";

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
    pub(super) host: &'env ScriptHost,
    pub(super) prompt: Prompt<'env>,
    pub(super) deliveries: Deliveries<'scope, 'env>,
    pub(super) json: bool,
    pub(super) yes: bool,
    pub(super) at_terminal: bool,
    /// What the editor completes with.
    so_far: SharedSoFar,
    /// Set when the line that runs is to stop.
    pub(super) cancel: Arc<AtomicBool>,
    /// What Ctrl-C asks for while a debugger stands beside a line.
    pub(super) break_in: Arc<BreakIn>,
    /// Where the next page of the last value begins, if there is one.
    pub(super) next_page: Option<u64>,
    /// The last error's.
    exit: Exit,
}

impl<'scope, 'env> Shell<'scope, 'env> {
    pub fn new(
        host: &'env ScriptHost,
        deliveries: Deliveries<'scope, 'env>,
        cancel: Arc<AtomicBool>,
        break_in: Arc<BreakIn>,
        args: &Repl,
        at_terminal: bool,
        so_far: SharedSoFar,
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
            so_far,
            cancel,
            break_in,
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

    /// Carries out a statement or a command, or what was pasted together, up to the first that fails. What goes
    /// wrong is said, and ends nothing.
    pub fn enter(&mut self, text: &str) -> Next {
        for entry in commands::entries(text) {
            let done = match entry.strip_prefix(':') {
                Some(command) => self.command(command),
                None => self.line(&entry).map(|()| Next::GoOn),
            };
            match done {
                Ok(Next::GoOn) => {}
                Ok(Next::Leave) => return Next::Leave,
                Err(failure) => {
                    // What was pasted along with it may count on it.
                    self.tell(&failure);
                    return Next::GoOn;
                }
            }
        }
        Next::GoOn
    }

    fn command(&mut self, text: &str) -> Result<Next, Failure> {
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let wrong = |what: String| Failure::new(Exit::Usage, what);
        let command = Command::find(name).map_err(wrong)?;
        if let Some(about) = command.about().filter(|about| about.takes.is_empty() && !rest.is_empty()) {
            return Err(wrong(format!("`:{}` takes nothing more", about.name)));
        }
        match command {
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
            Command::Time if rest.is_empty() => return Err(wrong(NEEDS_EXPRESSION.to_owned())),
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
    pub(super) fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.line_beside(text, None)
    }

    /// The same, perhaps with a debugger beside it.
    pub(super) fn line_beside(&mut self, text: &str, debugger: Option<Arc<dyn Debugger>>) -> Result<(), Failure> {
        let before = self.so_far().goes_on.take().filter(|_| text.trim_start().starts_with('.'));
        let whole = before.as_ref().map_or_else(|| text.to_owned(), |before| format!("{before}\n{text}"));
        let text = whole.as_str();
        let wanted = Wanted::Value { rows: self.rows(""), data: self.json };
        let (mut answer, printed) = self.run(text, wanted, debugger)?;
        if before.is_some() {
            self.prompt.forget_last_but_one();
        }
        *self.so_far() = SoFar {
            variables: std::mem::take(&mut answer.variables),
            imports: std::mem::take(&mut answer.imports),
            // What asked for something is not said a second time.
            goes_on: answer.asked.is_empty().then_some(whole.clone()),
        };
        if self.json {
            self.next_page = next_page(&answer.shown);
            let asked: Vec<String> = answer.asked.iter().map(|ask| ask.asked.intent.summary()).collect();
            let tray = self.prompt.tray().len();
            let data = json!({
                "line": text, "printed": printed, "value": answer.data, "shown": answer.shown, "asked": asked, "tray": tray,
            });
            println!("{data}");
            return Ok(());
        }
        let tray = self.tray_text()?;
        self.show(answer.shown, &tray);
        self.say_of_tray(&tray);
        Ok(())
    }

    fn so_far(&self) -> MutexGuard<'_, SoFar> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&mut self, text: &str, wanted: Wanted) -> Result<(), Failure> {
        if text.is_empty() {
            return Err(Failure::new(Exit::Usage, NEEDS_EXPRESSION));
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
        let params = Given::none(self.session.keyboard().cloned());
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
    pub(super) fn script_error(&self, text: &str, printed: Vec<String>, error: &ScriptError) -> Failure {
        if self.json {
            println!("{}", json!({ "line": text, "printed": printed, "error": error }));
        } else {
            eprintln!("{}", error.render_within(self.session.ink.err, crate::cli::error_width()));
        }
        let exit = if error.kind == ErrorKind::Cancelled { Exit::Stopped } else { Exit::ScriptError };
        Failure::new(exit, String::new())
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
        // A terminal that has gone is none any more.
        if tray.is_empty() || !self.at_terminal || !std::io::stdin().is_terminal() {
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

fn milliseconds(span: Span) -> String {
    match span.num_milliseconds() {
        ms if ms < 10_000 => format!("{ms} ms"),
        ms => format!("{} s", ms / 1_000),
    }
}
