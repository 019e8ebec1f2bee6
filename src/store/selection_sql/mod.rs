//! A selection as one SQL statement: text from a closed set of names, and every value a parameter.
//! Never a value in the text, and never a row read: whoever asks runs the statement.

mod conditions;
mod explain;
mod fields;
mod rows;
#[cfg(test)]
mod tests;

use rusqlite::types::{ToSqlOutput, Value as SqlValue};
use rusqlite::{Connection, ToSql};

use crate::domain::roster::{Read, RosterError};
use crate::domain::selection::{Of, Select};

pub(super) use explain::explain;

/// Conditions and set operations of one selection, after unions of like things have been joined. Far
/// beyond what anybody writes, far below where SQLite would refuse.
const PARTS_MAX: usize = 500;

/// Selections and conditions inside each other.
const DEPTH_MAX: usize = 60;

/// A statement that yields ids, or their count.
#[derive(Debug)]
pub(super) struct Statement {
    pub text: String,
    pub params: Vec<Param>,
}

impl Statement {
    /// Some pieces come to nothing (a comparison of a number with a text is false whatever they are) and
    /// their parameters with them: what is left is numbered anew.
    fn new(text: &str, params: Vec<Param>) -> Self {
        let mut numbers = vec![0; params.len()];
        let mut used = Vec::new();
        let mut renumbered = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => renumbered.push_str(text),
                Piece::Param(index) => {
                    if let Some(number) = numbers.get_mut(index) {
                        if *number == 0 {
                            used.push(index);
                            *number = used.len();
                        }
                        renumbered.push_str(&format!("?{number}"));
                    }
                }
            }
        }
        let mut params: Vec<Option<Param>> = params.into_iter().map(Some).collect();
        let params = used.into_iter().filter_map(|index| params.get_mut(index)?.take()).collect();
        Self { text: renumbered, params }
    }
}

enum Piece<'t> {
    Text(&'t str),
    /// The index of a parameter, from 0.
    Param(usize),
}

/// No name or keyword of ours holds a question mark, and no value is in the text, so each one begins a parameter.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    for (n, piece) in text.split('?').enumerate() {
        let digits = if n == 0 { 0 } else { piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len()) };
        let (number, rest) = piece.split_at(digits);
        if let Some(index) = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1)) {
            found.push(Piece::Param(index));
        }
        found.push(Piece::Text(rest));
    }
    found
}

/// A bound value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Param {
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// Bound as a JSON array, which `json_each` reads.
    Ids(Vec<i64>),
}

impl ToSql for Param {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Int(n) => ToSqlOutput::Owned(SqlValue::Integer(*n)),
            Self::Text(text) => text.to_sql()?,
            Self::Bytes(bytes) => bytes.to_sql()?,
            Self::Ids(ids) => ToSqlOutput::Owned(SqlValue::Text(id_list(ids.iter().copied()))),
        })
    }
}

/// `[1,2,3]`, for `json_each`.
pub(super) fn id_list(ids: impl IntoIterator<Item = i64>) -> String {
    use std::fmt::Write as _;
    let mut list = String::from("[");
    for id in ids {
        let comma = if list.len() == 1 { "" } else { "," };
        let _ = write!(list, "{comma}{id}");
    }
    list.push(']');
    list
}

/// The statement that yields a selection's ids in its order, each once.
///
/// # Errors
/// The selection has too many parts, is nested too deeply, or asks users for a device's field.
pub(super) fn ids(select: &Select) -> Read<Statement> {
    let mut builder = Builder::default();
    let rows = builder.rows(select, 0)?;
    let text = format!(
        "SELECT {0}.id{1}\nORDER BY {2}{3}",
        rows.row.alias,
        rows.tables_and_filters(),
        rows.order_by(),
        rows.limit_clause()
    );
    Ok(Statement::new(&text, builder.params))
}

/// The statement that counts a selection's rows.
///
/// # Errors
/// As [`ids`].
pub(super) fn count(select: &Select) -> Read<Statement> {
    let mut builder = Builder::default();
    let rows = builder.rows(select, 0)?;
    let text = match rows.limit {
        None => format!("SELECT COUNT(*){}", rows.tables_and_filters()),
        Some(_) => format!("SELECT COUNT(*) FROM (SELECT 1{}{})", rows.tables_and_filters(), rows.limit_clause()),
    };
    Ok(Statement::new(&text, builder.params))
}

/// The statement that counts everybody, or everything, of the present: all rows without those that nobody sees. A
/// whole table is counted without looking at its rows.
pub(super) fn count_all(of: Of) -> &'static str {
    match of {
        Of::Users => "SELECT (SELECT COUNT(*) FROM users) - (SELECT COUNT(*) FROM users WHERE hidden = 1)",
        Of::Devices => "SELECT (SELECT COUNT(*) FROM devices) - (SELECT COUNT(*) FROM devices WHERE gone_at IS NOT NULL)",
    }
}

/// Adds the function that samples are drawn by: the same number for the same row and seed, on every
/// machine and in every version, so that "the same ten" stay the same ten.
pub(super) fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    use rusqlite::functions::FunctionFlags;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("sample_rank", 2, flags, |call| Ok(sample_rank(call.get(0)?, call.get(1)?)))
}

/// Two rounds of `SplitMix64`'s mixer over the row's id and the seed.
fn sample_rank(id: i64, seed: i64) -> i64 {
    let mix = |mut z: u64| {
        z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    mix(id.cast_unsigned() ^ mix(seed.cast_unsigned())).cast_signed()
}

/// A table's row that fields are read from.
#[derive(Clone, Debug)]
struct Row {
    of: Of,
    alias: String,
}

/// Collects parameters and hands out aliases; a statement is made of pieces that refer to both.
#[derive(Default)]
struct Builder {
    params: Vec<Param>,
    aliases: usize,
    parts: usize,
}

impl Builder {
    /// The text that stands for a value.
    fn bind(&mut self, value: Param) -> String {
        self.params.push(value);
        format!("?{}", self.params.len())
    }

    fn fresh(&mut self, letter: char) -> String {
        self.aliases += 1;
        format!("{letter}{}", self.aliases)
    }

    fn row(&mut self, of: Of) -> Row {
        let letter = if of == Of::Users { 'u' } else { 'd' };
        Row { of, alias: self.fresh(letter) }
    }

    fn count_part(&mut self) -> Read<()> {
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return Err(RosterError(format!(
                "the selection is made of more than {PARTS_MAX} conditions and set operations; make an array of the rows and select from that"
            )));
        }
        Ok(())
    }
}

fn check_depth(depth: usize) -> Read<()> {
    if depth > DEPTH_MAX {
        return Err(RosterError(format!("the selection's parts are nested more than {DEPTH_MAX} deep")));
    }
    Ok(())
}

/// Joins terms pairwise, so that a thousand of them are ten levels deep and not a thousand: SQLite
/// bounds the depth of an expression, not its length.
fn joined(mut terms: Vec<String>, operator: &str, none: &str) -> String {
    if terms.is_empty() {
        return none.to_owned();
    }
    while terms.len() > 8 {
        terms =
            terms.chunks(8).map(|few| if let [one] = few { one.clone() } else { format!("({})", few.join(operator)) }).collect();
    }
    terms.join(operator)
}
