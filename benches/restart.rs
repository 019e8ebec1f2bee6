//! From the start of a new process, after `kill -9` of the last one, to the first delivery that is
//! new: with 10,000 open, as messages, and as invitations whose codes have to be read at Apple again.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a bench measures real time and waits for real processes"
)]

mod support;

use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use support::child::{beckon, run, run_to_any_end, wait};
use support::table::{Goal, Row, Table};
use support::world::{Served, serve};
use support::{begin, median, rounds, seconds, site, sqlite, world};

const OPEN: usize = 10_000;
/// So many are let through before the kill.
const BEFORE: usize = 300;

fn main() -> ExitCode {
    let (mut table, dir) = match begin("restart") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    let school = site::reachable_school(OPEN, 1);
    // The pace is Apple's own only once everybody is registered: that takes longer than all of this.
    let served = serve(&school, 1_000);
    let waiting = dir.join("waiting");
    site::make(&waiting, &world::mail_section("127.0.0.1:9", 8));
    site::import(&waiting, &school);
    let news = "//! News.\nnotify.mail(users, \"message\", #{ subject: \"Your iPads\", text: \"They are ready.\" });\n";
    leave_open(&waiting, &site::script(&waiting, "news.rhai", news));
    site::make(&waiting, &world::mail_section(&served.running.smtp_addr.to_string(), 8));
    row(&mut table, "restart after kill -9, 10,000 open messages", &measure(&dir, &waiting, &served));

    let inviting = dir.join("inviting");
    let sections = served.sections(&inviting, &school, 8);
    site::make(&inviting, &sections);
    site::import(&inviting, &school);
    let invite = "//! Everybody.\ninvite.plan(groups[\"Everybody\"], \"everyone\").send(#{ channels: [\"mail\"] });\n";
    let script = site::script(&inviting, "invite.rhai", invite);
    run(&mut beckon(&inviting, &["run", &script, "--yes"]));
    beckon::sim::lock(&served.running.world).apple.config.limits.max_requests_per_second = 15;
    sqlite::execute(&inviting, sqlite::OPEN_AGAIN);
    row(&mut table, "restart after kill -9, 10,000 open invitations", &measure(&dir, &inviting, &served));
    table.end()
}

struct Measured {
    first: Vec<f64>,
    last: String,
}

fn row(table: &mut Table, what: &str, measured: &Measured) {
    let told: Vec<String> = measured.first.iter().map(|s| seconds(*s)).collect();
    table.row(&Row {
        what: what.to_owned(),
        unit: "ms",
        floor: Some(Goal::AtMost(300.0)),
        aim: Some(Goal::AtMost(60.0)),
        measured: median(measured.first.iter().copied()) * 1000.0,
        sides: vec![format!("rounds: {}", told.join(", "))],
        truth: measured.last.clone(),
    });
}

/// Fills the outbox: nobody listens where this run's relay should be.
fn leave_open(site: &Path, script: &str) {
    run_to_any_end(&mut beckon(site, &["run", script, "--yes", "--wait", "0s"]));
    sqlite::execute(site, sqlite::OPEN_AGAIN);
    assert_eq!(sqlite::accepted(site, "mail", "'pending'"), OPEN as i64);
}

fn measure(dir: &Path, waiting: &Path, served: &Served) -> Measured {
    let mut measured = Measured { first: Vec::new(), last: String::new() };
    for _ in 0..rounds() {
        let round = dir.join("round");
        sqlite::copy(waiting, &round);
        served.forget_mail();
        let start = || {
            let mut command = beckon(&round, &["deliver"]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().expect("beckon can be started")
        };
        let mut first = start();
        until(served, BEFORE);
        first.kill().expect("it still has most of its work");
        first.wait().expect("it is our child");
        // What the kernel still held of its last words has arrived by then.
        std::thread::sleep(Duration::from_millis(50));
        let before = served.mails();
        let began = Instant::now();
        let second = start();
        until(served, before + 1);
        measured.first.push(began.elapsed().as_secs_f64());
        wait(&second);

        let (taken, twice) = (served.mails(), served.mails_twice());
        let accepted = sqlite::accepted(&round, "mail", "'accepted'");
        let doubtful = sqlite::accepted(&round, "mail", "'doubtful'");
        assert_eq!(twice, 0, "mails that came twice");
        assert_eq!(beckon::sim::lock(&served.running.world).breaches(), [], "rules of Apple's that were broken");
        assert_eq!(accepted + doubtful, OPEN as i64, "deliveries that have ended");
        let accepted = usize::try_from(accepted).unwrap_or(0);
        assert!(taken >= accepted, "{taken} taken, {accepted} recorded as accepted");
        measured.last = format!("{OPEN} open: {accepted} accepted, {doubtful} doubtful and named, {taken} taken, none twice");
    }
    measured
}

fn until(served: &Served, mails: usize) {
    let began = Instant::now();
    while served.mails() < mails {
        assert!(began.elapsed() < Duration::from_secs(60), "no delivery in a minute");
        std::thread::sleep(Duration::from_micros(300));
    }
}
