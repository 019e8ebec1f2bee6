//! Erasing personal data from rows of the journal: who it was about, and the words.

use rusqlite::{Connection, params};

use super::chain;
use super::{Entry, append_row};
use crate::domain::time::Timestamp;

/// The kind of the row that says how many rows were erased, and why. It is never erased itself.
pub(super) const KIND: &str = "erased";

/// Erases these rows, those of them that are not erased yet, and says so in the journal with `why`,
/// a sentence's end without personal data. Answers how many there were.
pub(in crate::store) fn erase(connection: &Connection, rows: &[i64], why: &str, now: Timestamp) -> rusqlite::Result<u64> {
    let mut whole = connection
        .prepare_cached("SELECT salt, user_id, words FROM journal WHERE id = ?1 AND salt IS NOT NULL AND kind <> 'erased'")?;
    let mut seals = Vec::with_capacity(rows.len());
    for id in rows {
        let mut found = whole.query([id])?;
        if let Some(row) = found.next()? {
            seals.push((*id, chain::seal(row.get_ref(0)?, row.get_ref(1)?, row.get_ref(2)?)));
        }
    }
    if seals.is_empty() {
        return Ok(0);
    }
    let words = format!("{} {}: {why}", seals.len(), if seals.len() == 1 { "row" } else { "rows" });
    let by = append_row(connection, &Entry { at: now, kind: KIND, run: None, user: None, delivery: None, words: &words })?;
    let mut erase = connection
        .prepare_cached("UPDATE journal SET salt = NULL, user_id = NULL, words = '', seal = ?2, erased_by = ?3 WHERE id = ?1")?;
    for (id, seal) in &seals {
        erase.execute(params![id, seal, by])?;
    }
    Ok(seals.len() as u64)
}

/// How many rows such a row says that it had erased.
pub(super) fn ordered(words: &str) -> Option<u64> {
    words.split_once(' ')?.0.parse().ok()
}
