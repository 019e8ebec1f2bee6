//! What a process counts and notices while it works: for metrics, health and alerts. It is memory only;
//! the record is the journal.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::delivery::Channel;
use crate::domain::outcome::{ChannelDown, Outcome};
use crate::domain::time::{Span, Timestamp};

/// Upper bounds of the lateness histogram, in milliseconds.
pub const LATENESS_MS: [i64; 9] = [5, 20, 100, 500, 2_000, 10_000, 60_000, 600_000, 3_600_000];

/// What people call Apple among the channels.
pub const APPLE: &str = "Apple";

/// Counters of one process.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Mutex<Counts>,
}

/// The counters at one time.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Hand-overs that ended, by channel and how: `accepted`, `deferred`, `rejected`, `doubtful`, `not-tried`.
    pub hand_overs: BTreeMap<(Channel, &'static str), u64>,
    /// Due moments that ended, by how: the scheduler's words.
    pub moments: BTreeMap<String, u64>,
    /// How many of them were at most so late, and the sum of all.
    pub lateness: [u64; LATENESS_MS.len()],
    pub lateness_sum_ms: i64,
    pub lateness_count: u64,
    /// Looks at Apple's list, by `ok` and `failed`.
    pub apple_polls: BTreeMap<&'static str, u64>,
    pub last_apple_sync: Option<Timestamp>,
    /// Channels, and Apple, that don't work, by the name people know.
    pub down: BTreeMap<String, Down>,
}

/// Since when something doesn't work, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    pub since: Timestamp,
    pub why: ChannelDown,
}

impl Tally {
    /// Counters are single assignments, so what a panic interrupted is still whole.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All counters as they are now.
    #[must_use]
    pub fn now(&self) -> Counts {
        self.counts().clone()
    }

    /// One hand-over came back. `None`: it was not tried.
    pub fn hand_over(&self, channel: Channel, outcome: Option<&Outcome>) {
        let word = match outcome {
            Some(Outcome::Accepted { .. }) => "accepted",
            Some(Outcome::Deferred { .. }) => "deferred",
            Some(Outcome::Rejected { .. }) => "rejected",
            Some(Outcome::Doubtful { .. }) => "doubtful",
            None => "not-tried",
        };
        *self.counts().hand_overs.entry((channel, word)).or_default() += 1;
    }

    /// A due moment ended so; `late`: how much later than it was due its script began, where one did.
    pub fn moment(&self, end: &str, late: Option<Span>) {
        let mut counts = self.counts();
        *counts.moments.entry(end.to_owned()).or_default() += 1;
        let Some(late) = late else { return };
        let late = late.num_milliseconds().max(0);
        for (n, bound) in LATENESS_MS.iter().enumerate() {
            counts.lateness[n] += u64::from(late <= *bound);
        }
        counts.lateness_sum_ms += late;
        counts.lateness_count += 1;
    }

    /// Apple's list was read, or could not be.
    pub fn apple_poll(&self, ok: bool, now: Timestamp) {
        let mut counts = self.counts();
        *counts.apple_polls.entry(if ok { "ok" } else { "failed" }).or_default() += 1;
        if ok {
            counts.last_apple_sync = Some(now);
        }
    }

    /// How work at Apple stands: what stopped it the last time, or that it goes through.
    pub fn apple(&self, trouble: Option<&ChannelDown>, now: Timestamp) {
        match trouble {
            Some(why) => self.is_down(APPLE, why, now),
            None => self.is_up(APPLE),
        }
    }

    /// Something doesn't work; since when is known from the first time that this was said.
    pub fn is_down(&self, name: &str, why: &ChannelDown, now: Timestamp) {
        let mut counts = self.counts();
        let down = counts.down.entry(name.to_owned()).or_insert_with(|| Down { since: now, why: why.clone() });
        down.why.clone_from(why);
    }

    /// It works.
    pub fn is_up(&self, name: &str) {
        self.counts().down.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_millis;

    #[test]
    fn what_is_down_stays_down_since_the_first_time() {
        let tally = Tally::default();
        let why = |what: &str| ChannelDown { what: what.to_owned(), remedy: String::new(), retry_after: None };
        tally.is_down("mail", &why("refused"), from_millis(1_000));
        tally.is_down("mail", &why("no route"), from_millis(9_000));
        let down = tally.now().down;
        assert_eq!((down["mail"].since, down["mail"].why.what.as_str()), (from_millis(1_000), "no route"));
        tally.is_up("mail");
        assert!(tally.now().down.is_empty());
    }

    #[test]
    fn lateness_is_counted_in_every_bucket_that_holds_it() {
        let tally = Tally::default();
        for ms in [-5, 0, 20, 21, 9_000_000] {
            tally.moment("ran", Some(Span::milliseconds(ms)));
        }
        let counts = tally.now();
        assert_eq!((counts.lateness[0], counts.lateness[1], counts.lateness[2], counts.lateness[8]), (2, 3, 4, 4));
        assert_eq!((counts.lateness_count, counts.moments["ran"]), (5, 5));
    }
}
