//! Mails a second, each with its outcome recorded durably, against `smtp-source` with as many
//! connections and letters of the same size, into the same `smtp-sink`.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a bench measures real time and waits for real processes"
)]

mod support;

use std::path::Path;
use std::process::ExitCode;

use support::child::{beckon, run};
use support::limits::{Sink, missing, smtp_source};
use support::table::{Goal, Row};
use support::{Side, begin, rounds, site, sqlite, world};

const MAILS: usize = 5_000;

fn main() -> ExitCode {
    let (mut table, dir) = match begin("mail") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    let what = |connections: usize| format!("mail/s, {connections} connections, against smtp-source");
    if let Some(why) = missing(&[("smtp-source", "postfix"), ("smtp-sink", "postfix")]) {
        for connections in [1, 10, 50] {
            table.skipped(&what(connections), &why);
        }
        return table.end();
    }
    let waiting = dir.join("waiting");
    // Nobody listens there: the run that fills the outbox sends nothing.
    site::make(&waiting, &world::mail_section("127.0.0.1:9", 1));
    site::import(&waiting, &site::reachable_school(MAILS, 1));
    commit(&waiting);
    for connections in [1, 10, 50] {
        let (ours, limit, twice) = measure(&dir, &waiting, connections);
        let rate = |side: &Side| MAILS as f64 / side.wall();
        table.row(&Row {
            what: what(connections),
            unit: "%",
            floor: Some(Goal::AtLeast(50.0)),
            aim: Some(Goal::AtLeast(75.0)),
            measured: rate(&ours) / rate(&limit) * 100.0,
            sides: vec![format!(
                "{:.0}/s ({}, at most {:.1} MiB); smtp-source {:.0}/s ({})",
                rate(&ours),
                ours.told(),
                ours.peak_mib(),
                rate(&limit),
                limit.told()
            )],
            truth: format!("{MAILS} mails taken and {MAILS} recorded as accepted in each of {} rounds, {twice} twice", rounds()),
        });
    }
    table.end()
}

/// Leaves the mails in the outbox.
fn commit(site: &Path) {
    let script = site::script(
        site,
        "news.rhai",
        "//! News for everybody.\nnotify.mail(users, \"message\", #{ subject: \"Your iPads\", text: \"They are ready. Come by the library on Monday.\" });\n",
    );
    support::child::run_to_any_end(&mut beckon(site, &["run", &script, "--yes", "--wait", "0s"]));
    sqlite::execute(site, sqlite::OPEN_AGAIN);
    assert_eq!(sqlite::accepted(site, "mail", "'pending'"), MAILS as i64);
}

fn measure(dir: &Path, waiting: &Path, connections: usize) -> (Side, Side, usize) {
    let (mut ours, mut limit, mut twice) = (Side::default(), Side::default(), 0);
    for _ in 0..rounds() {
        let round = dir.join("round");
        sqlite::copy(waiting, &round);
        let sink = Sink::start(dir);
        site::make(&round, &world::mail_section(&sink.address, connections));
        ours.add(&run(&mut beckon(&round, &["deliver"])));
        let (taken, again, bytes) = sink.truth();
        assert_eq!(taken, MAILS, "mails taken by the sink");
        assert_eq!(sqlite::accepted(&round, "mail", "'accepted'"), MAILS as i64, "mails recorded");
        twice += again;
        assert_eq!(twice, 0, "mails that came twice");
        drop(sink);
        let sink = Sink::start(dir);
        limit.add(&smtp_source(&sink.address, connections, MAILS, bytes));
        assert_eq!(sink.truth().0, MAILS, "letters of smtp-source");
    }
    (ours, limit, twice)
}
