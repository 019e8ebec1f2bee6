//! One moment's run: the script, its commit, and what the record says of the moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::params::ScheduleParams;
use crate::domain::intent::Asked;
use crate::domain::reach::Exceeded;
use crate::domain::schedule::Schedule;
use crate::host::HostError;
use crate::host::run::{RunError, RunRequest, evaluate};
use crate::host::site::Site;
use crate::ports::clock::Clock;
use crate::script::ScriptHost;
use crate::store::{Claim, Committed, MomentEnd, RunRecord, RunState};

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
    /// Its record and its effects are stored.
    Stored { state: RunState, committed: Committed },
    /// It came to no run, and why; that is stored.
    Failed(String),
    /// Somebody else has the moment: nothing was stored.
    Lost,
    /// Somebody else still runs an earlier moment of the schedule: nothing was done yet.
    Behind,
    /// It was told to end: nothing was stored, and the claim is still its owner's.
    Cancelled,
}

impl Job {
    /// Runs the script and stores what came of it.
    ///
    /// # Errors
    /// The store's: nothing was stored, and the claim is still its owner's.
    pub fn run(&self) -> Result<Fired, HostError> {
        if self.by_hand.is_none() && self.site.store.is_behind_others(&self.claim)? {
            return Ok(Fired::Behind);
        }
        let source = match self.site.scripts.source(&self.schedule.script) {
            Ok(source) => source,
            Err(why) => return self.fail(why.to_string()),
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
            data: false,
            print: Arc::new(|_| {}),
            cancel: Arc::clone(&self.cancel),
        };
        match evaluate(&self.site, &self.host, request, &self.clock) {
            Ok(evaluated) => match params.not_taken(&evaluated.declared) {
                Some(wrong) => self.store(&RunRecord { state: RunState::Failed, summary: wrong, ..evaluated.record }, &[], &[]),
                None => self.store(&evaluated.record, &evaluated.asked, &evaluated.exceeded),
            },
            Err(RunError::Script { .. }) if self.cancel.load(Ordering::Relaxed) => Ok(Fired::Cancelled),
            Err(RunError::Script { record, .. }) => self.store(&record, &[], &[]),
            Err(RunError::Host(error)) => Err(error),
        }
    }

    fn store(&self, record: &RunRecord, asked: &[Asked], over: &[Exceeded]) -> Result<Fired, HostError> {
        let (store, limits) = (&self.site.store, &self.site.config.limits);
        let committed = store.commit_moment(&self.claim, record, asked, over, limits, self.clock.now())?;
        let Some(committed) = committed else { return Ok(Fired::Lost) };
        // Whoever delivers may have been asleep.
        self.committed.notify_one();
        let state = if committed.held.is_empty() { record.state } else { RunState::Held };
        Ok(Fired::Stored { state, committed })
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
