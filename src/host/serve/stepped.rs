//! A served site without loops of its own: the chores and the dispatcher of `beckon serve`, stepped in turn by
//! somebody who lets time pass when nothing is due. On a virtual clock a month is over in a moment.

use std::sync::Arc;

use super::chore::Chore;
use crate::domain::time::{Span, Timestamp};
use crate::host::dispatch::{Dispatcher, Dispatching};
use crate::host::follower::Surroundings;
use crate::host::handover::Hands;
use crate::host::letters::Letters;
use crate::host::registrar::Registrar;
use crate::host::scheduler::Scheduler;
use crate::host::site::Site;
use crate::host::{HostError, Ports};

/// What failed is tried again after this, as in `beckon serve`.
const CHORE_AGAIN: Span = Span::seconds(60);
const OUTBOX_AGAIN: Span = Span::seconds(30);

/// A chore under its name.
pub type NamedChore = (&'static str, Box<dyn Chore>);

/// Whoever serves the site: with its end everything that is not in the store is gone.
pub struct Stepped {
    chores: Vec<(&'static str, Box<dyn Chore>, Wake)>,
    /// Its scripts run beside it: it is stepped where their end can be waited for.
    scheduler: Option<Scheduler>,
    scheduler_wake: Wake,
    pub registrar: Option<Arc<Registrar>>,
    dispatcher: Option<Dispatcher>,
    outbox_wake: Wake,
    pub runtime: tokio::runtime::Runtime,
}

/// What the follower finds around it: nobody listens for notifications.
pub struct Here(pub Option<Arc<Registrar>>);

impl Surroundings for Here {
    fn registrar(&self) -> Option<Arc<Registrar>> {
        self.0.clone()
    }

    fn listens(&self) -> bool {
        false
    }

    fn draw(&self) -> String {
        "not a secret".to_owned()
    }
}

/// When something wants to be stepped. Whatever works is stepped before that, too, because somebody may
/// have committed something; what failed waits.
#[derive(Clone, Copy, Debug, Default)]
struct Wake {
    at: Option<Timestamp>,
    failed: bool,
}

impl Wake {
    fn waits(self, now: Timestamp) -> bool {
        self.failed && self.at.is_some_and(|at| at > now)
    }

    /// After a step of `name`.
    fn of<E: std::fmt::Display>(
        stepped: Result<Option<Timestamp>, E>,
        (name, again): (&str, Timestamp),
        trouble: &mut Vec<String>,
    ) -> Self {
        match stepped {
            Ok(at) => Self { at, failed: false },
            Err(error) => {
                trouble.push(format!("{name}: {error}"));
                Self { at: Some(again), failed: true }
            }
        }
    }
}

impl Stepped {
    /// Of these chores, in their order, and of a scheduler where schedules are to fire.
    #[must_use]
    pub fn new(
        chores: Vec<NamedChore>,
        scheduler: Option<Scheduler>,
        registrar: Option<Arc<Registrar>>,
        runtime: tokio::runtime::Runtime,
    ) -> Self {
        let chores = chores.into_iter().map(|(name, chore)| (name, chore, Wake::default())).collect();
        let (scheduler_wake, outbox_wake) = (Wake::default(), Wake::default());
        Self { chores, scheduler, scheduler_wake, registrar, dispatcher: None, outbox_wake, runtime }
    }

    /// Does everything that is due, and answers when there is more. What fails is told in `trouble`, and tried
    /// again later.
    pub fn step(&mut self, site: &Arc<Site>, ports: &Ports, trouble: &mut Vec<String>) -> Option<Timestamp> {
        let now = ports.clock.now();
        let mut wakes = Vec::new();
        for (name, chore, wake) in &mut self.chores {
            if !wake.waits(now) {
                let stepped = self.runtime.block_on(chore.step(site, ports, now));
                *wake = Wake::of(stepped, (*name, now + CHORE_AGAIN), trouble);
            }
            wakes.push(wake.at);
        }
        if let Some(scheduler) = self.scheduler.as_mut().filter(|_| !self.scheduler_wake.waits(now)) {
            let stepped = self.runtime.block_on(scheduler.step(site, ports, now));
            self.runtime.block_on(scheduler.settled());
            self.scheduler_wake = Wake::of(stepped, ("scheduler", now + CHORE_AGAIN), trouble);
        }
        if !self.outbox_wake.waits(now) {
            let stepped = self.hand_over(site, ports);
            self.outbox_wake = Wake::of(stepped, ("outbox", ports.clock.now() + OUTBOX_AGAIN), trouble);
        }
        wakes.extend([self.scheduler_wake.at, self.outbox_wake.at]);
        wakes.into_iter().flatten().min()
    }

    /// When the scheduler has something to do next.
    #[must_use]
    pub fn scheduler_wake(&self) -> Option<Timestamp> {
        self.scheduler_wake.at
    }

    fn hand_over(&mut self, site: &Arc<Site>, ports: &Ports) -> Result<Option<Timestamp>, HostError> {
        let mut dispatcher = self.take_dispatcher(site, ports)?;
        let stepped = self.runtime.block_on(dispatcher.step(&mut || {}));
        // It goes on after a store that failed.
        self.dispatcher = Some(dispatcher);
        Ok(stepped?.next_wake)
    }

    /// The dispatcher, for one step; a new one where somebody has taken it away.
    ///
    /// # Errors
    /// The store's.
    pub fn take_dispatcher(&mut self, site: &Arc<Site>, ports: &Ports) -> Result<Dispatcher, HostError> {
        if let Some(dispatcher) = self.dispatcher.take() {
            return Ok(dispatcher);
        }
        let from = site.config.mail.as_ref().map(|mail| mail.from.clone());
        let hands = Hands { ports: ports.clone(), registrar: self.registrar.clone(), letters: Letters::of(site), from };
        let (dispatcher, _) = Dispatcher::take_over(Dispatching {
            store: Arc::clone(&site.store),
            ports: ports.clone(),
            hands: Arc::new(hands),
            registrar: self.registrar.clone(),
            rules: site.departure_rules(),
            stop: Arc::new(|| false),
            news: Arc::default(),
            tally: Arc::default(),
        })?;
        Ok(dispatcher)
    }
}
