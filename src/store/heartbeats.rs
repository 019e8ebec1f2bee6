//! A row a minute that proves that the scheduler lives, and what the gaps between rows say.

use rusqlite::{OptionalExtension as _, params};

use super::journal::{self, Entry};
use super::{Store, StoreError};
use crate::domain::time::{Span, Timestamp, from_millis};

/// Rows older than this are deleted.
const KEPT: Span = Span::days(90);

/// Two rows that are further apart than this have a gap between them.
pub const GAP: Span = Span::milliseconds(150_000);

/// A clock that is further behind the last row than this was set back.
const SET_BACK: Span = Span::seconds(5);

/// What the last row says about the time before this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// The row of a minute ago is there, or this is the first of all.
    Fine,
    /// There is no row between these two times.
    Gap { from: Timestamp, to: Timestamp },
    /// The last row was written at a time that has not come yet.
    SetBack { from: Timestamp, to: Timestamp },
}

impl Store {
    /// Writes this minute's row, deletes old ones, and puts into the journal what the last row shows;
    /// `explain` says it in words.
    ///
    /// # Errors
    /// The store's: then it can't be written, which is news in itself.
    pub fn beat(&self, now: Timestamp, explain: impl FnOnce(&Before) -> Option<String>) -> Result<Before, StoreError> {
        self.transaction("note that beckon lives in", |tx| {
            let last: Option<i64> = tx
                .prepare_cached("SELECT at FROM heartbeats ORDER BY id DESC LIMIT 1")?
                .query_row([], |r| r.get(0))
                .optional()?;
            let before = match last.map(from_millis) {
                Some(last) if now - last > GAP => Before::Gap { from: last, to: now },
                Some(last) if last - now > SET_BACK => Before::SetBack { from: last, to: now },
                _ => Before::Fine,
            };
            tx.prepare_cached("INSERT INTO heartbeats (at) VALUES (?1)")?.execute([now.timestamp_millis()])?;
            // A few at a time: one comes, one goes. Rows of a clock that was set back go with their neighbours.
            tx.prepare_cached("DELETE FROM heartbeats WHERE id IN (SELECT id FROM heartbeats ORDER BY id LIMIT 10) AND at < ?1")?
                .execute(params![(now - KEPT).timestamp_millis()])?;
            if let Some(words) = explain(&before) {
                journal::append(tx, &Entry { at: now, kind: "serve", run: None, user: None, delivery: None, words: &words })?;
            }
            Ok(before)
        })
    }

    /// When the last row was written; `None` on a site that has never been served.
    ///
    /// # Errors
    /// The store's.
    pub fn last_beat(&self) -> Result<Option<Timestamp>, StoreError> {
        let reader = self.connect_reader()?;
        let last = reader.query_row("SELECT at FROM heartbeats ORDER BY id DESC LIMIT 1", [], |row| row.get(0)).optional();
        Ok(last.map_err(|e| StoreError::new("read", self.path(), e))?.map(from_millis))
    }

    /// Puts what happened to `beckon serve` itself into the journal.
    ///
    /// # Errors
    /// The store's.
    pub fn note_serving(&self, words: &str, now: Timestamp) -> Result<(), StoreError> {
        self.transaction("write the journal of", |tx| {
            journal::append(tx, &Entry { at: now, kind: "serve", run: None, user: None, delivery: None, words })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        from_millis(1_796_111_100_000) + Span::minutes(minutes)
    }

    #[test]
    fn a_gap_and_a_clock_that_was_set_back_are_seen_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("beckon.db")).unwrap();
        assert_eq!(store.last_beat().unwrap(), None);
        let beat = |minutes| store.beat(at(minutes), |_| None).unwrap();
        assert_eq!([beat(0), beat(1), beat(2)], [Before::Fine, Before::Fine, Before::Fine]);
        assert_eq!(beat(60), Before::Gap { from: at(2), to: at(60) });
        assert_eq!(beat(61), Before::Fine);
        assert_eq!(beat(1), Before::SetBack { from: at(61), to: at(1) });
        assert_eq!([beat(2), beat(3)], [Before::Fine, Before::Fine]);
        assert_eq!(store.last_beat().unwrap(), Some(at(3)));
    }

    #[test]
    fn rows_are_kept_for_90_days() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("beckon.db")).unwrap();
        for day in 0..200 {
            store.beat(at(day * 1440), |_| None).unwrap();
        }
        let rows: i64 = store.writer().query_row("SELECT COUNT(*) FROM heartbeats", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 91);
    }
}
