//! Several processes on one store, and processes that die.

use futures_util::FutureExt as _;

use super::*;
use crate::domain::schedule::verdict::Verdict;
use crate::store::{Accounted, Accounting, MomentState};

#[test]
fn two_schedulers_fire_each_of_hundreds_of_moments_once() {
    let names: Vec<String> = (0..20).map(|n| format!("s{n}")).collect();
    let settings: String = names.iter().map(|name| schedule(name, "* * * * *", "")).collect();
    let scripts: Vec<(String, &str)> = names.iter().map(|name| (format!("{name}.rhai"), MAILS)).collect();
    let scripts: Vec<(&str, &str)> = scripts.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let desk = Desk::new(&settings, &scripts);
    let start = at("2026-12-01T09:25:00Z");
    std::thread::scope(|scope| {
        for owner in ["one", "two", "three"] {
            let (site, ports) = (Arc::new(again(&desk.site)), desk.test.ports.clone());
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                let mut scheduler = scheduler(owner);
                for minute in 0..20 {
                    runtime.block_on(scheduler.step(&site, &ports, start + Span::minutes(minute))).unwrap();
                    // The others may be a minute ahead; that must not matter.
                    runtime.block_on(scheduler.settled());
                }
            });
        }
    });
    let mut desk = desk;
    desk.restart("four");
    desk.step(start + Span::minutes(30));
    desk.settle();
    let told = desk.told();
    for name in &names {
        let rows = desk.site.store.moments(name, (start, start + Span::minutes(19)), u32::MAX).unwrap();
        assert_eq!(rows.len(), 19, "{name}");
        let ran = rows.iter().filter(|row| row.state == MomentState::Ran).count();
        let said = told.lines().filter(|l| l.starts_with(&format!("{name} ")) && l.contains(": ran")).count();
        assert!(said >= ran && ran > 0, "{name}: {ran} of {}, said {said}", rows.len());
        let runs: std::collections::HashSet<_> = rows.iter().filter_map(|row| row.run).collect();
        assert_eq!(runs.len(), ran, "each has a run of its own");
    }
    // As many mails as runs: a moment that had fired twice would have sent two.
    let mails = desk.site.store.outbox_figures(start + Span::minutes(30)).unwrap().waiting;
    assert_eq!(usize::try_from(mails).unwrap(), told.lines().filter(|l| l.contains(": ran")).count());
}

/// Claims a moment as a process does that dies right after it.
fn claim_and_die(desk: &Desk, name: &str, due: Timestamp) {
    let states = desk.site.store.schedule_states([name]).unwrap();
    let seen = states[0].as_ref().unwrap();
    let moments = vec![(due, Verdict::Run { queue: false })];
    let all = [Accounting { name, zone: chrono_tz::UTC, seen, until: due, older: None, moments }];
    let came = desk.site.store.account_for_moments(&all, ("dead", due + LEASE), due).unwrap();
    assert_eq!(came, [Accounted::Done(vec![due])]);
}

#[test]
fn what_a_dead_process_had_claimed_is_run_when_its_lease_ends() {
    let mut desk = Desk::new(&schedule("daily", "30 10 * * *", ""), &[("daily.rhai", MAILS)]);
    desk.step(at("2026-12-01T09:25:00Z"));
    let due = at("2026-12-01T09:30:00Z");
    claim_and_die(&desk, "daily", due);
    desk.restart("two");
    assert_eq!(desk.step(due + Span::seconds(1)), Some(due + LEASE + Span::milliseconds(1)));
    assert_eq!(desk.told(), "");
    desk.step(due + LEASE + Span::milliseconds(1));
    desk.settle();
    assert_eq!(desk.told(), "daily 2026-12-01 10:30: ran");
    assert_eq!(desk.site.store.outbox_figures(due).unwrap().waiting, 1);
}

#[test]
fn a_late_commit_of_somebody_who_has_lost_the_claim_stores_nothing() {
    let mut desk = Desk::new(&schedule("daily", "30 10 * * *", ""), &[("daily.rhai", MAILS)]);
    desk.step(at("2026-12-01T09:25:00Z"));
    let due = at("2026-12-01T09:30:00Z");
    claim_and_die(&desk, "daily", due);
    let schedule = Arc::clone(&desk.site.config.schedules[0]);
    let mut asleep = desk.scheduler.job(&desk.site, &desk.test.ports, schedule, due);
    asleep.claim.owner = "dead".to_owned();
    desk.restart("two");
    desk.step(due + Span::minutes(1));
    desk.settle();
    let runs = desk.site.store.newest_run().unwrap();
    assert_eq!(asleep.run().unwrap(), Fired::Lost);
    assert_eq!(desk.site.store.newest_run().unwrap(), runs);
    assert_eq!(desk.site.store.outbox_figures(due).unwrap().waiting, 1);
}

#[test]
fn among_many_that_are_stored_together_a_lost_one_takes_no_other_with_it() {
    let names = ["one", "two", "three"];
    let settings: String = names.iter().map(|name| schedule(name, "30 10 * * *", "")).collect();
    let scripts = names.map(|name| format!("{name}.rhai"));
    let mut desk = Desk::new(&settings, &scripts.each_ref().map(|name| (name.as_str(), MAILS)));
    desk.step(at("2026-12-01T09:25:00Z"));
    let due = at("2026-12-01T09:30:00Z");
    let jobs: Vec<Job> = names
        .iter()
        .map(|name| {
            claim_and_die(&desk, name, due);
            let schedules = &desk.site.config.schedules;
            let schedule = Arc::clone(schedules.iter().find(|s| s.name == *name).unwrap());
            let mut job = desk.scheduler.job(&desk.site, &desk.test.ports, schedule, due);
            job.claim.owner = if *name == "two" { "somebody else" } else { "dead" }.to_owned();
            job
        })
        .collect();
    let ready: Vec<_> = jobs
        .iter()
        .map(|job| match job.evaluate().unwrap() {
            job::Evaluation::Ready(ready) => ready,
            job::Evaluation::Ended(fired) => panic!("{fired:?}"),
        })
        .collect();
    let pairs: Vec<_> = jobs.iter().zip(&ready).map(|(job, ready)| (job, &**ready)).collect();
    let fired = job::store(&pairs).unwrap();
    assert!(matches!(fired[..], [Fired::Stored { .. }, Fired::Lost, Fired::Stored { .. }]), "{fired:?}");
    assert_eq!(desk.told(), "one 2026-12-01 10:30: ran\nthree 2026-12-01 10:30: ran");
    // Two runs of one message to one person each.
    assert_eq!(desk.site.store.newest_run().unwrap(), 2);
}

#[test]
fn a_moment_that_kills_its_process_again_and_again_is_given_up() {
    let mut desk = Desk::new(&schedule("daily", "30 10 * * *", ""), &[("daily.rhai", MAILS)]);
    desk.step(at("2026-12-01T09:25:00Z"));
    let mut now = at("2026-12-01T09:30:00Z");
    claim_and_die(&desk, "daily", now);
    for owner in ["second", "third"] {
        now += LEASE + Span::seconds(1);
        assert_eq!(desk.site.store.take_over_moments(owner, now + LEASE, now).unwrap().len(), 1);
    }
    desk.restart("last");
    desk.step(now + Span::minutes(1));
    desk.settle();
    assert_eq!(desk.told(), "daily 2026-12-01 10:30: failed, nothing was changed: beckon died 3 times while it ran");
}

#[test]
fn a_graceful_stop_gives_claims_back() {
    let settings = "[limits]\nscript = { operations = 1_000_000_000_000, seconds = 3600 }\n".to_owned()
        + &schedule("endless", "30 10 * * *", "")
        + &schedule("waits", "30 10 * * *", "");
    let mut desk = Desk::new(&settings, &[("endless.rhai", "loop {}"), ("waits.rhai", "1")]);
    desk.step(at("2026-12-01T09:25:00Z"));
    let due = at("2026-12-01T09:30:00Z");
    desk.step(due);
    desk.runtime.block_on(desk.scheduler.stop(due)).unwrap();
    assert!(!desk.told().contains("endless"), "{}", desk.told());
    std::fs::write(desk.site.dir.join("scripts/endless.rhai"), "1").unwrap();
    desk.restart("two");
    desk.step(due + Span::seconds(1));
    desk.settle();
    let mut told: Vec<String> = desk.told().lines().map(str::to_owned).collect();
    told.sort();
    assert_eq!(told, ["endless 2026-12-01 10:30: ran", "waits 2026-12-01 10:30: ran"]);
}

#[test]
fn a_long_run_keeps_its_claim() {
    let settings = "[limits]\nscript = { operations = 1_000_000_000_000, seconds = 3600 }\n".to_owned()
        + &schedule("endless", "30 10 * * *", "");
    let mut desk = Desk::new(&settings, &[("endless.rhai", "loop {}")]);
    desk.step(at("2026-12-01T09:25:00Z"));
    let due = at("2026-12-01T09:30:00Z");
    desk.step(due);
    let mut now = due;
    let mut other = scheduler("other");
    let other_site = Arc::new(again(&desk.site));
    for _ in 0..8 {
        now += RENEW_EVERY;
        assert_eq!(desk.step(now), Some(now + RENEW_EVERY));
        desk.runtime.block_on(other.step(&other_site, &desk.test.ports, now)).unwrap();
        assert!(other.pool.is_idle(), "somebody else's claim was taken while it was alive");
    }
    desk.runtime.block_on(desk.scheduler.stop(now)).unwrap();
}

#[test]
fn times_that_another_process_has_read_are_asked_for_and_nothing_drops_out_without_a_word() {
    let mut desk = Desk::new(&schedule("daily", "30 10 * * *", ""), &[("daily.rhai", MAILS)]);
    desk.step(at("2026-12-01T09:25:00Z"));
    desk.site.store.enlist_schedules(&[("daily", "other times".to_owned())], at("2026-12-01T09:26:00Z")).unwrap();
    let due = at("2026-12-01T09:30:00Z");
    let asked = |desk: &Desk| desk.scheduler.outdated().notified().now_or_never().is_some();
    assert!(!asked(&desk));
    // It doesn't fire by times that nobody else knows, and is looked at again, however long that lasts.
    for minutes in 0..3 {
        let now = due + Span::minutes(minutes);
        assert_eq!(desk.step(now), Some(now + Span::minutes(1)));
        assert!(asked(&desk));
    }
    desk.settle();
    assert_eq!(desk.told(), "daily: its times have changed; its moments count from now on");
    // The files were read again, and say what they said.
    desk.site = Arc::new(again(&desk.site));
    assert_eq!(desk.step(due + Span::minutes(5)), Some(at("2026-12-02T09:30:00Z")));
    desk.step(at("2026-12-02T09:30:00Z"));
    desk.settle();
    assert!(desk.told().ends_with("daily 2026-12-02 10:30: ran") && !asked(&desk), "{}", desk.told());
}
