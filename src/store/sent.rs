//! What has left, in the order in which it did: for script tests and their calendars.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{Store, StoreError};
use crate::domain::delivery::{Channel, Step};
use crate::domain::ids::UserId;
use crate::domain::time::{Timestamp, from_millis};

/// A delivery that was handed over, and not certainly in vain.
#[derive(Clone, Debug)]
pub struct SentMessage {
    pub at: Timestamp,
    /// Empty where it went to an address of nobody in the roster.
    pub username: String,
    pub channel: Channel,
    /// The webhook's name where it is one; empty for an alert.
    pub template: String,
    pub step: Step,
    /// What the far side knows it by.
    pub far_id: String,
    /// The device's name, or the address.
    pub to: String,
    /// Of an alert: its title and text.
    pub data: serde_json::Value,
}

/// One invitation of somebody, as it stands.
#[derive(Clone, Debug)]
pub struct SentInvitation {
    pub state: String,
    pub invited_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
}

/// A moment of a schedule whose run failed, or came to none.
#[derive(Clone, Debug)]
pub struct FailedMoment {
    pub schedule: String,
    pub at: Timestamp,
    /// The script's error as a person reads it, or why there was no run.
    pub words: String,
}

const SENT: &str = "
    SELECT d.handed_at, coalesce(u.username, ''), d.channel, m.template, d.step, d.far_id,
           coalesce(v.name, d.address, u.mail, ''), m.data
    FROM deliveries d JOIN messages m ON m.id = d.message_id
    LEFT JOIN users u ON u.id = d.user_id LEFT JOIN devices v ON v.id = d.device_id
    WHERE d.handed_at IS NOT NULL AND (?1 IS NULL OR d.user_id = ?1)
    ORDER BY d.handed_at, d.id";

const INVITATIONS: &str = "
    SELECT state, queued_at, ended_at, expires_at FROM invitations WHERE user_id = ?1 ORDER BY id";

const FAILED: &str = "
    SELECT m.schedule, m.at, coalesce(nullif(r.summary, ''), m.words)
    FROM moments m LEFT JOIN runs r ON r.id = m.run_id
    WHERE m.state = 'failed' AND m.ended_at IS NOT NULL AND m.ended_at >= ?1 ORDER BY m.at, m.schedule";

impl Store {
    /// Everything that has left, for one user or for anybody, the oldest first.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn sent_messages(&self, user: Option<UserId>) -> Result<Vec<SentMessage>, StoreError> {
        let fail = |e| StoreError::new("read what was sent", self.path(), e);
        let writer = self.writer();
        let mut prepared = writer.prepare_cached(SENT).map_err(fail)?;
        let rows = prepared.query_map(params![user.map(|u| u.0)], sent).map_err(fail)?;
        rows.collect::<rusqlite::Result<_>>().map_err(fail)
    }

    /// A user's invitations, the oldest first.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn invitations_of(&self, user: UserId) -> Result<Vec<SentInvitation>, StoreError> {
        let fail = |e| StoreError::new("read invitations", self.path(), e);
        let writer = self.writer();
        let mut prepared = writer.prepare_cached(INVITATIONS).map_err(fail)?;
        let rows = prepared.query_map([user.0], |row| {
            let at = |ms: Option<i64>| ms.map(from_millis);
            Ok(SentInvitation {
                state: row.get(0)?,
                invited_at: from_millis(row.get(1)?),
                ended_at: at(row.get(2)?),
                expires_at: at(row.get(3)?),
            })
        });
        rows.map_err(fail)?.collect::<rusqlite::Result<_>>().map_err(fail)
    }

    /// Moments of schedules that ended since then, that time included, and failed; in the order in which they were due.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn failed_moments(&self, since: Timestamp) -> Result<Vec<FailedMoment>, StoreError> {
        let fail = |e| StoreError::new("read moments", self.path(), e);
        let writer = self.writer();
        let mut prepared = writer.prepare_cached(FAILED).map_err(fail)?;
        let rows = prepared.query_map([since.timestamp_millis()], |row| {
            Ok(FailedMoment { schedule: row.get(0)?, at: from_millis(row.get(1)?), words: row.get(2)? })
        });
        rows.map_err(fail)?.collect::<rusqlite::Result<_>>().map_err(fail)
    }

    /// Whoever has this username, whether or not they have left the roster.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn user_called(&self, username: &str) -> Result<Option<UserId>, StoreError> {
        let found = self.writer().query_row("SELECT id FROM users WHERE username = ?1", [username], |row| row.get(0));
        found.optional().map(|id| id.map(UserId)).map_err(|e| StoreError::new("read users", self.path(), e))
    }
}

fn sent(row: &Row) -> rusqlite::Result<SentMessage> {
    let (channel, step): (String, String) = (row.get(2)?, row.get(4)?);
    let data: String = row.get(7)?;
    Ok(SentMessage {
        at: from_millis(row.get(0)?),
        username: row.get(1)?,
        channel: Channel::from_word(&channel).unwrap_or(Channel::Mail),
        template: row.get(3)?,
        step: Step::from_word(&step).unwrap_or(Step::Message),
        far_id: row.get(5)?,
        to: row.get(6)?,
        data: serde_json::from_str(&data).unwrap_or_default(),
    })
}
