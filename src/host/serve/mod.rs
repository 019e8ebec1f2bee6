//! `beckon serve`: everything that has to happen without anybody at a keyboard.
//!
//! The outbox and each chore have a loop of their own, which steps and waits; none can hold up another.
//! One more loop, [`watch`], looks every other second or so whether somebody committed
//! something, a file of the site was changed, or the clock jumped, and wakes the others. A site's
//! settings, scripts and templates are replaced as a whole, when all of them are good.

mod chore;
mod chores;
mod current;
#[cfg(test)]
mod faults;
mod fingerprint;
mod following;
mod health;
mod heartbeat;
mod metrics;
mod outbox;
mod reload;
mod schedule_watch;
mod state;
pub mod stepped;
#[cfg(test)]
mod tests;
mod watch;
mod watchman;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use tokio::sync::Notify;

use super::apple_inbox::AppleInbox;
use super::config::{ConfigError, SiteConfig};
use super::lock::ServeLock;
use super::scheduler::Scheduler;
use super::tally::Tally;
use super::{HostError, Ports};
use crate::domain::time::{Span, Timestamp};
use crate::ports::clock::Clock;
use crate::script::ScriptHost;
use crate::store::Store;

pub use current::{Current, Fault};
pub use health::{Health, Reason};

use state::State;

/// How often it is looked whether something happened elsewhere. Each look wakes several threads, and an
/// idle service should hardly wake at all.
pub const TICK_MS: u64 = 1_500;

#[expect(clippy::cast_possible_wrap, reason = "a small constant")]
const TICK: Span = Span::milliseconds(TICK_MS as i64);

/// Makes a site's channels from its settings; only `main` knows them.
pub type MakePorts = Arc<dyn Fn(&SiteConfig) -> Result<Ports, ConfigError> + Send + Sync>;

/// Signs of life, for whoever supervises the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Another process serves the site; this one waits for its end.
    StandingBy,
    Ready,
    Reloading,
    Stopping,
    /// Every loop goes on. Comes with every tick.
    Alive,
}

/// A site being served.
pub struct Serving {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    make_ports: MakePorts,
    current: RwLock<Arc<Current>>,
    /// Raised by every reload: who works with an older one comes to an end.
    generation: AtomicU64,
    stop: Arc<AtomicBool>,
    wakes: RwLock<Vec<Arc<Notify>>>,
    reload_wanted: Arc<AtomicBool>,
    watch_wake: Arc<Notify>,
    state: State,
    tally: Arc<Tally>,
    life: Box<dyn Fn(Life) + Send + Sync>,
    apple_inbox: Arc<AppleInbox>,
    listens: AtomicBool,
    draw: fn() -> String,
    owner: String,
    /// The last end of a moment that has been counted.
    counted: Mutex<Timestamp>,
}

/// What a served site is made of.
pub struct Served {
    pub current: Current,
    pub clock: Arc<dyn Clock>,
    pub make_ports: MakePorts,
    /// Set when it is to end; the clock's waits end then, too.
    pub stop: Arc<AtomicBool>,
    pub life: Box<dyn Fn(Life) + Send + Sync>,
    /// Draws random text for secrets.
    pub draw: fn() -> String,
    /// A text that no other process has, such as a new UUID.
    pub owner: String,
}

impl Serving {
    #[must_use]
    pub fn new(served: Served) -> Arc<Self> {
        let Served { current, clock, make_ports, stop, life, owner, draw } = served;
        let apple_inbox = Arc::new(AppleInbox::new(Arc::clone(&current.site.store), Arc::clone(&clock)));
        let counted = Mutex::new(clock.now());
        let state = State::new(clock.now(), current.faults.clone());
        Arc::new(Self {
            store: Arc::clone(&current.site.store),
            clock,
            make_ports,
            current: RwLock::new(Arc::new(current)),
            generation: AtomicU64::new(0),
            stop,
            wakes: RwLock::default(),
            reload_wanted: Arc::default(),
            watch_wake: Arc::default(),
            state,
            tally: Arc::default(),
            life,
            apple_inbox,
            listens: AtomicBool::new(false),
            draw,
            owner,
            counted,
        })
    }

    /// Waits until this process is the one that serves the site. `None`: it was stopped before.
    ///
    /// # Errors
    /// The lock file can't be made.
    pub async fn stand_by(&self) -> Result<Option<ServeLock>, HostError> {
        let mut said = false;
        while !self.stopping() {
            if let Some(lock) = ServeLock::try_take(self.store.path())? {
                return Ok(Some(lock));
            }
            if !said {
                said = true;
                tracing::info!("another beckon serve looks after this site: standing by until it ends");
                (self.life)(Life::StandingBy);
            }
            self.clock.wait_for(TICK).await;
        }
        Ok(None)
    }

    /// Serves until it is stopped, and answers when everything in hand has been finished and written down.
    ///
    /// # Errors
    /// The store's, when not even its start could be noted.
    pub async fn run(self: &Arc<Self>) -> Result<(), HostError> {
        let started = self.clock.now();
        self.store.note_serving("beckon serve started", started)?;
        let mut loops = Vec::new();
        reload::tell(self, &self.state.faults());
        let outbox = self.new_wake();
        let around = Around {
            stop: Arc::clone(&self.stop),
            tally: Arc::clone(&self.tally),
            serving: Arc::downgrade(self),
            apple_inbox: Arc::clone(&self.apple_inbox),
            owner: self.owner.clone(),
            scripts: Arc::default(),
            outbox: Arc::clone(&outbox),
        };
        for (name, chore) in chores::all(&around) {
            let wake = self.new_wake();
            loops.push((name, chore::start(Arc::clone(self), name, chore, wake)));
        }
        loops.push(("outbox", tokio::spawn(outbox::keep(Arc::clone(self), outbox))));
        (self.life)(Life::Ready);
        tracing::info!(chores = loops.len(), "serving");
        watch::keep(self, &loops).await;
        (self.life)(Life::Stopping);
        tracing::info!("stopping: what is being handed over is finished first");
        for (name, task) in loops {
            if let Err(error) = task.await {
                tracing::error!(chore = name, %error, "it ended in itself");
            }
        }
        if let Some(mail) = &self.current().ports.mail {
            mail.close().await;
        }
        self.store.note_serving("beckon serve stopped", self.clock.now())?;
        tracing::info!("stopped");
        Ok(())
    }

    /// Asks for a look at the site's files now, also where they seem unchanged.
    pub fn ask_reload(&self) {
        self.reload_wanted.store(true, Ordering::Relaxed);
        self.watch_wake.notify_one();
    }

    /// The settings, scripts, templates and channels in force.
    #[must_use]
    pub fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Resolves when it is being stopped.
    pub async fn stopped(&self) {
        while !self.stopping() {
            self.clock.wait_for(Span::hours(1)).await;
        }
    }

    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping()
    }

    /// Which version of the site is in force, counted from 0.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Says why nobody can be heard at the site's address, or that they can.
    pub fn note_deaf(&self, why: Option<String>) {
        self.listens.store(why.is_none(), Ordering::Relaxed);
        self.state.set_deaf(why);
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn new_wake(&self) -> Arc<Notify> {
        let wake = Arc::new(Notify::new());
        self.wakes.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&wake));
        wake
    }

    fn wake_all(&self) {
        for wake in self.wakes.read().unwrap_or_else(PoisonError::into_inner).iter() {
            wake.notify_one();
        }
    }

    /// Waits until `at`, or until there is news.
    async fn wait(&self, at: Option<Timestamp>, wake: &Notify) {
        // An hour is long enough to be nothing, and short enough for a clock that nobody watches.
        let at = at.unwrap_or_else(|| self.clock.now() + Span::hours(1));
        tokio::select! {
            () = wake.notified() => {}
            () = self.clock.wait_until(at) => {}
        }
    }
}

/// What a chore may need beside the site and its ports: whether it is being stopped, which ends
/// scripts, and where it counts.
pub struct Around {
    pub stop: Arc<AtomicBool>,
    pub tally: Arc<Tally>,
    pub serving: Weak<Serving>,
    pub apple_inbox: Arc<AppleInbox>,
    /// What no other process calls itself.
    pub owner: String,
    pub scripts: Arc<ScriptHost>,
    outbox: Arc<Notify>,
}

impl Around {
    fn scheduler(&self) -> Scheduler {
        let scheduler = Scheduler::new(self.owner.clone(), Arc::clone(&self.scripts));
        let (committed, outdated) = (scheduler.committed(), scheduler.outdated());
        let (outbox, serving) = (Arc::clone(&self.outbox), Weak::clone(&self.serving));
        tokio::spawn(async move {
            while let Some(serving) = serving.upgrade().filter(|serving| !serving.stopping()) {
                tokio::select! {
                    () = committed.notified() => outbox.notify_one(),
                    () = outdated.notified() => serving.ask_reload(),
                    () = serving.stopped() => {}
                }
            }
        });
        scheduler
    }
}
