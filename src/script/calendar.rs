//! Days and spans as scripts mean them: a day begins in the site's zone, and no sum overflows.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use super::problem::Problem;
use super::values::{Span, Time};
use crate::domain::time::{Span as TimeSpan, Timestamp, at_local};

/// A hundred years: nothing in a school is planned for longer, and no sum of two overflows.
const SECONDS_MAX: i64 = 100 * 366 * 86_400;

/// The days of a week as scripts call them.
pub const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// `count` times `seconds`.
///
/// # Errors
/// `out_of_range` beyond a hundred years.
pub fn span(count: i64, seconds: i64) -> Result<Span, Problem> {
    let total = count.checked_mul(seconds).filter(|s| s.abs() <= SECONDS_MAX);
    match total.and_then(TimeSpan::try_seconds) {
        Some(span) => Ok(Span(span)),
        None => Err(Problem::out_of_range("a time span", "at most a hundred years", count)),
    }
}

/// A span that a sum or a difference gave.
///
/// # Errors
/// `out_of_range` beyond two hundred years.
pub fn bounded(span: TimeSpan) -> Result<Span, Problem> {
    if span.num_seconds().abs() > 2 * SECONDS_MAX {
        return Err(Problem::out_of_range("a time span", "at most two hundred years", format!("{} days", span.num_days())));
    }
    Ok(Span(span))
}

/// A time later by a span.
///
/// # Errors
/// `out_of_range` outside of 1900 to 2200.
pub fn shifted(time: Time, by: TimeSpan) -> Result<Time, Problem> {
    let shifted = time.0.checked_add_signed(by).filter(|t| (1900..=2200).contains(&chrono::Datelike::year(t)));
    match shifted {
        Some(time) => Ok(Time(time)),
        None => Err(Problem::out_of_range("a time", "between 1900 and 2200", "this")),
    }
}

/// The beginning of the day in a zone.
///
/// # Errors
/// `out_of_range` outside of 1900 to 2200.
pub fn midnight(at: Timestamp, zone: Tz) -> Result<Timestamp, Problem> {
    instant(at.with_timezone(&zone).date_naive().and_time(NaiveTime::MIN), zone)
}

/// The instant of a local time; the first valid minute after one that does not exist.
fn instant(local: NaiveDateTime, zone: Tz) -> Result<Timestamp, Problem> {
    at_local(local, zone).ok_or_else(|| Problem::out_of_range("a time", "between 1900 and 2200", local))
}

/// Reads `2026-12-01`.
///
/// # Errors
/// `wrong_time`.
pub fn parse_date(text: &str, zone: Tz) -> Result<Timestamp, Problem> {
    let date = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok().filter(|d| sensible(d.and_time(NaiveTime::MIN)));
    let date = date.ok_or_else(|| {
        Problem::new("wrong_time", format!("{text:?} is no date")).about(text).hint("write it as \"2026-12-01\"")
    })?;
    instant(date.and_time(NaiveTime::MIN), zone)
}

/// Reads `2026-12-01 08:00`.
///
/// # Errors
/// `wrong_time`.
pub fn parse_at(text: &str, zone: Tz) -> Result<Timestamp, Problem> {
    let trimmed = text.trim();
    if let Some(at) = DateTime::parse_from_rfc3339(trimmed).ok().filter(|t| sensible(t.naive_utc())) {
        return Ok(at.to_utc());
    }
    let forms = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(trimmed, form).ok()).filter(|t| sensible(*t));
    let local = local.ok_or_else(|| {
        Problem::new("wrong_time", format!("{text:?} is no date and time")).about(text).hint("write it as \"2026-12-01 08:00\"")
    })?;
    instant(local, zone)
}

fn sensible(at: NaiveDateTime) -> bool {
    (1900..=2200).contains(&chrono::Datelike::year(&at))
}

/// Reads a date, or a date and time.
///
/// # Errors
/// `wrong_time`.
pub fn time_of_text(text: &str, zone: Tz) -> Result<Timestamp, Problem> {
    parse_date(text, zone).or_else(|_| parse_at(text, zone))
}
