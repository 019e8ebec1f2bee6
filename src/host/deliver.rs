//! Delivering what a run committed, or everything that is due: as the site's dispatcher where this
//! process can be it, by watching the one that is where it can't.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::dispatch::{Dispatcher, Dispatching, channel_name};
use super::handover::Hands;
use super::letters::Letters;
use super::lock::DispatchLock;
use super::main_loop::run_until;
use super::registrar::Registrar;
use super::site::Site;
use super::tally::APPLE;
use super::{HostError, Ports, canary};
use crate::domain::ids::{DeliveryId, RunId};
use crate::domain::outcome::ChannelDown;
use crate::domain::sending::Stopped;
use crate::domain::time::{Span, Timestamp};
use crate::store::RunFigures;

/// How often a process that only watches looks.
const WATCH_EVERY: Span = Span::milliseconds(200);

/// What is to be delivered and how long this process stays with it.
pub struct Delivering<'a> {
    pub site: &'a Site,
    pub ports: Ports,
    /// One run's deliveries, or all that are due.
    pub run: Option<RunId>,
    /// Deliveries of other runs that the run asked to be sent again: they belong to its result.
    pub again: Vec<DeliveryId>,
    /// Goes on waiting for what is due later until then.
    pub until: Timestamp,
    /// How long it stays, when all is handed over, to hear what devices answer.
    pub linger: Span,
    pub stop: Arc<AtomicBool>,
    pub watch: &'a mut (dyn FnMut(&RunFigures) + Send),
}

/// How it came out.
#[derive(Clone, Debug, Default)]
pub struct Delivered {
    pub figures: RunFigures,
    /// Channels that are down, and Apple, with what to do about it.
    pub down: Vec<(String, ChannelDown)>,
    /// Found in hand after a process died: repeated, doubtful.
    pub taken_over: (u32, u32),
    /// Another process is the site's dispatcher and has the rest.
    pub elsewhere: bool,
    pub stopped: bool,
    /// Somebody has stopped sending: what is left waits until it is resumed.
    pub sending_stopped: Option<Stopped>,
}

/// The registrar of a site, where the site has a content token.
#[must_use]
pub fn registrar(site: &Site, ports: &Ports) -> Option<Arc<Registrar>> {
    let apple = ports.apps_and_books.clone()?;
    Some(Arc::new(Registrar::new(Arc::clone(&site.store), apple, Arc::clone(&ports.clock))))
}

/// Delivers until the run's deliveries have ended or wait beyond `until`.
///
/// # Errors
/// The store's.
pub async fn deliver(work: Delivering<'_>, registrar: Option<Arc<Registrar>>) -> Result<Delivered, HostError> {
    let Delivering { site, ports, run, again, until, linger, stop, watch } = work;
    let clock = Arc::clone(&ports.clock);
    loop {
        if let Some(mut lock) = DispatchLock::try_take(site.store.path())? {
            let mut taken_over = (0, 0);
            loop {
                let seen = site.store.newest_run()?;
                let (ports, again, stop) = (ports.clone(), again.clone(), Arc::clone(&stop));
                let work = Delivering { site, ports, run, again, until, linger, stop, watch: &mut *watch };
                let mut delivered = dispatch(work, registrar.clone()).await?;
                drop(lock);
                taken_over = (taken_over.0 + delivered.taken_over.0, taken_over.1 + delivered.taken_over.1);
                delivered.taken_over = taken_over;
                // Who committed a run meanwhile found the lock taken, and may have left because of that:
                // after our last look at the outbox, its deliveries would be nobody's.
                if delivered.stopped || site.store.newest_run()? == seen {
                    return Ok(delivered);
                }
                match DispatchLock::try_take(site.store.path())? {
                    Some(again) => lock = again,
                    None => return Ok(delivered),
                }
            }
        }
        let now = clock.now();
        let figures = figures(site, run, &again, now)?;
        watch(&figures);
        let stopped = stop.load(Ordering::Relaxed);
        let sending_stopped = site.store.sending_stopped()?;
        let tried_again = figures.next_try.is_some_and(|at| at <= until);
        let settled = run.is_some() && is_settled(&figures) && !tried_again;
        if stopped || sending_stopped.is_some() || now >= until || settled {
            return Ok(Delivered { figures, elsewhere: true, stopped, sending_stopped, ..Delivered::default() });
        }
        clock.wait_until(now + WATCH_EVERY).await;
    }
}

async fn dispatch(work: Delivering<'_>, registrar: Option<Arc<Registrar>>) -> Result<Delivered, HostError> {
    let Delivering { site, ports, run, again, until, linger, stop, watch } = work;
    let clock = Arc::clone(&ports.clock);
    let from = site.config.mail.as_ref().map(|mail| mail.from.clone());
    let hands = Arc::new(Hands { ports: ports.clone(), registrar: registrar.clone(), letters: Letters::of(site), from });
    let rules = site.departure_rules();
    let (mut dispatcher, taken_over) = Dispatcher::take_over(Dispatching {
        store: Arc::clone(&site.store),
        ports: ports.clone(),
        hands,
        registrar: registrar.clone(),
        rules,
        stop: Arc::new(move || stop.load(Ordering::Relaxed)),
        news: Arc::default(),
        tally: Arc::default(),
    })?;

    let mut look_at = clock.now();
    let look = || figures(site, run, &again, clock.now());
    let mut show = || {
        let now = clock.now();
        if now >= look_at {
            if let Ok(figures) = look() {
                watch(&figures);
            }
            // People can't read faster than this, and counting a large run takes a while, in which
            // nothing else is done: it gets a twentieth of the time.
            let took = clock.now() - now;
            look_at = now + Span::milliseconds(100).max(took * 20);
        }
    };
    let is_off = || site.store.sending_stopped().is_ok_and(|stopped| stopped.is_some());
    let mut enough = || {
        let all_done = || look().is_ok_and(|f| is_settled(&f) && f.deferred + f.behind_wave == 0);
        is_off() || (run.is_some() && all_done())
    };
    let mut lingers_until = None;
    let (figures, stopped) = loop {
        let (_, next) = look_at_waves(site, run, clock.now())?;
        let horizon = next.map_or(until, |at| at.min(until));
        let stepped = run_until(&mut dispatcher, clock.as_ref(), horizon, &mut show, &mut enough).await?;
        let now = clock.now();
        let (released, next) = look_at_waves(site, run, now)?;
        let goes_on = !stepped.stopped && !is_off();
        if released && goes_on {
            continue;
        }
        if let Some(at) = next.filter(|at| *at <= until && goes_on) {
            clock.wait_until(stepped.next_wake.map_or(at, |due| due.min(at))).await;
            continue;
        }
        let figures = figures(site, run, &again, now)?;
        // Devices that answer at once answer within seconds; what they say comes in by the inbox.
        let end = *lingers_until.get_or_insert(now + linger);
        if stepped.stopped || figures.queued == 0 || now >= end {
            break (figures, stepped.stopped);
        }
        clock.wait_until(end.min(now + WATCH_EVERY)).await;
    };
    if let Some(mail) = &ports.mail {
        mail.close().await;
    }
    watch(&figures);
    let mut down: Vec<(String, ChannelDown)> =
        dispatcher.down().into_iter().map(|(c, d)| (channel_name(c).to_owned(), d)).collect();
    if let Some(trouble) = registrar.and_then(|r| r.trouble(clock.now())) {
        down.retain(|(_, d)| d.what != trouble.what);
        down.insert(0, (APPLE.to_owned(), trouble));
    }
    let sending_stopped = site.store.sending_stopped()?;
    Ok(Delivered { figures, down, taken_over, elsewhere: false, stopped, sending_stopped })
}

/// Decides about the first waves of all runs. Answers whether that let anything of this work go, and
/// when to look again at the waves that it waits for.
fn look_at_waves(site: &Site, run: Option<RunId>, now: Timestamp) -> Result<(bool, Option<Timestamp>), HostError> {
    let waves = canary::settle(site, now)?;
    let released = waves.released.iter().any(|released| run.is_none_or(|run| run.0 == *released));
    let waits = waves.next.is_some() && (run.is_none() || figures(site, run, &[], now)?.behind_wave > 0);
    Ok((released, waves.next.filter(|_| waits)))
}

fn figures(site: &Site, run: Option<RunId>, again: &[DeliveryId], now: Timestamp) -> Result<RunFigures, HostError> {
    match run {
        Some(run) => Ok(site.store.run_figures(run, again, now)?),
        None => Ok(site.store.outbox_figures(now)?),
    }
}

/// Whether nothing of the run has to happen now: what is left waits for a time, a device or a person.
fn is_settled(figures: &RunFigures) -> bool {
    figures.waiting == 0 && figures.registering == 0 && figures.apple_tasks == 0
}
