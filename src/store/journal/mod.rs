//! The append-only record of what happened, a chain of hashes.

mod chain;
mod check;
mod erase;
#[cfg(test)]
mod tests;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

pub(super) use chain::take_unchained;
pub use check::{JournalCheck, JournalFault};
pub(super) use erase::erase;

use crate::domain::ids::{RunId, UserId};
use crate::domain::time::Timestamp;
use chain::{BEGINNING, Hash, Link, maybe};

/// One fact. `words` is one sentence without secrets.
pub(super) struct Entry<'a> {
    pub at: Timestamp,
    pub kind: &'a str,
    pub run: Option<RunId>,
    pub user: Option<UserId>,
    pub delivery: Option<i64>,
    pub words: &'a str,
}

const INSERT: &str = "INSERT INTO journal (id, at, kind, run_id, user_id, delivery_id, words, salt, hash)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Adds one row to the chain's end. Within the writing transaction: the end is read here each time,
/// because another process may have added to it since our last transaction.
pub(super) fn append(connection: &Connection, entry: &Entry<'_>) -> rusqlite::Result<()> {
    append_row(connection, entry).map(drop)
}

/// The same; answers the row's number.
fn append_row(connection: &Connection, entry: &Entry<'_>) -> rusqlite::Result<i64> {
    let End { id, hash: before, salt } = end(connection)?;
    let id = id + 1;
    let (at, run, user) = (entry.at.timestamp_millis(), entry.run.map(|r| r.0), entry.user.map(|u| u.0));
    let seal = chain::seal(ValueRef::Blob(&salt), maybe(user), ValueRef::Text(entry.words.as_bytes()));
    let link = Link {
        id,
        at: ValueRef::Integer(at),
        kind: ValueRef::Text(entry.kind.as_bytes()),
        run: maybe(run),
        delivery: maybe(entry.delivery),
    };
    let hash = link.hash(&before, &seal);
    connection.prepare_cached(INSERT)?.execute(params![
        id,
        at,
        entry.kind,
        run,
        user,
        entry.delivery,
        entry.words,
        salt,
        hash
    ])?;
    Ok(id)
}

/// Where the chain ends, and chance for the next row.
struct End {
    /// The newest number that was given. Rows that were taken from the end leave a gap in the numbers,
    /// which must not be filled again.
    id: i64,
    hash: Hash,
    salt: [u8; 16],
}

fn end(connection: &Connection) -> rusqlite::Result<End> {
    connection
        .prepare_cached(
            "SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'journal'), (SELECT hash FROM journal ORDER BY id DESC LIMIT 1),
                    randomblob(16)",
        )?
        .query_row([], |row| {
            // Whatever stands there is no reason to write nothing: `check` says what is wrong with it.
            let hash = row.get_ref(1)?.as_blob().ok().and_then(|hash| hash.try_into().ok());
            Ok(End { id: row.get_ref(0)?.as_i64().unwrap_or(0), hash: hash.unwrap_or(BEGINNING), salt: row.get(2)? })
        })
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
