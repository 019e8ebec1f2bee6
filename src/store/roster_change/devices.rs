//! Devices: which come, change, go, and whose they are.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::Scope;
use super::fields::{Fields, given};
use super::people::People;
use super::report::{Report, shown, twice};
use super::sorting::{in_order, matched};
use crate::domain::device::Platform;
use crate::domain::roster_change::{ChangeKind, IncomingDevice, RowKind};
use crate::domain::time::from_millis;

#[derive(Default)]
pub(super) struct DeviceChanges {
    /// New devices in the files' order: row and assigned user.
    pub adds: Vec<NewDevice>,
    pub updates: Vec<DeviceRow>,
    pub taken_over: Vec<i64>,
    pub gone: Vec<i64>,
}

pub(super) struct NewDevice {
    pub id: i64,
    pub index: usize,
    pub platform: Platform,
    pub user: Option<i64>,
}

/// All that a file can say about a device, as it will be.
pub(super) struct DeviceRow {
    pub id: i64,
    index: usize,
    pub udid: Option<String>,
    /// The held UDID is given up: it must be free before another device can take it.
    pub gives_up_udid: bool,
    pub name: String,
    pub platform: String,
    pub os_version: Option<String>,
    pub model: Option<String>,
    pub user: Option<i64>,
    pub managed: bool,
    pub enrollment: String,
    pub user_channel: Option<String>,
    pub last_seen: Option<i64>,
    what: ChangeKind,
}

const HELD: &str = "SELECT id, serial, source, gone_at, udid, name, platform, os_version, model, user_id, managed, enrollment, \
    user_channel, last_seen FROM devices ORDER BY serial";

pub(super) fn compare(
    connection: &Connection,
    scope: &Scope<'_, '_>,
    people: &People<'_>,
    leaving: &HashSet<i64>,
    report: &mut Report,
) -> rusqlite::Result<DeviceChanges> {
    let mut changes = DeviceChanges::default();
    let rows = &scope.incoming.devices;
    if rows.is_empty() && !scope.covers(RowKind::Device) {
        return Ok(changes);
    }
    let order = sorted(rows, report);
    let owners = owners(rows, people, report);
    let mut names = connection.prepare("SELECT username FROM users WHERE id = ?1")?;
    let mut name_of = |id: i64| names.query_row([id], |row| row.get::<_, String>(0)).optional();
    let mut wanted = order.into_iter().peekable();
    let mut new = Vec::new();
    let mut removed = Vec::new();
    let mut prepared = connection.prepare(HELD)?;
    let mut held = prepared.query([])?;
    while let Some(row) = held.next()? {
        let serial = row.get_ref(1)?.as_str()?;
        if let Some(index) = matched(&mut wanted, |index| &rows[index].serial, serial, &mut new) {
            match held_and_listed(row, index, &rows[index], owners[index], leaving, &mut name_of)? {
                Some(update) => changes.updates.push(update),
                None if row.get_ref(2)?.as_str()? != scope.options.source => changes.taken_over.push(row.get(0)?),
                None => {}
            }
        } else if row.get_ref(3)?.as_i64_or_null()?.is_none() && scope.lets_go(RowKind::Device, row.get_ref(2)?.as_str()?) {
            removed.push(serial.to_owned());
            changes.gone.push(row.get(0)?);
        }
    }
    new.extend(wanted);
    new.sort_unstable();
    let first: i64 = connection.query_row("SELECT COALESCE(MAX(id), 0) + 1 FROM devices", [], |row| row.get(0))?;
    for index in new {
        let Some(platform) = rows[index].platform else {
            let known: Vec<&str> = Platform::ALL.iter().map(|p| p.word()).collect();
            let reason = format!("a new device needs its platform, which is one of {}", known.join(", "));
            report.reject(&rows[index].place, &rows[index].serial, reason);
            continue;
        };
        let user = owners[index].flatten();
        changes.adds.push(NewDevice { id: 0, index, platform, user });
    }
    if first > 1 {
        refuse_taken_udids(connection, rows, &mut changes, report)?;
    }
    for (id, add) in (first..).zip(&mut changes.adds) {
        add.id = id;
        report.change(RowKind::Device, &rows[add.index].serial, ChangeKind::Added);
    }
    for update in &mut changes.updates {
        let what = std::mem::replace(&mut update.what, ChangeKind::Added);
        report.change(RowKind::Device, &rows[update.index].serial, what);
    }
    for serial in removed {
        report.change(RowKind::Device, serial, ChangeKind::Removed);
    }
    Ok(changes)
}

/// The rows by serial number, without those that can't be taken.
fn sorted(rows: &[IncomingDevice], report: &mut Report) -> Vec<usize> {
    let mut order = in_order(rows.len(), |index| &rows[index].serial);
    let mut refused = Vec::new();
    let mut first: Option<usize> = None;
    order.retain(|index| {
        let row = &rows[*index];
        if let Some(known) = first.map(|f| &rows[f]).filter(|f| f.serial == row.serial) {
            refused.push((*index, twice("serial number", &row.serial, &known.place)));
            return false;
        }
        if row.serial.is_empty() {
            refused.push((*index, "it has no serial number".to_owned()));
            return false;
        }
        first = Some(*index);
        true
    });
    let mut refused_rows: HashSet<usize> = refused.iter().map(|(index, _)| *index).collect();
    let udid = |index: usize| given(&rows[index].udid).flatten().unwrap_or_default();
    let mut known: Option<usize> = None;
    for index in in_order(rows.len(), udid) {
        if udid(index).is_empty() || refused_rows.contains(&index) {
            continue;
        }
        match known.filter(|known| udid(*known) == udid(index)).map(|known| &rows[known]) {
            Some(first) => {
                refused.push((index, format!("{} (device {})", twice("UDID", udid(index), &first.place), first.serial)));
                refused_rows.insert(index);
            }
            None => known = Some(index),
        }
    }
    order.retain(|index| !refused_rows.contains(index));
    refused.sort_unstable_by_key(|(index, _)| *index);
    for (index, reason) in refused {
        report.reject(&rows[index].place, &rows[index].serial, reason);
    }
    order
}

/// For each row, whom it assigns the device to: nothing said, nobody, or somebody. A device whose user
/// nobody knows is taken without one.
fn owners(rows: &[IncomingDevice], people: &People<'_>, report: &mut Report) -> Vec<Option<Option<i64>>> {
    let mut unknown: HashMap<&str, String> = HashMap::new();
    let mut owner = |row| {
        let row: &IncomingDevice = row;
        let Some(username) = given(&row.user)? else { return Some(None) };
        let found = people.find(username);
        if found.is_none() {
            let near = unknown.entry(username).or_insert_with(|| report.did_you_mean(username, || people.names())).clone();
            let (place, serial) = (shown(&row.place), &row.serial);
            report
                .warn(format!("{place}: device {serial} is taken without a user: there is no user called \"{username}\"{near}"));
        }
        Some(found)
    };
    rows.iter().map(&mut owner).collect()
}

fn held_and_listed(
    row: &Row<'_>,
    index: usize,
    incoming: &IncomingDevice,
    assigned: Option<Option<i64>>,
    leaving: &HashSet<i64>,
    name_of: &mut impl FnMut(i64) -> rusqlite::Result<Option<String>>,
) -> rusqlite::Result<Option<DeviceRow>> {
    let held = |column| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str_or_null()?);
    let returns = row.get_ref(3)?.as_i64_or_null()?.is_some();
    let mut fields = Fields::default();
    let held_udid = held(4)?;
    let udid = fields.optional("udid", held_udid, &incoming.udid);
    let name = fields.required("name", row.get_ref(5)?.as_str()?, incoming.name.as_deref());
    let platform = fields.required("platform", row.get_ref(6)?.as_str()?, incoming.platform.map(Platform::word));
    let os_version = fields.optional("os_version", held(7)?, &incoming.os_version);
    let model = fields.optional("model", held(8)?, &incoming.model);
    // Whoever leaves gives their devices back, which needs no word here.
    let had_user: Option<i64> = row.get(9)?;
    let held_user = had_user.filter(|id| !leaving.contains(id));
    let user = assigned.unwrap_or(held_user);
    let mut held_channel = held(12)?.filter(|_| held_user == had_user);
    if user != held_user {
        let mut said = |id: Option<i64>| id.map_or(Ok(None), &mut *name_of);
        let before = said(held_user)?.unwrap_or_default();
        fields.push("user", &before, given(&incoming.user).flatten().filter(|_| user.is_some()).unwrap_or_default());
        // The user channel belongs to whoever logged in: it does not move with the assignment.
        held_channel = None;
    }
    let managed = fields.yes_or_no("managed", row.get(10)?, incoming.managed);
    let enrollment = fields.required("enrollment", row.get_ref(11)?.as_str()?, incoming.enrollment.map(|e| e.word()));
    let user_channel = fields.optional("user_channel", held_channel, &incoming.user_channel);
    let held_seen: Option<i64> = row.get(13)?;
    // A file is older than what the device itself has told since.
    let last_seen = match &incoming.last_seen {
        Some(Some(at)) => Some(held_seen.map_or(at.timestamp_millis(), |held| held.max(at.timestamp_millis()))),
        _ => held_seen,
    };
    if last_seen != held_seen {
        let said = |ms: Option<i64>| ms.map_or_else(String::new, |ms| from_millis(ms).to_rfc3339());
        fields.push("last_seen", &said(held_seen), &said(last_seen));
    }
    if fields.is_empty() && !returns {
        return Ok(None);
    }
    Ok(Some(DeviceRow {
        id: row.get(0)?,
        index,
        gives_up_udid: held_udid.is_some() && udid != held_udid,
        udid: udid.map(str::to_owned),
        name: name.to_owned(),
        platform: platform.to_owned(),
        os_version: os_version.map(str::to_owned),
        model: model.map(str::to_owned),
        user,
        managed,
        enrollment: enrollment.to_owned(),
        user_channel: user_channel.map(str::to_owned),
        last_seen,
        what: if returns { ChangeKind::Added } else { ChangeKind::Changed(fields.into_changed()) },
    }))
}

/// A UDID that another device of the roster has and keeps can't be taken. Refusing one row may make
/// its device keep what another row wants, so this goes on until nothing more is refused.
fn refuse_taken_udids(
    connection: &Connection,
    rows: &[IncomingDevice],
    changes: &mut DeviceChanges,
    report: &mut Report,
) -> rusqlite::Result<()> {
    let mut owner = connection.prepare("SELECT id, serial FROM devices WHERE udid = ?1")?;
    let mut owner_of =
        |udid: &str| owner.query_row([udid], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).optional();
    loop {
        let mut free: HashSet<i64> = changes.gone.iter().copied().collect();
        free.extend(changes.updates.iter().filter(|u| u.gives_up_udid).map(|u| u.id));
        let mut refused: HashMap<usize, String> = HashMap::new();
        let claims = changes.adds.iter().map(|add| (add.index, None, given(&rows[add.index].udid).flatten()));
        let claims = claims.chain(changes.updates.iter().map(|u| (u.index, Some(u.id), u.udid.as_deref())));
        for (index, id, udid) in claims {
            let Some(udid) = udid else { continue };
            let Some((other, serial)) = owner_of(udid)? else { continue };
            if Some(other) != id && !free.contains(&other) {
                refused.insert(index, format!("the UDID \"{udid}\" belongs to device {serial}"));
            }
        }
        if refused.is_empty() {
            return Ok(());
        }
        changes.adds.retain(|add| !refused.contains_key(&add.index));
        changes.updates.retain(|update| !refused.contains_key(&update.index));
        let mut refused: Vec<(usize, String)> = refused.into_iter().collect();
        refused.sort_unstable_by_key(|(index, _)| *index);
        for (index, reason) in refused {
            report.reject(&rows[index].place, &rows[index].serial, reason);
        }
    }
}
