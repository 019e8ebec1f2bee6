//! Import of 100,000 users and 173,000 devices, difference shown, against `sqlite3`'s `.import` of the
//! same files into bare tables.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a bench measures real time and waits for real processes"
)]

mod support;

use std::process::ExitCode;

use support::child::{beckon, run};
use support::limits::{missing, sqlite3_import};
use support::table::{Goal, Row};
use support::{Side, begin, rounds, site, sqlite};

const USERS: usize = 100_000;
const DEVICES: usize = 173_000;
const WHAT: &str = "import of 100,000 users and 173,000 devices";

fn main() -> ExitCode {
    let (mut table, dir) = match begin("roster") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    if let Some(why) = missing(&[("sqlite3", "sqlite3")]) {
        table.skipped(WHAT, &why);
        return table.end();
    }
    site::reachable_school(USERS, DEVICES).write_csv(&dir).expect("the target folder can be written");
    let files = [dir.join("users.csv"), dir.join("devices.csv")];
    let database = dir.join("raw.db");
    let (mut ours, mut limit) = (Side::default(), Side::default());
    for _ in 0..rounds() {
        let fresh = dir.join("site");
        let _ = std::fs::remove_dir_all(&fresh);
        site::make(&fresh, "");
        let done = run(beckon(&fresh, &["import", "--yes"]).args(&files));
        let told = format!("taken into the roster: {USERS} users, {DEVICES} devices");
        assert!(done.out.contains(&told), "{}", done.out);
        let assigned = "SELECT COUNT(*) FROM devices d JOIN users u ON u.id = d.user_id";
        assert_eq!(sqlite::number(&fresh, assigned), DEVICES as i64, "devices with their users");
        ours.add(&done);
        let bare = sqlite3_import(&database, &files);
        limit.add(&bare);
    }
    table.row(&Row {
        what: WHAT.to_owned(),
        unit: "x",
        floor: Some(Goal::AtMost(6.0)),
        aim: Some(Goal::AtMost(3.0)),
        measured: ours.wall() / limit.wall(),
        sides: vec![format!("{}, at most {:.0} MiB; sqlite3 .import {}", ours.told(), ours.peak_mib(), limit.told())],
        truth: format!("{USERS} users and {DEVICES} devices, each with its user, after every import"),
    });
    table.end()
}
