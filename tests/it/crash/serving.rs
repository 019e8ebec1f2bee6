//! `kill -9` at hundreds of instants of `beckon serve`, again and again on the same site, while schedules
//! fire, people are invited and reminded, and far sides drop the line.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use beckon::channels::system_clock::SystemClock;
use beckon::ports::clock::Clock as _;
use beckon::sim::lock;
use beckon::sim::mailboxes::MailboxConduct;
use beckon::sim::seed::Seed;

use super::check::{ensure, store_is_sound};
use super::child::{Child, Ended};
use super::kill::{KillPoint, MOMENTS, start_killed};
use super::served::{SERVE, all_is_well, doubtful, is_taken_over, leases_end, schedule, settle, wait_until};
use super::side_by_side;
use super::site::{SEED, Site, Sites};

/// So many sites, each killed so often.
const SITES: usize = 26;
const KILLS: usize = 8;
/// How many are served at once: most of the time they wait for the next moment of a schedule.
const AT_ONCE: usize = 26;

/// Where a moment doesn't come within this, the process is killed all the same.
const LIFE: Duration = Duration::from_secs(5);

/// What is wrong with the far sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manners {
    Good,
    /// Each mailbox takes its first mail, and the line drops before the answer.
    DropAfterDot,
    /// Each mailbox's line drops in the middle of its first mail.
    DropInData,
    /// The MDM server and Apple act, and the line drops before the answer; reports come twice.
    DropAfterActing,
}

const MANNERS: [Manners; 4] = [Manners::Good, Manners::DropAfterDot, Manners::DropInData, Manners::DropAfterActing];

#[derive(Clone, Copy, Debug)]
struct Case {
    manners: Manners,
    points: [KillPoint; KILLS],
}

/// What the sites went through.
#[derive(Default)]
struct Lives {
    reached: BTreeSet<KillPoint>,
    kills: usize,
    doubtful: usize,
}

#[test]
fn a_service_killed_at_any_instant_fires_each_moment_once_and_sends_nothing_twice() {
    let sites = Sites::new();
    println!("seed {SEED}");
    let lives = Mutex::new(Lives::default());
    side_by_side(AT_ONCE, &cases(), |case| live_through(&sites, case, &lives));
    let lives = lives.into_inner().unwrap();
    println!("{} kills, at {} different points; {} mails were doubtful", lives.kills, lives.reached.len(), lives.doubtful);
    // Otherwise the checks would have had nothing to check.
    assert!(lives.kills == SITES * KILLS && lives.reached.len() > 30 && lives.doubtful > 0);
}

fn cases() -> Vec<Case> {
    let mut seed = Seed::named(SEED, &["service"]);
    let mut number = |below: u64| usize::try_from(seed.below(below)).unwrap_or(0) + 1;
    let mut point = |turn: usize| match turn % (MOMENTS.len() + 3) {
        at if at < MOMENTS.len() => KillPoint::Wire(MOMENTS[at], number(3)),
        // Most of what a service writes: claims, runs, outcomes.
        at if at < MOMENTS.len() + 2 => KillPoint::Write(number(40)),
        _ => KillPoint::After(number(2_500) as u64),
    };
    let case = |number: usize| Case {
        manners: MANNERS[number % MANNERS.len()],
        // Each site begins with another kind of moment: only a new site has everything still to do.
        points: std::array::from_fn(|life| point(number + life * 5)),
    };
    (0..SITES).map(case).collect()
}

fn live_through(sites: &Sites, case: Case, lives: &Mutex<Lives>) -> Result<(), String> {
    let site = sites.site();
    schedule(&site);
    misbehave(&site, case.manners);
    let mut reached = Vec::new();
    for (life, point) in case.points.into_iter().enumerate() {
        // What is paused is skipped and said, whoever lives or dies.
        match life {
            3 => _ = site.command(&["schedule", "pause", "tell"]),
            4 => _ = site.command(&["schedule", "resume", "tell"]),
            _ => {}
        }
        let (ended, came) = start_killed(&site, &SERVE, point).end_within(LIFE);
        ensure!(ended.was_killed(), "it ended by itself: {ended}");
        reached.extend(came.then_some(point));
        if life % 3 == 2 {
            store_is_sound(&site)?;
            leases_end(&site);
        }
    }
    leases_end(&site);
    let since = SystemClock.now();
    let service = site.start(&SERVE);
    let taken_over = wait_until(Duration::from_secs(60), &service, || is_taken_over(&site, since));
    let ended = stop(service)?;
    ensure!(taken_over, "what those before had left was not taken over within a minute: {ended}");
    settle(&site)?;
    all_is_well(&site)?;
    let doubtful = doubtful(&site);
    ensure!(case.manners != Manners::DropAfterDot || doubtful > 0, "lines dropped, and nothing is doubtful");
    let mut lives = lives.lock().unwrap();
    lives.kills += KILLS;
    lives.reached.extend(reached);
    lives.doubtful += doubtful;
    Ok(())
}

/// SIGTERM, and an end in good order.
fn stop(service: Child) -> Result<Ended, String> {
    service.terminate();
    service.end().expect_code(0)
}

fn misbehave(site: &Site, manners: Manners) {
    let mut world = lock(&site.running.world);
    match manners {
        Manners::Good => {}
        Manners::DropAfterDot => world.mail.default_conduct = MailboxConduct::DropsAfterDot { times: 1 },
        Manners::DropInData => world.mail.default_conduct = MailboxConduct::DropsInData { times: 1 },
        Manners::DropAfterActing => {
            world.mdm.faults.drop_after_acting = 6;
            world.mdm.faults.double_reports = 20;
            world.mdm.faults.lose_reports = 3;
            world.apple.faults.drop_after_acting = 1;
        }
    }
}
