//! What a run may do without a person's leave.

use chrono::{NaiveTime, TimeZone as _};
use chrono_tz::Tz;

use super::canary::Canary;
use super::time::{Span, Timestamp};

/// The `[limits]` of a site.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    pub invitations_per_run: u32,
    /// People whom all runs together invite within 24 hours.
    pub invitations_per_day: u32,
    /// Between 0 and 1: at most this share of all users is invited by one run.
    pub share_of_roster: f64,
    /// The same for all runs together within 24 hours.
    pub share_of_roster_per_day: f64,
    /// People whom one run writes to with `notify.mail` and `notify.push`.
    pub messages_per_run: u32,
    /// A scheduled run reaches at most so many times as many people as its last run did.
    pub growth: f64,
    /// The first people of a run go ahead of the rest.
    pub canary: Option<Canary>,
    /// How long a held run can be approved.
    pub held_for: Span,
    /// Who was contacted less than this ago is left out of `not-enrolled` plans.
    pub reminder_gap: Span,
    pub quiet_hours: Option<QuietHours>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            invitations_per_run: 500,
            invitations_per_day: 1_000,
            share_of_roster: 0.25,
            share_of_roster_per_day: 0.5,
            messages_per_run: 1_000,
            growth: 3.0,
            canary: None,
            held_for: Span::days(7),
            reminder_gap: Span::days(1),
            quiet_hours: None,
        }
    }
}

/// What one script may use up. Each ends the run with an error that names its setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptLimits {
    /// Steps of the script engine.
    pub operations: u64,
    /// Wall time.
    pub seconds: u64,
    pub memory_bytes: u64,
}

impl Default for ScriptLimits {
    fn default() -> Self {
        Self { operations: 50_000_000, seconds: 60, memory_bytes: 256_000_000 }
    }
}

/// How many messages one person may get; more are deferred. `None`: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct MessagesPerPerson {
    pub per_day: Option<u32>,
    pub per_week: Option<u32>,
}

/// A daily window without messages, in the person's zone; it may span midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    pub from: NaiveTime,
    pub until: NaiveTime,
}

impl QuietHours {
    /// Reads `20:00-07:00`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (from, until) = text.split_once('-')?;
        let time = |s: &str| NaiveTime::parse_from_str(s.trim(), "%H:%M").ok();
        let hours = Self { from: time(from)?, until: time(until)? };
        (hours.from != hours.until).then_some(hours)
    }

    /// The first instant from `at` on that is outside the window. A local end that the spring
    /// change skips is taken as the first valid minute after it.
    #[must_use]
    pub fn next_open(&self, at: Timestamp, zone: Tz) -> Timestamp {
        let local = at.with_timezone(&zone);
        let time = local.time();
        let spans_midnight = self.from > self.until;
        let quiet = if spans_midnight { time >= self.from || time < self.until } else { time >= self.from && time < self.until };
        if !quiet {
            return at;
        }
        let day = if spans_midnight && time >= self.from { local.date_naive().succ_opt() } else { Some(local.date_naive()) };
        let Some(mut end) = day.map(|d| d.and_time(self.until)) else { return at };
        for _ in 0..=180 {
            if let Some(open) = zone.from_local_datetime(&end).earliest() {
                return open.to_utc().max(at);
            }
            end += Span::minutes(1);
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn open(at: &str) -> String {
        let hours = QuietHours::parse("20:00-07:00").unwrap();
        let at = DateTime::parse_from_rfc3339(at).unwrap().to_utc();
        hours.next_open(at, chrono_tz::Europe::Amsterdam).to_rfc3339()
    }

    #[test]
    fn quiet_hours_span_midnight_in_the_persons_zone() {
        assert_eq!(open("2026-12-01T12:00:00Z"), "2026-12-01T12:00:00+00:00");
        assert_eq!(open("2026-12-01T19:30:00Z"), "2026-12-02T06:00:00+00:00");
        assert_eq!(open("2026-12-02T02:00:00Z"), "2026-12-02T06:00:00+00:00");
        assert_eq!(open("2026-12-02T06:00:00Z"), "2026-12-02T06:00:00+00:00");
    }

    #[test]
    fn an_end_that_the_clock_change_skips_is_the_next_valid_minute() {
        let hours = QuietHours::parse("22:00-02:30").unwrap();
        let at = DateTime::parse_from_rfc3339("2026-03-28T23:00:00Z").unwrap().to_utc();
        assert_eq!(hours.next_open(at, chrono_tz::Europe::Amsterdam).to_rfc3339(), "2026-03-29T01:00:00+00:00");
    }

    #[test]
    fn nonsense_is_no_window() {
        for bad in ["", "20:00", "25:00-07:00", "07:00-07:00", "a-b"] {
            assert_eq!(QuietHours::parse(bad), None, "{bad}");
        }
    }
}
