//! Users.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::rows::{instant, near, small, word};
use crate::domain::ids::UserId;
use crate::domain::mail_address::MailAddress;
use crate::domain::roster::Read;
use crate::domain::time::Timestamp;
use crate::domain::user::{Status, User};
use crate::store::near_names::NAMES_MAX;
use crate::store::selection_sql::id_list;

const COLUMNS: &str = "u.id, u.username, u.full_name, u.mail, u.language, u.timezone, u.department, u.title, u.enabled, \
    u.managed_account, u.attributes, u.distribution, u.client_user_id, u.status, u.invited_at, u.enrolled_at, u.reminders, u.last_contact";

fn user(row: &Row<'_>, as_of: Option<Timestamp>) -> rusqlite::Result<Arc<User>> {
    let attributes = row.get_ref(10)?.as_str().ok().filter(|json| *json != "{}");
    Ok(Arc::new(User {
        id: UserId(row.get(0)?),
        username: row.get(1)?,
        full_name: row.get(2)?,
        // Checked when it was taken into the roster; one that wasn't is none.
        mail: row.get_ref(3)?.as_str_or_null()?.and_then(|text| MailAddress::parse(text).ok()),
        language: row.get(4)?,
        timezone: row.get(5)?,
        department: row.get(6)?,
        title: row.get(7)?,
        enabled: row.get(8)?,
        managed_account: row.get(9)?,
        attributes: attributes.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default(),
        distribution: row.get(11)?,
        client_user_id: row.get(12)?,
        status: word(row, 13, Status::from_word)?,
        invited_at: instant(row, 14)?,
        enrolled_at: instant(row, 15)?,
        reminders: small(row, 16)?,
        last_contact: instant(row, 17)?,
        as_of,
    }))
}

pub(super) fn with_ids(connection: &Connection, as_of: Option<Timestamp>, ids: &[i64]) -> Read<Vec<Arc<User>>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM json_each(?1) wanted CROSS JOIN users u ON u.id = wanted.value AND u.hidden = 0 ORDER BY wanted.key"
    );
    let mut prepared = connection.prepare_cached(&sql)?;
    let rows = prepared.query_map([id_list(ids.iter().copied())], |row| user(row, as_of))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn by_username(connection: &Connection, as_of: Option<Timestamp>, username: &str) -> Read<Option<Arc<User>>> {
    let sql = format!("SELECT {COLUMNS} FROM users u WHERE u.username = ?1 AND u.hidden = 0");
    Ok(connection.prepare_cached(&sql)?.query_row([username], |row| user(row, as_of)).optional()?)
}

/// Fewer letters than these are no part of a name that somebody means.
const PART_MIN: usize = 3;

/// Most slips leave the first two letters alone: those names come from one stretch of the index.
/// The rest is looked through as far as a bound.
pub(super) fn similar(connection: &Connection, wanted: &str) -> Read<Vec<String>> {
    let same_beginning = "SELECT username FROM users
        WHERE username >= substr(?4, 1, 2) AND username < substr(?4, 1, 2) || char(0x10ffff)
          AND length(username) BETWEEN ?1 AND ?2 AND hidden = 0 LIMIT ?3";
    let all = "SELECT username FROM users
        WHERE length(username) BETWEEN ?1 AND ?2 AND hidden = 0 AND ?4 IS NOT NULL LIMIT ?3";
    let names = near(connection, wanted, &[same_beginning, all])?;
    if names.is_empty() && wanted.chars().count() >= PART_MIN { with_part(connection, wanted) } else { Ok(names) }
}

/// The first usernames that begin with `part`, or whose people have it as a word of their name: `ana` for `ana.ruiz`.
fn with_part(connection: &Connection, part: &str) -> Read<Vec<String>> {
    let mut prepared = connection.prepare_cached(
        "SELECT username FROM users
         WHERE hidden = 0 AND (instr(lower(username), lower(?1)) = 1
                               OR instr(' ' || lower(full_name) || ' ', ' ' || lower(?1) || ' ') > 0)
         ORDER BY username",
    )?;
    let names = prepared.query_map([part], |row| row.get(0))?.take(NAMES_MAX).collect::<Result<_, _>>()?;
    Ok(names)
}
