//! The append-only record of what happened.

use rusqlite::{Connection, params};

use crate::domain::ids::{RunId, UserId};
use crate::domain::time::Timestamp;

/// One fact. `words` is one sentence without secrets.
pub(super) struct Entry<'a> {
    pub at: Timestamp,
    pub kind: &'a str,
    pub run: Option<RunId>,
    pub user: Option<UserId>,
    pub delivery: Option<i64>,
    pub words: &'a str,
}

pub(super) fn append(connection: &Connection, entry: &Entry<'_>) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO journal (at, kind, run_id, user_id, delivery_id, words) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            entry.at.timestamp_millis(),
            entry.kind,
            entry.run.map(|r| r.0),
            entry.user.map(|u| u.0),
            entry.delivery,
            entry.words
        ])?;
    Ok(())
}

impl super::Store {
    /// The newest entries of the journal, oldest first, as `kind: words`.
    ///
    /// # Errors
    /// The store's.
    pub fn journal_words(&self, most: u32) -> Result<Vec<String>, super::StoreError> {
        let writer = self.writer();
        let read = || -> rusqlite::Result<Vec<String>> {
            writer
                .prepare_cached(
                    "SELECT kind || COALESCE(' ' || username, '') || ': ' || words
                     FROM (SELECT j.id, j.kind, j.words, u.username FROM journal j LEFT JOIN users u ON u.id = j.user_id ORDER BY j.id DESC LIMIT ?1)
                     ORDER BY id",
                )?
                .query_map([most], |row| row.get(0))?
                .collect()
        };
        read().map_err(|e| super::StoreError::new("read", self.path(), e))
    }
}
