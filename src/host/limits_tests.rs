//! Limits that add up over runs, held runs and their approval, first waves and the kill switch, on a
//! virtual clock.

use std::sync::Arc;

use super::canary::settle;
use super::deliver::Delivered;
use super::testing::{TestSite, invitation};
use crate::domain::approval::Change;
use crate::domain::intent::Asked;
use crate::domain::invite_plan::Choice;
use crate::domain::time::Span;
use crate::ports::clock::Clock as _;
use crate::sim::lock;
use crate::sim::mailboxes::MailboxConduct;
use crate::sim::people::Habits;
use crate::store::{Committed, Decided, KeptState, RunRecord, Store};

const A_DAY: &str =
    "[limits]\ninvitations_per_run = 1000\nshare_of_roster = 1.0\nshare_of_roster_per_day = 1.0\ninvitations_per_day = 25\n";
const WAVE: &str =
    "[limits]\nshare_of_roster = 1.0\nshare_of_roster_per_day = 1.0\ncanary = { people = 5, wait = \"15m\", failures = 0.2 }\n";

/// A school with classes of ten, who are reached by mail and don't accept.
fn school(classes: usize, settings: &str) -> TestSite {
    let mut users = "username,full_name,mail\n".to_owned();
    let mut groups = "name,distribution\n".to_owned();
    let mut memberships = "group,username\n".to_owned();
    for class in 0..classes {
        groups.push_str(&format!("Class {class},yes\n"));
        for n in 0..10 {
            users.push_str(&format!("p{class}{n},Pupil {class}{n},p{class}{n}@sunnyside.example\n"));
            memberships.push_str(&format!("Class {class},p{class}{n}\n"));
        }
    }
    let files = [("users.csv", users.as_str()), ("groups.csv", &groups), ("memberships.csv", &memberships)];
    let habits = Habits { accepts: 0.0, takes: (Span::minutes(5), Span::minutes(10)), strangers: true };
    TestSite::of(habits, &files).with_settings(settings)
}

fn run(site: &TestSite, store: &Store, trigger: &str, asked: &[Asked]) -> Committed {
    let record = site.record(trigger, store.newest_run().unwrap());
    store.commit_within(&record, asked, &[], &site.site.config.limits, site.clock.now()).unwrap()
}

fn invite(site: &TestSite, classes: &[usize]) -> Committed {
    let asked: Vec<Asked> =
        classes.iter().map(|class| invitation(site.plan(&format!("Class {class}"), Choice::NotInvited))).collect();
    run(site, &site.site.store, "runbook", &asked)
}

fn settings(committed: &Committed) -> Vec<&str> {
    committed.held.iter().map(|over| over.setting.as_str()).collect()
}

fn approve(site: &TestSite, run: i64) -> Decided {
    let difference = site.site.store.compare_kept(run).unwrap().unwrap();
    site.site.store.approve(run, &difference, "ana", site.clock.now()).unwrap()
}

/// Everything that happens within a span, and the clock at its end.
fn during(site: &mut TestSite, span: Span) -> Delivered {
    let end = site.clock.now() + span;
    let delivered = site.deliver(None, span);
    site.clock.advance_to(end);
    delivered
}

fn mails(site: &TestSite) -> usize {
    lock(site.world()).mail.stored().len()
}

#[test]
fn a_day_of_runs_stays_under_its_cap_and_the_next_day_is_a_new_one() {
    let site = school(5, A_DAY);
    assert_eq!(invite(&site, &[0]).held, []);
    assert_eq!(invite(&site, &[1]).held, []);
    let third = invite(&site, &[2]);
    assert_eq!(settings(&third), ["limits.invitations_per_day"]);
    assert_eq!(third.held[0].what, "with it, 30 users would be invited within 24 hours, and all runs together may invite 25");
    assert_eq!(third.deliveries, 0);
    site.clock.advance_to(site.clock.now() + Span::hours(24));
    assert_eq!(invite(&site, &[2]).held, []);
}

#[test]
fn two_processes_at_the_same_moment_cant_both_slip_under_the_cap() {
    for _ in 0..5 {
        let site = school(2, "[limits]\nshare_of_roster = 1.0\nshare_of_roster_per_day = 1.0\ninvitations_per_day = 15\n");
        let plans: Vec<_> = (0..2).map(|class| invitation(site.plan(&format!("Class {class}"), Choice::NotInvited))).collect();
        let stores: Vec<Store> = (0..2).map(|_| Store::open(site.site.store.path()).unwrap()).collect();
        let gate = std::sync::Barrier::new(2);
        let (limits, now) = (&site.site.config.limits, site.clock.now());
        let record = site.record("runbook", 0);
        let held: Vec<bool> = std::thread::scope(|scope| {
            let running: Vec<_> = stores
                .iter()
                .zip(&plans)
                .map(|(store, plan)| {
                    let (gate, record) = (&gate, &record);
                    scope.spawn(move || {
                        gate.wait();
                        !store.commit_within(record, std::slice::from_ref(plan), &[], limits, now).unwrap().held.is_empty()
                    })
                })
                .collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(held.iter().filter(|held| **held).count(), 1, "one of them is held, the other is not");
    }
}

#[test]
fn a_schedule_that_suddenly_reaches_many_is_held_and_a_person_is_only_told() {
    let site = school(5, "[limits]\nshare_of_roster = 1.0\nshare_of_roster_per_day = 1.0\n");
    let few = invitation(site.plan("Class 0", Choice::NotInvited));
    assert_eq!(run(&site, &site.site.store, "schedule", &[few]).held, []);
    let many: Vec<Asked> = (1..5).map(|class| invitation(site.plan(&format!("Class {class}"), Choice::NotInvited))).collect();
    let judge = |trigger: &str| {
        let record = site.record(trigger, 0);
        site.site.store.judge(&record, &many, &site.site.config.limits, site.clock.now()).unwrap()
    };
    let by_schedule = judge("schedule");
    assert_eq!(by_schedule.exceeded[0].setting, "limits.growth");
    assert_eq!(by_schedule.remark, None);
    let by_person = judge("runbook");
    assert_eq!(by_person.exceeded, []);
    assert!(by_person.remark.unwrap().ends_with("last time 10, now 40"));
    let other = RunRecord { params: serde_json::json!({ "group": "all" }), ..site.record("schedule", 0) };
    let other = site.site.store.judge(&other, &many, &site.site.config.limits, site.clock.now()).unwrap();
    assert_eq!(other.exceeded, [], "other parameters are another script");
    assert_eq!(settings(&run(&site, &site.site.store, "schedule", &many)), ["limits.growth"]);
}

#[test]
fn a_held_run_is_approved_once_and_only_gets_smaller() {
    let mut site = school(3, A_DAY);
    let held = invite(&site, &[0, 1, 2]);
    assert_eq!(settings(&held), ["limits.invitations_per_day"]);
    during(&mut site, Span::minutes(1));
    assert_eq!(mails(&site), 0);
    // One is invited by another run meanwhile.
    let other = site.plan("Class 1", Choice::NotInvited);
    let one = other.with_lines(other.lines[..1].to_vec());
    assert_eq!(run(&site, &site.site.store, "runbook", &[invitation(one)]).held, []);
    let difference = site.site.store.compare_kept(held.run).unwrap().unwrap();
    let gone: Vec<_> = difference.gone.iter().map(|gone| (gone.who.as_str(), gone.change)).collect();
    assert_eq!(gone, [("Pupil 10", Change::InvitedSince)]);
    let Decided::Approved(committed, _) = approve(&site, held.run) else { panic!("it was not approved") };
    assert_eq!((committed.run, committed.deliveries), (held.run, 29));
    let again = site.site.store.approve(held.run, &difference, "ben", site.clock.now()).unwrap();
    let Decided::Before(kept) = again else { panic!("approved twice: {again:?}") };
    assert_eq!((kept.state, kept.ended_by.as_deref()), (KeptState::Approved, Some("ana")));
    during(&mut site, Span::minutes(5));
    assert_eq!(mails(&site), 30);
    site.assert_nothing_twice();
    let journal = site.journal();
    assert!(journal.contains(&"approval: approved by ana: 29 of 30 people, deliveries: 29".to_owned()), "{journal:?}");
    // Who was approved counts for the day.
    assert_eq!(site.site.store.kept_runs().unwrap(), []);
}

#[test]
fn reminders_of_an_approved_run_count_from_the_approval() {
    let mut site = school(3, A_DAY);
    let with_reminder = |class: usize| {
        let mut asked = invitation(site.plan(&format!("Class {class}"), Choice::NotInvited));
        if let crate::domain::intent::Intent::Invite(invite) = &mut asked.intent {
            invite.options.remind = vec![Span::days(3)].into();
        }
        asked
    };
    let asked: Vec<Asked> = (0..3).map(with_reminder).collect();
    let held = run(&site, &site.site.store, "runbook", &asked);
    site.clock.advance_to(site.clock.now() + Span::days(2));
    assert!(matches!(approve(&site, held.run), Decided::Approved(..)));
    during(&mut site, Span::days(2));
    assert_eq!(mails(&site), 30, "two days after the approval, four after the plan");
    during(&mut site, Span::days(2));
    assert_eq!(mails(&site), 60);
    site.assert_nothing_twice();
}

#[test]
fn a_held_run_that_nobody_approves_expires_and_a_rejected_one_is_closed() {
    let site = school(4, A_DAY);
    let (old, rejected) = (invite(&site, &[0, 1, 2]).run, invite(&site, &[1, 2, 3]).run);
    assert_eq!(site.site.store.reject(rejected, "ben", site.clock.now()).unwrap(), Decided::Rejected);
    assert!(matches!(site.site.store.reject(rejected, "ana", site.clock.now()).unwrap(), Decided::Before(_)));
    assert_eq!(site.site.store.compare_kept(rejected).unwrap(), None);
    let confirmed = site.site.store.compare_kept(old).unwrap().unwrap();
    let due = site.clock.now() + Span::days(7);
    assert_eq!(site.site.store.expire_kept(site.clock.now()).unwrap(), Some(due));
    site.clock.advance_to(due);
    let late = site.site.store.approve(old, &confirmed, "ana", due).unwrap();
    let Decided::Before(kept) = late else { panic!("approved too late: {late:?}") };
    assert_eq!(kept.state, KeptState::Expired);
    assert_eq!(site.site.store.expire_kept(due).unwrap(), None);
    let told = site.journal();
    assert!(told.contains(&"approval: nobody approved it within 7 days: nothing of it happens".to_owned()), "{told:?}");
    assert_eq!(site.site.store.approve(99, &confirmed, "ana", due).unwrap(), Decided::Nothing);
}

#[test]
fn the_rest_leaves_when_its_first_wave_has_ended_well() {
    let mut site = school(2, WAVE);
    let committed = invite(&site, &[0, 1]);
    assert_eq!((committed.deliveries, committed.waiting), (5, 15));
    let delivered = during(&mut site, Span::minutes(5));
    assert_eq!((mails(&site), delivered.figures.behind_wave), (5, 15));
    during(&mut site, Span::minutes(9));
    assert_eq!(mails(&site), 5, "it has ended well, and a quarter of an hour is not over");
    let delivered = during(&mut site, Span::minutes(5));
    assert_eq!((mails(&site), delivered.figures.behind_wave), (20, 0));
    site.assert_nothing_twice();
}

#[test]
fn too_many_failures_of_the_first_wave_hold_the_rest() {
    let mut site = school(2, WAVE);
    let gone = || MailboxConduct::Refuses { code: 550, text: "5.1.1 no such mailbox".to_owned() };
    for pupil in ["p00", "p01"] {
        lock(site.world()).mail.behave(&format!("{pupil}@sunnyside.example"), gone());
    }
    let run = invite(&site, &[0, 1]).run;
    let delivered = during(&mut site, Span::minutes(1));
    assert_eq!((delivered.figures.behind_wave, delivered.figures.held), (0, 15));
    during(&mut site, Span::hours(2));
    assert_eq!(mails(&site), 3);
    let kept = site.site.store.kept_run(run).unwrap().unwrap();
    assert_eq!(kept.state, KeptState::Held);
    assert_eq!(kept.reasons[0].what, "2 of the 5 deliveries of its first wave failed, and 20 % of them may");
    let Decided::Approved(committed, _) = approve(&site, run) else { panic!("it was not approved") };
    assert_eq!(committed.deliveries, 15);
    during(&mut site, Span::minutes(5));
    assert_eq!(mails(&site), 18);
    site.assert_nothing_twice();
}

#[test]
fn a_wave_that_apple_registers_nobody_of_is_no_success() {
    let mut site = school(2, WAVE);
    lock(site.world()).apple.faults.refuse_each = Some((1, 9602));
    let run = invite(&site, &[0, 1]).run;
    during(&mut site, Span::hours(1));
    assert_eq!(site.site.store.kept_run(run).unwrap().unwrap().state, KeptState::Held);
    assert_eq!(mails(&site), 0);
}

#[test]
fn a_wave_is_decided_by_whoever_comes_after_a_crash_and_only_once() {
    let mut site = school(2, WAVE);
    let run = invite(&site, &[0, 1]).run;
    during(&mut site, Span::minutes(2));
    site.restart();
    site.clock.advance_to(site.clock.now() + Span::hours(1));
    let other = Store::open(site.site.store.path()).unwrap();
    let limits = &site.site.config.limits;
    let first = other.settle_waves(limits, site.clock.now()).unwrap();
    assert_eq!(first.released, [run]);
    assert_eq!(settle(&site.site, site.clock.now()).unwrap().released, [] as [i64; 0]);
    during(&mut site, Span::minutes(5));
    assert_eq!(mails(&site), 20);
    site.assert_nothing_twice();
}

#[test]
fn the_rest_of_a_wave_does_not_break_the_days_cap() {
    let mut site = school(4, &A_DAY.replace("25", "24\ncanary = { people = 5 }"));
    let run = invite(&site, &[0, 1]).run;
    during(&mut site, Span::minutes(1));
    assert_eq!(invite(&site, &[2]).held, [], "15 of 24 so far");
    let both = settle(&site.site, site.clock.now() + Span::hours(1)).unwrap();
    assert_eq!(both.held, [run]);
}

#[test]
fn stopped_sending_loses_nothing_doubles_nothing_and_goes_on_at_once() {
    let mut site = school(2, "[limits]\nshare_of_roster = 1.0\nshare_of_roster_per_day = 1.0\n");
    let store = Arc::clone(&site.site.store);
    let stop = |site: &TestSite| crate::domain::sending::Stopped {
        at: site.clock.now(),
        by: "ana".to_owned(),
        reason: "the texts are wrong".to_owned(),
    };
    assert_eq!(store.stop_sending(&stop(&site)).unwrap(), None);
    assert_eq!(store.stop_sending(&stop(&site)).unwrap().map(|stop| stop.by).as_deref(), Some("ana"));
    invite(&site, &[0]);
    let delivered = during(&mut site, Span::minutes(10));
    assert!(delivered.sending_stopped.is_some());
    assert_eq!((mails(&site), delivered.figures.registering), (0, 10), "not even Apple is asked");
    site.restart();
    during(&mut site, Span::minutes(10));
    assert_eq!(mails(&site), 0, "it survives a restart");
    assert!(store.resume_sending("ben", site.clock.now()).unwrap().is_some());
    assert_eq!(store.resume_sending("ben", site.clock.now()).unwrap(), None);
    during(&mut site, Span::minutes(10));
    assert_eq!(mails(&site), 10);
    let told: Vec<_> = site.journal().into_iter().filter(|line| line.starts_with("sending")).collect();
    assert_eq!(told, ["sending: stopped by ana: the texts are wrong", "sending: resumed by ben after 20 minutes"]);
    site.assert_nothing_twice();
}

#[test]
fn stopping_at_any_time_loses_and_doubles_nothing() {
    for seconds in [0, 1, 2, 3, 5, 8, 20, 31, 60] {
        let mut site = school(2, "[limits]\nshare_of_roster = 1.0\nshare_of_roster_per_day = 1.0\n");
        lock(site.world()).mail.behave("p03@sunnyside.example", MailboxConduct::Greylists { times: 1 });
        let store = Arc::clone(&site.site.store);
        invite(&site, &[0, 1]);
        during(&mut site, Span::seconds(seconds));
        let stop = crate::domain::sending::Stopped { at: site.clock.now(), by: "ana".to_owned(), reason: String::new() };
        store.stop_sending(&stop).unwrap();
        let before = mails(&site);
        during(&mut site, Span::minutes(30));
        assert_eq!(mails(&site), before, "stopped after {seconds} seconds");
        store.resume_sending("ana", site.clock.now()).unwrap();
        during(&mut site, Span::minutes(30));
        assert_eq!(mails(&site), 20, "stopped after {seconds} seconds");
        site.assert_nothing_twice();
    }
}

/// What can happen to a site in any order.
#[derive(Clone, Debug)]
enum Happening {
    Run(usize),
    Approve,
    Stop,
    Resume,
    Crash,
    Deliver(i64),
    Hours(i64),
}

fn happenings() -> impl proptest::strategy::Strategy<Value = Vec<Happening>> {
    use proptest::prelude::*;
    let one = prop_oneof![
        4 => (0_usize..6).prop_map(Happening::Run),
        1 => Just(Happening::Approve),
        1 => Just(Happening::Stop),
        1 => Just(Happening::Resume),
        1 => Just(Happening::Crash),
        3 => (1_i64..40).prop_map(Happening::Deliver),
        2 => (1_i64..20).prop_map(Happening::Hours),
    ];
    proptest::collection::vec(one, 1..16)
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 24, ..proptest::test_runner::Config::default() })]

    /// In any 24 hours no more people are invited than the cap allows, but by runs that a person approved.
    #[test]
    fn whatever_happens_the_days_cap_holds(happenings in happenings()) {
        const CAP: u32 = 17;
        let settings = "[limits]\nshare_of_roster = 1.0\nshare_of_roster_per_day = 1.0\ninvitations_per_day = 17\ncanary = { people = 4 }\n";
        let mut site = school(6, settings);
        let mut approved = std::collections::HashSet::new();
        let mut counted = std::collections::HashMap::<i64, u32>::new();
        let mut invited: Vec<(crate::domain::time::Timestamp, u32)> = Vec::new();
        for happening in happenings {
            let now = site.clock.now();
            match happening {
                Happening::Run(class) => {
                    counted.entry(invite(&site, &[class]).run).or_default();
                }
                Happening::Approve => {
                    if let Some(kept) = site.site.store.kept_runs().unwrap().first() {
                        approved.insert(kept.run);
                        approve(&site, kept.run);
                    }
                }
                Happening::Stop => {
                    let stop = crate::domain::sending::Stopped { at: now, by: "ana".to_owned(), reason: String::new() };
                    site.site.store.stop_sending(&stop).unwrap();
                }
                Happening::Resume => {
                    site.site.store.resume_sending("ana", now).unwrap();
                }
                Happening::Crash => site.restart(),
                Happening::Deliver(minutes) => {
                    during(&mut site, Span::minutes(minutes));
                }
                Happening::Hours(hours) => site.clock.advance(Span::hours(hours)),
            }
            settle(&site.site, site.clock.now()).unwrap();
            for (run, before) in &mut counted {
                let total = site.site.store.run_figures(crate::domain::ids::RunId(*run), &[], now).unwrap().total();
                if total > *before && !approved.contains(run) {
                    // Delivering can let go at any time within its span: the earliest is the strictest.
                    invited.push((now, total - *before));
                }
                *before = total;
            }
            let last_day = site.clock.now() - Span::hours(24);
            let today: u32 = invited.iter().filter(|(at, _)| *at > last_day).map(|(_, n)| n).sum();
            proptest::prop_assert!(today <= CAP, "{} within 24 hours", today);
        }
        site.site.store.resume_sending("ana", site.clock.now()).unwrap();
        let delivered = during(&mut site, Span::hours(2));
        proptest::prop_assert_eq!(delivered.figures.waiting + delivered.figures.registering, 0);
        site.assert_nothing_twice();
    }
}
