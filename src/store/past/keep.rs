//! Keeping the versions of rows that are about to change: for each table one statement that copies them and one
//! that says since when they are what they become. A row that is changed twice at one instant was the first.

use rusqlite::{Params, Transaction, params};

use super::{DEVICE_COLUMNS, USER_COLUMNS, change};
use crate::domain::time::Timestamp;
use crate::store::selection_sql::id_list;

/// A table of pairs of ids.
#[derive(Clone, Copy)]
pub(in crate::store) enum Pairs {
    Memberships,
    Nestings,
}

impl Pairs {
    /// The table and its two columns.
    pub fn names(self) -> [&'static str; 3] {
        match self {
            Self::Memberships => ["group_users", "group_id", "user_id"],
            Self::Nestings => ["group_groups", "parent_id", "child_id"],
        }
    }
}

/// Before these users change.
pub(in crate::store) fn keep_users(tx: &Transaction<'_>, ids: &[i64], now: Timestamp) -> rusqlite::Result<()> {
    keep_rows(tx, "users", USER_COLUMNS, ids, now)
}

/// Before these devices change, in anything but when they were last heard from.
pub(in crate::store) fn keep_devices(tx: &Transaction<'_>, ids: &[i64], now: Timestamp) -> rusqlite::Result<()> {
    keep_rows(tx, "devices", DEVICE_COLUMNS, ids, now)
}

/// Before the devices change for which `condition`, a text of ours, holds.
pub(in crate::store) fn keep_devices_where(
    tx: &Transaction<'_>,
    condition: &str,
    params: impl Params,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let ids: Vec<i64> = tx
        .prepare_cached(&format!("SELECT id FROM devices WHERE {condition}"))?
        .query_map(params, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    keep_devices(tx, &ids, now)
}

/// Before these groups change or go; memberships and nested groups that go with them are kept by [`keep_pairs_of`].
pub(in crate::store) fn keep_groups(tx: &Transaction<'_>, ids: &[i64], now: Timestamp) -> rusqlite::Result<()> {
    keep_rows(tx, "groups", "name, distribution", ids, now)
}

fn keep_rows(tx: &Transaction<'_>, table: &str, columns: &str, ids: &[i64], now: Timestamp) -> rusqlite::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let change = change(tx, now)?;
    let ids = id_list(ids.iter().copied());
    tx.prepare_cached(&format!(
        "INSERT OR IGNORE INTO past_{table} (id, until, since, {columns})
         SELECT id, ?2, since, {columns} FROM {table} WHERE id IN (SELECT value FROM json_each(?1)) AND since < ?2"
    ))?
    .execute(params![ids, change])?;
    tx.prepare_cached(&format!("UPDATE {table} SET since = ?2 WHERE id IN (SELECT value FROM json_each(?1))"))?
        .execute(params![ids, change])?;
    Ok(())
}

/// Before these pairs go.
pub(in crate::store) fn keep_pairs(
    tx: &Transaction<'_>,
    pairs: Pairs,
    going: &[(i64, i64)],
    now: Timestamp,
) -> rusqlite::Result<()> {
    if going.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = going.iter().map(|(one, two)| format!("[{one},{two}]")).collect();
    let [_, one, two] = pairs.names();
    let rows = format!("JOIN json_each(?1) w ON p.{one} = w.value ->> 0 AND p.{two} = w.value ->> 1");
    copy_pairs(tx, pairs, &rows, &format!("[{}]", list.join(",")), now)
}

/// Before all pairs go that have one of these ids in that column.
pub(in crate::store) fn keep_pairs_of(
    tx: &Transaction<'_>,
    pairs: Pairs,
    column: &str,
    ids: &[i64],
    now: Timestamp,
) -> rusqlite::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let rows = format!("JOIN json_each(?1) w ON p.{column} = w.value");
    copy_pairs(tx, pairs, &rows, &id_list(ids.iter().copied()), now)
}

fn copy_pairs(tx: &Transaction<'_>, pairs: Pairs, rows: &str, list: &str, now: Timestamp) -> rusqlite::Result<()> {
    let change = change(tx, now)?;
    let [table, one, two] = pairs.names();
    tx.prepare_cached(&format!(
        "INSERT OR IGNORE INTO past_{table} ({one}, {two}, until, since)
         SELECT p.{one}, p.{two}, ?2, p.since FROM {table} p {rows} WHERE p.since < ?2"
    ))?
    .execute(params![list, change])?;
    Ok(())
}
