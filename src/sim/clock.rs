//! A clock that nobody has to wait for.

use std::sync::{Mutex, PoisonError};

use crate::domain::time::{Span, Timestamp};
use crate::ports::Answer;
use crate::ports::clock::Clock;

/// Time that stands still until somebody waits for a later instant or moves it.
#[derive(Debug)]
pub struct VirtualClock {
    now: Mutex<Timestamp>,
}

impl VirtualClock {
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self { now: Mutex::new(at) }
    }

    /// Moves time forward by `span`; a negative span moves nothing.
    pub fn advance(&self, span: Span) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add_signed(span.max(Span::zero())).unwrap_or(*now);
    }

    /// Moves time forward to `at`; an earlier instant moves nothing.
    pub fn advance_to(&self, at: Timestamp) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = at.max(*now);
    }

    /// Somebody sets the clock, forwards or back.
    pub fn set(&self, at: Timestamp) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until(&self, until: Timestamp) -> Answer<'_, ()> {
        Box::pin(async move { self.advance_to(until) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_millis;

    #[tokio::test]
    async fn waiting_jumps_and_never_goes_back() {
        let clock = VirtualClock::new(from_millis(1_000));
        clock.wait_until(from_millis(5_000)).await;
        clock.wait_until(from_millis(2_000)).await;
        assert_eq!(clock.now(), from_millis(5_000));
        clock.advance(Span::seconds(1));
        clock.advance(Span::seconds(-9));
        assert_eq!(clock.now(), from_millis(6_000));
        clock.set(from_millis(2_000));
        assert_eq!(clock.now(), from_millis(2_000));
    }
}
