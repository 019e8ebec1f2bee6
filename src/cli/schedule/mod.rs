//! `beckon schedule`: what runs by itself, when, and what became of it.

pub mod args;
mod backfill;
mod times;

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::args::Run as RunArgs;
use super::exit::{Exit, Failure};
use super::ink::Ink;
use super::layout;
use super::params::Given;
use super::run::{Start, run_to_its_end};
use super::script_file::load_script;
use super::session::Session;
use super::width;
use crate::domain::misspelt;
use crate::domain::schedule::Schedule;
use crate::domain::schedule::verdict::Pause;
use crate::domain::time::{Timestamp, show};
use crate::host::scheduler::{ScheduleParams, pause, resume};
use crate::host::site::Site;
use crate::script::ScriptHost;
use crate::store::{Moment, ScheduleState};

/// Does one of the subcommands.
///
/// # Errors
/// The site's, the store's, or a name that no schedule has.
pub fn schedule(session: &Session, command: &args::Schedule) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    match command {
        args::Schedule::List { json } => list(session, &site, *json),
        args::Schedule::Next { name, count, json } => next(session, &site, find(&site, name)?, usize::from(*count), *json),
        args::Schedule::Run { name, dry_run, leaving, json } => {
            let args = RunArgs {
                script: None,
                dry_run: *dry_run,
                debug: false,
                args: Vec::new(),
                leaving: leaving.clone(),
                json: *json,
                help: false,
            };
            run_now(session, &site, find(&site, name)?, &args)
        }
        args::Schedule::Pause { name } => {
            let paused = pause(&site, find(&site, name)?, &session.actor, session.clock.now())?;
            let already = if paused { "" } else { " already" };
            println!("{name} is paused{already}: what comes due is skipped until `beckon schedule resume {name}`");
            Ok(Exit::Done)
        }
        args::Schedule::Resume { name } => {
            let schedule = find(&site, name)?;
            let now = session.clock.now();
            let resumed = resume(&site, schedule, &session.actor, now)?;
            let what = if resumed { "fires again" } else { "was not paused" };
            println!("{name} {what}{}", due_next(schedule, now).map(|at| format!("; next: {at}")).unwrap_or_default());
            Ok(Exit::Done)
        }
        args::Schedule::Backfill(args) => {
            let schedule = Arc::clone(find(&site, &args.name)?);
            backfill::backfill(session, Arc::new(site), &schedule, args)
        }
    }
}

/// The schedule of that name.
fn find<'s>(site: &'s Site, name: &str) -> Result<&'s Arc<Schedule>, Failure> {
    let all = &site.config.schedules;
    all.iter().find(|s| s.name == name).ok_or_else(|| {
        let remedy = match misspelt::nearest(name, all.iter().map(|s| s.name.as_str())) {
            Some(near) => format!("did you mean {near}?"),
            None if all.is_empty() => "site.toml has no [[schedule]] yet".to_owned(),
            None => "`beckon schedule list` names them".to_owned(),
        };
        Failure::new(Exit::Usage, format!("no schedule is called {name:?}")).remedy(remedy)
    })
}

fn due_next(schedule: &Schedule, now: Timestamp) -> Option<String> {
    schedule.moments_after(now).next().map(|moment| times::local(moment.at, schedule.zone()))
}

fn list(session: &Session, site: &Site, as_data: bool) -> Result<Exit, Failure> {
    let now = session.clock.now();
    let schedules = &site.config.schedules;
    let states = site.store.schedule_states(schedules.iter().map(|s| s.name.as_str()))?;
    let (mut rows, mut lasts, mut data) = (Vec::new(), Vec::new(), Vec::new());
    for (schedule, state) in schedules.iter().zip(states) {
        let last = site.store.last_moment(&schedule.name)?;
        let next = schedule.moments_after(now).next();
        let pause = state.and_then(|s: ScheduleState| s.pause);
        if as_data {
            data.push(json!({
                "name": schedule.name, "script": schedule.script, "cron": schedule.cron().to_string(),
                "timezone": schedule.zone().name(), "next": next.map(|m| times::moment_json(&m, schedule.zone())),
                "paused": pause.map(|p| json!({ "by": p.by, "since": p.since })), "last": last.map(|m| last_json(&m)),
            }));
            continue;
        }
        let (local, universal) = match (&pause, next) {
            (Some(pause), _) => (paused(pause, schedule), String::new()),
            (None, Some(next)) => (times::local(next.at, schedule.zone()), times::universal(next.at)),
            (None, None) => ("never again".to_owned(), String::new()),
        };
        rows.push(vec![schedule.name.clone(), schedule.cron().to_string(), local, universal]);
        lasts.push(last.map(|moment| last_words(&moment, schedule)));
    }
    if as_data {
        println!("{}", json!(data));
    } else if rows.is_empty() {
        println!("site.toml has no [[schedule]]");
    } else {
        let table = layout::table_with_names(
            &["schedule", "when", "next", "universal"],
            &[0],
            &rows,
            width(),
            &Ink::new(session.ink.out),
        );
        // Its last moment stands below a schedule: beside it, a terminal would have no room for its words.
        for (line, last) in table.lines().zip(std::iter::once(None).chain(lasts)) {
            println!("{line}");
            last.into_iter().for_each(|words| print!("{}", layout::wrapped(&words, width(), 4, 6)));
        }
    }
    Ok(Exit::Done)
}

fn paused(pause: &Pause, schedule: &Schedule) -> String {
    format!("paused by {} since {}", pause.by, show(pause.since, schedule.zone()))
}

fn last_words(last: &Moment, schedule: &Schedule) -> String {
    let words = if last.words.is_empty() { String::new() } else { format!(": {}", last.words) };
    let run = last.run.map(|run| format!(", run {run}")).unwrap_or_default();
    format!("{} {}{run}{words}", last.state.word(), show(last.until.unwrap_or(last.at), schedule.zone()))
}

fn last_json(moment: &Moment) -> serde_json::Value {
    json!({
        "at": moment.at, "state": moment.state.word(), "run": moment.run, "words": moment.words,
        "started_at": moment.started_at, "ended_at": moment.ended_at, "number": moment.number, "until": moment.until,
    })
}

fn next(session: &Session, site: &Site, schedule: &Schedule, count: usize, as_data: bool) -> Result<Exit, Failure> {
    let zone = schedule.zone();
    let moments: Vec<_> = schedule.moments_after(session.clock.now()).take(count).collect();
    let states = site.store.schedule_states([schedule.name.as_str()])?;
    let pause = states.into_iter().flatten().next().and_then(|s| s.pause);
    if as_data {
        let moments: Vec<_> = moments.iter().map(|m| times::moment_json(m, zone)).collect();
        let pause = pause.map(|p| json!({ "by": p.by, "since": p.since }));
        println!("{}", json!({ "name": schedule.name, "timezone": zone.name(), "paused": pause, "next": moments }));
        return Ok(Exit::Done);
    }
    println!("{}: {} in {}, at {}", schedule.name, schedule.script, zone.name(), schedule.cron());
    let rows: Vec<Vec<String>> =
        moments.iter().map(|m| vec![times::local(m.at, zone), times::universal(m.at), m.note(zone)]).collect();
    print!("{}", layout::table(&["local", "universal", ""], &rows, width(), &Ink::new(session.ink.out)));
    if let Some(pause) = pause {
        println!("{}: all of these are skipped until `beckon schedule resume {}`", paused(&pause, schedule), schedule.name);
    }
    Ok(Exit::Done)
}

fn run_now(session: &Session, site: &Site, schedule: &Schedule, args: &RunArgs) -> Result<Exit, Failure> {
    let source = load_script(site, &site.dir.join("scripts").join(Path::new(&schedule.script)))?;
    let given = Given::of(&ScheduleParams::of(&schedule.params).as_arguments())?;
    let actor = format!("{}, for schedule {} outside of its times", session.actor, schedule.name);
    run_to_its_end(session, site, &ScriptHost::new(), Start { source, given, trigger: "schedule", actor }, args)
}
