//! One moment's run: the script, its commit, and what the record says of the moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::params::ScheduleParams;
use crate::domain::intent::Asked;
use crate::domain::reach::Exceeded;
use crate::domain::schedule::Schedule;
use crate::domain::time::show;
use crate::host::HostError;
use crate::host::run::{RunError, RunRequest, evaluate};
use crate::host::site::Site;
use crate::ports::clock::Clock;
use crate::script::{LastValue, ScriptError, ScriptHost};
use crate::store::{Claim, Committed, MomentEnd, MomentRun, RunRecord, RunState};

/// A claimed moment and everything that its run needs.
pub struct Job {
    pub site: Arc<Site>,
    pub clock: Arc<dyn Clock>,
    pub host: Arc<ScriptHost>,
    pub schedule: Arc<Schedule>,
    pub claim: Claim,
    /// Who wanted it, where it isn't the schedule itself.
    pub by_hand: Option<String>,
    /// Set when the script has to end before its time.
    pub cancel: Arc<AtomicBool>,
    /// Notified after a commit.
    pub committed: Arc<Notify>,
}

/// How it came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fired {
    /// Its record and its effects are stored. `error`: the script's, where it failed by one.
    Stored { state: RunState, committed: Committed, error: Option<Box<ScriptError>> },
    /// It came to no run, and why; that is stored.
    Failed(String),
    /// Somebody else has the moment: nothing was stored.
    Lost,
    /// Somebody else still runs an earlier moment of the schedule: nothing was done yet.
    Behind,
    /// It was told to end: nothing was stored, and the claim is still its owner's.
    Cancelled,
}

/// A script that has been evaluated: nothing of it is stored yet.
pub(super) struct Ready {
    record: RunRecord,
    asked: Vec<Asked>,
    exceeded: Vec<Exceeded>,
    error: Option<Box<ScriptError>>,
}

/// How far a moment's run has come without its commit.
pub(super) enum Evaluation {
    Ready(Box<Ready>),
    Ended(Fired),
}

impl Job {
    /// Runs the script and stores what came of it.
    ///
    /// # Errors
    /// The store's: nothing was stored, and the claim is still its owner's.
    pub fn run(&self) -> Result<Fired, HostError> {
        match self.evaluate()? {
            Evaluation::Ended(fired) => Ok(fired),
            Evaluation::Ready(ready) => Ok(store(&[(self, &*ready)])?.pop().unwrap_or(Fired::Lost)),
        }
    }

    /// Runs the script.
    ///
    /// # Errors
    /// The store's: nothing was stored, and the claim is still its owner's.
    pub(super) fn evaluate(&self) -> Result<Evaluation, HostError> {
        if self.by_hand.is_none() && self.site.store.is_behind_others(&self.claim)? {
            return Ok(Evaluation::Ended(Fired::Behind));
        }
        let source = match self.site.scripts.source(&self.schedule.script) {
            Ok(source) => source,
            Err(why) => return self.fail(why.to_string()).map(Evaluation::Ended),
        };
        let params = Arc::new(ScheduleParams::of(&self.schedule.params));
        let request = RunRequest {
            source,
            trigger: "schedule".to_owned(),
            actor: match &self.by_hand {
                None => format!("schedule {}", self.schedule.name),
                Some(who) => format!("{who}, for schedule {}", self.schedule.name),
            },
            params: Arc::clone(&params) as Arc<_>,
            dry_run: false,
            last: LastValue::Printed,
            print: Arc::new(|_| {}),
            cancel: Arc::clone(&self.cancel),
            debugger: None,
        };
        let ready = match evaluate(&self.site, &self.host, request, &self.clock) {
            Ok(evaluated) => match params.not_taken(&evaluated.declared) {
                Some(wrong) => Ready::failed(RunRecord { state: RunState::Failed, summary: wrong, ..evaluated.record }, None),
                None => Ready { record: evaluated.record, asked: evaluated.asked, exceeded: evaluated.exceeded, error: None },
            },
            Err(RunError::Script { .. }) if self.cancel.load(Ordering::Relaxed) => {
                return Ok(Evaluation::Ended(Fired::Cancelled));
            }
            Err(RunError::Script { record, error }) => Ready::failed(*record, Some(error)),
            Err(RunError::Host(error)) => return Err(error),
        };
        Ok(Evaluation::Ready(Box::new(ready)))
    }

    /// Says in the log that the moment fired and how that ended. What the script said may name people: it is in
    /// the journal, and not here.
    pub(super) fn tell(&self, ended: &Result<Fired, HostError>) {
        let (schedule, due) = (&self.schedule.name, show(self.claim.at, self.claim.zone));
        match ended {
            Ok(Fired::Stored { state: RunState::Failed, committed, .. }) => {
                let run = committed.run;
                tracing::info!(schedule, due, run, "it fired and failed, and nothing was changed: `beckon runs {run}` says why");
            }
            Ok(Fired::Stored { state: RunState::Held, committed, .. }) => {
                let run = committed.run;
                tracing::info!(schedule, due, run, "it fired and is held by a limit: look at it with `beckon approve {run}`");
            }
            Ok(Fired::Stored { state: RunState::Committed, committed, .. }) => {
                tracing::info!(schedule, due, run = committed.run, deliveries = committed.deliveries, "it fired and ran");
            }
            Ok(Fired::Failed(why)) => tracing::info!(schedule, due, "it fired and failed: {why}"),
            Ok(Fired::Lost) => tracing::info!(schedule, due, "it fired, but another process has run it: nothing was stored"),
            Ok(Fired::Cancelled) => {
                tracing::info!(schedule, due, "it fired and was told to end: nothing was stored, and it runs again")
            }
            // It fires as soon as the other process is done.
            Ok(Fired::Behind) => {}
            Err(error) => tracing::error!(schedule, due, "it fired and could not be stored: {error}; {}", error.remedy()),
        }
    }

    /// Its run ended in a panic: what was staged is gone, and another try would end the same.
    pub(super) fn panicked(&self) -> Result<Fired, HostError> {
        self.fail("its run ended in a panic, which is a fault of beckon: please report it with the log".to_owned())
    }

    fn fail(&self, why: String) -> Result<Fired, HostError> {
        let ours = self.site.store.end_moment(&self.claim, MomentEnd::Failed, &why, self.clock.now())?;
        Ok(if ours { Fired::Failed(why) } else { Fired::Lost })
    }
}

impl Ready {
    fn failed(record: RunRecord, error: Option<Box<ScriptError>>) -> Self {
        Self { record, asked: Vec::new(), exceeded: Vec::new(), error }
    }
}

/// Stores what came of scripts, in one transaction; how each came out, in their order.
///
/// # Errors
/// The store's: nothing was stored, and the claims are still their owner's.
pub(super) fn store(all: &[(&Job, &Ready)]) -> Result<Vec<Fired>, HostError> {
    let Some((first, _)) = all.first() else { return Ok(Vec::new()) };
    let runs: Vec<MomentRun<'_>> = all
        .iter()
        .map(|(job, ready)| MomentRun {
            claim: &job.claim,
            record: &ready.record,
            asked: &ready.asked,
            over: &ready.exceeded,
            limits: &job.site.config.limits,
        })
        .collect();
    // After a reload the site is another one, and its store the same.
    let committed = first.site.store.commit_moments(&runs, first.clock.now())?;
    // Whoever delivers may have been asleep.
    first.committed.notify_one();
    let came_out = |(committed, (_, ready)): (Option<Committed>, &(&Job, &Ready))| match committed {
        Some(committed) => {
            let state = if committed.held.is_empty() { ready.record.state } else { RunState::Held };
            Fired::Stored { state, committed, error: ready.error.clone() }
        }
        None => Fired::Lost,
    };
    Ok(committed.into_iter().zip(all).map(came_out).collect())
}
