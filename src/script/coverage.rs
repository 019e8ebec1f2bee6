//! Which lines of scripts ran. Watching costs several times the run itself, so nobody does unless asked to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::debugger::{DebuggerCommand, DebuggerEvent};
use rhai::{AST, ASTNode, Engine, Expr, Module, Stmt};

use super::sources::ANONYMOUS;

/// The lines of every text that was compiled, and how often each of them ran.
#[derive(Default)]
pub struct Coverage(Mutex<Texts>);

#[derive(Default)]
struct Texts {
    lines: BTreeMap<String, BTreeMap<u32, u64>>,
    /// The text and the lines of each closure, by the engine's name for it.
    closures: BTreeMap<String, (String, BTreeSet<u32>)>,
}

/// What ran of one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// As errors name it: `scripts/weekly-reminder.rhai`.
    pub source: String,
    /// Every line that a statement begins on, with how often it ran.
    pub lines: BTreeMap<u32, u64>,
}

impl Coverage {
    /// Every text so far, by name.
    #[must_use]
    pub fn read(&self) -> Vec<Covered> {
        self.texts().lines.iter().map(|(source, lines)| Covered { source: source.clone(), lines: lines.clone() }).collect()
    }

    /// Notes on which lines of a text statements begin.
    pub fn add(&self, source: &str, ast: &AST) {
        let mut texts = self.texts();
        if texts.lines.contains_key(source) {
            return;
        }
        let mut lines = statements(&ast.clone_statements_only());
        for function in ast.iter_fn_def() {
            let mut module = Module::new();
            module.set_script_fn(function.clone());
            let own = statements(&AST::new_from_module(module));
            lines.extend(&own);
            if function.name.starts_with(ANONYMOUS) {
                texts.closures.insert(function.name.to_string(), (source.to_owned(), own));
            }
        }
        texts.lines.insert(source.to_owned(), lines.into_iter().map(|line| (line, 0)).collect());
    }

    /// A closure became part of a query: it never runs as it is written, and has done what it is for.
    pub fn asked(&self, closure: &str) {
        let Texts { lines, closures } = &mut *self.texts();
        let Some((source, own)) = closures.get(closure) else { return };
        if let Some(ran) = lines.get_mut(source) {
            ran.iter_mut().filter(|(line, _)| own.contains(line)).for_each(|(_, ran)| *ran = (*ran).max(1));
        }
    }

    /// Has an engine tell what it runs.
    #[expect(deprecated, reason = "rhai marks what may change with its version so; its version is pinned")]
    pub fn watch(self: Arc<Self>, engine: &mut Engine) {
        engine.register_debugger(
            |_, debugger| debugger,
            move |_, event, node, source, position| {
                let is_step = matches!(event, DebuggerEvent::Step | DebuggerEvent::Start);
                if let (true, Some(source), Some(line)) = (is_step, source, position.line())
                    && let Some(ran) =
                        self.texts().lines.get_mut(source).and_then(|lines| lines.get_mut(&u32::try_from(line).unwrap_or(0)))
                {
                    // A statement that is one expression is told of as that, and so are parts of others.
                    *ran = if matches!(node, ASTNode::Stmt(_)) { *ran + 1 } else { (*ran).max(1) };
                }
                Ok(DebuggerCommand::StepInto)
            },
        );
    }

    fn texts(&self) -> MutexGuard<'_, Texts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Covered {
    /// So many of so many lines ran.
    #[must_use]
    pub fn figures(&self) -> (usize, usize) {
        (self.lines.values().filter(|ran| **ran > 0).count(), self.lines.len())
    }

    /// The lines that did not run: `3, 8-12`. Lines without a statement in between don't end a range.
    #[must_use]
    pub fn missed(&self) -> String {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut goes_on = false;
        for (line, ran) in &self.lines {
            match ranges.last_mut().filter(|_| goes_on) {
                Some((_, last)) if *ran == 0 => *last = *line,
                _ if *ran == 0 => ranges.push((*line, *line)),
                _ => {}
            }
            goes_on = *ran == 0;
        }
        let shown = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
        ranges.iter().map(shown).collect::<Vec<_>>().join(", ")
    }
}

fn statements(ast: &AST) -> BTreeSet<u32> {
    let mut lines = BTreeSet::new();
    ast.walk(&mut |path: &[ASTNode]| {
        let at = match path {
            [.., ASTNode::Stmt(statement)] => Some(statement.position()),
            // An arm of a switch that is no block is an expression.
            [.., ASTNode::Stmt(Stmt::Switch(..)), ASTNode::Expr(arm)] if !matches!(arm, Expr::Stmt(_)) => {
                Some(arm.start_position())
            }
            _ => None,
        };
        lines.extend(at.and_then(|at| at.line()).and_then(|line| u32::try_from(line).ok()));
        true
    });
    lines
}

impl std::fmt::Debug for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Coverage").finish_non_exhaustive()
    }
}
