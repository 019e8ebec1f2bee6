//! What a run may do without a person's leave.

use chrono::{NaiveDate, NaiveTime, TimeZone as _};
use chrono_tz::Tz;

use super::canary::Canary;
use super::time::{Span, Timestamp, at_local};

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
    pub messages_per_person: MessagesPerPerson,
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
            messages_per_person: MessagesPerPerson::default(),
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

/// How many messages one person may get, whoever sends them and over whichever channels; more are put off.
/// A day is a day of the person's own calendar, a week the seven days that end with one. `None`: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct MessagesPerPerson {
    pub per_day: Option<u32>,
    pub per_week: Option<u32>,
}

/// What is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    Day(u32),
    Week(u32),
}

impl MessagesPerPerson {
    /// Whether anything has to be counted.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.per_day.is_some() || self.per_week.is_some()
    }

    /// The first instant from `at` on at which one more message is within the budget of somebody in `zone` who
    /// gets, or got, messages at `contacts`; and what was full where that is later. Contacts in the future count
    /// as well: no week that holds both may become too full.
    #[must_use]
    pub fn next_allowed(&self, contacts: &[Timestamp], at: Timestamp, zone: Tz) -> (Timestamp, Option<Budget>) {
        let days: Vec<NaiveDate> = contacts.iter().map(|at| at.with_timezone(&zone).date_naive()).collect();
        let today = at.with_timezone(&zone).date_naive();
        let mut full = None;
        // Each contact fills a day at most, or seven with its week.
        for day in today.iter_days().take(7 * (days.len() + 2)) {
            match self.full(&days, day) {
                Some(what) => full = full.or(Some(what)),
                None if day == today => return (at, None),
                None => return (at_local(day.and_time(NaiveTime::MIN), zone).map_or(at, |day| day.max(at)), full),
            }
        }
        (at, None)
    }

    fn full(&self, contacts: &[NaiveDate], day: NaiveDate) -> Option<Budget> {
        let within = |first: NaiveDate, last: NaiveDate| contacts.iter().filter(|c| first <= **c && **c <= last).count();
        let reaches = |n: usize, most: u32| n >= most.max(1) as usize;
        if let Some(most) = self.per_day.filter(|most| reaches(within(day, day), *most)) {
            return Some(Budget::Day(most));
        }
        let most = self.per_week?;
        let weeks = (0..7).map(|n| day + Span::days(n));
        weeks.into_iter().any(|end| reaches(within(end - Span::days(6), end), most)).then_some(Budget::Week(most))
    }
}

/// A daily window without messages, in the person's zone; it may span midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    pub from: NaiveTime,
    pub until: NaiveTime,
}

impl std::fmt::Display for QuietHours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.from.format("%H:%M"), self.until.format("%H:%M"))
    }
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

    /// Whether a time of day is in the window.
    #[must_use]
    pub fn holds(&self, time: NaiveTime) -> bool {
        if self.from > self.until { time >= self.from || time < self.until } else { time >= self.from && time < self.until }
    }

    /// The first instant from `at` on that is outside the window. A local end that the spring
    /// change skips is taken as the first valid minute after it.
    #[must_use]
    pub fn next_open(&self, at: Timestamp, zone: Tz) -> Timestamp {
        let local = at.with_timezone(&zone);
        let time = local.time();
        if !self.holds(time) {
            return at;
        }
        let spans_midnight = self.from > self.until;
        let day = if spans_midnight && time >= self.from { local.date_naive().succ_opt() } else { Some(local.date_naive()) };
        let Some(end) = day.map(|d| d.and_time(self.until)) else { return at };
        let first = at_local(end, zone).filter(|end| *end > at);
        // Where the clocks are set back into the window, it ends once more.
        let again = || zone.from_local_datetime(&end).latest().map(|end| end.to_utc());
        first.or_else(again).map_or(at, |end| end.max(at))
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
    fn a_window_into_which_the_clocks_are_set_back_ends_twice() {
        let hours = QuietHours::parse("01:30-02:30").unwrap();
        let open = |at: &str| {
            let at = DateTime::parse_from_rfc3339(at).unwrap().to_utc();
            hours.next_open(at, chrono_tz::Europe::Amsterdam).to_rfc3339()
        };
        assert_eq!(open("2026-10-25T00:00:00Z"), "2026-10-25T00:30:00+00:00");
        assert_eq!(open("2026-10-25T00:45:00Z"), "2026-10-25T00:45:00+00:00");
        assert_eq!(open("2026-10-25T01:15:00Z"), "2026-10-25T01:30:00+00:00");
    }

    #[test]
    fn the_budget_counts_days_and_weeks_of_the_persons_own_calendar() {
        let budget = MessagesPerPerson { per_day: Some(1), per_week: Some(2) };
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let next = |contacts: &[&str], from: &str| {
            let contacts: Vec<Timestamp> = contacts.iter().map(|c| at(c)).collect();
            let (next, full) = budget.next_allowed(&contacts, at(from), chrono_tz::Europe::Amsterdam);
            (next.to_rfc3339(), full)
        };
        let open = |at: &str| (at.replace('Z', "+00:00"), None);
        assert_eq!(next(&[], "2026-12-01T12:00:00Z"), open("2026-12-01T12:00:00Z"));
        // Half past eleven at night in universal time is the next day in Amsterdam.
        assert_eq!(next(&["2026-11-30T12:00:00Z"], "2026-11-30T23:30:00Z"), open("2026-11-30T23:30:00Z"));
        let midnight = ("2026-12-01T23:00:00+00:00".to_owned(), Some(Budget::Day(1)));
        assert_eq!(next(&["2026-12-01T07:00:00Z"], "2026-12-01T12:00:00Z"), midnight);
        let week = ("2026-12-07T23:00:00+00:00".to_owned(), Some(Budget::Week(2)));
        assert_eq!(next(&["2026-12-01T07:00:00Z", "2026-12-03T07:00:00Z"], "2026-12-04T12:00:00Z"), week);
        // One that waits for its later day keeps its place.
        assert_eq!(next(&["2026-12-05T07:00:00Z", "2026-12-06T07:00:00Z"], "2026-12-01T12:00:00Z").1, Some(Budget::Week(2)));
    }

    #[test]
    fn nonsense_is_no_window() {
        for bad in ["", "20:00", "25:00-07:00", "07:00-07:00", "a-b"] {
            assert_eq!(QuietHours::parse(bad), None, "{bad}");
        }
    }
}
