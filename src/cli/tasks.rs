//! `beckon tasks`: what is in flight, and what went wrong; retry and cancel.

use serde_json::json;

use super::exit::{Exit, Failure};
use super::render::{self, Ink};
use super::run::exit_of;
use super::session::Session;
use super::width;
use crate::domain::delivery::Channel;
use crate::domain::ids::{DeliveryId, RunId};
use crate::domain::intent::{Asked, Intent, Origin};
use crate::domain::roster::RosterView as _;
use crate::domain::task::Task;
use crate::domain::time::{Span, show_span};
use crate::host::HostError;
use crate::host::deliver::{Delivering, deliver, registrar};
use crate::host::site::Site;
use crate::store::{RunRecord, RunState};

/// Lists tasks, or retries or cancels one.
///
/// # Errors
/// The site's or the store's, or a delivery that nobody knows.
pub fn tasks(session: &Session, failed: bool, retry: Option<&str>, cancel: Option<&str>, json: bool) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    if let Some(name) = retry {
        return change(session, &site, name, |delivery| Intent::Retry { delivery }, json);
    }
    if let Some(name) = cancel {
        return change(session, &site, name, |delivery| Intent::Cancel { delivery }, json);
    }
    let view = site.store.roster()?;
    let listed = if failed { view.failed_tasks() } else { view.active_tasks() };
    let listed = listed.map_err(|e| HostError::Internal(e.to_string()))?;
    if json {
        println!("{}", serde_json::Value::Array(listed.iter().map(as_json).collect()));
    } else {
        print!("{}", list(session, &listed, failed));
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
            let device = task.device.clone().unwrap_or_else(|| match task.channel {
                Some(Channel::Mail) => "(mail)".to_owned(),
                Some(channel) => format!("({})", channel.word()),
                None => String::new(),
            });
            let mut row = vec![format!("{}.{}", task.run, task.number), task.full_name.clone(), device, task.what.clone()];
            if !failed {
                row.push(task.waiting_for.words().to_owned());
            }
            row.push(show_span(now - task.since));
            row
        })
        .collect();
    let ink = Ink::new(session.ink.out);
    if !failed {
        return render::table(&["task", "who", "where", "what", "waiting for", "since"], &rows, width(), &ink);
    }
    // Why something failed is what a person is here for: it is never cut to a column's width.
    let table = render::table(&["task", "who", "where", "what", "since"], &rows, width(), &ink);
    let whys = std::iter::once(None).chain(tasks.iter().map(|task| task.words.as_deref()));
    let mut text = String::new();
    for (line, why) in table.lines().zip(whys) {
        text.push_str(&format!("{line}\n"));
        if let Some(why) = why {
            text.push_str(&format!("      {why}\n"));
        }
    }
    text.push_str("beckon tasks --retry TASK sends one again, under the same id\n");
    text
}

fn as_json(task: &Task) -> serde_json::Value {
    json!({
        "task": format!("{}.{}", task.run, task.number), "username": task.username, "full_name": task.full_name, "device": task.device,
        "channel": task.channel.map(Channel::word), "what": task.what, "waiting_for": task.waiting_for.words(), "since": task.since,
        "next": task.next, "attempts": task.attempts, "words": task.words,
    })
}

/// A retry or cancellation is a run like any other: recorded, and then delivered.
fn change(
    session: &Session,
    site: &Site,
    name: &str,
    intent: impl Fn(DeliveryId) -> Intent,
    json: bool,
) -> Result<Exit, Failure> {
    let unknown = || {
        Failure::new(Exit::Usage, format!("there is no task {name:?}"))
            .remedy("tasks are called RUN.NUMBER, such as 17.3; `beckon tasks` lists them")
    };
    let (run, number) = name.split_once('.').ok_or_else(unknown)?;
    let (Ok(run), Ok(number)) = (run.parse(), number.parse()) else { return Err(unknown()) };
    let delivery = site.store.delivery_called(run, number)?.ok_or_else(unknown)?;
    let now = session.clock.now();
    let asked = [Asked {
        intent: intent(DeliveryId(delivery)),
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
    if let Some(skipped) = committed.skipped.first() {
        return Err(Failure::new(Exit::Refused, skipped.clone()));
    }
    let ports = session.ports(&site.config)?;
    let registrar = registrar(site, &ports);
    let until = now + Span::seconds(5);
    let mut watch = |_: &crate::store::RunFigures| {};
    let delivered = session.block_on(deliver(
        Delivering { site, ports, run: Some(RunId(run)), until, stop: std::sync::Arc::clone(&session.stop), watch: &mut watch },
        registrar,
    ))??;
    if json {
        println!("{}", render::delivered_json(&delivered, &[]));
    } else {
        println!("{}", asked[0].intent.summary());
        print!("{}", render::figures(&delivered.figures, site.config.site.timezone, &Ink::new(session.ink.out)));
    }
    Ok(exit_of(&delivered))
}
