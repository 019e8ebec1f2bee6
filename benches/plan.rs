//! What a script costs before anything is sent: the plan for 10,000 users and 12,000 devices, and a
//! walk over 100,000 users one by one.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a bench measures real time and waits for real processes"
)]

mod support;

use std::path::Path;
use std::process::ExitCode;

use support::child::{beckon, run};
use support::table::{Goal, Row, Table};
use support::{Side, begin, raw, rounds, seconds, site};

const USERS: usize = 10_000;
const DEVICES: usize = 12_000;
const MANY: usize = 100_000;

fn main() -> ExitCode {
    let (mut table, dir) = match begin("plan") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    plan(&mut table, &dir.join("plan"));
    walk(&mut table, &dir.join("walk"));
    table.end()
}

/// The site can use mail and an MDM server, so that all of a person's ways are decided about.
const CHANNELS: &str = "[mail]\nfrom = \"it@sunnyside.example\"\nrelay = \"smtp://127.0.0.1:9\"\ntls = \"none\"\n\
    [mdm]\nbackend = \"nanomdm\"\nurl = \"http://127.0.0.1:9\"\napi_key = \"env:HOME\"\n";

fn plan(table: &mut Table, dir: &Path) {
    site::make(dir, CHANNELS);
    site::import(dir, &site::reachable_school(USERS, DEVICES));
    let script = site::script(
        dir,
        "plan.rhai",
        "//! Everybody.\nlet plan = invite.plan(groups[\"Everybody\"], \"not-invited\");\nprint(plan);\nplan.send();\n",
    );
    let store = dir.join("beckon.db").display().to_string();
    let (mut ours, mut minimal) = (Side::default(), Side::default());
    for _ in 0..rounds() * 2 {
        let planned = run(&mut beckon(dir, &["run", &script, "--dry-run"]));
        let exact = format!("{USERS} of {USERS} users, {DEVICES} devices: {DEVICES} iPad; {USERS} mails");
        assert!(planned.out.contains(&exact), "{}", planned.out);
        ours.add(&planned);
        minimal.add(&run(&mut raw::command(&["--raw-minimal", &store])));
    }
    table.row(&Row {
        what: "plan, 10,000 users and 12,000 devices, --dry-run".to_owned(),
        unit: "ms",
        floor: Some(Goal::AtMost(300.0)),
        aim: Some(Goal::AtMost(100.0)),
        measured: ours.wall() * 1000.0,
        sides: vec![format!("{}, at most {:.1} MiB; minimal program {}", ours.told(), ours.peak_mib(), minimal.told())],
        truth: format!("{USERS} of {USERS} users, {DEVICES} devices, {USERS} mails in every plan; nothing left"),
    });
}

fn walk(table: &mut Table, dir: &Path) {
    site::make(dir, "");
    site::import(dir, &site::reachable_school(MANY, 150_000));
    let script = site::script(
        dir,
        "walk.rhai",
        "//! Everybody, one by one.\nlet n = 0;\nlet letters = 0;\nfor u in users { n += 1; letters += u.username.len(); }\nprint(`${n} users`);\n",
    );
    let (mut ours, mut idle) = (Side::default(), Side::default());
    let empty = site::script(dir, "empty.rhai", "//! Nothing.\n");
    for _ in 0..rounds() {
        let walked = run(&mut beckon(dir, &["run", &script]));
        assert_eq!(walked.out.trim(), format!("{MANY} users"));
        ours.add(&walked);
        idle.add(&run(&mut beckon(dir, &["run", &empty])));
    }
    table.row(&Row {
        what: "a script that walks 100,000 users, peak memory".to_owned(),
        unit: "MiB",
        floor: Some(Goal::AtMost(98.0)),
        aim: Some(Goal::AtMost(32.0)),
        measured: ours.peak_mib(),
        sides: vec![format!("{}; an empty script {:.1} MiB in {}", ours.told(), idle.peak_mib(), seconds(idle.wall()))],
        truth: format!("{MANY} users met in every run"),
    });
}
