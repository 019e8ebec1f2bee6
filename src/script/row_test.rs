//! A closure that could not be turned into a query, kept until the selection is used.

// rhai marks what may change with its version as deprecated; its version is pinned.
#![allow(deprecated)]

use std::sync::Arc;

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext, NativeCallContextStore, Position};

use super::caret;
use super::ending::Ending;
use super::problem::{Problem, RhaiResultOf};
use super::run_context::{Run, place};
use super::values::Row;

/// The closure, with what it needs to be called after the call of `where` has returned.
pub struct RowTest {
    closure: FnPtr,
    /// The functions and imports that were in sight where the closure was given.
    context: NativeCallContextStore,
    source: String,
    /// Where the closure begins.
    position: Position,
    /// The part of it that could not be turned into a query.
    left_at: Option<Position>,
}

impl RowTest {
    /// Keeps `closure`. What it captures is copied now: the answer does not depend on when the
    /// selection is used.
    ///
    /// # Errors
    /// When the closure does not take exactly one row.
    pub fn new(run: &Run, ctx: &NativeCallContext, closure: &FnPtr) -> Result<Self, Problem> {
        let mut copy = closure.clone();
        copy.set_curry(closure.iter_curry().map(Dynamic::flatten_clone).collect::<Vec<_>>());
        let parameters = copy.curry().len() + 1;
        let body = ctx
            .namespaces()
            .iter()
            .rev()
            .find_map(|m| m.get_script_fn(copy.fn_name(), parameters))
            .map(|f| f.body.start_position());
        if body.is_none() && copy.is_anonymous() {
            return Err(
                Problem::new("wrong_closure", "a closure for `where` takes one row and nothing else").hint("write `|u| …`")
            );
        }
        let (source, call) = place(ctx);
        let closure_source = run.sources.of_closure(copy.fn_name()).map(|s| s.to_string());
        let source = closure_source.or(source).unwrap_or_else(|| run.sources.main().to_owned());
        let position = body.filter(|p| !p.is_none()).map_or(call, |body| begin(run, &source, body));
        Ok(Self { closure: copy, context: ctx.store_data(), source, position, left_at: None })
    }

    /// Notes where the part stands that made it necessary.
    #[must_use]
    pub fn because_of(self, left_at: Option<Position>) -> Self {
        Self { left_at: left_at.filter(|p| !p.is_none()), ..self }
    }

    /// Where the closure stands: `scripts/x.rhai:4:12`.
    pub fn place(&self) -> String {
        let (line, column) = (self.position.line().unwrap_or(0), self.position.position().unwrap_or(0));
        format!("{}:{line}:{column}", self.source)
    }

    /// Too many rows to ask: an error that stands at the part that could not be turned into a query.
    pub fn refuse_rows(&self, rows: u64, allowed: u64) -> Box<EvalAltResult> {
        self.refuse_at(Problem::too_many_for_interpreter(rows, allowed), self.left_at.unwrap_or(self.position))
    }

    fn refuse(&self, problem: Problem) -> Box<EvalAltResult> {
        self.refuse_at(problem, self.position)
    }

    /// The problem, as an error that stands in the closure wherever the selection is used.
    fn refuse_at(&self, problem: Problem, position: Position) -> Box<EvalAltResult> {
        let inner = problem.at(position);
        Box::new(EvalAltResult::ErrorInFunctionCall(
            self.closure.fn_name().to_owned(),
            self.source.clone(),
            inner,
            self.context_position(),
        ))
    }

    /// A limit that was come to in the closure stands in it, wherever the selection is used.
    fn ended(&self, mut error: Box<EvalAltResult>) -> Box<EvalAltResult> {
        if Ending::of(&error).is_some() || !Ending::is_one(&error) {
            return error;
        }
        error.set_position(self.position);
        Ending::keep(error, &self.source)
    }

    fn context_position(&self) -> Position {
        self.context.pos
    }

    pub fn asker(&self, run: &Run) -> Result<Asker<'_>, Problem> {
        Ok(Asker { test: self, engine: run.engine()? })
    }
}

/// The first bar of a closure whose body begins at `body`.
fn begin(run: &Run, source: &str, body: Position) -> Position {
    let (Some(line), Some(column)) = (body.line(), body.position()) else { return body };
    let text = u32::try_from(line).ok().and_then(|n| run.sources.line(source, n)).unwrap_or_default();
    let begin = caret::closure_before(&text, column).and_then(|at| u16::try_from(at + 1).ok());
    match (begin, u16::try_from(line)) {
        (Some(column), Ok(line)) => Position::new(line, column),
        _ => body,
    }
}

/// Asks a closure about many rows.
pub struct Asker<'a> {
    test: &'a RowTest,
    engine: Arc<Engine>,
}

impl Asker<'_> {
    /// Whether the closure says `true` of the row.
    pub fn keeps(&self, row: Row) -> RhaiResultOf<bool> {
        let ctx = self.test.context.create_context(&self.engine);
        let answer = self.test.closure.call_raw(&ctx, None, [row.into_dynamic()]).map_err(|error| self.test.ended(error))?;
        answer.as_bool().map_err(|got| self.test.refuse(Problem::wants("`where`", "a closure that answers true or false", got)))
    }
}
