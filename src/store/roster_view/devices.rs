//! Devices, and the app tokens on them.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::rows::{instant, near, word};
use crate::domain::device::{Device, Enrollment, Platform};
use crate::domain::ids::{DeviceId, UserId};
use crate::domain::roster::{AppToken, Read};
use crate::domain::time::Timestamp;
use crate::store::selection_sql::id_list;

/// A user whom nobody sees any more is nobody's assigned user.
const COLUMNS: &str = "d.id, d.serial, d.udid, d.name, d.platform, d.os_version, d.model, \
    CASE WHEN d.user_id IN (SELECT id FROM users WHERE hidden = 1) THEN NULL ELSE d.user_id END, \
    d.managed, d.enrollment, d.user_channel, d.last_seen";

fn device(row: &Row<'_>, as_of: Option<Timestamp>) -> rusqlite::Result<Arc<Device>> {
    Ok(Arc::new(Device {
        id: DeviceId(row.get(0)?),
        serial: row.get(1)?,
        udid: row.get(2)?,
        name: row.get(3)?,
        platform: word(row, 4, Platform::from_word)?,
        os_version: row.get(5)?,
        model: row.get(6)?,
        user: row.get::<_, Option<i64>>(7)?.map(UserId),
        managed: row.get(8)?,
        enrollment: word(row, 9, Enrollment::from_word)?,
        user_channel: row.get(10)?,
        last_seen: instant(row, 11)?,
        as_of,
    }))
}

pub(super) fn with_ids(connection: &Connection, as_of: Option<Timestamp>, ids: &[i64]) -> Read<Vec<Arc<Device>>> {
    // The devices of the past are two tables in one view: SQLite finds rows by their ids in both, but not for a join.
    let from = match as_of {
        None => "json_each(?1) wanted CROSS JOIN devices d ON d.id = wanted.value AND d.gone_at IS NULL ORDER BY wanted.key",
        Some(_) => "devices d WHERE d.id IN (SELECT value FROM json_each(?1)) AND d.gone_at IS NULL",
    };
    let mut prepared = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM {from}"))?;
    let rows = prepared.query_map([id_list(ids.iter().copied())], |row| device(row, as_of))?;
    let found: Vec<Arc<Device>> = rows.collect::<rusqlite::Result<_>>()?;
    if as_of.is_none() {
        return Ok(found);
    }
    let by_id: HashMap<i64, Arc<Device>> = found.into_iter().map(|device| (device.id.0, device)).collect();
    Ok(ids.iter().filter_map(|id| by_id.get(id).cloned()).collect())
}

/// What a device is called decides in this order: serial number, UDID, a name that only it has.
pub(super) fn find(connection: &Connection, as_of: Option<Timestamp>, name: &str) -> Read<Option<Arc<Device>>> {
    for column in ["serial", "udid"] {
        let sql = format!("SELECT {COLUMNS} FROM devices d WHERE d.{column} = ?1 AND d.gone_at IS NULL");
        let found = connection.prepare_cached(&sql)?.query_row([name], |row| device(row, as_of)).optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    let sql = format!("SELECT {COLUMNS} FROM devices d WHERE d.name = ?1 AND d.gone_at IS NULL LIMIT 2");
    let mut prepared = connection.prepare_cached(&sql)?;
    let mut named: Vec<Arc<Device>> = prepared.query_map([name], |row| device(row, as_of))?.collect::<rusqlite::Result<_>>()?;
    Ok(if named.len() == 1 { named.pop() } else { None })
}

pub(super) fn of_user(connection: &Connection, as_of: Option<Timestamp>, user: UserId) -> Read<Vec<Arc<Device>>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM devices d JOIN users u ON u.id = d.user_id AND u.hidden = 0
         WHERE d.user_id = ?1 AND d.gone_at IS NULL ORDER BY d.id"
    );
    let mut prepared = connection.prepare_cached(&sql)?;
    let rows = prepared.query_map([user.0], |row| device(row, as_of))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Tokens that APNs has called dead are not among them.
pub(super) fn app_tokens(connection: &Connection, devices: &[DeviceId]) -> Read<Vec<AppToken>> {
    let mut prepared = connection.prepare_cached(
        "SELECT t.device_id, t.topic, t.token FROM json_each(?1) wanted
         CROSS JOIN app_tokens t ON t.device_id = wanted.value AND t.dead_at IS NULL
         JOIN devices d ON d.id = t.device_id AND d.gone_at IS NULL
         ORDER BY wanted.key, t.topic",
    )?;
    let rows = prepared.query_map([id_list(devices.iter().map(|d| d.0))], |row| {
        Ok(AppToken { device: DeviceId(row.get(0)?), topic: row.get(1)?, token: row.get(2)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Near serial numbers and near names.
pub(super) fn similar(connection: &Connection, wanted: &str) -> Read<Vec<String>> {
    let serials =
        "SELECT serial FROM devices WHERE length(serial) BETWEEN ?1 AND ?2 AND gone_at IS NULL AND ?4 IS NOT NULL LIMIT ?3";
    let names =
        "SELECT DISTINCT name FROM devices WHERE length(name) BETWEEN ?1 AND ?2 AND gone_at IS NULL AND ?4 IS NOT NULL LIMIT ?3";
    near(connection, wanted, &[serials, names])
}
