//! Claims: who runs a moment, for how long nobody else may, and how it ends.

use chrono_tz::Tz;
use rusqlite::{Transaction, params};

use super::note;
use crate::domain::ids::RunId;
use crate::domain::intent::Asked;
use crate::domain::limits::Limits;
use crate::domain::reach::Exceeded;
use crate::domain::schedule::verdict::lateness;
use crate::domain::time::{Timestamp, from_millis, show};
use crate::store::journal::{self, Entry};
use crate::store::{Committed, RunRecord, RunState, Store, StoreError, limits};

/// A moment that is somebody's to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub schedule: String,
    pub at: Timestamp,
    pub owner: String,
    /// For the record's local times.
    pub zone: Tz,
}

/// A moment whose script has been evaluated: what is to be stored of it.
#[derive(Clone, Copy, Debug)]
pub struct MomentRun<'a> {
    pub claim: &'a Claim,
    pub record: &'a RunRecord,
    pub asked: &'a [Asked],
    /// Limits that the plan broke when it was made.
    pub over: &'a [Exceeded],
    pub limits: &'a Limits,
}

/// How a claimed moment ended without a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MomentEnd {
    Failed,
    Missed,
}

/// A claim whose owner is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenOver {
    pub schedule: String,
    pub at: Timestamp,
    /// How often it has been claimed, this time included.
    pub tries: u32,
}

impl Store {
    /// Stores moments' runs with everything they asked for and ends the moments, all in one transaction:
    /// many that are due together share one wait for the disk. Over a limit, all of a run is kept as
    /// [`Store::commit_within`] does. `None`: the claim is no longer its owner's, and nothing of it was stored.
    ///
    /// # Errors
    /// The store's; then nothing of any is kept.
    pub fn commit_moments(&self, runs: &[MomentRun<'_>], now: Timestamp) -> Result<Vec<Option<Committed>>, StoreError> {
        self.transaction("commit the run to", |tx| runs.iter().map(|run| commit(tx, run, now)).collect())
    }

    /// Ends a claimed moment that came to no run; false when the claim is no longer its owner's.
    ///
    /// # Errors
    /// The store's.
    pub fn end_moment(&self, claim: &Claim, how: MomentEnd, why: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.transaction("write to", |tx| {
            let (state, said) = match how {
                MomentEnd::Failed => ("failed", format!("failed, nothing was changed: {why}")),
                MomentEnd::Missed => ("missed", format!("missed because {why}")),
            };
            let ours = end(tx, claim, state, why, (now, now))?;
            if ours {
                note(tx, now, &format!("{} {}: {said}", claim.schedule, show(claim.at, claim.zone)))?;
            }
            Ok(ours)
        })
    }

    /// Gives claims back: from `free_at` on, anybody may take them. Nobody died over them, so they don't
    /// count as tries.
    ///
    /// # Errors
    /// The store's.
    pub fn let_go_of_moments(&self, claims: &[Claim], free_at: Timestamp) -> Result<(), StoreError> {
        self.transaction("write to", |tx| {
            let sql = "UPDATE moments SET owner = NULL, lease = ?4, tries = tries - 1 WHERE schedule = ?1 AND at = ?2 AND owner = ?3 AND state = 'claimed'";
            on_each(tx, sql, claims, free_at)
        })
    }

    /// Prolongs claims.
    ///
    /// # Errors
    /// The store's.
    pub fn renew_moments(&self, claims: &[Claim], lease: Timestamp) -> Result<(), StoreError> {
        self.transaction("write to", |tx| {
            let sql = "UPDATE moments SET lease = ?4 WHERE schedule = ?1 AND at = ?2 AND owner = ?3 AND state = 'claimed'";
            on_each(tx, sql, claims, lease)
        })
    }

    /// Claims what others had claimed and did not prolong: nothing of it has been committed.
    ///
    /// # Errors
    /// The store's.
    pub fn take_over_moments(&self, owner: &str, lease: Timestamp, now: Timestamp) -> Result<Vec<TakenOver>, StoreError> {
        self.transaction("write to", |tx| {
            let mut taken: Vec<TakenOver> = tx
                .prepare_cached(
                    "UPDATE moments SET owner = ?1, lease = ?2, tries = tries + 1
                     WHERE state = 'claimed' AND lease < ?3 AND owner IS NOT ?1 RETURNING schedule, at, tries",
                )?
                .query_map(params![owner, lease.timestamp_millis(), now.timestamp_millis()], |row| {
                    Ok(TakenOver { schedule: row.get(0)?, at: from_millis(row.get(1)?), tries: row.get(2)? })
                })?
                .collect::<rusqlite::Result<_>>()?;
            taken.sort_by_key(|t| t.at);
            Ok(taken)
        })
    }

    /// When the first claim of somebody else ends; `None` when there is none.
    ///
    /// # Errors
    /// The store's.
    pub fn next_lease_of_others(&self, owner: &str) -> Result<Option<Timestamp>, StoreError> {
        let writer = self.writer();
        let read = || -> rusqlite::Result<Option<i64>> {
            writer
                .prepare_cached("SELECT MIN(lease) FROM moments WHERE state = 'claimed' AND owner IS NOT ?1")?
                .query_row([owner], |row| row.get(0))
        };
        Ok(read().map_err(|e| StoreError::new("read", self.path(), e))?.map(from_millis))
    }

    /// Whether somebody else still runs an earlier moment of the same schedule.
    ///
    /// # Errors
    /// The store's.
    pub fn is_behind_others(&self, claim: &Claim) -> Result<bool, StoreError> {
        let reader = self.connect_reader()?;
        let read = || -> rusqlite::Result<bool> {
            reader
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM moments WHERE schedule = ?1 AND state = 'claimed' AND at < ?2 AND owner IS NOT ?3)",
                )?
                .query_row(params![claim.schedule, claim.at.timestamp_millis(), claim.owner], |row| row.get(0))
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// Claims a moment that was missed or skipped, to make good for it; false when it is none of these,
    /// or is one of many in a row.
    ///
    /// # Errors
    /// The store's.
    pub fn claim_again(&self, claim: &Claim, lease: Timestamp) -> Result<bool, StoreError> {
        self.transaction("write to", |tx| {
            let changed = tx
                .prepare_cached(
                    "UPDATE moments SET state = 'claimed', owner = ?3, lease = ?4, words = '', ended_at = NULL, tries = tries + 1
                     WHERE schedule = ?1 AND at = ?2 AND (state = 'missed' OR state = 'skipped') AND until IS NULL",
                )?
                .execute(params![claim.schedule, claim.at.timestamp_millis(), claim.owner, lease.timestamp_millis()])?;
            Ok(changed == 1)
        })
    }
}

impl Store {
    /// Undoes [`Store::claim_again`]: the moment is a missed one as before.
    ///
    /// # Errors
    /// The store's.
    pub fn put_back(&self, claim: &Claim) -> Result<(), StoreError> {
        self.transaction("write to", |tx| {
            let now = claim.at;
            end(tx, claim, "missed", "making good for it was stopped", (now, now)).map(drop)
        })
    }
}

fn on_each(tx: &Transaction<'_>, sql: &str, claims: &[Claim], at: Timestamp) -> rusqlite::Result<()> {
    let mut statement = tx.prepare_cached(sql)?;
    for claim in claims {
        statement.execute(params![claim.schedule, claim.at.timestamp_millis(), claim.owner, at.timestamp_millis()])?;
    }
    Ok(())
}

/// Why a run failed and where, of the error as its author is shown it.
fn in_a_line(summary: &str) -> String {
    let mut lines = summary.lines();
    let first = lines.next().unwrap_or_default();
    let said = first.strip_prefix("error: ").unwrap_or(first);
    match lines.next().and_then(|line| line.trim_start().strip_prefix("--> ")) {
        Some(place) => format!("{place}: {said}"),
        None => said.to_owned(),
    }
}

fn commit(tx: &Transaction<'_>, run: &MomentRun<'_>, now: Timestamp) -> rusqlite::Result<Option<Committed>> {
    let MomentRun { claim, record, asked, over, limits } = *run;
    let late = lateness(claim.at, record.started_at);
    let held = limits::held(tx, record, asked, over, limits, now)?;
    let came_to = if held.is_empty() { record.state } else { RunState::Held };
    let (state, words) = match came_to {
        RunState::Committed => ("ran", late.clone()),
        RunState::Held => ("held", "over a limit".to_owned()),
        RunState::Failed => ("failed", in_a_line(&record.summary)),
    };
    if !end(tx, claim, state, &words, (record.started_at, now))? {
        return Ok(None);
    }
    let committed = limits::write_within(tx, record, asked, held, limits, now)?;
    tx.prepare_cached("UPDATE moments SET run_id = ?3 WHERE schedule = ?1 AND at = ?2")?.execute(params![
        claim.schedule,
        claim.at.timestamp_millis(),
        committed.run
    ])?;
    let after = if late.is_empty() { String::new() } else { format!(" {late}") };
    let what = match came_to {
        RunState::Committed => format!("ran{after}"),
        RunState::Held => format!("held{after}: over a limit"),
        RunState::Failed => format!("failed{after}, nothing was changed: {words}"),
    };
    let words = format!("{} {}: {what}", claim.schedule, show(claim.at, claim.zone));
    let run = Some(RunId(committed.run));
    journal::append(tx, &Entry { at: now, kind: "schedule", run, user: None, delivery: None, words: &words })?;
    Ok(Some(committed))
}

/// Ends a claim, if it is still its owner's.
fn end(
    tx: &Transaction<'_>,
    claim: &Claim,
    state: &str,
    words: &str,
    (started, ended): (Timestamp, Timestamp),
) -> rusqlite::Result<bool> {
    let changed = tx
        .prepare_cached(
            "UPDATE moments SET state = ?4, words = ?5, started_at = ?6, ended_at = ?7, owner = NULL, lease = NULL
             WHERE schedule = ?1 AND at = ?2 AND owner = ?3 AND state = 'claimed'",
        )?
        .execute(params![
            claim.schedule,
            claim.at.timestamp_millis(),
            claim.owner,
            state,
            words,
            started.timestamp_millis(),
            ended.timestamp_millis()
        ])?;
    Ok(changed == 1)
}
