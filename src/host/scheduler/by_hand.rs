//! What a person does with a schedule: pause it, resume it, make good for moments that were missed.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::LEASE;
use super::job::{Fired, Job};
use super::reckoning::accounting;
use crate::domain::schedule::Schedule;
use crate::domain::schedule::verdict::{Backlog, SINGLE_MAX};
use crate::domain::time::{Span, Timestamp};
use crate::host::HostError;
use crate::host::site::Site;
use crate::ports::clock::Clock;
use crate::script::ScriptHost;
use crate::store::{Claim, Moment, MomentState};

/// Pauses a schedule: moments that come due are skipped. False when it is paused already.
///
/// # Errors
/// The store's.
pub fn pause(site: &Site, schedule: &Schedule, by: &str, now: Timestamp) -> Result<bool, HostError> {
    let known = site.store.schedule_states([schedule.name.as_str()])?;
    if known.iter().any(Option::is_none) {
        let all: Vec<_> = site.config.schedules.iter().map(|s| (s.name.as_str(), s.fingerprint())).collect();
        site.store.enlist_schedules(&all, now)?;
    }
    Ok(site.store.pause_schedule(&schedule.name, by, now)?)
}

/// Lets a paused schedule fire again, from now on: what was due during the pause is written down as
/// skipped first. False when it was not paused.
///
/// # Errors
/// The store's.
pub fn resume(site: &Site, schedule: &Schedule, by: &str, now: Timestamp) -> Result<bool, HostError> {
    let states = site.store.schedule_states([schedule.name.as_str()])?;
    let state = states.first().and_then(Option::as_ref).filter(|s| s.fingerprint == schedule.fingerprint());
    if let Some(state) = state.filter(|s| s.pause.is_some()) {
        let backlog = Backlog::of(schedule, state.accounted, now, SINGLE_MAX);
        if let Some(until) = backlog.last() {
            let all = [accounting(schedule, state, &backlog, until, now)];
            // Somebody who was faster has accounted for the same.
            site.store.account_for_moments(&all, (by, now), now)?;
        }
    }
    Ok(site.store.resume_schedule(&schedule.name, by, now)?)
}

/// The moments of a span that were missed or skipped, oldest first, and how many of them can't be made
/// good one by one, because after a very long outage they share a row.
///
/// # Errors
/// The store's.
pub fn missed_moments(site: &Site, schedule: &Schedule, span: (Timestamp, Timestamp)) -> Result<(Vec<Moment>, u64), HostError> {
    let rows = site.store.moments(&schedule.name, span, u32::MAX)?;
    let missed = rows.into_iter().filter(|m| matches!(m.state, MomentState::Missed | MomentState::Skipped));
    let (single, shared): (Vec<_>, Vec<_>) = missed.partition(|m| m.until.is_none());
    Ok((single, shared.iter().map(|m| u64::from(m.number)).sum()))
}

/// Runs a moment that was missed or skipped. `None`: it is no longer either, and nothing was done.
///
/// # Errors
/// The store's: then whoever looks after the schedules has the moment.
pub fn back_fill(
    site: &Arc<Site>,
    (host, clock): (&Arc<ScriptHost>, &Arc<dyn Clock>),
    schedule: &Arc<Schedule>,
    (at, by, owner): (Timestamp, &str, &str),
    cancel: &Arc<AtomicBool>,
) -> Result<Option<Fired>, HostError> {
    let claim = Claim { schedule: schedule.name.clone(), at, owner: owner.to_owned(), zone: schedule.zone() };
    // Nobody renews this one: it lasts as long as the script may.
    let script = Span::seconds(i64::try_from(site.config.script_limits.seconds).unwrap_or(86_400));
    if !site.store.claim_again(&claim, clock.now() + script + LEASE)? {
        return Ok(None);
    }
    let job = Job {
        site: Arc::clone(site),
        clock: Arc::clone(clock),
        host: Arc::clone(host),
        schedule: Arc::clone(schedule),
        claim: claim.clone(),
        by_hand: Some(by.to_owned()),
        cancel: Arc::clone(cancel),
        committed: Arc::default(),
    };
    let fired = job.run();
    if !matches!(fired, Ok(Fired::Stored { .. } | Fired::Failed(_) | Fired::Lost)) {
        site.store.put_back(&claim)?;
    }
    fired.map(Some)
}
