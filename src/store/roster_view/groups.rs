//! Groups and who is in them; and the apps that are assigned to them.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::rows::small;
use crate::domain::app::App;
use crate::domain::group::Group;
use crate::domain::ids::{GroupId, UserId};
use crate::domain::roster::Read;
use crate::domain::time::Timestamp;

/// A group and everything nested in it; `UNION` ends a cycle by taking each group once.
pub(in crate::store) const INSIDE: &str = "WITH RECURSIVE inside (id) AS (
    VALUES (?1) UNION SELECT n.child_id FROM inside JOIN group_groups n ON n.parent_id = inside.id)";

/// The groups a user is in, and everything those are nested in.
pub(in crate::store) const AROUND: &str = "WITH RECURSIVE around (id) AS (
    SELECT group_id FROM group_users WHERE user_id = ?1
    UNION SELECT n.parent_id FROM around JOIN group_groups n ON n.child_id = around.id)";

fn group(row: &Row<'_>, as_of: Option<Timestamp>) -> rusqlite::Result<Group> {
    Ok(Group { id: GroupId(row.get(0)?), name: row.get(1)?, distribution: row.get(2)?, as_of })
}

pub(super) fn by_name(connection: &Connection, as_of: Option<Timestamp>, name: &str) -> Read<Option<Group>> {
    let mut prepared = connection.prepare_cached("SELECT id, name, distribution FROM groups WHERE name = ?1")?;
    Ok(prepared.query_row([name], |row| group(row, as_of)).optional()?)
}

pub(super) fn all(connection: &Connection, as_of: Option<Timestamp>) -> Read<Vec<Group>> {
    let mut prepared = connection.prepare_cached("SELECT id, name, distribution FROM groups ORDER BY name")?;
    let rows = prepared.query_map([], |row| group(row, as_of))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn of_user(connection: &Connection, as_of: Option<Timestamp>, user: UserId) -> Read<Vec<Group>> {
    let sql = format!(
        "{AROUND} SELECT g.id, g.name, g.distribution FROM around JOIN groups g ON g.id = around.id
         WHERE EXISTS (SELECT 1 FROM users WHERE id = ?1 AND hidden = 0) ORDER BY g.name"
    );
    let mut prepared = connection.prepare_cached(&sql)?;
    let rows = prepared.query_map([user.0], |row| group(row, as_of))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn is_member(connection: &Connection, group: GroupId, user: UserId) -> Read<bool> {
    let sql = format!(
        "{AROUND} SELECT EXISTS (SELECT 1 FROM around WHERE id = ?2) AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND hidden = 0)"
    );
    Ok(connection.prepare_cached(&sql)?.query_row([user.0, group.0], |row| row.get(0))?)
}

/// In order of name.
pub(super) fn inside(connection: &Connection, as_of: Option<Timestamp>, group_id: GroupId) -> Read<Vec<Group>> {
    let mut prepared = connection.prepare_cached(
        "SELECT g.id, g.name, g.distribution FROM group_groups n JOIN groups g ON g.id = n.child_id
         WHERE n.parent_id = ?1 ORDER BY g.name",
    )?;
    let rows = prepared.query_map([group_id.0], |row| group(row, as_of))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// In order of name.
pub(super) fn apps(connection: &Connection) -> Read<Vec<App>> {
    let mut prepared = connection
        .prepare_cached("SELECT adam_id, name, kind, pricing, available, assigned, total FROM apps ORDER BY name, adam_id")?;
    let rows = prepared.query_map([], |row| {
        Ok(App {
            adam_id: row.get(0)?,
            name: row.get(1)?,
            kind: row.get(2)?,
            pricing: row.get(3)?,
            available: small(row, 4)?,
            assigned: small(row, 5)?,
            total: small(row, 6)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
