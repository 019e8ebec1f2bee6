//! Limits that add up over runs, looked at in the transaction that commits: two runs at the same time
//! can't both slip under one.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::commit::{Placed, insert_run, note_run, placed, write_plan};
use super::kept::{self, Keep};
use super::{Committed, RunRecord, RunState, Store, StoreError};
use crate::domain::canary::{Canary, Kept};
use crate::domain::ids::{RunId, UserId};
use crate::domain::intent::Asked;
use crate::domain::limits::Limits;
use crate::domain::reach::{Before, Exceeded, Reach};
use crate::domain::time::{Span, Timestamp};

/// What limits say of a plan that nobody has committed yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    pub exceeded: Vec<Exceeded>,
    /// What a person should know before they say yes.
    pub remark: Option<String>,
}

impl Store {
    /// What the limits say of a plan now. The commit looks again.
    ///
    /// # Errors
    /// The store's.
    pub fn judge(&self, record: &RunRecord, asked: &[Asked], limits: &Limits, now: Timestamp) -> Result<Judged, StoreError> {
        let reach = Reach::of(asked);
        if reach.people() == 0 {
            return Ok(Judged::default());
        }
        let reader = self.connect_reader()?;
        let before = before(&reader, record, &reach, now).map_err(|e| StoreError::new("read", self.path(), e))?;
        Ok(Judged { exceeded: limits.exceeded(&reach, &before), remark: limits.remark(&reach, &before) })
    }

    /// Stores the run with everything it asked for; or, over a limit, with everything kept unsent until
    /// somebody approves it, and `held` says why. A run that is `Held` already, for `over`, stays so.
    /// Where the site has a canary wave, the rest of the plan is kept behind it. All in one transaction.
    ///
    /// # Errors
    /// The store's; then nothing of the run is kept.
    pub fn commit_within(
        &self,
        record: &RunRecord,
        asked: &[Asked],
        over: &[Exceeded],
        limits: &Limits,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        self.transaction("commit the run to", |tx| {
            let held = held(tx, record, asked, over, limits, now)?;
            write_within(tx, record, asked, held, limits, now)
        })
    }
}

/// The limits that a run is held for, as things are within this transaction.
pub(super) fn held(
    tx: &Transaction<'_>,
    record: &RunRecord,
    asked: &[Asked],
    over: &[Exceeded],
    limits: &Limits,
    now: Timestamp,
) -> rusqlite::Result<Vec<Exceeded>> {
    let reach = Reach::of(asked);
    Ok(match record.state {
        RunState::Held => over.to_vec(),
        RunState::Committed if reach.people() > 0 => limits.exceeded(&reach, &before(tx, record, &reach, now)?),
        _ => Vec::new(),
    })
}

/// Writes the run: its effects, its first wave, or, where it is held for something, that it is kept.
pub(super) fn write_within(
    tx: &Transaction<'_>,
    record: &RunRecord,
    asked: &[Asked],
    held: Vec<Exceeded>,
    limits: &Limits,
    now: Timestamp,
) -> rusqlite::Result<Committed> {
    let state = if held.is_empty() { record.state } else { RunState::Held };
    let record = RunRecord { state, ..record.clone() };
    let run = insert_run(tx, &record)?;
    let mut committed = Committed { run: run.0, ..Committed::default() };
    match (state, Canary::of(limits.canary, asked).and_then(|canary| Some((canary, canary.split(asked)?)))) {
        (RunState::Committed, Some((canary, (wave, rest)))) => {
            write_plan(tx, run, record.saw_run, &placed(&wave), now, &mut committed)?;
            committed.waiting = kept::keep(tx, run, &rest, &Keep::Wave(canary), now)?;
        }
        (RunState::Committed, None) => {
            let all: Vec<Placed<'_>> = (0..).zip(asked).collect();
            write_plan(tx, run, record.saw_run, &all, now, &mut committed)?;
        }
        (RunState::Held, _) => {
            let all: Vec<Kept> = (0..).zip(asked.iter().cloned()).collect();
            kept::keep(tx, run, &all, &Keep::Held(&held, now + limits.held_for), now)?;
        }
        (RunState::Failed, _) => {}
    }
    if state == RunState::Committed {
        note_reach(tx, run, Reach::of(asked).people())?;
    }
    committed.held = held;
    note_run(tx, &record, asked, &committed, now)?;
    Ok(committed)
}

/// Remembers how many people a run reached.
pub(super) fn note_reach(tx: &Transaction<'_>, run: RunId, people: u32) -> rusqlite::Result<()> {
    if people > 0 {
        tx.prepare_cached("INSERT OR IGNORE INTO run_reach (run_id, people) VALUES (?1, ?2)")?.execute(params![run.0, people])?;
    }
    Ok(())
}

/// Remembers whom a run invites now. What nobody asks for any more is dropped.
pub(super) fn note_invited(tx: &Transaction<'_>, run: RunId, plan: &[Placed<'_>], now: Timestamp) -> rusqlite::Result<()> {
    let reach = Reach::of(plan.iter().map(|(_, ask)| *ask));
    if reach.invited.is_empty() {
        return Ok(());
    }
    let mut insert = tx.prepare_cached("INSERT OR IGNORE INTO invited_lately (at, run_id, user_id) VALUES (?1, ?2, ?3)")?;
    let mut invited: Vec<i64> = reach.invited.iter().map(|user| user.0).collect();
    // In the table's order, which writes it three times as fast.
    invited.sort_unstable();
    for user in invited {
        insert.execute(params![now.timestamp_millis(), run.0, user])?;
    }
    let old = now - Span::days(2);
    tx.prepare_cached("DELETE FROM invited_lately WHERE at < ?1")?.execute([old.timestamp_millis()])?;
    Ok(())
}

fn before(connection: &Connection, record: &RunRecord, reach: &Reach, now: Timestamp) -> rusqlite::Result<Before> {
    let mut before = today(connection, reach, now)?;
    before.unattended = record.trigger.starts_with("schedule");
    // A line of the REPL is never the same script as the one before.
    if record.trigger != "repl" {
        before.last_time = connection
            .prepare_cached(
                "SELECT p.people FROM runs r JOIN run_reach p ON p.run_id = r.id
                 WHERE r.script = ?1 AND r.params = ?2 ORDER BY r.id DESC LIMIT 1",
            )?
            .query_row(params![record.script, record.params.to_string()], |row| row.get(0))
            .optional()?;
    }
    Ok(before)
}

/// What the limits of a day look at.
pub(super) fn today(connection: &Connection, reach: &Reach, now: Timestamp) -> rusqlite::Result<Before> {
    if reach.invited.is_empty() {
        return Ok(Before::default());
    }
    let users: i64 = connection.prepare_cached("SELECT COUNT(*) FROM users WHERE hidden = 0")?.query_row([], |row| row.get(0))?;
    // A clock that was set back must not forget what it has seen: what lies ahead counts, too.
    let invited_today: HashSet<UserId> = connection
        .prepare_cached("SELECT user_id FROM invited_lately WHERE at > ?1")?
        .query_map([(now - Span::days(1)).timestamp_millis()], |row| row.get(0).map(UserId))?
        .collect::<Result<_, _>>()?;
    Ok(Before { users: u64::try_from(users).unwrap_or(0), invited_today, ..Before::default() })
}
