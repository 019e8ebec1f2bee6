//! Reading the rows of a selection, in pieces.

use super::limits;
use super::problem::{Problem, RhaiResultOf};
use super::run_context::Run;
use super::selection::Selection;
use super::values::{Device, Row, User};
use crate::domain::selection::Of;

/// The rows of a `for` loop. Holds ids and one chunk of rows, never the whole roster.
pub struct RowIter {
    selection: Selection,
    ids: Option<Vec<i64>>,
    next: usize,
    buffer: std::vec::IntoIter<Row>,
}

impl RowIter {
    pub fn new(selection: Selection) -> Self {
        Self { selection, ids: None, next: 0, buffer: Vec::new().into_iter() }
    }
}

impl Iterator for RowIter {
    type Item = RhaiResultOf<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.buffer.next() {
                return Some(Ok(row));
            }
            let ids = match &self.ids {
                Some(ids) => ids,
                None => match self.selection.ids() {
                    Ok(ids) => self.ids.insert(ids),
                    Err(error) => {
                        self.ids = Some(Vec::new());
                        return Some(Err(error));
                    }
                },
            };
            let chunk: Vec<i64> = ids.iter().skip(self.next).take(limits::CHUNK_ROWS).copied().collect();
            if chunk.is_empty() {
                return None;
            }
            self.next += chunk.len();
            match self.selection.rows(&chunk) {
                Ok(rows) => self.buffer = rows.into_iter(),
                Err(error) => {
                    self.ids = Some(Vec::new());
                    return Some(Err(error));
                }
            }
        }
    }
}

/// The rows with these ids, in this order, each with its id; ids that have gone are passed over.
pub fn rows_with_ids(run: &Run, of: Of, ids: &[i64]) -> Result<Vec<(i64, Row)>, Problem> {
    let rows = read_rows(run, of, ids)?;
    Ok(rows
        .into_iter()
        .map(|row| match &row {
            Row::User(User(u)) => (u.id.0, row),
            Row::Device(Device(d)) => (d.id.0, row),
        })
        .collect())
}

/// The rows with these ids, in this order; ids that have gone are passed over.
pub fn read_rows(run: &Run, of: Of, ids: &[i64]) -> Result<Vec<Row>, Problem> {
    Ok(match of {
        Of::Users => run.read(|view| view.users(ids))?.into_iter().map(|u| Row::User(User(u))).collect(),
        Of::Devices => run.read(|view| view.devices(ids))?.into_iter().map(|d| Row::Device(Device(d))).collect(),
    })
}
