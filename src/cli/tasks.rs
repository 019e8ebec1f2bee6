//! `beckon tasks`: what is in flight, and what went wrong; retry and cancel.

use serde_json::json;

use super::exit::{Exit, Failure};
use super::ink::Ink;
use super::layout;
use super::render;
use super::run::exit_of;
use super::session::Session;
use super::width;
use super::{approve, sending};
use crate::domain::delivery::Channel;
use crate::domain::ids::{DeliveryId, RunId};
use crate::domain::intent::{Asked, Intent, Origin};
use crate::domain::roster::RosterView as _;
use crate::domain::task::{Task, Waiting};
use crate::domain::time::Span;
use crate::host::HostError;
use crate::host::deliver::{Delivering, deliver, registrar};
use crate::host::site::Site;
use crate::store::{KeptRun, KeptState, RunRecord, RunState, Trouble};

/// Lists tasks, or retries or cancels one.
///
/// # Errors
/// The site's or the store's, or a delivery that nobody knows.
pub fn tasks(session: &Session, failed: bool, retry: Option<&str>, cancel: Option<&str>, json: bool) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    if let Some(name) = retry {
        return retry_one(session, &site, name, json);
    }
    if let Some(name) = cancel {
        commit_change(session, &site, name, |delivery, task| Intent::Cancel { delivery, task })?;
        if json {
            println!("{}", json!({ "cancelled": name }));
        } else {
            println!("cancelled {name}");
        }
        return Ok(Exit::Done);
    }
    let view = site.store.roster()?;
    let listed = if failed { view.failed_tasks() } else { view.active_tasks() };
    let listed = listed.map_err(|e| HostError::Internal(e.to_string()))?;
    sending::warn(&site)?;
    let kept = if failed { Vec::new() } else { site.store.kept_runs()? };
    if json {
        let all = listed.iter().map(as_json).chain(kept.iter().map(kept_as_json));
        println!("{}", serde_json::Value::Array(all.collect()));
    } else {
        print!("{}", list(session, &listed, failed));
        kept.iter().for_each(|kept| print!("{}", approve::waiting(kept)));
    }
    Ok(Exit::Done)
}

/// The task list as people read it.
#[must_use]
pub fn list(session: &Session, tasks: &[Task], failed: bool) -> String {
    if tasks.is_empty() {
        let none = if failed { "nothing has failed, nothing is doubtful\n" } else { "nothing is in flight\n" };
        return none.to_owned();
    }
    let now = session.clock.now();
    let rows: Vec<Vec<String>> = tasks
        .iter()
        .map(|task| {
            let mut row = vec![task.name(), task.full_name.clone(), place(task), task.what.clone(), age(now - task.since)];
            if !failed {
                row.insert(4, waits(task).to_owned());
            }
            row
        })
        .collect();
    let ink = Ink::new(session.ink.out);
    let head: &[&str] = if failed {
        &["task", "who", "where", "what", "since"]
    } else {
        &["task", "who", "where", "what", "waiting for", "since"]
    };
    let table = layout::table(head, &rows, width(), &ink);
    // Why something failed is what people look for: it has lines of its own, and is never cut.
    let told = |task: &&Task| failed || task.waiting_for == Waiting::DeviceNotWoken;
    let reason = |task| Some(task).filter(told).and_then(|task| task.words.as_deref()).unwrap_or_default();
    let reasons = std::iter::once("").chain(tasks.iter().map(reason));
    let mut text = String::new();
    for (line, reason) in table.lines().zip(reasons) {
        text.push_str(line);
        text.push('\n');
        if !reason.is_empty() {
            text.push_str(&layout::wrapped(reason, width(), 7, 7));
        }
    }
    if failed && tasks.iter().any(|task| task.delivery.is_some()) {
        text.push_str("`beckon tasks --retry TASK` sends one again, under the same id\n");
    }
    if failed && tasks.iter().any(|task| task.delivery.is_none()) {
        text.push_str("where Apple refused, invite again once the reason is gone\n");
    }
    text
}

/// Where a task goes: the device's name, or the channel in parentheses.
pub(super) fn place(task: &Task) -> String {
    task.device.clone().unwrap_or_else(|| match task.channel {
        Some(Channel::Mail) => "(mail)".to_owned(),
        Some(channel) => format!("({})", channel.word()),
        None => String::new(),
    })
}

/// What a task waits for, in a column's width.
fn waits(task: &Task) -> &'static str {
    match task.waiting_for {
        Waiting::Registration => "Apple's record",
        Waiting::Device => "the device",
        Waiting::DeviceNotWoken => "the device (not woken)",
        Waiting::DeviceBusy => "the device (busy)",
        Waiting::HandOut => "Apple's licence",
        Waiting::Decision => "your decision",
        Waiting::Rules => "an allowed time",
        other => other.words(),
    }
}

/// How long ago, in its largest unit: `40s`, `5m`, `3h`, `12d`.
fn age(span: Span) -> String {
    match span.num_seconds().max(0) {
        s if s < 100 => format!("{s}s"),
        s if s < 100 * 60 => format!("{}m", s / 60),
        s if s < 48 * 3_600 => format!("{}h", s / 3_600),
        s => format!("{}d", s / 86_400),
    }
}

pub(super) fn as_json(task: &Task) -> serde_json::Value {
    json!({
        "task": task.name(), "username": task.username, "full_name": task.full_name, "device": task.device,
        "channel": task.channel.map(Channel::word), "what": task.what, "waiting_for": task.waiting_for.words(), "since": task.since,
        "next": task.next, "attempts": task.attempts, "words": task.words,
    })
}

/// A kept plan among tasks: a run's number, without a delivery's.
fn kept_as_json(kept: &KeptRun) -> serde_json::Value {
    let waiting_for = if kept.state == KeptState::Wave { "the first wave of its run" } else { "approval" };
    json!({
        "task": kept.run.to_string(), "username": "", "full_name": "", "device": null, "channel": null,
        "what": format!("{} people, {} deliveries", kept.people, kept.deliveries), "waiting_for": waiting_for, "since": kept.kept_at,
        "next": null, "attempts": 0, "words": null,
    })
}

/// Sends one again, and stays with it for a moment.
fn retry_one(session: &Session, site: &Site, name: &str, json: bool) -> Result<Exit, Failure> {
    // What is wrong with a secret is said before anything is changed.
    let ports = session.ports(&site.config)?;
    sending::warn(site)?;
    let run = commit_change(session, site, name, |delivery, task| Intent::Retry { delivery, task })?;
    let registrar = registrar(site, &ports);
    let until = session.clock.now() + Span::seconds(5);
    let mut watch = |_: &crate::store::RunFigures| {};
    let delivered = session.block_on(async {
        let _listener = session.listen(site).await;
        let stop = std::sync::Arc::clone(&session.stop);
        let linger = Span::zero();
        deliver(Delivering { site, ports, run: Some(run), again: Vec::new(), until, linger, stop, watch: &mut watch }, registrar)
            .await
    })??;
    if json {
        println!("{}", render::delivered_json(&delivered, &Trouble::default()));
    } else {
        println!("{name} is sent again. All of run {}:", run.0);
        print!("{}", render::figures(&delivered.figures, site.config.site.timezone, &Ink::new(session.ink.out)));
    }
    Ok(exit_of(&delivered))
}

/// A retry or cancellation is a run like any other, and recorded. Answers with the run of the delivery.
fn commit_change(
    session: &Session,
    site: &Site,
    name: &str,
    intent: impl Fn(DeliveryId, String) -> Intent,
) -> Result<RunId, Failure> {
    let unknown = || {
        Failure::new(Exit::Usage, format!("there is no task {name:?}"))
            .remedy("tasks are called RUN.NUMBER, such as 17.3; `beckon tasks` lists them")
    };
    let (run, number) = name.split_once('.').ok_or_else(unknown)?;
    let (Ok(run), Ok(number)) = (run.parse(), number.parse()) else { return Err(unknown()) };
    let delivery = site.store.delivery_called(run, number)?.ok_or_else(unknown)?;
    let now = session.clock.now();
    let asked = [Asked {
        intent: intent(DeliveryId(delivery), name.to_owned()),
        origin: Origin { source: "beckon tasks".to_owned(), line: 1, column: 1 },
    }];
    let record = RunRecord {
        script: "beckon tasks".to_owned(),
        script_hash: String::new(),
        trigger: "tasks".to_owned(),
        actor: session.actor.clone(),
        params: serde_json::Value::Null,
        started_at: now,
        ended_at: now,
        state: RunState::Committed,
        summary: asked[0].intent.summary(),
        output: String::new(),
        saw_run: site.store.newest_run()?,
    };
    // A secret that can't be read ends this here, where nothing has been written down yet.
    session.ports(&site.config)?;
    let committed = site.store.commit_run(&record, &asked, now)?;
    match committed.skipped.first() {
        Some(why) => {
            Err(Failure::new(Exit::Refused, format!("{name}: {}", why.split_once(": ").map_or(why.as_str(), |(_, why)| why))))
        }
        None => Ok(RunId(run)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short_and_never_negative() {
        for (seconds, said) in [(-5, "0s"), (0, "0s"), (99, "99s"), (100, "1m"), (7_000, "1h"), (200_000, "2d")] {
            assert_eq!(age(Span::seconds(seconds)), said);
        }
    }
}
