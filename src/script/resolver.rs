//! `import`: modules of the standard library by bare name, and the site's own from its scripts folder.
//!
//! The engine's own file resolver reads any path; this one resolves links first and reads nothing
//! that is not inside the folder.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Engine, EvalAltResult, GlobalRuntimeState, Module, ModuleResolver, Position, Scope};

use crate::domain::words;

use super::coverage::Coverage;
use super::ending::Ending;
use super::limits;
use super::problem::{Problem, RhaiResultOf};
use super::run_context::Run;
use super::{engine, stdlib};

/// Loads modules for one run.
pub struct Resolver {
    run: Run,
    coverage: Option<Arc<Coverage>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the name that errors show: a module is evaluated once in a run.
    loaded: BTreeMap<String, Arc<Module>>,
    /// Being loaded now, outermost first.
    loading: Vec<String>,
}

/// A module's text, and what errors call it.
struct Found {
    shown: String,
    text: String,
}

impl Resolver {
    pub fn new(run: Run, coverage: Option<Arc<Coverage>>) -> Self {
        Self { run, coverage, state: Mutex::default() }
    }

    fn find(&self, path: &str) -> Result<Found, Problem> {
        if let Some(text) = stdlib::find(path) {
            return Ok(Found { shown: stdlib::shown(path), text: text.to_owned() });
        }
        let Some(folder) = &self.run.script.folder else { return Err(self.unknown(path)) };
        let relative = Path::new(path);
        let plain = relative.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        if path.is_empty() || path.contains('\0') || !plain {
            return Err(outside(path));
        }
        let relative = if relative.extension().is_some_and(|e| e == "rhai") {
            relative.to_owned()
        } else {
            PathBuf::from(format!("{path}.rhai"))
        };
        let prefix = folder.file_name().map(Path::new).unwrap_or_else(|| Path::new(""));
        if let Some(held) = &self.run.script.held {
            let inside: PathBuf = relative.components().filter(|c| matches!(c, Component::Normal(_))).collect();
            let text = held.get(&inside).ok_or_else(|| self.unknown(path))?;
            return Ok(Found { shown: prefix.join(inside).to_string_lossy().into_owned(), text: text.clone() });
        }
        let unreadable = |error: std::io::Error| {
            Problem::new("module_unreadable", format!("the module {path:?} can't be read: {error}")).about(path)
        };
        let root = folder.canonicalize().map_err(unreadable)?;
        let file = match root.join(&relative).canonicalize() {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(self.unknown(path)),
            Err(error) => return Err(unreadable(error)),
        };
        let inside = file.strip_prefix(&root).map_err(|_| outside(path))?;
        let size = std::fs::metadata(&file).map_err(unreadable)?;
        if !size.is_file() {
            return Err(self.unknown(path));
        }
        if size.len() > limits::SOURCE_BYTES as u64 {
            return Err(Problem::new(
                "limit_source",
                format!("the module {path:?} is longer than {} bytes", limits::SOURCE_BYTES),
            )
            .about(path));
        }
        let text = words::unmarked(std::fs::read_to_string(&file).map_err(unreadable)?);
        Ok(Found { shown: prefix.join(inside).to_string_lossy().into_owned(), text })
    }

    fn unknown(&self, path: &str) -> Problem {
        let mut known: Vec<String> = stdlib::MODULES.iter().map(|(name, _)| (*name).to_owned()).collect();
        if let Some(entries) = self.run.script.folder.as_ref().and_then(|f| std::fs::read_dir(f).ok()) {
            let files = entries.take(1_000).flatten().filter_map(|e| e.file_name().into_string().ok());
            known.extend(files.filter_map(|f| f.strip_suffix(".rhai").map(str::to_owned)));
        }
        Problem::unknown_module(path, known.iter().map(String::as_str))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self, engine: &Engine, global: &mut GlobalRuntimeState, path: &str, pos: Position) -> RhaiResultOf<Arc<Module>> {
        let Found { shown, text } = self.find(path).map_err(|p| p.at(pos))?;
        {
            let mut state = self.state();
            if let Some(module) = state.loaded.get(&shown) {
                return Ok(module.clone());
            }
            if state.loading.contains(&shown) || shown == self.run.sources.main() {
                let mut chain = state.loading.clone();
                chain.push(shown);
                return Err(Problem::new("import_cycle", format!("the modules import each other: {}", chain.join(" → ")))
                    .about(path)
                    .at(pos));
            }
            state.loading.push(shown.clone());
        }
        let module = self.evaluate(engine, global, &shown, &text);
        let mut state = self.state();
        state.loading.retain(|l| *l != shown);
        match module {
            Ok(module) => {
                state.loaded.insert(shown, module.clone());
                Ok(module)
            }
            Err(error) => {
                let ends = Ending::is_one(&error);
                let error = Box::new(EvalAltResult::ErrorInModule(shown, error, pos));
                // What ends a run is nobody's error to catch.
                Err(if ends { Ending::keep(error, global.source().unwrap_or(self.run.sources.main())) } else { error })
            }
        }
    }

    fn evaluate(&self, engine: &Engine, global: &mut GlobalRuntimeState, shown: &str, text: &str) -> RhaiResultOf<Arc<Module>> {
        self.run.sources.add(shown, text);
        let mut ast = engine.compile_with_scope(&engine::compile_scope(), text).map_err(EvalAltResult::from)?;
        ast.set_source(shown);
        self.run.sources.add_program(shown, &ast);
        if let Some(coverage) = &self.coverage {
            coverage.add(shown, &ast);
        }
        let module = Module::eval_ast_as_new_raw(engine, &mut Scope::new(), global, &ast)?;
        Ok(module.into())
    }
}

fn outside(path: &str) -> Problem {
    Problem::new("module_outside", format!("{path:?} is outside of the scripts folder"))
        .about(path)
        .hint("a module is named by its path inside the folder: `import \"lib/people\" as people;`")
}

impl ModuleResolver for Resolver {
    fn resolve_raw(
        &self,
        engine: &Engine,
        global: &mut GlobalRuntimeState,
        _scope: &mut Scope,
        path: &str,
        pos: Position,
    ) -> RhaiResultOf<Arc<Module>> {
        self.load(engine, global, path, pos)
    }

    fn resolve(&self, engine: &Engine, _source: Option<&str>, path: &str, pos: Position) -> RhaiResultOf<Arc<Module>> {
        self.load(engine, &mut engine.new_global_runtime_state(), path, pos)
    }
}
