//! The lines of a session, on its thread.

use std::sync::Arc;

use rhai::{AST, Dynamic, Engine, EvalAltResult, Expr, Scope, Stmt};

use super::{Answer, Ask, SessionInput, Wanted};
use crate::domain::selection::Of;
use crate::domain::task::Page;
use crate::script::api::plan::Plan;
use crate::script::catalog::script_type;
use crate::script::debug::{Attached, Debugger};
use crate::script::engine::{self, Shared};
use crate::script::error::ScriptError;
use crate::script::explain::Explainer;
use crate::script::export;
use crate::script::input::{LastValue, RunInput, Turn};
use crate::script::limits;
use crate::script::memory;
use crate::script::options::type_word;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::{Gathered, Run, Ticket};
use crate::script::selection::Selection;
use crate::script::shown::{self, Shown};
use crate::script::snapshot::Snapshot;
use crate::script::typing::Type;
use crate::script::values::{noun, unshared};
use crate::script::watch::Ended;
use crate::script::written::Variable;

/// What a session has declared, and what it goes on with.
pub struct Lines<'a> {
    shared: &'a Shared,
    run: Run,
    engine: Arc<Engine>,
    scope: Scope<'static>,
    /// Of all lines, without their statements.
    functions: AST,
    /// Statements that import what earlier lines imported, by the name it has here: an import ends with
    /// the evaluation that made it. A module is read once, so repeating one costs next to nothing.
    imports: Vec<(String, String)>,
    /// Lines of text until now; positions count through the whole session.
    lines: usize,
    /// What the last line came to, for its other pages.
    last: Dynamic,
    /// What the thread held before the first line.
    held_before: i64,
}

/// The engine counts no lines beyond this.
const LINES_MAX: usize = u16::MAX as usize - 1;

/// What a line came to.
struct Said {
    value: Dynamic,
    words: Option<String>,
    shown: Shown,
    data: Option<serde_json::Value>,
    program: AST,
}

/// One line, until it is known whether it stays.
struct Before {
    snapshot: Snapshot<'static>,
    rules: std::collections::BTreeMap<String, Selection>,
}

impl<'a> Lines<'a> {
    /// `turn` is that of the first line.
    pub fn begin(shared: &'a Shared, input: SessionInput, turn: Turn) -> Self {
        let SessionInput { source, site, trigger, limits } = input;
        let run =
            Run::new(RunInput { script: source, turn, site, trigger, dry_run: false, last: LastValue::Printed, limits }, false);
        let engine = shared.engine(&run, None);
        let held_before = memory::held();
        let (scope, functions, last) = (Scope::new(), AST::empty(), Dynamic::UNIT);
        Self { shared, run, engine, scope, functions, imports: Vec::new(), lines: 0, last, held_before }
    }

    /// Goes on with what the next line has.
    pub fn renew(&mut self, turn: Turn) {
        self.run.renew(turn);
    }

    /// Another page of the last value.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn page(&mut self, page: Page) -> Result<Answer, ScriptError> {
        self.run.watch.begin();
        let shown = shown::of(&self.run, &self.last, page);
        let answer = shown.map(|shown| Answer { shown, ..Answer::default() }).map_err(|error| self.explain(&error));
        self.run.rest();
        answer
    }

    /// Runs one line.
    ///
    /// # Errors
    /// What its author has to be told; then everything is as before.
    pub fn run(&mut self, text: &str, wanted: Wanted) -> Result<Answer, ScriptError> {
        let before = Before { snapshot: Snapshot::of(&self.scope), rules: self.run.rules() };
        self.run.watch.begin();
        let first = self.lines;
        self.run.sources.add_line(text);
        self.lines += text.split('\n').count();
        let outcome = self.evaluate(text, first, wanted);
        let Gathered { asked, tickets, logs, declared } = self.run.take_gathered();
        let result = match outcome {
            Ok(Said { value, words, shown, data, program }) if matches!(wanted, Wanted::Value { .. }) => {
                self.keep(program, first);
                self.last = value;
                let asked = asked.into_iter().zip(tickets);
                let asked = asked.map(|(asked, (ticket, read_at))| Ask { asked, ticket, read_at }).collect();
                let imports = self.imports.iter().map(|(_, import)| import.clone()).collect();
                Ok(Answer { words, shown, data, asked, logs, declared, variables: self.variables(), imports })
            }
            other => {
                self.run.take_back(tickets.iter().map(|(ticket, _)| *ticket));
                before.snapshot.restore(&mut self.scope);
                self.run.set_rules(before.rules);
                other.map(|said| Answer { words: said.words, ..Answer::default() }).map_err(|error| self.explain(&error))
            }
        };
        self.run.rest();
        result
    }

    pub fn take_back(&self, asks: Vec<Ticket>) {
        self.run.take_back(asks);
    }

    fn explain(&self, error: &EvalAltResult) -> ScriptError {
        let limits = self.run.watch.limits();
        Explainer { sources: &self.run.sources, catalog: self.shared.catalog(), limits }.explain(error)
    }

    /// The value as it is wanted, and the program with the functions of all lines.
    fn evaluate(&mut self, text: &str, first: usize, wanted: Wanted) -> RhaiResultOf<Said> {
        if text.len() > limits::SOURCE_BYTES {
            let message = format!("the line is longer than {} bytes", limits::SOURCE_BYTES);
            return Err(Problem::new("limit_source", message).into());
        }
        if self.lines > LINES_MAX {
            let message = format!("the session has more than {LINES_MAX} lines");
            return Err(Problem::new("limit_lines", message).hint("save what you need with :save, and start a new one").into());
        }
        let mut ast = self.compile(text, first)?;
        let source = self.run.sources.main();
        ast.set_source(source);
        self.run.sources.add_program(source, &ast);
        let mut program = self.functions.merge(&ast);
        program.set_source(source);
        let value = match self.run.debugger() {
            None => self.engine.eval_ast_with_scope::<Dynamic>(&mut self.scope, &program)?,
            Some(debugger) => self.debugged(&program, debugger)?,
        };
        let (words, shown, data) = match wanted {
            Wanted::Value { rows, data } => {
                let shown = shown::of(&self.run, &value, Page { from: 0, rows })?;
                (None, shown, if data { Some(export::value(&self.run, &value)?) } else { None })
            }
            Wanted::Kind => (Some(kind(&value)), Shown::Nothing, None),
            Wanted::Reasons => (Some(reasons(&value)?), Shown::Nothing, None),
        };
        // What was printed last is looked at here: nothing runs after it that would.
        self.run.checkpoint()?;
        self.check_memory()?;
        Ok(Said { value, words, shown, data, program })
    }

    /// The line's value with a debugger beside it: on an engine of its own, which reads the modules again.
    fn debugged(&mut self, program: &AST, debugger: Arc<dyn Debugger>) -> RhaiResultOf<Dynamic> {
        let beside = Attached::new(self.shared, &self.run, debugger);
        let engine = self.shared.engine(&self.run, Some(Arc::clone(&beside)));
        self.run.sources.add_program(self.run.sources.main(), program);
        let value = beside.evaluate(&engine, &mut self.scope, program);
        self.run.sources.note_statements(false);
        self.run.set_engine(Arc::downgrade(&self.engine));
        value
    }

    /// The line as a program of its own, at its place in the session's text.
    fn compile(&self, text: &str, first: usize) -> RhaiResultOf<AST> {
        let mut padded = String::new();
        for (_, import) in &self.imports {
            padded.push_str(import);
        }
        padded.extend(std::iter::repeat_n('\n', first));
        padded.push_str(text);
        // Only names: a value that stood here would be folded into the program.
        let mut names = engine::compile_scope();
        for (name, ..) in self.scope.iter_raw() {
            names.push(name, ());
        }
        Ok(self.engine.compile_with_scope(&names, &padded).map_err(EvalAltResult::from)?)
    }

    /// Goes on with what the line declared.
    fn keep(&mut self, mut program: AST, first: usize) {
        for (alias, import) in imports(&program, first) {
            self.imports.retain(|(name, _)| *name != alias);
            self.imports.push((alias, import));
        }
        program.clear_statements();
        self.functions = program;
        forget_hidden(&mut self.scope);
    }

    fn variables(&self) -> Vec<Variable> {
        let variable = |(name, _, value): (&str, bool, &Dynamic)| Variable { name: name.to_owned(), kind: type_of(value) };
        self.scope.iter_raw().map(variable).collect()
    }

    /// All lines together may keep what one line may use.
    fn check_memory(&self) -> RhaiResultOf<()> {
        let held = memory::held() - self.held_before;
        if u64::try_from(held).is_ok_and(|held| held > self.run.watch.limits().memory_bytes) {
            return Err(Box::new(EvalAltResult::ErrorTerminated(Ended::Memory.token(), rhai::Position::NONE)));
        }
        Ok(())
    }
}

impl Drop for Lines<'_> {
    fn drop(&mut self) {
        // Rules hold the run, and the run holds its rules.
        self.run.finish();
    }
}

/// The statements that import the same modules again, by the name each has here.
fn imports(program: &AST, first: usize) -> Vec<(String, String)> {
    let of_line = |position: rhai::Position| position.line().is_some_and(|line| line > first);
    let import = |statement: &Stmt| match statement {
        Stmt::Import(import, position) if of_line(*position) => match (&import.0, import.1.name.as_str()) {
            (Expr::StringConstant(path, _), alias) if !alias.is_empty() => {
                Some((alias.to_owned(), format!("import {:?} as {alias};", path.as_str())))
            }
            _ => None,
        },
        _ => None,
    };
    program.statements().iter().filter_map(import).collect()
}

/// Drops variables that a later one of the same name hides.
fn forget_hidden(scope: &mut Scope<'static>) {
    let mut seen = std::collections::BTreeSet::new();
    // The latest comes first.
    let visible = scope.iter_raw().filter(|(name, ..)| seen.insert(name.to_owned()));
    let visible: Vec<(String, bool, Dynamic)> =
        visible.map(|(name, constant, value)| (name.to_owned(), constant, value.clone())).collect();
    if visible.len() == scope.len() {
        return;
    }
    *scope = Scope::new();
    for (name, constant, value) in visible.into_iter().rev() {
        if constant {
            scope.push_constant_dynamic(name, value);
        } else {
            scope.push_dynamic(name, value);
        }
    }
}

/// The type of a value, as the catalogue names it.
fn type_of(value: &Dynamic) -> Option<Type> {
    if let Some(selection) = value.read_lock::<Selection>() {
        let row = match selection.of() {
            Of::Users => "User",
            Of::Devices => "Device",
        };
        return Type::known("Selection", Some(row));
    }
    Type::known(&script_type(unshared(value).type_name()), None)
}

fn kind(value: &Dynamic) -> String {
    match value.read_lock::<Selection>() {
        Some(selection) => format!("a Selection of {}s", noun(selection.of())),
        None if value.is_unit() => "nothing: ()".to_owned(),
        None => type_word(&unshared(value)),
    }
}

fn reasons(value: &Dynamic) -> RhaiResultOf<String> {
    if let Some(selection) = value.read_lock::<Selection>() {
        return selection.explain();
    }
    if let Some(plan) = value.read_lock::<Plan>() {
        return Ok(plan.decisions());
    }
    let message = format!("{} has nothing to explain", type_word(&unshared(value)));
    Err(Problem::new("wrong_type", message).hint("a selection shows its query, a plan whom it leaves out and why").into())
}
