//! Script tests: which functions of a text are some, and running one of them.

use std::sync::Arc;

use super::ScriptHost;
use super::caret;
use super::engine::{Shared, compile_scope};
use super::error::{ErrorKind, ScriptError};
use super::explain::Explainer;
use super::function_places::FunctionPlaces;
use super::input::RunInput;
use super::limits;
use super::run_context::Run;
use super::stdlib;
use super::trial::Trials;

/// A function of a text whose name begins with `test_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundTest {
    pub name: String,
    /// A test has none.
    pub params: usize,
    /// From 1.
    pub line: u32,
}

impl ScriptHost {
    /// The tests of a text, and what has the name of one, in its order.
    ///
    /// # Errors
    /// The text is no script.
    pub fn tests(&self, name: &str, text: &str) -> Result<Vec<FoundTest>, ScriptError> {
        let (name, text) = (name.to_owned(), text.to_owned());
        self.on_own_thread(0, move |shared| shared.tests(&name, &text))
    }

    /// Has the lines of a script counted that no test may run.
    pub fn count_lines(&self, name: &str, text: &str) {
        let (name, text) = (name.to_owned(), text.to_owned());
        // What is no script has no lines; `beckon check` says so.
        let _ = self.on_own_thread(0, move |shared| {
            let compiled = shared.bare_engine().compile_with_scope(&compile_scope(), text);
            if let (Some(coverage), Ok(ast)) = (&shared.coverage, compiled) {
                coverage.add(&name, &ast);
            }
            Ok(())
        });
    }

    /// Runs the top of a test's text, and then the test. Its sites come from `trials`; whatever it asks for
    /// itself is forgotten.
    ///
    /// # Errors
    /// What the author of the test has to be told.
    pub fn test(&self, input: RunInput, trials: Arc<dyn Trials>, test: &str) -> Result<(), ScriptError> {
        self.on_own_thread(input.limits.memory_bytes, move |shared| shared.test(input, trials, test))
    }
}

impl Shared {
    fn tests(&self, name: &str, text: &str) -> Result<Vec<FoundTest>, ScriptError> {
        let sources = super::sources::Sources::new(name, text);
        let explainer = Explainer { sources: &sources, catalog: self.catalog(), limits: Default::default() };
        if text.len() > limits::SOURCE_BYTES {
            let message = format!("{name} is longer than {} bytes", limits::SOURCE_BYTES);
            return Err(ScriptError::bare(ErrorKind::Syntax, "limit_source", message));
        }
        let compiled = self.bare_engine().compile_with_scope(&compile_scope(), text);
        let ast = compiled.map_err(|error| explainer.explain(&rhai::EvalAltResult::from(error)))?;
        let places = FunctionPlaces::of(text);
        let tests = ast.iter_fn_def().filter(|f| f.name.starts_with("test_"));
        let found = |f: &rhai::ScriptFuncDef| FoundTest {
            name: f.name.to_string(),
            params: f.params.len(),
            line: line_of(&places, &f.name),
        };
        let mut tests: Vec<FoundTest> = tests.map(|f| found(f)).collect();
        tests.sort_by(|a, b| (a.line, &a.name).cmp(&(b.line, &b.name)));
        Ok(tests)
    }

    fn test(&self, input: RunInput, trials: Arc<dyn Trials>, test: &str) -> Result<(), ScriptError> {
        let bounds = input.limits;
        let run = Run::new(input, false);
        run.set_trials(trials);
        let engine = self.engine(&run, None);
        run.watch.begin();
        let text = format!("{}\n{test}();", run.script.text);
        let outcome = self.evaluate(&engine, &run, &text, None);
        run.finish();
        let explainer = Explainer { sources: &run.sources, catalog: self.catalog(), limits: bounds };
        outcome.map(drop).map_err(|error| in_the_test(explainer.explain(&error), &run, test))
    }
}

/// The line on which a function begins, from 1; 0 where it can't be seen.
fn line_of(places: &FunctionPlaces, function: &str) -> u32 {
    places.function(function).line().and_then(|line| u32::try_from(line).ok()).unwrap_or(0)
}

/// A check that fails is an error of whoever checked, not of the library that says so.
fn in_the_test(mut error: ScriptError, run: &Run, test: &str) -> ScriptError {
    let library = stdlib::shown("testing");
    // The outermost call is the one that started the test.
    let started = format!("function {test}");
    if error.trace.last().is_some_and(|frame| frame.what == started) {
        error.trace.pop();
    }
    // What ends a test from outside is told at the call that started it, which stands in no file.
    let text = &run.script.text;
    if error.source == run.sources.main() && usize::try_from(error.line).is_ok_and(|line| line > text.lines().count()) {
        error.line = line_of(&FunctionPlaces::of(text), test);
        error.source_line = run.sources.line(&error.source, error.line).unwrap_or_default();
        (error.column, error.length) = caret::underline(&error.source_line, 1, Some(test));
    }
    while error.source == library && !error.trace.is_empty() {
        let frame = error.trace.remove(0);
        error.source_line = run.sources.line(&frame.source, frame.line).unwrap_or_default();
        (error.source, error.line, error.column, error.length) = (frame.source, frame.line, frame.column, 1);
        let about: usize = usize::try_from(frame.column).unwrap_or(1).saturating_sub(1);
        let call = error.source_line.chars().skip(about).take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).count();
        error.length = u32::try_from(call).unwrap_or(1).max(1);
    }
    error
}
