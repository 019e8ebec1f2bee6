//! A store with 1,000,000 deliveries and as many rows of the journal: how soon it is ready, against
//! opening the file by hand and asking it one question; how long its journal takes to be chained when an
//! older store is taken over, and to be looked through.

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
use beckon::domain::roster::RosterView as _;
use beckon::ports::clock::Clock as _;
use beckon::store::{DepartureRules, Invitations, RunFilter, Store};
use rusqlite::Connection;
use support::table::{Goal, Row};
use support::{begin, median, rounds, timed};

const ROWS: i64 = 1_000_000;
const USERS: i64 = 20_000;
/// So many deliveries have not ended.
const OPEN: i64 = 5_000;

fn main() -> ExitCode {
    let (mut table, dir) = match begin("large_store") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    let path = dir.join("beckon.db");
    fill(&path);
    let (migrated, store) = timed(|| Store::open(&path).expect("an older store is taken over"));
    table.row(&Row {
        what: "1,000,000 rows of an older journal are chained".to_owned(),
        unit: "s",
        floor: None,
        aim: None,
        measured: migrated,
        sides: Vec::new(),
        truth: "looked through below".to_owned(),
    });
    let (looked, check) = timed(|| store.check_journal(None).expect("the journal can be read"));
    assert!(check.faults.is_empty() && check.rows == ROWS.unsigned_abs(), "{check:?}");
    table.row(&Row {
        what: "the whole journal is looked through".to_owned(),
        unit: "s",
        floor: None,
        aim: None,
        measured: looked,
        sides: Vec::new(),
        truth: format!("{} rows, none wrong", check.rows),
    });
    drop(store);
    let (mut ready, mut by_hand, mut parts) = (Vec::new(), Vec::new(), String::new());
    for _ in 0..rounds() {
        by_hand.push(timed(|| one_question(&path)).0);
        let (all, told) = timed(|| start(&path));
        ready.push(all);
        parts = told;
    }
    let (ready, by_hand) = (median(ready), median(by_hand));
    table.row(&Row {
        what: "it is ready: taken over, a turn, figures, gauges, tasks, failures, runs".to_owned(),
        unit: "s",
        floor: Some(Goal::AtMost(1.0)),
        aim: None,
        measured: ready,
        sides: vec![parts, format!("opened by hand, and one question: {:.1} ms", by_hand * 1000.0)],
        truth: format!("{ROWS} deliveries, {OPEN} of them open, and {ROWS} rows of the journal"),
    });
    table.end()
}

/// A store as an older beckon left it: its journal is not chained yet.
fn fill(path: &Path) {
    drop(Store::open(path).expect("a new store"));
    let connection = Connection::open(path).expect("the store is there");
    connection
        .execute_batch(&format!(
            "PRAGMA synchronous = OFF;
             BEGIN;
             CREATE TEMP TABLE n AS WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS}) SELECT n FROM n;
             INSERT INTO users (id, username, full_name, mail, client_user_id, source)
                 SELECT n, 'user' || n, 'User ' || n, 'user' || n || '@x.example', 'c' || n, 'import' FROM n WHERE n <= {USERS};
             INSERT INTO runs (id, script, script_hash, trigger, actor, params, started_at, ended_at, state, summary, output)
                 SELECT n, 'scripts/news.rhai', '', 'schedule', 'serve', '{{}}', n * 1000, n * 1000, 'committed', 'mail', '' FROM n WHERE n <= 1000;
             INSERT INTO messages (id, run_id, template, data) SELECT id, id, 'message', '{{}}' FROM runs;
             INSERT INTO deliveries (id, run_id, number, key, message_id, user_id, channel, step, state, due, created_at, ended_at, far_id, words)
                 SELECT n, (n - 1) / 1000 + 1, (n - 1) % 1000 + 1, 'k' || n, (n - 1) / 1000 + 1, n % {USERS} + 1, 'mail', 'message',
                     CASE WHEN n > {ROWS} - {OPEN} THEN 'pending' ELSE 'accepted' END, n * 1000, n * 1000,
                     CASE WHEN n > {ROWS} - {OPEN} THEN NULL ELSE n * 1000 END, 'f' || n, '250 2.0.0 Ok: queued as 4bZ8Qk1xYz'
                 FROM n;
             CREATE TABLE journal_unchained AS
                 SELECT n AS id, n * 1000 AS at, 'accepted' AS kind, (n - 1) / 1000 + 1 AS run_id, n % {USERS} + 1 AS user_id,
                     n AS delivery_id, 'message by mail: 250 2.0.0 Ok: queued as 4bZ8Qk1xYz' AS words FROM n;
             COMMIT;
             PRAGMA wal_checkpoint(TRUNCATE);
             PRAGMA user_version = 1;"
        ))
        .expect("rows");
}

/// The least that could be asked.
fn one_question(path: &Path) {
    let connection = Connection::open(path).expect("the store is there");
    let sql = "SELECT COUNT(*) FROM deliveries WHERE channel = 'mail' AND state IN ('pending', 'deferred')";
    let open: i64 = connection.query_row(sql, [], |row| row.get(0)).expect("an answer");
    assert_eq!(open, OPEN);
}

/// What a process does before it is of use. Answers what each part took.
fn start(path: &Path) -> String {
    let rules = DepartureRules { departure: Departure::at_any_time(chrono_tz::UTC), resend_doubtful: false };
    let now = SystemClock.now();
    let mut told = String::new();
    let mut part = |name: &str, seconds: f64| told.push_str(&format!("{name} {:.1} ms  ", seconds * 1000.0));
    let (spent, store) = timed(|| Store::open(path).expect("the store opens"));
    part("open", spent);
    part("take over", timed(|| store.take_over(&rules, now).expect("taken over")).0);
    let (spent, turn) = timed(|| store.turn(&[], &[(Channel::Mail, 0)], Invitations::All, &rules, now).expect("a turn"));
    part("turn", spent);
    assert!(turn.next_due.is_some());
    let (spent, figures) = timed(|| store.outbox_figures(now).expect("figures"));
    part("figures", spent);
    assert_eq!(i64::from(figures.waiting), OPEN);
    let (spent, tasks) = timed(|| store.roster().expect("a view").active_tasks().expect("tasks").len());
    part("tasks", spent);
    assert_eq!(tasks as i64, OPEN);
    let (spent, failed) = timed(|| store.roster().expect("a view").failed_tasks().expect("failed tasks").len());
    part("failures", spent);
    assert_eq!(failed, 0);
    let (spent, gauges) = timed(|| store.gauges().expect("gauges"));
    part("gauges", spent);
    assert_eq!(gauges.outbox.len(), 1);
    let filter = RunFilter { most: 20, ..RunFilter::default() };
    let (spent, runs) = timed(|| store.runs(&filter, now).expect("runs").len());
    part("runs", spent);
    assert_eq!(runs, 20);
    told
}
