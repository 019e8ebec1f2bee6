//! The script host: an engine for each run, made from modules that are built once.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rhai::packages::Package as _;
use rhai::{Dynamic, Engine, EvalAltResult, Module, OptimizationLevel, ParseErrorType, Scope};

use super::api;
use super::catalog::Catalog;
use super::coverage::Coverage;
use super::debug::Attached;
use super::error::{ErrorKind, ScriptError};
use super::explain::Explainer;
use super::finding::{Checked, Finding, Severity};
use super::input::{Declarations, LastValue, ParamAbort, ParamDecl, ParamSource, RunInput, RunOutput, Surroundings};
use super::packages::Language;
use super::reference::Book;
use super::resolver::Resolver;
use super::run_context::Run;
use super::shown::Shown;
use super::sources::Sources;
use super::thread::with_stack;
use super::vocabulary::Vocabulary;
use super::{check, declare, definitions, describe, export, imports, limits, shown};
use crate::domain::intent;

/// Runs scripts. Cheap to keep and to share; each run gets an engine of its own.
pub struct ScriptHost {
    shared: Arc<Shared>,
}

/// What all runs have in common.
#[derive(Clone)]
pub struct Shared {
    language: Arc<Module>,
    api: Arc<Module>,
    tests: Arc<Module>,
    catalog: Arc<OnceLock<Catalog>>,
    /// Which lines run, where somebody wants to know.
    pub(super) coverage: Option<Arc<Coverage>>,
}

impl Default for ScriptHost {
    fn default() -> Self {
        Self::new()
    }
}

impl ScriptHost {
    #[must_use]
    pub fn new() -> Self {
        Self::counting(None)
    }

    /// One that notes in `coverage` which lines of its scripts run.
    #[must_use]
    pub fn counting(coverage: Option<Arc<Coverage>>) -> Self {
        let language = Language::new().as_shared_module();
        let (api, tests) = (api::module().into(), api::test_module().into());
        Self { shared: Arc::new(Shared { language, api, tests, catalog: Arc::default(), coverage }) }
    }

    /// Runs a script to its end. Nothing outside of its own memory has changed then: what it asked for
    /// is in the output.
    ///
    /// # Errors
    /// What the author of the script has to be told; everything the script asked for is forgotten.
    pub fn run(&self, input: RunInput) -> Result<RunOutput, ScriptError> {
        self.on_own_thread(input.limits.memory_bytes, move |shared| shared.run(input, false))
    }

    /// What will fail in a text, as far as can be seen without running it and without a site.
    #[must_use]
    pub fn check(&self, name: &str, text: &str) -> Vec<ScriptError> {
        let nowhere = Surroundings { site: None, view: None, module: &|_| Err(Vec::new()), modules_unknown: true };
        let findings = self.examine(name, text, &nowhere).findings;
        findings.into_iter().filter(Finding::is_error).map(|finding| finding.error).collect()
    }

    /// Everything that can be said of a text in its surroundings without running it.
    #[must_use]
    pub fn examine(&self, name: &str, text: &str, around: &Surroundings) -> Checked {
        let examined = self.on_own_thread(0, move |shared| Ok(shared.examine(name, text, around)));
        examined.unwrap_or_else(Checked::failed)
    }

    /// What a text imports by a literal name, as it is written; nothing where it can't be read.
    #[must_use]
    pub fn imports(&self, text: &str) -> Vec<String> {
        let text = text.to_owned();
        self.on_own_thread(0, move |shared| Ok(shared.imports(&text))).unwrap_or_default()
    }

    /// A script's description and parameters. The script is run for it, with stand-ins for parameters
    /// that have no default, and whatever it asks for is forgotten.
    ///
    /// # Errors
    /// When the text is no script.
    pub fn declarations(&self, input: RunInput) -> Result<Declarations, ScriptError> {
        self.on_own_thread(input.limits.memory_bytes, move |shared| shared.declarations(input))
    }

    /// The reference of everything that scripts can use, made from the functions' own comments.
    #[must_use]
    pub fn reference(&self) -> Book {
        Book::of(self.shared.catalog())
    }

    /// Files that teach the Rhai language server what scripts can use, by their names.
    #[must_use]
    pub fn definitions(&self) -> Vec<(String, String)> {
        definitions::files(self.shared.catalog())
    }

    /// What scripts can say, for whoever helps to write them.
    #[must_use]
    pub fn vocabulary(&self) -> Vocabulary {
        Vocabulary::new(Arc::clone(&self.shared))
    }

    /// Reads what descriptions and errors need, so that nobody waits for it later.
    pub fn prepare(&self) {
        self.shared.catalog();
    }

    /// What scripts can call, for tests of the API as a whole.
    #[cfg(test)]
    pub(crate) fn catalog(&self) -> &Catalog {
        self.shared.catalog()
    }

    /// A run has a thread to itself: its memory can be counted, and its stack is as deep as it needs.
    pub(super) fn on_own_thread<T: Send>(
        &self,
        held_bytes: u64,
        work: impl FnOnce(&Shared) -> Result<T, ScriptError> + Send,
    ) -> Result<T, ScriptError> {
        let shared = &*self.shared;
        let failed = |message: String| Err(ScriptError::bare(ErrorKind::Failed, "internal", message));
        let work = Mutex::new(Some(work));
        std::thread::scope(|scope| {
            let started = with_stack(held_bytes, |thread| {
                thread.spawn_scoped(scope, || {
                    let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
                    work.map(|work| work(shared))
                })
            });
            match started.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(Some(result))) => result,
                Ok(_) => failed("the script host failed: this is a fault of beckon, please report it".to_owned()),
                Err(error) => failed(format!("no thread for the script: {error}")),
            }
        })
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
}

impl Shared {
    fn run(&self, input: RunInput, declaring: bool) -> Result<RunOutput, ScriptError> {
        let bounds = input.limits;
        let run = Run::new(input, declaring);
        let beside = run.debugger().map(|debugger| Attached::new(self, &run, debugger));
        let engine = self.engine(&run, beside.clone());
        run.watch.begin();
        let outcome = self.evaluate(&engine, &run, &run.script.text, beside.as_deref());
        let gathered = run.finish();
        match outcome {
            Ok(last) => {
                let mut asked = gathered.asked;
                intent::settle_grounds(&mut asked);
                Ok(RunOutput { asked, logs: gathered.logs, declared: gathered.declared, ..last })
            }
            Err(error) if declaring && !matches!(*error, EvalAltResult::ErrorParsing(..)) => {
                Ok(RunOutput { declared: gathered.declared, ..RunOutput::default() })
            }
            Err(error) => {
                let explainer = Explainer { sources: &run.sources, catalog: self.catalog(), limits: bounds };
                let error = if explainer.leads_on(&error) { self.look_again(&run, error) } else { error };
                Err(explainer.explain(&error))
            }
        }
    }

    pub(super) fn evaluate(
        &self,
        engine: &Engine,
        run: &Run,
        text: &str,
        beside: Option<&Attached>,
    ) -> Result<RunOutput, Box<EvalAltResult>> {
        if text.len() > limits::SOURCE_BYTES {
            let message = format!("the script is longer than {} bytes", limits::SOURCE_BYTES);
            return Err(super::problem::Problem::new("limit_source", message).into());
        }
        let mut ast = engine.compile_with_scope(&compile_scope(), text).map_err(EvalAltResult::from)?;
        ast.set_source(run.sources.main());
        run.sources.add_program(run.sources.main(), &ast);
        if let Some(coverage) = &self.coverage {
            coverage.add(run.sources.main(), &ast);
        }
        let mut scope = Scope::new();
        let value = match beside {
            None => engine.eval_ast_with_scope::<Dynamic>(&mut scope, &ast)?,
            Some(beside) => beside.evaluate(engine, &mut scope, &ast)?,
        };
        let last = RunOutput {
            value: shown::printed(run, &value)?,
            shown: if run.last == LastValue::Shown { shown::of(run, &value, shown::LAST_VALUE)? } else { Shown::Nothing },
            data: if run.last == LastValue::Data { Some(export::value(run, &value)?) } else { None },
            ..RunOutput::default()
        };
        // What was printed last is looked at here: nothing runs after it that would.
        run.checkpoint()?;
        Ok(last)
    }

    /// Without a debugger the engine knows nothing of debugging.
    pub(super) fn engine(&self, run: &Run, beside: Option<Arc<Attached>>) -> Arc<Engine> {
        let mut engine = self.bare_engine();
        engine.register_global_module(api::globals(run).into());
        engine.set_default_tag(Dynamic::from(run.clone()));
        resolve_globals_in_closures(&mut engine, run);
        let watched = run.clone();
        engine.on_progress(move |_| watched.watch.step());
        let printing = run.clone();
        engine.on_print(move |text| printing.print(text));
        let printing = run.clone();
        engine.on_debug(move |text, source, position| {
            let source = source.unwrap_or(printing.sources.main());
            printing.print(&format!("{source}:{}: {text}", position.line().unwrap_or(0)));
        });
        engine.set_max_operations(run.watch.limits().operations);
        engine.set_module_resolver(Resolver::new(run.clone(), self.coverage.clone()));
        if let Some(coverage) = &self.coverage {
            Arc::clone(coverage).watch(&mut engine);
            let _ = run.coverage.set(Arc::clone(coverage));
        }
        if let Some(beside) = beside {
            beside.attach(&mut engine);
        }
        let engine = Arc::new(engine);
        run.set_engine(Arc::downgrade(&engine));
        let shared = self.clone();
        run.set_describe(Box::new(move |name| describe::describe(shared.catalog(), name)));
        engine
    }

    /// The language and the API with every limit set, without a run.
    pub(super) fn bare_engine(&self) -> Engine {
        let mut engine = Engine::new_raw();
        engine.register_global_module(self.language.clone());
        engine.register_global_module(self.tests.clone());
        engine.register_global_module(self.api.clone());
        engine.set_strict_variables(true);
        engine.set_fail_on_invalid_map_property(true);
        engine.disable_symbol("eval");
        engine.set_max_call_levels(limits::CALL_LEVELS);
        engine.set_max_expr_depths(limits::EXPRESSION_LEVELS, limits::EXPRESSION_LEVELS);
        engine.set_max_string_size(limits::STRING_BYTES);
        engine.set_max_array_size(limits::ARRAY_ITEMS);
        engine.set_max_map_size(limits::MAP_ITEMS);
        engine.set_max_variables(limits::VARIABLES);
        engine.set_max_functions(limits::FUNCTIONS);
        engine.set_max_modules(limits::MODULES);
        engine
    }

    fn examine(&self, name: &str, text: &str, around: &Surroundings) -> Checked {
        let sources = Sources::new(name, text);
        let explainer = Explainer { sources: &sources, catalog: self.catalog(), limits: Default::default() };
        if text.len() > limits::SOURCE_BYTES {
            let message = format!("the script is longer than {} bytes", limits::SOURCE_BYTES);
            let mut error = ScriptError::bare(ErrorKind::Syntax, "limit_source", message);
            error.source = name.to_owned();
            return Checked::failed(error);
        }
        let mut engine = self.bare_engine();
        // What can't be reached has to stay in the program to be seen.
        engine.set_optimization_level(OptimizationLevel::None);
        let strict = engine.compile_with_scope(&compile_scope(), text);
        engine.set_strict_variables(false);
        let (ast, lenient) = match strict {
            Ok(ast) => (ast, None),
            Err(error) => {
                // Only the first variable that nothing declares is known so; the walk finds all of them.
                let undefined = matches!(*error.0, ParseErrorType::VariableUndefined(_));
                let first = explainer.explain(&EvalAltResult::from(error));
                match engine.compile_with_scope(&compile_scope(), text) {
                    Ok(ast) if undefined => (ast, Some(first)),
                    _ => return Checked::failed(first),
                }
            }
        };
        let compile = |text: &str| engine.compile_with_scope(&compile_scope(), text).ok();
        let modules = check::Modules::new(around, &compile, self.catalog());
        let (site, view, mails) = (around.site, around.view.as_ref(), modules.mails());
        let facts = check::Facts { site, view, modules: &modules, mails, is_test: is_test(name) };
        let mut checked = check::check(&ast, &explainer, &facts, lenient.is_some());
        if let Some(first) = lenient
            && !checked.findings.iter().any(|finding| finding.error.code == first.code)
        {
            checked.findings.insert(0, Finding { severity: Severity::Error, error: first });
        }
        checked
    }

    fn imports(&self, text: &str) -> Vec<String> {
        if text.len() > limits::SOURCE_BYTES {
            return Vec::new();
        }
        self.bare_engine().compile_with_scope(&compile_scope(), text).map(|ast| imports::imports(&ast)).unwrap_or_default()
    }

    fn declarations(&self, mut input: RunInput) -> Result<Declarations, ScriptError> {
        let text = input.script.text.clone();
        input.turn.params = Arc::new(NothingGiven);
        input.turn.print = Arc::new(|_| {});
        input.dry_run = true;
        let output = self.run(input, true)?;
        let ast = self.bare_engine().compile_with_scope(&compile_scope(), &text).ok();
        let mut params = output.declared;
        if let Some(ast) = ast {
            params.extend(declare::written(&ast, &params));
        }
        Ok(Declarations { description: declare::description(&text), params })
    }

    /// Built when the first error or reference needs it: it costs more than a run.
    pub(super) fn catalog(&self) -> &Catalog {
        self.catalog.get_or_init(|| {
            let json = |modules: &[&Arc<Module>]| {
                let mut engine = Engine::new_raw();
                for module in modules {
                    engine.register_global_module((*module).clone());
                }
                engine.gen_fn_metadata_to_json(true).unwrap_or_default()
            };
            let globals = api::GLOBALS.iter().map(|(name, kind, _)| ((*name).to_owned(), (*kind).to_owned())).collect();
            Catalog::read(&json(&[&self.tests, &self.api]), &json(&[&self.language]), globals)
        })
    }
}

struct NothingGiven;

impl ParamSource for NothingGiven {
    fn value(&self, _decl: &ParamDecl) -> Result<Option<String>, ParamAbort> {
        Ok(None)
    }
}

/// Whether a file holds tests, and not what a site does.
fn is_test(name: &str) -> bool {
    name.ends_with(".test.rhai")
}

/// A closure captures every name that is not its own, globals too, and the engine looks for captured
/// names among local variables only. This answers for the globals; all other accesses find them in
/// the global module.
#[expect(deprecated, reason = "rhai marks what may change with its version so; its version is pinned")]
fn resolve_globals_in_closures(engine: &mut Engine, run: &Run) {
    let globals = api::globals(run);
    engine.on_var(move |name, index, context| {
        // An index means a local variable whose place is known.
        if index > 0 || !api::GLOBALS.iter().any(|(global, ..)| *global == name) || context.scope().contains(name) {
            return Ok(None);
        }
        Ok(globals.get_var(name))
    });
}

/// Names the globals for the compiler. They are variables, not constants: a constant would be folded
/// into the program with the empty value that stands here.
pub fn compile_scope() -> Scope<'static> {
    let mut scope = Scope::new();
    for (name, ..) in api::GLOBALS {
        scope.push(*name, ());
    }
    scope
}
