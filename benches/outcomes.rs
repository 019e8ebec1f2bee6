//! Outcomes recorded at full sync, in groups as the dispatcher does it, against one fully synced
//! commit for each by hand, on the same disk in the same minutes.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a bench measures real time and waits for real processes"
)]

mod support;

use std::path::Path;
use std::process::ExitCode;

use beckon::channels::system_clock::SystemClock;
use beckon::domain::delivery::Channel;
use beckon::domain::departure::Departure;
use beckon::domain::outcome::Outcome;
use beckon::ports::clock::Clock as _;
use beckon::store::{DepartureRules, HandOver, Invitations, Recorded, Store};
use rusqlite::Connection;
use support::child::{beckon, run_to_any_end};
use support::table::{Goal, Row};
use support::{begin, median, rounds, site, sqlite, timed, world};

const OUTCOMES: usize = 10_240;
const GROUP: usize = 512;
/// So many single commits tell how long one takes.
const SINGLES: usize = 200;
/// A commit that takes longer than this is slow: then groups must pay.
const SLOW: f64 = 0.001;

fn main() -> ExitCode {
    let (mut table, dir) = match begin("outcomes") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    let waiting = dir.join("waiting");
    prepare(&waiting);
    let (mut grouped, mut turns, mut single) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds() {
        let round = dir.join("round");
        sqlite::copy(&waiting, &round);
        let (recording, whole) = record(&round);
        grouped.push(OUTCOMES as f64 / recording);
        turns.push(OUTCOMES as f64 / whole);
        assert_eq!(sqlite::accepted(&round, "mail", "'accepted'"), OUTCOMES as i64, "outcomes recorded");
        let noted = sqlite::number(&round, "SELECT COUNT(DISTINCT delivery_id) FROM journal WHERE kind = 'accepted'");
        assert_eq!(noted, OUTCOMES as i64, "outcomes in the journal");
        sqlite::copy(&waiting, &round);
        single.push(SINGLES as f64 / singles(&round));
    }
    let (grouped, turns, single) = (median(grouped), median(turns), median(single));
    let sides = vec![format!(
        "in groups of {GROUP} {grouped:.0}/s, with claiming the next {turns:.0}/s; single commits {single:.0}/s ({:.2} ms each)",
        1000.0 / single
    )];
    let truth = format!("{OUTCOMES} recorded and in the journal in each of {} rounds, none twice", rounds());
    table.row(&Row {
        what: "outcomes recorded at full sync".to_owned(),
        unit: "/s",
        floor: None,
        aim: Some(Goal::AtLeast(30_000.0)),
        measured: grouped,
        sides: sides.clone(),
        truth: truth.clone(),
    });
    let slow = 1.0 / single > SLOW;
    table.row(&Row {
        what: format!("the same against single commits{}", if slow { "" } else { ", which are fast here" }),
        unit: "x",
        floor: slow.then_some(Goal::AtLeast(10.0)),
        aim: None,
        measured: grouped / single,
        sides,
        truth,
    });
    table.end()
}

fn prepare(site: &Path) {
    site::make(site, &world::mail_section("127.0.0.1:9", 1));
    site::import(site, &site::reachable_school(OUTCOMES, 1));
    let news = "//! News.\nnotify.mail(users, \"message\", #{ subject: \"Your iPads\", text: \"They are ready.\" });\n";
    let script = site::script(site, "news.rhai", news);
    run_to_any_end(&mut beckon(site, &["run", &script, "--yes", "--wait", "0s"]));
    sqlite::execute(site, sqlite::OPEN_AGAIN);
    assert_eq!(sqlite::accepted(site, "mail", "'pending'"), OUTCOMES as i64);
}

/// Claims and records all of them; answers the seconds that recording took, and those of both.
fn record(site: &Path) -> (f64, f64) {
    let store = Store::open(&site.join("beckon.db")).expect("the store is there");
    let rules = DepartureRules { departure: Departure::at_any_time(chrono_tz::UTC), resend_doubtful: false };
    let (mut recording, mut claiming) = (0.0, 0.0);
    loop {
        let now = SystemClock.now();
        let (spent, turn) = timed(|| store.turn(&[], &[(Channel::Mail, GROUP)], Invitations::All, &rules, now).expect("a turn"));
        claiming += spent;
        if turn.claimed.is_empty() {
            return (recording, recording + claiming);
        }
        let outcomes: Vec<Recorded> = turn
            .claimed
            .iter()
            .map(|claimed| Recorded {
                delivery: claimed.id,
                result: HandOver::Ended(Outcome::Accepted { words: "250 2.0.0 Ok: queued as 4bZ8Qk1xYz".to_owned() }),
            })
            .collect();
        let (spent, _) = timed(|| store.turn(&outcomes, &[], Invitations::All, &rules, now).expect("a turn"));
        recording += spent;
    }
}

/// One row changed in each commit, by hand.
fn singles(site: &Path) -> f64 {
    let connection = Connection::open(site.join("beckon.db")).expect("the store is there");
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").expect("pragmas");
    let mut update = connection
        .prepare("UPDATE deliveries SET state = 'accepted', words = '250 2.0.0 Ok', ended_at = 1 WHERE id = ?1")
        .expect("a statement");
    let (spent, ()) = timed(|| {
        for id in 1..=SINGLES as i64 {
            assert_eq!(update.execute([id]).expect("an update"), 1);
        }
    });
    spent
}
