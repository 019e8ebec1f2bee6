//! A run's plan, or the part of it that leaves now, as rows; and the journal's line about the run.

use rusqlite::Transaction;

use super::{Commit, Committed, RunRecord, RunState};
use crate::domain::approval::Gone;
use crate::domain::canary::Kept;
use crate::domain::ids::RunId;
use crate::domain::intent::{Asked, Intent};
use crate::domain::invite_plan::counted;
use crate::domain::time::Timestamp;
use crate::store::journal::{self, Entry};
use crate::store::limits::note_invited;

/// An intent with its place in the run's list.
pub(in crate::store) type Placed<'a> = (u32, &'a Asked);

/// The intents of a kept plan.
pub(in crate::store) fn placed(kept: &[Kept]) -> Vec<Placed<'_>> {
    kept.iter().map(|(index, ask)| (*index, ask)).collect()
}

/// Makes rows of intents of a run, and says in `committed` what that came to.
pub(in crate::store) fn write_plan(
    tx: &Transaction<'_>,
    run: RunId,
    saw_run: i64,
    plan: &[Placed<'_>],
    now: Timestamp,
    committed: &mut Committed,
) -> rusqlite::Result<()> {
    // The rest of a run goes on counting where its first wave ended.
    let first: u32 = tx
        .prepare_cached("SELECT COALESCE(MAX(number), 0) FROM deliveries WHERE run_id = ?1")?
        .query_row([run.0], |row| row.get(0))?;
    let mut commit = Commit { tx, run, now, saw_run, number: first, planned: 0, skipped: Vec::new() };
    for (index, ask) in plan {
        commit.intent(i64::from(*index), &ask.intent)?;
    }
    note_invited(tx, run, plan, now)?;
    committed.deliveries = commit.number - first;
    committed.planned = commit.planned;
    committed.skipped = commit.skipped;
    let again = |intent: &Intent| if let Intent::Retry { delivery, .. } = intent { Some(*delivery) } else { None };
    committed.again = plan.iter().filter_map(|(_, ask)| again(&ask.intent)).collect();
    Ok(())
}

/// Records why somebody of a kept plan gets nothing after all.
pub(in crate::store) fn decide_gone(tx: &Transaction<'_>, run: RunId, gone: &[Gone], now: Timestamp) -> rusqlite::Result<()> {
    let commit = Commit { tx, run, now, saw_run: run.0, number: 0, planned: 0, skipped: Vec::new() };
    for one in gone {
        if let Some(user) = one.user {
            commit.decide(user, i64::from(one.intent), false, &one.change.to_string())?;
        }
    }
    Ok(())
}

/// The journal's line about a run.
pub(in crate::store) fn note_run(
    tx: &Transaction<'_>,
    record: &RunRecord,
    asked: &[Asked],
    committed: &Committed,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let script = &record.script;
    let words = match record.state {
        RunState::Committed if committed.waiting > 0 => format!(
            "{script}: {}, deliveries: {}, and {} behind its first wave",
            counted(asked.len(), "intent"),
            committed.deliveries,
            committed.waiting
        ),
        RunState::Committed => format!("{script}: {}, deliveries: {}", counted(asked.len(), "intent"), committed.deliveries),
        RunState::Held => {
            let what: Vec<&str> = committed.held.iter().map(|over| over.what.as_str()).collect();
            format!("{script}: held for approval: {}", what.join("; "))
        }
        RunState::Failed => format!("{script}: failed, nothing was changed"),
    };
    let run = Some(RunId(committed.run));
    journal::append(tx, &Entry { at: now, kind: "run", run, user: None, delivery: None, words: &words })
}
