//! `beckon tasks --future`: what will be sent to whom and when, and what may put it off.

use serde_json::json;

use super::exit::{Exit, Failure};
use super::ink::Ink;
use super::layout;
use super::session::Session;
use super::tasks::{as_json, place};
use super::width;
use crate::domain::roster::RosterView as _;
use crate::domain::task::{Future, Page};
use crate::domain::time::show;
use crate::host::HostError;

/// Lists a page of what will leave later.
///
/// # Errors
/// The site's or the store's.
pub fn future(session: &Session, page: Page, as_data: bool) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let view = site.store.roster()?;
    let listed = view.future_tasks(&site.departure(), session.clock.now(), page);
    let listed = listed.map_err(|e| HostError::Internal(e.to_string()))?;
    if as_data {
        println!("{}", data(&listed, page));
    } else {
        print!("{}", list(&listed, page, site.config.site.timezone, width(), &Ink::new(session.ink.out)));
    }
    Ok(Exit::Done)
}

/// The list as people read it: the person's own clock, and the site's beside it where that shows another time.
#[must_use]
pub fn list(future: &Future, page: Page, here: chrono_tz::Tz, width: usize, ink: &Ink) -> String {
    if future.tasks.is_empty() {
        return if future.total == 0 {
            "nothing is planned\n".to_owned()
        } else {
            format!("there are {} in all\n", future.total)
        };
    }
    let elsewhere = |later: &&crate::domain::task::FutureTask| show(later.leaves, later.zone) != show(later.leaves, here);
    let zones = future.tasks.iter().any(|later| elsewhere(&later));
    let reasons = future.tasks.iter().any(|later| !later.because.is_empty());
    let mut head = vec!["task", "who", "where", "what", "leaves"];
    head.extend(zones.then_some("here"));
    head.extend(reasons.then_some("because of"));
    let rows: Vec<Vec<String>> = future
        .tasks
        .iter()
        .map(|later| {
            let task = &later.task;
            let mut row =
                vec![task.name(), task.full_name.clone(), place(task), task.what.clone(), show(later.leaves, later.zone)];
            row.extend(zones.then(|| if elsewhere(&later) { show(later.leaves, here) } else { String::new() }));
            row.extend(reasons.then(|| later.because.clone()));
            row
        })
        .collect();
    let mut text = layout::table(&head, &rows, width, ink);
    let end = page.from + future.tasks.len() as u64;
    if end < future.total || page.from > 0 {
        text.push_str(&format!("{} to {end} of {}", page.from + 1, future.total));
        text.push_str(&if end < future.total { format!("; `--from {end}` goes on\n") } else { "\n".to_owned() });
    }
    text
}

fn data(future: &Future, page: Page) -> serde_json::Value {
    let tasks: Vec<_> = future
        .tasks
        .iter()
        .map(|later| {
            let mut task = as_json(&later.task);
            if let Some(map) = task.as_object_mut() {
                map.insert("leaves".to_owned(), json!(later.leaves));
                map.insert("timezone".to_owned(), json!(later.zone.name()));
                map.insert("local".to_owned(), json!(show(later.leaves, later.zone)));
                map.insert("because".to_owned(), json!(Some(&later.because).filter(|words| !words.is_empty())));
            }
            task
        })
        .collect();
    json!({ "total": future.total, "from": page.from, "tasks": tasks })
}
