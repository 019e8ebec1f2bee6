//! One run as the host functions see it: the roster, the clock's one answer, and the plan that grows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use rhai::{Engine, NativeCallContext, Position};

use super::coverage::Coverage;
use super::debug::Debugger;
use super::input::{LastValue, ParamDecl, ParamSource, RunInput, ScriptSource, SiteFacts, Turn};
use super::limits;
use super::past::{self, PastView, PastViews};
use super::problem::{Problem, RhaiResultOf};
use super::selection::Selection;
use super::sources::Sources;
use super::trial::Trials;
use super::watch::Watch;
use crate::domain::intent::{Asked, Intent, Origin};
use crate::domain::roster::{Read, RosterView};
use crate::domain::time::Timestamp;
use crate::domain::words;

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
    /// the lock is never held while a script's closure runs. A session has none between its lines.
    view: Mutex<Option<Box<dyn RosterView>>>,
    past: Mutex<PastViews>,
    present: Mutex<Present>,
    /// Raised with each view: what was read through one is not kept for another.
    views: AtomicU64,
    pub script: ScriptSource,
    pub site: Arc<SiteFacts>,
    pub trigger: String,
    pub dry_run: bool,
    pub last: LastValue,
    /// Parameters are only being collected: a missing one gets a stand-in.
    pub declaring: bool,
    pub watch: Watch,
    pub sources: Sources,
    gathered: Mutex<Gathered>,
    tickets: Mutex<Tickets>,
    rules: Mutex<BTreeMap<String, Selection>>,
    /// Set once the engine exists. Selections need it to run a closure outside of any call.
    engine: Mutex<Weak<Engine>>,
    /// Makes the sites of a script test; nothing in any other run.
    trials: OnceLock<Arc<dyn Trials>>,
    /// Set where somebody wants to know which lines run.
    pub coverage: OnceLock<Arc<Coverage>>,
    describe: OnceLock<Describe>,
}

/// What a name of the API is and does.
type Describe = Box<dyn Fn(&str) -> Result<String, Problem> + Send + Sync>;

/// What the run leaves behind.
#[derive(Default)]
pub struct Gathered {
    pub asked: Vec<Asked>,
    /// For each ask: its number, and when what it goes by was read.
    pub tickets: Vec<(Ticket, Timestamp)>,
    pub logs: Vec<String>,
    pub declared: Vec<ParamDecl>,
}

/// What a turn has beside its view.
struct Present {
    now: Timestamp,
    params: Arc<dyn ParamSource>,
    print: Arc<dyn Fn(&str) + Send + Sync>,
    asked_before: usize,
    debugger: Option<Arc<dyn Debugger>>,
}

impl Present {
    fn of(turn: Turn) -> (Self, Box<dyn RosterView>) {
        let Turn { view, now, params, print, asked_before, debugger, stop: _ } = turn;
        (Self { now, params, print, asked_before, debugger }, view)
    }
}

/// How much had been gathered at some time.
#[derive(Clone, Copy)]
pub struct Mark {
    asked: usize,
    logs: usize,
    declared: usize,
}

/// The number of one ask. A session's asks can be taken back one by one.
pub type Ticket = u64;

#[derive(Default)]
struct Tickets {
    given: Ticket,
    taken_back: BTreeSet<Ticket>,
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
        let RunInput { script, turn, site, trigger, dry_run, last, limits } = input;
        let watch = Watch::new(limits, Arc::clone(&turn.stop));
        let (present, view) = Present::of(turn);
        let context = RunContext {
            view: Mutex::new(Some(view)),
            past: Mutex::default(),
            present: Mutex::new(present),
            views: AtomicU64::new(0),
            sources: Sources::new(&script.name, &script.text),
            script,
            site,
            trigger,
            dry_run,
            last,
            declaring,
            watch,
            gathered: Mutex::default(),
            tickets: Mutex::default(),
            rules: Mutex::default(),
            engine: Mutex::default(),
            trials: OnceLock::new(),
            coverage: OnceLock::new(),
            describe: OnceLock::new(),
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

    /// The run with the roster as it was at `when`, or with the present one.
    #[must_use]
    pub fn at(&self, when: Option<Timestamp>) -> Self {
        Self { context: Arc::clone(&self.context), as_of: when }
    }

    /// Which roster is read through this handle; `None` for the present one.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// Reads the roster.
    ///
    /// # Errors
    /// `roster_unknown` for a time before its history, or after the run's own.
    pub fn read<T>(&self, read: impl FnOnce(&dyn RosterView) -> Read<T>) -> Result<T, Problem> {
        let Some(when) = self.as_of else { return self.present(|view| Ok(read(view)?)) };
        let past = self.past(when)?;
        let view = lock(&past);
        Ok(read(view.as_ref())?)
    }

    /// The view of an instant. A few are held open; one that was not is opened again, and answers the same.
    fn past(&self, when: Timestamp) -> Result<PastView, Problem> {
        if let Some(view) = lock(&self.past).find(when) {
            return Ok(view);
        }
        let opened = self.present(|view| past::open(view, when, self.now(), self.site.zone))?;
        Ok(lock(&self.past).hold(when, opened))
    }

    fn present<T>(&self, read: impl FnOnce(&dyn RosterView) -> Result<T, Problem>) -> Result<T, Problem> {
        match lock(&self.view).as_ref() {
            Some(view) => read(view.as_ref()),
            None => Err(Problem::internal("the roster was read between two lines")),
        }
    }

    /// A rule of this run; the past has none.
    pub fn rule(&self, name: &str) -> Option<Selection> {
        lock(&self.rules).get(name).filter(|_| self.as_of.is_none()).cloned()
    }

    /// In order of name.
    pub fn rule_names(&self) -> Vec<String> {
        lock(&self.rules).keys().filter(|_| self.as_of.is_none()).cloned().collect()
    }
}

impl RunContext {
    /// Goes on with another view and another now: a session's next line.
    pub fn renew(&self, turn: Turn) {
        self.watch.renew(Arc::clone(&turn.stop));
        self.views.fetch_add(1, Relaxed);
        let (present, view) = Present::of(turn);
        *lock(&self.view) = Some(view);
        *lock(&self.present) = present;
    }

    /// Nobody hears any more what is printed.
    pub fn be_silent(&self) {
        lock(&self.present).print = Arc::new(|_| {});
    }

    /// Lets go of the view: nothing of the store stays open between two lines of a session.
    pub fn rest(&self) {
        *lock(&self.view) = None;
        lock(&self.past).let_go();
    }

    /// Which view is read now; another number is another view.
    pub fn view_number(&self) -> u64 {
        self.views.load(Relaxed)
    }

    /// The run's one "now"; in a session the line's.
    pub fn now(&self) -> Timestamp {
        lock(&self.present).now
    }

    pub fn params(&self) -> Arc<dyn ParamSource> {
        Arc::clone(&lock(&self.present).params)
    }

    /// From now on this is what is read: the roster of a test's site changes while the test goes on.
    pub fn look_at(&self, view: Box<dyn RosterView>) {
        self.views.fetch_add(1, Relaxed);
        *lock(&self.view) = Some(view);
        lock(&self.past).let_go();
    }

    pub fn set_trials(&self, trials: Arc<dyn Trials>) {
        let _ = self.trials.set(trials);
    }

    pub fn trials(&self) -> Option<Arc<dyn Trials>> {
        self.trials.get().cloned()
    }

    pub fn debugger(&self) -> Option<Arc<dyn Debugger>> {
        lock(&self.present).debugger.clone()
    }

    /// Appends to the plan, with the place in the script that asked.
    pub fn ask(&self, ctx: &NativeCallContext, intent: Intent) -> Result<(), Problem> {
        self.ask_as_of(ctx, intent, self.now()).map(drop)
    }

    /// The same for what was decided about earlier than now.
    pub fn ask_as_of(&self, ctx: &NativeCallContext, intent: Intent, read_at: Timestamp) -> Result<Ticket, Problem> {
        let before = lock(&self.present).asked_before;
        let mut gathered = lock(&self.gathered);
        if gathered.asked.len() + before >= limits::INTENTS {
            return Err(Problem::new("too_many_asks", format!("a run may ask for at most {} things", limits::INTENTS))
                .hint("give the whole audience to one call instead of calling it for each person"));
        }
        gathered.asked.push(Asked { intent, origin: self.origin(ctx) });
        let mut tickets = lock(&self.tickets);
        tickets.given += 1;
        gathered.tickets.push((tickets.given, read_at));
        Ok(tickets.given)
    }

    /// The asks are no longer wanted: what was asked may be asked again.
    pub fn take_back(&self, asks: impl IntoIterator<Item = Ticket>) {
        lock(&self.tickets).taken_back.extend(asks);
    }

    pub fn is_taken_back(&self, ask: Ticket) -> bool {
        lock(&self.tickets).taken_back.contains(&ask)
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

    pub fn mark(&self) -> Mark {
        let gathered = lock(&self.gathered);
        Mark { asked: gathered.asked.len(), logs: gathered.logs.len(), declared: gathered.declared.len() }
    }

    /// Forgets what was gathered since then.
    pub fn forget_since(&self, mark: Mark) {
        let mut gathered = lock(&self.gathered);
        gathered.asked.truncate(mark.asked);
        gathered.logs.truncate(mark.logs);
        gathered.declared.truncate(mark.declared);
        let kept = mark.asked.min(gathered.tickets.len());
        let tickets = gathered.tickets.split_off(kept);
        drop(gathered);
        self.take_back(tickets.into_iter().map(|(ticket, _)| ticket));
    }

    pub fn add_rule(&self, name: String, members: Selection) {
        lock(&self.rules).insert(name, members);
    }

    /// All rules, and [`Self::set_rules`] to have them so again.
    pub fn rules(&self) -> BTreeMap<String, Selection> {
        lock(&self.rules).clone()
    }

    pub fn set_rules(&self, rules: BTreeMap<String, Selection>) {
        *lock(&self.rules) = rules;
    }

    pub fn set_engine(&self, engine: Weak<Engine>) {
        *lock(&self.engine) = engine;
    }

    pub fn set_describe(&self, describe: Describe) {
        let _ = self.describe.set(describe);
    }

    /// What a name of the API is and does.
    pub fn describe(&self, name: &str) -> Result<String, Problem> {
        let describe = self.describe.get().ok_or_else(|| Problem::internal("help was asked for outside of a run"))?;
        describe(name)
    }

    /// The run's engine, for closures that are called outside of any host call.
    pub fn engine(&self) -> Result<Arc<Engine>, Problem> {
        lock(&self.engine).upgrade().ok_or_else(|| Problem::internal("the run is over"))
    }

    /// Shows a line of the script's, unless it has printed too much. It is read on terminals, in logs and later
    /// in the record of the run, so nothing in it steers any of them.
    pub fn print(&self, text: &str) {
        if self.watch.may_print(text.len()) {
            let print = Arc::clone(&lock(&self.present).print);
            print(&words::visible_lines(text));
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
        self.take_gathered()
    }

    /// Hands over what was gathered since the last time.
    pub fn take_gathered(&self) -> Gathered {
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
