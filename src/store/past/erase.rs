//! The past goes, too: with its time, and with the person.

use rusqlite::{OptionalExtension as _, Transaction, params};

/// Erases versions that ended before the instant `at`, about `most` of each kind, and answers whether there may be
/// more. The history begins then with the last change before `at`. Where people stood are figures and stay.
pub(in crate::store) fn erase_before(tx: &Transaction<'_>, at: i64, most: u32) -> rusqlite::Result<bool> {
    let first: Option<i64> = tx
        .prepare_cached("SELECT id FROM roster_changes WHERE at <= ?1 ORDER BY at DESC, id DESC LIMIT 1")?
        .query_row([at], |row| row.get(0))
        .optional()?;
    let Some(first) = first else { return Ok(false) };
    // First of all: nobody is to see a past of which a part has gone.
    tx.prepare_cached("DELETE FROM roster_changes WHERE id < ?1")?.execute([first])?;
    let mut erased = 0;
    for (table, key) in [
        ("past_users", "id, until"),
        ("past_devices", "id, until"),
        ("past_groups", "id, until"),
        ("past_group_users", "group_id, user_id, until"),
        ("past_group_groups", "parent_id, child_id, until"),
    ] {
        erased += tx
            .prepare_cached(&format!(
                "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE until <= ?1 LIMIT ?2)"
            ))?
            .execute(params![first, most])?;
    }
    Ok(erased > 0)
}

/// Erases the past of one person. The devices that they `had`, a list of ids, are called by their serial numbers in
/// every version that was theirs or nobody's.
pub(in crate::store) fn erase_person(tx: &Transaction<'_>, user: i64, had: &str) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE past_devices SET name = (SELECT d.serial FROM devices d WHERE d.id = past_devices.id), user_id = NULL, user_channel = NULL
         WHERE id IN (SELECT value FROM json_each(?2)) AND (user_id = ?1 OR user_id IS NULL)",
    )?
    .execute(params![user, had])?;
    for sql in [
        "DELETE FROM past_group_users WHERE user_id = ?1",
        "DELETE FROM past_standings WHERE user_id = ?1",
        "DELETE FROM past_users WHERE id = ?1",
    ] {
        tx.prepare_cached(sql)?.execute([user])?;
    }
    Ok(())
}
