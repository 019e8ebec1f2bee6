//! The option `remind`: an array of spans, or a map that names the rules which reminders keep.

use chrono::{NaiveDate, NaiveTime};
use rhai::{Dynamic, Map};

use super::calendar::parse_date;
use super::options::{Options, type_word};
use super::problem::Problem;
use super::run_context::Run;
use crate::domain::reminder::{Days, ReminderPolicy};
use crate::domain::time::{Span, show_span};

const REMINDERS_MAX: usize = 20;
/// Periods, not days: more than a school has in thirty years.
const HOLIDAYS_MAX: usize = 1_000;
const KEYS: [&str; 6] = ["after", "at", "working_days", "holidays", "most", "gap"];

/// Takes `remind` out of the options of a plan whose invitations end after `expires`.
///
/// # Errors
/// `unknown_option`, `wrong_type`, `wrong_time`, `out_of_range`.
pub fn read(options: &mut Options, run: &Run, expires: Option<Span>) -> Result<ReminderPolicy, Problem> {
    let Some(value) = options.take("remind") else { return Ok(ReminderPolicy::default()) };
    let mut policy = match value.try_cast_result::<Map>() {
        Ok(map) => policy(map, run)?,
        Err(spans) => {
            let mut alone = Map::new();
            alone.insert("remind".into(), spans);
            let spans = Options::read("plan.send", alone, &["remind"])?.spans("remind")?.unwrap_or_default();
            sorted(spans)?.into()
        }
    };
    policy.zone = run.site.zone;
    if let (Some(last), Some(expires)) = (policy.after.last(), expires)
        && *last >= expires
    {
        let message =
            format!("the last reminder ({}) comes after the invitation expires ({})", show_span(*last), show_span(expires));
        return Err(Problem::new("out_of_range", message).about("expires"));
    }
    Ok(policy)
}

fn policy(map: Map, run: &Run) -> Result<ReminderPolicy, Problem> {
    let mut options = Options::read("remind", map, &KEYS)?;
    let after = options.spans("after")?.ok_or_else(|| {
        Problem::new("missing_option", "remind needs the option \"after\"").hint("write `after: [days(3), days(7)]`")
    })?;
    let at = options.text("at")?.map(|text| time_of_day(&text)).transpose()?;
    let working_days = options.truth("working_days")?.unwrap_or(false);
    let holidays = match options.list("holidays")? {
        None => Vec::new(),
        Some(list) if list.len() > HOLIDAYS_MAX => {
            return Err(too_many("the option \"holidays\"", HOLIDAYS_MAX, "periods", list.len()));
        }
        Some(list) => list.into_iter().map(|day| days(day.flatten(), run)).collect::<Result<_, _>>()?,
    };
    let most = match options.number("most")? {
        None => None,
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 20, and whole")]
        Some(n) if (1.0..=20.0).contains(&n) && n.fract() == 0.0 => Some(n as u16),
        Some(n) => {
            return Err(Problem::out_of_range("the option \"most\" of remind", "a whole number from 1 to 20", n).about("most"));
        }
    };
    let gap = options.span("gap")?.unwrap_or_else(Span::zero);
    if gap > Span::days(366) {
        return Err(Problem::out_of_range("the option \"gap\" of remind", "at most a year", show_span(gap)).about("gap"));
    }
    let policy = ReminderPolicy { after: sorted(after)?, at, working_days, holidays, gap, most, zone: run.site.zone };
    let today = run.now().with_timezone(&run.site.zone).date_naive();
    if today.iter_days().take(366).all(|day| policy.is_free(day)) {
        return Err(Problem::new("out_of_range", "the holidays leave no day for a reminder in the next year").about("holidays"));
    }
    Ok(policy)
}

fn sorted(mut spans: Vec<Span>) -> Result<Vec<Span>, Problem> {
    spans.sort();
    spans.dedup();
    if spans.len() > REMINDERS_MAX {
        return Err(too_many("the option \"remind\"", REMINDERS_MAX, "reminders", spans.len()).about("remind"));
    }
    if let Some(first) = spans.first().filter(|s| **s < Span::minutes(1)) {
        return Err(Problem::out_of_range("a reminder", "at least a minute later", show_span(*first)).about("remind"));
    }
    Ok(spans)
}

fn too_many(what: &str, most: usize, noun: &str, got: usize) -> Problem {
    Problem::out_of_range(what, &format!("at most {most} {noun}"), got)
}

fn time_of_day(text: &str) -> Result<NaiveTime, Problem> {
    NaiveTime::parse_from_str(text.trim(), "%H:%M")
        .map_err(|_| Problem::new("wrong_time", format!("{text:?} is no time of day")).about(text).hint("write it as \"08:30\""))
}

/// `"2026-12-07"`, `"2026-10-19..2026-10-23"`, or a map of both ends, as `calendar::holidays()` gives them.
fn days(value: Dynamic, run: &Run) -> Result<Days, Problem> {
    let day = |text: &str| -> Result<NaiveDate, Problem> {
        Ok(parse_date(text, run.site.zone)?.with_timezone(&run.site.zone).date_naive())
    };
    let ends = match value.try_cast_result::<Map>() {
        Ok(map) => {
            let mut ends = Options::read("remind's holidays", map, &["first", "last"])?;
            let first = ends.text("first")?;
            let last = ends.text("last")?;
            first.or(last.clone()).map(|first| (first.clone(), last.unwrap_or(first)))
        }
        Err(value) => {
            let text = value.clone().into_string().map_err(|_| wrong_day(&value))?;
            let (first, last) = text.split_once("..").unwrap_or((text.as_str(), text.as_str()));
            Some((first.to_owned(), last.to_owned()))
        }
    };
    let (first, last) = ends.ok_or_else(|| wrong_day(&Dynamic::UNIT))?;
    let days = Days { first: day(&first)?, last: day(&last)? };
    if days.last < days.first {
        return Err(Problem::out_of_range("the end of a holiday", &format!("not before {}", days.first), days.last).about(last));
    }
    Ok(days)
}

fn wrong_day(got: &Dynamic) -> Problem {
    let message = format!("the option \"holidays\" of remind wants days such as \"2026-12-07\", not {}", type_word(got));
    Problem::new("wrong_type", message).about("holidays").hint("`reminders::policy(#{ holidays: true, … })` takes the site's own")
}
