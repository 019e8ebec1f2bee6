//! What will leave later, and when: each person's messages in the order in which they have waited.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::{Connection, params};

use super::tasks;
use crate::domain::delivery::Step;
use crate::domain::departure::{About, Departure};
use crate::domain::reminder::ReminderPolicy;
use crate::domain::roster::Read;
use crate::domain::task::{Future, FutureTask, Page};
use crate::domain::time::{Timestamp, from_millis};

/// Both say so in the words of the index of what is due, which alone answers them.
const COUNT: &str = "SELECT COUNT(*) FROM deliveries WHERE state IN ('pending', 'deferred') AND due > ?1";
const PAGE: &str =
    "SELECT id, due FROM deliveries WHERE state IN ('pending', 'deferred') AND due > ?1 ORDER BY due, id LIMIT ?2 OFFSET ?3";

/// What waits for a person, longest waiting first.
const WAITING: &str = "SELECT d.id, d.message_id, d.step, d.due, d.invitation_id, d.run_id, m.policy
    FROM deliveries d JOIN messages m ON m.id = d.message_id
    WHERE d.user_id = ?1 AND d.state IN ('pending', 'deferred') ORDER BY COALESCE(d.waits_since, d.due), d.id";

const HANDED: &str =
    "SELECT message_id, step, handed_at, invitation_id FROM deliveries WHERE user_id = ?1 AND handed_at IS NOT NULL";

/// When a delivery will leave, and why then.
pub(in crate::store) type Forecast = (Timestamp, String);

pub(super) fn of(connection: &Connection, rules: &Departure, now: Timestamp, page: Page) -> Read<Future> {
    let at = now.timestamp_millis();
    let total: i64 = connection.prepare_cached(COUNT)?.query_row([at], |row| row.get(0))?;
    let limit = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let mut prepared = connection.prepare_cached(PAGE)?;
    let ids: Vec<i64> = prepared
        .query_map(params![at, limit(page.rows), limit(page.from)], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut one = connection.prepare_cached(&format!("{} AND d.id = ?1", tasks::DELIVERY))?;
    let mut people: HashMap<i64, HashMap<i64, Forecast>> = HashMap::new();
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let mut rows = one.query([id])?;
        // Somebody whom nobody sees any more.
        let Some(row) = rows.next()? else { continue };
        let task = tasks::delivery(row)?;
        let timezone: Option<String> = row.get(20)?;
        let zone = rules.zone_of(timezone.as_deref());
        let due = task.next.unwrap_or(now);
        let forecast = match task.user {
            None => None,
            Some(user) => {
                let person = match people.entry(user.0) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unknown) => unknown.insert(of_person(connection, user.0, rules, zone, now)?),
                };
                person.remove(&id)
            }
        };
        let (leaves, because) = forecast.unwrap_or((due, String::new()));
        let because = if because.is_empty() { task.words.clone().unwrap_or_default() } else { because };
        found.push(FutureTask { task, zone, leaves, because });
    }
    found.sort_by_key(|later| later.leaves);
    Ok(Future { total: u64::try_from(total).unwrap_or(0), tasks: found })
}

/// One delivery that waits for the person.
struct Waiting {
    id: i64,
    contact: (i64, String),
    due: Timestamp,
    invitation: Option<i64>,
    /// Run and number of a reminder.
    place: Option<(i64, u16)>,
    policy: Option<ReminderPolicy>,
}

/// When each of a person's waiting deliveries will leave, if nothing else happens.
pub(in crate::store) fn of_person(
    connection: &Connection,
    user: i64,
    rules: &Departure,
    zone: chrono_tz::Tz,
    now: Timestamp,
) -> rusqlite::Result<HashMap<i64, Forecast>> {
    let mut contacts: HashMap<(i64, String), Timestamp> = HashMap::new();
    let mut last: HashMap<i64, Timestamp> = HashMap::new();
    let mut prepared = connection.prepare_cached(HANDED)?;
    let mut rows = prepared.query([user])?;
    while let Some(row) = rows.next()? {
        let at = from_millis(row.get(2)?);
        contacts.entry((row.get(0)?, row.get(1)?)).and_modify(|first| *first = at.min(*first)).or_insert(at);
        if let Some(invitation) = row.get(3)? {
            last.entry(invitation).and_modify(|known| *known = at.max(*known)).or_insert(at);
        }
    }
    let waiting = waiting(connection, user)?;
    let mut forecasts = HashMap::with_capacity(waiting.len());
    for one in &waiting {
        let counted = contacts.get(&one.contact).copied();
        let others: Vec<Timestamp> = contacts.values().copied().collect();
        let about = About {
            zone,
            contacts: counted.is_none().then_some(others.as_slice()),
            policy: one.policy.as_ref().filter(|_| counted.is_none()),
            last: one.invitation.and_then(|invitation| last.get(&invitation)).copied(),
        };
        let allowed = rules.first_allowed(one.due.max(now), &about);
        let mut because = allowed.words();
        let later = |other: &&Waiting| one.place.is_some() && other.invitation == one.invitation && other.place > one.place;
        match waiting.iter().filter(later).find(|other| other.due <= allowed.at) {
            Some(Waiting { place: Some((_, number)), .. }) => {
                because.push_str(&format!("{}merges with reminder {number}", if because.is_empty() { "" } else { "; " }));
            }
            _ => {
                contacts.entry(one.contact.clone()).or_insert(allowed.at);
                if let Some(invitation) = one.invitation {
                    last.entry(invitation).and_modify(|known| *known = allowed.at.max(*known)).or_insert(allowed.at);
                }
            }
        }
        forecasts.insert(one.id, (allowed.at, because));
    }
    Ok(forecasts)
}

fn waiting(connection: &Connection, user: i64) -> rusqlite::Result<Vec<Waiting>> {
    let mut prepared = connection.prepare_cached(WAITING)?;
    let rows = prepared.query_map([user], |row| {
        let step: String = row.get(2)?;
        let run: i64 = row.get(5)?;
        let place = match Step::from_word(&step) {
            Some(Step::Remind(number)) => Some((run, number)),
            _ => None,
        };
        let policy: Option<String> = row.get(6)?;
        Ok(Waiting {
            id: row.get(0)?,
            contact: (row.get(1)?, step),
            due: from_millis(row.get(3)?),
            invitation: row.get(4)?,
            place,
            policy: policy.filter(|_| place.is_some()).and_then(|text| serde_json::from_str(&text).ok()),
        })
    })?;
    rows.collect()
}
