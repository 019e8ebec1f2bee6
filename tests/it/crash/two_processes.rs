//! Two processes on one site: one of them delivers, the other knows it, and nobody is asked twice.

use std::sync::mpsc::channel;

use beckon::sim::lock;
use beckon::sim::wire::{SmtpMoment, WireEvent};

use super::check::{Expected, all_is_well, deliveries, ensure, number};
use super::child::{Child, Ended};
use super::kill::{KillPoint, start_killed};
use super::side_by_side;
use super::site::{INVITE, Site, Sites};

fn expected(sites: &Sites) -> Expected {
    let site = sites.site();
    site.command(&INVITE).expect_code(0).unwrap();
    Expected::of(&site)
}

/// The arguments of a run, as data.
fn invite<'a>(group: &'a str, wait: &'a str) -> [&'a str; 8] {
    ["run", "invite-group", "--arg", group, "--yes", "--wait", wait, "--json"]
}

/// What a run that ended says of itself has to be so.
fn is_truthful(site: &Site, ended: Ended) -> Result<(u64, bool), String> {
    let told = ended.expect_code(0)?.json()?;
    let deliveries = told["deliveries"].as_u64().unwrap_or(0);
    let result = &told["result"];
    let elsewhere = result["elsewhere"].as_bool().unwrap_or(false);
    if let Some(run) = told["run"].as_i64() {
        let stored = number(site, &format!("SELECT COUNT(*) FROM deliveries WHERE run_id = {run}"));
        ensure!(u64::try_from(stored) == Ok(deliveries), "it says {deliveries} deliveries and has {stored}: {told}");
    }
    Ok((deliveries, elsewhere))
}

#[test]
fn two_runs_of_one_script_at_the_same_moment_invite_nobody_twice() {
    let sites = Sites::new();
    let expected = expected(&sites);
    side_by_side(6, &[0, 1, 2, 3, 4, 5], |round| {
        let site = sites.site();
        let args = invite("group=Grade 5", if round % 2 == 0 { "20s" } else { "0s" });
        let (one, other) = (site.start(&args), site.start(&args));
        let (one, other) = (is_truthful(&site, one.end())?, is_truthful(&site, other.end())?);
        let total = expected.deliveries.len() as u64;
        ensure!(one.0 + other.0 == total, "{one:?} and {other:?} deliveries of {total}");
        ensure!(one.0 == 0 || other.0 == 0, "they shared the work of one plan: {one:?} and {other:?}");
        site.settle()?;
        all_is_well(&site, &expected)
    });
}

/// What people read: who was skipped and why, and no word about deliveries that there aren't.
#[test]
fn the_second_of_two_runs_says_that_there_was_nothing_left_to_do() {
    let sites = Sites::new();
    let site = sites.site();
    let (one, other) = (site.start(&INVITE), site.start(&INVITE));
    let (one, other) = (one.end().expect_code(0).unwrap(), other.end().expect_code(0).unwrap());
    for ended in [&one, &other] {
        let idle = ended.out.contains(": 0 deliveries") || !ended.out.contains("deliveries");
        assert!(!idle || !ended.out.contains("another beckon"), "it has no deliveries, and says where they are: {ended}");
    }
    let told = |words: &str| one.out.contains(words) || other.out.contains(words);
    assert!(told("asked for the same a moment ago") || told("an invitation is under way"), "{one}\n{other}");
}

#[test]
fn two_runs_for_two_groups_both_have_everything_delivered_when_they_end() {
    let sites = Sites::new();
    side_by_side(5, &[0, 1, 2, 3, 4], |_| {
        let site = sites.site();
        let one = site.start(&invite("group=Grade 5", "20s"));
        let other = site.start(&invite("group=Staff", "20s"));
        let (one, other) = (is_truthful(&site, one.end())?, is_truthful(&site, other.end())?);
        ensure!(one.0 > 100 && other.0 > 0, "{one:?} and {other:?}");
        let left = number(
            &site,
            "SELECT COUNT(*) FROM deliveries WHERE step = 'invite' AND state NOT IN ('accepted', 'queued', 'notnow')",
        );
        ensure!(left == 0, "both have ended, and {left} invitations have not left\n{one:?}\n{other:?}\n{:#?}", deliveries(&site));
        all_is_well(&site, &Expected::of(&site))
    });
}

/// A run that doesn't wait leaves its deliveries to the process that has the lock: that one takes them,
/// even when it had done everything and was about to end.
#[test]
fn what_a_second_run_leaves_to_the_first_is_delivered_by_it() {
    let sites = Sites::new();
    let site = sites.site();
    let script = "//! Tell the staff something.\n\nlet about = run.param(\"about\");\n\
                  notify.mail(groups[\"Staff\"], \"message\", #{ subject: about, text: \"Tomorrow at eight.\" });\n";
    std::fs::write(site.dir.join("scripts/tell-staff.rhai"), script).unwrap();
    let (tell, told) = channel();
    let dir = site.dir.clone();
    // The first one says goodbye to the mail server while it still has the lock.
    site.trap.set(WireEvent::Smtp(SmtpMoment::Quit), 1, move || {
        let second = ["run", "tell-staff", "--yes", "--wait", "0s", "--arg", "about=second"];
        tell.send(Child::start(&dir, &second).end()).expect("the test waits for it");
    });
    let first = site.command(&["run", "tell-staff", "--yes", "--wait", "20s", "--arg", "about=first"]);
    let first = first.expect_code(0).unwrap();
    let second = told.recv().unwrap().expect_code(0).unwrap();
    let people = number(&site, "SELECT COUNT(*) FROM deliveries WHERE run_id = 1");
    assert!(people > 0, "{first}");
    let left = number(&site, "SELECT COUNT(*) FROM deliveries WHERE state <> 'accepted'");
    let sent = lock(&site.running.world).mail.stored().len();
    assert_eq!((left, i64::try_from(sent)), (0, Ok(2 * people)), "{first}\n{second}");
    assert!(second.out.contains("another beckon on this site"), "{second}");
}

#[test]
fn deliver_beside_run_takes_nothing_twice_and_takes_over_when_the_run_dies() {
    let sites = Sites::new();
    let expected = expected(&sites);
    // Killed at the final dot of that mail, or not at all.
    side_by_side(5, &[1, 3, 9, 20, usize::MAX], |n| {
        let site = sites.site();
        let run = start_killed(&site, &INVITE, KillPoint::Wire(WireEvent::Smtp(SmtpMoment::Dot), n));
        let beside = site.start(&["deliver", "--wait", "10s", "--json"]);
        let ended = run.end();
        ensure!(ended.was_killed() || n == usize::MAX, "{ended}");
        let told = beside.end().expect_code(0)?.json()?;
        ensure!(told["down"].as_array().is_some_and(Vec::is_empty), "{told}");
        site.settle()?;
        all_is_well(&site, &expected)
    });
}

#[test]
fn two_processes_may_make_the_store_at_the_same_moment() {
    let sites = Sites::new();
    for round in 0..10 {
        let site = sites.bare();
        let args = sites.import_args(&site);
        let (one, other) = (site.start(&args), site.start(&args));
        for ended in [one.end(), other.end()] {
            ended.expect_code(0).unwrap_or_else(|words| panic!("round {round}: {words}"));
        }
        assert_eq!(number(&site, "SELECT COUNT(*) FROM users"), 40, "round {round}");
        assert_eq!(number(&site, "SELECT COUNT(*) FROM facts WHERE name = 'site_id'"), 1, "round {round}");
    }
}
