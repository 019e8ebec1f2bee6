//! Personal data goes when the site has kept it long enough: once a day, a little at a time.

use std::sync::Arc;

use super::site::Site;
use super::{HostError, Ports};
use crate::domain::time::{Span, Timestamp};
use crate::store::OldRows;

/// When personal data is looked through again.
const EVERY: Span = Span::days(1);

/// So many rows in one transaction: the outbox waits for no more than that.
const ROWS: u32 = 500;

/// So many transactions in one step, so that a stop is never far.
const TURNS: u32 = 40;

/// The chore. What it has done today it remembers only while it lives: a restart looks again, and finds
/// what was erased erased.
#[derive(Debug, Default)]
pub struct Retention {
    walk: OldRows,
    /// The walk that goes on is about data from before this.
    before: Option<Timestamp>,
    next: Option<Timestamp>,
}

impl Retention {
    /// Erases what is old enough; `now` again where there is more than one step's work, else tomorrow.
    ///
    /// # Errors
    /// The store's.
    #[expect(clippy::unused_async, reason = "every chore is called alike")]
    pub async fn step(&mut self, site: &Arc<Site>, _: &Ports, now: Timestamp) -> Result<Option<Timestamp>, HostError> {
        let keeping = site.config.journal;
        if keeping.keep.is_none() && keeping.keep_leavers.is_none() {
            return Ok(None);
        }
        // A clock that was set back far is no reason to wait for longer than a day.
        if let Some(next) = self.next.filter(|next| now < *next && *next - now <= EVERY) {
            return Ok(Some(next));
        }
        if let Some(keep) = keeping.keep {
            let before = *self.before.get_or_insert(now - keep);
            for _ in 0..TURNS {
                if !site.store.erase_before(before, &mut self.walk, ROWS, now)? {
                    self.before = None;
                    break;
                }
            }
            if self.before.is_some() {
                return Ok(Some(now));
            }
            self.walk = OldRows::default();
        }
        if let Some(keep) = keeping.keep_leavers {
            let leavers = site.store.leavers(now - keep, TURNS)?;
            let mut gone = 0;
            for user in leavers {
                gone += u32::from(site.store.forget(user, "somebody who left the roster", now)?.is_some());
            }
            if gone == TURNS {
                return Ok(Some(now));
            }
        }
        self.next = Some(now + EVERY);
        Ok(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::invite_plan::Choice;
    use crate::host::testing::TestSite;
    use crate::ports::clock::Clock as _;
    use crate::sim::people::Habits;

    /// Steps until the chore is done for the day.
    fn whole_day(chore: &mut Retention, site: &Arc<Site>, ports: &Ports, now: Timestamp) -> Option<Timestamp> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        loop {
            match runtime.block_on(chore.step(site, ports, now)).unwrap() {
                Some(next) if next <= now => {}
                other => return other,
            }
        }
    }

    #[test]
    fn a_site_that_names_no_time_keeps_everything() {
        let site = TestSite::new(Habits::default());
        let (ports, now) = (site.ports.clone(), site.clock.now());
        assert_eq!(whole_day(&mut Retention::default(), &Arc::new(site.site), &ports, now), None);
    }

    #[test]
    fn after_its_time_nobody_is_named_and_the_figures_are_the_same() {
        let mut site = TestSite::new(Habits::default()).with_settings("[journal]\nkeep = \"30d\"\n");
        let run = site.invite("Grade 5", Choice::Everyone).run;
        site.deliver(Some(run), Span::hours(1));
        let store = Arc::clone(&site.site.store);
        let now = site.clock.now();
        let figures = store.run_figures(crate::domain::ids::RunId(run), &[], now).unwrap();
        let ports = site.ports.clone();
        let opened = Arc::new(site.site);
        let mut chore = Retention::default();
        assert_eq!(whole_day(&mut chore, &opened, &ports, now), Some(now + EVERY));
        assert!(store.journal_words(1000).unwrap().iter().any(|line| line.contains(" ana: ")), "nothing is old yet");

        let later = now + Span::days(31);
        assert_eq!(whole_day(&mut chore, &opened, &ports, later), Some(later + EVERY));
        let journal = store.journal_words(1000).unwrap();
        let named: Vec<&String> = journal.iter().filter(|line| line.contains("ana") && !line.starts_with("erased")).collect();
        assert_eq!(named, Vec::<&String>::new());
        assert!(journal.iter().any(|line| line.starts_with("erased: ")), "{journal:#?}");
        let check = store.check_journal(None).unwrap();
        assert_eq!((check.faults, check.erased > 0), (vec![], true));
        assert_eq!(store.run_figures(crate::domain::ids::RunId(run), &[], later).unwrap().delivered, figures.delivered);
        // The next day there is nothing left to do.
        let rows = check.rows;
        whole_day(&mut chore, &opened, &ports, later + EVERY);
        assert_eq!(store.check_journal(None).unwrap().rows, rows);
    }
}
