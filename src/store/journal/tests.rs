//! Whatever is done to the journal behind beckon's back is found, and what beckon does is never a fault.

use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::*;
use crate::domain::time::from_millis;
use crate::store::Store;

struct Journal {
    _dir: tempfile::TempDir,
    store: Store,
}

/// What one random entry says.
type Said = (i64, String, Option<i64>, Option<i64>, Option<i64>, String);

fn said() -> impl Strategy<Value = Said> {
    let number = || proptest::option::of(0..5_i64);
    (any::<i64>(), "[a-z]{1,8}", number(), number(), number(), ".{0,40}")
}

impl Journal {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("beckon.db")).unwrap();
        Self { _dir: dir, store }
    }

    fn of(entries: &[Said]) -> Self {
        let journal = Self::new();
        journal.say(entries);
        journal
    }

    fn say(&self, entries: &[Said]) {
        self.store
            .transaction("write", |tx| {
                entries.iter().try_for_each(|(at, kind, run, user, delivery, words)| {
                    let at = from_millis(at % 4_000_000_000_000);
                    append(tx, &Entry { at, kind, run: run.map(RunId), user: user.map(UserId), delivery: *delivery, words })
                })
            })
            .unwrap();
    }

    fn lines(&self, how_many: usize) {
        let lines: Vec<Said> =
            (1..=how_many).map(|n| (n as i64, "run".to_owned(), Some(1), Some(2), None, format!("line {n}"))).collect();
        self.say(&lines);
    }

    fn erase(&self, rows: &[i64]) -> u64 {
        self.store.transaction("erase in", |tx| super::erase::erase(tx, rows, "older than 400 days", from_millis(0))).unwrap()
    }

    /// Somebody with a database tool, who has read what the triggers say.
    fn tamper(&self) -> Connection {
        let raw = Connection::open(self.store.path()).unwrap();
        raw.execute_batch(
            "DROP TRIGGER IF EXISTS journal_is_never_changed; DROP TRIGGER IF EXISTS journal_is_never_cut;
             PRAGMA ignore_check_constraints = ON",
        )
        .unwrap();
        raw
    }

    fn check(&self) -> JournalCheck {
        self.store.check_journal(None).unwrap()
    }

    fn faults(&self) -> Vec<String> {
        self.check().faults.iter().map(ToString::to_string).collect()
    }
}

#[test]
fn an_untouched_journal_is_whole() {
    let journal = Journal::new();
    assert_eq!(journal.check(), JournalCheck::default());
    journal.lines(3);
    let check = journal.check();
    assert_eq!((check.rows, check.erased, check.faults_found), (3, 0, 0));
    assert!(check.end.unwrap().starts_with("3:"));
    // A transaction that is rolled back leaves no gap.
    let failed: Result<(), _> = journal.store.transaction("write", |tx| {
        append(tx, &Entry { at: from_millis(0), kind: "x", run: None, user: None, delivery: None, words: "" })?;
        Err(rusqlite::Error::QueryReturnedNoRows)
    });
    assert!(failed.is_err());
    journal.lines(2);
    assert_eq!((journal.check().rows, journal.faults()), (5, vec![]));
}

#[test]
fn the_triggers_let_nobody_change_or_cut_it() {
    let journal = Journal::new();
    journal.lines(3);
    let raw = Connection::open(journal.store.path()).unwrap();
    for sql in [
        "DELETE FROM journal WHERE id = 3",
        "UPDATE journal SET words = 'x' WHERE id = 2",
        "UPDATE journal SET words = '', user_id = NULL WHERE id = 2",
        "UPDATE journal SET salt = NULL, words = '', user_id = NULL, seal = x'00' WHERE id = 2",
        "UPDATE journal SET salt = NULL, words = '', user_id = NULL, seal = x'00', erased_by = 3, at = 0 WHERE id = 2",
    ] {
        let error = raw.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
    assert_eq!(journal.faults(), Vec::<String>::new());
}

#[test]
fn faults_say_what_happened() {
    let whole = "INSERT INTO journal SELECT * FROM kept; DROP TABLE kept";
    let cases: [(&str, &[&str]); 12] = [
        ("UPDATE journal SET words = 'line 5' WHERE id = 4", &["row 4 is not as it was written"]),
        ("UPDATE journal SET user_id = 3 WHERE id = 1", &["row 1 is not as it was written"]),
        ("UPDATE journal SET hash = zeroblob(32) WHERE id = 4", &["row 4 is not as it was written"]),
        ("DELETE FROM journal WHERE id = 1", &["row 1 is missing"]),
        ("DELETE FROM journal WHERE id IN (4, 5)", &["rows 4 to 5 are missing"]),
        ("DELETE FROM journal WHERE id > 7", &["rows 8 to 10 are missing"]),
        ("DELETE FROM journal", &["rows 1 to 10 are missing"]),
        ("DELETE FROM sqlite_sequence", &["rows after 0 were put in by something else than beckon"]),
        (
            "UPDATE journal SET salt = NULL, seal = zeroblob(32), user_id = NULL, words = '' WHERE id = 4",
            &["row 4 was erased by something else than beckon", "row 4 is not as it was written"],
        ),
        // Two rows that change places are wrong both, whichever way one looks.
        (
            "UPDATE journal SET id = 100 WHERE id = 4; UPDATE journal SET id = 4 WHERE id = 5; UPDATE journal SET id = 5 WHERE id = 100",
            &["row 4 is not as it was written", "row 5 is not as it was written", "row 6 is not as it was written"],
        ),
        // The last row of a longer journal, put where there was none.
        (
            "INSERT INTO journal SELECT 11, at, kind, run_id, user_id, delivery_id, words, salt, hash, seal, erased_by FROM journal WHERE id = 10",
            &["row 11 is not as it was written"],
        ),
        ("CREATE TABLE kept AS SELECT * FROM journal; DELETE FROM journal", &[]),
    ];
    for (sql, said) in cases {
        let journal = Journal::new();
        journal.lines(10);
        let raw = journal.tamper();
        raw.execute_batch(sql).unwrap();
        if said.is_empty() {
            raw.execute_batch(whole).unwrap();
        }
        assert_eq!(journal.faults(), said, "{sql}");
    }
}

#[test]
fn rows_cut_from_the_end_stay_missing_when_it_goes_on() {
    let journal = Journal::new();
    journal.lines(10);
    journal.tamper().execute_batch("DELETE FROM journal WHERE id > 8").unwrap();
    journal.lines(5);
    assert_eq!(journal.faults(), ["rows 9 to 10 are missing"]);
}

#[test]
fn a_noted_end_proves_that_nobody_wrote_it_anew() {
    let journal = Journal::new();
    journal.lines(4);
    let noted = journal.check().end.unwrap();
    journal.lines(4);
    assert_eq!(journal.store.check_journal(Some(&noted)).unwrap().faults, []);
    let other = Journal::new();
    other.lines(8);
    assert_eq!(other.store.check_journal(Some(&noted)).unwrap().faults, [JournalFault::NotTheSame { row: 4 }]);
    let short = Journal::new();
    short.lines(3);
    assert_eq!(short.store.check_journal(Some(&noted)).unwrap().faults, [JournalFault::NotTheSame { row: 4 }]);
}

#[test]
fn many_faults_are_counted_and_the_first_ones_told() {
    let journal = Journal::new();
    journal.lines(100);
    journal.tamper().execute_batch("UPDATE journal SET words = words || '.' WHERE id % 2 = 0").unwrap();
    let check = journal.check();
    assert_eq!((check.faults.len(), check.faults_found), (20, 50));
}

#[test]
fn erasing_leaves_the_chain_whole_and_says_what_it_did() {
    let journal = Journal::new();
    journal.lines(6);
    assert_eq!(journal.erase(&[2, 3, 5]), 3);
    assert_eq!(journal.erase(&[2, 6, 99]), 1);
    assert_eq!(journal.erase(&[2, 7]), 0, "what is erased already, and what says so, is left alone");
    let check = journal.check();
    assert_eq!((check.rows, check.erased, check.faults), (8, 4, vec![]));
    let words = journal.store.journal_words(3).unwrap();
    assert_eq!(words, ["run: ", "erased: 3 rows: older than 400 days", "erased: 1 row: older than 400 days"]);
    let left: i64 = journal
        .tamper()
        .query_row(
            "SELECT COUNT(*) FROM journal WHERE id IN (2, 3, 5, 6) AND (salt NOT NULL OR words <> '' OR user_id NOT NULL)",
            [],
            |r| r.get(0),
        )
        .unwrap();
    assert_eq!(left, 0);
    // Erasing by hand behind an order that there was.
    let raw = journal.tamper();
    raw.execute_batch(
        "UPDATE journal SET salt = NULL, seal = zeroblob(32), user_id = NULL, words = '', erased_by = 7 WHERE id = 1",
    )
    .unwrap();
    assert_eq!(journal.faults(), ["row 1 is not as it was written", "row 7 says that 3 rows were erased, and there are 4"]);
}

#[test]
fn the_rows_of_an_older_store_are_chained_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("beckon.db");
    {
        let mut old = Connection::open(&path).unwrap();
        let runner = crate::store::migrations::migrations::runner().set_grouped(true);
        runner.set_target(refinery::Target::Version(1)).run(&mut old).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        old.execute_batch(
            "INSERT INTO journal (id, at, kind, run_id, user_id, words) VALUES (3, 5, 'run', 1, NULL, 'first'), (9, 6, 'mail', 1, 2, 'second')",
        )
        .unwrap();
    }
    let store = Store::open(&path).unwrap();
    let journal = Journal { _dir: dir, store };
    assert_eq!(journal.store.journal_words(9).unwrap(), ["run: first", "mail: second"]);
    journal.lines(1);
    let check = journal.check();
    assert_eq!((check.rows, check.faults), (3, vec![]));
    journal.tamper().execute_batch("UPDATE journal SET at = 6 WHERE id = 1").unwrap();
    assert_eq!(journal.faults(), ["row 1 is not as it was written"]);
}

/// Every column that holds something, and what a flipped bit makes of its value.
fn flipped(raw: &Connection, row: i64, column: &str, bit: usize) -> Option<Value> {
    let value: Value = raw.query_row(&format!("SELECT {column} FROM journal WHERE id = ?1"), [row], |r| r.get(0)).unwrap();
    let flip = |bytes: &mut Vec<u8>| {
        let at = bit / 8 % bytes.len();
        bytes[at] ^= 1 << (bit % 8);
    };
    Some(match value {
        Value::Null => Value::Integer(1 << (bit % 62)),
        Value::Integer(number) => Value::Integer(number ^ (1 << (bit % 64))),
        Value::Text(text) if text.is_empty() => return None,
        // As bytes: the changed text may be no text any more.
        Value::Text(text) => {
            let mut bytes = text.into_bytes();
            flip(&mut bytes);
            match String::from_utf8(bytes) {
                Ok(text) => Value::Text(text),
                Err(_) => return None,
            }
        }
        Value::Blob(mut bytes) => {
            flip(&mut bytes);
            Value::Blob(bytes)
        }
        Value::Real(_) => unreachable!("the journal has none"),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_flipped_bit_is_found(entries in proptest::collection::vec(said(), 1..12), row in any::<prop::sample::Index>(),
                                bit in any::<usize>(), erased in any::<bool>()) {
        let journal = Journal::of(&entries);
        if erased {
            journal.erase(&(1..=entries.len() as i64).filter(|id| id % 2 == 0).collect::<Vec<_>>());
        }
        prop_assert_eq!(journal.check().faults_found, 0);
        let rows = journal.check().rows as usize;
        let row = row.index(rows) as i64 + 1;
        let raw = journal.tamper();
        for column in ["at", "kind", "run_id", "user_id", "delivery_id", "words", "salt", "hash", "seal", "erased_by"] {
            let Some(other) = flipped(&raw, row, column, bit) else { continue };
            let kept: Value = raw.query_row(&format!("SELECT {column} FROM journal WHERE id = ?1"), [row], |r| r.get(0)).unwrap();
            let set = format!("UPDATE journal SET {column} = ?2 WHERE id = ?1");
            raw.execute(&set, rusqlite::params![row, other]).unwrap();
            prop_assert!(journal.check().faults_found > 0, "{} of row {}: {:?} for {:?}", column, row, other, kept);
            raw.execute(&set, rusqlite::params![row, kept]).unwrap();
            prop_assert_eq!(journal.check().faults_found, 0);
        }
    }

    #[test]
    fn rows_taken_out_put_in_or_moved_are_found(entries in proptest::collection::vec(said(), 2..12),
                                                one in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(),
                                                on in any::<bool>()) {
        let (one, other) = (one.index(entries.len()) as i64 + 1, other.index(entries.len()) as i64 + 1);
        for change in 0..4 {
            let journal = Journal::of(&entries);
            let raw = journal.tamper();
            match change {
                0 => raw.execute("DELETE FROM journal WHERE id = ?1", [one]).unwrap(),
                1 => raw.execute("DELETE FROM journal WHERE id >= ?1", [one]).unwrap(),
                2 => raw.execute("DELETE FROM journal WHERE id <= ?1", [one]).unwrap(),
                _ if one == other => continue,
                // The two change places.
                _ => {
                    for (from, to) in [(one, 1000), (other, one), (1000, other)] {
                        raw.execute("UPDATE journal SET id = ?2 WHERE id = ?1", [from, to]).unwrap();
                    }
                    0
                }
            };
            // It is found, too, when beckon has gone on writing.
            if on {
                journal.lines(2);
            }
            prop_assert!(journal.check().faults_found > 0, "change {} of {} and {}", change, one, other);
        }
    }
}
