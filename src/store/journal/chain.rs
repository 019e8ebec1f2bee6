//! How the journal's rows are chained: the bytes that a hash covers, and the rows of older stores.
//!
//! seal = SHA-256(salt, user, words), hash = SHA-256(hash before, id, at, kind, run, delivery, seal).
//! Each value is written with its type and its length, so that no two lists of values are the same bytes.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row};
use sha2::{Digest as _, Sha256};

/// A SHA-256 hash.
pub(super) type Hash = [u8; 32];

/// What the first row's hash takes for the hash before it.
pub(super) const BEGINNING: Hash = [0; 32];

/// One row as it stands in the file, whatever stands there.
pub(super) struct Link<'a> {
    pub id: i64,
    pub at: ValueRef<'a>,
    pub kind: ValueRef<'a>,
    pub run: ValueRef<'a>,
    pub delivery: ValueRef<'a>,
}

impl Link<'_> {
    pub fn hash(&self, before: &Hash, seal: &Hash) -> Hash {
        let values = [
            ValueRef::Blob(before),
            ValueRef::Integer(self.id),
            self.at,
            self.kind,
            self.run,
            self.delivery,
            ValueRef::Blob(seal),
        ];
        digest(&values)
    }
}

/// What keeps a row's words and person provable while they are there, and tells nothing once the salt is gone.
pub(super) fn seal(salt: ValueRef<'_>, user: ValueRef<'_>, words: ValueRef<'_>) -> Hash {
    digest(&[salt, user, words])
}

fn digest(values: &[ValueRef<'_>]) -> Hash {
    let mut hash = Sha256::new();
    // Small rows go to the hash in one piece.
    let mut bytes = Vec::with_capacity(192);
    for value in values {
        match value {
            ValueRef::Null => bytes.push(0),
            ValueRef::Integer(number) => {
                bytes.push(1);
                bytes.extend_from_slice(&number.to_be_bytes());
            }
            ValueRef::Real(number) => {
                bytes.push(2);
                bytes.extend_from_slice(&number.to_bits().to_be_bytes());
            }
            ValueRef::Text(text) => with_length(&mut bytes, 3, text),
            ValueRef::Blob(blob) => with_length(&mut bytes, 4, blob),
        }
    }
    hash.update(&bytes);
    hash.finalize().into()
}

fn with_length(bytes: &mut Vec<u8>, kind: u8, value: &[u8]) {
    bytes.push(kind);
    bytes.extend_from_slice(&(value.len() as u64).to_be_bytes());
    bytes.extend_from_slice(value);
}

/// A number that may be absent, as SQLite hands it over.
pub(super) fn maybe(number: Option<i64>) -> ValueRef<'static> {
    number.map_or(ValueRef::Null, ValueRef::Integer)
}

/// Chains the rows of a journal from before there was a chain, in their order. Where there are none
/// left it does nothing, so that whoever died half way is finished by the next.
pub(in crate::store) fn take_unchained(connection: &mut Connection) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let waiting: bool =
        tx.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'journal_unchained')", [], |row| row.get(0))?;
    if waiting {
        let super::End { mut id, mut hash, .. } = super::end(&tx)?;
        let mut insert = tx.prepare(super::INSERT)?;
        // The old ids could have gaps, which would look like missing rows.
        let mut rows = tx
            .prepare("SELECT at, kind, run_id, user_id, delivery_id, words, randomblob(16) FROM journal_unchained ORDER BY id")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            id += 1;
            hash = chained(row, id, &hash)?;
            let as_it_is = |column| row.get_ref(column).map(ToSqlOutput::Borrowed);
            insert.execute(rusqlite::params![
                id,
                as_it_is(0)?,
                as_it_is(1)?,
                as_it_is(2)?,
                as_it_is(3)?,
                as_it_is(4)?,
                as_it_is(5)?,
                as_it_is(6)?,
                hash
            ])?;
        }
    }
    tx.execute_batch("DROP TABLE IF EXISTS journal_unchained")?;
    tx.commit()
}

fn chained(row: &Row<'_>, id: i64, before: &Hash) -> rusqlite::Result<Hash> {
    let link = Link { id, at: row.get_ref(0)?, kind: row.get_ref(1)?, run: row.get_ref(2)?, delivery: row.get_ref(4)? };
    Ok(link.hash(before, &seal(row.get_ref(6)?, row.get_ref(3)?, row.get_ref(5)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_lists_of_values_are_the_same_bytes() {
        let text = ValueRef::Text;
        let lists: [&[ValueRef<'_>]; 7] = [
            &[text(b"ab"), text(b"c")],
            &[text(b"a"), text(b"bc")],
            &[text(b"abc"), text(b"")],
            &[text(b"abc")],
            &[ValueRef::Blob(b"abc")],
            &[text(b"abc"), ValueRef::Null],
            &[ValueRef::Integer(0)],
        ];
        let hashes: std::collections::HashSet<Hash> = lists.iter().map(|list| digest(list)).collect();
        assert_eq!(hashes.len(), lists.len());
        assert_ne!(digest(&[ValueRef::Integer(0)]), digest(&[ValueRef::Real(0.0)]));
    }
}
