//! `beckon serve` with nothing to do: memory, CPU and wake-ups, with a large roster and with none. The
//! empty site shows what the roster adds; both are looked at in turn.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a bench measures real time and waits for real processes"
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use support::child::{Server, beckon};
use support::table::{Goal, Row};
use support::{begin, median, rounds, site, sqlite, world};

const USERS: usize = 100_000;
const DEVICES: usize = 150_000;

/// What a start leaves behind is over by then.
const SETTLE: Duration = Duration::from_secs(12);
/// How long it is looked at: two minutes' rows of the heartbeat fall into it.
const LOOK: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let (mut table, dir) = match begin("serve") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    let (large, empty) = (dir.join("large"), dir.join("empty"));
    let address = free_address();
    for dir in [&large, &empty] {
        make(dir, address);
    }
    site::import(&large, &site::reachable_school(USERS, DEVICES));
    let (mut with, mut without) = (Vec::new(), Vec::new());
    // A minute each: fewer rounds than where a round takes a second.
    for _ in 0..rounds().min(3) {
        with.push(look(&large, address));
        without.push(look(&empty, address));
    }
    let of = |looks: &[Look], figure: fn(&Look) -> f64| median(looks.iter().map(figure));
    let beside = |figure: fn(&Look) -> f64, unit: &str| vec![format!("on an empty site {:.3} {unit}", of(&without, figure))];
    let people = sqlite::number(&large, "SELECT COUNT(*) FROM users WHERE hidden = 0");
    let devices = sqlite::number(&large, "SELECT COUNT(*) FROM devices WHERE gone_at IS NULL");
    let beats = sqlite::number(&large, "SELECT COUNT(*) FROM heartbeats");
    assert_eq!((people, devices), (USERS as i64, DEVICES as i64), "the roster is there");
    assert!(beats >= with.len() as i64, "it lived");
    let truth =
        format!("{people} users, {devices} devices; {beats} heartbeats written; /healthz said ok at the end of each look");
    let mut row = |what: &str, unit, floor, aim, figure: fn(&Look) -> f64| {
        table.row(&Row {
            what: what.to_owned(),
            unit,
            floor: Some(Goal::AtMost(floor)),
            aim: Some(Goal::AtMost(aim)),
            measured: of(&with, figure),
            sides: beside(figure, unit),
            truth: truth.clone(),
        });
    };
    row("serve idle, 100,000 users: anonymous memory", "MiB", 64.0, 24.0, |look| look.anonymous_mib);
    row("serve idle, 100,000 users: CPU", "%", 0.3, 0.05, |look| look.cpu_percent);
    row("serve idle, 100,000 users: wake-ups", "/s", 5.0, 1.0, |look| look.wakes_per_second);
    table.end()
}

struct Look {
    anonymous_mib: f64,
    cpu_percent: f64,
    wakes_per_second: f64,
}

/// A site of its own at an address of its own, with a relay that nobody calls.
fn make(dir: &Path, address: SocketAddr) {
    site::make(dir, &world::mail_section("127.0.0.1:9", 8));
    let file = dir.join("site.toml");
    let text = std::fs::read_to_string(&file).expect("it was just written");
    let lines = text.lines().map(|line| if line.starts_with("listen") { format!("listen = \"{address}\"") } else { line.into() });
    site::write(&file, &lines.collect::<Vec<String>>().join("\n"));
}

fn look(dir: &Path, address: SocketAddr) -> Look {
    let mut command = beckon(dir, &["serve"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Server(command.spawn().expect("beckon can be started"));
    let began = Instant::now();
    while !is_ok(address) {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(SETTLE);
    let pid = server.0.id();
    let (cpu, wakes, began) = (cpu_seconds(pid), wakes(pid), Instant::now());
    std::thread::sleep(LOOK);
    let seconds = began.elapsed().as_secs_f64();
    let look = Look {
        cpu_percent: (cpu_seconds(pid) - cpu) / seconds * 100.0,
        wakes_per_second: (self::wakes(pid) - wakes) / seconds,
        anonymous_mib: status(pid, "RssAnon:") / 1024.0,
    };
    assert!(is_ok(address), "it is not well at the end");
    look
}

/// Whether `/healthz` answers 200 and says that all is well.
fn is_ok(address: SocketAddr) -> bool {
    let mut text = String::new();
    let mut ask = || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        stream.read_to_string(&mut text).map(drop)
    };
    ask().is_ok() && text.contains(" 200 ") && text.contains("\"status\":\"ok\"")
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address")
}

/// User and system time so far. The kernel counts in hundredths of a second.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it still runs");
    let (_, rest) = stat.rsplit_once(')').expect("the name stands in brackets");
    let ticks = |n: usize| rest.split_whitespace().nth(n).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// How often any thread of it has gone to sleep so far: each is a wake-up.
fn wakes(pid: u32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it still runs");
    tasks.flatten().map(|task| field(&task.path().join("status"), "voluntary_ctxt_switches:")).sum()
}

fn status(pid: u32, name: &str) -> f64 {
    field(Path::new(&format!("/proc/{pid}/status")), name)
}

fn field(file: &Path, name: &str) -> f64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0.0)
}
