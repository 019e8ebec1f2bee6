//! Schedules: when a script is due by itself, and what becomes of the moments that were missed.
//!
//! Read [`cron`] (an expression is local times), [`timing`] (local times are instants, by declared
//! rules), [`verdict`] (what a due moment comes to).

pub mod cron;
mod field;
#[cfg(test)]
mod tests;
pub mod timing;
pub mod verdict;

use std::collections::BTreeMap;

use chrono_tz::Tz;

use self::cron::Cron;
use self::timing::{Moment, Timing};
use super::time::{Span, Timestamp};

/// A `[[schedule]]` of a site.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub name: String,
    /// A file in `scripts/`.
    pub script: String,
    pub timing: Timing,
    pub missed: Missed,
    /// How long after its time a moment may still be run.
    pub max_late: Span,
    pub overlap: Overlap,
    /// What `run.param` answers.
    pub params: BTreeMap<String, serde_json::Value>,
}

impl Schedule {
    #[must_use]
    pub fn cron(&self) -> &Cron {
        &self.timing.cron
    }

    #[must_use]
    pub fn zone(&self) -> Tz {
        self.timing.zone
    }

    /// What decides when it is due, as one text: where it differs, the past is no longer its past.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let Timing { cron, zone, gap, fold } = &self.timing;
        format!("{cron} {} gap={} fold={}", zone.name(), gap.word(), fold.word())
    }

    /// The due moments after an instant, soonest first.
    pub fn moments_after(&self, after: Timestamp) -> impl Iterator<Item = Moment> + '_ {
        std::iter::successors(self.timing.next_after(after), |last| self.timing.next_after(last.at))
    }
}

/// What happens to moments that passed while nobody was there, no longer ago than `max_late`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    Skip,
    /// One run stands for all of them.
    RunOnce,
    RunAll,
}

/// What happens when a run is due while the last one still goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    Skip,
    Queue,
}

/// A local time that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The first instant after the clock change stands for it.
    NextValid,
    Skip,
}

impl Gap {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NextValid => "next-valid",
            Self::Skip => "skip",
        }
    }
}

/// A local time that comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    First,
    Both,
}

impl Fold {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Both => "both",
        }
    }
}
