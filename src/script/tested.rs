//! The rows that a left-over closure keeps.

use std::sync::{Arc, Mutex, PoisonError};

use super::limits;
use super::problem::RhaiResultOf;
use super::row_test::RowTest;
use super::rows::rows_with_ids;
use super::run_context::Run;
use super::selection::{Node, Step};
use crate::domain::selection::{Condition, Select};

/// Rows that a closure is asked about one by one.
pub struct Tested {
    pub from: Arc<Node>,
    test: RowTest,
    /// Holds on every row that the closure keeps.
    pub pushed: Option<Condition>,
    /// Given where only errors are left over: the rows on which the closure raises one. When there is
    /// no such row, `pushed` is the whole answer.
    raises: Option<Condition>,
    /// What it kept, of which view. A view is frozen and the closure's captures are copies, so once is
    /// enough for each.
    kept: Mutex<Option<(u64, Arc<Select>)>>,
}

impl Tested {
    pub fn new(from: Arc<Node>, test: RowTest, pushed: Option<Condition>, raises: Option<Condition>) -> Self {
        Self { from, test, pushed, raises, kept: Mutex::default() }
    }

    /// The rows that the closure keeps, in their order; at most so many where that is enough.
    pub fn resolve(&self, run: &Run, enough: Option<u64>) -> RhaiResultOf<Arc<Select>> {
        let limited = |select: Arc<Select>| match enough {
            Some(rows) => Arc::new(Step::Limit(rows).on(select)),
            None => select,
        };
        if let Some(kept) = self.kept(run) {
            return Ok(limited(kept));
        }
        let all = self.from.resolve(run)?;
        let narrowed = match &self.pushed {
            Some(condition) => Arc::new(Select::Where(all.clone(), condition.clone())),
            None => all.clone(),
        };
        if let Some(raises) = &self.raises {
            let raising = Select::Where(all, raises.clone());
            if run.read(|view| view.count(&raising))? == 0 {
                return Ok(limited(self.keep(run, narrowed)));
            }
        }
        let (ids, complete) = self.ask(run, &narrowed, enough)?;
        let kept = Arc::new(Select::Ids(narrowed.of(), ids.into()));
        Ok(if complete { limited(self.keep(run, kept)) } else { kept })
    }

    fn kept(&self, run: &Run) -> Option<Arc<Select>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(view, _)| *view == run.view_number()).map(|(_, kept)| Arc::clone(kept))
    }

    fn keep(&self, run: &Run, kept: Arc<Select>) -> Arc<Select> {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((run.view_number(), Arc::clone(&kept)));
        kept
    }

    /// Asks the closure about each row, and says whether it was asked about all.
    fn ask(&self, run: &Run, select: &Select, enough: Option<u64>) -> RhaiResultOf<(Vec<i64>, bool)> {
        let rows = run.read(|view| view.count(select))?;
        if rows > limits::LEFTOVER_ROWS {
            return Err(self.test.refuse_rows(rows, limits::LEFTOVER_ROWS));
        }
        let enough = enough.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let ids = run.read(|view| view.ids(select))?;
        let asker = self.test.asker(run)?;
        let mut kept = Vec::new();
        for chunk in ids.chunks(limits::CHUNK_ROWS) {
            if enough.is_some_and(|n| kept.len() >= n) {
                return Ok((kept, false));
            }
            for (id, row) in rows_with_ids(run, select.of(), chunk)? {
                if asker.keeps(row)? {
                    kept.push(id);
                    if enough.is_some_and(|n| kept.len() >= n) {
                        return Ok((kept, false));
                    }
                }
            }
            run.checkpoint()?;
        }
        Ok((kept, true))
    }
}
