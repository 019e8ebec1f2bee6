//! The end of a kept plan: approved, rejected or too old. Each happens once, in one transaction.

use rusqlite::{Transaction, params};

use super::{KeptRun, KeptState, difference, row_of};
use crate::domain::approval::Difference;
use crate::domain::ids::RunId;
use crate::domain::intent::Asked;
use crate::domain::invite_plan::counted;
use crate::domain::reach::Reach;
use crate::domain::time::{Timestamp, show_span};
use crate::store::commit::{decide_gone, placed, write_plan};
use crate::store::journal::{self, Entry};
use crate::store::limits::note_reach;
use crate::store::{Committed, Store, StoreError};

/// What a decision about a kept plan came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Decided {
    Approved(Committed, Difference),
    Rejected,
    /// It has been decided about before, or is too old: nothing was changed now.
    Before(KeptRun),
    /// Nothing was ever kept of such a run.
    Nothing,
}

impl Store {
    /// Lets go what a person has seen and confirmed of a kept plan, as far as it still holds: it is
    /// compared once more, and can only have become smaller. Reminders count from `now`.
    ///
    /// # Errors
    /// The store's; then it is kept as before.
    pub fn approve(&self, run: i64, confirmed: &Difference, by: &str, now: Timestamp) -> Result<Decided, StoreError> {
        self.transaction("approve a run in", |tx| {
            let row = match open_row(tx, run, now)? {
                Ok(row) => row,
                Err(decided) => return Ok(decided),
            };
            let mut difference = difference(tx, &confirmed.stays, row.kept_at)?;
            difference.gone.extend(confirmed.gone.iter().cloned());
            difference.fewer.extend(confirmed.fewer.iter().cloned());
            let committed = let_go(tx, RunId(run), &difference, now)?;
            end(tx, run, KeptState::Approved, Some(by), now)?;
            tx.prepare_cached("UPDATE runs SET state = 'committed' WHERE id = ?1")?.execute([run])?;
            let reached = Reach::of(asked(&difference)).people();
            let words = format!("approved by {by}: {reached} of {} people, deliveries: {}", row.people, committed.deliveries);
            note(tx, run, &words, now)?;
            Ok(Decided::Approved(committed, difference))
        })
    }

    /// Gives a kept plan up: nothing of it happens any more.
    ///
    /// # Errors
    /// The store's; then it is kept as before.
    pub fn reject(&self, run: i64, by: &str, now: Timestamp) -> Result<Decided, StoreError> {
        self.transaction("reject a run in", |tx| {
            let row = match open_row(tx, run, now)? {
                Ok(row) => row,
                Err(decided) => return Ok(decided),
            };
            end(tx, run, KeptState::Rejected, Some(by), now)?;
            note(tx, run, &format!("rejected by {by}: {} get nothing", counted(people(&row), "person")), now)?;
            Ok(Decided::Rejected)
        })
    }

    /// Ends the held plans that nobody decided about in time. Answers when the next one is too old.
    ///
    /// # Errors
    /// The store's.
    pub fn expire_kept(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let held = self.kept_runs()?.into_iter().filter(|row| row.state == KeptState::Held);
        let (old, rest): (Vec<_>, Vec<_>) = held.partition(|row| is_old(row, now));
        if !old.is_empty() {
            self.transaction("expire held runs in", |tx| {
                for row in &old {
                    // Somebody may have decided a moment ago.
                    let _decided = open_row(tx, row.run, now)?;
                }
                Ok(())
            })?;
        }
        Ok(rest.into_iter().filter_map(|row| row.expires_at).min())
    }
}

fn people(row: &KeptRun) -> usize {
    usize::try_from(row.people).unwrap_or(usize::MAX)
}

fn is_old(row: &KeptRun, now: Timestamp) -> bool {
    row.state == KeptState::Held && row.expires_at.is_some_and(|at| at <= now)
}

/// A plan that can be decided about, or what to say instead. One that is too old ends here.
fn open_row(tx: &Transaction<'_>, run: i64, now: Timestamp) -> rusqlite::Result<Result<KeptRun, Decided>> {
    let Some(row) = row_of(tx, run)? else { return Ok(Err(Decided::Nothing)) };
    if is_old(&row, now) {
        end(tx, run, KeptState::Expired, None, now)?;
        let held_for = row.expires_at.map_or_else(String::new, |at| show_span(at - row.kept_at));
        note(tx, run, &format!("nobody approved it within {held_for}: nothing of it happens"), now)?;
        let ended = KeptRun { state: KeptState::Expired, ended_at: Some(now), ..row };
        return Ok(Err(Decided::Before(ended)));
    }
    Ok(if row.state.is_open() { Ok(row) } else { Err(Decided::Before(row)) })
}

/// Writes what is left of a kept plan as if its run had asked for it now.
pub(super) fn let_go(tx: &Transaction<'_>, run: RunId, difference: &Difference, now: Timestamp) -> rusqlite::Result<Committed> {
    let mut committed = Committed { run: run.0, ..Committed::default() };
    // Whoever else asked for the same people is in the difference already.
    write_plan(tx, run, run.0, &placed(&difference.stays), now, &mut committed)?;
    decide_gone(tx, run, &difference.gone, now)?;
    note_reach(tx, run, Reach::of(asked(difference)).people())?;
    Ok(committed)
}

fn asked(difference: &Difference) -> impl Iterator<Item = &Asked> {
    difference.stays.iter().map(|(_, ask)| ask)
}

/// Ends a kept plan. The intents are not needed any more, and name people.
pub(super) fn end(tx: &Transaction<'_>, run: i64, state: KeptState, by: Option<&str>, now: Timestamp) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE kept_plans SET state = ?2, plan = NULL, ended_at = ?3, ended_by = ?4 WHERE run_id = ?1")?
        .execute(params![run, state.word(), now.timestamp_millis(), by])?;
    Ok(())
}

pub(super) fn note(tx: &Transaction<'_>, run: i64, words: &str, now: Timestamp) -> rusqlite::Result<()> {
    journal::append(tx, &Entry { at: now, kind: "approval", run: Some(RunId(run)), user: None, delivery: None, words })
}
