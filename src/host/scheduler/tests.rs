//! Schedules on a virtual clock: what is in site.toml, what happens to the machine, what the journal says.

mod outages;
mod rules;
mod together;

use std::sync::Arc;

use super::*;
use crate::domain::time::from_millis;
use crate::host::config::SiteConfig;
use crate::host::testing::{SITE_TOML, TestSite};
use crate::ports::clock::Clock as _;
use crate::sim::people::Habits;
use crate::store::Store;

/// A site with schedules and one process that looks after it.
struct Desk {
    test: TestSite,
    site: Arc<Site>,
    scheduler: Scheduler,
    runtime: tokio::runtime::Runtime,
}

/// One schedule of site.toml; `more`: further keys.
fn schedule(name: &str, cron: &str, more: &str) -> String {
    format!(
        "[[schedule]]\nname = \"{name}\"\nscript = \"{name}.rhai\"\ncron = \"{cron}\"\ntimezone = \"Europe/Amsterdam\"\n{more}\n"
    )
}

/// A script that sends one mail a run.
const MAILS: &str = "notify.mail(users.find(\"ana\"), \"message\", #{ subject: `${now()}`, text: \"Hello.\" });\n";

impl Desk {
    /// Opened at 2026-12-01 10:25 in Amsterdam, a Tuesday.
    fn new(settings: &str, scripts: &[(&str, &str)]) -> Self {
        let mut test = TestSite::new(Habits::default()).with_settings(settings);
        std::fs::create_dir_all(test.site.dir.join("scripts")).unwrap();
        for (name, text) in scripts {
            std::fs::write(test.site.dir.join("scripts").join(name), text).unwrap();
        }
        let site = Arc::new(again(&test.site));
        test.site = again(&site);
        test.clock.advance_to(at("2026-12-01T09:25:00Z"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { test, site, scheduler: scheduler("one"), runtime }
    }

    fn step(&mut self, now: Timestamp) -> Option<Timestamp> {
        let Self { test, site, scheduler, runtime } = self;
        runtime.block_on(scheduler.step(site, &test.ports, now)).unwrap()
    }

    fn settle(&self) {
        self.runtime.block_on(self.scheduler.settled());
    }

    /// Lets time go on until then, with every step that is asked for on the way.
    fn until(&mut self, end: &str) -> usize {
        let end = at(end);
        let mut steps = 0;
        loop {
            let now = self.test.clock.now();
            let wake = self.step(now);
            self.settle();
            steps += 1;
            match wake.filter(|wake| *wake <= end) {
                Some(wake) => self.test.clock.advance_to(wake.max(now)),
                None => break,
            }
        }
        self.test.clock.advance_to(end);
        steps
    }

    /// The process ends, however it ends; another one is started at the present time.
    fn restart(&mut self, owner: &str) {
        self.site = Arc::new(again(&self.site));
        self.scheduler = scheduler(owner);
    }

    /// site.toml is changed.
    fn change(&mut self, settings: &str) {
        let mut site = again(&self.site);
        site.config = SiteConfig::parse(&site.dir, &format!("{SITE_TOML}{settings}")).unwrap();
        self.site = Arc::new(site);
    }

    /// What the journal says about schedules.
    fn told(&self) -> String {
        let all = self.site.store.journal_words(20_000).unwrap();
        all.iter().filter_map(|line| line.strip_prefix("schedule: ")).collect::<Vec<_>>().join("\n")
    }

    /// Every due moment of a schedule in a span has its row, and only these have.
    fn assert_every_moment_has_its_row(&self, name: &str, from: &str, until: &str) {
        let schedule = self.site.config.schedules.iter().find(|s| s.name == name).unwrap();
        let due: Vec<Timestamp> = schedule.moments_after(at(from)).map(|m| m.at).take_while(|m| *m <= at(until)).collect();
        let rows = self.site.store.moments(name, (from_millis(0), at("2100-01-01T00:00:00Z")), u32::MAX).unwrap();
        assert!(rows.iter().all(|row| row.state != crate::store::MomentState::Claimed));
        assert_eq!(rows.iter().map(|row| row.at).collect::<Vec<_>>(), due);
    }
}

fn scheduler(owner: &str) -> Scheduler {
    Scheduler::new(owner.to_owned(), Arc::new(ScriptHost::new()))
}

/// The site as another process opens it.
fn again(site: &Site) -> Site {
    Site {
        dir: site.dir.clone(),
        config: site.config.clone(),
        store: Arc::new(Store::open(site.store.path()).unwrap()),
        templates: Arc::clone(&site.templates),
        scripts: site.scripts.clone(),
    }
}

fn at(text: &str) -> Timestamp {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}
