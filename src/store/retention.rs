//! Personal data that goes when its time is over, or when somebody asks for it. Counted figures stay,
//! and the journal stays whole: what was erased is said in it.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::journal::erase;
use super::{Store, StoreError};
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;

/// How far a walk over old rows has come. A new one begins at the oldest.
#[derive(Clone, Debug, Default)]
pub struct OldRows {
    journal: i64,
    delivery: (i64, i64),
    run: i64,
    message: i64,
    user: i64,
    /// The newest run that is old enough, once it has been looked for.
    last_run: Option<i64>,
}

/// What one person's erasing concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    pub journal: u64,
    pub decisions: u64,
    pub deliveries: u64,
    /// Why it can't be now.
    pub held_by: Option<&'static str>,
}

const OPEN: &str = "('queued', 'registering', 'registered', 'delivered', 'doubtful')";

/// What a delivery says of a person. Its key names one, and has to be unique.
const ERASE_DELIVERY: &str =
    "UPDATE deliveries SET user_id = NULL, device_id = NULL, address = NULL, words = NULL, key = 'erased-' || id
     WHERE id = ?1";

impl Store {
    /// Erases personal data of what ended before `before`, in one transaction of about `most` rows, and
    /// moves `walk` on. Answers whether there may be more.
    ///
    /// From the journal go words and person of rows about somebody; from runs parameters, plan and output;
    /// decisions; from ended deliveries person, device, address and the far side's words; the data of
    /// messages. Deliveries of an invitation that is still open wait for its end.
    ///
    /// # Errors
    /// The store's; then the walk is where it was.
    pub fn erase_before(&self, before: Timestamp, walk: &mut OldRows, most: u32, now: Timestamp) -> Result<bool, StoreError> {
        let mut next = walk.clone();
        let more = self.transaction("erase old personal data in", |tx| {
            let at = before.timestamp_millis();
            let last_run = match next.last_run {
                Some(run) => run,
                None => old_runs_end(tx, at)?,
            };
            next.last_run = Some(last_run);
            // One kind after the other, so that each transaction stays small.
            Ok(journal(tx, at, &mut next, most, now)?
                || deliveries(tx, at, &mut next, most)?
                || runs(tx, last_run, &mut next, most)?
                || decisions(tx, last_run, &mut next, most)?
                || messages(tx, last_run, &mut next, most)?)
        })?;
        *walk = next;
        Ok(more)
    }

    /// Users who left the roster before `before` and have no active record at Apple, at most `most`.
    ///
    /// # Errors
    /// The store's.
    pub fn leavers(&self, before: Timestamp, most: u32) -> Result<Vec<UserId>, StoreError> {
        let reader = self.connect_reader()?;
        let read = || -> rusqlite::Result<Vec<UserId>> {
            reader
                .prepare(&format!(
                    "SELECT id FROM users u WHERE left_at < ?1 AND source <> 'erased' AND status IN ('none', 'retired')
                       AND NOT EXISTS (SELECT 1 FROM invitations i WHERE i.user_id = u.id AND (i.state IN {OPEN} OR i.due IS NOT NULL))
                       AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.user_id = u.id AND d.ended_at IS NULL)
                     LIMIT ?2"
                ))?
                .query_map(params![before.timestamp_millis(), most], |row| row.get(0).map(UserId))?
                .collect()
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// What there is of a person, and what keeps it from being erased.
    ///
    /// # Errors
    /// The store's.
    pub fn traces(&self, user: UserId) -> Result<Traces, StoreError> {
        let reader = self.connect_reader()?;
        traces(&reader, user.0).map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// Erases a person: the row's names and addresses, memberships, decisions, and what journal and
    /// deliveries say of them. The row stays, hidden, with its name at Apple, so that a retired record is
    /// known as ours. Answers `None` where an open invitation or an active record at Apple holds it.
    ///
    /// # Errors
    /// The store's; then nothing was erased.
    pub fn forget(&self, user: UserId, why: &str, now: Timestamp) -> Result<Option<Traces>, StoreError> {
        self.transaction("erase a person in", |tx| {
            let found = traces(tx, user.0)?;
            if found.held_by.is_some() {
                return Ok(None);
            }
            let rows: Vec<i64> = tx.prepare_cached(OF_JOURNAL)?.query_map([user.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
            erase(tx, &rows, why, now)?;
            let ids: Vec<i64> = tx
                .prepare_cached("SELECT id FROM deliveries WHERE user_id = ?1")?
                .query_map([user.0], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for id in ids {
                tx.prepare_cached(ERASE_DELIVERY)?.execute([id])?;
            }
            for sql in [
                "DELETE FROM decisions WHERE user_id = ?1",
                "DELETE FROM group_users WHERE user_id = ?1",
                "UPDATE devices SET user_id = NULL, user_channel = NULL WHERE user_id = ?1",
                "UPDATE invitations SET words = NULL WHERE user_id = ?1",
                "UPDATE users SET username = 'erased-' || id, full_name = '', mail = NULL, mail_folded = NULL, language = NULL, timezone = NULL,
                    department = NULL, title = NULL, managed_account = NULL, attributes = '{}', mail_dead = NULL, enabled = 0, distribution = 0,
                    hidden = 1, source = 'erased' WHERE id = ?1",
            ] {
                tx.prepare_cached(sql)?.execute([user.0])?;
            }
            Ok(Some(found))
        })
    }
}

/// Rows about a person, and about deliveries to them.
const OF_JOURNAL: &str = "SELECT id FROM journal WHERE user_id = ?1
     UNION SELECT j.id FROM deliveries d JOIN journal j ON j.delivery_id = d.id AND j.user_id IS NULL WHERE d.user_id = ?1 AND j.salt IS NOT NULL";

fn traces(connection: &Connection, user: i64) -> rusqlite::Result<Traces> {
    let count = |sql: &str| -> rusqlite::Result<u64> {
        let n: i64 = connection.prepare_cached(sql)?.query_row([user], |row| row.get(0))?;
        Ok(n.unsigned_abs())
    };
    let open = count(&format!("SELECT COUNT(*) FROM invitations WHERE user_id = ?1 AND (state IN {OPEN} OR due IS NOT NULL)"))?;
    let active = count("SELECT COUNT(*) FROM users WHERE id = ?1 AND status IN ('invited', 'enrolled')")?;
    let waiting = count("SELECT COUNT(*) FROM deliveries WHERE user_id = ?1 AND ended_at IS NULL")?;
    Ok(Traces {
        journal: count(&format!("SELECT COUNT(*) FROM ({OF_JOURNAL})"))?,
        decisions: count("SELECT COUNT(*) FROM decisions WHERE user_id = ?1")?,
        deliveries: count("SELECT COUNT(*) FROM deliveries WHERE user_id = ?1")?,
        held_by: match (open, active, waiting) {
            (0, 0, 0) => None,
            (0, 0, _) => Some("deliveries to this person are still on their way"),
            (0, ..) => Some("Apple has an active record of this person"),
            _ => Some("an invitation of this person is still open"),
        },
    })
}

/// Runs have numbers in their order of time, but for a clock that was set back: the newest old one
/// before which nothing is young.
fn old_runs_end(tx: &Transaction<'_>, at: i64) -> rusqlite::Result<i64> {
    let young: Option<i64> =
        tx.query_row("SELECT id FROM runs WHERE ended_at >= ?1 ORDER BY id LIMIT 1", [at], |row| row.get(0)).optional()?;
    match young {
        Some(young) => Ok(young - 1),
        None => tx.query_row("SELECT COALESCE(MAX(id), 0) FROM runs", [], |row| row.get(0)),
    }
}

fn journal(tx: &Transaction<'_>, at: i64, walk: &mut OldRows, most: u32, now: Timestamp) -> rusqlite::Result<bool> {
    let rows: Vec<(i64, i64, bool)> = tx
        .prepare_cached(
            "SELECT id, at, salt IS NOT NULL AND (user_id IS NOT NULL OR delivery_id IS NOT NULL) FROM journal WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?
        .query_map(params![walk.journal, most], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let old: Vec<&(i64, i64, bool)> = rows.iter().take_while(|(_, when, _)| *when < at).collect();
    let ids: Vec<i64> = old.iter().filter(|(.., whole)| *whole).map(|(id, ..)| *id).collect();
    erase(tx, &ids, "kept as long as the site keeps personal data", now)?;
    if let Some((id, ..)) = old.last() {
        walk.journal = *id;
    }
    Ok(!old.is_empty() && old.len() == rows.len())
}

fn deliveries(tx: &Transaction<'_>, at: i64, walk: &mut OldRows, most: u32) -> rusqlite::Result<bool> {
    let rows: Vec<(i64, i64, bool)> = tx
        .prepare_cached(&format!(
            "SELECT d.ended_at, d.id, substr(d.key, 1, 7) <> 'erased-' AND (i.state IS NULL OR i.state NOT IN {OPEN})
             FROM deliveries d LEFT JOIN invitations i ON i.id = d.invitation_id
             WHERE d.ended_at IS NOT NULL AND (d.ended_at, d.id) > (?1, ?2) AND d.ended_at < ?3 ORDER BY d.ended_at, d.id LIMIT ?4"
        ))?
        .query_map(params![walk.delivery.0, walk.delivery.1, at, most], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut erase = tx.prepare_cached(ERASE_DELIVERY)?;
    for (_, id, _) in rows.iter().filter(|(.., whole)| *whole) {
        erase.execute([id])?;
    }
    if let Some((ended, id, _)) = rows.last() {
        walk.delivery = (*ended, *id);
    }
    Ok(!rows.is_empty())
}

fn runs(tx: &Transaction<'_>, last: i64, walk: &mut OldRows, most: u32) -> rusqlite::Result<bool> {
    if walk.run >= last {
        return Ok(false);
    }
    let to = last.min(walk.run + i64::from(most));
    tx.prepare_cached(
        "UPDATE runs SET params = 'null', summary = '', output = '' WHERE id > ?1 AND id <= ?2 AND (params <> 'null' OR summary <> '' OR output <> '')",
    )?
    .execute([walk.run, to])?;
    walk.run = to;
    Ok(true)
}

/// Decisions are kept by person: all people are gone through, some at a time.
fn decisions(tx: &Transaction<'_>, last: i64, walk: &mut OldRows, most: u32) -> rusqlite::Result<bool> {
    let end: i64 = tx.query_row("SELECT COALESCE(MAX(id), 0) FROM users", [], |row| row.get(0))?;
    if walk.user >= end || last == 0 {
        return Ok(false);
    }
    let to = end.min(walk.user + i64::from(most));
    tx.prepare_cached("DELETE FROM decisions WHERE user_id > ?1 AND user_id <= ?2 AND run_id <= ?3")?
        .execute([walk.user, to, last])?;
    walk.user = to;
    Ok(true)
}

/// A message's data goes with the last of its deliveries.
fn messages(tx: &Transaction<'_>, last: i64, walk: &mut OldRows, most: u32) -> rusqlite::Result<bool> {
    let rows: Vec<i64> = tx
        .prepare_cached("SELECT id FROM messages WHERE id > ?1 AND run_id <= ?2 ORDER BY id LIMIT ?3")?
        .query_map(params![walk.message, last, most], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut erase = tx.prepare_cached(
        "UPDATE messages SET data = '{}' WHERE id = ?1 AND data <> '{}' AND NOT EXISTS (
             SELECT 1 FROM deliveries d WHERE d.run_id = messages.run_id AND d.message_id = messages.id AND substr(d.key, 1, 7) <> 'erased-')",
    )?;
    for id in &rows {
        erase.execute([id])?;
    }
    if let Some(id) = rows.last() {
        walk.message = *id;
    }
    Ok(!rows.is_empty())
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
