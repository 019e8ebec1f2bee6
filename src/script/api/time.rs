//! Instants and spans. The run has one `now()`; days begin and end in the site's zone.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _};
use chrono_tz::Tz;
use rhai::plugin::*;

use crate::domain::time::{Span as TimeSpan, Timestamp};
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::values;

/// A hundred years: nothing in a school is planned for longer, and no sum of two overflows.
const SECONDS_MAX: i64 = 100 * 366 * 86_400;

#[export_module]
pub mod api {
    /// An instant. Printed in the site's zone; two can be compared, and subtracting gives a `Span`.
    pub type Time = values::Time;
    /// A length of time: `days(7)`, `hours(2)`. Can be added to and taken from a `Time`.
    pub type Span = values::Span;

    /// The start of this run. The same instant however long the run takes.
    ///
    /// # Example
    /// ```
    /// print(now() - days(7));
    /// ```
    #[rhai_fn(volatile, return_raw)]
    pub fn now(ctx: NativeCallContext) -> RhaiResultOf<Time> {
        Ok(values::Time(Run::of(&ctx)?.now))
    }

    /// The beginning of the present day in the site's zone.
    ///
    /// # Example
    /// ```
    /// let late = users.where(|u| u.last_contact < today());
    /// ```
    #[rhai_fn(volatile, return_raw)]
    pub fn today(ctx: NativeCallContext) -> RhaiResultOf<Time> {
        let run = Run::of(&ctx)?;
        Ok(values::Time(midnight(run.now, run.site.zone)?))
    }

    /// A span of so many days of 24 hours.
    ///
    /// # Throws
    /// `out_of_range` beyond a hundred years.
    ///
    /// # Example
    /// ```
    /// let deadline = now() + days(14);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn days(count: i64) -> RhaiResultOf<Span> {
        span(count, 86_400)
    }

    /// A span of so many weeks of seven days.
    ///
    /// # Throws
    /// `out_of_range` beyond a hundred years.
    ///
    /// # Example
    /// ```
    /// let deadline = now() + weeks(2);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn weeks(count: i64) -> RhaiResultOf<Span> {
        span(count, 7 * 86_400)
    }

    /// A span of so many hours.
    ///
    /// # Throws
    /// `out_of_range` beyond a hundred years.
    ///
    /// # Example
    /// ```
    /// let soon = now() + hours(2);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn hours(count: i64) -> RhaiResultOf<Span> {
        span(count, 3_600)
    }

    /// A span of so many minutes.
    ///
    /// # Throws
    /// `out_of_range` beyond a hundred years.
    ///
    /// # Example
    /// ```
    /// let soon = now() + minutes(30);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn minutes(count: i64) -> RhaiResultOf<Span> {
        span(count, 60)
    }

    /// The beginning of a day in the site's zone, written `2026-12-01`.
    ///
    /// # Throws
    /// `wrong_time` when the text is no date.
    ///
    /// # Example
    /// ```
    /// let term_starts = date("2026-12-01");
    /// ```
    #[rhai_fn(volatile, return_raw)]
    pub fn date(ctx: NativeCallContext, text: &str) -> RhaiResultOf<Time> {
        Ok(values::Time(parse_date(text, Run::of(&ctx)?.site.zone)?))
    }

    /// An instant in the site's zone, written `2026-12-01 08:00`.
    ///
    /// A local time that the clock change skips is the first valid minute after it; one that comes
    /// twice is the first of the two. A text with an offset of its own (`2026-12-01T08:00:00Z`) is taken as it says.
    ///
    /// # Throws
    /// `wrong_time` when the text is no date and time.
    ///
    /// # Example
    /// ```
    /// let assembly = at("2026-12-01 08:00");
    /// ```
    #[rhai_fn(volatile, return_raw)]
    pub fn at(ctx: NativeCallContext, text: &str) -> RhaiResultOf<Time> {
        Ok(values::Time(parse_at(text, Run::of(&ctx)?.site.zone)?))
    }

    /// The year in the site's zone.
    ///
    /// # Example
    /// ```
    /// print(now().year);
    /// ```
    #[rhai_fn(get = "year", pure, return_raw)]
    pub fn year(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<i64> {
        part(&ctx, time, |t| i64::from(chrono::Datelike::year(&t)))
    }

    /// The month in the site's zone, from 1.
    ///
    /// # Example
    /// ```
    /// if now().month == 9 { print("a new school year"); }
    /// ```
    #[rhai_fn(get = "month", pure, return_raw)]
    pub fn month(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<i64> {
        part(&ctx, time, |t| i64::from(chrono::Datelike::month(&t)))
    }

    /// The day of the month in the site's zone, from 1.
    ///
    /// # Example
    /// ```
    /// print(now().day);
    /// ```
    #[rhai_fn(get = "day", pure, return_raw)]
    pub fn day(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<i64> {
        part(&ctx, time, |t| i64::from(chrono::Datelike::day(&t)))
    }

    /// The hour in the site's zone, 0 to 23.
    ///
    /// # Example
    /// ```
    /// if now().hour < 12 { print("morning"); }
    /// ```
    #[rhai_fn(get = "hour", pure, return_raw)]
    pub fn hour(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<i64> {
        part(&ctx, time, |t| i64::from(chrono::Timelike::hour(&t)))
    }

    /// The minute, 0 to 59.
    ///
    /// # Example
    /// ```
    /// print(now().minute);
    /// ```
    #[rhai_fn(get = "minute", pure, return_raw)]
    pub fn minute(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<i64> {
        part(&ctx, time, |t| i64::from(chrono::Timelike::minute(&t)))
    }

    /// The second, 0 to 59.
    ///
    /// # Example
    /// ```
    /// print(now().second);
    /// ```
    #[rhai_fn(get = "second", pure, return_raw)]
    pub fn second(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<i64> {
        part(&ctx, time, |t| i64::from(chrono::Timelike::second(&t)))
    }

    /// The day of the week in the site's zone: `"monday"` to `"sunday"`.
    ///
    /// # Example
    /// ```
    /// if today().weekday in ["saturday", "sunday"] { return; }
    /// ```
    #[rhai_fn(get = "weekday", pure, return_raw)]
    pub fn weekday(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<String> {
        part(&ctx, time, |t| {
            use chrono::Weekday as W;
            let word = match chrono::Datelike::weekday(&t) {
                W::Mon => "monday",
                W::Tue => "tuesday",
                W::Wed => "wednesday",
                W::Thu => "thursday",
                W::Fri => "friday",
                W::Sat => "saturday",
                W::Sun => "sunday",
            };
            word.to_owned()
        })
    }

    /// The beginning of the time's day in the site's zone.
    ///
    /// # Example
    /// ```
    /// print((now() + days(1)).start_of_day());
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn start_of_day(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<Time> {
        Ok(values::Time(midnight(time.0, Run::of(&ctx)?.site.zone)?))
    }

    /// The time in the site's zone, written after a pattern: `%Y` year, `%m` month, `%d` day, `%H` hour, `%M` minute, `%A` weekday.
    ///
    /// # Throws
    /// `wrong_pattern` when the pattern has a letter after `%` that means nothing.
    ///
    /// # Example
    /// ```
    /// print(now().format("%d.%m.%Y"));
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn format(ctx: NativeCallContext, time: &mut Time, pattern: &str) -> RhaiResultOf<String> {
        let items: Vec<_> = chrono::format::StrftimeItems::new(pattern).collect();
        if items.contains(&chrono::format::Item::Error) {
            return Err(Problem::new("wrong_pattern", format!("{pattern:?} is no pattern for a time"))
                .about(pattern)
                .hint("for example \"%d.%m.%Y %H:%M\"")
                .into());
        }
        let local = time.0.with_timezone(&Run::of(&ctx)?.site.zone);
        let mut text = String::new();
        // A pattern such as `%#z` parses but can't be written.
        std::fmt::Write::write_fmt(&mut text, format_args!("{}", local.format_with_items(items.iter())))
            .map_err(|_| Problem::new("wrong_pattern", format!("{pattern:?} is no pattern for a time")).about(pattern))?;
        Ok(text)
    }

    /// The time as a person reads it: `2026-12-01 08:00` in the site's zone.
    ///
    /// # Example
    /// ```
    /// print("since " + now().to_string());
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure, return_raw)]
    pub fn time_to_string(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<String> {
        Ok(crate::domain::time::show(time.0, Run::of(&ctx)?.site.zone))
    }

    /// The span in whole days.
    ///
    /// # Example
    /// ```
    /// print((date("2026-12-24") - today()).days);
    /// ```
    #[rhai_fn(get = "days", pure)]
    pub fn span_days(span: &mut Span) -> i64 {
        span.0.num_days()
    }

    /// The span in whole hours.
    ///
    /// # Example
    /// ```
    /// print(days(2).hours);
    /// ```
    #[rhai_fn(get = "hours", pure)]
    pub fn span_hours(span: &mut Span) -> i64 {
        span.0.num_hours()
    }

    /// The span in whole minutes.
    ///
    /// # Example
    /// ```
    /// print(hours(2).minutes);
    /// ```
    #[rhai_fn(get = "minutes", pure)]
    pub fn span_minutes(span: &mut Span) -> i64 {
        span.0.num_minutes()
    }

    /// The span in whole seconds.
    ///
    /// # Example
    /// ```
    /// print(minutes(2).seconds);
    /// ```
    #[rhai_fn(get = "seconds", pure)]
    pub fn span_seconds(span: &mut Span) -> i64 {
        span.0.num_seconds()
    }

    /// The span as a person says it: `3 days`, `1 day 2 hours`.
    ///
    /// # Example
    /// ```
    /// print("within " + days(3).to_string());
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn span_to_string(span: &mut Span) -> String {
        let sign = if span.0 < TimeSpan::zero() { "-" } else { "" };
        format!("{sign}{}", crate::domain::time::show_span(span.0))
    }

    /// A time later by a span.
    ///
    /// # Example
    /// ```
    /// print(now() + days(7));
    /// ```
    #[rhai_fn(name = "+", return_raw)]
    pub fn time_plus(time: Time, span: Span) -> RhaiResultOf<Time> {
        shifted(time, span.0)
    }

    /// A time later by a span.
    ///
    /// # Example
    /// ```
    /// print(days(7) + now());
    /// ```
    #[rhai_fn(name = "+", return_raw)]
    pub fn span_plus_time(span: Span, time: Time) -> RhaiResultOf<Time> {
        shifted(time, span.0)
    }

    /// A time earlier by a span.
    ///
    /// # Example
    /// ```
    /// print(now() - days(7));
    /// ```
    #[rhai_fn(name = "-", return_raw)]
    pub fn time_minus(time: Time, span: Span) -> RhaiResultOf<Time> {
        shifted(time, -span.0)
    }

    /// The span from the second time to the first.
    ///
    /// # Example
    /// ```
    /// print(now() - date("2026-09-01"));
    /// ```
    #[rhai_fn(name = "-", return_raw)]
    pub fn time_difference(later: Time, earlier: Time) -> RhaiResultOf<Span> {
        bounded(later.0.signed_duration_since(earlier.0))
    }

    /// Two spans together.
    ///
    /// # Example
    /// ```
    /// print(days(1) + hours(12));
    /// ```
    #[rhai_fn(name = "+", return_raw)]
    pub fn span_plus(a: Span, b: Span) -> RhaiResultOf<Span> {
        bounded(a.0 + b.0)
    }

    /// A span less another.
    ///
    /// # Example
    /// ```
    /// print(days(1) - hours(12));
    /// ```
    #[rhai_fn(name = "-", return_raw)]
    pub fn span_minus(a: Span, b: Span) -> RhaiResultOf<Span> {
        bounded(a.0 - b.0)
    }

    /// A span so many times.
    ///
    /// # Example
    /// ```
    /// print(days(7) * 2);
    /// ```
    #[rhai_fn(name = "*", return_raw)]
    pub fn span_times(span: Span, times: i64) -> RhaiResultOf<Span> {
        super::span(span.0.num_seconds(), times)
    }

    /// A span so many times.
    ///
    /// # Example
    /// ```
    /// print(2 * days(7));
    /// ```
    #[rhai_fn(name = "*", return_raw)]
    pub fn times_span(times: i64, span: Span) -> RhaiResultOf<Span> {
        super::span(span.0.num_seconds(), times)
    }

    /// Whether two times are the same.
    #[rhai_fn(name = "==")]
    pub fn time_eq(a: Time, b: Time) -> bool {
        a == b
    }

    /// Whether two times differ.
    #[rhai_fn(name = "!=")]
    pub fn time_ne(a: Time, b: Time) -> bool {
        a != b
    }

    /// Whether the first time is earlier.
    #[rhai_fn(name = "<")]
    pub fn time_lt(a: Time, b: Time) -> bool {
        a < b
    }

    /// Whether the first time is not later.
    #[rhai_fn(name = "<=")]
    pub fn time_le(a: Time, b: Time) -> bool {
        a <= b
    }

    /// Whether the first time is later.
    #[rhai_fn(name = ">")]
    pub fn time_gt(a: Time, b: Time) -> bool {
        a > b
    }

    /// Whether the first time is not earlier.
    #[rhai_fn(name = ">=")]
    pub fn time_ge(a: Time, b: Time) -> bool {
        a >= b
    }

    /// Whether two spans are the same.
    #[rhai_fn(name = "==")]
    pub fn span_eq(a: Span, b: Span) -> bool {
        a == b
    }

    /// Whether two spans differ.
    #[rhai_fn(name = "!=")]
    pub fn span_ne(a: Span, b: Span) -> bool {
        a != b
    }

    /// Whether the first span is shorter.
    #[rhai_fn(name = "<")]
    pub fn span_lt(a: Span, b: Span) -> bool {
        a < b
    }

    /// Whether the first span is not longer.
    #[rhai_fn(name = "<=")]
    pub fn span_le(a: Span, b: Span) -> bool {
        a <= b
    }

    /// Whether the first span is longer.
    #[rhai_fn(name = ">")]
    pub fn span_gt(a: Span, b: Span) -> bool {
        a > b
    }

    /// Whether the first span is not shorter.
    #[rhai_fn(name = ">=")]
    pub fn span_ge(a: Span, b: Span) -> bool {
        a >= b
    }

    /// There is no sleep: a run has one instant. A schedule or `remind:` acts later.
    ///
    /// # Throws
    /// `no_sleep`, always.
    ///
    /// # Example
    /// ```
    /// try { sleep(1); } catch (e) { print(e.message); }
    /// ```
    #[rhai_fn(volatile, return_raw)]
    pub fn sleep(_seconds: i64) -> RhaiResultOf<()> {
        Err(no_sleep().into())
    }

    /// There is no sleep: a run has one instant. A schedule or `remind:` acts later.
    ///
    /// # Throws
    /// `no_sleep`, always.
    ///
    /// # Example
    /// ```
    /// try { sleep(1); } catch (e) { print(e.message); }
    /// ```
    #[rhai_fn(name = "sleep", volatile, return_raw)]
    pub fn sleep_float(_seconds: f64) -> RhaiResultOf<()> {
        Err(no_sleep().into())
    }
}

fn no_sleep() -> Problem {
    Problem::new("no_sleep", "a script can't wait: a run has one instant").hint("let `remind: [days(3)]` or a schedule act later")
}

fn span(count: i64, seconds: i64) -> RhaiResultOf<values::Span> {
    let total = count.checked_mul(seconds).filter(|s| s.abs() <= SECONDS_MAX);
    match total.and_then(TimeSpan::try_seconds) {
        Some(span) => Ok(values::Span(span)),
        None => Err(Problem::out_of_range("a time span", "at most a hundred years", count).into()),
    }
}

fn bounded(span: TimeSpan) -> RhaiResultOf<values::Span> {
    if span.num_seconds().abs() > 2 * SECONDS_MAX {
        return Err(Problem::out_of_range("a time span", "at most two hundred years", format!("{} days", span.num_days())).into());
    }
    Ok(values::Span(span))
}

fn shifted(time: values::Time, by: TimeSpan) -> RhaiResultOf<values::Time> {
    let shifted = time.0.checked_add_signed(by).filter(|t| (1900..=2200).contains(&chrono::Datelike::year(t)));
    match shifted {
        Some(time) => Ok(values::Time(time)),
        None => Err(Problem::out_of_range("a time", "between 1900 and 2200", "this").into()),
    }
}

fn part<T>(ctx: &NativeCallContext, time: &values::Time, part: impl FnOnce(DateTime<Tz>) -> T) -> RhaiResultOf<T> {
    Ok(part(time.0.with_timezone(&Run::of(ctx)?.site.zone)))
}

fn midnight(at: Timestamp, zone: Tz) -> Result<Timestamp, Problem> {
    instant(at.with_timezone(&zone).date_naive().and_time(NaiveTime::MIN), zone)
}

/// The instant of a local time; the first valid minute after one that does not exist.
fn instant(mut local: NaiveDateTime, zone: Tz) -> Result<Timestamp, Problem> {
    for _ in 0..=(26 * 60) {
        if let Some(at) = zone.from_local_datetime(&local).earliest() {
            return Ok(at.to_utc());
        }
        local = match local.checked_add_signed(TimeSpan::minutes(1)) {
            Some(next) => next,
            None => break,
        };
    }
    Err(Problem::out_of_range("a time", "between 1900 and 2200", local))
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
