//! Deliveries that go on while a person goes on typing.

use std::sync::{Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};

use serde_json::json;

use super::line_editor::Printer;
use crate::cli::exit::{Exit, Failure};
use crate::cli::run::{deliver_watched, exit_of, result_of};
use crate::cli::session::Session;
use crate::domain::time::{Span, Timestamp};
use crate::host::Ports;
use crate::host::site::Site;
use crate::store::{Committed, RunFigures};

/// How often a delivery that takes long says how far it is.
const TELL_EVERY: Span = Span::seconds(5);

/// What is under way, and where it tells of itself.
pub struct Deliveries<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    pub(super) session: &'env Session,
    pub(super) site: &'env Site,
    printer: Printer,
    wait: Span,
    json: bool,
    under_way: Mutex<Vec<(i64, ScopedJoinHandle<'scope, Exit>)>>,
}

impl<'scope, 'env> Deliveries<'scope, 'env> {
    pub fn new(
        scope: &'scope Scope<'scope, 'env>,
        session: &'env Session,
        site: &'env Site,
        printer: Printer,
        wait: Span,
        json: bool,
    ) -> Self {
        Self { scope, session, site, printer, wait, json, under_way: Mutex::default() }
    }

    /// Delivers a run on a thread of its own.
    pub fn start(&self, ports: Ports, committed: Committed) {
        let (session, site, printer, wait, json) = (self.session, self.site, self.printer.clone(), self.wait, self.json);
        let run = committed.run;
        let thread = self.scope.spawn(move || match deliver(session, site, ports, &committed, wait, &printer, json) {
            Ok(exit) => exit,
            Err(failure) => {
                printer.print(&format!("error: run {run}: {}", failure.message));
                failure.exit
            }
        });
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).push((run, thread));
    }

    /// The runs whose deliveries have not ended.
    pub fn under_way(&self) -> Vec<i64> {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.iter().filter(|(_, thread)| !thread.is_finished()).map(|(run, _)| *run).collect()
    }

    /// Waits for all of them. Answers how they ended: the last one that did not end well, if one did not.
    pub fn wait(&self) -> Exit {
        let under_way = std::mem::take(&mut *self.under_way.lock().unwrap_or_else(PoisonError::into_inner));
        let mut worst = Exit::Done;
        for (_, thread) in under_way {
            let exit = thread.join().unwrap_or(Exit::Failed);
            worst = if exit == Exit::Done { worst } else { exit };
        }
        worst
    }
}

fn deliver(
    session: &Session,
    site: &Site,
    ports: Ports,
    committed: &Committed,
    wait: Span,
    printer: &Printer,
    json: bool,
) -> Result<Exit, Failure> {
    let mut told = (session.clock.now(), 0);
    let mut watch = |figures: &RunFigures| {
        if let Some(line) = progress(committed.run, figures, session.clock.now(), &mut told)
            && !json
        {
            printer.print(&line);
        }
    };
    let delivered = deliver_watched(session, site, ports, committed, wait, &mut watch)?;
    let (text, data) = result_of(session, site, committed, &delivered)?;
    if json {
        printer.print(&json!({ "run": committed.run, "result": data }).to_string());
    } else {
        printer.print(&text);
    }
    Ok(exit_of(&delivered))
}

/// A line where there is something new and the last one was a while ago. `told`: when, and how far it was.
fn progress(run: i64, figures: &RunFigures, now: Timestamp, told: &mut (Timestamp, u32)) -> Option<String> {
    let (settled, total) = (figures.settled(), figures.total());
    if now - told.0 < TELL_EVERY || settled == told.1 || settled == total {
        return None;
    }
    *told = (now, settled);
    Some(format!("run {run}: {settled} of {total}"))
}
