//! When a person got messages, or will: what their contact budget counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, params};

use super::selection_sql::id_list;
use super::{Store, StoreError};
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
    let mut handed =
        connection.prepare_cached("SELECT message_id, step, handed_at FROM deliveries WHERE user_id = ?1 AND handed_at > ?2")?;
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

/// What the rules of the site ask about a person before a message is sent to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contacts {
    pub timezone: Option<String>,
    /// When they got messages within the last days, and when those will leave that are put off.
    pub at: Vec<Timestamp>,
}

impl Store {
    /// The contacts of these people. Only their zones where nothing is `counted`.
    ///
    /// # Errors
    /// The store's.
    pub fn contacts(
        &self,
        people: &BTreeSet<UserId>,
        counted: bool,
        now: Timestamp,
    ) -> Result<HashMap<UserId, Contacts>, StoreError> {
        let reader = self.connect_reader()?;
        let wanted = id_list(people.iter().map(|user| user.0));
        let read = || -> rusqlite::Result<HashMap<UserId, Contacts>> {
            let mut found = HashMap::with_capacity(people.len());
            let mut zones =
                reader.prepare("SELECT u.id, u.timezone FROM json_each(?1) wanted CROSS JOIN users u ON u.id = wanted.value")?;
            let mut rows = zones.query([&wanted])?;
            while let Some(row) = rows.next()? {
                found.insert(UserId(row.get(0)?), Contacts { timezone: row.get(1)?, at: Vec::new() });
            }
            if !counted {
                return Ok(found);
            }
            let mut contacts = reader.prepare(
                "SELECT d.user_id, d.message_id, d.step, d.handed_at FROM json_each(?1) wanted
                     CROSS JOIN deliveries d ON d.user_id = wanted.value AND d.handed_at > ?2
                 UNION ALL
                 SELECT d.user_id, d.message_id, d.step, d.due FROM json_each(?1) wanted
                     CROSS JOIN deliveries d ON d.user_id = wanted.value AND d.waits_since IS NOT NULL AND d.state IN ('pending', 'deferred')",
            )?;
            let mut rows = contacts.query(params![wanted, (now - LOOK_BACK).timestamp_millis()])?;
            let mut seen = BTreeSet::new();
            while let Some(row) = rows.next()? {
                let (user, message, step): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                if seen.insert((user, message, step))
                    && let Some(person) = found.get_mut(&UserId(user))
                {
                    person.at.push(from_millis(row.get(3)?));
                }
            }
            Ok(found)
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }
}
