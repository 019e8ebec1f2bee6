//! What is strange about schedules: nothing fires, a script fails, nobody is chosen any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::alert::AlertKind;
use crate::domain::schedule::Schedule;
use crate::domain::time::{Span, Timestamp, show};
use crate::host::HostError;
use crate::host::site::Site;
use crate::store::PastRun;

/// A moment that is due for so long and has no row stands for a scheduler that does not work.
const SILENT: Span = Span::minutes(10);

/// All schedules are looked at so often; in between, those of which a moment has ended.
const ALL_EVERY: Span = Span::hours(1);

/// So many schedules are few enough to ask each of them every minute whether it fires.
const FEW: usize = 500;

/// What is committed a moment after its time is seen by the next look.
const SETTLED: Span = Span::seconds(2);

/// A run that reaches nobody is strange when most of so many runs before did.
const COMPARED: usize = 5;

/// What has been looked at.
#[derive(Default)]
pub struct ScheduleWatch {
    seen: Option<Timestamp>,
    all_at: Option<Timestamp>,
}

impl ScheduleWatch {
    /// Raises and ends alerts about the site's schedules.
    ///
    /// # Errors
    /// The store's.
    pub fn look(&mut self, site: &Site, now: Timestamp) -> Result<(), HostError> {
        let store = &site.store;
        let schedules = &site.config.schedules;
        // A time far ahead was set before the clock was set back.
        let all = self.all_at.is_none_or(|at| at <= now || at > now + ALL_EVERY);
        if all || schedules.len() <= FEW {
            store.keep_alerts(AlertKind::NothingFired, &silent(site, now)?, now)?;
        }
        let until = now - SETTLED;
        if all {
            let (mut failed, mut nobody) = (Vec::new(), Vec::new());
            for (schedule, runs) in past_runs(site, schedules.iter())? {
                failed.extend(last_failed(&runs, schedule).map(|words| (subject(&schedule.name), words)));
                nobody.extend(chose_nobody(&runs, schedule).map(|words| (subject(&schedule.name), words)));
            }
            store.keep_alerts(AlertKind::ScheduleFailed, &failed, now)?;
            store.keep_alerts(AlertKind::NobodyChosen, &nobody, now)?;
            self.all_at = Some(now + ALL_EVERY);
        } else if let Some(seen) = self.seen.filter(|seen| *seen < until) {
            let ended = store.ended_moments(seen, until, 100_000)?;
            let names: BTreeSet<&str> = ended.iter().map(|moment| moment.schedule.as_str()).collect();
            let ended = schedules.iter().filter(|schedule| names.contains(schedule.name.as_str()));
            for (schedule, runs) in past_runs(site, ended)? {
                self::keep(site, AlertKind::ScheduleFailed, &schedule.name, last_failed(&runs, schedule), now)?;
                self::keep(site, AlertKind::NobodyChosen, &schedule.name, chose_nobody(&runs, schedule), now)?;
            }
        }
        self.seen = Some(until);
        Ok(())
    }
}

const RUNS: u32 = COMPARED as u32 + 1;

/// Schedules with their last runs.
fn past_runs<'a>(
    site: &Site,
    schedules: impl Iterator<Item = &'a Arc<Schedule>>,
) -> Result<impl Iterator<Item = (&'a Arc<Schedule>, Vec<PastRun>)>, HostError> {
    let schedules: Vec<_> = schedules.collect();
    let names: Vec<&str> = schedules.iter().map(|schedule| schedule.name.as_str()).collect();
    let runs = site.store.past_runs(&names, RUNS)?;
    Ok(schedules.into_iter().zip(runs))
}

/// What an alert about a schedule is called.
pub(super) fn subject(schedule: &str) -> String {
    format!("schedule {schedule}")
}

fn keep(site: &Site, kind: AlertKind, schedule: &str, words: Option<String>, now: Timestamp) -> Result<(), HostError> {
    match words {
        Some(words) => site.store.raise(kind, &subject(schedule), &words, now)?,
        None => site.store.resolve(kind, &subject(schedule), now)?,
    };
    Ok(())
}

/// Schedules of which a moment has passed and is in nobody's books.
fn silent(site: &Site, now: Timestamp) -> Result<Vec<(String, String)>, HostError> {
    let schedules = &site.config.schedules;
    let states = site.store.schedule_states(schedules.iter().map(|schedule| schedule.name.as_str()))?;
    let mut silent = Vec::new();
    for (schedule, state) in schedules.iter().zip(states) {
        // One that the scheduler has never seen, or not with these times, counts from when it does.
        let Some(state) = state.filter(|state| state.fingerprint == schedule.fingerprint()) else { continue };
        let Some(due) = schedule.moments_after(state.accounted).next().map(|moment| moment.at) else { continue };
        if now - due > SILENT {
            let words = format!(
                "It was due at {} and nothing has happened since: restart beckon serve, and look at its log.",
                show(due, schedule.zone())
            );
            silent.push((subject(&schedule.name), words));
        }
    }
    Ok(silent)
}

fn last_failed(runs: &[PastRun], schedule: &Schedule) -> Option<String> {
    let last = runs.first().filter(|run| run.failed)?;
    let name = last.run.map(|run| format!(" (run {run})")).unwrap_or_default();
    Some(format!("Its run of {}{name} failed, and nothing was changed: {}", show(last.at, schedule.zone()), last.words))
}

/// The last run reached nobody, while most of those before it, and at least two, reached somebody.
/// One that reaches somebody now and then is not expected to.
fn chose_nobody(runs: &[PastRun], schedule: &Schedule) -> Option<String> {
    let (last, before) = runs.split_first()?;
    let reached = before.iter().filter(|run| run.reached_somebody).count();
    let strange = !last.failed && !last.reached_somebody && reached >= 2 && reached * 2 > before.len();
    strange.then(|| {
        format!(
            "Its run of {} chose nobody, while {reached} of the {} before it did: look at its groups and at the last import.",
            show(last.at, schedule.zone()),
            before.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{TestSite, morning};
    use crate::sim::people::Habits;

    const WEEKLY: &str =
        "\n[[schedule]]\nname = \"weekly\"\nscript = \"weekly.rhai\"\ncron = \"0 8 * * MON\"\ntimezone = \"Europe/Amsterdam\"\n";

    fn runs(story: &str) -> Vec<PastRun> {
        let runs = story.chars().zip(0_i64..).map(|(c, n)| PastRun {
            at: morning() - Span::days(n),
            run: Some(100 - n),
            failed: c == 'x',
            reached_somebody: c == 's',
            words: "no group is called \"Grade 5\"".to_owned(),
        });
        runs.collect()
    }

    #[test]
    fn nobody_chosen_is_strange_only_where_somebody_was_expected() {
        let site = TestSite::new(Habits::default()).with_settings(WEEKLY);
        let schedule = &site.site.config.schedules[0];
        // The newest first: s reached somebody, n nobody, x failed.
        for (story, strange) in
            [("", false), ("n", false), ("ns", false), ("nss", true), ("nsn", false), ("nssnn", false), ("nsssnn", true)]
        {
            assert_eq!(chose_nobody(&runs(story), schedule).is_some(), strange, "{story}");
        }
        assert!(chose_nobody(&runs("sss"), schedule).is_none() && chose_nobody(&runs("xss"), schedule).is_none());
        let words = "Its run of 2026-12-01 08:45 (run 100) failed, and nothing was changed: no group is called \"Grade 5\"";
        assert_eq!(last_failed(&runs("xss"), schedule).as_deref(), Some(words));
        assert!(last_failed(&runs("sx"), schedule).is_none());
    }

    #[test]
    fn a_moment_that_nobody_accounts_for_is_told_after_ten_minutes() {
        let site = TestSite::new(Habits::default()).with_settings(WEEKLY);
        let schedule = &site.site.config.schedules[0];
        let mut watch = ScheduleWatch::default();
        let mut open = |now: Timestamp| {
            watch.look(&site.site, now).unwrap();
            site.site.store.open_alerts().unwrap().into_iter().map(|a| (a.kind, a.subject)).collect::<Vec<_>>()
        };
        assert_eq!(open(morning() + Span::days(30)), [], "the scheduler has never seen it");
        site.site.store.enlist_schedules(&[("weekly", schedule.fingerprint())], morning()).unwrap();
        let due = schedule.moments_after(morning()).next().unwrap().at;
        assert_eq!(open(due + SILENT), []);
        let told = [(AlertKind::NothingFired, "schedule weekly".to_owned())];
        assert_eq!(open(due + SILENT + Span::seconds(1)), told);
    }
}
