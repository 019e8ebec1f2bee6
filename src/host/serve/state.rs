//! What the loops say of themselves, in memory: for health, alerts and the watchdog.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::current::Fault;
use crate::domain::time::Timestamp;

/// Shared by all loops of a served site.
#[derive(Debug)]
pub struct State {
    pub started: Timestamp,
    /// Ticks since the heartbeat's last step that ended well. Counted, not read from a clock that may be set.
    silent_ticks: AtomicU32,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    chores: BTreeMap<&'static str, ChoreState>,
    outbox: OutboxState,
    /// What is wrong with the site's files: an older version of them is in force, or they can't be used.
    faults: Vec<Fault>,
    /// Loops that have ended although nobody stopped them.
    ended: Vec<&'static str>,
    /// Why nobody can be heard at the site's address.
    deaf: Option<String>,
}

/// One chore, between two steps or in one.
#[derive(Clone, Debug, Default)]
pub struct ChoreState {
    /// When the step began that goes on now.
    pub stepping_since: Option<Timestamp>,
    pub failing: Option<Failing>,
}

/// Since when every step has failed, and how the last one did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    pub since: Timestamp,
    pub words: String,
}

/// Who hands deliveries over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxState {
    /// This process, with nothing wrong.
    Ours,
    /// Another process has the dispatch lock.
    Elsewhere,
    /// This process, but its last step failed.
    Failing(Failing),
}

/// The name of the chore whose steps are the heart.
const HEART: &str = "heartbeat";

impl State {
    pub fn new(started: Timestamp, faults: Vec<Fault>) -> Self {
        let inner = Inner { chores: BTreeMap::new(), outbox: OutboxState::Elsewhere, faults, ended: Vec::new(), deaf: None };
        Self { started, silent_ticks: AtomicU32::new(0), inner: Mutex::new(inner) }
    }

    /// Every change is one assignment, so what a panic interrupted is still whole.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn tick(&self) {
        self.silent_ticks.fetch_add(1, Ordering::Relaxed);
    }

    pub fn silent_ticks(&self) -> u32 {
        self.silent_ticks.load(Ordering::Relaxed)
    }

    pub fn step_begins(&self, name: &'static str, now: Timestamp) {
        self.inner().chores.entry(name).or_default().stepping_since = Some(now);
    }

    /// The step ended well. Answers whether the one before had failed.
    pub fn step_ended(&self, name: &'static str) -> bool {
        if name == HEART {
            self.silent_ticks.store(0, Ordering::Relaxed);
        }
        let mut inner = self.inner();
        let chore = inner.chores.entry(name).or_default();
        chore.stepping_since = None;
        chore.failing.take().is_some()
    }

    /// The step failed. Answers whether that is news: the first failure, or other words.
    pub fn step_failed(&self, name: &'static str, words: &str, now: Timestamp) -> bool {
        let mut inner = self.inner();
        let chore = inner.chores.entry(name).or_default();
        chore.stepping_since = None;
        let since = chore.failing.as_ref().map_or(now, |failing| failing.since);
        let failing = Failing { since, words: words.to_owned() };
        chore.failing.replace(failing.clone()) != Some(failing)
    }

    pub fn chores(&self) -> BTreeMap<&'static str, ChoreState> {
        self.inner().chores.clone()
    }

    /// Answers what was there before.
    pub fn set_outbox(&self, outbox: OutboxState) -> OutboxState {
        std::mem::replace(&mut self.inner().outbox, outbox)
    }

    pub fn outbox(&self) -> OutboxState {
        self.inner().outbox.clone()
    }

    /// Answers what was there before.
    pub fn set_faults(&self, faults: Vec<Fault>) -> Vec<Fault> {
        std::mem::replace(&mut self.inner().faults, faults)
    }

    pub fn faults(&self) -> Vec<Fault> {
        self.inner().faults.clone()
    }

    pub fn set_ended(&self, ended: Vec<&'static str>) {
        self.inner().ended = ended;
    }

    pub fn ended(&self) -> Vec<&'static str> {
        self.inner().ended.clone()
    }

    pub fn set_deaf(&self, why: Option<String>) {
        self.inner().deaf = why;
    }

    pub fn deaf(&self) -> Option<String> {
        self.inner().deaf.clone()
    }
}
