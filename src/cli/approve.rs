//! `beckon approve`: what is held, what it would do now, and a person's yes or no to it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::ink::Ink;
use super::layout::{table, wrapped};
use super::question::confirm;
use super::render;
use super::run::{deliver_run, exit_of, result_of};
use super::session::Session;
use super::{args, width};
use crate::domain::approval::{Change, Difference};
use crate::domain::intent::Asked;
use crate::domain::invite_plan::counted;
use crate::domain::reach::Reach;
use crate::domain::time::{show, show_span};
use crate::host::canary::settle;
use crate::host::run::summary;
use crate::host::site::Site;
use crate::store::{Decided, KeptRun, KeptState};

/// How many names of one kind of change are printed.
const NAMED_MAX: usize = 5;

/// Lists what is held, or approves or rejects one run.
///
/// # Errors
/// The site's or the store's, a run that was never held, or a no.
pub fn approve(session: &Session, args: &args::Approve) -> Result<Exit, Failure> {
    let wait = args.leaving.stay.span()?;
    let site = session.open_site()?;
    let now = session.clock.now();
    settle(&site, now)?;
    site.store.expire_kept(now)?;
    let Some(run) = args.run else {
        list(session, &site, args.json)?;
        return Ok(Exit::Done);
    };
    let kept = site.store.kept_run(run)?.ok_or_else(|| never_held(run))?;
    if !kept.state.is_open() {
        return told(&site, &kept, args);
    }
    if args.reject {
        return reject(session, &site, &kept, args);
    }
    let Some(difference) = site.store.compare_kept(run)? else { return decided_meanwhile(&site, run, args) };
    let ink = Ink::new(session.ink.out);
    if !args.json {
        print!("{}", describe(&site, &kept, &difference, &ink));
    }
    if difference.is_void() {
        return Err(Failure::new(Exit::Refused, format!("nothing is left of run {run}: nothing was sent"))
            .remedy(format!("`beckon approve {run} --reject` takes it off the list")));
    }
    let ports = session.ports(&site.config)?;
    confirm(session, &site, args.leaving.yes, &format!("`beckon approve {run} --yes` sends what is left"))?;
    let decided = site.store.approve(run, &difference, &session.actor, session.clock.now())?;
    let Decided::Approved(committed, difference) = decided else { return decided_meanwhile(&site, run, args) };
    let delivered = deliver_run(session, &site, ports, &committed, wait, args.json)?;
    let (text, data) = result_of(session, &site, &committed, &delivered)?;
    if args.json {
        let mut all = as_json(&kept);
        add(&mut all, "state", json!(KeptState::Approved.word()));
        add(&mut all, "approved_by", json!(session.actor));
        add(&mut all, "people_now", json!(people(&difference)));
        add(
            &mut all,
            "gone",
            json!(difference.gone.iter().map(|g| json!({ "who": g.who, "why": g.change })).collect::<Vec<_>>()),
        );
        add(
            &mut all,
            "fewer",
            json!(difference.fewer.iter().map(|(who, w)| json!({ "who": who, "what": w })).collect::<Vec<_>>()),
        );
        add(&mut all, "deliveries", json!(committed.deliveries));
        add(&mut all, "skipped", json!(committed.skipped));
        add(&mut all, "result", data);
        println!("{all}");
    } else {
        print!("{text}");
    }
    Ok(exit_of(&delivered))
}

fn never_held(run: i64) -> Failure {
    Failure::new(Exit::Usage, format!("no run {run} was ever held")).remedy("`beckon approve` lists what is held")
}

fn reject(session: &Session, site: &Site, kept: &KeptRun, args: &args::Approve) -> Result<Exit, Failure> {
    let decided = site.store.reject(kept.run, &session.actor, session.clock.now())?;
    if decided != Decided::Rejected {
        return decided_meanwhile(site, kept.run, args);
    }
    if args.json {
        let mut all = as_json(kept);
        add(&mut all, "state", json!(KeptState::Rejected.word()));
        println!("{all}");
    } else {
        let rest = if kept.state == KeptState::Wave { "the rest of " } else { "" };
        println!("{rest}run {} is rejected: nothing of it happens", kept.run);
    }
    Ok(Exit::Done)
}

/// Somebody else was faster.
fn decided_meanwhile(site: &Site, run: i64, args: &args::Approve) -> Result<Exit, Failure> {
    let kept = site.store.kept_run(run)?.ok_or_else(|| never_held(run))?;
    told(site, &kept, args)
}

/// What was decided before. Approving what is approved is done; a rejected or expired run can't be approved.
fn told(site: &Site, kept: &KeptRun, args: &args::Approve) -> Result<Exit, Failure> {
    let run = kept.run;
    let when = kept.ended_at.map(|at| format!(" at {}", show(at, site.config.site.timezone))).unwrap_or_default();
    let by = kept.ended_by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    let again = "run the script again: it makes a new plan";
    let what = match kept.state {
        KeptState::Approved => format!("run {run} was approved{by}{when}: it is done"),
        KeptState::Released => format!("the rest of run {run} was let go{when} after its first wave: it is done"),
        KeptState::Rejected => format!("run {run} was rejected{by}{when}"),
        KeptState::Expired | KeptState::Held | KeptState::Wave => format!("nobody approved run {run} in time: it expired{when}"),
    };
    let done = match kept.state {
        KeptState::Approved | KeptState::Released => !args.reject,
        KeptState::Rejected => args.reject,
        _ => false,
    };
    if !done {
        return Err(Failure::new(Exit::Refused, format!("{what}; nothing was changed")).remedy(again));
    }
    if args.json {
        println!("{}", as_json(kept))
    } else {
        println!("{what}")
    }
    Ok(Exit::Done)
}

fn list(session: &Session, site: &Site, json: bool) -> Result<(), Failure> {
    let kept = site.store.kept_runs()?;
    if json {
        println!("{}", Value::Array(kept.iter().map(as_json).collect()));
        return Ok(());
    }
    if kept.is_empty() {
        println!("nothing is held");
        return Ok(());
    }
    let zone = site.config.site.timezone;
    let rows: Vec<Vec<String>> = kept
        .iter()
        .map(|k| {
            let until = match k.expires_at {
                Some(at) => show(at, zone),
                None => "its first wave".to_owned(),
            };
            vec![k.run.to_string(), k.script.clone(), k.people.to_string(), k.deliveries.to_string(), until]
        })
        .collect();
    let text = table(&["run", "script", "people", "deliveries", "until"], &rows, width(), &Ink::new(session.ink.out));
    let mut lines = text.lines();
    println!("{}", lines.next().unwrap_or_default());
    for (line, k) in lines.zip(&kept) {
        println!("{line}");
        print!("{}", because(k));
    }
    println!("`beckon approve RUN` shows what is left of one and sends it; with --reject nothing of it happens");
    Ok(())
}

/// Why it is held, a line each.
fn because(kept: &KeptRun) -> String {
    kept.reasons.iter().map(|over| wrapped(&format!("{} ({})", over.what, over.setting), width(), 2, 4)).collect()
}

/// What is held, what has changed since, and what is left of it.
fn describe(site: &Site, kept: &KeptRun, difference: &Difference, ink: &Ink) -> String {
    let what = if kept.state == KeptState::Wave { "waits for its first wave" } else { "is held" };
    let since = show(kept.kept_at, site.config.site.timezone);
    let title = format!("Run {} of {} by {} {what} since {since}", kept.run, kept.script, kept.actor);
    let mut text = format!("{}\n{}{}", ink.bold(&title), because(kept), changes(difference));
    let now = people(difference);
    let all = i64::from(kept.people);
    let unchanged = difference.gone.is_empty() && difference.fewer.is_empty();
    let _ = match (unchanged, all) {
        (_, 0) => Ok(()),
        (true, _) => writeln!(text, "  nothing has changed since: {} of {all} people are left", now),
        (false, _) => writeln!(text, "  {now} of {all} people are left"),
    };
    if !difference.is_void() {
        let asked: Vec<Asked> = difference.stays.iter().map(|(_, ask)| ask).filter(|a| !a.intent.is_void()).cloned().collect();
        text.push_str(&render::plan(&summary(&asked), width(), ink));
        text.push('\n');
    }
    text
}

/// What has changed for a plan since it was made, a line for each kind; empty where nothing has.
#[must_use]
pub fn changes(difference: &Difference) -> String {
    let mut text = String::new();
    let mut kinds: Vec<Change> = difference.gone.iter().map(|gone| gone.change).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let who: Vec<&str> = difference.gone.iter().filter(|gone| gone.change == kind).map(|gone| gone.who.as_str()).collect();
        text.push_str(&wrapped(&format!("{} {kind}: {}", who.len(), names(&who)), width(), 2, 4));
    }
    if !difference.fewer.is_empty() {
        let who: Vec<String> = difference.fewer.iter().map(|(who, what)| format!("{who} ({what})")).collect();
        let who: Vec<&str> = who.iter().map(String::as_str).collect();
        text.push_str(&wrapped(&format!("{} with less: {}", who.len(), names(&who)), width(), 2, 4));
    }
    text
}

fn names(who: &[&str]) -> String {
    let more = if who.len() > NAMED_MAX { format!(" and {} more", who.len() - NAMED_MAX) } else { String::new() };
    format!("{}{more}", who.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", "))
}

fn people(difference: &Difference) -> u32 {
    Reach::of(difference.stays.iter().map(|(_, ask)| ask)).people()
}

fn add(all: &mut Value, key: &str, value: Value) {
    if let Some(map) = all.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

fn as_json(kept: &KeptRun) -> Value {
    json!({
        "run": kept.run, "script": kept.script, "trigger": kept.trigger, "actor": kept.actor, "state": kept.state.word(),
        "held": kept.reasons, "people": kept.people, "kept_deliveries": kept.deliveries, "kept_at": kept.kept_at,
        "expires_at": kept.expires_at, "ended_at": kept.ended_at, "ended_by": kept.ended_by, "summary": kept.summary,
    })
}

/// The remedy of a run that was held.
#[must_use]
pub fn remedy(site: &Site, run: i64) -> String {
    format!(
        "`beckon approve {run}` sends it after all, for {} from now; or choose a smaller audience",
        show_span(site.config.limits.held_for)
    )
}

/// What waits beside the outbox, for the list of tasks.
#[must_use]
pub fn waiting(kept: &KeptRun) -> String {
    let deliveries = if kept.deliveries == 1 { "1 delivery".to_owned() } else { format!("{} deliveries", kept.deliveries) };
    let people = counted(usize::try_from(kept.people).unwrap_or(usize::MAX), "person").replace("persons", "people");
    match kept.state {
        KeptState::Wave => format!("run {}: {deliveries} to {people} wait until its first wave has ended well\n", kept.run),
        _ => format!("run {}: {deliveries} to {people} wait for `beckon approve {}`\n", kept.run, kept.run),
    }
}
