//! The kill switch: one fact, looked at by whatever is about to send.

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::apple_work::set_fact;
use super::journal::{self, Entry};
use super::{Store, StoreError};
use crate::domain::sending::Stopped;
use crate::domain::time::{Span, Timestamp, show_span};

/// How soon a process that has something to send sees that it may again.
pub(super) const LOOK_AGAIN: Span = Span::seconds(1);

/// The fact's name.
const FACT: &str = "sending_stopped";

impl Store {
    /// Who stopped sending, while it is stopped.
    ///
    /// # Errors
    /// The store's.
    pub fn sending_stopped(&self) -> Result<Option<Stopped>, StoreError> {
        stopped(&self.writer()).map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// Stops sending: from this commit on nothing more is handed over, by whatever process. Answers
    /// who had stopped it before; then nothing is changed.
    ///
    /// # Errors
    /// The store's; then sending goes on.
    pub fn stop_sending(&self, stop: &Stopped) -> Result<Option<Stopped>, StoreError> {
        self.transaction("stop sending in", |tx| {
            let before = stopped(tx)?;
            if before.is_none() {
                let text = serde_json::to_string(stop).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
                set_fact(tx, FACT, &text)?;
                let reason = if stop.reason.is_empty() { "no reason given" } else { &stop.reason };
                note(tx, stop.at, &format!("stopped by {}: {reason}", stop.by))?;
            }
            Ok(before)
        })
    }

    /// Lets sending go on. Answers who had stopped it.
    ///
    /// # Errors
    /// The store's; then it stays stopped.
    pub fn resume_sending(&self, by: &str, now: Timestamp) -> Result<Option<Stopped>, StoreError> {
        self.transaction("resume sending in", |tx| {
            let before = stopped(tx)?;
            if let Some(stop) = &before {
                tx.prepare_cached("DELETE FROM facts WHERE name = ?1")?.execute([FACT])?;
                note(tx, now, &format!("resumed by {by} after {}", show_span((now - stop.at).max(Span::zero()))))?;
            }
            Ok(before)
        })
    }
}

pub(super) fn stopped(connection: &Connection) -> rusqlite::Result<Option<Stopped>> {
    let text: Option<String> =
        connection.prepare_cached("SELECT value FROM facts WHERE name = ?1")?.query_row([FACT], |row| row.get(0)).optional()?;
    // A fact that can't be read still says that somebody pulled the switch.
    Ok(text.map(|text| {
        serde_json::from_str(&text).unwrap_or_else(|_| Stopped {
            at: Timestamp::default(),
            by: "somebody".to_owned(),
            reason: String::new(),
        })
    }))
}

fn note(tx: &Transaction<'_>, at: Timestamp, words: &str) -> rusqlite::Result<()> {
    journal::append(tx, &Entry { at, kind: "sending", run: None, user: None, delivery: None, words })
}
