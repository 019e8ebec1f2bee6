//! `kill -9` at many instants of `beckon run`, and of the command that goes on afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use beckon::sim::lock;
use beckon::sim::seed::Seed;
use beckon::sim::wire::{SmtpMoment, WireEvent};

use super::check::{self, Delivery, Expected, all_is_well, deliveries, ensure, nothing_happened, runs};
use super::child::Ended;
use super::kill::{KillPoint, MOMENTS, run_killed};
use super::side_by_side;
use super::site::{INVITE, SEED, Site, Sites};

/// How many sites are worked on at once: most of the time they wait for a simulated Apple.
const AT_ONCE: usize = 20;
/// Of each kind of moment on the wire, so many of its occurrences.
const EACH_MOMENT: usize = 5;
const WRITES: usize = 24;
/// Instants: so many while the run is planned and committed, and so many until its usual end.
const INSTANTS: (usize, usize) = (12, 14);

/// A site's misfortune: while the run is going, and while the next command goes on with it.
#[derive(Clone, Copy, Debug)]
struct Case {
    number: usize,
    first: KillPoint,
    second: KillPoint,
}

#[test]
fn a_run_killed_at_any_instant_loses_nothing_and_sends_nothing_twice() {
    let sites = Sites::new();
    let (expected, seen) = undisturbed(&sites);
    let cases = cases(&seen);
    let lives = Mutex::new(Vec::new());
    println!("seed {SEED}");
    side_by_side(AT_ONCE, &cases, |case| {
        let life = live_through(&sites, &expected, case)?;
        lives.lock().unwrap().push(life);
        Ok(())
    });
    let lives = lives.into_inner().unwrap();
    let reached: BTreeSet<Reached> = lives.iter().flat_map(|life| life.reached.iter().copied()).collect();
    let sum = |what: fn(&Life) -> usize| lives.iter().map(what).sum::<usize>();
    let (early, doubtful, resent) = (sum(|l| l.before_the_commit), sum(|l| l.doubtful), sum(|l| l.resent));
    println!("{} sites, killed at {} different points: {early} times before the commit", cases.len(), reached.len());
    let missing = sum(|l| l.missing);
    println!("{doubtful} mails were doubtful: {missing} of them had not arrived, {resent} were asked for again");
    // Otherwise the checks would have had nothing to check.
    assert!(early > 0 && doubtful > 0 && resent > 0);
    assert!(reached.len() >= 150, "only {} of the points were reached: {reached:?}", reached.len());
    for moment in MOMENTS {
        let there = reached.iter().any(|(_, point)| matches!(point, KillPoint::Wire(event, _) if *event == moment));
        assert!(there, "never killed at {moment:?}");
    }
}

/// What the run comes to when nobody disturbs it, and how often each moment comes by.
fn undisturbed(sites: &Sites) -> (Expected, BTreeMap<WireEvent, usize>) {
    let site = sites.site();
    run_killed(&site, &INVITE, KillPoint::Wire(MOMENTS[0], usize::MAX)).expect_code(0).unwrap();
    let seen = site.trap.seen();
    let expected = Expected::of(&site);
    site.settle().unwrap();
    all_is_well(&site, &expected).unwrap();
    assert!(expected.deliveries.len() > 100 && expected.records > 30, "{expected:?}");
    (expected, seen)
}

fn cases(seen: &BTreeMap<WireEvent, usize>) -> Vec<Case> {
    let mut seed = Seed::named(SEED, &["kill points"]);
    let mut firsts = Vec::new();
    for moment in MOMENTS {
        let count = seen.get(&moment).copied().unwrap_or(0);
        assert!(count > 0, "{moment:?} never comes");
        firsts.extend(spread(&mut seed, count, EACH_MOMENT).into_iter().map(|n| KillPoint::Wire(moment, n)));
    }
    firsts.extend(spread(&mut seed, 120, WRITES).into_iter().map(KillPoint::Write));
    let planning = spread(&mut seed, 150, INSTANTS.0);
    let delivering = spread(&mut seed, 2_800, INSTANTS.1);
    firsts.extend(planning.into_iter().chain(delivering).map(|ms| KillPoint::After(ms as u64)));
    let number = |draw: u64| usize::try_from(draw).unwrap_or(0) + 1;
    let cases = firsts.into_iter().enumerate().map(|(at, first)| {
        let second = match seed.below(16) {
            0 => KillPoint::Write(number(seed.below(20))),
            1 => KillPoint::After(10 + seed.below(300)),
            other => KillPoint::Wire(MOMENTS[usize::try_from(other).unwrap_or(0) % MOMENTS.len()], number(seed.below(8))),
        };
        Case { number: at, first, second }
    });
    cases.collect()
}

/// Up to `most` of the numbers 1 to `count`, one out of each equal part.
fn spread(seed: &mut Seed, count: usize, most: usize) -> Vec<usize> {
    let parts = most.min(count);
    let within = |part: usize| part * count / parts;
    (0..parts)
        .map(|part| {
            let width = within(part + 1) - within(part);
            within(part) + 1 + usize::try_from(seed.below(width as u64)).unwrap_or(0)
        })
        .collect()
}

/// Which command was killed, and where.
type Reached = (&'static str, KillPoint);

/// What a site has been through.
#[derive(Default)]
struct Life {
    reached: Vec<Reached>,
    before_the_commit: usize,
    doubtful: usize,
    /// Doubtful ones that had not arrived.
    missing: usize,
    resent: usize,
}

fn live_through(sites: &Sites, expected: &Expected, case: Case) -> Result<Life, String> {
    let site = sites.site();
    let mut life = Life::default();
    let ended = run_killed(&site, &INVITE, case.first);
    note(&mut life, "run", case.first, &ended)?;
    if runs(&site) == 0 {
        nothing_happened(&site)?;
        life.before_the_commit = 1;
        // The same command again invites everybody, unless that is killed as well.
        let ended = run_killed(&site, &INVITE, case.second);
        note(&mut life, "run", case.second, &ended)?;
        if runs(&site) == 0 {
            nothing_happened(&site)?;
            site.command(&INVITE).expect_code(0)?;
        }
    } else {
        check::store_is_sound(&site)?;
        let ended = run_killed(&site, &["deliver", "--wait", "4s"], case.second);
        note(&mut life, "deliver", case.second, &ended)?;
    }
    site.settle()?;
    all_is_well(&site, expected)?;
    if case.number.is_multiple_of(5) {
        inviting_again_invites_nobody(&site, expected)?;
    }
    let doubtful: Vec<Delivery> = deliveries(&site).into_iter().filter(|d| d.state == "doubtful").collect();
    life.doubtful = doubtful.len();
    life.missing = doubtful.iter().filter(|d| copies(&site, d).is_empty()).count();
    if case.number % 5 == 1 {
        for delivery in doubtful.iter().take(2) {
            doubtful_goes_again_under_its_id(&site, delivery)?;
            life.resent += 1;
        }
    }
    if let (3, Some(delivery)) = (case.number % 5, doubtful.first()) {
        asked_for_again_and_killed(&site, delivery)?;
        doubtful_goes_again_under_its_id(&site, delivery)?;
        life.resent += 1;
    }
    Ok(life)
}

/// A command that was not killed has to have ended well; doubtful deliveries are told by exit code 1.
fn note(life: &mut Life, command: &'static str, point: KillPoint, ended: &Ended) -> Result<(), String> {
    if ended.was_killed() {
        life.reached.push((command, point));
        return Ok(());
    }
    ensure!(matches!(ended.code(), Some(0 | 1)), "{ended}");
    Ok(())
}

fn inviting_again_invites_nobody(site: &Site, expected: &Expected) -> Result<(), String> {
    let plan = site.command(&[&INVITE[..], &["--json"]].concat()).expect_code(0)?.json()?;
    let deliveries = plan["deliveries"].as_u64();
    ensure!(deliveries.is_none_or(|n| n == 0), "inviting everybody again made {deliveries:?} deliveries: {plan}");
    site.settle()?;
    all_is_well(site, expected)
}

/// The Message-IDs of what reached this delivery's mailbox.
fn copies(site: &Site, delivery: &Delivery) -> Vec<String> {
    let world = lock(&site.running.world);
    world.mail.to(&delivery.mail).iter().map(|mail| mail.message_id.clone()).collect()
}

fn state(site: &Site, delivery: &Delivery) -> String {
    deliveries(site).into_iter().find(|d| d.name == delivery.name).map(|d| d.state).unwrap_or_default()
}

/// Somebody decides about a doubtful mail: it goes out again, and the reader's mailbox can tell.
fn doubtful_goes_again_under_its_id(site: &Site, delivery: &Delivery) -> Result<(), String> {
    let before = copies(site, delivery);
    let ended = site.command(&["tasks", "--retry", &delivery.name]);
    // Others of the run may still be doubtful.
    ensure!(matches!(ended.code(), Some(0 | 1)), "{ended}");
    let after = copies(site, delivery);
    ensure!(after.len() == before.len() + 1, "{delivery:?} was asked for again: {before:?}, then {after:?}; {ended}");
    ensure!(after.iter().all(|id| *id == delivery.message_id()), "{delivery:?} went out as {after:?}");
    let now = state(site, delivery);
    ensure!(now == "accepted", "asked for again, it is {now}: {delivery:?}");
    Ok(())
}

/// The second try is killed as well: that is doubtful again, and no third try follows by itself.
fn asked_for_again_and_killed(site: &Site, delivery: &Delivery) -> Result<(), String> {
    let before = copies(site, delivery);
    let point = KillPoint::Wire(WireEvent::Smtp(SmtpMoment::Kept), 1);
    let ended = run_killed(site, &["tasks", "--retry", &delivery.name], point);
    ensure!(ended.was_killed(), "{ended}");
    site.settle()?;
    let after = copies(site, delivery);
    ensure!(after.len() == before.len() + 1, "{delivery:?} was asked for once: {before:?}, then {after:?}");
    let now = state(site, delivery);
    ensure!(now == "doubtful", "killed when the server had it, it is {now}: {delivery:?}");
    Ok(())
}
