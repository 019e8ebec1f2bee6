//! A row a minute that proves that the scheduler lives; gaps are put into the journal.

use std::sync::Arc;

use crate::domain::time::{Span, Timestamp, from_millis, show, show_span};
use crate::host::site::Site;
use crate::host::{HostError, Ports};
use crate::store::Before;

/// Beats once a minute.
#[derive(Default)]
pub struct Heartbeat {
    /// The last beat of this process.
    last: Option<Timestamp>,
}

const MINUTE: i64 = 60_000;

impl Heartbeat {
    /// Writes this minute's row where it is missing.
    ///
    /// # Errors
    /// The store's.
    #[expect(clippy::unused_async, reason = "the contract of a chore")]
    pub async fn step(&mut self, site: &Arc<Site>, _ports: &Ports, now: Timestamp) -> Result<Option<Timestamp>, HostError> {
        let minute = |at: Timestamp| at.timestamp_millis().div_euclid(MINUTE);
        let next = from_millis((minute(now) + 1) * MINUTE);
        if self.last.is_some_and(|last| minute(last) == minute(now)) {
            return Ok(Some(next));
        }
        let (zone, lived) = (site.config.site.timezone, self.last.is_some());
        let before = site.store.beat(now, |before| words(before, lived, zone))?;
        if let Some(words) = words(&before, lived, zone) {
            tracing::warn!("{words}");
        }
        self.last = Some(now);
        Ok(Some(next))
    }
}

/// What a person reads of the time before a beat; `lived`: this process had beaten before.
fn words(before: &Before, lived: bool, zone: chrono_tz::Tz) -> Option<String> {
    let between = |from: &Timestamp, to: &Timestamp| {
        let long: Span = *to - *from;
        format!("from {} to {} ({})", show(*from, zone), show(*to, zone), show_span(long))
    };
    match before {
        Before::Fine => None,
        Before::Gap { from, to } if lived => {
            Some(format!("nothing could run {}: the machine was asleep, or its clock was set forward", between(from, to)))
        }
        Before::Gap { from, to } => Some(format!("not running {}", between(from, to))),
        Before::SetBack { from, to } => {
            Some(format!("the clock was set back by {}, to {}", show_span(*from - *to), show(*to, zone)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{TestSite, morning};
    use crate::sim::people::Habits;

    fn beat(heart: &mut Heartbeat, site: &TestSite, now: Timestamp) -> Option<Timestamp> {
        let shared = Arc::new(Site::of(site.site.config.clone(), Arc::clone(&site.site.store)));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(heart.step(&shared, &site.ports, now)).unwrap()
    }

    #[test]
    fn every_minute_has_one_row_and_every_gap_one_entry() {
        let site = TestSite::new(Habits::default());
        let mut heart = Heartbeat::default();
        let mut now = morning();
        for _ in 0..5 {
            // Being woken in between writes nothing.
            let next = beat(&mut heart, &site, now).unwrap();
            assert_eq!(beat(&mut heart, &site, now + Span::milliseconds(10)), Some(next));
            assert!(next > now && next - now <= Span::minutes(1) && next.timestamp_millis() % MINUTE == 0);
            now = next;
        }
        let before = site.journal().len();
        beat(&mut heart, &site, now + Span::days(2));
        beat(&mut heart, &site, now + Span::days(2) - Span::hours(1));
        beat(&mut Heartbeat::default(), &site, now + Span::days(3));
        insta::assert_snapshot!(site.journal()[before..].join("\n"), @r"
        serve: nothing could run from 2026-12-01 08:49 to 2026-12-03 08:50 (2 days 1 minute): the machine was asleep, or its clock was set forward
        serve: the clock was set back by 1 hour, to 2026-12-03 07:50
        serve: not running from 2026-12-03 07:50 to 2026-12-04 08:50 (1 day 1 hour)
        ");
    }
}
