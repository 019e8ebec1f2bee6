//! Schedules: what is paused, up to when every due moment is accounted for, and the moments themselves.

mod account;
mod claims;
mod ended;
mod listing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

pub use account::{Accounted, Accounting};
pub use claims::{Claim, MomentEnd, MomentRun, TakenOver};
pub use ended::{EndedMoment, PastRun};
pub(super) use listing::moment_of;
pub use listing::{Moment, MomentState};

use super::journal::{self, Entry};
use super::{Store, StoreError};
use crate::domain::schedule::verdict::Pause;
use crate::domain::time::{Timestamp, from_millis};

/// What is remembered of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleState {
    pub fingerprint: String,
    /// Every due moment until then has its row.
    pub accounted: Timestamp,
    pub pause: Option<Pause>,
}

impl Store {
    /// Makes the schedules of `site.toml` known: names with fingerprints. A new one, one whose times have
    /// changed and one that was gone count from `now` on. Answers with the state of each, in their order.
    ///
    /// # Errors
    /// The store's.
    pub fn enlist_schedules(&self, schedules: &[(&str, String)], now: Timestamp) -> Result<Vec<ScheduleState>, StoreError> {
        self.transaction("write the schedules to", |tx| {
            let mut known = states(tx)?;
            let mut listed = Vec::with_capacity(schedules.len());
            for (name, fingerprint) in schedules {
                let state = match known.remove(*name) {
                    Some((state, gone)) if !gone && state.fingerprint == *fingerprint => state,
                    before => enlist(tx, name, fingerprint, before.map(|(state, _)| state), now)?,
                };
                listed.push(state);
            }
            for (name, _) in known.into_iter().filter(|(_, (_, gone))| !gone) {
                tx.prepare_cached("UPDATE schedules SET gone_at = ?2 WHERE name = ?1")?
                    .execute(params![name, now.timestamp_millis()])?;
                note(tx, now, &format!("{name}: no longer in site.toml"))?;
            }
            Ok(listed)
        })
    }

    /// What is remembered of these schedules, in their order.
    ///
    /// # Errors
    /// The store's.
    pub fn schedule_states<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Vec<Option<ScheduleState>>, StoreError> {
        let writer = self.writer();
        let read = || names.into_iter().map(|name| state(&writer, name)).collect::<rusqlite::Result<_>>();
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// The names of the schedules that are paused.
    ///
    /// # Errors
    /// The store's.
    pub fn paused_schedules(&self) -> Result<BTreeSet<String>, StoreError> {
        let reader = self.connect_reader()?;
        let read = || -> rusqlite::Result<BTreeSet<String>> {
            reader.prepare("SELECT name FROM schedules WHERE paused_at IS NOT NULL")?.query_map([], |row| row.get(0))?.collect()
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// Pauses a known schedule; false when it is paused already.
    ///
    /// # Errors
    /// The store's.
    pub fn pause_schedule(&self, name: &str, by: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.transaction("write to", |tx| {
            let changed = tx
                .prepare_cached("UPDATE schedules SET paused_at = ?2, paused_by = ?3 WHERE name = ?1 AND paused_at IS NULL")?
                .execute(params![name, now.timestamp_millis(), by])?;
            if changed == 1 {
                note(tx, now, &format!("{name}: paused by {by}"))?;
            }
            Ok(changed == 1)
        })
    }

    /// Lets a schedule fire again; false when it was not paused.
    ///
    /// # Errors
    /// The store's.
    pub fn resume_schedule(&self, name: &str, by: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.transaction("write to", |tx| {
            let changed = tx
                .prepare_cached(
                    "UPDATE schedules SET paused_at = NULL, paused_by = NULL WHERE name = ?1 AND paused_at IS NOT NULL",
                )?
                .execute(params![name])?;
            if changed == 1 {
                note(tx, now, &format!("{name}: resumed by {by}"))?;
            }
            Ok(changed == 1)
        })
    }

    /// Writes down something about the schedules as a whole.
    ///
    /// # Errors
    /// The store's.
    pub fn note_about_schedules(&self, words: &str, now: Timestamp) -> Result<(), StoreError> {
        self.transaction("write to", |tx| note(tx, now, words))
    }
}

/// A schedule that is new, or whose past is not its own, counts from now on.
fn enlist(
    tx: &Transaction<'_>,
    name: &str,
    fingerprint: &str,
    before: Option<ScheduleState>,
    now: Timestamp,
) -> rusqlite::Result<ScheduleState> {
    tx.prepare_cached(
        "INSERT INTO schedules (name, fingerprint, accounted) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET fingerprint = ?2, accounted = MAX(accounted, ?3), gone_at = NULL",
    )?
    .execute(params![name, fingerprint, now.timestamp_millis()])?;
    let mut state = ScheduleState { fingerprint: fingerprint.to_owned(), accounted: now, pause: None };
    if let Some(before) = before {
        state.accounted = before.accounted.max(now);
        state.pause = before.pause;
        let what = if before.fingerprint == fingerprint { "in site.toml again" } else { "its times have changed" };
        note(tx, now, &format!("{name}: {what}; its moments count from now on"))?;
    }
    Ok(state)
}

type Known = HashMap<String, (ScheduleState, bool)>;

/// All that are known, and whether each is gone.
fn states(tx: &Transaction<'_>) -> rusqlite::Result<Known> {
    tx.prepare_cached("SELECT fingerprint, accounted, paused_at, paused_by, gone_at, name FROM schedules")?
        .query_map([], |row| Ok((row.get(5)?, (read_state(row)?, row.get::<_, Option<i64>>(4)?.is_some()))))?
        .collect()
}

fn state(connection: &Connection, name: &str) -> rusqlite::Result<Option<ScheduleState>> {
    connection
        .prepare_cached("SELECT fingerprint, accounted, paused_at, paused_by FROM schedules WHERE name = ?1")?
        .query_row([name], read_state)
        .optional()
}

fn read_state(row: &Row<'_>) -> rusqlite::Result<ScheduleState> {
    let since: Option<i64> = row.get(2)?;
    let by: Option<String> = row.get(3)?;
    let pause = since.map(|since| Pause { by: by.unwrap_or_default(), since: from_millis(since) });
    Ok(ScheduleState { fingerprint: row.get(0)?, accounted: from_millis(row.get(1)?), pause })
}

fn note(connection: &Connection, at: Timestamp, words: &str) -> rusqlite::Result<()> {
    journal::append(connection, &Entry { at, kind: "schedule", run: None, user: None, delivery: None, words })
}
