//! `beckon check` of all scripts of a site, from the shell's fork to the answer: of the shipped ones, and of
//! sixty more with their imports.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a bench measures real time and waits for real processes"
)]

mod support;

use std::process::ExitCode;

use support::child::{beckon, run};
use support::table::{Goal, Row, Table};
use support::{Side, folder, raw, rounds, site};

const TIMES: usize = 10;
const MORE: usize = 60;

fn main() -> ExitCode {
    if let Some(done) = raw::mode() {
        return done;
    }
    let mut table = Table::new("check");
    let dir = folder("check");
    site::make(&dir, "");
    for (file, text) in SHIPPED {
        site::script(&dir, file, text);
    }
    measure(&mut table, &dir, "beckon check, the shipped scripts", SHIPPED.len());
    for n in 0..MORE {
        let (file, text) = SHIPPED[n % SHIPPED.len()];
        site::script(&dir, &format!("more-{n}-{file}"), text);
    }
    measure(&mut table, &dir, "beckon check, sixty scripts more", SHIPPED.len() + MORE);
    table.end()
}

fn measure(table: &mut Table, dir: &std::path::Path, what: &str, scripts: usize) {
    let mut side = Side::default();
    for _ in 0..rounds() * TIMES {
        let done = run(&mut beckon(dir, &["check"]));
        assert!(done.out.contains(&format!("{scripts} scripts, ")), "{}", done.out);
        side.add(&done);
    }
    table.row(&Row {
        what: what.to_owned(),
        unit: "ms",
        floor: Some(Goal::AtMost(100.0)),
        aim: Some(Goal::AtMost(50.0)),
        measured: side.wall() * 1_000.0,
        sides: vec![side.told()],
        truth: format!("{} runs, nothing found in any", rounds() * TIMES),
    });
}

const SHIPPED: &[(&str, &str)] = &[
    ("enrolment-report.rhai", include_str!("../scripts/enrolment-report.rhai")),
    ("invite-group.rhai", include_str!("../scripts/invite-group.rhai")),
    ("invite-new-starters.rhai", include_str!("../scripts/invite-new-starters.rhai")),
    ("last-call.rhai", include_str!("../scripts/last-call.rhai")),
    ("remind-open-invitations.rhai", include_str!("../scripts/remind-open-invitations.rhai")),
    ("retire-leavers.rhai", include_str!("../scripts/retire-leavers.rhai")),
];
