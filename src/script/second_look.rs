//! Where a run made a text, an array or a map too large: a second look at the run.
//!
//! The engine moves the place of such an error outwards with each call, and keeps no trace of it. But a run changes
//! nothing, and the roster that it reads stands still: run again, with a debugger beside it that sees which function
//! is left first, it comes to the same end.

use std::sync::Arc;

use rhai::{EvalAltResult, Position};

use super::debug::{Attached, Call, Debugger, Go, Standing};
use super::ending::Ending;
use super::engine::Shared;
use super::run_context::Run;

/// So many operations are done again at most: with a debugger each takes several times as long.
const OPERATIONS_MAX: u64 = 2_000_000;

/// Nobody looks on.
struct Unseen;

impl Debugger for Unseen {
    fn stopped(&self, _: &mut dyn Standing) -> Go {
        Go::On
    }

    fn breaks_in(&self) -> bool {
        false
    }
}

impl Shared {
    /// The error with the place where it arose, or as it is where that can't be found out. The run must be over, and
    /// is of no use afterwards.
    pub(super) fn look_again(&self, run: &Run, error: Box<EvalAltResult>) -> Box<EvalAltResult> {
        let EvalAltResult::ErrorDataTooLarge(what, _) = Ending::innermost(&error) else { return error };
        // Tests change the site that they run on, and whoever debugs sees for themselves.
        if run.trials().is_some() || run.debugger().is_some() || self.coverage.is_some() {
            return error;
        }
        let what = what.clone();
        run.be_silent();
        run.watch.renew_for(OPERATIONS_MAX);
        let attached = Attached::new(self, run, Arc::new(Unseen));
        let engine = self.engine(run, Some(attached.clone()));
        let ended = self.evaluate(&engine, run, &run.script.text, Some(&attached));
        run.finish();
        let calls = attached.outgrown();
        match ended {
            Err(again) if matches!(Ending::innermost(&again), EvalAltResult::ErrorDataTooLarge(..)) => at(what, &calls, run),
            _ => None,
        }
        .unwrap_or(error)
    }
}

/// The error as the engine would have made it of one that can be caught: inside of the calls that led there.
fn at(what: String, calls: &[Call], run: &Run) -> Option<Box<EvalAltResult>> {
    let (first, outer) = calls.split_first()?;
    let mut error = Box::new(EvalAltResult::ErrorDataTooLarge(what, position(first)));
    let mut inner = first;
    for call in outer {
        // A closure is no call of its own in what an author is told.
        let function = inner.what.strip_prefix("function ").unwrap_or(&inner.what);
        error = match inner.what.as_str() {
            "a closure" => Ending::keep(error, &inner.at.source),
            _ => {
                Box::new(EvalAltResult::ErrorInFunctionCall(function.to_owned(), inner.at.source.clone(), error, position(call)))
            }
        };
        inner = call;
    }
    let main = run.sources.main();
    let imported = inner.at.source != main;
    (!imported).then(|| Ending::keep(error, main))
}

fn position(call: &Call) -> Position {
    match (u16::try_from(call.at.line), u16::try_from(call.at.column)) {
        (Ok(line @ 1..), Ok(column)) => Position::new(line, column),
        _ => Position::NONE,
    }
}
