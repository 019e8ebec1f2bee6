//! Notifications a second over one connection, each with its outcome recorded durably, against
//! `h2load` with 100 streams, both to the simulated APNs.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a bench measures real time and waits for real processes"
)]

mod support;

use std::path::Path;
use std::process::ExitCode;

use beckon::sim::{School, lock};
use support::child::{beckon, run};
use support::limits::{h2load, missing};
use support::table::{Goal, Row};
use support::world::{Served, serve};
use support::{Side, begin, rounds, site, sqlite};

const PUSHES: usize = 10_000;
const TOPIC: &str = "com.example.app";
const WHAT: &str = "push/s over one connection, against h2load";

fn main() -> ExitCode {
    let (mut table, dir) = match begin("push") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    if let Some(why) = missing(&[("h2load", "nghttp2-client")]) {
        table.skipped(WHAT, &why);
        return table.end();
    }
    let school = site::reachable_school(PUSHES, PUSHES);
    let served = serve(&school, 15);
    let waiting = dir.join("waiting");
    prepare(&waiting, &school, &served);
    let body = dir.join("payload.json");
    site::write(&body, "{\"aps\":{\"alert\":{\"title\":\"IT\",\"body\":\"Your iPad is ready.\"}}}");
    let url = format!("{}/3/device/{}", served.running.apns_url, token(0));
    let topic = format!("apns-topic: {TOPIC}");
    let headers = [topic.as_str(), "apns-push-type: alert", "apns-priority: 10", "apns-expiration: 0"];

    let (mut ours, mut limit) = (Side::default(), Side::default());
    for _ in 0..rounds() {
        let round = dir.join("round");
        sqlite::copy(&waiting, &round);
        forget(&served);
        ours.add(&run(&mut beckon(&round, &["deliver"])));
        assert_eq!(taken(&served), (PUSHES, 0), "notifications taken, and twice");
        assert_eq!(sqlite::accepted(&round, "push", "'accepted'"), PUSHES as i64, "notifications recorded");
        forget(&served);
        limit.add(&h2load(&url, 100, PUSHES, &body, &headers));
        assert_eq!(taken(&served).0, PUSHES, "requests of h2load");
    }
    let rate = |side: &Side| PUSHES as f64 / side.wall();
    table.row(&Row {
        what: WHAT.to_owned(),
        unit: "%",
        floor: Some(Goal::AtLeast(25.0)),
        aim: Some(Goal::AtLeast(50.0)),
        measured: rate(&ours) / rate(&limit) * 100.0,
        sides: vec![format!(
            "{:.0}/s ({}, at most {:.1} MiB); h2load {:.0}/s ({})",
            rate(&ours),
            ours.told(),
            ours.peak_mib(),
            rate(&limit),
            limit.told()
        )],
        truth: format!("{PUSHES} taken and {PUSHES} recorded as accepted in each of {} rounds, none twice", rounds()),
    });
    table.end()
}

/// A site whose outbox holds a notification for every device.
fn prepare(site: &Path, school: &School, served: &Served) {
    let section = |endpoint: &str| {
        format!(
            "[push]\nkey = \"file:secrets/push.p8\"\nkey_id = \"SIMULATED1\"\nteam_id = \"SIMULATED2\"\nendpoint = \"{endpoint}\"\nca = \"file:ca.pem\"\n"
        )
    };
    site::make(site, &section("https://127.0.0.1:9"));
    site::write(&site.join("ca.pem"), &served.running.ca_pem);
    let key = rcgen::KeyPair::generate().expect("a key");
    site::write_secret(&site.join("secrets/push.p8"), &key.serialize_pem());
    site::import(site, school);
    let tokens: String =
        school.devices.iter().enumerate().map(|(n, d)| format!("{},{TOPIC},{}\n", d.device.serial, token(n))).collect();
    let file = site.join("roster/app_tokens.csv");
    site::write(&file, &format!("serial,topic,token\n{tokens}"));
    site::import_files(site, &[file]);
    let script =
        site::script(site, "alert.rhai", "//! An alert.\nnotify.push(users, \"Your iPad is ready.\", #{ title: \"IT\" });\n");
    support::child::run_to_any_end(&mut beckon(site, &["run", &script, "--yes", "--wait", "0s"]));
    site::make(site, &section(&served.running.apns_url));
    sqlite::execute(site, sqlite::OPEN_AGAIN);
    assert_eq!(sqlite::accepted(site, "push", "'pending'"), PUSHES as i64);
}

fn token(n: usize) -> String {
    format!("{n:064x}")
}

fn forget(served: &Served) {
    lock(&served.running.world).apns.clear();
}

fn taken(served: &Served) -> (usize, usize) {
    let world = lock(&served.running.world);
    (world.apns.stored().len(), world.apns.duplicates().len())
}
