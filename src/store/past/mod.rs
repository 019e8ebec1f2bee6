//! The roster as it was: what changes or goes leaves the version that it had, in the transaction that changes it.
//!
//! Whoever changes a row of `users`, `groups`, `group_users`, `group_groups` or `devices` calls a `keep_…` here
//! before, with the instant of the change. A row that is added needs none: it gets the number of the [`change`].
//! What is left of the past of a person goes with the person, and with its time (`retention`).

mod erase;
mod keep;
mod standing;
mod view;

use rusqlite::{OptionalExtension as _, Transaction};

use crate::domain::time::Timestamp;

pub(super) use erase::{erase_before, erase_person};
pub(super) use keep::{Pairs, keep_devices, keep_devices_where, keep_groups, keep_pairs, keep_pairs_of, keep_users};
pub(super) use standing::keep_standing;
pub(super) use view::{Reached, reached, shadow};

/// The columns of a user that have versions.
const USER_COLUMNS: &str =
    "full_name, mail, language, timezone, department, title, enabled, managed_account, attributes, distribution, hidden";

/// The columns of a device that have versions.
const DEVICE_COLUMNS: &str = "udid, name, platform, os_version, model, user_id, managed, enrollment, user_channel, gone_at";

/// The number of the roster's change at `now`. The first one is where the history begins; one that comes at a
/// clock which was set back counts as made when the one before it was.
pub(super) fn change(tx: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<i64> {
    let last: Option<(i64, i64)> = tx
        .prepare_cached("SELECT id, at FROM roster_changes ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let now = now.timestamp_millis();
    match last {
        Some((id, at)) if at == now => Ok(id),
        _ => {
            let at = last.map_or(now, |(_, at)| at.max(now));
            tx.prepare_cached("INSERT INTO roster_changes (at) VALUES (?1)")?.execute([at])?;
            Ok(tx.last_insert_rowid())
        }
    }
}

/// Whether the history has begun.
pub(super) fn has_begun(tx: &Transaction<'_>) -> rusqlite::Result<bool> {
    tx.query_row("SELECT EXISTS (SELECT 1 FROM roster_changes)", [], |row| row.get(0))
}
