//! A hundred thousand due reminders, with quiet hours, a contact budget and a reminder policy, drained through the
//! store's turns by a channel that accepts at once; against as many messages without any rule.

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
use beckon::domain::limits::{MessagesPerPerson, QuietHours};
use beckon::domain::outcome::Outcome;
use beckon::domain::time::Timestamp;
use beckon::ports::clock::Clock as _;
use beckon::store::{DepartureRules, HandOver, Invitations, Recorded, Store};
use support::child::{Spent, beckon, run, run_to_any_end};
use support::table::{Goal, Row};
use support::{begin, median, raw, rounds, site, sqlite, timed, world};

const REMINDERS: usize = 100_000;
/// As many as the dispatcher holds of one channel.
const GROUP: usize = 512;

/// Each message becomes the first reminder of an invitation that was mailed three days before; its run had a policy.
const BECOME_REMINDERS: &str = "
    INSERT INTO messages (run_id, template, data) SELECT MAX(id), 'invitation', '{}' FROM runs;
    INSERT INTO invitations (user_id, run_id, state, queued_at, registered_at, delivered_at)
        SELECT user_id, run_id, 'delivered', created_at - 259200000, created_at - 259200000, created_at - 259200000 FROM deliveries;
    UPDATE users SET status = 'invited', invited_at = 1, last_contact = 1 WHERE id IN (SELECT user_id FROM deliveries);
    UPDATE deliveries SET step = 'remind-1', invitation_id = (SELECT i.id FROM invitations i WHERE i.user_id = deliveries.user_id);
    INSERT INTO deliveries (run_id, number, key, invitation_id, message_id, user_id, channel, step, state, due, created_at, first_try,
                            attempts, ended_at, far_id, handed_at)
        SELECT run_id, number + 1000000, 'invite-' || key, invitation_id, (SELECT MAX(id) FROM messages), user_id, 'mail', 'invite',
               'accepted', due - 259200000, created_at - 259200000, due - 259200000, 1, due - 259200000, 'invite-' || far_id,
               due - 259200000 FROM deliveries;
    UPDATE messages SET template = 'reminder', data = '{}',
        policy = '{\"after\":[[259200,0]],\"at\":\"00:00:00\",\"gap\":[86400,0],\"most\":3,\"zone\":\"UTC\"}'
        WHERE id < (SELECT MAX(id) FROM messages);
    ANALYZE;";

fn main() -> ExitCode {
    if let [mode, site, how] = std::env::args().skip(1).collect::<Vec<_>>().as_slice()
        && mode == "--drain"
    {
        println!("{}", drain(Path::new(site), if how == "rules" { rules() } else { Departure::at_any_time(chrono_tz::UTC) }));
        return ExitCode::SUCCESS;
    }
    let (mut table, dir) = match begin("reminders") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    let (bare, reminders) = (dir.join("bare"), dir.join("reminders"));
    prepare(&bare);
    sqlite::copy(&bare, &reminders);
    sqlite::execute(&reminders, BECOME_REMINDERS);
    let (mut plain, mut ruled, mut memory) = (Vec::new(), Vec::new(), support::Side::default());
    for _ in 0..rounds() {
        let round = dir.join("round");
        sqlite::copy(&bare, &round);
        plain.push(in_a_child(&round, "bare").1);
        sqlite::copy(&reminders, &round);
        let (spent, rate) = in_a_child(&round, "rules");
        memory.add(&spent);
        ruled.push(rate);
        assert_eq!(
            sqlite::number(&round, "SELECT COUNT(*) FROM deliveries WHERE step = 'remind-1' AND state = 'accepted'"),
            REMINDERS as i64
        );
        let noted = "SELECT COUNT(DISTINCT delivery_id) FROM journal WHERE kind = 'accepted'";
        assert_eq!(sqlite::number(&round, noted), REMINDERS as i64, "reminders in the journal");
        assert_eq!(sqlite::number(&round, "SELECT COUNT(*) FROM users WHERE reminders = 1"), REMINDERS as i64);
    }
    let (plain, ruled) = (median(plain), median(ruled));
    let sides = vec![format!(
        "{ruled:.0}/s with every rule, {plain:.0}/s messages without any; claimed and recorded in turns of {GROUP}"
    )];
    let truth = format!("{REMINDERS} accepted and in the journal in each of {} rounds, none twice", rounds());
    table.row(&Row {
        what: "100,000 due reminders against bare outcomes".to_owned(),
        unit: "%",
        floor: Some(Goal::AtLeast(25.0)),
        aim: Some(Goal::AtLeast(50.0)),
        measured: 100.0 * ruled / plain,
        sides: sides.clone(),
        truth: truth.clone(),
    });
    table.row(&Row {
        what: "the same, a second: mail leaves at 5,000/s".to_owned(),
        unit: "/s",
        floor: Some(Goal::AtLeast(5_000.0)),
        aim: Some(Goal::AtLeast(15_000.0)),
        measured: ruled,
        sides,
        truth: truth.clone(),
    });
    table.row(&Row {
        what: "peak memory of draining them".to_owned(),
        unit: "MiB",
        floor: Some(Goal::AtMost(77.0)),
        aim: Some(Goal::AtMost(40.0)),
        measured: memory.peak_mib(),
        sides: vec!["of the process that claims and records, over all rounds".to_owned()],
        truth,
    });
    table.end()
}

fn prepare(site: &Path) {
    site::make(site, &world::mail_section("127.0.0.1:9", 1));
    site::import(site, &site::reachable_school(REMINDERS, 1));
    let news = "//! News.\nnotify.mail(users, \"message\", #{ subject: \"Your iPads\", text: \"They are ready.\" });\n";
    let script = site::script(site, "news.rhai", news);
    run_to_any_end(&mut beckon(site, &["run", &script, "--yes", "--wait", "0s"]));
    sqlite::execute(site, sqlite::OPEN_AGAIN);
    sqlite::execute(site, "UPDATE deliveries SET handed_at = NULL, waits_since = NULL");
    assert_eq!(sqlite::accepted(site, "mail", "'pending'"), REMINDERS as i64);
}

/// Claims and records all of them; answers the seconds that it took.
fn drain(site: &Path, departure: Departure) -> f64 {
    let store = Store::open(&site.join("beckon.db")).expect("the store is there");
    let rules = DepartureRules { departure, resend_doubtful: false };
    let mut outcomes: Vec<Recorded> = Vec::new();
    let now: Timestamp = SystemClock.now();
    let (spent, ()) = timed(|| {
        loop {
            let turn = store.turn(&outcomes, &[(Channel::Mail, GROUP)], Invitations::All, &rules, now).expect("a turn");
            assert_eq!(turn.guarded, 0, "nothing is put off or called off");
            if turn.claimed.is_empty() {
                return;
            }
            let taken = |delivery| Recorded {
                delivery,
                result: HandOver::Ended(Outcome::Accepted { words: "250 2.0.0 Ok: queued as 4bZ8Qk1xYz".to_owned() }),
            };
            outcomes = turn.claimed.iter().map(|claimed| taken(claimed.id)).collect();
        }
    });
    spent
}

/// Drains a site in a process of its own; answers what that took, and how many there were a second.
fn in_a_child(site: &Path, how: &str) -> (Spent, f64) {
    let path = site.display().to_string();
    let spent = run(&mut raw::command(&["--drain", &path, how]));
    let seconds: f64 = spent.out.trim().parse().expect("the child says how long it took");
    (spent, REMINDERS as f64 / seconds)
}

/// A window that is never now, so that it is looked at each time and puts nothing off; and a budget that is not full.
fn rules() -> Departure {
    let later = |hours| (SystemClock.now() + chrono::TimeDelta::hours(hours)).time();
    Departure {
        quiet_hours: Some(QuietHours { from: later(6), until: later(12) }),
        budget: MessagesPerPerson { per_day: Some(1), per_week: Some(3) },
        site_zone: chrono_tz::UTC,
    }
}
