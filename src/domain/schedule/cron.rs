//! A cron expression: five fields, or six with seconds first, as crontab means them.
//!
//! The `cron` crate counts Sunday as 1, wants six fields, joins the two day fields by AND, and loses or
//! doubles jobs where clocks change. So an expression is normalised here, and the crate only ever sees
//! local times without a zone, which it takes for universal ones.

use std::fmt;
use std::str::FromStr as _;

use chrono::{NaiveDateTime, TimeZone as _, Utc};

use super::field::{self, KINDS, Set};

/// The local times at which something is due.
#[derive(Clone)]
pub struct Cron {
    /// As it was written, with single spaces.
    text: String,
    times: ::cron::Schedule,
    /// Where both day fields restrict, a day that either of them names is due: `times` has the days of
    /// the month, this one those of the week.
    or_times: Option<Box<::cron::Schedule>>,
}

impl Cron {
    /// Reads an expression. Each field is `*`, a number or name, a range, a step (`*/15`, `8-17/2`), or
    /// several of these with commas; weekdays are 0 to 7 or names. Where both day fields are given, either
    /// of them is enough, unless one begins with `*`.
    ///
    /// # Errors
    /// Which field is wrong and what is allowed there; or that the day never comes.
    pub fn parse(text: &str) -> Result<Self, String> {
        let given: Vec<&str> = text.split_whitespace().take(7).collect();
        let mut sets = [field::read("0", &KINDS[0])?; 6];
        let skipped = match given.len() {
            5 => 1,
            6 => 0,
            n => return Err(format!("it has {} fields", if n > 6 { "more than 6".to_owned() } else { n.to_string() })),
        };
        for ((part, kind), set) in given.iter().zip(&KINDS[skipped..]).zip(&mut sets[skipped..]) {
            *set = field::read(part, kind)?;
        }
        let [seconds, minutes, hours, days, months, week] = sets;
        let every = |kind| field::read("*", &KINDS[kind]);
        // Dates are enough by themselves only where both fields are given; else both have to hold.
        let either = !days.star && !week.star;
        if never(days, months) && !either {
            let day = days.numbers().min().unwrap_or_default();
            return Err(format!("that day never comes: none of the months in it has a day {day}"));
        }
        let by_week = |days| compiled([seconds, minutes, hours, days, months, week]);
        let (times, or_times) = if !either {
            (by_week(days)?, None)
        } else if never(days, months) {
            (by_week(every(3)?)?, None)
        } else {
            (compiled([seconds, minutes, hours, days, months, every(5)?])?, Some(Box::new(by_week(every(3)?)?)))
        };
        Ok(Self { text: given.join(" "), times, or_times })
    }

    /// The first due local time after `local`; `None` when there is none before the year 2101.
    #[must_use]
    pub fn next_after(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let next = |times: &::cron::Schedule| times.after(&Utc.from_utc_datetime(&local)).next().map(|at| at.naive_utc());
        match (next(&self.times), self.or_times.as_deref().and_then(next)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// Whether no year has one of the days in one of the months.
fn never(days: Set, months: Set) -> bool {
    let longest = |month: u32| match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    days.numbers().min() > months.numbers().map(longest).max()
}

fn compiled(sets: [Set; 6]) -> Result<::cron::Schedule, String> {
    let fields: Vec<String> = sets.iter().zip(&KINDS).map(|(set, kind)| set.normal(kind)).collect();
    ::cron::Schedule::from_str(&fields.join(" ")).map_err(|error| error.to_string())
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cron({:?})", self.text)
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}
