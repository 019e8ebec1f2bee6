//! Reading connections that outlive their use: opening one, with the schema read and its statements
//! prepared anew, costs more than most of what is read over it.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};

use super::{BUSY_TIMEOUT, keep_plans, selection_sql};

/// More than this would only hold memory: each keeps up to two megabytes of pages.
const IDLE_MAX: usize = 4;

/// The connections that nobody uses at present.
#[derive(Clone, Default)]
pub(super) struct Readers(Arc<Mutex<Vec<Connection>>>);

/// A reading connection in use. It is read-only, so all that one from the pool can leave behind is an open transaction.
pub(super) struct ReadConnection {
    /// Taken out only when it is dropped.
    connection: Option<Connection>,
    /// Nothing for one that is of no use to anybody else.
    home: Option<Readers>,
}

impl Readers {
    /// An idle connection, or a new one.
    pub fn take(&self, path: &Path) -> rusqlite::Result<ReadConnection> {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open(path)?,
        };
        Ok(self.lend(connection))
    }

    /// A connection that comes here when it is no longer used.
    pub fn lend(&self, connection: Connection) -> ReadConnection {
        ReadConnection { connection: Some(connection), home: Some(self.clone()) }
    }

    /// A new connection that is closed when it is no longer used, for whoever changes what its statements mean.
    pub fn own(path: &Path) -> rusqlite::Result<ReadConnection> {
        Ok(ReadConnection { connection: Some(open(path)?), home: None })
    }

    fn give_back(&self, connection: Connection) {
        // A view that stayed open would keep the log from being taken over.
        if !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_err() {
            return;
        }
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
    }
}

pub fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let reader = Connection::open_with_flags(path, flags)?;
    reader.busy_timeout(BUSY_TIMEOUT)?;
    keep_plans(&reader)?;
    selection_sql::add_functions(&reader)?;
    // Sorting never touches the disk, so a full one can't stop a run from reading.
    reader.execute_batch("PRAGMA temp_store = MEMORY")?;
    reader.set_prepared_statement_cache_capacity(64);
    Ok(reader)
}

impl Deref for ReadConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("it is taken out when this is dropped, and never before")
    }
}

impl DerefMut for ReadConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("it is taken out when this is dropped, and never before")
    }
}

impl Drop for ReadConnection {
    fn drop(&mut self) {
        if let (Some(connection), Some(home)) = (self.connection.take(), &self.home) {
            home.give_back(connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_millis;
    use crate::store::Store;

    #[test]
    fn a_connection_is_used_again_and_sees_what_was_committed_since() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("beckon.db")).unwrap();
        let beats =
            |reader: &Connection| -> i64 { reader.query_row("SELECT COUNT(*) FROM journal", [], |row| row.get(0)).unwrap() };
        let first = store.connect_reader().unwrap();
        first.execute_batch("BEGIN").unwrap();
        let before = beats(&first);
        store.note_serving("started", from_millis(0)).unwrap();
        assert_eq!(beats(&first), before, "a view is frozen");
        drop(first);
        assert_eq!(store.readers.0.lock().unwrap().len(), 1);
        let again = store.connect_reader().unwrap();
        assert_eq!(store.readers.0.lock().unwrap().len(), 0);
        assert!(again.is_autocommit());
        assert_eq!(beats(&again), before + 1);
    }

    #[test]
    fn whoever_closes_the_store_leaves_no_long_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("beckon.db");
        let store = Store::open(&path).unwrap();
        let long = "INSERT INTO facts VALUES ('long', hex(zeroblob(1000000)))";
        store.writer().execute(long, []).unwrap();
        drop(store.roster().unwrap());
        drop(store);
        assert!(!path.with_extension("db-wal").metadata().is_ok_and(|log| log.len() > 0));
        let known: i64 = Store::open(&path)
            .unwrap()
            .writer()
            .query_row("SELECT COUNT(*) FROM facts WHERE name = 'long'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(known, 1);
    }

    #[test]
    fn only_a_few_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("beckon.db")).unwrap();
        let many: Vec<_> = (0..IDLE_MAX + 3).map(|_| store.connect_reader().unwrap()).collect();
        drop(many);
        assert_eq!(store.readers.0.lock().unwrap().len(), IDLE_MAX);
    }
}
