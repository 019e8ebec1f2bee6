//! Time: the only way to read it or to wait for it.

use super::Answer;
use crate::domain::time::Timestamp;

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;

    /// Resolves at `until` or later; at once when it has passed. A virtual clock jumps.
    fn wait_until(&self, until: Timestamp) -> Answer<'_, ()>;
}
