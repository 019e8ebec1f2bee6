//! `kill -9` while people decide: a held run is approved, a first wave lets the rest go, sending is stopped and goes
//! on, letters come back. Whoever dies over it, each decision has happened once or not at all.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use beckon::channels::system_clock::SystemClock;
use beckon::ports::clock::Clock as _;
use beckon::sim::bounces::report;
use beckon::sim::lock;
use beckon::sim::seed::Seed;

use super::check::{self, Expected, deliveries, ensure, number, runs, store_is_sound};
use super::kill::{KillPoint, MOMENTS, run_killed, start_killed};
use super::served::{self, SERVE, is_taken_over, journal_is_whole, leases_end, schedule, wait_until};
use super::side_by_side;
use super::site::{AND_LEAVE, INVITE, SEED, Site, Sites};

/// Nothing that happens by itself here takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where its moment doesn't come within this, a service is killed all the same.
const LIFE: Duration = Duration::from_secs(3);

const APPROVE: [&str; 5] = ["approve", "1", "--yes", "--wait", "20s"];

/// Where a command is killed: on the wire, at a write, or after a while.
fn point(seed: &mut Seed, writes: u64, ms: u64) -> KillPoint {
    let mut number = |below: u64| usize::try_from(seed.below(below)).unwrap_or(0) + 1;
    match number(4) {
        1 | 2 => KillPoint::Wire(MOMENTS[number(MOMENTS.len() as u64) - 1], number(4)),
        3 => KillPoint::Write(number(writes)),
        _ => KillPoint::After(number(ms) as u64),
    }
}

/// More lines for `[limits]`, the last section of a site's settings.
fn with_limits(site: &Site, lines: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).open(site.dir.join("site.toml")).unwrap();
    writeln!(file, "{lines}").unwrap();
}

/// Kills services at points of the seed, and ends the last one in good order when it is `done`.
fn served_by_the_dying(site: &Site, seed: &mut Seed, lives: usize, done: impl Fn() -> bool) -> Result<(), String> {
    for _ in 0..lives {
        let (ended, _) = start_killed(site, &SERVE, point(seed, 40, 1_500)).end_within(LIFE);
        ensure!(ended.was_killed(), "it ended by itself: {ended}");
        store_is_sound(site)?;
    }
    let started = || number(site, "SELECT COUNT(*) FROM journal WHERE kind = 'serve' AND words = 'beckon serve started'");
    let before = started();
    let last = site.start(&SERVE);
    let came = wait_until(PATIENCE, &last, || started() > before && done());
    last.terminate();
    let ended = last.end().expect_code(0)?;
    ensure!(came, "it never came so far: {ended}");
    Ok(())
}

/// What a site comes to where nobody dies.
fn undisturbed(sites: &Sites) -> Expected {
    let site = sites.site();
    site.command(&INVITE).expect_code(0).unwrap();
    Expected::of(&site)
}

const IN_WAVE: &str = "SELECT COUNT(*) FROM kept_plans WHERE state = 'wave'";

#[test]
fn an_approval_that_is_killed_has_happened_once_or_not_at_all() {
    let sites = Sites::new();
    let expected = undisturbed(&sites);
    let (before, after) = (AtomicUsize::new(0), AtomicUsize::new(0));
    side_by_side(8, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], |round| {
        let mut seed = Seed::named(SEED, &["approval", &round.to_string()]);
        let site = sites.site();
        with_limits(&site, "invitations_per_run = 5");
        site.command(&INVITE).expect_code(4)?;
        for _ in 0..3 {
            let ended = run_killed(&site, &APPROVE, point(&mut seed, 60, 700));
            ensure!(ended.was_killed() || ended.code() == Some(0), "{ended}");
            store_is_sound(&site)?;
            let approved = number(&site, "SELECT COUNT(*) FROM kept_plans WHERE state = 'approved'");
            let made = number(&site, "SELECT COUNT(*) FROM deliveries");
            ensure!((approved == 1) == (made > 0), "approved: {approved}, and {made} deliveries");
            let died = if approved == 1 { &after } else { &before };
            died.fetch_add(usize::from(ended.was_killed()), Ordering::Relaxed);
        }
        // Who finds it approved is told so, and approves nothing again.
        site.command(&APPROVE).expect_code(0)?;
        site.settle()?;
        journal_is_whole(&site)?;
        check::all_is_well(&site, &expected)
    });
    let (before, after) = (before.into_inner(), after.into_inner());
    println!("killed {before} times before the approval was stored, {after} times after");
    assert!(before > 0 && after > 0, "otherwise there was nothing to check: {before}, {after}");
}

#[test]
fn a_first_wave_lets_the_rest_go_once_whoever_dies_over_it() {
    let sites = Sites::new();
    let expected = undisturbed(&sites);
    side_by_side(6, &[0, 1, 2, 3, 4, 5], |round| {
        let mut seed = Seed::named(SEED, &["first wave", &round.to_string()]);
        let site = sites.site();
        with_limits(&site, "canary = { people = 5, wait = \"2s\", failures = 0.5 }");
        // The run may let the rest go itself, or leave all of it to whoever serves the site.
        if round % 2 == 0 {
            let ended = run_killed(&site, &INVITE, point(&mut seed, 60, 3_000));
            ensure!(ended.was_killed() || ended.code() == Some(0), "{ended}");
        }
        if runs(&site) == 0 {
            site.command(&AND_LEAVE).expect_code(0)?;
        }
        served_by_the_dying(&site, &mut seed, 3, || number(&site, IN_WAVE) == 0)?;
        ensure!(number(&site, "SELECT COUNT(*) FROM kept_plans WHERE state = 'released'") == 1, "the wave was not let go");
        site.settle()?;
        journal_is_whole(&site)?;
        check::all_is_well(&site, &expected)
    });
}

#[test]
fn stopped_means_that_nothing_leaves_through_every_death_and_everything_goes_on_afterwards() {
    let sites = Sites::new();
    let left = |site: &Site| {
        let world = lock(&site.running.world);
        (world.mail.stored().len(), world.mdm.commands(), world.apple.records().count())
    };
    let until_done = |site: &Site, command: &'static str, wanted: i64, seed: &mut Seed| {
        let holds = || number(site, "SELECT COUNT(*) FROM facts WHERE name = 'sending_stopped'") == wanted;
        for _ in 0..2 {
            let end = if seed.chance(0.5) {
                KillPoint::Write(usize::try_from(seed.below(8)).unwrap_or(0) + 1)
            } else {
                KillPoint::After(seed.below(120))
            };
            let ended = run_killed(site, &[command], end);
            ensure!(ended.was_killed() || (ended.code() == Some(0) && holds()), "{ended}");
        }
        site.command(&[command]).expect_code(0)?;
        ensure!(holds(), "{command} ended well and is not in force");
        Ok(())
    };
    side_by_side(6, &[0, 1, 2, 3, 4, 5], |round| {
        let mut seed = Seed::named(SEED, &["stopped", &round.to_string()]);
        let site = sites.site();
        schedule(&site);
        for _ in 0..2 {
            let (ended, _) = start_killed(&site, &SERVE, point(&mut seed, 40, 2_500)).end_within(LIFE);
            ensure!(ended.was_killed(), "it ended by itself: {ended}");
            until_done(&site, "stop-sending", 1, &mut seed)?;
            let before = left(&site);
            for _ in 0..2 {
                let (ended, _) = start_killed(&site, &SERVE, KillPoint::After(500 + seed.below(1_500))).end_within(LIFE);
                ensure!(ended.was_killed(), "it ended by itself: {ended}");
                ensure!(left(&site) == before, "{before:?} had left when sending was stopped, and {:?} by now", left(&site));
            }
            until_done(&site, "resume-sending", 0, &mut seed)?;
        }
        leases_end(&site);
        let since = SystemClock.now();
        let enough = || is_taken_over(&site, since) && served::has_worked(&site).is_ok();
        served_by_the_dying(&site, &mut seed, 0, enough)?;
        served::settle(&site)?;
        served::all_is_well(&site)
    });
}

#[test]
fn a_letter_that_came_back_is_taken_once_whoever_dies_over_it() {
    let sites = Sites::new();
    side_by_side(4, &[0, 1, 2, 3], |round| {
        let mut seed = Seed::named(SEED, &["came back", &round.to_string()]);
        let site = sites.site();
        let maildir = site.dir.join("returned");
        for part in ["new", "cur", "tmp"] {
            std::fs::create_dir_all(maildir.join(part)).unwrap();
        }
        let file = site.dir.join("site.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("connections = 4", "connections = 4\nbounces = \"maildir:returned\"")).unwrap();
        site.command(&INVITE).expect_code(0)?;
        site.settle()?;
        let mails: Vec<_> = deliveries(&site).into_iter().filter(|d| d.channel == "mail" && d.state == "accepted").collect();
        let returned: BTreeSet<&str> = mails.iter().step_by(2).map(|mail| mail.mail.as_str()).collect();
        ensure!(returned.len() > 5, "only {} mails could come back", returned.len());
        for (n, mail) in mails.iter().filter(|mail| returned.contains(mail.mail.as_str())).enumerate() {
            // Some come twice.
            for copy in 0..=n % 2 {
                let text = report(&mail.message_id(), &mail.mail, "failed", "5.1.1", "550 5.1.1 no such user");
                std::fs::write(maildir.join("new").join(format!("{n}.{copy}.mx")), text).unwrap();
            }
        }
        let unread = || std::fs::read_dir(maildir.join("new")).unwrap().count();
        for _ in 0..4 {
            let (ended, _) =
                start_killed(&site, &SERVE, KillPoint::Write(usize::try_from(seed.below(30)).unwrap_or(0) + 1)).end_within(LIFE);
            ensure!(ended.was_killed(), "it ended by itself: {ended}");
            store_is_sound(&site)?;
        }
        served_by_the_dying(&site, &mut seed, 0, || unread() == 0)?;
        journal_is_whole(&site)?;
        let wanted = i64::try_from(returned.len()).unwrap_or(0);
        for what in [
            "FROM users WHERE mail_dead IS NOT NULL",
            "FROM deliveries WHERE channel = 'mail' AND state = 'rejected'",
            "FROM bounces",
            "FROM journal WHERE kind = 'rejected'",
        ] {
            let found = number(&site, &format!("SELECT COUNT(*) {what}"));
            ensure!(found == wanted, "{found} {what}, and {wanted} letters came back");
        }
        let follows = "SELECT COUNT(*) FROM deliveries d JOIN users u ON u.id = d.user_id
                       WHERE u.mail_dead IS NOT NULL AND d.channel = 'mail' AND d.state IN ('blocked', 'pending', 'deferred')";
        ensure!(number(&site, follows) == 0, "mail still waits for an address that refuses it");
        let twice = lock(&site.running.world).mail.duplicates();
        ensure!(twice.is_empty(), "kept twice under one Message-ID: {twice:?}");
        Ok(())
    });
}
