//! One run as the host functions see it: the roster, the clock's one answer, and the plan that grows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use rhai::{Engine, NativeCallContext, Position};

use super::input::{ParamDecl, ParamSource, RunInput, ScriptSource, SiteFacts};
use super::limits;
use super::past::{self, PastView, PastViews};
use super::problem::{Problem, RhaiResultOf};
use super::selection::Selection;
use super::sources::Sources;
use super::watch::Watch;
use crate::domain::intent::{Asked, Intent, Origin};
use crate::domain::roster::{Read, RosterView};
use crate::domain::time::Timestamp;

/// A handle to the run; the engine's tag and every selection hold one. What is read through it is the present
/// roster, or the roster as it was.
#[derive(Clone)]
pub struct Run {
    context: Arc<RunContext>,
    as_of: Option<Timestamp>,
}

/// What a run has and gathers.
pub struct RunContext {
    /// Behind a lock because a view need not be shareable between threads; a run has one thread, and
    /// the lock is never held while a script's closure runs.
    view: Mutex<Box<dyn RosterView>>,
    past: Mutex<PastViews>,
    pub script: ScriptSource,
    pub site: Arc<SiteFacts>,
    pub now: Timestamp,
    pub trigger: String,
    pub dry_run: bool,
    pub params: Arc<dyn ParamSource>,
    /// Parameters are only being collected: a missing one gets a stand-in.
    pub declaring: bool,
    pub watch: Watch,
    print: Arc<dyn Fn(&str) + Send + Sync>,
    pub sources: Sources,
    gathered: Mutex<Gathered>,
    rules: Mutex<BTreeMap<String, Selection>>,
    /// Set once the engine exists. Selections need it to run a closure outside of any call.
    engine: OnceLock<Weak<Engine>>,
}

/// What the run leaves behind.
#[derive(Default)]
pub struct Gathered {
    pub asked: Vec<Asked>,
    pub logs: Vec<String>,
    pub declared: Vec<ParamDecl>,
}

impl std::ops::Deref for Run {
    type Target = RunContext;

    fn deref(&self) -> &RunContext {
        &self.context
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("trigger", &self.trigger).finish_non_exhaustive()
    }
}

impl Run {
    /// `declaring`: the parameters are only being collected.
    pub fn new(input: RunInput, declaring: bool) -> Self {
        let RunInput { script, view, site, now, trigger, dry_run, params, limits, stop, print } = input;
        let context = RunContext {
            view: Mutex::new(view),
            past: Mutex::default(),
            sources: Sources::new(&script.name, &script.text),
            script,
            site,
            now,
            trigger,
            dry_run,
            params,
            declaring,
            watch: Watch::new(limits, stop),
            print,
            gathered: Mutex::default(),
            rules: Mutex::default(),
            engine: OnceLock::new(),
        };
        Self { context: Arc::new(context), as_of: None }
    }

    /// The run that a host function was called in.
    ///
    /// # Errors
    /// Never in a run: the engine's tag is set before anything is evaluated.
    pub fn of(ctx: &NativeCallContext) -> Result<Self, Problem> {
        ctx.tag()
            .and_then(|tag| tag.read_lock::<Self>().map(|run| run.clone()))
            .ok_or_else(|| Problem::internal("a host function was called outside of a run"))
    }
}

impl Run {
    /// The run with the roster as it was at `when`, or with the present one.
    #[must_use]
    pub fn at(&self, when: Option<Timestamp>) -> Self {
        Self { context: self.context.clone(), as_of: when }
    }

    /// Which roster is read through this handle; `None` for the present one.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// A rule of this run; the past has none.
    pub fn rule(&self, name: &str) -> Option<Selection> {
        lock(&self.rules).get(name).filter(|_| self.as_of.is_none()).cloned()
    }

    /// In order of name.
    pub fn rule_names(&self) -> Vec<String> {
        lock(&self.rules).keys().filter(|_| self.as_of.is_none()).cloned().collect()
    }

    /// Reads the roster.
    ///
    /// # Errors
    /// `roster_unknown` for a time before its history, or after the run's own.
    pub fn read<T>(&self, read: impl FnOnce(&dyn RosterView) -> Read<T>) -> Result<T, Problem> {
        let Some(when) = self.as_of else { return Ok(read(lock(&self.view).as_ref())?) };
        let past = self.past(when)?;
        let view = lock(&past);
        Ok(read(view.as_ref())?)
    }

    /// The view of an instant. A few are held open; one that was not is opened again, and answers the same.
    fn past(&self, when: Timestamp) -> Result<PastView, Problem> {
        if let Some(view) = lock(&self.past).find(when) {
            return Ok(view);
        }
        let opened = past::open(lock(&self.view).as_ref(), when, self.now, self.site.zone)?;
        Ok(lock(&self.past).hold(when, opened))
    }
}

impl RunContext {
    /// Appends to the plan, with the place in the script that asked.
    pub fn ask(&self, ctx: &NativeCallContext, intent: Intent) -> Result<(), Problem> {
        let mut gathered = lock(&self.gathered);
        if gathered.asked.len() >= limits::INTENTS {
            return Err(Problem::new("too_many_asks", format!("a run may ask for at most {} things", limits::INTENTS))
                .hint("give the whole audience to one call instead of calling it for each person"));
        }
        gathered.asked.push(Asked { intent, origin: self.origin(ctx) });
        Ok(())
    }

    /// Where in a script the present host function was called.
    pub fn origin(&self, ctx: &NativeCallContext) -> Origin {
        let (source, position) = place(ctx);
        Origin {
            source: source.unwrap_or_else(|| self.sources.main().to_owned()),
            line: number(position.line()),
            column: number(position.position()),
        }
    }

    pub fn gathered(&self) -> MutexGuard<'_, Gathered> {
        lock(&self.gathered)
    }

    pub fn add_rule(&self, name: String, members: Selection) {
        lock(&self.rules).insert(name, members);
    }

    pub fn set_engine(&self, engine: Weak<Engine>) {
        let _ = self.engine.set(engine);
    }

    /// The run's engine, for closures that are called outside of any host call.
    pub fn engine(&self) -> Result<Arc<Engine>, Problem> {
        self.engine.get().and_then(Weak::upgrade).ok_or_else(|| Problem::internal("the run is over"))
    }

    /// Shows a line of the script's, unless it has printed too much.
    pub fn print(&self, text: &str) {
        if self.watch.may_print(text.len()) {
            (self.print)(text);
        }
    }

    /// Looks at the limits from inside a long host call.
    pub fn checkpoint(&self) -> RhaiResultOf<()> {
        match self.watch.look() {
            None => Ok(()),
            Some(token) => Err(Box::new(rhai::EvalAltResult::ErrorTerminated(token, Position::NONE))),
        }
    }

    /// Lets go of what refers back to the run, and hands over what it gathered.
    pub fn finish(&self) -> Gathered {
        lock(&self.past).let_go();
        let rules = std::mem::take(&mut *lock(&self.rules));
        drop(rules);
        std::mem::take(&mut *lock(&self.gathered))
    }
}

/// The caller's source and position.
pub fn place(ctx: &NativeCallContext) -> (Option<String>, Position) {
    (ctx.call_source().filter(|s| !s.is_empty()).map(str::to_owned), ctx.call_position())
}

fn number(n: Option<usize>) -> u32 {
    n.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

/// A lock whose holder panicked holds values that are still whole: each is written in one step.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
