//! The limits that are watched while a script runs: operations, memory, time, output.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::Dynamic;

use super::input::Stop;
use super::{limits, memory};
use crate::domain::limits::ScriptLimits;

/// Why a run was ended from outside its own text. Travels through the engine as its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Operations,
    Memory,
    OutOfTime,
    Cancelled,
    Output,
}

impl Ended {
    const ALL: [Self; 5] = [Self::Operations, Self::Memory, Self::OutOfTime, Self::Cancelled, Self::Output];

    fn word(self) -> &'static str {
        match self {
            Self::Operations => "operations",
            Self::Memory => "memory",
            Self::OutOfTime => "time",
            Self::Cancelled => "cancelled",
            Self::Output => "output",
        }
    }

    /// What ends the run.
    pub fn token(self) -> Dynamic {
        self.word().into()
    }

    pub fn from_token(token: &Dynamic) -> Option<Self> {
        let word = token.clone().into_string().ok()?;
        Self::ALL.into_iter().find(|e| e.word() == word)
    }
}

/// Counts for one run. The engine's own operation counter starts anew in callbacks from host
/// functions, so this one counts every step that is reported, wherever it is made.
pub struct Watch {
    limits: ScriptLimits,
    stop: Mutex<Arc<dyn Fn() -> Option<Stop> + Send + Sync>>,
    operations: AtomicU64,
    /// What the run's thread held when the run began.
    held_before: AtomicI64,
    printed: AtomicUsize,
}

/// What a run had used when it was made to stand still.
pub struct Paused {
    operations: u64,
    held: i64,
}

impl Watch {
    pub fn new(limits: ScriptLimits, stop: Arc<dyn Fn() -> Option<Stop> + Send + Sync>) -> Self {
        Self {
            limits,
            stop: Mutex::new(stop),
            operations: AtomicU64::new(0),
            held_before: AtomicI64::new(memory::held()),
            printed: AtomicUsize::new(0),
        }
    }

    pub fn limits(&self) -> ScriptLimits {
        self.limits
    }

    /// Called on the run's own thread before the script starts.
    pub fn begin(&self) {
        self.held_before.store(memory::held(), Relaxed);
    }

    /// Does what is no work of the script, and what it keeps is not held by the script: a test's site and its world.
    pub fn beside<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = memory::held();
        let done = work();
        self.held_before.fetch_add(memory::held() - before, Relaxed);
        done
    }

    /// Counts from nothing again: a session's next line. Called on its own thread.
    pub fn renew(&self, stop: Arc<dyn Fn() -> Option<Stop> + Send + Sync>) {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = stop;
        self.operations.store(0, Relaxed);
        self.printed.store(0, Relaxed);
        self.begin();
    }

    /// Counts from nothing again, and ends early: after so many operations at most it is out of time.
    pub fn renew_for(&self, operations: u64) {
        let stop = Arc::clone(&self.stop.lock().unwrap_or_else(PoisonError::into_inner));
        let looks = AtomicU64::new(operations / limits::STOP_EVERY);
        let enough = move || looks.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err();
        self.renew(Arc::new(move || stop().or_else(|| enough().then_some(Stop::OutOfTime))));
    }

    /// What has been used until now, for [`Self::resume`].
    pub fn pause(&self) -> Paused {
        Paused { operations: self.operations.load(Relaxed), held: memory::held() }
    }

    /// What was used since the pause does not count: somebody looked, and the script stood still.
    pub fn resume(&self, paused: Paused) {
        self.operations.store(paused.operations, Relaxed);
        self.held_before.fetch_add(memory::held() - paused.held, Relaxed);
    }

    /// One step of the engine; a token ends the run.
    pub fn step(&self) -> Option<Dynamic> {
        // One thread counts: no need for an atomic addition.
        let operations = self.operations.load(Relaxed) + 1;
        self.operations.store(operations, Relaxed);
        if operations > self.limits.operations {
            return Some(Ended::Operations.token());
        }
        if operations.is_multiple_of(limits::STOP_EVERY) {
            return self.look();
        }
        self.over_memory().then(|| Ended::Memory.token())
    }

    /// Everything but the operations.
    pub fn look(&self) -> Option<Dynamic> {
        if self.over_memory() {
            return Some(Ended::Memory.token());
        }
        if self.printed.load(Relaxed) > limits::OUTPUT_BYTES {
            return Some(Ended::Output.token());
        }
        let stop = Arc::clone(&self.stop.lock().unwrap_or_else(PoisonError::into_inner));
        match stop() {
            None => None,
            Some(Stop::Cancelled) => Some(Ended::Cancelled.token()),
            Some(Stop::OutOfTime) => Some(Ended::OutOfTime.token()),
        }
    }

    /// Whether this much more may be printed. What is over is dropped; the next look ends the run.
    pub fn may_print(&self, bytes: usize) -> bool {
        let printed = self.printed.load(Relaxed).saturating_add(bytes);
        self.printed.store(printed, Relaxed);
        printed <= limits::OUTPUT_BYTES
    }

    fn over_memory(&self) -> bool {
        let held = memory::held() - self.held_before.load(Relaxed);
        u64::try_from(held).is_ok_and(|held| held > self.limits.memory_bytes)
    }
}
