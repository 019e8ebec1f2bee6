//! Looking whether the journal is whole: every row in its place, as it was written.

use std::collections::HashMap;

use rusqlite::{Connection, Row};

use super::chain::{self, BEGINNING, Hash, Link};
use crate::store::{Store, StoreError};

/// So many faults are told; more are counted.
const FAULTS_MAX: usize = 20;

/// What looking through the whole journal came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalCheck {
    pub rows: u64,
    /// Rows whose personal data was erased in due form.
    pub erased: u64,
    /// The last row's number and its hash in hexadecimal, as `1024:9f86d0…`: written down elsewhere it
    /// proves later that the journal up to there is still the same.
    pub end: Option<String>,
    /// The first of them.
    pub faults: Vec<JournalFault>,
    pub faults_found: u64,
}

/// Something that nobody who only uses beckon can have done to the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalFault {
    /// The row was changed, or doesn't belong where it stands.
    Changed { row: i64 },
    /// Rows from `first` to `last` are gone.
    Missing { first: i64, last: i64 },
    /// Rows after `row` stand there that were never counted.
    Uncounted { row: i64 },
    /// The row's words and person were taken out and no row says that this was ordered.
    Erased { row: i64 },
    /// A row says that it ordered the erasing of a number of rows, and there are others than these.
    ErasedOthers { row: i64, ordered: u64, found: u64 },
    /// The end that was noted elsewhere isn't in this journal: it was written anew.
    NotTheSame { row: i64 },
}

impl std::fmt::Display for JournalFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changed { row } => write!(f, "row {row} is not as it was written"),
            Self::Missing { first, last } if first == last => write!(f, "row {first} is missing"),
            Self::Missing { first, last } => write!(f, "rows {first} to {last} are missing"),
            Self::Uncounted { row } => write!(f, "rows after {row} were put in by something else than beckon"),
            Self::Erased { row } => write!(f, "row {row} was erased by something else than beckon"),
            Self::ErasedOthers { row, ordered, found } => {
                write!(f, "row {row} says that {ordered} rows were erased, and there are {found}")
            }
            Self::NotTheSame { row } => write!(f, "row {row} is not the one that was noted: the journal was written anew"),
        }
    }
}

impl Store {
    /// Looks through the whole journal, row by row. `noted` is an end from an earlier look.
    ///
    /// # Errors
    /// The store's; a fault of the journal is none.
    pub fn check_journal(&self, noted: Option<&str>) -> Result<JournalCheck, StoreError> {
        let reader = self.connect_reader()?;
        check(&reader, noted).map_err(|e| StoreError::new("read", self.path(), e))
    }
}

fn check(reader: &Connection, noted: Option<&str>) -> rusqlite::Result<JournalCheck> {
    // One view: rows that are added meanwhile belong to the next look.
    let tx = reader.unchecked_transaction()?;
    let counted: i64 = tx
        .query_row("SELECT MAX(seq) FROM sqlite_sequence WHERE name = 'journal'", [], |row| row.get::<_, Option<i64>>(0))
        .ok()
        .flatten()
        .unwrap_or(0);
    let mut look = Look { noted: noted.and_then(|noted| noted.split_once(':')), ..Look::default() };
    let mut query = tx.prepare(
        "SELECT id, at, kind, run_id, delivery_id, hash, salt, user_id, words, seal, erased_by FROM journal ORDER BY id",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        look.at(row)?;
    }
    Ok(look.end(counted))
}

#[derive(Default)]
struct Look<'a> {
    check: JournalCheck,
    last: i64,
    /// What the next row's hash may have been made from: the last row's hash as it stands there, and as
    /// it has to be. They differ after a row that was changed, and the next one says whether the row or
    /// its hash was: so one changed row is one fault.
    before: Option<[Hash; 2]>,
    /// How many rows say that this row ordered their erasing.
    erased_by: HashMap<i64, u64>,
    noted: Option<(&'a str, &'a str)>,
}

impl Look<'_> {
    fn at(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let id: i64 = row.get(0)?;
        self.check.rows += 1;
        let stored: Option<Hash> = row.get_ref(5)?.as_blob().ok().and_then(|hash| hash.try_into().ok());
        let seal = self.seal(id, row)?;
        let link = Link { id, at: row.get_ref(1)?, kind: row.get_ref(2)?, run: row.get_ref(3)?, delivery: row.get_ref(4)? };
        let befores = self.before.unwrap_or([BEGINNING; 2]);
        let hashes = befores.map(|before| link.hash(&before, &seal));
        let next = self.last.saturating_add(1);
        if id > next {
            self.fault(JournalFault::Missing { first: next, last: id - 1 });
            // What it was made from is gone with them: nothing can be said of this row itself.
        } else if !stored.is_some_and(|stored| hashes.contains(&stored)) {
            self.fault(JournalFault::Changed { row: id });
        }
        let [should, _] = hashes;
        let stored = stored.unwrap_or(should);
        self.erasing(id, row)?;
        if let Some((noted, hash)) = self.noted
            && noted == id.to_string()
        {
            // Half of a hash is as good as all of it.
            if hash.len() < 32 || !hex(&stored).starts_with(hash) {
                self.fault(JournalFault::NotTheSame { row: id });
            }
            self.noted = None;
        }
        self.before = Some([stored, should]);
        self.last = id;
        Ok(())
    }

    /// The seal that the row's hash covers: of what is there, or as it was left when that was erased.
    fn seal(&mut self, id: i64, row: &Row<'_>) -> rusqlite::Result<Hash> {
        let (salt, user, words, seal, by) =
            (row.get_ref(6)?, row.get_ref(7)?, row.get_ref(8)?, row.get_ref(9)?, row.get_ref(10)?);
        let none = rusqlite::types::ValueRef::Null;
        if salt != none {
            // A whole row has no left-overs of an erasing.
            if seal != none || by != none {
                self.fault(JournalFault::Changed { row: id });
            }
            return Ok(chain::seal(salt, user, words));
        }
        self.check.erased += 1;
        match by.as_i64() {
            Ok(by) if by > id && user == none && words.as_bytes().is_ok_and(<[u8]>::is_empty) => {
                *self.erased_by.entry(by).or_default() += 1;
            }
            _ => self.fault(JournalFault::Erased { row: id }),
        }
        Ok(seal.as_blob().ok().and_then(|seal| seal.try_into().ok()).unwrap_or(BEGINNING))
    }

    /// A row that ordered erasing says of how many.
    fn erasing(&mut self, id: i64, row: &Row<'_>) -> rusqlite::Result<()> {
        let found = self.erased_by.remove(&id);
        let ordered = match row.get_ref(2)?.as_str() {
            Ok(super::erase::KIND) => row.get_ref(8)?.as_str().ok().and_then(super::erase::ordered),
            _ => None,
        };
        let (ordered, found) = (ordered.unwrap_or(0), found.unwrap_or(0));
        if ordered != found {
            self.fault(JournalFault::ErasedOthers { row: id, ordered, found });
        }
        Ok(())
    }

    fn end(mut self, counted: i64) -> JournalCheck {
        if counted > self.last {
            self.fault(JournalFault::Missing { first: self.last.saturating_add(1), last: counted });
        }
        if counted < self.last {
            self.fault(JournalFault::Uncounted { row: counted });
        }
        let mut unknown: Vec<(i64, u64)> = self.erased_by.drain().collect();
        unknown.sort_unstable();
        for (row, found) in unknown {
            self.fault(JournalFault::ErasedOthers { row, ordered: 0, found });
        }
        if let Some((noted, _)) = self.noted {
            self.fault(JournalFault::NotTheSame { row: noted.parse().unwrap_or(0) });
        }
        self.check.end = self.before.map(|[hash, _]| format!("{}:{}", self.last, hex(&hash)));
        self.check
    }

    fn fault(&mut self, fault: JournalFault) {
        self.check.faults_found += 1;
        if self.check.faults.len() < FAULTS_MAX {
            self.check.faults.push(fault);
        }
    }
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
