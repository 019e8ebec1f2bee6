//! Figures of the whole site for metrics, health and alerts. Each is answered by an index, so that a
//! large store costs no more than what is open in it.

use rusqlite::Connection;

use super::{Store, StoreError};
use crate::domain::delivery::{Channel, DeliveryState};
use crate::domain::time::{Timestamp, from_millis};

/// How a site stands.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// Deliveries that have not ended, and those that ended badly, by channel and state.
    pub outbox: Vec<(Channel, DeliveryState, u32)>,
    /// The longest due delivery of each channel that has one waiting, due or not.
    pub first_due: Vec<(Channel, Timestamp)>,
    /// Users by the word of their status.
    pub users: Vec<(String, u32)>,
}

/// Runs that are held: one by hand, or all of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRuns {
    pub schedule: Option<String>,
    /// The number of the newest one.
    pub newest: i64,
    /// Its script.
    pub script: String,
    pub number: u32,
}

/// The states, and the query that has an index for them.
const OUTBOX: [&str; 5] = [
    "SELECT channel, state, COUNT(*) FROM deliveries WHERE state IN ('pending', 'deferred') GROUP BY channel, state",
    "SELECT channel, state, COUNT(*) FROM deliveries WHERE state = 'sending' GROUP BY channel, state",
    "SELECT channel, state, COUNT(*) FROM deliveries INDEXED BY deliveries_on_devices
     WHERE state IN ('queued', 'notnow') GROUP BY channel, state",
    "SELECT channel, state, COUNT(*) FROM deliveries WHERE state = 'rejected' OR state = 'expired' OR state = 'doubtful'
     GROUP BY channel, state",
    "SELECT d.channel, d.state, COUNT(*) FROM invitations i CROSS JOIN deliveries d ON d.invitation_id = i.id
     WHERE i.due IS NOT NULL AND d.state = 'blocked' GROUP BY d.channel",
];

impl Store {
    /// How the site stands now.
    ///
    /// # Errors
    /// The store's.
    pub fn gauges(&self) -> Result<Gauges, StoreError> {
        let reader = self.connect_reader()?;
        let read = || -> rusqlite::Result<Gauges> {
            let mut gauges = Gauges { first_due: first_due(&reader)?, ..Gauges::default() };
            for sql in OUTBOX {
                let mut query = reader.prepare(sql)?;
                let mut rows = query.query([])?;
                while let Some(row) = rows.next()? {
                    let channel = Channel::from_word(row.get_ref(0)?.as_str()?);
                    let state = DeliveryState::from_word(row.get_ref(1)?.as_str()?);
                    if let (Some(channel), Some(state)) = (channel, state) {
                        gauges.outbox.push((channel, state, row.get(2)?));
                    }
                }
            }
            gauges.users = reader
                .prepare("SELECT status, COUNT(*) FROM users WHERE hidden = 0 GROUP BY status")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            Ok(gauges)
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// The longest due delivery of each channel that has one waiting, due or not.
    ///
    /// # Errors
    /// The store's.
    pub fn first_due(&self) -> Result<Vec<(Channel, Timestamp)>, StoreError> {
        let reader = self.connect_reader()?;
        first_due(&reader).map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// Runs that were held and that nobody was there to see, those of a schedule together, the newest first.
    ///
    /// # Errors
    /// The store's.
    pub fn held_runs(&self) -> Result<Vec<HeldRuns>, StoreError> {
        let reader = self.connect_reader()?;
        let read = || -> rusqlite::Result<Vec<HeldRuns>> {
            reader
                .prepare(
                    "SELECT m.schedule, MAX(r.id), r.script, COUNT(*) FROM kept_plans k JOIN runs r ON r.id = k.run_id
                     LEFT JOIN moments m ON m.run_id = r.id
                     WHERE (k.state = 'wave' OR k.state = 'held') AND k.state = 'held' AND (r.trigger = 'schedule' OR r.state <> 'held')
                     GROUP BY m.schedule, CASE WHEN m.schedule IS NULL THEN r.id END ORDER BY 2 DESC LIMIT 100",
                )?
                .query_map([], |row| {
                    Ok(HeldRuns { schedule: row.get(0)?, newest: row.get(1)?, script: row.get(2)?, number: row.get(3)? })
                })?
                .collect()
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }
}

fn first_due(reader: &Connection) -> rusqlite::Result<Vec<(Channel, Timestamp)>> {
    let mut found = Vec::new();
    for channel in Channel::ALL {
        let due: Option<i64> = reader
            .prepare_cached("SELECT MIN(due) FROM deliveries WHERE channel = ?1 AND state IN ('pending', 'deferred')")?
            .query_row([channel.word()], |row| row.get(0))?;
        found.extend(due.map(|due| (channel, from_millis(due))));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_figure_reads_the_whole_outbox() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("beckon.db")).unwrap();
        let reader = store.connect_reader().unwrap();
        for sql in OUTBOX {
            let plan: Vec<String> = reader
                .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                .unwrap()
                .query_map([], |row| row.get(3))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            assert!(!plan.iter().any(|step| step.starts_with("SCAN deliveries") && !step.contains("INDEX")), "{sql}: {plan:?}");
        }
        assert!(store.gauges().unwrap().outbox.is_empty());
    }
}
