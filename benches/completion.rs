//! Completion of live names at 100,000 users: the slowest of what people type, asked as the editor asks.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a bench measures real time and waits for real processes"
)]

mod support;

use std::process::ExitCode;

use beckon::store::Store;
use support::table::{Goal, Row};
use support::{begin, median, rounds, site, timed};

const USERS: usize = 100_000;
const DEVICES: usize = 100_000;
/// As many as the editor shows.
const NAMES: usize = 100;
const TIMES: usize = 20;

fn main() -> ExitCode {
    let (mut table, dir) = match begin("completion") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    site::make(&dir, "");
    let school = site::reachable_school(USERS, DEVICES);
    site::import(&dir, &school);
    let store = Store::open(&dir.join("beckon.db")).expect("the store opens");
    let names = store.live_names().expect("names can be read");
    let last = school.users.last().map(|user| user.username.clone()).unwrap_or_default();
    let begins = ["", "a", "J", "no such name", last.as_str()];
    let (mut slowest, mut said, mut found) = (0.0_f64, String::new(), 0);
    for begin in begins {
        let mut spent = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..rounds() * TIMES {
            let asked = [
                timed(|| names.users(begin, NAMES).expect("users")),
                timed(|| names.devices(begin, NAMES).expect("devices")),
                timed(|| names.groups(begin, NAMES).expect("groups")),
            ];
            for (all, (one, names)) in spent.iter_mut().zip(asked) {
                all.push(one * 1000.0);
                found += names.len();
            }
        }
        for (of, spent) in ["users", "devices", "groups"].into_iter().zip(spent) {
            let ms = median(spent);
            if ms > slowest {
                (slowest, said) = (ms, format!("slowest: {of} that begin with {begin:?}"));
            }
        }
    }
    assert!(names.users(&last, NAMES).expect("users").contains(&last));
    table.row(&Row {
        what: format!("a live name is completed, {USERS} users and {DEVICES} devices"),
        unit: "ms",
        floor: Some(Goal::AtMost(10.0)),
        aim: None,
        measured: slowest,
        sides: vec![said],
        truth: format!("{found} names, each beginning as typed"),
    });
    table.end()
}
