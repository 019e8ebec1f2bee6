//! A run, from a script's text to a plan, and from a plan to what is committed. Read top to bottom.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::HostError;
use super::put_off::{self, Waits};
use super::site::Site;
use crate::domain::intent::Asked;
use crate::domain::reach::Exceeded;
use crate::domain::time::{Span, Timestamp};
use crate::ports::clock::Clock;
use crate::script::{ParamAbort, ParamDecl, ParamSource, RunInput, RunOutput, ScriptError, ScriptHost, ScriptSource, Stop};
use crate::store::{Committed, RunRecord, RunState};

/// What is to be run, for whom, and how it talks.
pub struct RunRequest {
    pub source: ScriptSource,
    pub trigger: String,
    pub actor: String,
    pub params: Arc<dyn ParamSource>,
    pub dry_run: bool,
    pub print: Arc<dyn Fn(&str) + Send + Sync>,
    /// Set when a person wants the script to end.
    pub cancel: Arc<AtomicBool>,
}

/// A script that ended well: nothing of it is stored yet.
#[derive(Debug)]
pub struct Evaluated {
    pub asked: Vec<Asked>,
    pub value: Option<String>,
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
    let now = clock.now();
    let saw_run = site.store.newest_run().map_err(HostError::from)?;
    let view = site.store.roster().map_err(HostError::from)?;
    let printed = Arc::new(std::sync::Mutex::new(String::new()));
    let params = Arc::new(Pausing::new(request.params, clock));
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
        view: Box::new(view),
        site: Arc::new(site.facts()),
        now,
        trigger: request.trigger,
        dry_run: request.dry_run,
        params: Arc::clone(&params) as Arc<dyn ParamSource>,
        limits: site.config.script_limits,
        stop: stopper(request.cancel, Arc::clone(clock), Arc::clone(&params), now, site.config.script_limits.seconds),
        print: recorder(request.print, Arc::clone(&printed)),
    };
    let result = host.run(input);
    record.params = params.given();
    record.ended_at = clock.now();
    record.output = std::mem::take(&mut *printed.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    match result {
        Ok(RunOutput { asked, value, declared, .. }) => {
            record.summary = summary(&asked);
            record.state = RunState::Committed;
            let judged = site.store.judge(&record, &asked, &site.config.limits, now).map_err(HostError::from)?;
            if !judged.exceeded.is_empty() {
                record.state = RunState::Held;
            }
            let waits = put_off::waits(site, &asked, now)?;
            Ok(Evaluated { asked, value, declared, exceeded: judged.exceeded, remark: judged.remark, waits, record })
        }
        Err(error) => {
            record.summary = error.render(false);
            Err(RunError::Script { error: Box::new(error), record: Box::new(record) })
        }
    }
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
fn hash(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tells a script when to stop: a person wants it, or its wall time is over. Time that a person
/// takes to answer a question is theirs.
fn stopper(
    cancel: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
    params: Arc<Pausing>,
    started: Timestamp,
    seconds: u64,
) -> Arc<dyn Fn() -> Option<Stop> + Send + Sync> {
    let allowed = Span::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 2_000));
    Arc::new(move || {
        if cancel.load(Ordering::Relaxed) {
            return Some(Stop::Cancelled);
        }
        let spent = clock.now() - started - Span::milliseconds(params.paused_ms.load(Ordering::Relaxed));
        (spent > allowed).then_some(Stop::OutOfTime)
    })
}

/// How much of a run's output is kept in the record.
const OUTPUT_KEPT: usize = 256 * 1024;

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

/// A source of parameters that stops the script's clock while it asks somebody.
struct Pausing {
    inner: Arc<dyn ParamSource>,
    clock: Arc<dyn Clock>,
    paused_ms: AtomicI64,
    /// By name: what the script got.
    given: std::sync::Mutex<serde_json::Map<String, serde_json::Value>>,
}

impl Pausing {
    fn new(inner: Arc<dyn ParamSource>, clock: &Arc<dyn Clock>) -> Self {
        Self { inner, clock: Arc::clone(clock), paused_ms: AtomicI64::new(0), given: std::sync::Mutex::default() }
    }

    /// The parameters that the script asked for, with their values as texts.
    fn given(&self) -> serde_json::Value {
        serde_json::Value::Object(self.given.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone())
    }
}

impl ParamSource for Pausing {
    fn value(&self, decl: &ParamDecl) -> Result<Option<String>, ParamAbort> {
        let asked = self.clock.now();
        let value = self.inner.value(decl);
        self.paused_ms.fetch_add((self.clock.now() - asked).num_milliseconds(), Ordering::Relaxed);
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
    let now = clock.now();
    let params = Arc::new(Pausing::new(params, clock));
    let input = RunInput {
        script: source,
        view: Box::new(site.store.roster()?),
        site: Arc::new(site.facts()),
        now,
        trigger: "help".to_owned(),
        dry_run: true,
        params: Arc::clone(&params) as Arc<dyn ParamSource>,
        limits: site.config.script_limits,
        stop: stopper(Arc::default(), Arc::clone(clock), params, now, site.config.script_limits.seconds),
        print: Arc::new(|_| {}),
    };
    Ok(host.declarations(input))
}
