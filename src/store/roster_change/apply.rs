//! Writing what the comparison found, in an order in which no key is in the way of another.

use rusqlite::{Transaction, params};

use super::devices::DeviceChanges;
use super::fields::given;
use super::users::{UserChanges, new_attributes, new_full_name, new_text};
use super::{Comparison, Stamp, bulk};
use crate::domain::mail_address::MailAddress;
use crate::domain::roster_change::Incoming;
use crate::domain::time::Timestamp;
use crate::store::past::Pairs;

pub(super) fn apply(
    tx: &Transaction<'_>,
    comparison: &Comparison<'_>,
    incoming: &Incoming,
    stamp: &Stamp<'_>,
    new_client_user_id: &mut dyn FnMut() -> String,
) -> rusqlite::Result<()> {
    let (users, device_changes) = (&comparison.users, &comparison.devices);
    leave(tx, users, stamp.now)?;
    update_users(tx, users, stamp.source)?;
    bulk::adding(tx, "users", users.adds.len(), || add_users(tx, users, incoming, stamp, new_client_user_id))?;
    groups(tx, comparison, stamp)?;
    devices(tx, device_changes, stamp.source, stamp.now)?;
    bulk::adding(tx, "devices", device_changes.adds.len(), || add_devices(tx, device_changes, incoming, stamp))?;
    apps(tx, comparison, incoming, stamp.source)
}

/// Whoever leaves is disabled, in no group, and has no device; out of sight when Apple has no record of
/// them that somebody may still want to retire.
fn leave(tx: &Transaction<'_>, users: &UserChanges, now: Timestamp) -> rusqlite::Result<()> {
    let mut mark = tx.prepare("UPDATE users SET left_at = ?2, enabled = 0, hidden = ?3 WHERE id = ?1")?;
    let mut groups = tx.prepare("DELETE FROM group_users WHERE user_id = ?1")?;
    let mut devices = tx.prepare("UPDATE devices SET user_id = NULL, user_channel = NULL WHERE user_id = ?1")?;
    for leaver in &users.leaves {
        mark.execute(params![leaver.id, now.timestamp_millis(), leaver.hide])?;
        groups.execute([leaver.id])?;
        devices.execute([leaver.id])?;
    }
    Ok(())
}

fn update_users(tx: &Transaction<'_>, users: &UserChanges, source: &str) -> rusqlite::Result<()> {
    // A new address has not turned anything away yet.
    let mut update = tx.prepare(
        "UPDATE users SET full_name = ?2, mail = ?3, mail_folded = ?4, language = ?5, timezone = ?6, department = ?7, title = ?8,
                enabled = ?9, managed_account = ?10, attributes = ?11, source = ?12, left_at = NULL, hidden = 0,
                mail_dead = CASE WHEN ?13 THEN NULL ELSE mail_dead END
         WHERE id = ?1",
    )?;
    for user in &users.updates {
        update.execute(params![
            user.id,
            user.full_name,
            user.mail.as_ref().map(MailAddress::as_str),
            user.mail.as_ref().map(MailAddress::folded),
            user.language,
            user.timezone,
            user.department,
            user.title,
            user.enabled,
            user.managed_account,
            user.attributes,
            source,
            user.mail_changed,
        ])?;
    }
    let mut own = tx.prepare("UPDATE users SET source = ?2 WHERE id = ?1")?;
    for id in &users.taken_over {
        own.execute(params![id, source])?;
    }
    Ok(())
}

fn add_users(
    tx: &Transaction<'_>,
    users: &UserChanges,
    incoming: &Incoming,
    stamp: &Stamp<'_>,
    new_client_user_id: &mut dyn FnMut() -> String,
) -> rusqlite::Result<()> {
    let mut insert = tx.prepare(
        "INSERT INTO users (id, username, full_name, mail, mail_folded, language, timezone, department, title, enabled, managed_account,
                            attributes, client_user_id, source, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    for (id, index) in &users.adds {
        let row = &incoming.users[*index];
        let mail = row.mail.as_ref().and_then(Option::as_ref);
        insert.execute(params![
            id,
            row.username,
            new_full_name(row),
            mail.map(MailAddress::as_str),
            mail.map(MailAddress::folded),
            new_text(&row.language),
            new_text(&row.timezone),
            new_text(&row.department),
            new_text(&row.title),
            row.enabled.unwrap_or(true),
            new_text(&row.managed_account),
            new_attributes(&row.attributes),
            new_client_user_id(),
            stamp.source,
            stamp.change,
        ])?;
    }
    Ok(())
}

fn groups(tx: &Transaction<'_>, comparison: &Comparison<'_>, stamp: &Stamp<'_>) -> rusqlite::Result<()> {
    let changes = &comparison.groups;
    let mut delete = tx.prepare("DELETE FROM groups WHERE id = ?1")?;
    for id in &changes.removes {
        delete.execute([id])?;
    }
    let mut insert = tx.prepare("INSERT INTO groups (id, name, distribution, source, since) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (id, name, distribution) in &changes.adds {
        insert.execute(params![id, name, distribution, stamp.source, stamp.change])?;
    }
    let mut update = tx.prepare("UPDATE groups SET distribution = ?2, source = ?3 WHERE id = ?1")?;
    for (id, distribution) in &changes.updates {
        update.execute(params![id, distribution, stamp.source])?;
    }
    let mut own = tx.prepare("UPDATE groups SET source = ?2 WHERE id = ?1")?;
    for id in &changes.taken_over {
        own.execute(params![id, stamp.source])?;
    }
    let members = &comparison.memberships;
    pairs(tx, Pairs::Memberships, &members.removes, &members.adds, &members.taken_over, stamp)?;
    let nested = &comparison.nested;
    pairs(tx, Pairs::Nestings, &nested.removes, &nested.adds, &nested.taken_over, stamp)
}

/// The rows of a table of pairs.
fn pairs(
    tx: &Transaction<'_>,
    of: Pairs,
    removes: &[(i64, i64)],
    adds: &[(i64, i64)],
    taken_over: &[(i64, i64)],
    stamp: &Stamp<'_>,
) -> rusqlite::Result<()> {
    let [table, one, two] = of.names();
    let mut delete = tx.prepare(&format!("DELETE FROM {table} WHERE {one} = ?1 AND {two} = ?2"))?;
    for (a, b) in removes {
        delete.execute([a, b])?;
    }
    bulk::adding(tx, table, adds.len(), || {
        let mut insert = tx.prepare(&format!("INSERT INTO {table} ({one}, {two}, source, since) VALUES (?1, ?2, ?3, ?4)"))?;
        for (a, b) in adds {
            insert.execute(params![a, b, stamp.source, stamp.change])?;
        }
        Ok(())
    })?;
    let mut own = tx.prepare(&format!("UPDATE {table} SET source = ?3 WHERE {one} = ?1 AND {two} = ?2"))?;
    for (a, b) in taken_over {
        own.execute(params![a, b, stamp.source])?;
    }
    Ok(())
}

/// A device that goes keeps its row, for the deliveries that name it, and loses whatever another device
/// or somebody else may get.
fn devices(tx: &Transaction<'_>, changes: &DeviceChanges, source: &str, now: Timestamp) -> rusqlite::Result<()> {
    let mut gone = tx.prepare(
        "UPDATE devices SET gone_at = ?2, udid = NULL, user_id = NULL, user_channel = NULL, managed = 0 WHERE id = ?1",
    )?;
    let mut tokens = tx.prepare("DELETE FROM app_tokens WHERE device_id = ?1")?;
    for id in &changes.gone {
        gone.execute(params![id, now.timestamp_millis()])?;
        tokens.execute([id])?;
    }
    let mut free = tx.prepare("UPDATE devices SET udid = NULL WHERE id = ?1")?;
    for device in changes.updates.iter().filter(|device| device.gives_up_udid) {
        free.execute([device.id])?;
    }
    let mut update = tx.prepare(
        "UPDATE devices SET udid = ?2, name = ?3, platform = ?4, os_version = ?5, model = ?6, user_id = ?7, managed = ?8,
                enrollment = ?9, user_channel = ?10, last_seen = ?11, source = ?12, gone_at = NULL
         WHERE id = ?1",
    )?;
    for device in &changes.updates {
        update.execute(params![
            device.id,
            device.udid,
            device.name,
            device.platform,
            device.os_version,
            device.model,
            device.user,
            device.managed,
            device.enrollment,
            device.user_channel,
            device.last_seen,
            source,
        ])?;
    }
    let mut own = tx.prepare("UPDATE devices SET source = ?2 WHERE id = ?1")?;
    for id in &changes.taken_over {
        own.execute(params![id, source])?;
    }
    Ok(())
}

fn add_devices(tx: &Transaction<'_>, changes: &DeviceChanges, incoming: &Incoming, stamp: &Stamp<'_>) -> rusqlite::Result<()> {
    let mut insert = tx.prepare(
        "INSERT INTO devices (id, serial, udid, name, platform, os_version, model, user_id, managed, enrollment, user_channel, last_seen, source, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    for add in &changes.adds {
        let row = &incoming.devices[add.index];
        let text = |cell| given(cell).flatten();
        insert.execute(params![
            add.id,
            row.serial,
            text(&row.udid),
            row.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&row.serial),
            add.platform.word(),
            text(&row.os_version),
            text(&row.model),
            add.user,
            row.managed.unwrap_or(false),
            row.enrollment.unwrap_or_default().word(),
            text(&row.user_channel),
            row.last_seen.flatten().map(|at| at.timestamp_millis()),
            stamp.source,
            stamp.change,
        ])?;
    }
    Ok(())
}

fn apps(tx: &Transaction<'_>, comparison: &Comparison<'_>, incoming: &Incoming, source: &str) -> rusqlite::Result<()> {
    let changes = &comparison.apps;
    let mut delete = tx.prepare("DELETE FROM apps WHERE adam_id = ?1")?;
    for adam_id in &changes.removes {
        delete.execute([adam_id])?;
    }
    let mut update = tx.prepare("UPDATE apps SET name = ?2, kind = ?3 WHERE adam_id = ?1")?;
    for (adam_id, name, kind) in &changes.updates {
        update.execute([adam_id, name, kind])?;
    }
    let mut insert = tx.prepare("INSERT INTO apps (adam_id, name, kind, source) VALUES (?1, ?2, ?3, ?4)")?;
    for index in &changes.adds {
        let row = &incoming.apps[*index];
        let name = if row.name.is_empty() { &row.adam_id } else { &row.name };
        insert.execute(params![row.adam_id, name, row.kind.as_deref().unwrap_or("App"), source])?;
    }

    let mut delete = tx.prepare("DELETE FROM app_tokens WHERE device_id = ?1 AND topic = ?2")?;
    for (device, topic) in &changes.tokens_removed {
        delete.execute(params![device, topic])?;
    }
    // A new token is alive until APNs says otherwise.
    let mut put = tx.prepare(
        "INSERT INTO app_tokens (device_id, topic, token, source) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (device_id, topic) DO UPDATE SET token = excluded.token, source = excluded.source, dead_at = NULL",
    )?;
    for (device, index) in &changes.tokens {
        let row = &incoming.app_tokens[*index];
        put.execute(params![device, row.topic, row.token, source])?;
    }
    let mut own = tx.prepare("UPDATE app_tokens SET source = ?3 WHERE device_id = ?1 AND topic = ?2")?;
    for (device, topic) in &changes.tokens_taken_over {
        own.execute(params![device, topic, source])?;
    }
    Ok(())
}
