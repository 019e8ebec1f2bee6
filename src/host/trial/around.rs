//! What stands around the parts of a test's site: its clock.

use std::sync::Arc;

use super::Stopping;
use crate::domain::time::{Span, Timestamp};
use crate::ports::Answer;
use crate::ports::clock::Clock;

/// Longer than a script may take, whatever the settings say.
const LATE: Span = Span::days(30);

/// The test's clock, on which nothing ends by itself while a script runs: when the test's own time is up, it is
/// suddenly late for every script.
pub struct Hurried {
    clock: Arc<dyn Clock>,
    stop: Stopping,
}

impl Hurried {
    pub fn new(clock: &Arc<dyn Clock>, stop: &Stopping) -> Self {
        Self { clock: Arc::clone(clock), stop: Arc::clone(stop) }
    }
}

impl Clock for Hurried {
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        if (self.stop)().is_some() { now + LATE } else { now }
    }

    fn wait_until(&self, until: Timestamp) -> Answer<'_, ()> {
        self.clock.wait_until(until)
    }

    fn wait_for(&self, span: Span) -> Answer<'_, ()> {
        self.clock.wait_for(span)
    }
}
