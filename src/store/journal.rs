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
