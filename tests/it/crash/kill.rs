//! When a command is killed, and the trap that does it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use beckon::sim::wire::{Server, SmtpMoment, WireEvent};

use super::child::{Child, Ended, Killer};
use super::site::Site;

/// A moment at which a command is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KillPoint {
    /// At the n-th of these moments, from 1. The far side goes on when the process is gone.
    Wire(WireEvent, usize),
    /// At the n-th write to the store's files.
    Write(usize),
    /// So many milliseconds after its start.
    After(u64),
}

/// Every kind of moment on the wire that an invitation passes.
pub const MOMENTS: [WireEvent; 13] = [
    WireEvent::Asked(Server::AppsAndBooks),
    WireEvent::Acted(Server::AppsAndBooks),
    WireEvent::Asked(Server::NanoMdm),
    WireEvent::Acted(Server::NanoMdm),
    WireEvent::Smtp(SmtpMoment::Opened),
    WireEvent::Smtp(SmtpMoment::Hello),
    WireEvent::Smtp(SmtpMoment::Mail),
    WireEvent::Smtp(SmtpMoment::Rcpt),
    WireEvent::Smtp(SmtpMoment::Data),
    WireEvent::Smtp(SmtpMoment::GoAhead),
    WireEvent::Smtp(SmtpMoment::Dot),
    WireEvent::Smtp(SmtpMoment::Kept),
    WireEvent::Smtp(SmtpMoment::Replied),
];

/// Waits on the wire of one site for a moment, and then does something.
#[derive(Default)]
pub struct Trap {
    state: Mutex<State>,
}

type Act = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    seen: BTreeMap<WireEvent, usize>,
    armed: Option<(WireEvent, usize, Act)>,
}

impl Trap {
    /// Called by the simulated servers. While a trap acts, nobody else of them goes on.
    pub fn tell(&self, event: WireEvent) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = state.seen.entry(event).or_default();
        *seen += 1;
        let seen = *seen;
        if let Some((_, _, act)) = state.armed.take_if(|(wanted, n, _)| *wanted == event && *n == seen) {
            act();
        }
    }

    /// Does `act` at the n-th `event` from now on. The exchange stands still until it has returned.
    pub fn set(&self, event: WireEvent, n: usize, act: impl FnOnce() + Send + 'static) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.seen.clear();
        state.armed = Some((event, n, Box::new(act)));
    }

    /// Starts a command with nothing counted yet, and the trap set where `point` is on the wire.
    fn start(&self, site: &Site, args: &[&str], point: Option<KillPoint>) -> Child {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.seen.clear();
        let child = Child::start(&site.dir, args);
        state.armed = match point {
            Some(KillPoint::Wire(event, n)) => {
                let killer = child.killer();
                Some((event, n, Box::new(move || _ = killer.kill()) as Act))
            }
            _ => None,
        };
        child
    }

    /// How often each moment has come since the last start.
    pub fn seen(&self) -> BTreeMap<WireEvent, usize> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).seen.clone()
    }
}

/// Runs a command and kills it at `point`; one that ends before was not killed.
pub fn run_killed(site: &Site, args: &[&str], point: KillPoint) -> Ended {
    start_killed(site, args, point).end()
}

/// The same in two steps: the command is running when this returns.
pub fn start_killed(site: &Site, args: &[&str], point: KillPoint) -> Doomed {
    let doomed = |child| Doomed { child, lives: None, counting: None };
    match point {
        KillPoint::Wire(..) => doomed(site.trap.start(site, args, Some(point))),
        KillPoint::After(ms) => Doomed { lives: Some(Duration::from_millis(ms)), ..doomed(site.trap.start(site, args, None)) },
        KillPoint::Write(n) => {
            let counter = counter(site, n);
            let child = site.trap.start(site, args, None);
            let counting = Some(counter(child.killer()));
            Doomed { counting, ..doomed(child) }
        }
    }
}

/// A command whose end is decided.
pub struct Doomed {
    child: Child,
    /// It is killed after that, where it has not ended by itself.
    lives: Option<Duration>,
    /// Ends the counting of writes.
    counting: Option<Box<dyn FnOnce()>>,
}

impl Doomed {
    /// Waits for its end.
    pub fn end(self) -> Ended {
        if let Some(lives) = self.lives
            && !self.child.has_ended_within(lives)
        {
            self.child.killer().kill();
        }
        let ended = self.child.end();
        if let Some(finish) = self.counting {
            finish();
        }
        ended
    }

    /// Waits for the end of one that doesn't end by itself. Answers, too, whether its moment came within
    /// `most`; else it was killed then.
    pub fn end_within(self, most: Duration) -> (Ended, bool) {
        let comes = self.lives.is_some_and(|lives| lives <= most) || self.child.has_ended_within(most);
        let lives = if comes { self.lives } else { Some(Duration::ZERO) };
        (Self { lives, ..self }.end(), comes)
    }
}

type Counting = Box<dyn FnOnce(Killer) -> Box<dyn FnOnce()>>;

/// Counts writes from now on and kills at the n-th.
#[cfg(target_os = "linux")]
fn counter(site: &Site, n: usize) -> Counting {
    let mut writes = super::writes::Writes::to(&site.dir).expect("Linux tells of writes");
    Box::new(move |killer: Killer| {
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let counting = std::thread::spawn(move || {
            let mut seen = 0;
            while !over.load(Ordering::Relaxed) {
                seen += writes.wait("beckon.db", Duration::from_millis(20)).unwrap_or(0);
                if seen >= n {
                    killer.kill();
                    break;
                }
            }
        });
        Box::new(move || {
            ended.store(true, Ordering::Relaxed);
            counting.join().expect("the counting thread has no reason to panic");
        })
    })
}

/// Elsewhere writes can't be seen: time stands in for them.
#[cfg(not(target_os = "linux"))]
fn counter(_: &Site, n: usize) -> Counting {
    Box::new(move |killer: Killer| {
        let over = Arc::new(AtomicBool::new(false));
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let counting = std::thread::spawn(move || {
            let _ = told.recv_timeout(Duration::from_millis(10 * n as u64));
            killer.kill();
            over.store(true, Ordering::Relaxed);
        });
        Box::new(move || {
            drop(tell);
            counting.join().expect("the counting thread has no reason to panic");
        })
    })
}
