//! What has become of due moments lately: for alerts and metrics.

use rusqlite::{Row, params};

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

    /// For each of these schedules, in their order, its last moments whose script was run to its end or failed:
    /// at most `most`, the newest first. One query, however many schedules there are.
    ///
    /// # Errors
    /// The store's.
    pub fn past_runs(&self, schedules: &[&str], most: u32) -> Result<Vec<Vec<PastRun>>, StoreError> {
        let mut runs = vec![Vec::new(); schedules.len()];
        let (Some(before), false) = (most.checked_sub(1), schedules.is_empty()) else { return Ok(runs) };
        let reader = self.connect_reader()?;
        let mut read = || -> rusqlite::Result<()> {
            let mut query = reader.prepare(
                "SELECT wanted.key, at, run_id, state = 'failed', EXISTS (SELECT 1 FROM deliveries d WHERE d.run_id = m.run_id), words
                 FROM json_each(?1) wanted CROSS JOIN moments m ON m.schedule = wanted.value
                 WHERE (state = 'ran' OR state = 'failed')
                   AND at >= IFNULL((SELECT o.at FROM moments o WHERE o.schedule = wanted.value AND (o.state = 'ran' OR o.state = 'failed')
                                     ORDER BY o.at DESC LIMIT 1 OFFSET ?2), 0)
                 ORDER BY wanted.key, at DESC",
            )?;
            let mut rows = query.query(params![serde_json::json!(schedules).to_string(), before])?;
            while let Some(row) = rows.next()? {
                let number: u32 = row.get(0)?;
                if let Some(runs) = runs.get_mut(number as usize) {
                    runs.push(past_run(row)?);
                }
            }
            Ok(())
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))?;
        Ok(runs)
    }
}

fn past_run(row: &Row<'_>) -> rusqlite::Result<PastRun> {
    Ok(PastRun {
        at: from_millis(row.get(1)?),
        run: row.get(2)?,
        failed: row.get(3)?,
        reached_somebody: row.get(4)?,
        words: row.get(5)?,
    })
}
