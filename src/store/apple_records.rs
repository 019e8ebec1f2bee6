//! Apple's user records as they come: what each changes here. Only they make somebody enrolled.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::apple_work::{retire_here, retired, set_fact};
use super::calling_off;
use super::journal::{self, Entry};
use super::outcomes::invitation_event;
use super::{Store, StoreError};
use crate::domain::ids::{RunId, UserId};
use crate::domain::invitation::InvitationEvent;
use crate::domain::time::Timestamp;
use crate::ports::apps_and_books::{RecordStatus, UserRecord};

impl Store {
    /// Takes Apple's records as they are: who is associated is enrolled, who is registered can be
    /// told, who is retired is out. `version` is remembered in the same transaction. Answers how many
    /// users changed.
    ///
    /// # Errors
    /// The store's.
    pub fn take_records(&self, records: &[UserRecord], version: Option<&str>, now: Timestamp) -> Result<u32, StoreError> {
        // One client id can have several records; the active one decides, whatever the order.
        let mut by_id: BTreeMap<&str, &UserRecord> = BTreeMap::new();
        for record in records {
            let slot = by_id.entry(record.client_user_id.as_str()).or_insert(record);
            if rank(&record.status) > rank(&slot.status) {
                *slot = record;
            }
        }
        self.transaction("take Apple's records into", |tx| {
            let mut changed = 0;
            for record in by_id.values() {
                changed += u32::from(take_record(tx, record, now)?);
            }
            if let Some(version) = version {
                set_fact(tx, "apple_version", version)?;
            }
            Ok(changed)
        })
    }
}

fn rank(status: &RecordStatus) -> u8 {
    match status {
        RecordStatus::Associated => 3,
        RecordStatus::Registered => 2,
        RecordStatus::Retired => 1,
        RecordStatus::Other(_) => 0,
    }
}

fn take_record(tx: &Transaction<'_>, record: &UserRecord, now: Timestamp) -> rusqlite::Result<bool> {
    let found: Option<(i64, String)> = tx
        .prepare_cached("SELECT id, status FROM users WHERE client_user_id = ?1")?
        .query_row([&record.client_user_id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    // Somebody else's record in our unit, or one of a user that this store has never known.
    let Some((user, status)) = found else { return Ok(false) };
    if !matches!(record.status, RecordStatus::Other(_)) {
        tx.prepare_cached("INSERT OR IGNORE INTO temp.read_at_apple (user_id) VALUES (?1)")?.execute([user])?;
    }
    let invitation: Option<(i64, String, String)> = tx
        .prepare_cached("SELECT id, state, task FROM invitations WHERE user_id = ?1 ORDER BY id DESC LIMIT 1")?
        .query_row([user], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let id = invitation.as_ref().map(|(id, ..)| *id);
    match &record.status {
        RecordStatus::Associated => {
            if invitation.as_ref().is_some_and(|(_, _, task)| task == "retire") {
                return Ok(false);
            }
            if let Some(id) = id {
                tx.prepare_cached("UPDATE invitations SET due = NULL, event_id = NULL WHERE id = ?1")?.execute([id])?;
                calling_off::of_invitation(tx, id, "accepted in the meantime", now)?;
                invitation_event(tx, Some(id), InvitationEvent::RecordAssociated, "", now)?;
            }
            if status == "enrolled" {
                return Ok(false);
            }
            tx.prepare_cached("UPDATE users SET status = 'enrolled', enrolled_at = ?2 WHERE id = ?1")?
                .execute(params![user, now.timestamp_millis()])?;
            enrolled_words(tx, user, id, now)?;
            Ok(true)
        }
        RecordStatus::Registered => {
            let Some((id, state, task)) = invitation else { return Ok(false) };
            if task != "register" || !matches!(state.as_str(), "queued" | "registering") {
                return Ok(false);
            }
            tx.prepare_cached("UPDATE invitations SET due = NULL, event_id = NULL WHERE id = ?1")?.execute([id])?;
            tx.prepare_cached(
                "UPDATE deliveries SET state = 'pending', due = MAX(due, ?2) WHERE invitation_id = ?1 AND state = 'blocked'",
            )?
            .execute(params![id, now.timestamp_millis()])?;
            invitation_event(tx, Some(id), InvitationEvent::RecordOpen, "", now)?;
            Ok(true)
        }
        RecordStatus::Retired => {
            let settled = invitation.as_ref().is_some_and(|(_, state, _)| matches!(state.as_str(), "queued" | "registering"));
            let wanted = invitation.as_ref().is_some_and(|(_, _, task)| task == "retire");
            if !wanted && (settled || !matches!(status.as_str(), "invited" | "enrolled")) {
                // An older record of somebody who is being registered anew.
                return Ok(false);
            }
            match id {
                Some(id) => {
                    retire_here(tx, id, now)?;
                    invitation_event(tx, Some(id), InvitationEvent::RecordRetired, "", now)?;
                }
                None => retired(tx, user, now)?,
            }
            Ok(true)
        }
        RecordStatus::Other(_) => Ok(false),
    }
}

fn enrolled_words(tx: &Transaction<'_>, user: i64, invitation: Option<i64>, now: Timestamp) -> rusqlite::Result<()> {
    let run: Option<i64> = match invitation {
        Some(id) => {
            tx.prepare_cached("SELECT run_id FROM invitations WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()?
        }
        None => None,
    };
    let entry = Entry {
        at: now,
        kind: "enrolled",
        run: run.map(RunId),
        user: Some(UserId(user)),
        delivery: None,
        words: "enrolled: Apple's record says Associated",
    };
    journal::append(tx, &entry)
}
