//! Reading single columns: instants, counts, and names that may be near a misspelt one.

use rusqlite::types::FromSqlError;
use rusqlite::{Connection, Row, params};

use crate::domain::roster::Read;
use crate::domain::time::{Timestamp, from_millis};
use crate::store::near_names::NearNames;

/// How many names of the right length are looked at for a "did you mean".
const NAMES_LOOKED_AT: i64 = 200_000;

pub(super) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(from_millis))
}

/// A count that the schema keeps from being negative.
pub(super) fn small(row: &Row<'_>, column: usize) -> rusqlite::Result<u32> {
    Ok(u32::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

/// A word that stands for one of a few things; another word means that the store is damaged.
pub(super) fn word<T>(row: &Row<'_>, column: usize, known: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    known(text).ok_or_else(|| FromSqlError::Other(format!("the store holds {text:?}, which is not known").into()).into())
}

/// The names near `wanted`. `queries` yield one name a row for the parameters: least length, most
/// length, rows at most, and `wanted`; each goes on where the one before did not find enough.
pub(super) fn near(connection: &Connection, wanted: &str, queries: &[&str]) -> Read<Vec<String>> {
    let mut near = NearNames::new(wanted);
    let (least, most) = near.lengths();
    let (least, most) = (i64::try_from(least).unwrap_or(i64::MAX), i64::try_from(most).unwrap_or(i64::MAX));
    for query in queries {
        if near.is_full_of_nearest() {
            break;
        }
        let mut prepared = connection.prepare_cached(query)?;
        let mut rows = prepared.query(params![least, most, NAMES_LOOKED_AT, wanted])?;
        while let Some(row) = rows.next()? {
            near.offer(row.get_ref(0)?.as_str().unwrap_or_default());
        }
    }
    Ok(near.into_names())
}
