//! A run, from a script's text to a plan, and from a plan to what is committed. Read top to bottom.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::HostError;
use super::put_off::{self, Waits};
use super::site::Site;
use crate::domain::intent::Asked;
use crate::domain::reach::Exceeded;
use crate::domain::time::{Span, Timestamp};
use crate::ports::clock::Clock;
use crate::script::debug::{Debugger, Go, Standing};
use crate::script::shown::Shown;
use crate::script::{
    LastValue, ParamAbort, ParamDecl, ParamSource, RunInput, RunOutput, ScriptError, ScriptHost, ScriptSource, Stop, Turn,
};
use crate::store::{Committed, Judged, RunRecord, RunState};

/// What is to be run, for whom, and how it talks.
pub struct RunRequest {
    pub source: ScriptSource,
    pub trigger: String,
    pub actor: String,
    pub params: Arc<dyn ParamSource>,
    pub dry_run: bool,
    pub last: LastValue,
    pub print: Arc<dyn Fn(&str) + Send + Sync>,
    /// Set when a person wants the script to end.
    pub cancel: Arc<AtomicBool>,
    /// Stands beside the script.
    pub debugger: Option<Arc<dyn Debugger>>,
}

/// A script that ended well: nothing of it is stored yet.
#[derive(Debug)]
pub struct Evaluated {
    pub asked: Vec<Asked>,
    pub value: Option<String>,
    pub shown: Shown,
    pub data: Option<serde_json::Value>,
    pub declared: Vec<ParamDecl>,
    /// Limits that the plan breaks; a run that breaks one is held.
    pub exceeded: Vec<Exceeded>,
    /// What a person should know before they say yes.
    pub remark: Option<String>,
    /// Whom quiet hours and the contact budget make wait.
    pub waits: Vec<Waits>,
    pub record: RunRecord,
}

/// A script that did not.
#[derive(Debug)]
pub enum RunError {
    Script { error: Box<ScriptError>, record: Box<RunRecord> },
    Host(HostError),
}

impl From<HostError> for RunError {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

/// Evaluates a script against the roster as it is now. Nothing is changed and nothing sent.
///
/// # Errors
/// The script's, with a record of the failed run that the caller may store; or the store's.
pub fn evaluate(site: &Site, host: &ScriptHost, request: RunRequest, clock: &Arc<dyn Clock>) -> Result<Evaluated, RunError> {
    let saw_run = site.store.newest_run().map_err(HostError::from)?;
    let talk = Talk { params: request.params, print: request.print, cancel: request.cancel, debugger: request.debugger };
    let (turn, heard) = turn(site, clock, talk, 0)?;
    let now = turn.now;
    let mut record = RunRecord {
        script: request.source.name.clone(),
        script_hash: hash(&request.source.text),
        trigger: request.trigger.clone(),
        actor: request.actor,
        params: serde_json::Value::Null,
        started_at: now,
        ended_at: now,
        state: RunState::Failed,
        summary: String::new(),
        output: String::new(),
        saw_run,
    };
    let input = RunInput {
        script: request.source,
        turn,
        site: Arc::new(site.facts()),
        trigger: request.trigger,
        dry_run: request.dry_run,
        last: request.last,
        limits: site.config.script_limits,
    };
    let result = host.run(input);
    record.params = serde_json::Value::Object(heard.given());
    record.ended_at = clock.now();
    record.output = heard.printed();
    match result {
        Ok(RunOutput { asked, value, shown, data, declared, .. }) => {
            let judged = judged(site, record, asked, now)?;
            Ok(Evaluated { value, shown, data, declared, ..judged })
        }
        Err(error) => {
            record.summary = error.render(false);
            Err(RunError::Script { error: Box::new(error), record: Box::new(record) })
        }
    }
}

/// What limits and quiet hours say of what was asked for.
///
/// # Errors
/// The store's.
pub fn judged(site: &Site, mut record: RunRecord, asked: Vec<Asked>, now: Timestamp) -> Result<Evaluated, HostError> {
    record.summary = summary(&asked);
    record.state = RunState::Committed;
    let judged = site.store.judge(&record, &asked, &site.config.limits, now)?;
    if !judged.exceeded.is_empty() {
        record.state = RunState::Held;
    }
    let waits = put_off::waits(site, &asked, now)?;
    let Judged { exceeded, remark } = judged;
    Ok(Evaluated { asked, exceeded, remark, waits, record, value: None, shown: Shown::Nothing, data: None, declared: Vec::new() })
}

/// Who listens to an evaluation, answers its questions and stops it.
pub struct Talk {
    pub params: Arc<dyn ParamSource>,
    pub print: Arc<dyn Fn(&str) + Send + Sync>,
    /// Set when a person wants the script to end.
    pub cancel: Arc<AtomicBool>,
    /// Stands beside the script.
    pub debugger: Option<Arc<dyn Debugger>>,
}

/// What an evaluation said and was told.
pub(super) struct Heard {
    params: Arc<Pausing>,
    printed: Arc<std::sync::Mutex<String>>,
}

impl Heard {
    /// The parameters that the script asked for, with their values as texts.
    pub(super) fn given(&self) -> serde_json::Map<String, serde_json::Value> {
        self.params.given()
    }

    pub(super) fn printed(&self) -> String {
        std::mem::take(&mut *self.printed.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// What an evaluation has: the roster as it is now, under the site's limits.
pub(super) fn turn(site: &Site, clock: &Arc<dyn Clock>, talk: Talk, asked_before: usize) -> Result<(Turn, Heard), HostError> {
    let now = clock.now();
    let pauses = Arc::new(Pauses::new(clock));
    let params = Arc::new(Pausing::new(talk.params, &pauses));
    let printed = Arc::default();
    let inner = talk.debugger;
    let debugger = inner.map(|inner| Arc::new(PausingDebugger { inner, pauses: Arc::clone(&pauses) }) as Arc<dyn Debugger>);
    let turn = Turn {
        view: Box::new(site.store.roster()?),
        now,
        params: Arc::clone(&params) as Arc<dyn ParamSource>,
        stop: stopper(talk.cancel, pauses, now, site.config.script_limits.seconds),
        print: recorder(talk.print, Arc::clone(&printed)),
        asked_before,
        debugger,
    };
    Ok((turn, Heard { params, printed }))
}

/// Stores a run with everything it asked for; over a limit, with all of it kept until somebody approves it.
/// Limits are looked at again here: another run may have used them up since the plan was shown.
///
/// # Errors
/// The store's; then nothing of it was kept.
pub fn commit(site: &Site, evaluated: &Evaluated, now: Timestamp) -> Result<Committed, HostError> {
    let Evaluated { record, asked, exceeded, .. } = evaluated;
    Ok(site.store.commit_within(record, asked, exceeded, &site.config.limits, now)?)
}

/// The plan of a run as a person confirms it.
#[must_use]
pub fn summary(asked: &[Asked]) -> String {
    asked.iter().map(|a| a.intent.summary()).collect::<Vec<_>>().join("\n")
}

/// The text of everything that decides what a script does.
pub(super) fn hash(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tells a script when to stop: a person wants it, or its wall time is over. Time that a person
/// takes to answer a question is theirs.
fn stopper(
    cancel: Arc<AtomicBool>,
    pauses: Arc<Pauses>,
    started: Timestamp,
    seconds: u64,
) -> Arc<dyn Fn() -> Option<Stop> + Send + Sync> {
    let allowed = Span::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 2_000));
    Arc::new(move || {
        if cancel.load(Ordering::Relaxed) {
            return Some(Stop::Cancelled);
        }
        (pauses.script_time() - started > allowed).then_some(Stop::OutOfTime)
    })
}

/// How much of a run's output is kept in the record.
pub(super) const OUTPUT_KEPT: usize = 256 * 1024;

fn recorder(print: Arc<dyn Fn(&str) + Send + Sync>, kept: Arc<std::sync::Mutex<String>>) -> Arc<dyn Fn(&str) + Send + Sync> {
    Arc::new(move |line| {
        print(line);
        let mut kept = kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept.len() + line.len() < OUTPUT_KEPT {
            kept.push_str(line);
            kept.push('\n');
        }
    })
}

/// A clock that stands still while a person thinks.
struct Pauses {
    clock: Arc<dyn Clock>,
    time: std::sync::Mutex<PausedTime>,
}

#[derive(Default)]
struct PausedTime {
    over: Span,
    began: Option<Timestamp>,
}

impl Pauses {
    fn new(clock: &Arc<dyn Clock>) -> Self {
        Self { clock: Arc::clone(clock), time: std::sync::Mutex::default() }
    }

    /// Now, without the time that people took.
    fn script_time(&self) -> Timestamp {
        let time = self.time();
        time.began.unwrap_or_else(|| self.clock.now()) - time.over
    }

    /// Lets a person take their time. A question inside of another one is part of it.
    fn during<T>(&self, ask: impl FnOnce() -> T) -> T {
        let began = self.clock.now();
        let outer = self.time().began.replace(began);
        if outer.is_some() {
            self.time().began = outer;
            return ask();
        }
        let answer = ask();
        let mut time = self.time();
        time.over += self.clock.now() - began;
        time.began = None;
        answer
    }

    fn time(&self) -> std::sync::MutexGuard<'_, PausedTime> {
        self.time.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A debugger that stops the script's clock while somebody looks.
struct PausingDebugger {
    inner: Arc<dyn Debugger>,
    pauses: Arc<Pauses>,
}

impl Debugger for PausingDebugger {
    fn stopped(&self, script: &mut dyn Standing) -> Go {
        self.pauses.during(|| self.inner.stopped(script))
    }

    fn breaks_in(&self) -> bool {
        self.inner.breaks_in()
    }
}

/// A source of parameters that stops the script's clock while it asks somebody.
struct Pausing {
    inner: Arc<dyn ParamSource>,
    pauses: Arc<Pauses>,
    /// By name: what the script got.
    given: std::sync::Mutex<serde_json::Map<String, serde_json::Value>>,
}

impl Pausing {
    fn new(inner: Arc<dyn ParamSource>, pauses: &Arc<Pauses>) -> Self {
        Self { inner, pauses: Arc::clone(pauses), given: std::sync::Mutex::default() }
    }

    fn given(&self) -> serde_json::Map<String, serde_json::Value> {
        self.given.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl ParamSource for Pausing {
    fn value(&self, decl: &ParamDecl) -> Result<Option<String>, ParamAbort> {
        let value = self.pauses.during(|| self.inner.value(decl));
        if let Ok(text) = &value {
            let text = text.clone().or_else(|| decl.default.clone());
            let mut given = self.given.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            given.insert(decl.name.clone(), text.into());
        }
        value
    }
}

/// What a script says of itself: its description and its parameters. Nothing it does is kept.
///
/// # Errors
/// The store's; or, inside, the script's own.
pub fn declarations(
    site: &Site,
    host: &ScriptHost,
    source: ScriptSource,
    params: Arc<dyn ParamSource>,
    clock: &Arc<dyn Clock>,
) -> Result<Result<crate::script::Declarations, ScriptError>, HostError> {
    let talk = Talk { params, print: Arc::new(|_| {}), cancel: Arc::default(), debugger: None };
    let (turn, _) = turn(site, clock, talk, 0)?;
    let input = RunInput {
        script: source,
        turn,
        site: Arc::new(site.facts()),
        trigger: "help".to_owned(),
        dry_run: true,
        last: LastValue::Printed,
        limits: site.config.script_limits,
    };
    Ok(host.declarations(input))
}
