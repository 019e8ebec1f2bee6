//! What is going to happen in the simulated world, in order of time and then of asking.

use std::collections::BTreeMap;

use crate::domain::time::Timestamp;

/// Things with a due time. Two that are due at the same instant come in the order they were added.
pub struct Agenda<T> {
    due: BTreeMap<(Timestamp, u64), T>,
    added: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { due: BTreeMap::new(), added: 0 }
    }
}

impl<T> Agenda<T> {
    pub fn add(&mut self, at: Timestamp, thing: T) {
        self.added += 1;
        self.due.insert((at, self.added), thing);
    }

    /// When the next thing is due.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next thing, whenever it is due.
    pub fn take(&mut self) -> Option<(Timestamp, T)> {
        self.due.pop_first().map(|((at, _), thing)| (at, thing))
    }
}
