//! The house's other rules: lengths, introductions, what is unfinished, and where time and chance come from.

use super::names::names;
use super::source::{Source, Tree};
use super::{Breach, found_in};

/// The longest file under `src`, and the longest file of tests.
const LINES_MAX: usize = 400;
const TEST_LINES_MAX: usize = 600;

/// Files that are longer, and how long they may be until somebody divides them. This list only
/// shrinks: lower a number when the file got shorter, strike the line when it fits.
const LONGER: &[(&str, usize)] = &[("src/script/tests/errors.rs", 658)];

/// The one file that may read and wait for real time.
const CLOCK: &str = "src/channels/system_clock.rs";

/// Where the program's real world is put together: the one file that may draw what can't be replayed.
const WIRING: &str = "src/wiring.rs";

pub fn introductions(tree: &Tree) -> Vec<Breach> {
    let rooms = tree.files.iter().filter(|f| f.path.ends_with("/mod.rs") && f.path.starts_with("src/"));
    rooms
        .filter(|f| !f.raw.lines().next().is_some_and(|first| first.starts_with("//! ") && first.len() > 20))
        .map(|f| Breach::of(f, "begin with `//!` and two sentences: what lives here, and what never does"))
        .collect()
}

pub fn lengths(tree: &Tree) -> Vec<Breach> {
    lengths_but(tree, LONGER)
}

fn lengths_but(tree: &Tree, longer: &[(&str, usize)]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for source in &tree.files {
        let usual = if source.is_test { TEST_LINES_MAX } else { LINES_MAX };
        let (lines, listed) = (source.lines(), longer.iter().find(|(path, _)| *path == source.path));
        match listed {
            Some((_, _)) if lines <= usual => breaches
                .push(Breach::of(source, format!("it has {lines} lines now: strike it from LONGER in tests/it/tidy/house.rs"))),
            Some((_, most)) if lines > *most => {
                breaches.push(Breach::of(source, format!("it grew from {most} to {lines} lines: divide it by the nouns in it")))
            }
            None if lines > usual => breaches
                .push(Breach::of(source, format!("it has {lines} lines, more than {usual}: divide it by the nouns in it"))),
            _ => {}
        }
    }
    breaches
}

/// Written in two parts, so that looking for them doesn't find this file.
const UNFINISHED: &[&str] = &[concat!("to", "do!"), concat!("unim", "plemented!"), concat!("#[ig", "nore")];
const NOTES: &[&str] = &[concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X:")];

pub fn unfinished(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for source in &tree.files {
        for (line, text) in numbered(&source.code) {
            for mark in UNFINISHED.iter().filter(|mark| text.contains(*mark)) {
                breaches.push(Breach::at(source, line, format!("`{mark}`: finish it, or take it out and say so in the issue")));
            }
        }
        for (line, text) in numbered(&source.raw) {
            let words = |mark: &&&str| {
                text.split(|c: char| !(c.is_alphanumeric() || c == ':'))
                    .any(|w| w.trim_end_matches(':') == mark.trim_end_matches(':'))
            };
            for mark in NOTES.iter().filter(words) {
                breaches.push(Breach::at(
                    source,
                    line,
                    format!("`{mark}`: do it now, or put it into the issue where it is seen"),
                ));
            }
        }
    }
    breaches
}

pub fn unwraps(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for source in tree.files.iter().filter(|f| !f.is_test) {
        for (line, text) in numbered(&source.live) {
            if text.contains(".unwrap()") || text.contains(".unwrap_err()") {
                let what = "`unwrap` outside of a test: return the error, or `expect` with the assumption that holds";
                breaches.push(Breach::at(source, line, what));
            }
        }
        for (line, text) in numbered(&source.raw).filter(|(_, text)| text.contains(".expect(\"\")")) {
            let _ = text;
            breaches.push(Breach::at(source, line, "`expect` without words: state the assumption that holds"));
        }
    }
    breaches
}

pub fn clocks_and_chance(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for source in outside_of_the_clock(tree).filter(|f| !f.path.starts_with("benches/")) {
        for name in names(&source.code, &source.module()) {
            let reads = ["Utc", "Local", "Instant", "SystemTime"].iter().any(|kind| name.ends_with(&[kind, "now"]));
            if reads {
                let what = format!(
                    "`{}` reads the machine's clock: take a `ports::clock::Clock` or the time as an argument",
                    name.text()
                );
                breaches.push(Breach::at(source, name.line, what));
            }
            let drawn = [["Uuid", "new_v4"], ["rand", "rng"], ["rand", "random"]].iter().any(|draw| name.ends_with(draw));
            if drawn && source.path != WIRING {
                let what = format!("`{}` can't be replayed: derive the id, or take a seed as an argument", name.text());
                breaches.push(Breach::at(source, name.line, what));
            }
        }
    }
    breaches
}

pub fn sleeps(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    // A bench measures real processes, and those take real time.
    for source in outside_of_the_clock(tree).filter(|source| !source.path.starts_with("benches/")) {
        for name in names(&source.code, &source.module()) {
            let naps = ["sleep", "sleep_until", "interval", "interval_at"].iter().any(|nap| name.ends_with(&["time", nap]));
            if naps || name.ends_with(&["thread", "sleep"]) {
                let instead = if source.is_test {
                    "use a virtual clock, or wait for what you wait for (a reply, a log line, a channel)"
                } else {
                    "only the clock waits: return the next time to be woken, or use `Clock::wait_until`"
                };
                breaches.push(Breach::at(source, name.line, format!("`{}`: {instead}", name.text())));
            }
        }
    }
    breaches
}

fn outside_of_the_clock(tree: &Tree) -> impl Iterator<Item = &Source> {
    tree.files.iter().filter(|f| f.path != CLOCK)
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(n, line)| (n + 1, line))
}

#[test]
fn rooms_without_an_introduction_are_caught() {
    let caught = |text: &str| !found_in("src/store/mod.rs", text, introductions).is_empty();
    assert!(caught("pub mod x;"));
    assert!(caught("\n//! What we remember: the site's database.\n"));
    assert!(caught("//! Store.\n"));
    assert!(!caught("//! What we remember: the site's database.\n//! SQL stays inside.\n"));
}

#[test]
fn long_files_are_caught_and_the_list_of_them_shrinks() {
    let found = |path: &str, lines: usize, list: &[(&str, usize)]| {
        found_in(path, &"x\n".repeat(lines), |tree| lengths_but(tree, list)).concat()
    };
    assert_eq!(found("src/a.rs", 400, &[]), "");
    assert!(found("src/a.rs", 401, &[]).contains("divide"));
    assert_eq!(found("tests/it/a.rs", 600, &[]), "");
    assert!(found("tests/it/a.rs", 601, &[]).contains("divide"));
    assert_eq!(found("src/a.rs", 450, &[("src/a.rs", 450)]), "");
    assert!(found("src/a.rs", 451, &[("src/a.rs", 450)]).contains("grew"));
    assert!(found("src/a.rs", 400, &[("src/a.rs", 450)]).contains("strike"));
}

#[test]
fn the_list_of_long_files_names_files_that_exist() {
    let tree = Tree::read();
    for (path, _) in LONGER {
        assert!(tree.file(path).is_some(), "{path} is gone: strike it from LONGER in tests/it/tidy/house.rs");
    }
}

#[test]
fn unfinished_work_is_caught() {
    let caught = |text: &str| !found_in("src/a.rs", text, unfinished).is_empty();
    for mark in UNFINISHED {
        assert!(caught(&format!("fn f() {{\n{mark}()]\n}}")), "{mark}");
        assert!(!caught(&format!("// {mark} is not allowed\nlet x = \"{mark}\";")), "{mark}");
    }
    for mark in NOTES {
        assert!(caught(&format!("// {mark} later")), "{mark}");
        assert!(!caught(&format!("// A{mark}B is something else")), "{mark}");
    }
}

#[test]
fn unwraps_are_caught_outside_of_tests_only() {
    let caught = |text: &str| !found_in("src/a.rs", text, unwraps).is_empty();
    assert!(caught("fn f() { x.unwrap(); }"));
    assert!(caught("fn f() { x\n    .unwrap()\n}"));
    assert!(caught("#[cfg(test)]\nmod tests { fn f() {} }\nfn g() { x.unwrap() }"));
    assert!(caught("fn f() { x.expect(\"\"); }"));
    assert!(!caught("fn f() { x.unwrap_or(1); y.expect(\"a lock that nobody poisons\"); } // .unwrap()"));
    assert!(!caught("#[cfg(test)]\nmod tests { fn f() { x.unwrap() } }"));
    assert!(found_in("tests/it/a.rs", "fn f() { x.unwrap(); }", unwraps).is_empty());
}

#[test]
fn clocks_and_chance_are_caught() {
    let caught = |path: &str, text: &str| !found_in(path, text, clocks_and_chance).is_empty();
    for text in [
        "let t = chrono::Utc::now();",
        "let t = Utc::now();",
        "let t = std::time::Instant::now();",
        "map(SystemTime::now)",
        "let id = Uuid::new_v4();",
        "let x = rand::random();",
        "#[cfg(test)]\nmod tests { fn f() { Instant::now(); } }",
    ] {
        assert!(caught("src/host/a.rs", text), "{text}");
        assert!(caught("tests/it/a.rs", text), "{text}");
        assert!(!caught(CLOCK, text), "{text}");
    }
    assert!(!caught(WIRING, "Uuid::new_v4();") && caught(WIRING, "Utc::now();"));
    assert!(!caught("src/host/a.rs", "let t = clock.now(); let u = self.clock.now(); // Utc::now"));
}

#[test]
fn sleeping_is_caught() {
    let caught = |path: &str, text: &str| !found_in(path, text, sleeps).is_empty();
    for call in ["std::thread::", "thread::", "tokio::time::", "time::"] {
        let text = format!("fn f() {{ {call}{}(d) }}", "sleep");
        assert!(caught("tests/it/a.rs", &text) && caught("src/host/a.rs", &text) && !caught(CLOCK, &text), "{text}");
    }
    assert!(caught("src/a.rs", "use tokio::time::{interval, Duration};"));
    assert!(!caught("src/a.rs", "tokio::time::timeout(d, f).await; clock.wait_until(t).await;"));
}
