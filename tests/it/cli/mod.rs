//! What people see: the real program on a small site, its services simulated on loopback.
//! Every case is a folder of text under `tests/specs`; nothing here knows what a case is about.
//!
//! `steps` is what is done, one line each: `$ beckon …` runs the program, `? …` asks the simulated world
//! what reached it, anything else is something that happens ([`steps`] lists it all). `transcript` is what
//! came of it: each command with its output, its errors (`! `) and its exit code. A transcript that is
//! missing is written, one that differs fails with the difference, and BECKON_BLESS=1 rewrites it.
//! BECKON_SPEC=word runs only the cases whose path has that word in it.

mod far_side;
mod program;
mod site;
mod steps;
mod transcript;
mod world;

use std::path::{Path, PathBuf};

const AREAS: [&str; 15] = [
    "apple",
    "effects",
    "import",
    "limits",
    "mail",
    "mdm",
    "messages",
    "prompt",
    "reminders",
    "sandbox",
    "schedules",
    "scripts",
    "site",
    "testing",
    "token",
];

#[test]
fn apple() {
    run_area("apple");
}

#[test]
fn effects() {
    run_area("effects");
}

#[test]
fn import() {
    run_area("import");
}

#[test]
fn limits() {
    run_area("limits");
}

#[test]
fn mail() {
    run_area("mail");
}

#[test]
fn mdm() {
    run_area("mdm");
}

#[test]
fn messages() {
    run_area("messages");
}

#[test]
fn prompt() {
    run_area("prompt");
}

#[test]
fn reminders() {
    run_area("reminders");
}

#[test]
fn sandbox() {
    run_area("sandbox");
}

#[test]
fn schedules() {
    run_area("schedules");
}

#[test]
fn scripts() {
    run_area("scripts");
}

#[test]
fn whole_site() {
    run_area("site");
}

#[test]
fn token() {
    run_area("token");
}

/// A folder that no test runs would be a promise that nobody keeps.
/// `beckon docs > file` on a full disk must not look as if it had worked.
#[cfg(target_os = "linux")]
#[test]
fn output_that_can_t_be_written_is_told() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_beckon")).arg("docs").stdout(full).output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(told.starts_with("error: not all of the output could be written: No space left"), "{told}");
    assert_eq!(ended.status.code(), Some(6));
}

#[test]
fn every_area_is_run() {
    let found = folders(&specs());
    let found: Vec<String> = found.iter().filter_map(|p| p.file_name()?.to_str().map(str::to_owned)).collect();
    let mut areas: Vec<String> = AREAS.iter().map(|a| (*a).to_owned()).chain(["school".to_owned()]).collect();
    areas.sort();
    assert_eq!(found, areas);
}

fn specs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specs")
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut found: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| p.is_dir()).collect();
    found.sort();
    found
}

/// Runs every case of an area, one after the other, and fails with all that differ.
fn run_area(area: &str) {
    let wanted = std::env::var("BECKON_SPEC").unwrap_or_default();
    let cases = folders(&specs().join(area));
    assert!(!cases.is_empty(), "there is no case in {area}");
    let mut failed = Vec::new();
    for case in cases {
        let name = format!("{area}/{}", case.file_name().unwrap_or_default().to_string_lossy());
        if !name.contains(&wanted) {
            continue;
        }
        if let Err(why) = steps::play(&case).and_then(|came| transcript::compare(&case, &came)) {
            failed.push(format!("=== {name}\n{why}"));
        }
    }
    assert!(failed.is_empty(), "{} differ:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn testing() {
    run_area("testing");
}
