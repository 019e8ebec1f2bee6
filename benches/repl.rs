//! The prompt: from the shell's fork until it completes words, against the prompts of `python3` and of the
//! engine's own `rhai-repl`, which opens no site; and how soon a line is answered, and its first rows are shown, at
//! 100,000 users. All of it at a terminal, as a person has it.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a bench measures real time and waits for real processes"
)]

mod support;

use std::process::ExitCode;

use support::child::installed;
use support::table::{Goal, Row};
use support::terminal::Terminal;
use support::{begin, median, rounds, seconds, site, timed};

const USERS: usize = 100_000;
const DEVICES: usize = 120_000;
/// Runs of each side in a round: single ones take a few milliseconds.
const TIMES: usize = 10;
const PROMPT: &str = "Sunnyside School> ";
/// What is typed, within which milliseconds it is to be answered (floor and aim), and what the answer holds.
const ANSWERS: [(&str, f64, f64, &str); 5] = [
    ("users.count()", 20.0, 5.0, "100000"),
    ("users", 20.0, 5.0, "100000 users, 1 to "),
    ("devices", 20.0, 5.0, "120000 devices, 1 to "),
    (r#"users.where(|u| u.department == "Grade 3")"#, 100.0, 20.0, " users, 1 to "),
    ("groups", 250.0, 50.0, "All students"),
];

fn main() -> ExitCode {
    let (mut table, dir) = match begin("repl") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    site::make(&dir, "");
    site::import(&dir, &site::reachable_school(USERS, DEVICES));

    let peers = [("python3", ["-q"].as_slice(), ">>> "), ("rhai-repl", &[], "repl> ")].map(|(program, args, its_prompt)| {
        let found = installed(program);
        (program, move || found.then(|| timed(|| Terminal::of(program, args).wait_for(its_prompt)).0))
    });
    let (mut prompt, mut completes, mut theirs) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new()]);
    for _ in 0..rounds() * TIMES {
        let (until_prompt, mut repl) = timed(|| {
            let mut repl = Terminal::repl(&dir);
            repl.wait_for(PROMPT);
            repl
        });
        let (until_word, _) = timed(|| {
            repl.type_text("use\t");
            repl.wait_for("users")
        });
        prompt.push(until_prompt);
        completes.push(until_prompt + until_word);
        for ((_, until_its_prompt), theirs) in peers.iter().zip(&mut theirs) {
            theirs.extend(until_its_prompt());
        }
    }
    let (prompt, completes) = (median(prompt), median(completes));
    let goals = [(Some(Goal::AtMost(1.0)), None), (None, Some(Goal::AtMost(3.0)))];
    for (((peer, _), theirs), (floor, aim)) in peers.iter().zip(theirs).zip(goals) {
        let what = format!("beckon repl completes its first word, {USERS} users");
        if theirs.is_empty() {
            table.skipped(&what, &format!("{peer} is not installed{}", how_to_get(peer)));
            continue;
        }
        let theirs = median(theirs);
        table.row(&Row {
            what,
            unit: "x",
            floor,
            aim,
            measured: completes / theirs,
            sides: vec![format!(
                "prompt {}, first word {}; {peer}'s prompt {}",
                seconds(prompt),
                seconds(completes),
                seconds(theirs)
            )],
            truth: format!("{} of each", rounds() * TIMES),
        });
    }

    let mut repl = Terminal::repl(&dir);
    repl.wait_for(PROMPT);
    for (line, floor, aim, said) in ANSWERS {
        let mut answers = Vec::new();
        for _ in 0..rounds() * TIMES {
            repl.type_text(line);
            // It is drawn anew with each letter.
            repl.settle();
            let (spent, answer) = timed(|| {
                repl.type_text("\r");
                // The editor draws the line once more before it is run.
                repl.wait_for("\r\n");
                repl.wait_for(PROMPT)
            });
            assert!(answer.contains(said), "{answer:?}");
            answers.push(spent);
        }
        table.row(&Row {
            what: format!("{line} at the prompt"),
            unit: "ms",
            floor: Some(Goal::AtMost(floor)),
            aim: Some(Goal::AtMost(aim)),
            measured: median(answers) * 1000.0,
            sides: vec![format!("from Enter to the next prompt, {USERS} users and {DEVICES} devices")],
            truth: format!("{} times {said:?}", rounds() * TIMES),
        });
    }
    table.end()
}

/// Where a peer comes from that no distribution has.
fn how_to_get(peer: &str) -> &'static str {
    if peer == "rhai-repl" { " (cargo install rhai --features bin-features --bin rhai-repl)" } else { "" }
}
