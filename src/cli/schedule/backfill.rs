//! `beckon schedule backfill`: makes good for moments that were missed, each once at most.

use std::sync::Arc;

use serde_json::json;

use super::times;
use crate::cli::args;
use crate::cli::error_width;
use crate::cli::exit::{Exit, Failure};
use crate::cli::question::confirm;
use crate::cli::session::Session;
use crate::domain::schedule::Schedule;
use crate::domain::time::show;
use crate::host::scheduler::{Fired, back_fill, missed_moments};
use crate::host::site::Site;
use crate::script::ScriptHost;
use crate::store::{Moment, RunState};

/// So many are named before the question; the others are counted.
const NAMED_MAX: usize = 20;

/// Shows what would be run, asks, and runs it.
///
/// # Errors
/// The span can't be read, nobody confirmed, or the store's.
pub fn backfill(session: &Session, site: Arc<Site>, schedule: &Arc<Schedule>, args: &args::Backfill) -> Result<Exit, Failure> {
    let zone = schedule.zone();
    let usage = |key: &str, what: String| Failure::new(Exit::Usage, format!("--{key} {what}"));
    let from = times::read(&args.from, zone, false).map_err(|what| usage("from", what))?;
    let until = times::read(&args.until, zone, true).map_err(|what| usage("until", what))?;
    if from > until {
        return Err(usage("until", "is before --from".to_owned()));
    }
    let (missed, shared) = missed_moments(&site, schedule, (from, until))?;
    if shared > 0 {
        eprintln!(
            "{shared} older moments share a row and can't be made good one by one; `beckon schedule run {}` runs it once",
            schedule.name
        );
    }
    if missed.is_empty() {
        if args.json {
            println!("[]");
        } else {
            println!("no moment of {} was missed or skipped in that span", schedule.name);
        }
        return Ok(Exit::Done);
    }
    if !args.json {
        list(&missed, schedule);
    }
    confirm(session, &site, args.yes, "say --yes when these are to be run")?;
    let (host, owner) = (Arc::new(ScriptHost::new()), (session.new_id)());
    let (mut failed, mut data) = (0, Vec::new());
    for moment in &missed {
        if session.stopped() {
            return Err(Failure::new(Exit::Stopped, "stopped; the moments that are left are as they were"));
        }
        let who = (moment.at, session.actor.as_str(), owner.as_str());
        let fired = back_fill(&site, (&host, &session.clock), schedule, who, &session.stop)?;
        failed += usize::from(!matches!(&fired, Some(Fired::Stored { state: RunState::Committed, .. })));
        let (word, run) = told(fired.as_ref());
        let error = match fired {
            Some(Fired::Stored { error, .. }) => error,
            _ => None,
        };
        if args.json {
            data.push(json!({ "at": moment.at, "result": word, "run": run, "error": error }));
        } else {
            let run = run.map(|run| format!(" (run {run})")).unwrap_or_default();
            println!("{}: {word}{run}", show(moment.at, zone));
            if let Some(error) = error {
                eprintln!("{}", error.render_within(session.ink.err, error_width()));
            }
        }
    }
    if args.json {
        println!("{}", json!(data));
    } else {
        if failed < missed.len() {
            println!("what they asked for is in the outbox: `beckon serve` hands it over, or `beckon deliver`");
        }
    }
    Ok(if failed > 0 { Exit::PartlyFailed } else { Exit::Done })
}

fn list(missed: &[Moment], schedule: &Schedule) {
    let many = if missed.len() == 1 { "1 moment".to_owned() } else { format!("{} moments", missed.len()) };
    println!("{many} of {}, each a run of {}:", schedule.name, schedule.script);
    for moment in missed.iter().take(NAMED_MAX) {
        println!("  {} {}: {}", show(moment.at, schedule.zone()), moment.state.word(), moment.words);
    }
    if missed.len() > NAMED_MAX {
        println!("  and {} more", missed.len() - NAMED_MAX);
    }
}

/// What became of one, and its run.
fn told(fired: Option<&Fired>) -> (String, Option<i64>) {
    match fired {
        Some(Fired::Stored { state, committed, .. }) => {
            let word = match state {
                RunState::Committed => "ran",
                RunState::Held => "held, over a limit",
                RunState::Failed => "failed, nothing was changed",
            };
            (word.to_owned(), Some(committed.run))
        }
        Some(Fired::Failed(why)) => (format!("failed, nothing was changed: {why}"), None),
        Some(Fired::Cancelled) => ("stopped".to_owned(), None),
        Some(Fired::Lost | Fired::Behind) | None => ("somebody else has run it".to_owned(), None),
    }
}
