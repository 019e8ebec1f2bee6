//! A selection as a script holds it: lazy, immutable, composable.
//!
//! As long as every closure could be turned into a condition a selection is plain data for the store.
//! A closure that could not stays behind as a row test; it is asked when the selection is used, over
//! the rows that the query leaves, and what it keeps goes on as a list of ids in the same order.

use std::sync::{Arc, OnceLock};

use super::limits;
use super::problem::{Problem, RhaiResultOf};
use super::row_test::RowTest;
use super::run_context::Run;
use super::values::{Device, Row, User, noun};
use crate::domain::invite_plan::counted;
use crate::domain::selection::{Condition, Field, Of, Select};

/// A lazy query over users or devices.
#[derive(Clone)]
pub struct Selection {
    run: Run,
    node: Arc<Node>,
    /// How many steps it is made of. Bounded, because each becomes a level of a query.
    steps: usize,
    /// What it is called, where it is a group or a rule as a whole.
    label: Option<Arc<str>>,
}

/// The steps; `Data` wherever everything below could be handed to the store.
enum Node {
    Data(Arc<Select>),
    Tested(Tested),
    Pair(SetOperation, Arc<Node>, Arc<Node>),
    Step(Step, Arc<Node>),
}

#[derive(Clone, Copy, Debug)]
pub enum SetOperation {
    Union,
    Difference,
    Intersection,
}

/// A step on one selection.
#[derive(Clone, Debug)]
pub enum Step {
    Where(Condition),
    Order { by: Field, descending: bool },
    Limit(u64),
    Sample { rows: u64, seed: i64 },
}

/// Rows that a closure is asked about one by one.
struct Tested {
    from: Arc<Node>,
    test: RowTest,
    /// What it kept. The view is frozen and the closure's captures are copies, so once is enough.
    kept: OnceLock<Arc<[i64]>>,
}

const STEPS_MAX: usize = 200;

impl std::fmt::Debug for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Selection").field("of", &self.of()).finish_non_exhaustive()
    }
}

impl Selection {
    pub fn new(run: Run, select: Select) -> Self {
        Self { run, node: Arc::new(Node::Data(Arc::new(select))), steps: 1, label: None }
    }

    #[must_use]
    pub fn labelled(mut self, label: &str) -> Self {
        self.label = Some(label.into());
        self
    }

    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    pub fn run(&self) -> &Run {
        &self.run
    }

    pub fn of(&self) -> Of {
        self.node.of()
    }

    /// The query, where no closure is left over.
    pub fn data(&self) -> Option<&Arc<Select>> {
        match &*self.node {
            Node::Data(select) => Some(select),
            _ => None,
        }
    }

    pub fn step(&self, step: Step) -> Result<Self, Problem> {
        let node = match &*self.node {
            Node::Data(select) => Node::Data(Arc::new(step.on(select.clone()))),
            _ => Node::Step(step, self.node.clone()),
        };
        self.derive(node, self.steps + 1)
    }

    pub fn pair(&self, operation: SetOperation, other: &Self) -> Result<Self, Problem> {
        if self.of() != other.of() {
            return Err(Problem::new(
                "wrong_type",
                format!("a selection of {}s and one of {}s can't be combined", noun(self.of()), noun(other.of())),
            ));
        }
        let node = match (&*self.node, &*other.node) {
            (Node::Data(a), Node::Data(b)) => Node::Data(Arc::new(operation.on(a.clone(), b.clone()))),
            _ => Node::Pair(operation, self.node.clone(), other.node.clone()),
        };
        self.derive(node, self.steps + other.steps + 1)
    }

    /// With a closure that has to be asked row by row.
    pub fn tested(&self, test: RowTest) -> Result<Self, Problem> {
        let node = Node::Tested(Tested { from: self.node.clone(), test, kept: OnceLock::new() });
        self.derive(node, self.steps + 1)
    }

    fn derive(&self, node: Node, steps: usize) -> Result<Self, Problem> {
        if steps > STEPS_MAX {
            return Err(Problem::new("too_many_steps", format!("a selection can be made of at most {STEPS_MAX} steps"))
                .hint("put the conditions into one closure, or the users into an array for the audience"));
        }
        Ok(Self { run: self.run.clone(), node: Arc::new(node), steps, label: None })
    }

    /// Everything as data: asks the closures that are left over.
    pub fn resolve(&self) -> RhaiResultOf<Arc<Select>> {
        self.node.resolve(&self.run)
    }

    pub fn count(&self) -> RhaiResultOf<u64> {
        let select = self.resolve()?;
        Ok(self.run.read(|view| view.count(&select))?)
    }

    pub fn ids(&self) -> RhaiResultOf<Vec<i64>> {
        let select = self.resolve()?;
        Ok(self.run.read(|view| view.ids(&select))?)
    }

    /// The first `n` rows. A left-over closure is asked only until it has kept as many.
    pub fn first(&self, n: usize) -> RhaiResultOf<Vec<Row>> {
        let ids = match &*self.node {
            Node::Tested(tested) => tested.ids(&self.run, Some(n))?.to_vec(),
            _ => self.step(Step::Limit(n as u64))?.ids()?,
        };
        self.rows(&ids)
    }

    /// The rows with these ids, in this order.
    pub fn rows(&self, ids: &[i64]) -> RhaiResultOf<Vec<Row>> {
        Ok(read_rows(&self.run, self.of(), ids)?)
    }

    /// All rows, read in pieces.
    pub fn iter(&self) -> RowIter {
        RowIter { selection: self.clone(), ids: None, next: 0, buffer: Vec::new().into_iter() }
    }

    /// All rows where an array can hold them.
    pub fn all_rows(&self) -> RhaiResultOf<Vec<Row>> {
        let ids = self.ids()?;
        if ids.len() > limits::ARRAY_ITEMS {
            return Err(Problem::too_many_rows(ids.len() as u64, limits::ARRAY_ITEMS).into());
        }
        self.rows(&ids)
    }

    /// Whether one row is in it.
    pub fn contains(&self, id: i64) -> RhaiResultOf<bool> {
        let one = Self::new(self.run.clone(), Select::Ids(self.of(), Arc::new([id])));
        Ok(one.pair(SetOperation::Intersection, self)?.count()? > 0)
    }

    /// The query, what was pushed into it, and what was left for the interpreter.
    pub fn explain(&self) -> RhaiResultOf<String> {
        let mut left = Vec::new();
        self.node.left_over(&mut left);
        let mut text = String::new();
        if let Some(select) = self.data() {
            text.push_str(&self.run.read(|view| view.explain(select))?);
            text.push_str("\nleft for the interpreter: nothing");
            return Ok(text);
        }
        // The queries under the closures, innermost first: what the interpreter is handed.
        let mut queries = Vec::new();
        self.node.queries(&mut queries);
        for select in queries {
            text.push_str(&self.run.read(|view| view.explain(&select))?);
            text.push('\n');
        }
        text.push_str("left for the interpreter, row by row: ");
        text.push_str(&left.join(", "));
        Ok(text)
    }

    /// `42 users: Ana Ruiz (ana), Ben Ito (ben), …`.
    pub fn show(&self) -> RhaiResultOf<String> {
        let ids = self.ids()?;
        let mut text = counted(ids.len(), noun(self.of()));
        let shown = self.rows(ids.get(..limits::SHOWN_ROWS).unwrap_or(&ids))?;
        let names: Vec<String> = shown.iter().map(Row::show).collect();
        if !names.is_empty() {
            text.push_str(": ");
            text.push_str(&names.join(", "));
        }
        if ids.len() > limits::SHOWN_ROWS {
            text.push_str(", …");
        }
        Ok(text)
    }
}

impl Node {
    fn of(&self) -> Of {
        match self {
            Self::Data(select) => select.of(),
            Self::Tested(tested) => tested.from.of(),
            Self::Pair(_, a, _) => a.of(),
            Self::Step(_, inner) => inner.of(),
        }
    }

    fn resolve(&self, run: &Run) -> RhaiResultOf<Arc<Select>> {
        Ok(match self {
            Self::Data(select) => select.clone(),
            Self::Tested(tested) => Arc::new(Select::Ids(self.of(), tested.ids(run, None)?)),
            Self::Pair(operation, a, b) => Arc::new(operation.on(a.resolve(run)?, b.resolve(run)?)),
            Self::Step(Step::Limit(rows), inner) => match &**inner {
                // Stops asking as soon as there are enough.
                Self::Tested(tested) => {
                    let rows = usize::try_from(*rows).unwrap_or(usize::MAX);
                    Arc::new(Select::Ids(self.of(), tested.ids(run, Some(rows))?))
                }
                _ => Arc::new(Step::Limit(*rows).on(inner.resolve(run)?)),
            },
            Self::Step(step, inner) => Arc::new(step.clone().on(inner.resolve(run)?)),
        })
    }

    fn left_over(&self, found: &mut Vec<String>) {
        match self {
            Self::Data(_) => {}
            Self::Tested(tested) => {
                tested.from.left_over(found);
                found.push(tested.test.place());
            }
            Self::Pair(_, a, b) => {
                a.left_over(found);
                b.left_over(found);
            }
            Self::Step(_, inner) => inner.left_over(found),
        }
    }

    fn queries(&self, found: &mut Vec<Arc<Select>>) {
        match self {
            Self::Data(select) => found.push(select.clone()),
            Self::Tested(tested) => tested.from.queries(found),
            Self::Pair(_, a, b) => {
                a.queries(found);
                b.queries(found);
            }
            Self::Step(_, inner) => inner.queries(found),
        }
    }
}

impl Tested {
    /// The ids that the closure keeps, in the order of the rows; at most so many where that is enough.
    fn ids(&self, run: &Run, enough: Option<usize>) -> RhaiResultOf<Arc<[i64]>> {
        if let Some(kept) = self.kept.get() {
            return Ok(match enough.and_then(|n| kept.get(..n)) {
                Some(some) => some.into(),
                None => kept.clone(),
            });
        }
        let from = self.from.resolve(run)?;
        let rows = run.read(|view| view.count(&from))?;
        if rows > limits::LEFTOVER_ROWS {
            return Err(self.test.refuse(Problem::too_many_for_interpreter(rows, limits::LEFTOVER_ROWS)));
        }
        let ids = run.read(|view| view.ids(&from))?;
        let asker = self.test.asker(run)?;
        let mut kept = Vec::new();
        for chunk in ids.chunks(limits::CHUNK_ROWS) {
            for (id, row) in chunk_with_ids(run, from.of(), chunk)? {
                if asker.keeps(row)? {
                    kept.push(id);
                    if enough == Some(kept.len()) {
                        return Ok(kept.into());
                    }
                }
            }
            run.checkpoint()?;
        }
        let kept: Arc<[i64]> = kept.into();
        Ok(self.kept.get_or_init(|| kept).clone())
    }
}

fn chunk_with_ids(run: &Run, of: Of, ids: &[i64]) -> Result<Vec<(i64, Row)>, Problem> {
    let rows = read_rows(run, of, ids)?;
    Ok(rows
        .into_iter()
        .map(|row| match &row {
            Row::User(User(u)) => (u.id.0, row),
            Row::Device(Device(d)) => (d.id.0, row),
        })
        .collect())
}

fn read_rows(run: &Run, of: Of, ids: &[i64]) -> Result<Vec<Row>, Problem> {
    Ok(match of {
        Of::Users => run.read(|view| view.users(ids))?.into_iter().map(|u| Row::User(User(u))).collect(),
        Of::Devices => run.read(|view| view.devices(ids))?.into_iter().map(|d| Row::Device(Device(d))).collect(),
    })
}

impl Step {
    fn on(self, of: Arc<Select>) -> Select {
        match self {
            Self::Where(condition) => Select::Where(of, condition),
            Self::Order { by, descending } => Select::Ordered { of, by, descending },
            Self::Limit(rows) => Select::Limited { of, rows },
            Self::Sample { rows, seed } => Select::Sampled { of, rows, seed },
        }
    }
}

impl SetOperation {
    fn on(self, a: Arc<Select>, b: Arc<Select>) -> Select {
        match self {
            Self::Union => Select::Union(a, b),
            Self::Difference => Select::Difference(a, b),
            Self::Intersection => Select::Intersection(a, b),
        }
    }
}

/// The rows of a `for` loop. Holds ids and one chunk of rows, never the whole roster.
pub struct RowIter {
    selection: Selection,
    ids: Option<Vec<i64>>,
    next: usize,
    buffer: std::vec::IntoIter<Row>,
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
