//! Personal data that goes when its time is over, or when somebody asks for it. Counted figures stay,
//! and the journal stays whole: what was erased is said in it.
//!
//! What happens to each table that can name a person:
//!
//! | table | when its time is over | when a person is forgotten |
//! |---|---|---|
//! | `users` | a leaver is forgotten (`journal.keep_leavers`) | all but the row and its name at Apple, which names nobody |
//! | `group_users`, `licences` | with the leaver | deleted |
//! | `past_users`, `past_group_users`, `past_standings` | versions that ended; where people stood stays: instants and figures | deleted |
//! | `past_devices` | versions that ended | as `devices` |
//! | `past_groups`, `past_group_groups`, `roster_changes` | versions that ended | name nobody |
//! | `devices` | are the roster's | given to nobody, and called by their serial number |
//! | `decisions` | deleted | deleted |
//! | `invitations` | stay: a user's row, instants and figures | words go |
//! | `deliveries`, `bounces` | person, device, address, far side's words go once ended | the same, with what went to their address |
//! | `messages` | data and grounds go with the last delivery | the same; where others got it, they lose the names once it has left |
//! | `runs` | parameters, plan and output go; script and who ran it stay | these lose their names |
//! | `kept_plans` | an ended one has no plan | a waiting one is made again without them, or holds them: [`Held`] |
//! | `invited_lately` | deleted after two days | stays until then: a number, for the limits of a day |
//! | `journal` | words and person go | the same; and words that name them in rows about nobody |
//! | `alerts` | deleted once over | lose their names |
//! | `moments` | words go | lose their names |
//! | `bounces_ignored`, `heartbeats`, `schedules`, `facts`, `run_reach` | name nobody but who runs the site | |

mod person;

use rusqlite::{OptionalExtension as _, Transaction, params};

pub use person::{Held, Traces};

use super::journal::erase;
use super::{Store, StoreError, past};
use crate::domain::ids::UserId;
use crate::domain::time::{Span, Timestamp};

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

const OPEN: &str = "('queued', 'registering', 'registered', 'delivered', 'doubtful')";

/// What a delivery says of a person. Its key names one, and has to be unique.
const ERASE_DELIVERY: &str =
    "UPDATE deliveries SET user_id = NULL, device_id = NULL, address = NULL, words = NULL, key = 'erased-' || id
     WHERE id = ?1";
/// What delivery reports said of it. The row stays, so that a report which is read again is not told again.
const ERASE_BOUNCES: &str = "UPDATE bounces SET words = '' WHERE delivery_id = ?1";

/// A message's data and grounds go with the last of its deliveries.
const ERASE_MESSAGE: &str = "UPDATE messages SET data = '{}', grounds = NULL WHERE id = ?1 AND (data <> '{}' OR grounds IS NOT NULL) AND NOT EXISTS (
     SELECT 1 FROM deliveries d WHERE d.run_id = messages.run_id AND d.message_id = messages.id AND substr(d.key, 1, 7) <> 'erased-')";

impl Store {
    /// Erases personal data of what ended before `before`, in one transaction of about `most` rows, and
    /// moves `walk` on. Answers whether there may be more.
    ///
    /// From the journal go words and person of rows about somebody; from runs parameters, plan and output;
    /// decisions; from ended deliveries person, device, address and the far side's words; the data of
    /// messages; alerts that are over, and the words of moments. Deliveries of an invitation that is still
    /// open wait for its end.
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
                || messages(tx, last_run, &mut next, most)?
                || rest(tx, before, most, now)?)
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
    for (_, id, _) in rows.iter().filter(|(.., whole)| *whole) {
        erase_delivery(tx, *id)?;
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

fn messages(tx: &Transaction<'_>, last: i64, walk: &mut OldRows, most: u32) -> rusqlite::Result<bool> {
    let rows: Vec<i64> = tx
        .prepare_cached("SELECT id FROM messages WHERE id > ?1 AND run_id <= ?2 ORDER BY id LIMIT ?3")?
        .query_map(params![walk.message, last, most], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut erase = tx.prepare_cached(ERASE_MESSAGE)?;
    for id in &rows {
        erase.execute([id])?;
    }
    if let Some(id) = rows.last() {
        walk.message = *id;
    }
    Ok(!rows.is_empty())
}

/// What has no walk of its own: there are few of each.
fn rest(tx: &Transaction<'_>, before: Timestamp, most: u32, now: Timestamp) -> rusqlite::Result<bool> {
    let at = before.timestamp_millis();
    // The limits of a day look at no more than that.
    let day = before.min(now - Span::days(2)).timestamp_millis();
    tx.prepare_cached("DELETE FROM invited_lately WHERE at < ?1")?.execute([day])?;
    tx.prepare_cached("DELETE FROM alerts WHERE resolved_at < ?1 AND COALESCE(told_at, 0) < ?1")?.execute([at])?;
    let moments = tx
        .prepare_cached(
            "UPDATE moments SET words = '' WHERE (schedule, at) IN (
                 SELECT schedule, at FROM moments WHERE ended_at < ?1 AND words <> '' LIMIT ?2)",
        )?
        .execute(params![at, most])?;
    let past = past::erase_before(tx, at, most)?;
    Ok(moments > 0 || past)
}

fn erase_delivery(tx: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
    tx.prepare_cached(ERASE_BOUNCES)?.execute([id])?;
    tx.prepare_cached(ERASE_DELIVERY)?.execute([id])?;
    Ok(())
}

#[cfg(test)]
mod tests;
