//! The queue of one token: callers wait here for their turn, in the order in which they came.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::pace::{FlightId, Pace, Turn};
use crate::domain::time::{Span, Timestamp};
use crate::ports::clock::Clock;

/// [`Pace`] with a clock, for many callers at once.
pub struct Queue {
    clock: Arc<dyn Clock>,
    pace: Mutex<Pace>,
    /// Who holds it is next; the others stand in line behind.
    gate: tokio::sync::Mutex<()>,
    landed: Notify,
}

impl Queue {
    pub fn new(clock: Arc<dyn Clock>, rate: u32) -> Self {
        Self { clock, pace: Mutex::new(Pace::new(rate)), gate: tokio::sync::Mutex::new(()), landed: Notify::new() }
    }

    /// Waits for a turn. The request counts as in flight until what is answered here is dropped,
    /// also when the caller is.
    ///
    /// # Errors
    /// How long Apple still wants to be left alone, at once: nobody waits here for a block to end.
    pub async fn turn(&self) -> Result<Flight<'_>, Span> {
        if let Some(left) = self.with(Pace::blocked) {
            return Err(left);
        }
        let _next = self.gate.lock().await;
        loop {
            match self.with(Pace::turn) {
                Turn::Go(id) => return Ok(Flight { queue: self, id }),
                Turn::Wait(until) => self.clock.wait_until(until).await,
                Turn::Full => self.landed.notified().await,
                Turn::Blocked(left) => return Err(left),
            }
        }
    }

    /// Leave for a request without the token, which stands in no line.
    ///
    /// # Errors
    /// How long Apple still wants to be left alone.
    pub fn aside(&self) -> Result<Flight<'_>, Span> {
        Ok(Flight { queue: self, id: self.with(Pace::aside)? })
    }

    /// Looks at or changes the pace, at the time that it is now.
    pub fn with<T>(&self, f: impl FnOnce(&mut Pace, Timestamp) -> T) -> T {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock: the pace must not see two callers' times in the wrong order.
        let now = self.clock.now();
        f(&mut pace, now)
    }
}

/// A request on its way.
pub struct Flight<'a> {
    queue: &'a Queue,
    id: FlightId,
}

impl Flight<'_> {
    /// The answer is here, or lost.
    pub fn land(self) -> FlightId {
        self.id
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.queue.with(|pace, now| pace.landed(self.id, now));
        self.queue.landed.notify_one();
    }
}
