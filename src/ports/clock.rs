//! Time: the only way to read it or to wait for it.

use super::Answer;
use crate::domain::time::{Span, Timestamp};

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;

    /// Resolves at `until` or later; at once when it has passed. A virtual clock jumps.
    fn wait_until(&self, until: Timestamp) -> Answer<'_, ()>;

    /// Resolves after `span`, also where the clock is set meanwhile: for whoever has to notice that.
    fn wait_for(&self, span: Span) -> Answer<'_, ()> {
        self.wait_until(self.now() + span)
    }
}
