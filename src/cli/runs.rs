//! `beckon runs`: what was run, and one run with all that came of it.

use std::fmt::Write as _;

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::args;
use super::exit::{Exit, Failure};
use super::held_run;
use super::ink::Ink;
use super::layout;
use super::render;
use super::session::{self, Session};
use super::width;
use crate::domain::ids::RunId;
use crate::domain::time::{Timestamp, show, show_span};
use crate::store::{KeptState, RunDelivery, RunFigures, RunFilter, RunLine, RunStory};

/// A run's number as it is typed.
///
/// # Errors
/// It is none, in words for a person.
pub fn run_number(typed: &str) -> Result<i64, String> {
    typed.parse().map_err(|_| "a run is called by its number, and `beckon runs` lists them".to_owned())
}

/// So many are listed unless more are asked for.
const LISTED: usize = 20;
/// So many deliveries of one run are shown, and as many lines of its journal.
const TOLD: usize = 50;

/// Lists runs, or tells one.
///
/// # Errors
/// The site's or the store's; there is no such run; `--since` is no date.
pub fn runs(session: &Session, args: &args::Runs) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let (now, zone) = (session.clock.now(), site.config.site.timezone);
    let ink = Ink::new(session.ink.out);
    if let Some(run) = args.run {
        let story = site
            .store
            .run_story(RunId(run), args.limit.unwrap_or(TOLD), now)?
            .ok_or_else(|| Failure::new(Exit::Usage, format!("there is no run {run}")).remedy("`beckon runs` lists them"))?;
        if args.json {
            println!("{}", story_json(&story));
        } else {
            print!("{}", tell(&story, zone, width(), &ink));
        }
        return Ok(Exit::Done);
    }
    let filter = RunFilter {
        script: args.script.clone(),
        failed: args.failed,
        held: args.held,
        since: args.since.as_deref().map(|text| since(text, now, zone)).transpose()?,
        most: args.limit.unwrap_or(LISTED),
    };
    let lines = site.store.runs(&filter, now)?;
    if args.json {
        println!("{}", Value::Array(lines.iter().map(line_json).collect()));
    } else {
        print!("{}", list(&lines, &filter, zone, width(), &ink));
    }
    Ok(Exit::Done)
}

/// The list, newest first.
fn list(lines: &[RunLine], filter: &RunFilter, zone: Tz, width: usize, ink: &Ink) -> String {
    if lines.is_empty() {
        let any = filter.script.is_none() && filter.since.is_none() && !filter.failed && !filter.held;
        return if any { "nothing has been run yet\n" } else { "no run is like that\n" }.to_owned();
    }
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            vec![
                line.run.to_string(),
                show(line.started_at, zone),
                script_name(&line.script).to_owned(),
                by_in_list(line),
                if line.people == 0 { String::new() } else { line.people.to_string() },
                came(line),
            ]
        })
        .collect();
    let head = ["run", "when", "script", "by", "people", "what came of it"];
    let mut text = layout::table_with_names(&head, &[2, 3], &rows, width, ink);
    if lines.len() == filter.most {
        text.push_str("older ones: `beckon runs --limit 100`; `beckon runs RUN` tells one\n");
    }
    text
}

/// In a list, a script is called without folder and ending.
fn script_name(script: &str) -> &str {
    let name = script.strip_prefix("scripts/").unwrap_or(script);
    name.strip_suffix(".rhai").unwrap_or(name)
}

/// In a list, a run of a schedule is by the schedule's name: whoever reads down the column compares names.
fn by_in_list(line: &RunLine) -> String {
    match line.actor.strip_prefix("schedule ") {
        Some(schedule) if line.trigger == "schedule" => schedule.to_owned(),
        _ => by(line),
    }
}

/// Who started it, and how, where that isn't plain.
fn by(line: &RunLine) -> String {
    match line.trigger.as_str() {
        // A schedule's run says so in who ran it.
        "runbook" | "tasks" | "schedule" => line.actor.clone(),
        trigger if trigger == line.actor => trigger.to_owned(),
        trigger => format!("{} ({trigger})", line.actor),
    }
}

/// What it is now: what was held may have been rejected, or expired.
fn state(line: &RunLine) -> &str {
    if line.state == "held" { line.kept.map_or("held", KeptState::word) } else { &line.state }
}

/// `12 delivered, 1 doubtful`; what needs a person comes first.
fn came(line: &RunLine) -> String {
    if line.state != "committed" {
        return state(line).to_owned();
    }
    let said: Vec<String> =
        counts(&line.figures).into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if said.is_empty() { "done".to_owned() } else { said.join(", ") }
}

fn counts(figures: &RunFigures) -> [(u32, &'static str); 15] {
    [
        (figures.doubtful, "doubtful"),
        (figures.rejected, "rejected"),
        (figures.expired, "given up"),
        (figures.apple_failed, "failed"),
        (figures.delivered, "delivered"),
        (figures.accepted, "accepted"),
        (figures.waiting, "waiting"),
        (figures.deferred, "deferred"),
        (figures.queued, "queued"),
        (figures.registering, "registering"),
        (figures.apple_tasks, "at Apple"),
        (figures.cancelled, "cancelled"),
        (figures.planned, "planned"),
        (figures.behind_wave, "behind the wave"),
        (figures.held, "held"),
    ]
}

/// One run, in full.
fn tell(story: &RunStory, zone: Tz, width: usize, ink: &Ink) -> String {
    let line = &story.line;
    let mut text = format!("{}\n", ink.bold(&format!("Run {}: {} ({})", line.run, line.script, state(line))));
    let mut fact = |name: &str, what: &str| {
        if !what.is_empty() {
            text.push_str(&layout::wrapped(&format!("{name:<9} {what}"), width, 2, 12));
        }
    };
    fact("when", &format!("{}, took {}", show(line.started_at, zone), show_span(line.ended_at - line.started_at)));
    fact("by", &by(line));
    for (name, what) in held_run::facts(story, zone) {
        fact(name, &what);
    }
    if let Value::Object(params) = &story.params {
        let given: Vec<String> = params.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        fact("with", &given.join(", "));
    }
    // The beginning tells two versions of a script apart.
    fact("text", story.script_hash.get(..16).unwrap_or(&story.script_hash));
    section(&mut text, ink, "plan", &story.summary, width);
    section(&mut text, ink, "output", &story.output, width);
    let figures = render::figures(&line.figures, zone, ink);
    if !figures.is_empty() {
        let _ = write!(text, "\n{}\n{figures}", ink.bold("what came of it"));
    }
    if !story.deliveries.is_empty() {
        let _ = writeln!(text, "\n{}", ink.bold("deliveries"));
        text.push_str(&deliveries(story, zone, width, ink));
    }
    if !story.journal.is_empty() {
        let _ = writeln!(text, "\n{}", ink.bold("journal"));
        for (at, kind, who, words) in &story.journal {
            let who = who.as_ref().map(|who| format!(" {who}")).unwrap_or_default();
            text.push_str(&layout::wrapped(&format!("{} {kind}{who}: {words}", show(*at, zone)), width, 2, 6));
        }
        text.push_str(&more(story.journal.len(), story.journal_in_all, line.run));
    }
    text
}

/// Lines that were laid out when they were recorded.
fn section(text: &mut String, ink: &Ink, name: &str, lines: &str, width: usize) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", ink.bold(name));
    for line in lines.lines() {
        let indent = 2 + line.len() - line.trim_start().len();
        text.push_str(&layout::wrapped(line.trim_start(), width, indent, indent + 2));
    }
}

/// A row for each, and lines of their own for words that say more than the state does.
fn deliveries(story: &RunStory, zone: Tz, width: usize, ink: &Ink) -> String {
    let row = |d: &RunDelivery| {
        vec![
            format!("{}.{}", story.line.run, d.number),
            d.who.clone(),
            d.place.clone(),
            d.what.clone(),
            d.state.clone(),
            show(d.at, zone),
        ]
    };
    let rows: Vec<Vec<String>> = story.deliveries.iter().map(row).collect();
    let table = layout::table(&["task", "who", "where", "what", "state", "ended or due"], &rows, width, ink);
    let words = std::iter::once("").chain(story.deliveries.iter().map(|d| d.words.as_str()));
    let mut text = String::new();
    for (line, words) in table.lines().zip(words) {
        text.push_str(line);
        text.push('\n');
        if !words.is_empty() {
            text.push_str(&layout::wrapped(words, width, 7, 9));
        }
    }
    text.push_str(&more(story.deliveries.len(), story.deliveries_in_all, story.line.run));
    text
}

fn more(shown: usize, in_all: u64, run: RunId) -> String {
    let left = in_all.saturating_sub(shown as u64);
    if left == 0 { String::new() } else { format!("and {left} more: `beckon runs {run} --limit {in_all}`\n") }
}

/// Reads `7d`, `6h` as that long ago, and `2026-11-01` as the day's beginning in the site's zone.
fn since(text: &str, now: Timestamp, zone: Tz) -> Result<Timestamp, Failure> {
    if let Ok(span) = session::span(text) {
        return Ok(now - span);
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    // Where midnight doesn't exist, the day begins with the first hour that does.
    let begins = day.and_then(|day| {
        (0..4).find_map(|hour| {
            day.and_time(NaiveTime::MIN).checked_add_signed(chrono::TimeDelta::hours(hour))?.and_local_timezone(zone).earliest()
        })
    });
    begins.map(|at| at.to_utc()).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("--since: {text:?} is neither a date nor a span of time"))
            .remedy("write a date such as 2026-11-01, or how long ago, such as 7d or 12h")
    })
}

fn line_json(line: &RunLine) -> Value {
    let counts: serde_json::Map<String, Value> =
        counts(&line.figures).into_iter().map(|(n, word)| (word.replace(' ', "_"), json!(n))).collect();
    json!({
        "run": line.run, "script": line.script, "trigger": line.trigger, "actor": line.actor, "started_at": line.started_at,
        "ended_at": line.ended_at, "state": state(line), "people": line.people, "deliveries": counts,
    })
}

fn story_json(story: &RunStory) -> Value {
    let mut value = line_json(&story.line);
    let deliveries: Vec<Value> = story
        .deliveries
        .iter()
        .map(|d| {
            json!({
                "task": format!("{}.{}", story.line.run, d.number), "who": d.who, "where": d.place, "what": d.what, "state": d.state,
                "attempts": d.attempts, "at": d.at, "words": d.words,
            })
        })
        .collect();
    let journal: Vec<Value> = story
        .journal
        .iter()
        .map(|(at, kind, who, words)| json!({ "at": at, "kind": kind, "username": who, "words": words }))
        .collect();
    let more = json!({
        "script_hash": story.script_hash, "params": story.params, "summary": story.summary, "output": story.output,
        "each": deliveries, "deliveries_in_all": story.deliveries_in_all, "journal": journal, "journal_in_all": story.journal_in_all,
    });
    for more in [held_run::as_json(story), more] {
        if let (Some(map), Value::Object(more)) = (value.as_object_mut(), more) {
            map.extend(more);
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_millis;

    #[test]
    fn since_is_a_span_or_a_day_of_the_site() {
        let now = from_millis(1_795_600_000_000);
        let zone = chrono_tz::Europe::Amsterdam;
        assert_eq!(since("1d", now, zone).unwrap(), now - crate::domain::time::Span::days(1));
        assert_eq!(since("2026-11-01", now, zone).unwrap().to_rfc3339(), "2026-10-31T23:00:00+00:00");
        // The clocks of Beirut went from 23:59 to 01:00.
        assert_eq!(since("2022-03-27", now, chrono_tz::Asia::Beirut).unwrap().to_rfc3339(), "2022-03-26T22:00:00+00:00");
        for bad in ["", "yesterday", "2026-13-01", "7"] {
            assert!(since(bad, now, zone).is_err(), "{bad}");
        }
    }
}
