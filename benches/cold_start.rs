//! From the shell's fork to the answer, for commands that do next to nothing: against the least
//! program that builds a Rhai engine, opens the same store and runs one query.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a bench measures real time and waits for real processes"
)]

mod support;

use std::process::{Command, ExitCode};

use support::child::{beckon, program, run};
use support::table::{Goal, Row};
use support::{Side, begin, raw, rounds, site};

const USERS: usize = 20_000;
/// Runs of each side in a round: single ones take a few milliseconds.
const TIMES: usize = 10;

fn main() -> ExitCode {
    let (mut table, dir) = match begin("cold_start") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    site::make(&dir, "");
    site::import(&dir, &site::reachable_school(USERS, USERS));
    let empty = site::script(&dir, "empty.rhai", "//! Nothing.\n");
    let store = dir.join("beckon.db").display().to_string();

    let (mut minimal, mut version, mut empty_run) = (Side::default(), Side::default(), Side::default());
    for _ in 0..rounds() * TIMES {
        let least = run(&mut raw::command(&["--raw-minimal", &store]));
        assert_eq!(least.out.trim(), (2 * USERS).to_string());
        minimal.add(&least);
        let told = run(Command::new(program()).arg("--version"));
        assert_eq!(told.out.trim(), concat!("beckon ", env!("CARGO_PKG_VERSION")));
        version.add(&told);
        let done = run(&mut beckon(&dir, &["run", &empty]));
        assert_eq!(done.out, "");
        empty_run.add(&done);
    }
    let truth = format!("{} runs of each, every answer as expected", rounds() * TIMES);
    for (what, side, floor, aim) in
        [("beckon --version", &version, 3.0, 1.5), ("beckon run empty.rhai, 20,000 users", &empty_run, 8.0, 4.0)]
    {
        table.row(&Row {
            what: what.to_owned(),
            unit: "x",
            floor: Some(Goal::AtMost(floor)),
            aim: Some(Goal::AtMost(aim)),
            measured: side.wall() / minimal.wall(),
            sides: vec![format!("{}; minimal program {}", side.told(), minimal.told())],
            truth: truth.clone(),
        });
    }
    table.end()
}
