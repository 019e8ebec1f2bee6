//! What the engine calls where a debugger stands beside a run.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::debugger::{CallStackFrame, DebuggerCommand, DebuggerEvent};
use rhai::{AST, ASTNode, Caches, Dynamic, Engine, EvalAltResult, EvalContext, Expr, Position, Scope, Stmt};

use super::breakpoint::{Breakpoint, Breakpoints};
use super::brief::brief;
use super::sight::Sight;
use super::standing::Stopped;
use super::statements::Start;
use super::stepper::Stepper;
use super::{Call, Debugger, Event, Go, Place};
use crate::script::catalog::Catalog;
use crate::script::ending::Ending;
use crate::script::engine::Shared;
use crate::script::explain::Explainer;
use crate::script::problem::RhaiResultOf;
use crate::script::run_context::Run;
use crate::script::sources::ANONYMOUS;
use crate::script::watch::Ended;

/// A debugger on one engine.
///
/// The engine is told each time to call again at the next expression: its own stepping is kept in a state
/// that each call of a closure from a host function copies, and would not survive `users.map(|u| …)`. So is its
/// list of calls; the one here is complete, also for closures that are asked long after they were made.
pub struct Attached {
    pub(super) run: Run,
    shared: Shared,
    debugger: Arc<dyn Debugger>,
    /// Compiles what a person asks. It finds variables when it runs and not before.
    pub(super) compiler: Engine,
    state: Mutex<State>,
    /// Something is evaluated for the person who looks.
    is_quiet: AtomicBool,
}

pub(super) struct State {
    stepper: Stepper,
    /// Innermost last.
    frames: Vec<Frame>,
    pub(super) breakpoints: Breakpoints,
    /// The last statement that was begun outside of all functions.
    ground: Place,
    has_started: bool,
    /// A breakpoint on a function that has been entered: the stop is at its first statement.
    entered: Option<Event>,
    /// The calls that led to where a value became too large.
    outgrown: Vec<Call>,
}

/// A function of a script that is under way.
struct Frame {
    name: String,
    source: String,
    called: Position,
    /// The last statement that was begun in it, or the call that leads further in.
    at: Place,
}

impl State {
    /// Whether it is the innermost function that ends: the engine tells of its own functions too.
    fn is_innermost(&self, call: Option<&CallStackFrame>) -> bool {
        let both = self.frames.last().zip(call);
        both.is_some_and(|(frame, call)| frame.name == call.fn_name.as_str() && frame.called == call.pos)
    }

    fn at(&mut self) -> &mut Place {
        self.frames.last_mut().map_or(&mut self.ground, |frame| &mut frame.at)
    }
}

impl Attached {
    /// From now on the run notes where the statements of its texts begin.
    pub fn new(shared: &Shared, run: &Run, debugger: Arc<dyn Debugger>) -> Arc<Self> {
        run.sources.note_statements(true);
        let mut compiler = shared.bare_engine();
        compiler.set_strict_variables(false);
        let state = State {
            stepper: Stepper::new(),
            frames: Vec::new(),
            breakpoints: Breakpoints::default(),
            ground: Place::default(),
            has_started: false,
            entered: None,
            outgrown: Vec::new(),
        };
        let (run, shared, state) = (run.clone(), shared.clone(), Mutex::new(state));
        Arc::new(Self { run, shared, debugger, compiler, state, is_quiet: AtomicBool::new(false) })
    }

    /// Makes the engine call.
    #[expect(deprecated, reason = "rhai marks what may change with its version so; its version is pinned")]
    pub fn attach(self: Arc<Self>, engine: &mut Engine) {
        // The engine's own counter would count what is evaluated for the person who looks; the run's doesn't.
        engine.set_max_operations(0);
        engine.register_debugger(
            |_, debugger| debugger,
            move |mut context, event, node, source, _| {
                if !self.is_quiet.load(Relaxed) {
                    self.happened(&mut context, event, node, source)?;
                }
                Ok(DebuggerCommand::StepInto)
            },
        );
    }

    /// Evaluates a program. One that ends with an error of its own is looked at once more before it is gone.
    ///
    /// # Errors
    /// The program's.
    pub fn evaluate(&self, engine: &Engine, scope: &mut Scope<'static>, program: &AST) -> RhaiResultOf<Dynamic> {
        engine.eval_ast_with_scope::<Dynamic>(scope, program).inspect_err(|error| {
            self.state().frames.clear();
            let (mut global, mut caches) = (engine.new_global_runtime_state(), Caches::new());
            global.lib.push(program.shared_lib().clone());
            // It has ended, however it is told to go on.
            let _ = self.left_by(&mut EvalContext::new(engine, &mut global, &mut caches, scope, None), error);
        })
    }

    /// The calls that led to where a text, an array or a map became too large, innermost first; none where none did.
    pub fn outgrown(&self) -> Vec<Call> {
        self.state().outgrown.clone()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn explainer(&self) -> Explainer<'_> {
        Explainer { sources: &self.run.sources, catalog: self.catalog(), limits: self.run.watch.limits() }
    }

    fn catalog(&self) -> &Catalog {
        self.shared.catalog()
    }

    /// Evaluates something without stopping in it, and without counting it.
    pub(super) fn quietly<T>(&self, work: impl FnOnce() -> T) -> T {
        let was = self.is_quiet.swap(true, Relaxed);
        let paused = self.run.watch.pause();
        let result = work();
        self.run.watch.resume(paused);
        self.is_quiet.store(was, Relaxed);
        result
    }

    fn happened(
        &self,
        sight: &mut dyn Sight,
        event: DebuggerEvent<'_>,
        node: ASTNode<'_>,
        source: Option<&str>,
    ) -> RhaiResultOf<()> {
        match event {
            DebuggerEvent::End => Ok(()),
            DebuggerEvent::FunctionExitWithValue(_) | DebuggerEvent::FunctionExitWithError(_)
                if !self.state().is_innermost(sight.call()) =>
            {
                Ok(())
            }
            DebuggerEvent::FunctionExitWithValue(value) => {
                let stopped = self.left_with(sight, value, node.position());
                self.state().frames.pop();
                stopped
            }
            DebuggerEvent::FunctionExitWithError(error) => {
                let stopped = self.left_by(sight, error);
                self.state().frames.pop();
                stopped
            }
            _ => {
                if let ASTNode::Stmt(Stmt::Noop(body)) = node {
                    self.entered(sight, *body, source);
                    return Ok(());
                }
                self.reached(sight, node, source)
            }
        }
    }

    /// A function's body is about to be run.
    fn entered(&self, sight: &mut dyn Sight, body: Position, source: Option<&str>) {
        let Some(frame) = sight.call() else { return };
        let (name, called, said) = (frame.fn_name.to_string(), frame.pos, source.unwrap_or_default());
        let text = self.run.sources.statements(|all| all.text_of(said, &name, body).map(str::to_owned));
        // An empty statement of the script's own, or a function of the standard library of the language.
        let Some(source) = text else { return };
        let mut state = self.state();
        // Of a closure the engine says where it was given to somebody, and not where it is called.
        if let (Some(line), Some(column), false) = (called.line(), called.position(), name.starts_with(ANONYMOUS)) {
            let caller = state.at();
            (caller.line, caller.column) = (narrow(line), narrow(column));
        }
        let at = place_at(&source, body);
        let points = state.breakpoints.at_function(&name);
        state.frames.push(Frame { name, source, called, at });
        drop(state);
        if let Some(event) = points.into_iter().find_map(|point| self.hit(&point, sight)) {
            self.state().entered = Some(event);
        }
    }

    /// A function has come to its end.
    fn left_with(&self, sight: &mut dyn Sight, value: &Dynamic, end: Position) -> RhaiResultOf<()> {
        let mut state = self.state();
        state.entered = None;
        if !state.stepper.at_end(state.frames.len()) {
            return Ok(());
        }
        let at = state.at();
        let place = if end.is_none() { at.clone() } else { place_at(&at.source, end) };
        drop(state);
        let value = self.quietly(|| brief(&self.run, value));
        self.stop(sight, Event::Returns(value), place)
    }

    /// A function is left by an error, or the whole script.
    fn left_by(&self, sight: &mut dyn Sight, error: &EvalAltResult) -> RhaiResultOf<()> {
        // What ends a run is nobody's mistake to look at, and `exit` no error.
        let is_end = matches!(Ending::innermost(error), EvalAltResult::ErrorTerminated(..) | EvalAltResult::Exit(..));
        if matches!(Ending::innermost(error), EvalAltResult::ErrorDataTooLarge(..)) && self.state().outgrown.is_empty() {
            let place = self.state().at().clone();
            let calls = self.calls(&place);
            self.state().outgrown = calls;
        }
        let mut state = self.state();
        state.entered = None;
        if is_end || !state.stepper.at_error() {
            return Ok(());
        }
        let place = state.at().clone();
        drop(state);
        let message = self.quietly(|| self.explainer().explain(error).message.clone());
        self.stop(sight, Event::Error(message), place)
    }

    /// An expression or statement is about to be run.
    fn reached(&self, sight: &mut dyn Sight, node: ASTNode<'_>, source: Option<&str>) -> RhaiResultOf<()> {
        let Some((place, start)) = self.statement(&node, source) else { return self.called(sight, node) };
        let mut state = self.state();
        let depth = state.frames.len();
        let is_step = state.stepper.at_statement(depth);
        *state.at() = place.clone();
        let has_started = std::mem::replace(&mut state.has_started, true);
        let entered = state.entered.take();
        let points = if start.is_first {
            let line_of = |line| self.run.sources.statements(|all| all.line_of(&place.source, line));
            state.breakpoints.at_line(&place, line_of)
        } else {
            Vec::new()
        };
        drop(state);
        let event = entered.or_else(|| points.iter().find_map(|point| self.hit(point, sight)));
        let event = event.or_else(|| self.debugger.breaks_in().then_some(Event::BrokenInto));
        let event = event.or_else(|| is_step.then_some(if has_started { Event::Step } else { Event::Start }));
        match event {
            Some(event) => self.stop(sight, event, place),
            // The statement may be the call of a function that somebody waits for.
            None => self.called(sight, node),
        }
    }

    /// A breakpoint may wait for calls of a function that no script has.
    fn called(&self, sight: &mut dyn Sight, node: ASTNode<'_>) -> RhaiResultOf<()> {
        let name = match node {
            ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => &call.name,
            _ => return Ok(()),
        };
        let mut state = self.state();
        let points = state.breakpoints.at_function(name);
        if points.is_empty() {
            return Ok(());
        }
        let place = state.at().clone();
        drop(state);
        if self.run.sources.statements(|all| all.has_function(name).then_some(())).is_some() {
            return Ok(());
        }
        match points.iter().find_map(|point| self.hit(point, sight)) {
            Some(event) => self.stop(sight, event, place),
            None => Ok(()),
        }
    }

    /// Whether a breakpoint that was come to holds the script up.
    fn hit(&self, point: &Breakpoint, sight: &mut dyn Sight) -> Option<Event> {
        let trouble = match &point.condition {
            None => None,
            Some(condition) => match self.quietly(|| Stopped::condition(self, sight, condition)) {
                Ok(true) => None,
                Ok(false) => return None,
                Err(error) => Some(error.message.clone()),
            },
        };
        Some(Event::Breakpoint { number: point.number, trouble })
    }

    fn stop(&self, sight: &mut dyn Sight, event: Event, place: Place) -> RhaiResultOf<()> {
        let go = self.quietly(|| self.debugger.stopped(&mut Stopped::new(self, sight, event, place)));
        if go == Go::Quit {
            return Err(Box::new(EvalAltResult::ErrorTerminated(Ended::Cancelled.token(), Position::NONE)));
        }
        let mut state = self.state();
        let depth = state.frames.len();
        state.stepper.go(go, depth);
        Ok(())
    }

    /// The statement that begins with this. The engine forgets a closure's text when it is called from
    /// another one, and knows the text of a module that is being imported.
    fn statement(&self, node: &ASTNode<'_>, source: Option<&str>) -> Option<(Place, Start)> {
        let said = source.filter(|said| !said.is_empty()).unwrap_or(self.run.sources.main());
        let own = self.state().frames.last().map(|frame| frame.source.clone());
        self.run.sources.statements(|all| {
            let of_text = |source: &str| all.start(source, node).map(|start| (place_of(source, start), start));
            let found = of_text(said);
            match own {
                Some(own) if own != said && !found.as_ref().is_some_and(|(_, start)| start.is_top) => of_text(&own),
                _ => found,
            }
        })
    }

    /// The functions that are under way, innermost first.
    pub(super) fn calls(&self, place: &Place) -> Vec<Call> {
        let state = self.state();
        let mut at = Some(place.clone());
        let mut calls = Vec::new();
        for frame in state.frames.iter().rev() {
            let closure = frame.name.starts_with(ANONYMOUS);
            let what = if closure { "a closure".to_owned() } else { format!("function {}", frame.name) };
            calls.push(Call { what, at: at.take().unwrap_or_else(|| frame.at.clone()) });
        }
        let at = at.unwrap_or_else(|| state.ground.clone());
        let what = if at.source == self.run.sources.main() { "the script".to_owned() } else { format!("module {}", at.source) };
        calls.push(Call { what, at });
        calls
    }
}

fn place_of(source: &str, start: Start) -> Place {
    Place { source: source.to_owned(), line: narrow(start.line), column: narrow(start.column) }
}

fn place_at(source: &str, position: Position) -> Place {
    let number = |n: Option<usize>| narrow(n.unwrap_or(0));
    Place { source: source.to_owned(), line: number(position.line()), column: number(position.position()) }
}

fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
