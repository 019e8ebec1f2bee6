//! What becomes of due moments: most are run at their time; after an outage the schedule's rules decide.

use super::{Missed, Overlap, Schedule};
use crate::domain::time::{Span, Timestamp, show, show_span};

/// Run within this of its time, a moment is on time.
pub const ON_TIME: Span = Span::minutes(1);

/// So many moments of one schedule are accounted for one by one at a time; older ones are summed up.
pub const SINGLE_MAX: usize = 10_000;

/// So many are counted; a sum of more says "more than".
pub const COUNTED_MAX: usize = 100_000;

/// The moments of a schedule that have passed and are not accounted for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Older ones than the single ones.
    pub older: Option<Older>,
    /// The newest ones, oldest first.
    pub single: Vec<Timestamp>,
}

/// Moments that are not told one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Older {
    pub first: Timestamp,
    pub last: Timestamp,
    pub number: usize,
    /// There are more: counting them would have taken too long.
    pub and_more: bool,
}

/// What a moment comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is run; `queue`: even when the last run still goes on.
    Run { queue: bool },
    /// Nobody was there at its time, with what the rules say.
    Missed(String),
    /// It was not wanted at its time.
    Skipped(String),
}

/// Who has paused a schedule, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub by: String,
    pub since: Timestamp,
}

impl Backlog {
    /// The due moments after `accounted` and until `now`, at most `single_max` of them one by one.
    #[must_use]
    pub fn of(schedule: &Schedule, accounted: Timestamp, now: Timestamp, single_max: usize) -> Self {
        let mut backlog = Self::default();
        let mut kept = std::collections::VecDeque::new();
        let due = |from| schedule.moments_after(from).map(|m| m.at).take_while(|at| *at <= now);
        for at in due(accounted) {
            kept.push_back(at);
            if kept.len() <= single_max {
                continue;
            }
            let Some(at) = kept.pop_front() else { break };
            let older = backlog.older.get_or_insert(Older { first: at, last: at, number: 0, and_more: false });
            (older.last, older.number) = (at, older.number + 1);
            if older.number < COUNTED_MAX {
                continue;
            }
            // The newest are looked for from the other end, in a span that had few enough of them.
            let mut back = at - older.first;
            let newest = loop {
                back = back / 4;
                let newest: Vec<Timestamp> = due((now - back).max(at)).collect();
                if newest.len() <= single_max || back < Span::seconds(1) {
                    break newest;
                }
            };
            (older.last, older.and_more) = (newest.first().copied().unwrap_or(now), true);
            backlog.single = newest;
            return backlog;
        }
        backlog.single = kept.into();
        backlog
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.older.is_none() && self.single.is_empty()
    }

    /// The newest moment of all.
    #[must_use]
    pub fn last(&self) -> Option<Timestamp> {
        self.single.last().copied().or(self.older.map(|o| o.last))
    }

    /// What the older ones come to, all alike.
    #[must_use]
    pub fn of_older(&self, schedule: &Schedule, pause: Option<&Pause>) -> Option<(Older, Verdict)> {
        let older = self.older?;
        let verdict = match pause {
            Some(pause) => Verdict::Skipped(paused(schedule, pause)),
            None => Verdict::Missed(format!("nobody was there, and a catch-up looks at the last {SINGLE_MAX} at most")),
        };
        Some((older, verdict))
    }

    /// What each of the single ones comes to.
    #[must_use]
    pub fn verdicts(&self, schedule: &Schedule, now: Timestamp, pause: Option<&Pause>) -> Vec<(Timestamp, Verdict)> {
        let newest = self.single.last().copied();
        let verdict = |at: Timestamp| {
            if let Some(pause) = pause {
                return Verdict::Skipped(paused(schedule, pause));
            }
            let late = now - at;
            if late <= ON_TIME {
                return Verdict::Run { queue: schedule.overlap == Overlap::Queue };
            }
            if late > schedule.max_late {
                return Verdict::Missed(format!(
                    "it was {} late, and max_late is {}",
                    show_span(late),
                    show_span(schedule.max_late)
                ));
            }
            match schedule.missed {
                Missed::Skip => {
                    Verdict::Missed(format!("it was {} late, and the schedule says missed = \"skip\"", show_span(late)))
                }
                Missed::RunAll => Verdict::Run { queue: true },
                Missed::RunOnce => match newest {
                    Some(newest) if newest > at => {
                        Verdict::Missed(format!("the run of {} stands for it", show(newest, schedule.zone())))
                    }
                    _ => Verdict::Run { queue: true },
                },
            }
        };
        self.single.iter().map(|at| (*at, verdict(*at))).collect()
    }
}

fn paused(schedule: &Schedule, pause: &Pause) -> String {
    format!("paused by {} since {}", pause.by, show(pause.since, schedule.zone()))
}

/// How late a run was, for the record; empty when it was on time.
#[must_use]
pub fn lateness(due: Timestamp, started: Timestamp) -> String {
    let late = started - due;
    if late <= ON_TIME { String::new() } else { format!("late by {}", show_span(late)) }
}
