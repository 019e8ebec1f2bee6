//! Adding very many rows at once: a table's indexes are built once afterwards instead of row by row.
//!
//! All of it is part of the transaction. Whoever dies in the middle leaves the table and its indexes as they were.

use rusqlite::{Connection, Transaction};

/// From so many rows on it pays, if they are also more than the table holds already.
pub(super) const ROWS_MIN: usize = 5_000;

/// The page cache while many rows are added, in KiB, and SQLite's own default that is set again afterwards.
const CACHE_BULK: i64 = 32_768;
const CACHE_USUAL: i64 = 2_000;

fn is_bulk(tx: &Transaction<'_>, table: &str, adds: usize) -> rusqlite::Result<bool> {
    if adds < ROWS_MIN {
        return Ok(false);
    }
    let held: i64 = tx.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0))?;
    Ok(usize::try_from(held).is_ok_and(|held| held < adds))
}

/// Runs `add`, which adds `adds` rows to `table`.
pub(super) fn adding(
    tx: &Transaction<'_>,
    table: &str,
    adds: usize,
    add: impl FnOnce() -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    if !is_bulk(tx, table, adds)? {
        return add();
    }
    let mut prepared =
        tx.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL")?;
    let indexes: Vec<(String, String)> =
        prepared.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    drop(prepared);
    for (name, _) in &indexes {
        tx.execute_batch(&format!("DROP INDEX \"{name}\""))?;
    }
    add()?;
    for (_, sql) in &indexes {
        tx.execute_batch(sql)?;
    }
    Ok(())
}

/// More room for pages, so that they are written once and not each time the cache is full.
pub(super) fn more_room(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("PRAGMA cache_size = -{CACHE_BULK}"))
}

/// The usual room again, and the memory given back.
pub(super) fn usual_room(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("PRAGMA cache_size = -{CACHE_USUAL}; PRAGMA shrink_memory"))
}
