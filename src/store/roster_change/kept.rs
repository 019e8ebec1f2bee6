//! What the roster was: the versions of all that is about to change or go, kept before anything is written.

use rusqlite::Transaction;

use super::Comparison;
use crate::domain::time::Timestamp;
use crate::store::past::{self, Pairs};
use crate::store::selection_sql::id_list;

/// Keeps what `comparison` is going to change. Of what is only added there is nothing to keep.
pub(super) fn keep(tx: &Transaction<'_>, comparison: &Comparison<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let leaving: Vec<i64> = comparison.users.leaves.iter().map(|leaver| leaver.id).collect();
    let changing: Vec<i64> = comparison.users.updates.iter().map(|user| user.id).chain(leaving.iter().copied()).collect();
    past::keep_users(tx, &changing, now)?;
    if !leaving.is_empty() {
        past::keep_devices_where(tx, "user_id IN (SELECT value FROM json_each(?1))", [id_list(leaving.iter().copied())], now)?;
    }
    past::keep_pairs_of(tx, Pairs::Memberships, "user_id", &leaving, now)?;

    let groups = &comparison.groups;
    let going: Vec<i64> = groups.removes.iter().copied().collect();
    let changing: Vec<i64> = groups.updates.iter().map(|(id, _)| *id).chain(going.iter().copied()).collect();
    past::keep_groups(tx, &changing, now)?;
    past::keep_pairs_of(tx, Pairs::Memberships, "group_id", &going, now)?;
    past::keep_pairs_of(tx, Pairs::Nestings, "parent_id", &going, now)?;
    past::keep_pairs_of(tx, Pairs::Nestings, "child_id", &going, now)?;
    past::keep_pairs(tx, Pairs::Memberships, &comparison.memberships.removes, now)?;
    past::keep_pairs(tx, Pairs::Nestings, &comparison.nested.removes, now)?;

    let devices = &comparison.devices;
    let changing: Vec<i64> = devices.updates.iter().map(|device| device.id).chain(devices.gone.iter().copied()).collect();
    past::keep_devices(tx, &changing, now)
}
