//! The chore that runs scripts at their times. Read [`Scheduler::step`] top to bottom.
//!
//! Every due moment is written down before its script starts, as a claim with a lease; the run's effects
//! and the end of the claim are one transaction. So a moment fires once, however many processes look at
//! the site, and one whose process died is fired again by whoever sees its lease end.

mod agenda;
mod by_hand;
mod job;
mod params;
mod pool;
mod reckoning;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::Notify;

pub use by_hand::{back_fill, missed_moments, pause, resume};
pub use job::{Fired, Job};
pub use params::ScheduleParams;

use self::agenda::Agenda;
use self::pool::Pool;
use super::site::Site;
use super::{HostError, Ports};
use crate::domain::schedule::verdict::ON_TIME;
use crate::domain::time::{Span, Timestamp, show_span};
use crate::script::ScriptHost;
use crate::store::{Claim, MomentEnd};

/// How long a claim holds unless it is renewed: what a process that dies leaves behind is run after that.
pub const LEASE: Span = Span::seconds(30);
const RENEW_EVERY: Span = Span::seconds(10);

/// So many scripts run at the same time, so that a few long ones hold up nobody.
const AT_ONCE: usize = 16;

/// A moment whose process died so often is not tried again: its script may be what kills it.
const TRIES_MAX: u32 = 3;

/// After an outage so many schedules are caught up with in one step, so that nothing on time waits long.
const CATCH_UP: usize = 200;

/// Steps of the clock that are only corrections.
const CORRECTION: Span = Span::seconds(5);

/// Runs what is due. One a process; any number on a site.
pub struct Scheduler {
    /// Differs from every other process's.
    owner: String,
    host: Arc<ScriptHost>,
    pool: Arc<Pool>,
    committed: Arc<Notify>,
    outdated: Arc<Notify>,
    /// Schedules that count by other times now, and that this has been said of.
    changed: HashSet<String>,
    agenda: Agenda,
    /// The site that the agenda was made from.
    site: Option<Arc<Site>>,
    last_now: Option<Timestamp>,
    renew_at: Timestamp,
    /// How many schedules were late when the present catch-up began.
    catching_up: usize,
    /// When to look whether somebody else's claim has ended.
    look_at: Option<Timestamp>,
}

impl Scheduler {
    /// `owner`: a text that no other process has, such as a new UUID.
    #[must_use]
    pub fn new(owner: String, host: Arc<ScriptHost>) -> Self {
        Self {
            owner,
            host,
            pool: Arc::new(Pool::new(AT_ONCE)),
            committed: Arc::default(),
            outdated: Arc::default(),
            changed: HashSet::new(),
            agenda: Agenda::default(),
            site: None,
            last_now: None,
            renew_at: Timestamp::default(),
            catching_up: 0,
            look_at: None,
        }
    }

    /// One that claims what is due and runs nothing of it: it is going to die before that.
    #[cfg(test)]
    pub(crate) fn doomed(owner: String, host: Arc<ScriptHost>) -> Self {
        Self { pool: Arc::new(Pool::new(0)), ..Self::new(owner, host) }
    }

    /// Notified after each commit of a run: there may be something to deliver.
    #[must_use]
    pub fn committed(&self) -> Arc<Notify> {
        Arc::clone(&self.committed)
    }

    /// Notified when another process knows other times of a schedule than this one: the site's files are to be
    /// read again.
    #[must_use]
    pub fn outdated(&self) -> Arc<Notify> {
        Arc::clone(&self.outdated)
    }

    /// Does everything that is due at `now`, and answers when there is more to do: `None` when nothing
    /// is going to happen by itself. Scripts are only started here; they run on threads of their own.
    ///
    /// # Errors
    /// The store's. What was due stays due.
    #[expect(clippy::unused_async, reason = "a chore's step is async; this one has nothing to wait for")]
    pub async fn step(&mut self, site: &Arc<Site>, ports: &Ports, now: Timestamp) -> Result<Option<Timestamp>, HostError> {
        self.look_at_the_clock(site, now)?;
        if !self.site.as_ref().is_some_and(|known| Arc::ptr_eq(known, site)) {
            self.load(site, now)?;
        }
        self.keep_claims(site, now)?;
        if self.look_at.is_some_and(|at| at <= now) {
            self.take_over(site, ports, now)?;
        }
        let due = self.agenda.take_due(now);
        let (late, on_time): (Vec<_>, Vec<_>) = due.into_iter().partition(|entry| now - entry.due > ON_TIME);
        self.catching_up = if late.is_empty() { 0 } else { self.catching_up.max(late.len()) };
        let listed_each = reckoning::listed_each(self.catching_up);
        let mut late = late.into_iter();
        let chunk = late.by_ref().take(CATCH_UP).collect();
        self.agenda.put_back(late);
        // What is on time doesn't wait for what is late already.
        self.reckon(site, ports, on_time, listed_each, now)?;
        self.reckon(site, ports, chunk, listed_each, now)?;
        // What found no thread the last time, or was behind another process, may go on now.
        self.start(Vec::new(), now);
        let renew = (!self.pool.is_idle()).then_some(self.renew_at);
        Ok([self.agenda.next(), renew, self.look_at].into_iter().flatten().min())
    }

    /// Resolves when no script runs or waits for its turn.
    pub async fn settled(&self) {
        self.pool.settled().await;
    }

    /// Ends what runs and gives back what has been claimed: nothing of it was committed, and whoever
    /// looks after the site next runs it. Resolves when the last script has ended.
    ///
    /// # Errors
    /// The store's: then the claims end by themselves, a little later.
    pub async fn stop(&mut self, now: Timestamp) -> Result<(), HostError> {
        let waiting = self.pool.stop();
        self.pool.settled().await;
        let mut claims = self.pool.take_unended();
        claims.extend(waiting);
        if let Some(site) = self.site.take().filter(|_| !claims.is_empty()) {
            site.store.let_go_of_moments(&claims, now)?;
        }
        self.pool = Arc::new(Pool::new(AT_ONCE));
        Ok(())
    }

    /// Time that goes back makes nothing fire twice, because what is accounted for stays so; but whoever
    /// wonders later why nothing fired finds it written down.
    fn look_at_the_clock(&mut self, site: &Site, now: Timestamp) -> Result<(), HostError> {
        let back = self.last_now.map_or(Span::zero(), |last| last - now);
        if back > CORRECTION {
            let words = format!("the clock went back by {}; what has been due already is not due again", show_span(back));
            site.store.note_about_schedules(&words, now)?;
            self.renew_at = now;
            self.look_at = Some(now);
        }
        self.last_now = Some(now);
        Ok(())
    }

    /// Makes the agenda anew from a site that was just opened or changed.
    fn load(&mut self, site: &Arc<Site>, now: Timestamp) -> Result<(), HostError> {
        let schedules = &site.config.schedules;
        let names: Vec<(&str, String)> = schedules.iter().map(|s| (s.name.as_str(), s.fingerprint())).collect();
        let states = site.store.enlist_schedules(&names, now)?;
        let ahead = states.iter().map(|s| s.accounted).max().filter(|at| *at > now + ON_TIME);
        if let Some(ahead) = ahead.filter(|_| self.site.is_none()) {
            let words = format!(
                "the clock is {} behind the last moment that was accounted for; nothing is due until then",
                show_span(ahead - now)
            );
            site.store.note_about_schedules(&words, now)?;
        }
        self.agenda = Agenda::of(schedules, &states);
        self.changed.clear();
        self.look_at = Some(now);
        self.site = Some(Arc::clone(site));
        Ok(())
    }

    /// Prolongs the claims of what runs and waits, and gives back those of which the end could not be stored.
    fn keep_claims(&mut self, site: &Site, now: Timestamp) -> Result<(), HostError> {
        let unended = self.pool.take_unended();
        if !unended.is_empty() {
            if let Err(error) = site.store.let_go_of_moments(&unended, now + LEASE) {
                self.pool.keep_unended(unended);
                return Err(error.into());
            }
            self.look_at = Some(self.look_at.map_or(now + LEASE, |at| at.min(now + LEASE)));
        }
        if now >= self.renew_at {
            let claims = self.pool.claims();
            if !claims.is_empty() {
                site.store.renew_moments(&claims, now + LEASE)?;
            }
            self.renew_at = now + RENEW_EVERY;
        }
        Ok(())
    }

    /// Runs what somebody else had claimed and has not ended.
    fn take_over(&mut self, site: &Arc<Site>, ports: &Ports, now: Timestamp) -> Result<(), HostError> {
        let mut jobs = Vec::new();
        for taken in site.store.take_over_moments(&self.owner, now + LEASE, now)? {
            let schedule = site.config.schedules.iter().find(|s| s.name == taken.schedule);
            let claim = Claim {
                zone: schedule.map_or(site.config.site.timezone, |s| s.zone()),
                schedule: taken.schedule,
                at: taken.at,
                owner: self.owner.clone(),
            };
            let end = |how, why: &str| site.store.end_moment(&claim, how, why, now);
            let Some(schedule) = schedule else {
                end(MomentEnd::Missed, "its process died, and the schedule is no longer in site.toml")?;
                continue;
            };
            let late = now - taken.at;
            if taken.tries > TRIES_MAX {
                end(MomentEnd::Failed, &format!("beckon died {TRIES_MAX} times while it ran"))?;
            } else if late > schedule.max_late.max(ON_TIME) {
                let max_late = show_span(schedule.max_late);
                end(
                    MomentEnd::Missed,
                    &format!("its process died, and now it is {} late: max_late is {max_late}", show_span(late)),
                )?;
            } else {
                jobs.push(self.job(site, ports, Arc::clone(schedule), taken.at));
            }
        }
        self.start(jobs, now);
        // A millisecond later than the lease's end: until then it holds.
        self.look_at = site.store.next_lease_of_others(&self.owner)?.map(|at| at + Span::milliseconds(1));
        Ok(())
    }

    fn job(&self, site: &Arc<Site>, ports: &Ports, schedule: Arc<crate::domain::schedule::Schedule>, at: Timestamp) -> Job {
        Job {
            site: Arc::clone(site),
            clock: Arc::clone(&ports.clock),
            host: Arc::clone(&self.host),
            claim: Claim { schedule: schedule.name.clone(), at, owner: self.owner.clone(), zone: schedule.zone() },
            schedule,
            by_hand: None,
            cancel: self.pool.cancel(),
            committed: Arc::clone(&self.committed),
        }
    }

    fn start(&mut self, jobs: Vec<Job>, now: Timestamp) {
        if self.pool.is_idle() {
            self.renew_at = now + RENEW_EVERY;
        }
        self.pool.add(jobs);
    }
}
