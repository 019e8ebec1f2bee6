//! Accounting for what has come due: verdicts from the domain, rows and claims in the store, jobs for
//! what was claimed.

use std::sync::Arc;

use super::agenda::Entry;
use super::{LEASE, Scheduler};
use crate::domain::schedule::verdict::{Backlog, SINGLE_MAX};
use crate::domain::time::{Span, Timestamp};
use crate::host::site::Site;
use crate::host::{HostError, Ports};
use crate::store::{Accounted, Accounting, ScheduleState};

/// After an outage of many schedules about so many moments have a row of their own, all together.
const LISTED_IN_ALL: usize = 200_000;
/// And so many of each schedule at least.
const LISTED_AT_LEAST: usize = 20;

/// When somebody else was faster, the next look at the same schedules is a moment later.
const AGAIN_AFTER: Span = Span::seconds(1);

/// How many moments of each of so many late schedules get a row of their own.
pub(super) fn listed_each(schedules: usize) -> usize {
    (LISTED_IN_ALL / schedules.max(1)).clamp(LISTED_AT_LEAST, SINGLE_MAX)
}

/// A schedule that another process knows by other times is looked at again after this, unless the site's files
/// are read again before.
const OUTDATED_AGAIN: Span = Span::minutes(1);

/// The number of a schedule among those that are due, and a moment of it that is ours to run.
type Claimed = (usize, Timestamp);

impl Scheduler {
    /// Accounts for everything of these schedules that is due at `now`, starts what is to be run, and
    /// puts them back into the agenda.
    pub(super) fn reckon(
        &mut self,
        site: &Arc<Site>,
        ports: &Ports,
        due: Vec<Entry>,
        listed_each: usize,
        now: Timestamp,
    ) -> Result<(), HostError> {
        if due.is_empty() {
            return Ok(());
        }
        match self.account(site, &due, listed_each, now) {
            Ok((claimed, next)) => {
                let jobs = claimed.into_iter().map(|(number, at)| self.job(site, ports, Arc::clone(&due[number].schedule), at));
                let jobs = jobs.collect();
                self.agenda.put_back(next);
                self.start(jobs, now);
                Ok(())
            }
            Err(error) => {
                self.agenda.put_back(due);
                Err(error)
            }
        }
    }

    fn is_outdated(&mut self, schedule: &str) {
        self.outdated.notify_one();
        if self.changed.insert(schedule.to_owned()) {
            tracing::warn!(
                schedule,
                "another process has read other times of this schedule from site.toml: the site's files are read again, and it does not fire here until then"
            );
        }
    }

    /// What was claimed; and each schedule with its next moment.
    fn account(
        &mut self,
        site: &Site,
        due: &[Entry],
        listed_each: usize,
        now: Timestamp,
    ) -> Result<(Vec<Claimed>, Vec<Entry>), HostError> {
        let states = site.store.schedule_states(due.iter().map(|entry| entry.schedule.name.as_str()))?;
        let mut next = Vec::with_capacity(due.len());
        let mut open = Vec::new();
        for (number, (entry, state)) in due.iter().zip(&states).enumerate() {
            let schedule = &entry.schedule;
            // Another process has read another site.toml: the schedule counts by that one's times now.
            let Some(state) = state.as_ref().filter(|s| s.fingerprint == schedule.fingerprint()) else {
                self.is_outdated(&schedule.name);
                next.push(entry.at(now + OUTDATED_AGAIN));
                continue;
            };
            let backlog = Backlog::of(schedule, state.accounted, now, listed_each);
            let Some(until) = backlog.last() else {
                // Somebody else has accounted for it, and may die over it.
                self.look_at.get_or_insert(now + LEASE);
                next.extend(entry.after(state.accounted));
                continue;
            };
            open.push((number, accounting(schedule, state, &backlog, until, now)));
        }
        let all: Vec<Accounting<'_>> = open.iter().map(|(_, accounting)| accounting.clone()).collect();
        let lease = now + LEASE;
        let came = if all.is_empty() { Vec::new() } else { site.store.account_for_moments(&all, (&self.owner, lease), now)? };
        let mut claimed = Vec::new();
        for ((number, accounting), came) in open.iter().zip(came) {
            match came {
                Accounted::Done(moments) => {
                    claimed.extend(moments.into_iter().map(|at| (*number, at)));
                    next.extend(due[*number].after(accounting.until));
                }
                Accounted::Stale => next.push(due[*number].at(now + AGAIN_AFTER)),
            }
        }
        claimed.sort_by_key(|(_, at)| *at);
        Ok((claimed, next))
    }
}

/// What the moments of a schedule come to.
pub(super) fn accounting<'a>(
    schedule: &'a crate::domain::schedule::Schedule,
    seen: &'a ScheduleState,
    backlog: &Backlog,
    until: Timestamp,
    now: Timestamp,
) -> Accounting<'a> {
    let pause = seen.pause.as_ref();
    Accounting {
        name: &schedule.name,
        zone: schedule.zone(),
        seen,
        until,
        older: backlog.of_older(schedule, pause),
        moments: backlog.verdicts(schedule, now, pause),
    }
}
