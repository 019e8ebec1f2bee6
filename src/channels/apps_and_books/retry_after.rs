//! The two forms of `Retry-After`: seconds, and a date (RFC 9110, 10.2.3).

use chrono::DateTime;

use crate::domain::time::{Span, Timestamp};

/// How long the header asks to wait from `now` on. `None` when it is in neither form; a date in the
/// past is no wait. Seconds beyond what a span can hold become the longest one.
#[must_use]
pub fn parse(header: &str, now: Timestamp) -> Option<Span> {
    let text = header.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let seconds = text.parse::<i64>().unwrap_or(i64::MAX);
        return Some(Span::try_seconds(seconds).unwrap_or(Span::MAX));
    }
    let date = DateTime::parse_from_rfc2822(text)
        // A weekday that doesn't fit its date is no reason to come back too early.
        .or_else(|_| DateTime::parse_from_rfc2822(text.split_once(',').map_or("", |(_, rest)| rest.trim())))
        .ok()?;
    // Dates have whole seconds, ours has milliseconds: rather one second late than one early.
    Some((date.to_utc().signed_duration_since(now) + Span::seconds(1)).max(Span::zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(header: &str) -> Option<i64> {
        let now = DateTime::parse_from_rfc3339("2026-11-03T08:00:00.250Z").unwrap().to_utc();
        parse(header, now).map(|span| span.num_seconds())
    }

    #[test]
    fn seconds_and_dates() {
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 0 "), Some(0));
        assert_eq!(seconds("Tue, 03 Nov 2026 08:01:00 GMT"), Some(60));
        assert_eq!(seconds("Mon, 03 Nov 2026 08:01:00 GMT"), Some(60));
        assert_eq!(seconds("Tue, 03 Nov 2026 07:00:00 GMT"), Some(0));
    }

    #[test]
    fn nonsense_and_absurdity() {
        for nonsense in ["", "soon", "-5", "1.5", "2026-11-03T08:01:00Z", ", ,", "é"] {
            assert_eq!(seconds(nonsense), None, "{nonsense}");
        }
        assert_eq!(seconds("99999999999999999999999"), Some(Span::MAX.num_seconds()));
    }
}
