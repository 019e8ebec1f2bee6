//! What has to happen at Apple: which records to ask for, and what its answers change here.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::calling_off;
use super::journal::{self, Entry};
use super::outcomes::invitation_event;
use super::{Store, StoreError, past};
use crate::domain::ids::{RunId, UserId};
use crate::domain::invitation::InvitationEvent;
use crate::domain::time::{Timestamp, from_millis};
use crate::domain::user::Status;

/// What an invitation needs from Apple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AppleTask {
    Register,
    /// With a Managed Apple Account: Apple associates at once.
    Associate,
    Retire,
}

/// One piece of due work at Apple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppleItem {
    pub invitation: i64,
    pub task: AppleTask,
    pub client_user_id: String,
    pub mail: Option<String>,
    pub managed_account: Option<String>,
    /// The event of an earlier ask whose end is not known.
    pub event_id: Option<String>,
    pub asked_at: Option<Timestamp>,
    pub tries: u32,
    /// The user's record may be at Apple already: read before asking.
    pub read_first: bool,
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppleProgress {
    /// Apple took the request as this event; look again at `check_at`.
    Asked {
        event_id: String,
        check_at: Timestamp,
    },
    /// Nothing new; look again then.
    Later {
        check_at: Timestamp,
    },
    /// The earlier ask came to nothing: ask again.
    AskAgain {
        at: Timestamp,
    },
    /// The Managed Apple Account can't be associated (9635): an invitation is needed after all.
    InviteInstead {
        words: String,
    },
    /// The record is retired.
    Retired,
    Failed {
        words: String,
    },
}

impl Store {
    /// Work at Apple that is due at `now`, oldest first, at most `limit` items.
    ///
    /// # Errors
    /// The store's.
    pub fn apple_work(&self, now: Timestamp, limit: usize) -> Result<Vec<AppleItem>, StoreError> {
        let reader = self.writer();
        let read = || -> rusqlite::Result<Vec<AppleItem>> {
            reader
                .prepare_cached(
                    "SELECT i.id, i.task, u.client_user_id, u.mail, u.managed_account, i.event_id, i.asked_at, i.tries, u.status
                     FROM invitations i JOIN users u ON u.id = i.user_id
                     WHERE i.due IS NOT NULL AND i.due <= ?1 ORDER BY i.due, i.id LIMIT ?2",
                )?
                .query_map(params![now.timestamp_millis(), i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
                    let task: String = row.get(1)?;
                    let tries: u32 = row.get(7)?;
                    let status: String = row.get(8)?;
                    Ok(AppleItem {
                        invitation: row.get(0)?,
                        task: match task.as_str() {
                            "associate" => AppleTask::Associate,
                            "retire" => AppleTask::Retire,
                            _ => AppleTask::Register,
                        },
                        client_user_id: row.get(2)?,
                        mail: row.get(3)?,
                        managed_account: row.get(4)?,
                        event_id: row.get(5)?,
                        asked_at: row.get::<_, Option<i64>>(6)?.map(from_millis),
                        tries,
                        read_first: tries > 0 || status != "none",
                    })
                })?
                .collect()
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// When work at Apple is due next.
    ///
    /// # Errors
    /// The store's.
    pub fn next_apple_work(&self) -> Result<Option<Timestamp>, StoreError> {
        let writer = self.writer();
        let next: Option<i64> = writer
            .prepare_cached("SELECT MIN(due) FROM invitations WHERE due IS NOT NULL")
            .and_then(|mut s| s.query_row([], |row| row.get(0)))
            .map_err(|e| StoreError::new("read", self.path(), e))?;
        Ok(next.map(from_millis))
    }

    /// Records what became of items, in one transaction.
    ///
    /// # Errors
    /// The store's.
    pub fn apple_progress(&self, items: &[(i64, AppleProgress)], now: Timestamp) -> Result<(), StoreError> {
        self.transaction("record Apple's answer in", |tx| {
            items.iter().try_for_each(|(id, progress)| progress_one(tx, *id, progress, now))
        })
    }

    /// Whether the deliveries that are due by `until` need the invite codes of more than `count` people.
    ///
    /// # Errors
    /// The store's.
    pub fn more_codes_needed_than(&self, count: usize, until: Timestamp) -> Result<bool, StoreError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX - 1);
        let writer = self.writer();
        let needed: rusqlite::Result<bool> = writer
            .prepare_cached(
                "SELECT COUNT(*) > ?2 FROM (SELECT DISTINCT invitation_id FROM deliveries
                 WHERE channel IN ('mail', 'mdm') AND state IN ('pending', 'deferred') AND due <= ?1 AND invitation_id IS NOT NULL
                 LIMIT ?2 + 1)",
            )
            .and_then(|mut s| s.query_row(params![until.timestamp_millis(), count], |row| row.get(0)));
        needed.map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// A single fact of the site.
    ///
    /// # Errors
    /// The store's.
    pub fn fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        let writer = self.writer();
        let read =
            || writer.prepare_cached("SELECT value FROM facts WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional();
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// Writes single facts of the site.
    ///
    /// # Errors
    /// The store's.
    pub fn set_facts(&self, facts: &[(&str, &str)]) -> Result<(), StoreError> {
        self.transaction("write a fact to", |tx| facts.iter().try_for_each(|(name, value)| set_fact(tx, name, value)))
    }
}

pub(super) fn set_fact(tx: &Transaction<'_>, name: &str, value: &str) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO facts (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")?
        .execute(params![name, value])?;
    Ok(())
}

fn progress_one(tx: &Transaction<'_>, id: i64, progress: &AppleProgress, now: Timestamp) -> rusqlite::Result<()> {
    let due = |at: Timestamp| at.timestamp_millis();
    match progress {
        AppleProgress::Asked { event_id, check_at } => {
            tx.prepare_cached("UPDATE invitations SET event_id = ?2, asked_at = ?3, tries = tries + 1, due = ?4 WHERE id = ?1")?
                .execute(params![id, event_id, due(now), due(*check_at)])?;
            invitation_event(tx, Some(id), InvitationEvent::Asked, "", now)
        }
        AppleProgress::Later { check_at } => {
            tx.prepare_cached("UPDATE invitations SET due = ?2 WHERE id = ?1 AND due IS NOT NULL")?
                .execute(params![id, due(*check_at)])?;
            Ok(())
        }
        AppleProgress::AskAgain { at } => {
            tx.prepare_cached("UPDATE invitations SET event_id = NULL, due = ?2 WHERE id = ?1 AND due IS NOT NULL")?
                .execute(params![id, due(*at)])?;
            invitation_event(tx, Some(id), InvitationEvent::AskAgain, "", now)
        }
        AppleProgress::InviteInstead { words } => invite_instead(tx, id, words, now),
        AppleProgress::Retired => {
            retire_here(tx, id, now)?;
            invitation_event(tx, Some(id), InvitationEvent::RecordRetired, "", now)
        }
        AppleProgress::Failed { words } => {
            tx.prepare_cached("UPDATE invitations SET due = NULL, event_id = NULL, words = ?2 WHERE id = ?1")?
                .execute(params![id, words])?;
            calling_off::of_invitation(tx, id, "Apple did not register the user", now)?;
            invitation_event(tx, Some(id), InvitationEvent::RecordRefused, words, now)
        }
    }
}

/// Apple knows no such Managed Apple Account in this organisation: the person is invited by mail like
/// everybody else, and the account is not offered again.
fn invite_instead(tx: &Transaction<'_>, id: i64, words: &str, now: Timestamp) -> rusqlite::Result<()> {
    let at = now.timestamp_millis();
    let (user, run, mail): (i64, i64, Option<String>) = tx
        .prepare_cached("SELECT i.user_id, i.run_id, u.mail FROM invitations i JOIN users u ON u.id = i.user_id WHERE i.id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    past::keep_users(tx, &[user], now)?;
    tx.prepare_cached("UPDATE users SET managed_account = NULL WHERE id = ?1")?.execute([user])?;
    let entry = Entry { at: now, kind: "invitation", run: Some(RunId(run)), user: Some(UserId(user)), delivery: None, words };
    journal::append(tx, &entry)?;
    if mail.is_none() {
        tx.prepare_cached("UPDATE invitations SET due = NULL, words = ?2 WHERE id = ?1")?.execute(params![id, words])?;
        return invitation_event(tx, Some(id), InvitationEvent::RecordRefused, words, now);
    }
    tx.prepare_cached("UPDATE invitations SET task = 'register', event_id = NULL, due = ?2, state = 'queued' WHERE id = ?1")?
        .execute(params![id, at])?;
    let key = format!("run-{run}/invitation-{id}/invite/mail/mailbox");
    let far_id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("{key}/instead").as_bytes()).to_string();
    tx.prepare_cached(
        "INSERT INTO deliveries (run_id, number, key, invitation_id, message_id, user_id, channel, step, state, due, created_at, far_id)
         SELECT ?2, (SELECT COALESCE(MAX(number), 0) + 1 FROM deliveries WHERE run_id = ?2), ?3, ?1,
                (SELECT MIN(id) FROM messages WHERE run_id = ?2), ?4, 'mail', 'invite', 'blocked', ?5, ?5, ?6
         WHERE EXISTS (SELECT 1 FROM messages WHERE run_id = ?2) ON CONFLICT (key) DO NOTHING",
    )?
    .execute(params![id, run, key, user, at, far_id])?;
    Ok(())
}

/// The record is retired: nothing more goes out, and the person may be invited anew one day. Apple has freed
/// their licences.
pub(super) fn retire_here(tx: &Transaction<'_>, invitation: i64, now: Timestamp) -> rusqlite::Result<()> {
    calling_off::of_invitation(tx, invitation, "withdrawn", now)?;
    tx.prepare_cached("UPDATE invitations SET due = NULL, event_id = NULL WHERE id = ?1")?.execute([invitation])?;
    let (user, hides): (i64, bool) = tx
        .prepare_cached(
            "SELECT u.id, u.left_at IS NOT NULL AND u.hidden = 0 FROM invitations i JOIN users u ON u.id = i.user_id WHERE i.id = ?1",
        )?
        .query_row([invitation], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if hides {
        past::keep_users(tx, &[user], now)?;
        tx.prepare_cached("UPDATE users SET hidden = 1 WHERE id = ?1")?.execute([user])?;
    }
    retired(tx, user, now)
}

/// The user's record at Apple is retired.
pub(super) fn retired(tx: &Transaction<'_>, user: i64, now: Timestamp) -> rusqlite::Result<()> {
    past::keep_standing(tx, user, Status::Retired, now)?;
    tx.prepare_cached("UPDATE users SET status = 'retired', invited_at = NULL, enrolled_at = NULL, reminders = 0 WHERE id = ?1")?
        .execute([user])?;
    tx.prepare_cached("DELETE FROM licences WHERE user_id = ?1")?.execute([user])?;
    Ok(())
}

/// Ends what is open of a user and asks for the record to be retired. Answers whether there was anything.
pub(super) fn withdraw(tx: &Transaction<'_>, user: UserId, run: RunId, now: Timestamp) -> rusqlite::Result<bool> {
    let at = now.timestamp_millis();
    let latest: Option<(i64, String)> = tx
        .prepare_cached("SELECT id, state FROM invitations WHERE user_id = ?1 ORDER BY id DESC LIMIT 1")?
        .query_row([user.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let status: String = tx.prepare_cached("SELECT status FROM users WHERE id = ?1")?.query_row([user.0], |row| row.get(0))?;
    match latest {
        Some((id, state)) if state == "queued" => {
            // Apple has not been asked yet: there is nothing to retire there.
            calling_off::of_invitation(tx, id, "withdrawn", now)?;
            tx.prepare_cached("UPDATE invitations SET due = NULL WHERE id = ?1")?.execute([id])?;
            invitation_event(tx, Some(id), InvitationEvent::Withdrawn, "", now)?;
            Ok(true)
        }
        Some((id, state)) if matches!(state.as_str(), "registering" | "registered" | "delivered" | "doubtful" | "accepted") => {
            calling_off::of_invitation(tx, id, "withdrawn", now)?;
            tx.prepare_cached(
                "UPDATE invitations SET task = 'retire', due = ?2, event_id = NULL, asked_at = NULL, tries = 0 WHERE id = ?1",
            )?
            .execute(params![id, at])?;
            Ok(true)
        }
        _ if matches!(status.as_str(), "invited" | "enrolled") => {
            tx.prepare_cached(
                "INSERT INTO invitations (user_id, run_id, task, state, due, queued_at) VALUES (?1, ?2, 'retire', 'accepted', ?3, ?3)",
            )?
            .execute(params![user.0, run.0, at])?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// A delivery is to be tried again: an invitation that had failed with it is open again. Apple is asked
/// for a record only where it has made none.
pub(super) fn try_again(tx: &Transaction<'_>, delivery: i64, now: Timestamp) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE invitations SET state = CASE WHEN registered_at IS NULL THEN 'queued' ELSE 'registered' END,
                due = CASE WHEN registered_at IS NULL THEN ?2 END, event_id = NULL, tries = 0, ended_at = NULL
         WHERE id = (SELECT invitation_id FROM deliveries WHERE id = ?1) AND state = 'failed'
           AND NOT EXISTS (SELECT 1 FROM invitations o WHERE o.user_id = invitations.user_id
                           AND o.state IN ('queued', 'registering', 'registered', 'delivered', 'doubtful'))",
    )?
    .execute(params![delivery, now.timestamp_millis()])?;
    tx.prepare_cached(
        "UPDATE deliveries SET state = 'blocked' WHERE id = ?1
         AND EXISTS (SELECT 1 FROM invitations i WHERE i.id = deliveries.invitation_id AND i.state IN ('queued', 'registering'))",
    )?
    .execute([delivery])?;
    Ok(())
}

/// Ends invitations whose time is over. Apple's record stays as it is: who accepted at the last
/// moment keeps their apps, and Apple's word comes with the next look.
pub(super) fn expire(tx: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let over: Vec<i64> = tx
        .prepare_cached(
            "SELECT id FROM invitations WHERE expires_at IS NOT NULL AND expires_at <= ?1
             AND state IN ('queued', 'registering', 'registered', 'delivered', 'doubtful')",
        )?
        .query_map([now.timestamp_millis()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in over {
        calling_off::of_invitation(tx, id, "the invitation has expired", now)?;
        tx.prepare_cached("UPDATE invitations SET due = NULL, event_id = NULL WHERE id = ?1 AND task <> 'retire'")?
            .execute([id])?;
        invitation_event(tx, Some(id), InvitationEvent::TimedOut, "", now)?;
    }
    Ok(())
}
