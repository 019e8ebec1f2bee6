//! Processes that run scheduled scripts on one site and are killed while they do. Every moment ends once,
//! with one run and one mail, whoever died over it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use beckon::channels::system_clock::SystemClock;
use beckon::domain::time::{Span, Timestamp};
use beckon::host::Ports;
use beckon::host::scheduler::Scheduler;
use beckon::host::site::Site;
use beckon::ports::clock::Clock;
use beckon::script::ScriptHost;
use rusqlite::Connection;

/// Names the site for a process that is this test's child.
const SITE: &str = "BECKON_TEST_SCHEDULES";
const SCHEDULES: usize = 8;
const KILLS: u64 = 24;

/// Takes long enough to be killed in its middle, and sends one mail.
const SCRIPT: &str = "let n = 0; while n < 20_000 { n += 1; }\n\
    notify.mail(\"it@sunnyside.example\", \"message\", #{ subject: `${now()}`, text: \"Hello.\" });\n";

fn ports() -> Ports {
    Ports { clock: Arc::new(SystemClock), apps_and_books: None, mail: None, mdm: None, push: None, webhook: None, bounces: None }
}

fn scheduler() -> Scheduler {
    let started = SystemClock.now().timestamp_micros();
    Scheduler::new(format!("{} at {started}", std::process::id()), Arc::new(ScriptHost::new()))
}

/// Not a test: the process that is killed. Without a site there is nothing to do.
#[test]
fn a_process_that_runs_schedules() {
    let Some(dir) = std::env::var_os(SITE) else { return };
    let site = Arc::new(Site::open(Path::new(&dir)).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (ports, mut scheduler) = (ports(), scheduler());
        let end = SystemClock.now() + Span::minutes(2);
        while let Some(at) = scheduler.step(&site, &ports, SystemClock.now()).await.unwrap().filter(|at| *at < end) {
            ports.clock.wait_until(at).await;
        }
    });
}

fn make_site() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_owned();
    let mut toml = "[site]\nname = \"Sunnyside School\"\ntimezone = \"Europe/Amsterdam\"\n\
        [mail]\nfrom = \"it@sunnyside.example\"\nrelay = \"smtp://127.0.0.1:9\"\ntls = \"none\"\n"
        .to_owned();
    for n in 0..SCHEDULES {
        let overlap = if n % 2 == 0 { "skip" } else { "queue" };
        toml.push_str(&format!(
            "[[schedule]]\nname = \"s{n}\"\nscript = \"mail.rhai\"\ncron = \"* * * * * *\"\ntimezone = \"Europe/Amsterdam\"\noverlap = \"{overlap}\"\n"
        ));
    }
    std::fs::create_dir(dir.join("scripts")).unwrap();
    std::fs::write(dir.join("scripts/mail.rhai"), SCRIPT).unwrap();
    std::fs::write(dir.join("site.toml"), toml).unwrap();
    (folder, dir)
}

fn start(dir: &Path) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["crash::schedules::a_process_that_runs_schedules", "--exact"])
        .env(SITE, dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn killed_again_and_again_every_moment_ends_once() {
    let (_folder, dir) = make_site();
    let site = Arc::new(Site::open(&dir).unwrap());
    let began = SystemClock.now();
    // Two at a time; one of them is killed every few hundred milliseconds, anywhere in its work.
    let mut children = [start(&dir), start(&dir)];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for n in 0..KILLS {
        let pause = Duration::from_millis(250 + n * 7_919 % 400);
        runtime.block_on(SystemClock.wait_until(SystemClock.now() + Span::from_std(pause).unwrap()));
        let child = &mut children[usize::try_from(n % 2).unwrap()];
        child.kill().unwrap();
        child.wait().unwrap();
        *child = start(&dir);
    }
    for child in &mut children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let ended = SystemClock.now();
    // The last one finds what the dead have left, once their leases have ended.
    let mut last = scheduler();
    for later in [0, 31, 62] {
        let now: Timestamp = ended + Span::seconds(later);
        runtime.block_on(async {
            last.step(&site, &ports(), now).await.unwrap();
            last.settled().await;
        });
    }
    let store = Connection::open(dir.join("beckon.db")).unwrap();
    let number = |sql: &str| store.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("SELECT COUNT(*) FROM moments WHERE state = 'claimed'"), 0, "what is claimed ends");
    let ran = number("SELECT COUNT(*) FROM moments WHERE state = 'ran'");
    assert!(ran >= 10, "only {ran} moments ran");
    assert_eq!(
        number("SELECT COUNT(*) FROM runs"),
        ran + number("SELECT COUNT(*) FROM moments WHERE state = 'failed' AND run_id IS NOT NULL")
    );
    assert_eq!(number("SELECT COUNT(DISTINCT run_id) FROM moments WHERE state = 'ran'"), ran, "a run each");
    assert_eq!(number("SELECT COUNT(*) FROM deliveries"), ran, "a mail each");
    assert_eq!(
        number(
            "SELECT COUNT(*) FROM journal WHERE kind = 'schedule' AND (words LIKE '%: ran%' OR words LIKE '%: skipped%' OR words LIKE '%: missed%' OR words LIKE '%: failed%')"
        ),
        number("SELECT COUNT(*) FROM moments"),
        "a line of the journal each"
    );
    // Each second of each schedule has its row, from the first one that anybody saw.
    for schedule in 0..SCHEDULES {
        let of = |what: &str| number(&format!("SELECT {what} FROM moments WHERE schedule = 's{schedule}'"));
        let (first, newest) = (of("MIN(at)"), of("MAX(at)"));
        assert_eq!(of("COUNT(*)"), (newest - first) / 1000 + 1, "s{schedule} has a row for each moment");
        assert!(newest > ended.timestamp_millis() - 1000 && first < began.timestamp_millis() + 20_000);
    }
    println!("{ran} moments ran, {} had been begun by somebody who died", number("SELECT COUNT(*) FROM moments WHERE tries > 1"));
}
