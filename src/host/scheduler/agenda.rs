//! What is due when: the next moment of each schedule, soonest first. In memory; the store has what was.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::domain::schedule::Schedule;
use crate::domain::time::Timestamp;
use crate::store::ScheduleState;

/// One schedule's place.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub due: Timestamp,
    /// Its place among the schedules.
    number: usize,
    pub schedule: Arc<Schedule>,
}

impl Entry {
    /// The same schedule with its first moment after an instant, if there is one.
    pub fn after(&self, instant: Timestamp) -> Option<Self> {
        Some(self.at(self.schedule.timing.next_after(instant)?.at))
    }

    /// The same schedule, to be looked at then.
    pub fn at(&self, due: Timestamp) -> Self {
        Self { due, ..self.clone() }
    }
}

#[derive(Default)]
pub(super) struct Agenda {
    schedules: Vec<Arc<Schedule>>,
    /// Each schedule once at most; one that is never due again is in it no more.
    heap: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

impl Agenda {
    /// `states`: what is remembered of each of the schedules.
    pub fn of(schedules: &[Arc<Schedule>], states: &[ScheduleState]) -> Self {
        let next = |(number, (schedule, state)): (usize, (&Arc<Schedule>, &ScheduleState))| {
            schedule.timing.next_after(state.accounted).map(|moment| Reverse((moment.at, number)))
        };
        let heap: Vec<_> = schedules.iter().zip(states).enumerate().filter_map(next).collect();
        Self { schedules: schedules.to_vec(), heap: heap.into() }
    }

    pub fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out what is due at `now`, soonest first.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<Entry> {
        let mut due = Vec::new();
        while let Some(Reverse((at, _))) = self.heap.peek()
            && *at <= now
        {
            let Some(Reverse((at, number))) = self.heap.pop() else { break };
            if let Some(schedule) = self.schedules.get(number) {
                due.push(Entry { due: at, schedule: Arc::clone(schedule), number });
            }
        }
        due
    }

    pub fn put_back(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.heap.extend(entries.into_iter().map(|entry| Reverse((entry.due, entry.number))));
    }
}
