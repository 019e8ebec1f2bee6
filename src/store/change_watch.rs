//! Noticing cheaply that somebody, in this process or another one, has committed something.

use rusqlite::Connection;

use super::readers::ReadConnection;
use super::{Store, StoreError};

/// Sees commits of all other connections, for the price of a look at the log's index.
pub struct ChangeWatch {
    // A connection is never used by two threads at once, but may move between them.
    connection: ReadConnection,
    seen: i64,
}

impl Store {
    /// A watch that has seen everything up to now.
    ///
    /// # Errors
    /// The store can't be opened once more.
    pub fn watch_changes(&self) -> Result<ChangeWatch, StoreError> {
        let connection = self.connect_reader()?;
        let seen = data_version(&connection).map_err(|e| StoreError::new("watch", self.path(), e))?;
        Ok(ChangeWatch { connection, seen })
    }
}

impl ChangeWatch {
    /// Whether anything was committed since the last call. A store that can't be read now counts as
    /// changed: whoever looks closer learns why.
    pub fn has_changed(&mut self) -> bool {
        let version = data_version(&self.connection).unwrap_or(self.seen + 1);
        std::mem::replace(&mut self.seen, version) != version
    }
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use crate::domain::time::from_millis;
    use crate::store::Store;

    #[test]
    fn a_commit_of_this_or_another_process_is_seen_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("beckon.db");
        let (store, other) = (Store::open(&path).unwrap(), Store::open(&path).unwrap());
        let mut watch = store.watch_changes().unwrap();
        assert!(!watch.has_changed());
        for writer in [&store, &other] {
            writer.note_serving("started", from_millis(0)).unwrap();
            assert!(watch.has_changed() && !watch.has_changed());
        }
    }
}
