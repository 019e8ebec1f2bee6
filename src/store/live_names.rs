//! Names that begin so, for whoever is typing one. Over a connection of its own that keeps no
//! transaction open between two questions, and gives up rather than make somebody wait.

use std::time::Duration;

use rusqlite::Connection;

use super::{Store, StoreError, readers};
use crate::domain::roster::Read;

/// A reader waits for nobody's commit; only for a store that is being made or repaired.
const WAIT_MAX: Duration = Duration::from_millis(5);

/// More steps of SQLite's machine than this take longer than a person notices, some 10 ms. A hundred names
/// from an index take a few thousand.
const STEPS_MAX: i32 = 500_000;

/// Answers which names begin with a text.
pub struct LiveNames {
    connection: Connection,
}

impl Store {
    /// # Errors
    /// The store can't be opened for reading.
    pub fn live_names(&self) -> Result<LiveNames, StoreError> {
        let fail = |e| StoreError::new("read names from", &self.path, e);
        // Not one of those that views share: it keeps its bounds.
        let mut connection = readers::open(&self.path).map_err(fail)?;
        connection.busy_timeout(WAIT_MAX).map_err(fail)?;
        connection.progress_handler(STEPS_MAX, Some(|| true)).map_err(fail)?;
        Ok(LiveNames { connection })
    }
}

impl LiveNames {
    /// The first names of groups in the alphabet.
    ///
    /// # Errors
    /// The store can't be read, or not in time.
    pub fn groups(&self, begin: &str, most: usize) -> Read<Vec<String>> {
        self.any_case("SELECT name FROM groups WHERE name >= ?1 AND name < ?2 ORDER BY name LIMIT ?3", begin, most)
    }

    /// Usernames of those whom scripts see.
    ///
    /// # Errors
    /// As [`LiveNames::groups`].
    pub fn users(&self, begin: &str, most: usize) -> Read<Vec<String>> {
        let select =
            "SELECT username FROM users WHERE username >= ?1 AND username < ?2 AND hidden = 0 ORDER BY username LIMIT ?3";
        self.any_case(select, begin, most)
    }

    /// Devices by name, then by serial number.
    ///
    /// # Errors
    /// As [`LiveNames::groups`].
    pub fn devices(&self, begin: &str, most: usize) -> Read<Vec<String>> {
        // A school may call ten thousand devices `iPad`: each name is looked for after the one before it.
        let by_name = "WITH RECURSIVE found (name) AS (
               SELECT * FROM (SELECT name FROM devices WHERE name >= ?1 AND name < ?2 AND gone_at IS NULL ORDER BY name LIMIT 1)
               UNION ALL
               SELECT (SELECT d.name FROM devices d WHERE d.name > found.name AND d.name < ?2 AND d.gone_at IS NULL
                       ORDER BY d.name LIMIT 1)
               FROM found WHERE found.name IS NOT NULL LIMIT ?3
             )
             SELECT name FROM found WHERE name IS NOT NULL";
        let by_serial =
            "SELECT serial FROM devices WHERE serial >= ?1 AND serial < ?2 AND gone_at IS NULL ORDER BY serial LIMIT ?3";
        let mut names = self.any_case(by_name, begin, most)?;
        names.extend(self.any_case(by_serial, begin, most)?);
        names.truncate(most);
        Ok(names)
    }

    /// Names of apps and books.
    ///
    /// # Errors
    /// As [`LiveNames::groups`].
    pub fn apps(&self, begin: &str, most: usize) -> Read<Vec<String>> {
        self.any_case("SELECT name FROM apps WHERE name >= ?1 AND name < ?2 ORDER BY name LIMIT ?3", begin, most)
    }

    /// As it is typed; where nothing begins so, in the other ways in which it could be written. Each is a range
    /// of an index; a search without regard to case would be none.
    fn any_case(&self, select: &str, begin: &str, most: usize) -> Read<Vec<String>> {
        let mut letters = begin.chars();
        let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        let mut found = Vec::new();
        for begin in [begin.to_owned(), begin.to_lowercase(), begin.to_uppercase(), capital] {
            found = self.names(select, &begin, most)?;
            if !found.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    fn names(&self, select: &str, begin: &str, most: usize) -> Read<Vec<String>> {
        // After every text that begins so: no character is greater.
        let end = format!("{begin}\u{10FFFF}");
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        // Prepared anew: the steps of a statement are counted from its making, through all that it is asked.
        let mut prepared = self.connection.prepare(select)?;
        let rows = prepared.query_map((begin, end, most), |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_indexes_and_begin_as_typed_or_in_another_case() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("s.db")).unwrap();
        store
            .transaction("test", |tx| {
                tx.execute_batch(
                    "INSERT INTO groups (name, source) VALUES ('Grade 5', 't'), ('Grade 6', 't'), ('Zo\u{eb} \"A\" \\', 't');
                     INSERT INTO devices (serial, name, platform, source) VALUES ('C02X1', 'iPad 1', 'ipados', 't'), ('C02X2', 'iPad 1', 'ipados', 't');
                     INSERT INTO apps (adam_id, name, source) VALUES ('1', 'Keynote', 't');",
                )
            })
            .unwrap();
        let names = store.live_names().unwrap();
        assert_eq!(names.groups("Gr", 10).unwrap(), ["Grade 5", "Grade 6"]);
        assert_eq!(names.groups("gr", 1).unwrap(), ["Grade 5"]);
        assert_eq!(names.groups("", 10).unwrap().len(), 3);
        assert_eq!(names.devices("c02", 10).unwrap(), ["C02X1", "C02X2"]);
        assert_eq!(names.devices("iPad", 10).unwrap(), ["iPad 1"]);
        assert_eq!(names.apps("key", 10).unwrap(), ["Keynote"]);
        assert!(names.users("a", 10).unwrap().is_empty());
        for table in ["users WHERE username", "devices WHERE serial", "devices WHERE name", "groups WHERE name"] {
            let plan = format!("EXPLAIN QUERY PLAN SELECT 1 FROM {table} >= 'a' AND {} < 'b'", table.rsplit(' ').next().unwrap());
            let detail: String = names.connection.query_row(&plan, [], |row| row.get(3)).unwrap();
            assert!(detail.starts_with("SEARCH"), "{detail}");
        }
        for _ in 0..10_000 {
            assert_eq!(names.groups("Gr", 10).unwrap().len(), 2, "no question uses up the steps of the next");
        }
        // Nothing is held open: another connection can take the log over.
        let busy: i64 = store.writer().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
        assert_eq!(busy, 0);
    }
}
