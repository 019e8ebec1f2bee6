//! A view of the past: temporary views that stand before the tables of the same names, so that whoever reads the
//! roster's tables by their plain names reads them as they were. A connection with such views is of no other use.

use rusqlite::{Connection, OptionalExtension as _};

use super::{DEVICE_COLUMNS, USER_COLUMNS};
use crate::domain::time::{Timestamp, from_millis};

/// What the history has to say about an instant.
pub(in crate::store) enum Reached {
    /// The last change before it or at it.
    Change(i64),
    /// It lies before the history, which begins then, if it has begun.
    Before(Option<Timestamp>),
}

/// The state of the roster at `when`, as seen in this connection's view.
pub(in crate::store) fn reached(connection: &Connection, when: Timestamp) -> rusqlite::Result<Reached> {
    let ask = |sql: &str, at: i64| connection.prepare_cached(sql)?.query_row([at], |row| row.get::<_, i64>(0)).optional();
    let change = ask("SELECT id FROM roster_changes WHERE at <= ?1 ORDER BY at DESC, id DESC LIMIT 1", when.timestamp_millis())?;
    Ok(match change {
        Some(change) => Reached::Change(change),
        None => {
            Reached::Before(ask("SELECT at FROM roster_changes WHERE at > ?1 ORDER BY at LIMIT 1", i64::MIN)?.map(from_millis))
        }
    })
}

/// Puts views of the roster after a change before the connection's tables. The two numbers stand in their text,
/// because a view has no parameters.
pub(in crate::store) fn shadow(connection: &Connection, change: i64, when: Timestamp) -> rusqlite::Result<()> {
    let at = when.timestamp_millis();
    connection.execute_batch(&format!(
        "{users};
         {groups};
         {memberships};
         {nestings};
         {devices};",
        users = users(change, at),
        groups = simple("groups", "id, name, distribution", change),
        memberships = simple("group_users", "group_id, user_id", change),
        nestings = simple("group_groups", "parent_id, child_id", change),
        devices = devices(change, at),
    ))
}

/// Rows that have not changed since, and the versions of those that have.
fn simple(table: &str, columns: &str, change: i64) -> String {
    format!(
        "CREATE TEMP VIEW {table} AS SELECT {columns} FROM main.{table} WHERE since <= {change}
         UNION ALL SELECT {columns} FROM main.past_{table} WHERE since <= {change} AND until > {change}"
    )
}

/// As [`simple`]. When a device was last heard from is known as long as it has not been heard from since.
fn devices(change: i64, at: i64) -> String {
    let kept = DEVICE_COLUMNS;
    let versions: String = kept.split(", ").map(|column| format!("p.{column}, ")).collect();
    format!(
        "CREATE TEMP VIEW devices AS
         SELECT id, serial, {kept}, CASE WHEN last_seen <= {at} THEN last_seen END AS last_seen
         FROM main.devices WHERE since <= {change}
         UNION ALL SELECT p.id, d.serial, {versions}CASE WHEN d.last_seen <= {at} THEN d.last_seen END
         FROM main.past_devices p CROSS JOIN main.devices d ON d.id = p.id WHERE p.since <= {change} AND p.until > {change}"
    )
}

/// A user's row never goes, so it leads: its version `p`, where it has changed since, and where they stood `s`,
/// where the instants of their invitation have gone since. The journal says of each contact when it was: a delivery
/// knows its last hand-over only. What an MDM server has queued is one contact with what the device shows of it.
fn users(change: i64, at: i64) -> String {
    let versions: String = USER_COLUMNS
        .split(", ")
        .map(|column| format!("CASE WHEN m.since <= {change} THEN m.{column} ELSE p.{column} END AS {column}, "))
        .collect();
    let stood = |column: &str| format!("CASE WHEN s.user_id IS NULL THEN m.{column} ELSE s.{column} END");
    let (invited_at, enrolled_at, reminders) = (stood("invited_at"), stood("enrolled_at"), stood("reminders"));
    format!(
        "CREATE TEMP VIEW users AS SELECT m.id AS id, m.username AS username, {versions}
            m.client_user_id AS client_user_id, NULL AS mail_dead,
            CASE WHEN {enrolled_at} <= {at} THEN 'enrolled' WHEN {invited_at} <= {at} THEN 'invited'
                 WHEN s.user_id IS NULL AND m.status IN ('none', 'retired') THEN m.status
                 ELSE COALESCE((SELECT b.became FROM main.past_standings b WHERE b.user_id = m.id AND b.until <= {at}
                                ORDER BY b.until DESC LIMIT 1), 'none') END AS status,
            CASE WHEN {invited_at} <= {at} THEN {invited_at} END AS invited_at,
            CASE WHEN {enrolled_at} <= {at} THEN {enrolled_at} END AS enrolled_at,
            CASE {reminders} WHEN 0 THEN 0 ELSE MAX(0, {reminders} - (
                SELECT COUNT(*) FROM (
                    SELECT MIN(d.handed_at) AS first FROM main.deliveries d
                    WHERE d.user_id = m.id AND d.handed_at IS NOT NULL AND d.step LIKE 'remind-%'
                      AND d.state IN ('accepted', 'queued', 'notnow') GROUP BY d.run_id, d.step)
                WHERE first > {at} AND (s.until IS NULL OR first < s.until))) END AS reminders,
            CASE WHEN m.last_contact IS NULL OR m.last_contact <= {at} THEN m.last_contact
                 ELSE (SELECT MAX(j.at) FROM main.journal j WHERE j.user_id = m.id AND j.at <= {at}
                       AND (j.kind = 'queued' OR j.kind = 'accepted' AND NOT EXISTS (
                           SELECT 1 FROM main.journal q
                           WHERE q.user_id = m.id AND q.delivery_id = j.delivery_id AND q.kind = 'queued' AND q.id < j.id)))
                 END AS last_contact
         FROM main.users m
         LEFT JOIN main.past_users p ON p.id = m.id AND m.since > {change} AND p.since <= {change} AND p.until > {change}
         LEFT JOIN main.past_standings s ON s.user_id = m.id AND s.until = (
             SELECT MIN(n.until) FROM main.past_standings n WHERE n.user_id = m.id AND n.until > {at})
         WHERE m.since <= {change} OR p.id IS NOT NULL"
    )
}
