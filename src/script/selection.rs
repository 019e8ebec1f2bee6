//! A selection as a script holds it: lazy, immutable, composable.
//!
//! As long as every closure could be turned into a condition a selection is plain data for the store.
//! A closure that could not stays behind as a row test; it is asked when the selection is used, over
//! the rows that the query leaves, and what it keeps goes on as a list of ids in the same order.

use std::sync::Arc;

use super::closure::Compiled;
use super::limits;
use super::problem::{Problem, RhaiResultOf};
use super::row_test::RowTest;
use super::rows::{RowIter, read_rows};
use super::run_context::Run;
use super::tested::Tested;
use super::values::{Row, noun};
use crate::domain::grounds::{Bound, Grounds};
use crate::domain::invite_plan::counted;
use crate::domain::selection::{Condition, Field, Of, Select};
use crate::domain::task::Page;

/// A lazy query over users or devices.
#[derive(Clone)]
pub struct Selection {
    run: Run,
    node: Arc<Node>,
    /// How many steps it is made of. Bounded, because each becomes a level of a query.
    steps: usize,
    /// What it is called, where it is a group or a rule as a whole.
    label: Option<Arc<str>>,
    /// What became of its closures, for `explain`.
    notes: Arc<Notes>,
}

/// The parts of closures, as a person would write them.
#[derive(Clone, Default)]
struct Notes {
    pushed: Vec<String>,
    left: Vec<String>,
    /// Those of the latter of which nothing is known without the interpreter.
    opaque: Vec<String>,
}

/// The steps of a selection; `Data` wherever everything below could be handed to the store.
pub enum Node {
    Data(Arc<Select>),
    Tested(Box<Tested>),
    Pair(SetOperation, Arc<Node>, Arc<Node>),
    /// Rows of the roster of another time: the same people and devices, by identity.
    Elsewhere(Box<Selection>),
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

const STEPS_MAX: usize = 200;

impl std::fmt::Debug for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Selection").field("of", &self.of()).finish_non_exhaustive()
    }
}

impl Selection {
    pub fn new(run: Run, select: Select) -> Self {
        Self { run, node: Arc::new(Node::Data(Arc::new(select))), steps: 1, label: None, notes: Arc::default() }
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

    /// What holds for everybody in it by the way it was made. A closure that the interpreter answers is not asked
    /// again: its captures end with the run.
    pub fn grounds(&self) -> Grounds {
        Grounds::of(&self.node.outline(Bound::Upper), &self.notes.opaque)
    }

    pub fn step(&self, step: Step) -> Result<Self, Problem> {
        let node = match &*self.node {
            Node::Data(select) => Node::Data(Arc::new(step.on(select.clone()))),
            _ => Node::Step(step, self.node.clone()),
        };
        self.derive(node, self.steps + 1, self.notes.clone())
    }

    pub fn pair(&self, operation: SetOperation, other: &Self) -> Result<Self, Problem> {
        if self.of() != other.of() {
            return Err(Problem::new(
                "wrong_type",
                format!("a selection of {}s and one of {}s can't be combined", noun(self.of()), noun(other.of())),
            ));
        }
        if self.run.as_of() != other.run.as_of() {
            return self.pair_of_times(operation, other);
        }
        let node = match (&*self.node, &*other.node) {
            (Node::Data(a), Node::Data(b)) => Node::Data(Arc::new(operation.on(a.clone(), b.clone()))),
            _ => Node::Pair(operation, self.node.clone(), other.node.clone()),
        };
        let notes = self.notes.and(&other.notes);
        self.derive(node, self.steps + other.steps + 1, notes)
    }

    /// Two selections of different times. What is left of a difference is as it was in the first one; who is in
    /// both a selection of the past and one of the present is as they are now.
    fn pair_of_times(&self, operation: SetOperation, other: &Self) -> Result<Self, Problem> {
        match operation {
            SetOperation::Union => Err(Problem::new(
                "two_times",
                format!(
                    "{}s of the roster at two times can't be one selection: it would hold some of them twice",
                    noun(self.of())
                ),
            )
            .hint("`then & users` are those of them who are here now; they can be added to others")),
            SetOperation::Intersection if other.run.as_of().is_none() => {
                self.brought_to(other).and_then(|here| other.pair(operation, &here))
            }
            _ => other.brought_to(self).and_then(|here| self.pair(operation, &here)),
        }
    }

    /// The same rows as rows of the roster that `other` is of.
    fn brought_to(&self, other: &Self) -> Result<Self, Problem> {
        let node = Node::Elsewhere(Box::new(self.clone()));
        Self { run: other.run.clone(), ..self.clone() }.derive(node, self.steps + 1, Arc::default())
    }

    /// Those of its rows that are in `other`, whatever time that is of.
    pub fn among(&self, other: &Self) -> Result<Self, Problem> {
        self.pair(
            SetOperation::Intersection,
            &if self.run.as_of() == other.run.as_of() { other.clone() } else { other.brought_to(self)? },
        )
    }

    /// Narrowed by a closure: as far as it became a condition by that, and else by asking it.
    pub fn filtered(&self, compiled: Compiled, test: RowTest) -> Result<Self, Problem> {
        let Compiled { pushed, leftover, raises, pushed_text, left_text, .. } = compiled;
        if !leftover {
            let narrowed = self.step(Step::Where(pushed.unwrap_or(Condition::Always(true))))?;
            return Ok(Self { notes: self.notes.and(&Notes { pushed: pushed_text, ..Notes::default() }), ..narrowed });
        }
        let left: Vec<String> = left_text.iter().map(|text| format!("{text} ({})", test.place())).collect();
        // Where only an error can be left over, the condition is known.
        let opaque = if raises.is_some() { Vec::new() } else { left_text };
        let node = Node::Tested(Box::new(Tested::new(self.node.clone(), test, pushed, raises)));
        self.derive(node, self.steps + 2, self.notes.and(&Notes { pushed: pushed_text, left, opaque }))
    }

    fn derive(&self, node: Node, steps: usize, notes: Arc<Notes>) -> Result<Self, Problem> {
        if steps > STEPS_MAX {
            return Err(Problem::new("too_many_steps", format!("a selection can be made of at most {STEPS_MAX} steps"))
                .hint("put the conditions into one closure, or the users into an array for the audience"));
        }
        Ok(Self { run: self.run.clone(), node: Arc::new(node), steps, label: None, notes })
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
        let ids = self.step(Step::Limit(n as u64))?.ids()?;
        self.rows(&ids)
    }

    /// The rows with these ids, in this order.
    pub fn rows(&self, ids: &[i64]) -> RhaiResultOf<Vec<Row>> {
        Ok(read_rows(&self.run, self.of(), ids)?)
    }

    /// How many there are, and the rows of one page; of the others nothing is read.
    pub fn page(&self, page: Page) -> RhaiResultOf<(u64, Vec<Row>)> {
        // Closures that are left over are asked once, and then the rest is a query.
        let resolved = Self::new(self.run.clone(), (*self.resolve()?).clone());
        let end = page.from.saturating_add(page.rows);
        let ids = resolved.step(Step::Limit(end.saturating_add(1)))?.ids()?;
        // Fewer than were asked for are all that there are, and need no second walk to be counted.
        let total = if ids.len() as u64 <= end { ids.len() as u64 } else { resolved.count()? };
        let place = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(ids.len());
        let ids = ids.get(place(page.from)..place(end)).unwrap_or_default();
        Ok((total, resolved.rows(ids)?))
    }

    /// All rows, read in pieces.
    pub fn iter(&self) -> RowIter {
        RowIter::new(self.clone())
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
        let mut queries = Vec::new();
        self.node.queries(&mut queries);
        let mut text = String::new();
        for select in queries {
            text.push_str(&self.run.read(|view| view.explain(&select))?);
            text.push('\n');
        }
        let listed = |parts: &[String]| if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") };
        if !self.notes.pushed.is_empty() || !self.notes.left.is_empty() {
            text.push_str(&format!("pushed into the query: {}\n", listed(&self.notes.pushed)));
        }
        text.push_str(&format!("left for the interpreter: {}", listed(&self.notes.left)));
        Ok(text)
    }

    /// `42 users: Ana Ruiz (ana), Ben Ito (ben), …`.
    pub fn show(&self) -> RhaiResultOf<String> {
        let (total, shown) = self.page(Page { from: 0, rows: limits::SHOWN_ROWS as u64 })?;
        let mut text = counted(usize::try_from(total).unwrap_or(usize::MAX), noun(self.of()));
        let names: Vec<String> = shown.iter().map(Row::show).collect();
        if !names.is_empty() {
            text.push_str(": ");
            text.push_str(&names.join(", "));
        }
        if total > shown.len() as u64 {
            text.push_str(", …");
        }
        Ok(text)
    }
}

impl Node {
    pub fn of(&self) -> Of {
        match self {
            Self::Data(select) => select.of(),
            Self::Tested(tested) => tested.from.of(),
            Self::Pair(_, a, _) => a.of(),
            Self::Elsewhere(selection) => selection.of(),
            Self::Step(_, inner) => inner.of(),
        }
    }

    /// As data: asks the closures that are left over.
    pub fn resolve(&self, run: &Run) -> RhaiResultOf<Arc<Select>> {
        Ok(match self {
            Self::Data(select) => select.clone(),
            Self::Tested(tested) => tested.resolve(run, None)?,
            Self::Pair(operation, a, b) => Arc::new(operation.on(a.resolve(run)?, b.resolve(run)?)),
            Self::Elsewhere(selection) => Arc::new(Select::Ids(selection.of(), selection.ids()?.into())),
            Self::Step(Step::Limit(rows), inner) => match &**inner {
                // Stops asking as soon as there are enough.
                Self::Tested(tested) => tested.resolve(run, Some(*rows))?,
                _ => Arc::new(Step::Limit(*rows).on(inner.resolve(run)?)),
            },
            Self::Step(step, inner) => Arc::new(step.clone().on(inner.resolve(run)?)),
        })
    }

    /// What is known of it without asking a closure, seen from one side. Steps are bounded, and so is the depth.
    fn outline(&self, side: Bound) -> Arc<Select> {
        match self {
            Self::Data(select) => select.clone(),
            Self::Tested(tested) => match (side, &tested.pushed) {
                // Of nobody is it certain that the closure keeps them.
                (Bound::Lower, _) => Arc::new(Select::Ids(self.of(), Arc::default())),
                (Bound::Upper, None) => tested.from.outline(side),
                (Bound::Upper, Some(condition)) => Arc::new(Select::Where(tested.from.outline(side), condition.clone())),
            },
            // Who was in it stays so: there is nothing to ask again.
            Self::Elsewhere(selection) => Arc::new(match side {
                Bound::Lower => Select::Ids(selection.of(), Arc::default()),
                Bound::Upper => Select::All(selection.of()),
            }),
            Self::Step(step, inner) => Arc::new(step.clone().on(inner.outline(side))),
            Self::Pair(operation, a, b) => {
                let taken_away = matches!(operation, SetOperation::Difference);
                let other = if taken_away { side.other() } else { side };
                Arc::new(operation.on(a.outline(side), b.outline(other)))
            }
        }
    }

    fn queries(&self, found: &mut Vec<Arc<Select>>) {
        match self {
            Self::Data(select) => found.push(select.clone()),
            Self::Tested(tested) => match (&*tested.from, &tested.pushed) {
                (Self::Data(select), Some(condition)) => found.push(Arc::new(Select::Where(select.clone(), condition.clone()))),
                (from, _) => from.queries(found),
            },
            Self::Pair(_, a, b) => {
                a.queries(found);
                b.queries(found);
            }
            Self::Step(_, inner) => inner.queries(found),
            Self::Elsewhere(selection) => selection.node.queries(found),
        }
    }
}

impl Notes {
    fn and(self: &Arc<Self>, more: &Self) -> Arc<Self> {
        if more.pushed.is_empty() && more.left.is_empty() {
            return self.clone();
        }
        let mut both = (**self).clone();
        both.pushed.extend_from_slice(&more.pushed);
        both.left.extend_from_slice(&more.left);
        both.opaque.extend_from_slice(&more.opaque);
        Arc::new(both)
    }
}

impl Step {
    pub fn on(self, of: Arc<Select>) -> Select {
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
