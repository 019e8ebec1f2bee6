//! 10,000 schedules: how long they take to load, and how often they wake anybody when nothing is due; and
//! 1,000 moments due within 20 seconds: how late their scripts start. On the machine's own clock, through
//! the same chore that `beckon serve` runs.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a bench measures real time and waits for real processes"
)]

mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use beckon::channels::system_clock::SystemClock;
use beckon::domain::time::{Span, Timestamp};
use beckon::host::Ports;
use beckon::host::scheduler::Scheduler;
use beckon::host::site::Site;
use beckon::ports::clock::Clock;
use beckon::script::ScriptHost;
use support::table::{Goal, Row, Table};
use support::{begin, median, rounds, seconds, site, sqlite, timed};

const SCHEDULES: usize = 10_000;
const MOMENTS: usize = 1_000;
const DURING: i64 = 20;
/// So long nobody does anything, and is looked at.
const IDLE: i64 = 5;

fn main() -> ExitCode {
    let (mut table, dir) = match begin("schedules") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    load(&mut table, &dir.join("many"));
    lateness(&mut table, &dir.join("due"));
    table.end()
}

fn load(table: &mut Table, dir: &Path) {
    let mut sections = String::new();
    for n in 0..SCHEDULES {
        // All hours, days and zones; nothing is due in the minutes that this takes.
        let (zone, month) = (["Europe/Amsterdam", "America/New_York", "Asia/Tokyo", "UTC"][n % 4], far_month());
        section(&mut sections, &format!("s{n}"), &format!("{} {} {} {month} *", n % 60, n % 24, 1 + n % 28), zone);
    }
    site::make(dir, &sections);
    site::script(dir, "empty.rhai", "//! Nothing.\n");
    let (mut first, mut again) = (Vec::new(), Vec::new());
    let runtime = runtime();
    for _ in 0..rounds() {
        let _ = std::fs::remove_file(dir.join("beckon.db"));
        for times in [&mut first, &mut again] {
            let (took, (_, next)) = timed(|| open_and_step(&runtime, dir));
            times.push(took);
            assert!(next.is_some(), "something is due some day");
        }
    }
    let known = sqlite::number(dir, "SELECT COUNT(*) FROM schedules");
    assert_eq!(known, SCHEDULES as i64);
    table.row(&Row {
        what: "10,000 schedules: load".to_owned(),
        unit: "ms",
        floor: Some(Goal::AtMost(300.0)),
        aim: Some(Goal::AtMost(100.0)),
        measured: median(again.iter().copied()) * 1000.0,
        sides: vec![format!(
            "site.toml read and checked, store opened, next moment of each; the very first time, with a row for each: {}",
            seconds(median(first))
        )],
        truth: format!("{known} schedules known, each with its next moment"),
    });
    let (mut scheduler, site, next) = {
        let (_, ((scheduler, site), next)) = timed(|| open_and_step(&runtime, dir));
        (scheduler, site, next)
    };
    let (cpu, steps) = idle(&runtime, &mut scheduler, &site, next);
    table.row(&Row {
        what: "10,000 schedules: idle, of one processor".to_owned(),
        unit: "%",
        floor: Some(Goal::AtMost(0.3)),
        aim: Some(Goal::AtMost(0.05)),
        measured: 100.0 * cpu / IDLE as f64,
        sides: vec![format!("this process with the chore alone: {steps} wake-ups in {IDLE} s")],
        truth: format!("the next moment of {SCHEDULES} is known: {}", next.map(|at| at.to_rfc3339()).unwrap_or_default()),
    });
}

/// A month in which this bench doesn't run.
fn far_month() -> u32 {
    use chrono::Datelike as _;
    (SystemClock.now().month() + 5) % 12 + 1
}

fn lateness(table: &mut Table, dir: &Path) {
    let mut sections = String::new();
    // A moment each second of each, so 50 a second: 1,000 in 20 s.
    let each_second = MOMENTS / usize::try_from(DURING).unwrap_or(1);
    for n in 0..each_second {
        section(&mut sections, &format!("s{n}"), "* * * * * *", "Europe/Amsterdam");
    }
    site::make(dir, &sections);
    site::script(dir, "empty.rhai", "//! Nothing.\n");
    let runtime = runtime();
    let ((mut scheduler, site), mut next) = open_and_step(&runtime, dir);
    let ports = ports();
    let end = SystemClock.now() + Span::seconds(DURING + 1);
    runtime.block_on(async {
        while let Some(at) = next.filter(|at| *at < end) {
            ports.clock.wait_until(at).await;
            next = scheduler.step(&site, &ports, SystemClock.now()).await.expect("the store can be written");
        }
        scheduler.settled().await;
    });
    let connection = rusqlite::Connection::open(dir.join("beckon.db")).expect("the store can be opened");
    let mut late: Vec<f64> = connection
        .prepare("SELECT started_at - at FROM moments WHERE state = 'ran' ORDER BY 1")
        .and_then(|mut rows| rows.query_map([], |row| row.get::<_, f64>(0))?.collect())
        .expect("the moments can be read");
    let not_run = sqlite::number(dir, "SELECT COUNT(*) FROM moments WHERE state <> 'ran'");
    let runs = sqlite::number(dir, "SELECT COUNT(DISTINCT run_id) FROM moments WHERE state = 'ran'");
    late.sort_by(f64::total_cmp);
    assert!(late.len() >= MOMENTS, "{} moments ran", late.len());
    assert_eq!(runs, i64::try_from(late.len()).unwrap_or(0), "each moment has a run of its own");
    let earliest = late.first().copied().unwrap_or(f64::NAN);
    assert!(earliest >= 0.0, "one was early by {} ms", -earliest);
    let at = |share: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index")]
        let index = ((late.len() - 1) as f64 * share) as usize;
        late[index]
    };
    for (what, share, floor, aim) in [("p50", 0.5, 20.0, 3.0), ("p99", 0.99, 200.0, 20.0)] {
        table.row(&Row {
            what: format!("1,000 due moments over 20 s: lateness {what}"),
            unit: "ms",
            floor: Some(Goal::AtMost(floor)),
            aim: Some(Goal::AtMost(aim)),
            measured: at(share),
            sides: vec![format!("from the due time to the script's start, claim written at full sync; worst {} ms", at(1.0))],
            truth: format!("{} ran, each once, none early; {not_run} skipped or missed", late.len()),
        });
    }
}

type Opened = ((Scheduler, Arc<Site>), Option<Timestamp>);

fn open_and_step(runtime: &tokio::runtime::Runtime, dir: &Path) -> Opened {
    let site = Arc::new(Site::open(dir).expect("the site can be opened"));
    let owner = format!("bench {}", std::process::id());
    let mut scheduler = Scheduler::new(owner, Arc::new(ScriptHost::new()));
    let next = runtime.block_on(scheduler.step(&site, &ports(), SystemClock.now())).expect("the store can be written");
    ((scheduler, site), next)
}

/// Processor seconds and steps while nothing is due.
fn idle(
    runtime: &tokio::runtime::Runtime,
    scheduler: &mut Scheduler,
    site: &Arc<Site>,
    mut next: Option<Timestamp>,
) -> (f64, usize) {
    let (ports, mut steps) = (ports(), 0);
    let end = SystemClock.now() + Span::seconds(IDLE);
    let before = cpu();
    runtime.block_on(async {
        loop {
            let wake = next.filter(|at| *at < end);
            ports.clock.wait_until(wake.unwrap_or(end)).await;
            if wake.is_none() {
                break;
            }
            next = scheduler.step(site, &ports, SystemClock.now()).await.expect("the store can be written");
            steps += 1;
        }
    });
    (cpu() - before, steps)
}

/// User and system time of this process so far.
fn cpu() -> f64 {
    // SAFETY: the pointer is to a local of the right type.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let of = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    of(usage.ru_utime) + of(usage.ru_stime)
}

fn section(sections: &mut String, name: &str, cron: &str, zone: &str) {
    let _ = write!(
        sections,
        "[[schedule]]\nname = \"{name}\"\nscript = \"empty.rhai\"\ncron = \"{cron}\"\ntimezone = \"{zone}\"\noverlap = \"queue\"\n"
    );
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("the machine has threads")
}

fn ports() -> Ports {
    Ports { clock: Arc::new(SystemClock), apps_and_books: None, mail: None, mdm: None, push: None, webhook: None, bounces: None }
}
