//! One person is forgotten: what there is of them, what holds it, and how it goes.

use std::fmt;

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{ERASE_MESSAGE, OPEN, erase_delivery};
use crate::domain::ids::UserId;
use crate::domain::mention::Names;
use crate::domain::time::Timestamp;
use crate::store::journal::erase;
use crate::store::selection_sql::id_list;
use crate::store::{Store, StoreError, kept, past};

/// What one person's erasing concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    pub journal: u64,
    pub decisions: u64,
    pub deliveries: u64,
    pub licences: u64,
    /// Plans that wait, and have something for them.
    pub plans: u64,
    /// Parameters, plans and outputs of runs, messages, alerts and moments that name them.
    pub texts: u64,
    /// Why it can't be now.
    pub held_by: Option<Held>,
}

/// What keeps a person from being forgotten now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Invitation,
    AtApple,
    Deliveries,
    /// A text of a plan that waits names them; what it would say without the name, nobody knows.
    Plan,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invitation => "an invitation of this person is still open",
            Self::AtApple => "Apple has an active record of this person",
            Self::Deliveries => "deliveries to this person are still on their way",
            Self::Plan => "a run that waits has a text which names this person",
        })
    }
}

/// Where texts name a person that are about nobody, or about others, too.
#[derive(Default)]
struct Mentions {
    runs: Vec<i64>,
    messages: Vec<i64>,
    /// To an address of theirs, by hand.
    deliveries: Vec<i64>,
    on_their_way: bool,
    journal: Vec<i64>,
    alerts: u64,
    moments: u64,
}

impl Store {
    /// What there is of a person, and what keeps it from being erased. Reads every text of the store.
    ///
    /// # Errors
    /// The store's.
    pub fn traces(&self, user: UserId) -> Result<Traces, StoreError> {
        let reader = self.connect_reader()?;
        let read = || {
            let names = names(&reader, user.0)?;
            traces(&reader, user.0, &names, &mentions(&reader, &names)?)
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// Erases a person: names and addresses, memberships, licences, decisions, what journal and deliveries
    /// say of them, their part of plans that wait, and their names in texts. The row stays, hidden, with its
    /// name at Apple, so that a retired record is known as ours. Answers `None` where something [`Held`]s it.
    ///
    /// Left are rows of the journal about somebody else, what others have in the roster, and the text of a
    /// message that is on its way to others.
    ///
    /// # Errors
    /// The store's; then nothing was erased.
    pub fn forget(&self, user: UserId, why: &str, now: Timestamp) -> Result<Option<Traces>, StoreError> {
        let fail = |e| StoreError::new("read", self.path(), e);
        let reader = self.connect_reader()?;
        let names = names(&reader, user.0).map_err(fail)?;
        // Every text is read here, where nobody waits for it.
        let mentions = mentions(&reader, &names).map_err(fail)?;
        drop(reader);
        self.transaction("erase a person in", |tx| {
            let found = traces(tx, user.0, &names, &mentions)?;
            if found.held_by.is_some() {
                return Ok(None);
            }
            let mut rows: Vec<i64> = ids(tx, OF_JOURNAL, user.0)?;
            rows.extend(&mentions.journal);
            for delivery in &mentions.deliveries {
                rows.extend(ids(tx, "SELECT id FROM journal WHERE delivery_id = ?1 AND user_id IS NULL", *delivery)?);
            }
            rows.sort_unstable();
            rows.dedup();
            erase(tx, &rows, why, now)?;
            people_rows(tx, user.0, &mentions.deliveries)?;
            texts(tx, &names, &mentions)?;
            kept::take_out(tx, user, now)?;
            Ok(Some(found))
        })
    }

    /// Writes the file anew: of what was erased nothing is left in its unused parts. Whoever wants to write
    /// meanwhile waits; a store of 1 GB takes about ten seconds.
    ///
    /// # Errors
    /// The store's: another process was busy for too long, or the disk has no room for a second copy.
    pub fn compact(&self) -> Result<(), StoreError> {
        let fail = |e| StoreError::new("compact", self.path(), e);
        // A connection of its own: the writer keeps its temporary tables in memory, which is no place for a copy.
        let own = Connection::open(self.path()).map_err(fail)?;
        own.busy_timeout(crate::store::BUSY_TIMEOUT).map_err(fail)?;
        own.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);").map_err(fail)
    }
}

/// Rows about a person, and about deliveries to them.
const OF_JOURNAL: &str = "SELECT id FROM journal WHERE user_id = ?1
     UNION SELECT j.id FROM deliveries d JOIN journal j ON j.delivery_id = d.id AND j.user_id IS NULL WHERE d.user_id = ?1 AND j.salt IS NOT NULL";

fn names(connection: &Connection, user: i64) -> rusqlite::Result<Names> {
    let found: Option<[Option<String>; 5]> = connection
        .prepare_cached("SELECT username, full_name, mail, mail_folded, managed_account FROM users WHERE id = ?1")?
        .query_row([user], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]))
        .optional()?;
    Ok(Names::new(found.unwrap_or_default().into_iter().flatten()))
}

fn traces(connection: &Connection, user: i64, names: &Names, mentions: &Mentions) -> rusqlite::Result<Traces> {
    let count = |sql: &str| -> rusqlite::Result<u64> {
        let n: i64 = connection.prepare_cached(sql)?.query_row([user], |row| row.get(0))?;
        Ok(n.unsigned_abs())
    };
    let open = count(&format!("SELECT COUNT(*) FROM invitations WHERE user_id = ?1 AND (state IN {OPEN} OR due IS NOT NULL)"))?;
    let active = count("SELECT COUNT(*) FROM users WHERE id = ?1 AND status IN ('invited', 'enrolled')")?;
    let waiting = count("SELECT COUNT(*) FROM deliveries WHERE user_id = ?1 AND ended_at IS NULL")?;
    let (plans, in_text) = kept::naming(connection, UserId(user), names)?;
    Ok(Traces {
        journal: count(&format!("SELECT COUNT(*) FROM ({OF_JOURNAL})"))? + mentions.journal.len() as u64,
        decisions: count("SELECT COUNT(*) FROM decisions WHERE user_id = ?1")?,
        deliveries: count("SELECT COUNT(*) FROM deliveries WHERE user_id = ?1")? + mentions.deliveries.len() as u64,
        licences: count("SELECT COUNT(*) FROM licences WHERE user_id = ?1")?,
        plans,
        texts: (mentions.runs.len() + mentions.messages.len()) as u64 + mentions.alerts + mentions.moments,
        held_by: match (open, active) {
            (0, 0) if waiting > 0 || mentions.on_their_way => Some(Held::Deliveries),
            (0, 0) => in_text.then_some(Held::Plan),
            (0, _) => Some(Held::AtApple),
            _ => Some(Held::Invitation),
        },
    })
}

fn mentions(connection: &Connection, names: &Names) -> rusqlite::Result<Mentions> {
    let found = |sql: &str| named(connection, sql, names);
    let addressed = found("SELECT id, address, ended_at IS NULL FROM deliveries WHERE address IS NOT NULL AND user_id IS NULL")?;
    let journal = found(
        "SELECT j.id, j.words, 0 FROM journal j LEFT JOIN deliveries d ON d.id = j.delivery_id
         WHERE j.user_id IS NULL AND j.salt IS NOT NULL AND j.kind <> 'erased' AND d.user_id IS NULL",
    )?;
    let messages = found(
        "SELECT id, data || COALESCE(char(10) || grounds, ''), EXISTS (SELECT 1 FROM deliveries d WHERE d.run_id = m.run_id AND d.message_id = m.id AND d.ended_at IS NULL)
         FROM messages m WHERE data <> '{}' OR grounds IS NOT NULL",
    )?;
    let all = |found: Vec<(i64, bool)>| found.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    Ok(Mentions {
        runs: all(found("SELECT id, params || char(10) || summary || char(10) || output, 0 FROM runs")?),
        messages: messages.into_iter().filter(|(_, leaving)| !leaving).map(|(id, _)| id).collect(),
        on_their_way: addressed.iter().any(|(_, leaving)| *leaving),
        deliveries: all(addressed),
        journal: all(journal),
        alerts: found("SELECT 0, words || char(10) || subject, 0 FROM alerts")?.len() as u64,
        moments: found("SELECT 0, words, 0 FROM moments WHERE words <> ''")?.len() as u64,
    })
}

/// The rows whose text names somebody, each with whether it is still on its way.
fn named(connection: &Connection, sql: &str, names: &Names) -> rusqlite::Result<Vec<(i64, bool)>> {
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let text = row.get_ref(1)?.as_str()?;
        if names.without_in_json(text).is_some() {
            found.push((row.get(0)?, row.get(2)?));
        }
    }
    Ok(found)
}

fn ids(tx: &Transaction<'_>, sql: &str, of: i64) -> rusqlite::Result<Vec<i64>> {
    tx.prepare_cached(sql)?.query_map([of], |row| row.get(0))?.collect()
}

fn people_rows(tx: &Transaction<'_>, user: i64, addressed: &[i64]) -> rusqlite::Result<()> {
    // What they had is called after them as a rule, also what they have given back.
    let had = ids(
        tx,
        "SELECT id FROM devices WHERE user_id = ?1 UNION SELECT id FROM past_devices WHERE user_id = ?1
         UNION SELECT device_id FROM deliveries WHERE user_id = ?1 AND device_id IS NOT NULL",
        user,
    )?;
    let had = id_list(had);
    past::erase_person(tx, user, &had)?;
    tx.prepare_cached(
        "UPDATE devices SET name = serial, user_id = NULL, user_channel = NULL
         WHERE id IN (SELECT value FROM json_each(?2)) AND (user_id = ?1 OR user_id IS NULL)",
    )?
    .execute(params![user, had])?;
    let messages = ids(tx, "SELECT DISTINCT message_id FROM deliveries WHERE user_id = ?1", user)?;
    for id in ids(tx, "SELECT id FROM deliveries WHERE user_id = ?1", user)?.iter().chain(addressed) {
        erase_delivery(tx, *id)?;
    }
    for message in messages {
        tx.prepare_cached(ERASE_MESSAGE)?.execute([message])?;
    }
    for sql in [
        "DELETE FROM decisions WHERE user_id = ?1",
        "DELETE FROM group_users WHERE user_id = ?1",
        "DELETE FROM licences WHERE user_id = ?1",
        "UPDATE invitations SET words = NULL WHERE user_id = ?1",
        "UPDATE users SET username = 'erased-' || id, full_name = '', mail = NULL, mail_folded = NULL, language = NULL, timezone = NULL,
            department = NULL, title = NULL, managed_account = NULL, attributes = '{}', mail_dead = NULL, enabled = 0, distribution = 0,
            hidden = 1, source = 'erased' WHERE id = ?1",
    ] {
        tx.prepare_cached(sql)?.execute([user])?;
    }
    Ok(())
}

/// Texts that are about others, too, lose the names and keep the rest.
fn texts(tx: &Transaction<'_>, names: &Names, mentions: &Mentions) -> rusqlite::Result<()> {
    for run in &mentions.runs {
        let (given, summary, output): (String, String, String) = tx
            .prepare_cached("SELECT params, summary, output FROM runs WHERE id = ?1")?
            .query_row([run], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        tx.prepare_cached(
            "UPDATE runs SET params = COALESCE(?2, params), summary = COALESCE(?3, summary), output = COALESCE(?4, output) WHERE id = ?1",
        )?
        .execute(params![run, names.without_in_json(&given), names.without(&summary), names.without(&output)])?;
    }
    for message in &mentions.messages {
        let data: String =
            tx.prepare_cached("SELECT data FROM messages WHERE id = ?1")?.query_row([message], |row| row.get(0))?;
        tx.prepare_cached("UPDATE messages SET data = COALESCE(?2, data), grounds = NULL WHERE id = ?1")?
            .execute(params![message, names.without_in_json(&data)])?;
    }
    let two = |sql: &str| -> rusqlite::Result<Vec<(String, String, String)>> {
        tx.prepare_cached(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
    };
    if mentions.alerts > 0 {
        for (kind, subject, words) in two("SELECT kind, subject, words FROM alerts")? {
            // What it is about is part of its key; one that names a person is raised again if it still holds.
            if names.without(&subject).is_some() {
                tx.prepare_cached("DELETE FROM alerts WHERE kind = ?1 AND subject = ?2")?.execute(params![kind, subject])?;
            } else if let Some(words) = names.without(&words) {
                tx.prepare_cached("UPDATE alerts SET words = ?3 WHERE kind = ?1 AND subject = ?2")?
                    .execute(params![kind, subject, words])?;
            }
        }
    }
    if mentions.moments > 0 {
        for (schedule, at, words) in two("SELECT schedule, CAST(at AS TEXT), words FROM moments WHERE words <> ''")? {
            if let Some(words) = names.without(&words) {
                tx.prepare_cached("UPDATE moments SET words = ?3 WHERE schedule = ?1 AND at = CAST(?2 AS INTEGER)")?
                    .execute(params![schedule, at, words])?;
            }
        }
    }
    Ok(())
}
