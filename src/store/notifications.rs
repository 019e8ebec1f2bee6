//! Apple's notifications that were taken, so that one that comes again is known.

use rusqlite::params;

use super::journal::{self, Entry};
use super::{Store, StoreError};
use crate::domain::time::{Span, Timestamp};

/// Apple tries for some minutes; after this an id is forgotten.
const REMEMBERED: Span = Span::days(2);

impl Store {
    /// Notes a notification by its id. Answers whether it is new.
    ///
    /// # Errors
    /// The store's.
    pub fn take_notification(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.transaction("note a notification in", |tx| {
            let new = tx
                .prepare_cached("INSERT OR IGNORE INTO notifications_seen (id, at) VALUES (?1, ?2)")?
                .execute(params![id, now.timestamp_millis()])?;
            tx.prepare_cached("DELETE FROM notifications_seen WHERE at < ?1")?
                .execute([(now - REMEMBERED).timestamp_millis()])?;
            Ok(new == 1)
        })
    }

    /// Writes down something about the connection with Apple that a person should find later. The same words as
    /// the last time are not written again.
    ///
    /// # Errors
    /// The store's.
    pub fn note_about_apple(&self, words: &str, now: Timestamp) -> Result<(), StoreError> {
        if self.fact("apple_note")?.as_deref() == Some(words) {
            return Ok(());
        }
        self.transaction("write to the journal in", |tx| {
            super::apple_work::set_fact(tx, "apple_note", words)?;
            journal::append(tx, &Entry { at: now, kind: "apple", run: None, user: None, delivery: None, words })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_millis;

    #[test]
    fn a_notification_is_new_once_and_forgotten_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("beckon.db")).unwrap();
        let now = from_millis(1_796_111_100_000);
        assert!(store.take_notification("n-1", now).unwrap());
        assert!(!store.take_notification("n-1", now + Span::minutes(5)).unwrap());
        drop(store);
        let store = Store::open(&folder.path().join("beckon.db")).unwrap();
        assert!(!store.take_notification("n-1", now + Span::hours(1)).unwrap(), "another process knows it, too");
        assert!(store.take_notification("n-2", now + Span::days(3)).unwrap());
        assert!(store.take_notification("n-1", now + Span::days(3)).unwrap());
    }
}
