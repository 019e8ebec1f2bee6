//! From local times to instants. A local time that does not exist and one that comes twice follow the
//! schedule's own rules; everything else has one instant.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset as _, TimeZone as _, Timelike as _};
use chrono_tz::Tz;

use super::cron::Cron;
use super::{Fold, Gap};
use crate::domain::time::{Span, Timestamp};

/// When something is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    pub cron: Cron,
    pub zone: Tz,
    pub gap: Gap,
    pub fold: Fold,
}

/// One due instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub at: Timestamp,
    /// The local time that the expression names; where it doesn't exist, another one than `at` has.
    pub named: NaiveDateTime,
    pub clock: ClockChange,
}

/// What a clock change has to do with a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockChange {
    None,
    /// The named time does not exist; the moment is the first one after the change.
    Moved,
    FirstOfTwo,
    SecondOfTwo,
}

impl Moment {
    /// What a person has to know about the clock here; empty on any other day.
    #[must_use]
    pub fn note(&self, zone: Tz) -> String {
        let named = clock_time(self.named);
        match self.clock {
            ClockChange::None => String::new(),
            ClockChange::Moved => {
                let valid = clock_time(self.at.with_timezone(&zone).naive_local());
                format!("{named} does not exist on this day: {valid}")
            }
            ClockChange::FirstOfTwo => format!("first of two {named}"),
            ClockChange::SecondOfTwo => format!("second of two {named}"),
        }
    }
}

/// `02:30`, or `02:30:15` where seconds matter.
fn clock_time(local: NaiveDateTime) -> String {
    local.format(if local.second() == 0 { "%H:%M" } else { "%H:%M:%S" }).to_string()
}

/// No zone's local time is further from universal time than this.
const FAR: Span = Span::hours(26);
/// Taken from a local time, makes "after" mean "from then on".
const INCLUSIVE: Span = Span::nanoseconds(1);

impl Timing {
    /// The first due instant after `after`; `None` when there is none before the year 2101.
    ///
    /// Instants are strictly increasing: times that fall together because of a clock change are one.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Moment> {
        let local = self.local(after);
        let ahead = self.next_named_after(local, after);
        if self.fold == Fold::First {
            return ahead;
        }
        match self.coming_fold(local, after) {
            // The clock is about to be put back over times that have been due already.
            Some(change) if ahead.is_none_or(|m| m.at >= change) => {
                let again = self.next_named_after(self.local(change) - INCLUSIVE, change - INCLUSIVE);
                [again, ahead].into_iter().flatten().min_by_key(|m| m.at)
            }
            _ => ahead,
        }
    }

    fn local(&self, at: Timestamp) -> NaiveDateTime {
        at.with_timezone(&self.zone).naive_local()
    }

    /// The first instant after `after` that a local time after `local` stands for.
    fn next_named_after(&self, mut local: NaiveDateTime, after: Timestamp) -> Option<Moment> {
        loop {
            let named = self.cron.next_after(local)?;
            let moment = |at, clock| Some(Moment { at, named, clock });
            local = match self.zone.from_local_datetime(&named) {
                MappedLocalTime::Single(at) if at.to_utc() > after => return moment(at.to_utc(), ClockChange::None),
                MappedLocalTime::Single(_) => named,
                MappedLocalTime::Ambiguous(one, other) => {
                    let (first, second) = (one.min(other).to_utc(), one.max(other).to_utc());
                    if first > after {
                        return moment(first, ClockChange::FirstOfTwo);
                    }
                    if second > after && self.fold == Fold::Both {
                        return moment(second, ClockChange::SecondOfTwo);
                    }
                    // Nothing more of what comes twice is due: on with the first time that comes once.
                    self.local(self.change_between(first, second)) + (second - first) - INCLUSIVE
                }
                MappedLocalTime::None => {
                    let change = self.change_over(named);
                    if self.gap == Gap::NextValid && change > after {
                        return moment(change, ClockChange::Moved);
                    }
                    self.local(change) - INCLUSIVE
                }
            }
            .max(named);
        }
    }

    /// When `after` is in the first pass of local times that come twice: when the second one begins.
    fn coming_fold(&self, local: NaiveDateTime, after: Timestamp) -> Option<Timestamp> {
        match self.zone.from_local_datetime(&local) {
            MappedLocalTime::Ambiguous(one, other) if one.min(other).to_utc() == after => {
                Some(self.change_between(after, one.max(other).to_utc()))
            }
            _ => None,
        }
    }

    /// The clock change in the span: there is exactly one.
    fn change_between(&self, from: Timestamp, to: Timestamp) -> Timestamp {
        let before = self.zone.offset_from_utc_datetime(&from.naive_utc()).fix();
        first_second(from, to, |at| self.zone.offset_from_utc_datetime(&at.naive_utc()).fix() != before)
    }

    /// The clock change that skips a local time.
    fn change_over(&self, skipped: NaiveDateTime) -> Timestamp {
        let about = skipped.and_utc();
        first_second(about - FAR, about + FAR, |at| self.local(at) > skipped)
    }
}

/// The first whole second in a span from which on `holds` is true; it is at the span's end.
fn first_second(from: Timestamp, to: Timestamp, holds: impl Fn(Timestamp) -> bool) -> Timestamp {
    let (mut before, mut since) = (from.timestamp(), to.timestamp());
    let instant = |second| DateTime::from_timestamp(second, 0).unwrap_or(to);
    while since - before > 1 {
        let middle = before + (since - before) / 2;
        if holds(instant(middle)) {
            since = middle;
        } else {
            before = middle;
        }
    }
    instant(since)
}
