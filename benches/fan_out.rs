//! The main job at the size of a large school: 10,000 users by mail and their 12,000 devices, once
//! when Apple knows them already, once from nothing at Apple's pace.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a bench measures real time and waits for real processes"
)]

mod support;

use std::path::Path;
use std::process::ExitCode;

use beckon::sim::{School, lock};
use support::child::{Spent, beckon, run};
use support::limits::{missing, smtp_source};
use support::table::{Goal, Row, Table};
use support::world::{Served, mdm_authorization, serve};
use support::{Side, begin, raw, rounds, seconds, site, sqlite};

const USERS: usize = 10_000;
const DEVICES: usize = 12_000;
const MAIL_CONNECTIONS: usize = 8;
/// As many as the adapter for NanoMDM uses.
const MDM_CONNECTIONS: usize = 16;
/// Bytes of an average invitation.
const LETTER: usize = 11_000;
/// 100 requests for records of 100 users each and a few for the rest, 15 a second.
const AT_BEST: f64 = 8.1;

const INVITE: &str = "//! Everybody.\ninvite.plan(groups[\"Everybody\"], \"everyone\").send();\n";

fn main() -> ExitCode {
    let (mut table, dir) = match begin("fan_out") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    let school = site::reachable_school(USERS, DEVICES);
    registered(&mut table, &dir, &school);
    from_nothing(&mut table, &dir.join("from_nothing"), &school);
    table.end()
}

fn registered(table: &mut Table, dir: &Path, school: &School) {
    let served = serve(school, 1_000);
    let known = dir.join("known");
    let script = new_site(&known, school, &served);
    run(&mut beckon(&known, &["run", &script, "--yes"]));
    // Everybody is registered and has had the first message; the devices have shown their prompts.
    sqlite::execute(&known, "UPDATE deliveries SET state = 'accepted' WHERE state = 'queued'");

    let (mut ours, mut limit) = (Side::default(), Side::default());
    let mut parts = String::new();
    for number in 0..rounds() {
        let round = dir.join("round");
        sqlite::copy(&known, &round);
        // Another run number makes other ids at the far sides, which know the last round's.
        sqlite::execute(
            &round,
            &format!(
                "INSERT INTO runs (id, script, script_hash, trigger, actor, params, started_at, ended_at, state, summary, output)
             VALUES ({}, 'x', '', 'runbook', 'bench', '{{}}', 0, 0, 'committed', '', '')",
                (number + 1) * 1000
            ),
        );
        ours.add(&fan_out(&round, &script, &served));
        if missing(&[("smtp-source", "postfix")]).is_none() {
            let (sum, told) = raw_limits(dir, &known, &served, school);
            limit.add(&sum);
            parts = told;
        }
    }
    let truth = format!(
        "{USERS} mails and {DEVICES} commands arrived and were recorded in each of {} rounds, none missing, none twice",
        rounds()
    );
    match missing(&[("smtp-source", "postfix")]) {
        Some(why) => table.skipped("fan-out to 10,000 and 12,000, registered", &why),
        None => table.row(&Row {
            what: "fan-out to 10,000 and 12,000, registered".to_owned(),
            unit: "x",
            floor: Some(Goal::AtMost(6.0)),
            aim: Some(Goal::AtMost(2.5)),
            measured: ours.wall() / limit.wall(),
            sides: vec![format!("{}; raw limits {}", ours.told(), limit.told()), format!("the last round's raw limits: {parts}")],
            truth: truth.clone(),
        }),
    }
    table.row(&Row {
        what: "peak memory of that fan-out".to_owned(),
        unit: "MiB",
        floor: Some(Goal::AtMost(77.0)),
        aim: Some(Goal::AtMost(40.0)),
        measured: ours.peak_mib(),
        sides: vec!["VmHWM of the whole command".to_owned()],
        truth,
    });
}

/// A site with the school's roster in it; answers the script that invites everybody.
fn new_site(dir: &Path, school: &School, served: &Served) -> String {
    let sections = served.sections(dir, school, MAIL_CONNECTIONS);
    site::make(dir, &sections);
    site::import(dir, school);
    site::script(dir, "invite-everybody.rhai", INVITE)
}

/// The whole command, with its truth.
fn fan_out(site: &Path, script: &str, served: &Served) -> Spent {
    served.forget_mail();
    let commands = served.commands();
    let spent = run(&mut beckon(site, &["run", script, "--yes"]));
    assert_eq!((served.mails(), served.mails_twice()), (USERS, 0), "mails taken, and twice");
    assert_eq!(served.commands() - commands, DEVICES, "commands queued");
    assert_eq!(sqlite::accepted(site, "mail", "'accepted'"), USERS as i64, "mails recorded");
    assert_eq!(sqlite::accepted(site, "mdm", "'queued'"), DEVICES as i64, "commands recorded");
    spent
}

/// The same letters, commands and rows, each the cheapest way there is, one after the other.
fn raw_limits(dir: &Path, known: &Path, served: &Served, school: &School) -> (Spent, String) {
    served.forget_mail();
    let mail = smtp_source(&served.running.smtp_addr.to_string(), MAIL_CONNECTIONS, USERS, LETTER);
    assert_eq!(served.mails(), USERS, "letters of smtp-source");
    let file = dir.join("commands");
    let seen = served.commands();
    let lines: Vec<String> =
        school.devices.iter().enumerate().map(|(n, d)| format!("{} raw-{}", d.device.udid, seen + n)).collect();
    site::write(&file, &lines.join("\n"));
    let address = served.running.nanomdm_url.trim_start_matches("http://");
    let connections = MDM_CONNECTIONS.to_string();
    let mdm = run(&mut raw::command(&["--raw-mdm", address, &mdm_authorization(), &connections, &file.display().to_string()]));
    assert_eq!(served.commands() - seen, DEVICES, "raw commands: {}", mdm.out);
    let round = dir.join("raw");
    sqlite::copy(known, &round);
    let store = round.join("beckon.db").display().to_string();
    let rows = run(&mut raw::command(&["--raw-records", &store, &USERS.to_string(), &DEVICES.to_string()]));
    assert_eq!(sqlite::accepted(&round, "mail", "'accepted'"), USERS as i64, "raw records");
    assert_eq!(sqlite::accepted(&round, "mdm", "'accepted'"), DEVICES as i64, "raw records");
    let told = format!("smtp-source {}, HTTP {}, SQL {}", seconds(mail.wall), seconds(mdm.wall), seconds(rows.wall));
    (mail.and(&mdm).and(&rows), told)
}

fn from_nothing(table: &mut Table, dir: &Path, school: &School) {
    let mut ours = Side::default();
    let mut early = Vec::new();
    let mut requests = 0;
    for _ in 0..rounds() {
        let served = serve(school, 15);
        let site = dir.join("site");
        let _ = std::fs::remove_dir_all(&site);
        let script = new_site(&site, school, &served);
        ours.add(&fan_out(&site, &script, &served));
        let world = lock(&served.running.world);
        assert!(world.breaches().is_empty(), "rules of Apple's that were broken: {:?}", world.breaches());
        requests = world.apple.requests();
        let lead = sqlite::number(
            &site,
            "SELECT (SELECT MAX(registered_at) FROM invitations) - (SELECT MIN(first_try) FROM deliveries)",
        );
        assert!(lead > 0, "the first delivery left {} ms after the last registration", -lead);
        early.push(lead);
    }
    early.sort_unstable();
    table.row(&Row {
        what: "fan-out from nothing, 15 requests a second".to_owned(),
        unit: "x",
        floor: Some(Goal::AtMost(1.5)),
        aim: Some(Goal::AtMost(1.2)),
        measured: ours.wall() / AT_BEST,
        sides: vec![format!("{}; at best {AT_BEST} s; {requests} requests to Apple", ours.told())],
        truth: format!(
            "{USERS} mails, {DEVICES} commands in each of {} rounds, none twice; no rule of Apple's broken; the first delivery left {} ms before the last registration",
            rounds(),
            early.first().copied().unwrap_or(0)
        ),
    });
}
