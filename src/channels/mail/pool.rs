//! Open connections between letters, and how many there may be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::session::Session;
use crate::domain::time::{Span, Timestamp};

/// A line used longer ago than this is asked whether it is still there (NOOP); one used just now is
/// not, because that would add a wait to the two or four that a letter needs.
const PROBE_AFTER: Span = Span::seconds(15);
/// Servers close idle lines after five minutes (RFC 5321 4.5.3.2.7); being first is politer.
const IDLE_MAX: Span = Span::minutes(4);
/// No line lives longer, so that a relay's new addresses and certificates are noticed.
const AGE_MAX: Span = Span::minutes(30);
/// Servers that limit letters a line mostly do so at 1,000 or more.
const LETTERS_MAX: u32 = 1_000;
/// At one domain's exchangers at the same time; more is taken for an attack.
const PER_DOMAIN_MAX: usize = 10;
/// Gates remembered before unused ones are forgotten.
const GATES_MAX: usize = 1_024;

pub(super) struct Pool {
    all: Arc<Semaphore>,
    per_key: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Last used last.
    idle: Vec<(Arc<str>, Session)>,
    gates: HashMap<Arc<str>, Arc<Semaphore>>,
}

/// The right to have one connection open; it ends when this is dropped.
pub(super) struct Place {
    _gate: OwnedSemaphorePermit,
    _one_of_all: OwnedSemaphorePermit,
}

impl Pool {
    /// `keyed`: connections lead to different domains and are limited for each.
    pub fn new(connections: usize, keyed: bool) -> Self {
        let all = Arc::new(Semaphore::new(connections));
        let per_key = if keyed { connections.min(PER_DOMAIN_MAX) } else { connections };
        Self { all, per_key, state: Mutex::default() }
    }

    /// Waits for the right to a connection. A domain that answers slowly holds up its own letters
    /// before it holds up the others', so its gate comes first.
    pub async fn place(&self, key: &str) -> Place {
        let gate = self.gate(key);
        let waiting = "the pool's semaphores are never closed";
        let gate = gate.acquire_owned().await.expect(waiting);
        let all = Arc::clone(&self.all).acquire_owned().await.expect(waiting);
        Place { _gate: gate, _one_of_all: all }
    }

    /// An idle connection that is worth trying, the last used first.
    pub async fn take(&self, key: &str, now: Timestamp) -> Option<Session> {
        loop {
            let mut session = self.pop(key)?;
            let idle = now - session.last_used;
            if idle > IDLE_MAX || now - session.opened > AGE_MAX || session.letters >= LETTERS_MAX {
                tokio::spawn(session.quit());
                continue;
            }
            if idle <= PROBE_AFTER || session.answers().await {
                return Some(session);
            }
        }
    }

    /// Keeps a connection for the next letter, while its place is still held.
    pub fn put(&self, key: &str, mut session: Session, now: Timestamp) {
        if !session.usable {
            return;
        }
        session.last_used = now;
        self.make_room();
        self.lock().idle.push((key.into(), session));
    }

    /// Ends the idle connections that are too many beside those in use. To be called with a place
    /// held, before a connection is opened or kept.
    pub fn make_room(&self) {
        loop {
            let oldest = {
                let mut state = self.lock();
                if state.idle.len() <= self.all.available_permits() {
                    return;
                }
                state.idle.remove(0).1
            };
            tokio::spawn(oldest.quit());
        }
    }

    /// Every idle connection, taken out.
    pub fn drain(&self) -> Vec<Session> {
        self.lock().idle.drain(..).map(|(_, session)| session).collect()
    }

    fn pop(&self, key: &str) -> Option<Session> {
        let mut state = self.lock();
        let found = state.idle.iter().rposition(|(k, _)| &**k == key)?;
        Some(state.idle.remove(found).1)
    }

    fn gate(&self, key: &str) -> Arc<Semaphore> {
        let mut state = self.lock();
        if let Some(gate) = state.gates.get(key) {
            return Arc::clone(gate);
        }
        if state.gates.len() >= GATES_MAX {
            // Whoever holds or awaits a permit holds the gate too.
            state.gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        let gate = Arc::new(Semaphore::new(self.per_key));
        state.gates.insert(key.into(), Arc::clone(&gate));
        gate
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
