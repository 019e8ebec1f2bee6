//! What delivery reports change: letters that did not arrive, and addresses that get no more mail.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::calling_off;
use super::journal::{self, Entry};
use super::outcomes::{end, invitation_event, is_reached};
use super::{Store, StoreError, past};
use crate::domain::bounce::{Bounce, Meaning};
use crate::domain::delivery::Step;
use crate::domain::ids::{RunId, UserId};
use crate::domain::invitation::InvitationEvent;
use crate::domain::time::Timestamp;
use crate::domain::user::Status;

/// A letter of ours, as a report has to name it to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentLetter {
    pub delivery: i64,
    /// Where it went: the address that the person has now, or that was named.
    pub address: Option<String>,
}

impl Store {
    /// The letter whose `Message-ID` starts with this id.
    ///
    /// # Errors
    /// The store's.
    pub fn sent_letter(&self, far_id: &str) -> Result<Option<SentLetter>, StoreError> {
        let writer = self.writer();
        let read = || -> rusqlite::Result<Option<SentLetter>> {
            writer
                .prepare_cached(
                    "SELECT d.id, COALESCE(d.address, u.mail) FROM deliveries d LEFT JOIN users u ON u.id = d.user_id
                     WHERE d.far_id = ?1 AND d.channel = 'mail' AND d.attempts > 0",
                )?
                .query_row([far_id], |row| Ok(SentLetter { delivery: row.get(0)?, address: row.get(1)? }))
                .optional()
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// Takes what a report says of a letter. Answers whether it was new: the same statement twice changes
    /// nothing the second time.
    ///
    /// # Errors
    /// The store's; then the report is to be taken again.
    pub fn take_bounce(&self, letter: &SentLetter, bounce: &Bounce, now: Timestamp) -> Result<bool, StoreError> {
        self.transaction("take a delivery report into", |tx| {
            let new = tx
                .prepare_cached(
                    "INSERT OR IGNORE INTO bounces (delivery_id, action, status, at, words) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    letter.delivery,
                    bounce.action.word(),
                    bounce.status.to_string(),
                    now.timestamp_millis(),
                    bounce.words
                ])?;
            if new == 0 {
                return Ok(false);
            }
            take(tx, letter.delivery, bounce, now)?;
            Ok(true)
        })
    }

    /// Counts mail that was not believed to be a report about ours.
    ///
    /// # Errors
    /// The store's.
    pub fn ignore_bounce(&self, why: &str, now: Timestamp) -> Result<(), StoreError> {
        self.transaction("count ignored mail in", |tx| {
            tx.prepare_cached(
                "INSERT INTO bounces_ignored (why, count, last_at) VALUES (?1, 1, ?2)
                 ON CONFLICT (why) DO UPDATE SET count = count + 1, last_at = excluded.last_at",
            )?
            .execute(params![why, now.timestamp_millis()])?;
            Ok(())
        })
    }

    /// What was not believed so far, by its reason.
    ///
    /// # Errors
    /// The store's.
    pub fn ignored_bounces(&self) -> Result<Vec<(String, u32)>, StoreError> {
        let writer = self.writer();
        let read = || -> rusqlite::Result<Vec<(String, u32)>> {
            writer
                .prepare_cached("SELECT why, count FROM bounces_ignored ORDER BY why")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// Why a person's address gets no more mail, where it gets none.
    ///
    /// # Errors
    /// The store's.
    pub fn mail_dead(&self, user: UserId) -> Result<Option<String>, StoreError> {
        let writer = self.writer();
        let read = || writer.prepare_cached("SELECT mail_dead FROM users WHERE id = ?1")?.query_row([user.0], |row| row.get(0));
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }
}

struct Row {
    run: RunId,
    user: Option<UserId>,
    invitation: Option<i64>,
    step: String,
    state: String,
    foreign: bool,
}

fn take(tx: &Transaction<'_>, delivery: i64, bounce: &Bounce, now: Timestamp) -> rusqlite::Result<()> {
    let row = tx
        .prepare_cached("SELECT run_id, user_id, invitation_id, step, state, address IS NOT NULL FROM deliveries WHERE id = ?1")?
        .query_row([delivery], |row| {
            Ok(Row {
                run: RunId(row.get(0)?),
                user: row.get::<_, Option<i64>>(1)?.map(UserId),
                invitation: row.get(2)?,
                step: row.get(3)?,
                state: row.get(4)?,
                foreign: row.get(5)?,
            })
        })?;
    let note = |kind, words: &str, of| {
        journal::append(tx, &Entry { at: now, kind, run: Some(row.run), user: row.user, delivery: Some(of), words })
    };
    let meaning = bounce.meaning();
    if meaning == Meaning::Nothing {
        return note("mail-report", &format!("{} by mail, {}: {}", row.step, bounce.action.word(), bounce.words), delivery);
    }
    let words = format!("bounced: {}", bounce.words);
    // What has ended otherwise stays as it is told; a letter in hand, or to be sent again, need not be.
    if matches!(row.state.as_str(), "accepted" | "doubtful" | "sending" | "deferred" | "pending") {
        end(tx, delivery, "rejected", &words, now)?;
        note("rejected", &format!("{} by mail: {words}", row.step), delivery)?;
        not_contacted(tx, &row, delivery)?;
        settle(tx, row.invitation, now)?;
    }
    let Some(user) = row.user.filter(|_| meaning == Meaning::AddressDead && !row.foreign) else { return Ok(()) };
    tx.prepare_cached("UPDATE users SET mail_dead = ?2 WHERE id = ?1")?.execute(params![user.0, words])?;
    // What would follow by mail ends here, with a row of its own.
    let waiting: Vec<calling_off::Waiting> = tx
        .prepare_cached(
            "SELECT id, run_id FROM deliveries WHERE user_id = ?1 AND channel = 'mail' AND address IS NULL
             AND state IN ('blocked', 'pending', 'deferred')",
        )?
        .query_map([user.0], |row| Ok((row.get(0)?, RunId(row.get(1)?), Some(user))))?
        .collect::<Result<_, _>>()?;
    for delivery in waiting {
        calling_off::one(tx, delivery, "the mail address refuses mail", now)?;
    }
    Ok(())
}

/// A letter that did not arrive was no invitation and no reminder, where nothing else was.
fn not_contacted(tx: &Transaction<'_>, row: &Row, delivery: i64) -> rusqlite::Result<()> {
    let Some(user) = row.user else { return Ok(()) };
    if matches!(Step::from_word(&row.step), Some(Step::Remind(_))) {
        tx.prepare_cached(
            "UPDATE users SET reminders = MAX(reminders - NOT EXISTS (
                 SELECT 1 FROM deliveries d WHERE d.user_id = ?1 AND +d.run_id = ?2 AND d.step = ?3 AND d.id <> ?4
                   AND d.state IN ('accepted', 'queued', 'notnow')), 0)
             WHERE id = ?1",
        )?
        .execute(params![user.0, row.run.0, row.step, delivery])?;
    }
    Ok(())
}

/// When nothing else has reached the person, the invitation has failed, and they count as not invited.
fn settle(tx: &Transaction<'_>, invitation: Option<i64>, now: Timestamp) -> rusqlite::Result<()> {
    let Some(id) = invitation else { return Ok(()) };
    if is_reached(tx, id)? {
        return Ok(());
    }
    invitation_event(tx, Some(id), InvitationEvent::AllBounced, "every way to the person came back", now)?;
    let failed: bool =
        tx.prepare_cached("SELECT state = 'failed' FROM invitations WHERE id = ?1")?.query_row([id], |row| row.get(0))?;
    if !failed {
        return Ok(());
    }
    // Reminders of an invitation that nobody got are void, on devices, too.
    calling_off::of_invitation(tx, id, "the invitation has ended", now)?;
    let invited: Option<i64> = tx
        .prepare_cached(
            "SELECT u.id FROM invitations i JOIN users u ON u.id = i.user_id AND u.status = 'invited' WHERE i.id = ?1",
        )?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let Some(user) = invited else { return Ok(()) };
    past::keep_standing(tx, user, Status::None, now)?;
    tx.prepare_cached("UPDATE users SET status = 'none', invited_at = NULL WHERE id = ?1")?.execute([user])?;
    Ok(())
}
