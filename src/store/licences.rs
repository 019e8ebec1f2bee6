//! Licences of apps and books: who is to get which, in which order, and what Apple made of it.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::apple_work::set_fact;
use super::journal::{self, Entry};
use super::{Store, StoreError};
use crate::domain::ids::UserId;
use crate::domain::time::{Timestamp, from_millis};

/// A person who is to get a licence.
pub type Holder = (UserId, String);

/// The people who wait for licences of one asset, who enrolled first in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenceQueue {
    pub adam_id: String,
    pub pricing: String,
    pub name: String,
    /// As Apple counted when its list was read last.
    pub available: u32,
    pub total: u32,
    /// Asked for and not known to be done: Apple's count may not have them yet.
    pub in_flight: u32,
    pub people: Vec<Holder>,
}

/// Licences of one asset that were asked for in one request and are due for a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenceEvent {
    pub adam_id: String,
    /// `None`: the answer to the request is not known.
    pub event_id: Option<String>,
    pub asked_at: Timestamp,
    pub people: Vec<Holder>,
}

/// What became of licences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LicenceProgress {
    /// The request is about to leave. Written before it does.
    Asking,
    /// Apple took it as this event; look again at `check_at`.
    Asked {
        event_id: String,
        check_at: Timestamp,
    },
    /// Nothing new; look again then.
    Later {
        check_at: Timestamp,
    },
    /// The request came to nothing: ask again.
    AskAgain {
        at: Timestamp,
    },
    /// There is none left.
    Waiting {
        words: String,
    },
    Held,
    Failed {
        words: String,
    },
}

/// One licence of a person, as `beckon why` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenceLine {
    pub app: String,
    pub state: String,
    /// How many people are in front, where it waits.
    pub ahead: u32,
    pub words: Option<String>,
}

/// Groups of an asset: those it is assigned to, and those nested in them. A cycle is walked once.
const REACH: &str = "WITH RECURSIVE reach (adam_id, group_id) AS (
    SELECT adam_id, group_id FROM app_groups
    UNION SELECT r.adam_id, g.child_id FROM reach r JOIN group_groups g ON g.parent_id = r.group_id)";

const ENTITLED: &str = "u.status = 'enrolled' AND u.enabled = 1 AND u.left_at IS NULL";

/// What the plan depends on, in one text, and what it was when licences were planned last. Read before the
/// plan is made, so that a change in between is seen the next time.
const BASIS: &str = "SELECT COALESCE((SELECT value FROM facts WHERE name = 'roster_version'), '0')
        || ' ' || (SELECT COUNT(*) FROM app_groups)
        || ' ' || (SELECT COUNT(*) FROM users WHERE status = 'enrolled')
        || ' ' || COALESCE((SELECT MAX(enrolled_at) FROM users WHERE status = 'enrolled'), 0),
    (SELECT value FROM facts WHERE name = 'licences_planned')";

/// How many people of one asset are taken up at once.
const PEOPLE_MAX: u32 = 20_000;

impl Store {
    /// Works out who is to have which licence: members of a group that an asset is assigned to, once they are
    /// enrolled. Who left while they waited is dropped; a licence that somebody holds is never taken back here.
    /// Whose record was retired holds none any more: Apple has freed them. Answers whether
    /// there was a reason to do it anew.
    ///
    /// # Errors
    /// The store's.
    pub fn plan_licences(&self, now: Timestamp) -> Result<bool, StoreError> {
        let (basis, planned): (String, Option<String>) =
            self.read_licences(|reader| reader.prepare_cached(BASIS)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?))))?;
        if planned.as_ref() == Some(&basis) {
            return Ok(false);
        }
        self.transaction("plan licences in", |tx| {
            tx.execute("DELETE FROM licences WHERE user_id IN (SELECT id FROM users WHERE status <> 'enrolled')", [])?;
            tx.execute(
                &format!(
                    "{REACH} DELETE FROM licences WHERE (state = 'wanted' OR state = 'waiting' OR state = 'failed') AND NOT EXISTS (
                         SELECT 1 FROM reach r JOIN group_users m ON m.group_id = r.group_id JOIN users u ON u.id = m.user_id
                         WHERE r.adam_id = licences.adam_id AND m.user_id = licences.user_id AND {ENTITLED})"
                ),
                [],
            )?;
            tx.execute(
                &format!(
                    "{REACH} INSERT OR IGNORE INTO licences (adam_id, user_id, enrolled_at)
                     SELECT r.adam_id, u.id, COALESCE(u.enrolled_at, ?1)
                     FROM reach r JOIN group_users m ON m.group_id = r.group_id JOIN users u ON u.id = m.user_id WHERE {ENTITLED}"
                ),
                [now.timestamp_millis()],
            )?;
            set_fact(tx, "licences_planned", &basis)?;
            Ok(true)
        })
    }

    /// Requests whose end is not known and that are due for a look.
    ///
    /// # Errors
    /// The store's.
    pub fn licences_in_flight(&self, now: Timestamp) -> Result<Vec<LicenceEvent>, StoreError> {
        self.read_licences(|reader| {
            let mut events: Vec<LicenceEvent> = Vec::new();
            let mut prepared = reader.prepare_cached(
                "SELECT l.adam_id, l.event_id, l.asked_at, l.user_id, u.client_user_id
                 FROM licences l JOIN users u ON u.id = l.user_id
                 WHERE (l.state = 'asking' OR l.state = 'asked') AND l.due <= ?1 ORDER BY l.adam_id, l.event_id, l.enrolled_at, l.user_id",
            )?;
            let mut rows = prepared.query([now.timestamp_millis()])?;
            while let Some(row) = rows.next()? {
                let (adam_id, event_id): (String, Option<String>) = (row.get(0)?, row.get(1)?);
                let holder = (UserId(row.get(3)?), row.get(4)?);
                match events.last_mut() {
                    Some(last) if last.adam_id == adam_id && last.event_id == event_id => last.people.push(holder),
                    _ => {
                        let asked_at = row.get::<_, Option<i64>>(2)?.map_or(now, from_millis);
                        events.push(LicenceEvent { adam_id, event_id, asked_at, people: vec![holder] });
                    }
                }
            }
            Ok(events)
        })
    }

    /// Who waits for licences now, by asset. With `fresh_only`, assets for which only people wait whom Apple had
    /// none for are left out.
    ///
    /// # Errors
    /// The store's.
    pub fn licences_wanted(&self, now: Timestamp, fresh_only: bool) -> Result<Vec<LicenceQueue>, StoreError> {
        let at = now.timestamp_millis();
        self.read_licences(|reader| {
            let mut queues: Vec<LicenceQueue> = reader
                .prepare_cached(
                    "SELECT a.adam_id, a.pricing, a.name, a.available, a.total,
                            (SELECT COUNT(*) FROM licences f WHERE f.adam_id = a.adam_id AND (f.state = 'asking' OR f.state = 'asked'))
                     FROM apps a WHERE EXISTS (SELECT 1 FROM licences l WHERE l.adam_id = a.adam_id AND (l.state = 'wanted' OR l.state = 'waiting')
                         AND (l.state = 'wanted' OR NOT ?1) AND (l.due IS NULL OR l.due <= ?2)) ORDER BY a.adam_id",
                )?
                .query_map(params![fresh_only, at], |row| {
                    Ok(LicenceQueue {
                        adam_id: row.get(0)?,
                        pricing: row.get(1)?,
                        name: row.get(2)?,
                        available: row.get(3)?,
                        total: row.get(4)?,
                        in_flight: row.get(5)?,
                        people: Vec::new(),
                    })
                })?
                .collect::<Result<_, _>>()?;
            for queue in &mut queues {
                queue.people = reader
                    .prepare_cached(
                        "SELECT l.user_id, u.client_user_id FROM licences l JOIN users u ON u.id = l.user_id
                         WHERE l.adam_id = ?1 AND (l.state = 'wanted' OR l.state = 'waiting') AND (l.due IS NULL OR l.due <= ?2)
                         ORDER BY l.enrolled_at, l.user_id LIMIT ?3",
                    )?
                    .query_map(params![queue.adam_id, at, PEOPLE_MAX], |row| Ok((UserId(row.get(0)?), row.get(1)?)))?
                    .collect::<Result<_, _>>()?;
            }
            Ok(queues)
        })
    }

    /// Writes down what became of licences of one asset, in one transaction.
    ///
    /// # Errors
    /// The store's.
    pub fn licence_progress(
        &self,
        adam_id: &str,
        people: &[UserId],
        progress: &LicenceProgress,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.transaction("record a licence in", |tx| people.iter().try_for_each(|user| one(tx, adam_id, *user, progress, now)))
    }

    /// Apple says that this event has ended: it is looked at next.
    ///
    /// # Errors
    /// The store's.
    pub fn licence_event_ended(&self, event_id: &str, now: Timestamp) -> Result<(), StoreError> {
        self.transaction("note an event in", |tx| {
            tx.prepare_cached("UPDATE licences SET due = ?2 WHERE (state = 'asking' OR state = 'asked') AND event_id = ?1")?
                .execute(params![event_id, now.timestamp_millis()])?;
            Ok(())
        })
    }

    /// When something about licences is due next, and whether anybody waits because there was none left.
    ///
    /// # Errors
    /// The store's.
    pub fn next_licence_work(&self) -> Result<(Option<Timestamp>, bool), StoreError> {
        self.read_licences(|reader| {
            let due: Option<i64> =
                reader.prepare_cached("SELECT MIN(due) FROM licences WHERE due IS NOT NULL")?.query_row([], |row| row.get(0))?;
            let waiting: bool = reader
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM licences WHERE (state = 'wanted' OR state = 'waiting') AND state = 'waiting')",
                )?
                .query_row([], |row| row.get(0))?;
            Ok((due.map(from_millis), waiting))
        })
    }

    /// A person's licences, for people.
    ///
    /// # Errors
    /// The store's.
    pub fn licences_of(&self, user: UserId) -> Result<Vec<LicenceLine>, StoreError> {
        self.read_licences(|reader| {
            reader
                .prepare_cached(
                    "SELECT a.name, l.state, l.words,
                            (SELECT COUNT(*) FROM licences o WHERE o.adam_id = l.adam_id AND (o.state = 'wanted' OR o.state = 'waiting')
                              AND (o.enrolled_at, o.user_id) < (l.enrolled_at, l.user_id))
                     FROM licences l JOIN apps a ON a.adam_id = l.adam_id WHERE l.user_id = ?1 ORDER BY a.name",
                )?
                .query_map([user.0], |row| {
                    Ok(LicenceLine { app: row.get(0)?, state: row.get(1)?, words: row.get(2)?, ahead: row.get(3)? })
                })?
                .collect()
        })
    }

    fn read_licences<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        read(&self.writer()).map_err(|e| StoreError::new("read", self.path(), e))
    }
}

fn one(tx: &Transaction<'_>, adam_id: &str, user: UserId, progress: &LicenceProgress, now: Timestamp) -> rusqlite::Result<()> {
    let at = now.timestamp_millis();
    // State, when it was asked for (kept where `None`), event, due, words.
    let (state, asked_at, event, due, words) = match progress {
        // Due at once: should this process end now, the next one reads what became of it.
        LicenceProgress::Asking => ("asking", Some(at), None, Some(at), None),
        LicenceProgress::Asked { event_id, check_at } => {
            ("asked", None, Some(event_id.as_str()), Some(check_at.timestamp_millis()), None)
        }
        LicenceProgress::Later { check_at } => {
            tx.prepare_cached("UPDATE licences SET due = ?3 WHERE adam_id = ?1 AND user_id = ?2 AND due IS NOT NULL")?
                .execute(params![adam_id, user.0, check_at.timestamp_millis()])?;
            return Ok(());
        }
        LicenceProgress::AskAgain { at } => ("wanted", None, None, Some(at.timestamp_millis()), None),
        LicenceProgress::Waiting { words } => ("waiting", None, None, None, Some(words.as_str())),
        LicenceProgress::Held => ("held", None, None, None, None),
        LicenceProgress::Failed { words } => ("failed", None, None, None, Some(words.as_str())),
    };
    let before: Option<String> = tx
        .prepare_cached("SELECT state FROM licences WHERE adam_id = ?1 AND user_id = ?2")?
        .query_row(params![adam_id, user.0], |row| row.get(0))
        .optional()?;
    // Dropped meanwhile, or settled by a faster answer: a licence that is held stays held.
    let Some(before) = before.filter(|before| before != "held") else { return Ok(()) };
    tx.prepare_cached(
        "UPDATE licences SET state = ?3, asked_at = COALESCE(?4, asked_at), event_id = ?5, due = ?6, words = ?7
         WHERE adam_id = ?1 AND user_id = ?2",
    )?
    .execute(params![adam_id, user.0, state, asked_at, event, due, words])?;
    let told = match progress {
        LicenceProgress::Held => "licence of {} handed out".to_owned(),
        LicenceProgress::Waiting { words } if before != "waiting" => format!("licence of {{}}: {words}"),
        LicenceProgress::Failed { words } => format!("no licence of {{}}: {words}"),
        _ => return Ok(()),
    };
    let app: String = tx.prepare_cached("SELECT name FROM apps WHERE adam_id = ?1")?.query_row([adam_id], |row| row.get(0))?;
    let words = told.replacen("{}", &app, 1);
    journal::append(tx, &Entry { at: now, kind: "licence", run: None, user: Some(user), delivery: None, words: &words })
}
