//! Instants and spans. Everything stored and compared is universal time; a zone only matters where
//! a person reads or a rule speaks of days.

use chrono::{DateTime, TimeDelta, Utc};
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
