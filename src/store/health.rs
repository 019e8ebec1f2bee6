//! Whether the store is sound, and whether what is in it moves.

use rusqlite::params;

use super::{SCHEMA_VERSION, Store, StoreError};
use crate::domain::delivery::Channel;
use crate::domain::time::{Timestamp, from_millis};

/// So many damages are told.
const DAMAGES_MAX: usize = 5;

/// Deliveries that should have left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stuck {
    /// In somebody's hands, or found there after a stop.
    pub sending: u32,
    /// Due before the asked time, and still there.
    pub overdue: u32,
    /// When the oldest of these was due, and over which channel.
    pub oldest: Option<(Timestamp, Channel)>,
}

impl Store {
    /// The version of the schema that this beckon works with; opening a store brings it there.
    #[must_use]
    pub fn schema_version() -> i64 {
        SCHEMA_VERSION
    }

    /// What SQLite finds damaged, a few lines of it: none where the file is sound. A `deep` look
    /// compares every index with its table, which takes several times as long.
    ///
    /// # Errors
    /// The store's: it may be too damaged to be looked at.
    pub fn damages(&self, deep: bool) -> Result<Vec<String>, StoreError> {
        let reader = self.connect_reader()?;
        let pragma = if deep { "integrity_check" } else { "quick_check" };
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut query = reader.prepare(&format!("PRAGMA {pragma}({DAMAGES_MAX})"))?;
            let lines: Vec<String> = query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            Ok(lines.into_iter().filter(|line| line != "ok").collect())
        };
        read().map_err(|e| StoreError::new("check", self.path(), e))
    }

    /// What was due before `before` and has not left.
    ///
    /// # Errors
    /// The store's.
    pub fn stuck(&self, before: Timestamp) -> Result<Stuck, StoreError> {
        let reader = self.connect_reader()?;
        let read = || -> rusqlite::Result<Stuck> {
            let sending = reader.query_row("SELECT COUNT(*) FROM deliveries WHERE state = 'sending'", [], |row| row.get(0))?;
            let mut stuck = Stuck { sending, ..Stuck::default() };
            for channel in Channel::ALL {
                let (overdue, oldest): (u32, Option<i64>) = reader.query_row(
                    "SELECT COUNT(*), MIN(due) FROM deliveries WHERE channel = ?1 AND state IN ('pending', 'deferred') AND due < ?2",
                    params![channel.word(), before.timestamp_millis()],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )?;
                stuck.overdue += overdue;
                let oldest = oldest.map(|at| (from_millis(at), channel));
                stuck.oldest = [stuck.oldest, oldest].into_iter().flatten().min();
            }
            Ok(stuck)
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }
}
