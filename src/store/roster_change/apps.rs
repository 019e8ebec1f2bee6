//! Names of apps, and the push tokens of a site's own app.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _};

use super::Scope;
use super::devices::DeviceChanges;
use super::fields::Fields;
use super::report::{Report, twice};
use crate::domain::roster_change::{ChangeKind, Place, RowKind};

#[derive(Default)]
pub(super) struct AppChanges {
    /// Rows that are new: index.
    pub adds: Vec<usize>,
    /// Number, name, kind.
    pub updates: Vec<(String, String, String)>,
    pub removes: Vec<String>,
    /// Device and row; the token is new, or another one than was held.
    pub tokens: Vec<(i64, usize)>,
    pub tokens_taken_over: Vec<(i64, String)>,
    pub tokens_removed: Vec<(i64, String)>,
}

pub(super) fn compare(
    connection: &Connection,
    scope: &Scope<'_, '_>,
    devices: &DeviceChanges,
    report: &mut Report,
) -> rusqlite::Result<AppChanges> {
    let mut changes = AppChanges::default();
    if !scope.incoming.apps.is_empty() || scope.covers(RowKind::App) {
        compare_apps(connection, scope, &mut changes, report)?;
    }
    if !scope.incoming.app_tokens.is_empty() || scope.covers(RowKind::AppToken) {
        compare_tokens(connection, scope, devices, &mut changes, report)?;
    }
    Ok(changes)
}

/// Apple's list has the apps and no names, files have the names: a row of Apple's that a file names stays
/// Apple's, so that a shorter file can't take an app away.
fn compare_apps(
    connection: &Connection,
    scope: &Scope<'_, '_>,
    changes: &mut AppChanges,
    report: &mut Report,
) -> rusqlite::Result<()> {
    let mut held: HashMap<String, (String, String, String)> = HashMap::new();
    let mut prepared = connection.prepare("SELECT adam_id, name, kind, source FROM apps")?;
    let mut rows = prepared.query([])?;
    while let Some(row) = rows.next()? {
        held.insert(row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?));
    }
    let mut first: HashMap<&str, &Place> = HashMap::new();
    for (index, row) in scope.incoming.apps.iter().enumerate() {
        if row.adam_id.is_empty() {
            report.reject(&row.place, &row.name, "it has no catalogue number (adamId)".to_owned());
            continue;
        }
        if let Some(place) = first.get(row.adam_id.as_str()) {
            report.reject(&row.place, &row.name, twice("app", &row.adam_id, place));
            continue;
        }
        first.insert(row.adam_id.as_str(), &row.place);
        let Some((name, kind, _)) = held.remove(&row.adam_id) else {
            changes.adds.push(index);
            report.change(RowKind::App, if row.name.is_empty() { &row.adam_id } else { &row.name }, ChangeKind::Added);
            continue;
        };
        let mut fields = Fields::default();
        let new_name = fields.required("name", &name, Some(&row.name));
        let new_kind = fields.required("kind", &kind, row.kind.as_deref());
        if !fields.is_empty() {
            changes.updates.push((row.adam_id.clone(), new_name.to_owned(), new_kind.to_owned()));
            report.change(RowKind::App, new_name, ChangeKind::Changed(fields.into_changed()));
        }
    }
    let mut rest: Vec<_> = held.into_iter().filter(|(_, (.., source))| scope.lets_go(RowKind::App, source)).collect();
    rest.sort_unstable();
    for (adam_id, (name, ..)) in rest {
        report.change(RowKind::App, name, ChangeKind::Removed);
        changes.removes.push(adam_id);
    }
    Ok(())
}

fn compare_tokens(
    connection: &Connection,
    scope: &Scope<'_, '_>,
    devices: &DeviceChanges,
    changes: &mut AppChanges,
    report: &mut Report,
) -> rusqlite::Result<()> {
    let gone: HashSet<i64> = devices.gone.iter().copied().collect();
    let back: HashSet<i64> = devices.updates.iter().map(|update| update.id).collect();
    let new: HashMap<&str, i64> =
        devices.adds.iter().map(|add| (scope.incoming.devices[add.index].serial.as_str(), add.id)).collect();
    let mut by_serial = connection.prepare("SELECT id, gone_at IS NULL FROM devices WHERE serial = ?1")?;
    let mut device_of = |serial: &str| -> rusqlite::Result<Option<i64>> {
        if let Some(id) = new.get(serial) {
            return Ok(Some(*id));
        }
        let known = by_serial.query_row([serial], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))).optional()?;
        Ok(known.filter(|(id, there)| back.contains(id) || (*there && !gone.contains(id))).map(|(id, _)| id))
    };

    let mut held: HashMap<(i64, String), (String, String, String)> = HashMap::new();
    let mut prepared = connection.prepare(
        "SELECT t.device_id, t.topic, t.token, t.source, d.serial FROM app_tokens t JOIN devices d ON d.id = t.device_id",
    )?;
    let mut rows = prepared.query([])?;
    while let Some(row) = rows.next()? {
        held.insert((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?, row.get(4)?));
    }
    let mut first: HashMap<(i64, &str), &Place> = HashMap::new();
    for (index, row) in scope.incoming.app_tokens.iter().enumerate() {
        let Some(device) = device_of(&row.serial)? else {
            report.reject(&row.place, &row.serial, format!("there is no device with the serial number \"{}\"", row.serial));
            continue;
        };
        let name = format!("{} {}", row.serial, row.topic);
        if let Some(place) = first.get(&(device, row.topic.as_str())) {
            report.reject(&row.place, &row.serial, twice("app token", &name, place));
            continue;
        }
        first.insert((device, row.topic.as_str()), &row.place);
        match held.remove(&(device, row.topic.clone())) {
            None => {
                changes.tokens.push((device, index));
                report.change(RowKind::AppToken, name, ChangeKind::Added);
            }
            Some((token, ..)) if token != row.token => {
                changes.tokens.push((device, index));
                // Whoever reads a token can push: that it changed is all that is said.
                let said = vec![("token".to_owned(), "(kept secret)".to_owned(), "(kept secret)".to_owned())];
                report.change(RowKind::AppToken, name, ChangeKind::Changed(said));
            }
            Some((_, source, _)) if source != scope.options.source => {
                changes.tokens_taken_over.push((device, row.topic.clone()));
            }
            Some(_) => {}
        }
    }
    let mut rest: Vec<_> = held.into_iter().filter(|((device, _), _)| !gone.contains(device)).collect();
    rest.sort_unstable();
    for ((device, topic), (_, source, serial)) in rest {
        if scope.lets_go(RowKind::AppToken, &source) {
            report.change(RowKind::AppToken, format!("{serial} {topic}"), ChangeKind::Removed);
            changes.tokens_removed.push((device, topic));
        }
    }
    Ok(())
}
