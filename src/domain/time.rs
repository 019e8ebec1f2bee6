//! Instants and spans. Everything stored and compared is universal time; a zone only matters where
//! a person reads or a rule speaks of days.

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

/// An instant, in universal time, to the millisecond.
pub type Timestamp = DateTime<Utc>;

/// A span between two instants.
pub type Span = TimeDelta;

/// The instant `ms` milliseconds after the Unix epoch; out-of-range values clamp to the epoch,
/// which no roster row can hold by itself.
#[must_use]
pub fn from_millis(ms: i64) -> Timestamp {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

/// The instant at which the clocks of a zone show `local`: the first of two where they show it twice, the next
/// valid minute where they skip it. `None` outside of what a calendar holds.
#[must_use]
pub fn at_local(mut local: NaiveDateTime, zone: Tz) -> Option<Timestamp> {
    // The longest time that was ever skipped is a day.
    for _ in 0..=26 * 60 {
        if let Some(at) = zone.from_local_datetime(&local).earliest() {
            return Some(at.to_utc());
        }
        local = local.checked_add_signed(Span::minutes(1))?;
    }
    None
}

/// `from` later by a span whose whole days are days of the zone's calendar: three days after nine o'clock is nine
/// o'clock, though the clocks change in between. Hours and less are as long as they are.
#[must_use]
pub fn days_later(from: Timestamp, span: Span, zone: Tz) -> Timestamp {
    let days = Span::days(span.num_days());
    if days.is_zero() {
        return from.checked_add_signed(span).unwrap_or(from);
    }
    let local = from.with_timezone(&zone).naive_local().checked_add_signed(days).and_then(|local| at_local(local, zone));
    local.and_then(|at| at.checked_add_signed(span - days)).unwrap_or(from)
}

/// How a person reads an instant: `2026-12-01 08:00` in the site's zone.
#[must_use]
pub fn show(at: Timestamp, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string()
}

/// A span as a person says it: `3 days`, `2 hours`, `1 minute`, `12 seconds`. The two largest
/// units are enough; a span is never negative in what people read.
#[must_use]
pub fn show_span(span: Span) -> String {
    let seconds = span.num_seconds().abs();
    let parts = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let mut left = seconds;
    let mut said = Vec::new();
    for (size, name) in parts {
        let n = left / size;
        left %= size;
        if n > 0 {
            said.push(format!("{n} {name}{}", if n == 1 { "" } else { "s" }));
        }
        if said.len() == 2 {
            break;
        }
    }
    if said.is_empty() { "0 seconds".to_owned() } else { said.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_two_units() {
        assert_eq!(show_span(Span::days(3)), "3 days");
        assert_eq!(show_span(Span::seconds(90_061)), "1 day 1 hour");
        assert_eq!(show_span(Span::seconds(61)), "1 minute 1 second");
        assert_eq!(show_span(Span::zero()), "0 seconds");
    }
}
