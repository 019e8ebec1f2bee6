//! The watchman: raises alerts about what nobody would see otherwise, ends them when it is over, and
//! writes to the site's contact.

use std::sync::{Arc, Weak};

use super::Serving;
use super::current::expiries;
use super::schedule_watch::{self, ScheduleWatch};
use super::state::OutboxState;
use crate::domain::alert::{self, AlertKind};
use crate::domain::time::{Span, Timestamp, show};
use crate::host::site::Site;
use crate::host::{HostError, Ports};
use crate::store::HeldRuns;

/// Trouble that is over sooner mends itself.
const PATIENCE: Span = Span::minutes(15);

/// How often the watchman makes the rounds; alerts that others raise are told at once.
const ROUNDS: Span = Span::minutes(1);

/// Days before its end at which a token or certificate is spoken of.
const DAYS_BEFORE: [i64; 4] = [1, 7, 14, 30];

/// Kind of alert, and what holds of it now: subjects with their words.
type Holding = (AlertKind, Vec<(String, String)>);

/// Looks around once a minute.
pub struct Watchman {
    serving: Weak<Serving>,
    schedules: ScheduleWatch,
    next_round: Option<Timestamp>,
}

impl Watchman {
    pub fn new(serving: &Weak<Serving>) -> Self {
        Self { serving: Weak::clone(serving), schedules: ScheduleWatch::default(), next_round: None }
    }

    /// Makes the rounds when it is time, and tells what is untold.
    ///
    /// # Errors
    /// The store's.
    #[expect(clippy::unused_async, reason = "the contract of a chore")]
    pub async fn step(&mut self, site: &Arc<Site>, ports: &Ports, now: Timestamp) -> Result<Option<Timestamp>, HostError> {
        // A time far ahead was set before the clock was set back.
        let due = self.next_round.is_none_or(|at| at <= now || at > now + ROUNDS);
        if due {
            for (kind, holding) in self.round(site, ports, now)? {
                site.store.keep_alerts(kind, &holding, now)?;
            }
            self.schedules.look(site, now)?;
            self.next_round = Some(now + ROUNDS);
        }
        let contact = site.config.site.contact.as_ref().filter(|_| ports.mail.is_some());
        let write = |alerts: &[alert::Alert]| alert::letter(alerts, &site.config.site.name, site.config.site.timezone);
        for told in site.store.tell_alerts(contact, write, now)? {
            tracing::warn!(alert = told.kind.word(), about = %told.subject, "{}", told.words);
        }
        Ok(self.next_round)
    }

    fn round(&self, site: &Site, ports: &Ports, now: Timestamp) -> Result<Vec<Holding>, HostError> {
        let mut holding =
            vec![(AlertKind::Expiring, expiring(&expiries(site, ports), site, now)), (AlertKind::RunHeld, held(site)?)];
        if let Some(serving) = self.serving.upgrade() {
            holding.extend(of_process(&serving, now));
        }
        Ok(holding)
    }
}

/// What only this process knows: its channels, its loops, its outbox.
fn of_process(serving: &Serving, now: Timestamp) -> Vec<Holding> {
    let down = serving.tally.now().down.into_iter().filter(|(_, down)| now - down.since > PATIENCE);
    // How long it has lasted is said by when the alert was raised; words that change each minute are no news.
    let down = down.map(|(name, down)| (name, format!("It does not work: {}.\n{}.", down.why.what, down.why.remedy))).collect();
    let failing = serving.state.chores().into_iter().filter_map(|(name, chore)| Some((name, chore.failing?)));
    let failing = failing.filter(|(_, failing)| now - failing.since > PATIENCE);
    let failing = failing.map(|(name, failing)| (name.to_owned(), format!("It fails again and again: {}.", failing.words)));
    let stalled = match serving.state.outbox() {
        OutboxState::Ours if !serving.stalled(now).is_empty() => {
            vec![(
                "outbox".to_owned(),
                "Deliveries are due, their channel works, and none leaves: restart beckon serve.".to_owned(),
            )]
        }
        _ => Vec::new(),
    };
    vec![(AlertKind::ChannelDown, down), (AlertKind::ChoreFailed, failing.collect()), (AlertKind::NothingLeaves, stalled)]
}

/// For each thing that ends soon, the nearest of the thresholds that it has passed.
fn expiring(ends: &[(&'static str, Timestamp)], site: &Site, now: Timestamp) -> Vec<(String, String)> {
    let soon = ends.iter().filter_map(|(what, at)| {
        let left = *at - now;
        let day = show(*at, site.config.site.timezone);
        if left <= Span::zero() {
            return Some((format!("{what}: expired"), format!("The {what} ended on {day}. {}.", renew(what))));
        }
        let days = DAYS_BEFORE.into_iter().find(|days| left <= Span::days(*days))?;
        let words = format!("The {what} ends on {day}. {}.", renew(what));
        Some((format!("{what}: {days} day{} left", if days == 1 { "" } else { "s" }), words))
    });
    soon.collect()
}

fn renew(what: &str) -> &'static str {
    if what == "content token" {
        "Download a new one from Apple School Manager or Apple Business Manager, and run `beckon token install FILE`"
    } else {
        "Renew it at identity.apple.com/pushcert with the same Apple Account, so that no device is lost, \
         and put the new file where site.toml says"
    }
}

fn held(site: &Site) -> Result<Vec<(String, String)>, HostError> {
    let held = site.store.held_runs()?.into_iter();
    Ok(held.map(|held| tell_held(&held)).collect())
}

/// A schedule that is held every time is one alert, of which the words follow its newest run.
fn tell_held(held: &HeldRuns) -> (String, String) {
    let HeldRuns { schedule, newest, script, number } = held;
    let subject = schedule.as_deref().map_or_else(|| format!("run {newest}"), schedule_watch::subject);
    let which = if *number == 1 { format!("run {newest}") } else { format!("{number} runs, the newest is {newest}") };
    (subject, format!("{script} is over a limit and is held ({which}): look at it with `beckon approve {newest}`."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{TestSite, morning};
    use crate::sim::people::Habits;

    #[test]
    fn what_ends_is_spoken_of_at_four_thresholds() {
        let site = TestSite::new(Habits::default());
        let told = |hours: i64| {
            let ends = [("content token", morning() + Span::hours(hours))];
            expiring(&ends, &site.site, morning()).into_iter().map(|(subject, _)| subject).next()
        };
        assert_eq!(told(31 * 24), None);
        for (hours, subject) in [
            (30 * 24, "content token: 30 days left"),
            (14 * 24 + 1, "content token: 30 days left"),
            (14 * 24, "content token: 14 days left"),
            (100, "content token: 7 days left"),
            (24, "content token: 1 day left"),
            (0, "content token: expired"),
        ] {
            assert_eq!(told(hours).as_deref(), Some(subject), "{hours}");
        }
    }
}
