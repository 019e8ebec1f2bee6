//! What has become of due moments lately: for alerts and metrics.

use rusqlite::params;

use crate::domain::time::{Span, Timestamp, from_millis};
use crate::store::{Store, StoreError};

/// A moment that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedMoment {
    pub schedule: String,
    /// How: `ran`, `skipped`, `missed`, `failed`, `held`.
    pub end: String,
    /// How late its script began; `None` where none did.
    pub late: Option<Span>,
}

/// A moment whose script was run, or should have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRun {
    pub at: Timestamp,
    pub run: Option<i64>,
    pub failed: bool,
    /// It made at least one delivery.
    pub reached_somebody: bool,
    /// Why it failed, where it did.
    pub words: String,
}

impl Store {
    /// The moments that ended after `after` and no later than `until`, at most `most`.
    ///
    /// # Errors
    /// The store's.
    pub fn ended_moments(&self, after: Timestamp, until: Timestamp, most: u32) -> Result<Vec<EndedMoment>, StoreError> {
        let reader = self.connect_reader()?;
        let read = || -> rusqlite::Result<Vec<EndedMoment>> {
            reader
                .prepare(
                    "SELECT schedule, state, started_at - at FROM moments
                     WHERE ended_at IS NOT NULL AND ended_at > ?1 AND ended_at <= ?2 ORDER BY ended_at LIMIT ?3",
                )?
                .query_map(params![after.timestamp_millis(), until.timestamp_millis(), most], |row| {
                    let late = row.get::<_, Option<i64>>(2)?.map(Span::milliseconds);
                    Ok(EndedMoment { schedule: row.get(0)?, end: row.get(1)?, late })
                })?
                .collect()
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// The last moments of a schedule whose script was run to its end or failed, the newest first.
    ///
    /// # Errors
    /// The store's.
    pub fn past_runs(&self, schedule: &str, most: u32) -> Result<Vec<PastRun>, StoreError> {
        let writer = self.writer();
        let read = || -> rusqlite::Result<Vec<PastRun>> {
            writer
                .prepare_cached(
                    "SELECT at, run_id, state = 'failed', EXISTS (SELECT 1 FROM deliveries d WHERE d.run_id = m.run_id), words
                     FROM moments m WHERE schedule = ?1 AND (state = 'ran' OR state = 'failed') ORDER BY at DESC LIMIT ?2",
                )?
                .query_map(params![schedule, most], |row| {
                    Ok(PastRun {
                        at: from_millis(row.get(0)?),
                        run: row.get(1)?,
                        failed: row.get(2)?,
                        reached_somebody: row.get(3)?,
                        words: row.get(4)?,
                    })
                })?
                .collect()
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }
}
