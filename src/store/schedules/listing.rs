//! Moments as people look at them.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::domain::ids::RunId;
use crate::domain::time::{Timestamp, from_millis};
use crate::store::{Store, StoreError};

/// Where a moment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MomentState {
    /// It is being run, or about to be.
    Claimed,
    Ran,
    Skipped,
    Missed,
    Failed,
    Held,
}

impl MomentState {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Claimed => "running",
            Self::Ran => "ran",
            Self::Skipped => "skipped",
            Self::Missed => "missed",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }

    fn of_store(word: &str) -> Self {
        match word {
            "ran" => Self::Ran,
            "skipped" => Self::Skipped,
            "missed" => Self::Missed,
            "failed" => Self::Failed,
            "held" => Self::Held,
            _ => Self::Claimed,
        }
    }
}

/// One row: a due moment, or after a very long outage many of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    pub at: Timestamp,
    pub state: MomentState,
    pub run: Option<RunId>,
    /// Why it was skipped, missed or late; empty where there is nothing to say.
    pub words: String,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// 1, or how many share the row; the last of them is due at `until`.
    pub number: u32,
    pub until: Option<Timestamp>,
}

const COLUMNS: &str = "at, state, run_id, words, started_at, ended_at, number, until";

impl Store {
    /// The newest moment of a schedule.
    ///
    /// # Errors
    /// The store's.
    pub fn last_moment(&self, schedule: &str) -> Result<Option<Moment>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM moments WHERE schedule = ?1 ORDER BY at DESC LIMIT 1");
        let writer = self.writer();
        let read = || writer.prepare_cached(&sql)?.query_row([schedule], read_moment).optional();
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// The moments of a schedule that were due in a span, both ends included, oldest first.
    ///
    /// # Errors
    /// The store's.
    pub fn moments(&self, schedule: &str, (from, until): (Timestamp, Timestamp), most: u32) -> Result<Vec<Moment>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM moments WHERE schedule = ?1 AND at BETWEEN ?2 AND ?3 ORDER BY at LIMIT ?4");
        let writer = self.writer();
        let read = || -> rusqlite::Result<Vec<Moment>> {
            writer
                .prepare_cached(&sql)?
                .query_map(params![schedule, from.timestamp_millis(), until.timestamp_millis(), most], read_moment)?
                .collect()
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }
}

/// The schedule and the moment that a run was for; the last one where it made several good.
pub(in crate::store) fn moment_of(connection: &Connection, run: RunId) -> rusqlite::Result<Option<(String, Moment)>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, schedule FROM moments WHERE run_id IS NOT NULL AND run_id = ?1 ORDER BY at DESC LIMIT 1"
        ))?
        .query_row([run.0], |row| Ok((row.get(8)?, read_moment(row)?)))
        .optional()
}

fn read_moment(row: &Row<'_>) -> rusqlite::Result<Moment> {
    let instant = |column| row.get::<_, Option<i64>>(column).map(|ms| ms.map(from_millis));
    Ok(Moment {
        at: from_millis(row.get(0)?),
        state: MomentState::of_store(&row.get::<_, String>(1)?),
        run: row.get::<_, Option<i64>>(2)?.map(RunId),
        words: row.get(3)?,
        started_at: instant(4)?,
        ended_at: instant(5)?,
        number: row.get(6)?,
        until: instant(7)?,
    })
}
