//! A session: lines that are run one after the other and share what they declare.
//!
//! It has one engine and one run for all its lines, on a thread of its own. Each line has its own view of
//! the roster, its own now, and the limits of a run; a line that fails leaves the session as it was.

mod complete;
mod lines;
mod skeleton;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

pub use complete::{Completeness, completeness, statements};
pub use skeleton::{Literal, skeleton};

use self::lines::Lines;
use super::engine::{ScriptHost, Shared};
use super::error::{ErrorKind, ScriptError};
use super::input::{ParamDecl, ScriptSource, SiteFacts, Turn};
pub use super::run_context::Ticket;
use super::shown::Shown;
use super::written::Variable;
use crate::domain::intent::Asked;
use crate::domain::limits::ScriptLimits;
use crate::domain::task::Page;
use crate::domain::time::Timestamp;

/// What all lines of a session have in common.
#[derive(Clone)]
pub struct SessionInput {
    /// What errors call the session, and the folder that it may import from; it has no text yet.
    pub source: ScriptSource,
    pub site: Arc<SiteFacts>,
    pub trigger: String,
    /// Each line has them to itself; what all of them keep is bounded by the same memory.
    pub limits: ScriptLimits,
}

/// What is wanted of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Its value, of a long one so many rows, and with `data` as data too; the session goes on with what it
    /// declared and asked for.
    Value { rows: u64, data: bool },
    /// What kind of value it has. Nothing of the line is kept.
    Kind,
    /// How a selection is answered, or what a plan decided about everybody. Nothing of the line is kept.
    Reasons,
}

/// What a line that ended well leaves behind.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// What was wanted, where it is no value.
    pub words: Option<String>,
    /// What the value looks like.
    pub shown: Shown,
    /// The value as data, where that was wanted.
    pub data: Option<serde_json::Value>,
    /// In the order in which it was asked.
    pub asked: Vec<Ask>,
    /// What it gave to `run.log`.
    pub logs: Vec<String>,
    pub declared: Vec<ParamDecl>,
    /// All that is declared now, in its order.
    pub variables: Vec<Variable>,
    /// The statements that import the same modules again.
    pub imports: Vec<String>,
}

/// Something that a line asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    pub asked: Asked,
    /// Names it when it is taken back.
    pub ticket: Ticket,
    /// When the roster was read by which it was decided.
    pub read_at: Timestamp,
}

/// A session's thread, as its owner talks to it.
pub struct ScriptSession {
    shared: Arc<Shared>,
    input: SessionInput,
    /// `None` until the first line, and after a thread that died.
    jobs: Option<Sender<Job>>,
}

/// What is done on the thread, with a view of the roster.
enum What {
    Line(String, Wanted),
    Page(Page),
}

enum Job {
    Do { what: What, turn: Box<Turn>, answer: Sender<Result<Answer, ScriptError>> },
    TakeBack(Vec<Ticket>),
}

impl ScriptHost {
    /// A session in which nothing has been said yet.
    #[must_use]
    pub fn session(&self, input: SessionInput) -> ScriptSession {
        ScriptSession { shared: self.shared(), input, jobs: None }
    }
}

impl ScriptSession {
    /// Runs a line, which may be several lines of text, to its end.
    ///
    /// # Errors
    /// What its author has to be told; then the session is as it was before.
    pub fn run(&mut self, text: &str, turn: Turn, wanted: Wanted) -> Result<Answer, ScriptError> {
        self.ask(What::Line(text.to_owned(), wanted), turn)
    }

    /// Another page of the last value, with the roster as it is now.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn page(&mut self, page: Page, turn: Turn) -> Result<Shown, ScriptError> {
        self.ask(What::Page(page), turn).map(|answer| answer.shown)
    }

    fn ask(&mut self, what: What, turn: Turn) -> Result<Answer, ScriptError> {
        let (answer, answered) = channel();
        if self.tell(Job::Do { what, turn: Box::new(turn), answer })?
            && let Ok(answer) = answered.recv()
        {
            return answer;
        }
        // The next line begins a new thread.
        self.jobs = None;
        let what = "the script host failed: this is a fault of beckon, please report it";
        let mut error = ScriptError::bare(ErrorKind::Failed, "internal", what);
        error.hint = Some("the session goes on, without its variables and functions".to_owned());
        Err(error)
    }

    /// What was asked for is no longer wanted: a plan whose sending is taken back can be sent again.
    pub fn take_back(&mut self, asks: Vec<Ticket>) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(Job::TakeBack(asks));
        }
    }

    /// Answers whether there is a thread that heard it.
    fn tell(&mut self, job: Job) -> Result<bool, ScriptError> {
        if self.jobs.is_none() {
            let (jobs, heard) = channel();
            let (shared, input) = (Arc::clone(&self.shared), self.input.clone());
            // A line may use as much as all lines keep.
            let held = input.limits.memory_bytes.saturating_mul(2);
            let started = super::thread::spawn(held, move || work(&shared, input, &heard));
            started.map_err(|error| {
                ScriptError::bare(ErrorKind::Failed, "internal", format!("no thread for the session: {error}"))
            })?;
            self.jobs = Some(jobs);
        }
        Ok(self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok()))
    }
}

/// What the thread does until nobody can talk to it any more.
fn work(shared: &Shared, input: SessionInput, heard: &Receiver<Job>) {
    let mut lines: Option<Lines<'_>> = None;
    let mut input = Some(input);
    while let Ok(job) = heard.recv() {
        match job {
            Job::Do { what, turn, answer } => {
                let lines = match (&mut lines, input.take()) {
                    (Some(lines), _) => {
                        lines.renew(*turn);
                        lines
                    }
                    (None, Some(input)) => lines.insert(Lines::begin(shared, input, *turn)),
                    (None, None) => return,
                };
                let result = match what {
                    What::Line(text, wanted) => lines.run(&text, wanted),
                    What::Page(page) => lines.page(page),
                };
                // Whoever asked may have gone.
                let _ = answer.send(result);
            }
            Job::TakeBack(asks) => {
                if let Some(lines) = &lines {
                    lines.take_back(asks);
                }
            }
        }
    }
}
