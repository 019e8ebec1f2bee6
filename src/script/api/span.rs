//! Lengths of time, and arithmetic with them.

use rhai::plugin::*;

use crate::domain::time::Span as TimeSpan;
use crate::script::calendar::{self, bounded, shifted, span};
use crate::script::problem::RhaiResultOf;
use crate::script::values::{self, Time};

#[export_module]
pub mod api {
    /// A length of time: `days(7)`, `hours(2)`. Can be added to and taken from a `Time`.
    pub type Span = values::Span;

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
        Ok(span(count, 86_400)?)
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
        Ok(span(count, 7 * 86_400)?)
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
        Ok(span(count, 3_600)?)
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
        Ok(span(count, 60)?)
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
        Ok(shifted(time, span.0)?)
    }

    /// A time later by a span.
    ///
    /// # Example
    /// ```
    /// print(days(7) + now());
    /// ```
    #[rhai_fn(name = "+", return_raw)]
    pub fn span_plus_time(span: Span, time: Time) -> RhaiResultOf<Time> {
        Ok(shifted(time, span.0)?)
    }

    /// A time earlier by a span.
    ///
    /// # Example
    /// ```
    /// print(now() - days(7));
    /// ```
    #[rhai_fn(name = "-", return_raw)]
    pub fn time_minus(time: Time, span: Span) -> RhaiResultOf<Time> {
        Ok(shifted(time, -span.0)?)
    }

    /// The span from the second time to the first.
    ///
    /// # Example
    /// ```
    /// print(now() - date("2026-09-01"));
    /// ```
    #[rhai_fn(name = "-", return_raw)]
    pub fn time_difference(later: Time, earlier: Time) -> RhaiResultOf<Span> {
        Ok(bounded(later.0.signed_duration_since(earlier.0))?)
    }

    /// Two spans together.
    ///
    /// # Example
    /// ```
    /// print(days(1) + hours(12));
    /// ```
    #[rhai_fn(name = "+", return_raw)]
    pub fn span_plus(a: Span, b: Span) -> RhaiResultOf<Span> {
        Ok(bounded(a.0 + b.0)?)
    }

    /// A span less another.
    ///
    /// # Example
    /// ```
    /// print(days(1) - hours(12));
    /// ```
    #[rhai_fn(name = "-", return_raw)]
    pub fn span_minus(a: Span, b: Span) -> RhaiResultOf<Span> {
        Ok(bounded(a.0 - b.0)?)
    }

    /// A span so many times.
    ///
    /// # Example
    /// ```
    /// print(days(7) * 2);
    /// ```
    #[rhai_fn(name = "*", return_raw)]
    pub fn span_times(span: Span, times: i64) -> RhaiResultOf<Span> {
        Ok(calendar::span(span.0.num_seconds(), times)?)
    }

    /// A span so many times.
    ///
    /// # Example
    /// ```
    /// print(2 * days(7));
    /// ```
    #[rhai_fn(name = "*", return_raw)]
    pub fn times_span(times: i64, span: Span) -> RhaiResultOf<Span> {
        Ok(calendar::span(span.0.num_seconds(), times)?)
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
}
