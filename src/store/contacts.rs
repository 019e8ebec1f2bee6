//! When a person got messages, or will: what their contact budget counts.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use crate::domain::delivery::Step;
use crate::domain::ids::UserId;
use crate::domain::time::{Span, Timestamp, from_millis};

/// A week of the person's calendar reaches back so far, wherever they are.
const LOOK_BACK: Span = Span::days(8);

/// One message to a person: all its deliveries are one contact.
pub(super) struct Message {
    pub delivery: i64,
    pub message: i64,
    pub step: Step,
    /// Since when it could have left.
    pub since: Timestamp,
}

/// When the person got other messages lately, and when those will leave that have waited longer than this one.
/// `None`: this message is counted already, on another way or by another try.
pub(super) fn of(
    connection: &Connection,
    user: UserId,
    own: &Message,
    now: Timestamp,
) -> rusqlite::Result<Option<Vec<Timestamp>>> {
    let mut contacts: BTreeMap<(i64, String), Timestamp> = BTreeMap::new();
    let mut add = |message, step, at: Timestamp| {
        contacts.entry((message, step)).and_modify(|first| *first = at.min(*first)).or_insert(at);
    };
    let own_step = own.step.word();
    let mut handed = connection
        .prepare_cached("SELECT message_id, step, handed_at FROM deliveries WHERE user_id = ?1 AND handed_at > ?2")?;
    let mut rows = handed.query(params![user.0, (now - LOOK_BACK).timestamp_millis()])?;
    while let Some(row) = rows.next()? {
        let (message, step): (i64, String) = (row.get(0)?, row.get(1)?);
        if (message, &step) == (own.message, &own_step) {
            return Ok(None);
        }
        add(message, step, from_millis(row.get(2)?));
    }
    // Who was put off before keeps the place: what is newer goes after it.
    let mut waiting = connection.prepare_cached(
        "SELECT message_id, step, due FROM deliveries WHERE user_id = ?1 AND (waits_since < ?2 OR waits_since = ?2 AND id < ?3)
           AND state IN ('pending', 'deferred')",
    )?;
    let mut rows = waiting.query(params![user.0, own.since.timestamp_millis(), own.delivery])?;
    while let Some(row) = rows.next()? {
        let (message, step): (i64, String) = (row.get(0)?, row.get(1)?);
        if (message, &step) != (own.message, &own_step) {
            add(message, step, from_millis(row.get(2)?).max(now));
        }
    }
    Ok(Some(contacts.into_values().collect()))
}
