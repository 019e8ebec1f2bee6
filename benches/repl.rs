//! The prompt: from the shell's fork until it completes words, against the prompt of `python3`; and how
//! soon a line is answered at 100,000 users. All of it at a terminal, as a person has it.

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
/// Runs of each side in a round: single ones take a few milliseconds.
const TIMES: usize = 10;
const PROMPT: &str = "Sunnyside School> ";

fn main() -> ExitCode {
    let (mut table, dir) = match begin("repl") {
        Ok(begun) => begun,
        Err(done) => return done,
    };
    site::make(&dir, "");
    site::import(&dir, &site::reachable_school(USERS, 1_000));

    let (mut prompt, mut completes, mut python) = (Vec::new(), Vec::new(), Vec::new());
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
        if installed("python3") {
            python.push(timed(|| Terminal::of("python3", &["-q"]).wait_for(">>> ")).0);
        }
    }
    let (prompt, completes, python) = (median(prompt), median(completes), median(python));
    table.row(&Row {
        what: format!("beckon repl completes its first word, {USERS} users"),
        unit: "x",
        floor: Some(Goal::AtMost(1.0)),
        aim: None,
        measured: completes / python,
        sides: vec![format!(
            "prompt {}, first word {}; python3's prompt {}",
            seconds(prompt),
            seconds(completes),
            seconds(python)
        )],
        truth: format!("{} of each", rounds() * TIMES),
    });

    let mut repl = Terminal::repl(&dir);
    repl.wait_for(PROMPT);
    let mut answers = Vec::new();
    for _ in 0..rounds() * TIMES {
        repl.type_text("users.count()");
        repl.wait_for("count()");
        let (spent, said) = timed(|| {
            repl.type_text("\r");
            // The editor draws the line once more before it is run.
            repl.wait_for("\r\n");
            repl.wait_for(PROMPT)
        });
        assert!(said.replace(',', "").contains(&USERS.to_string()), "{said:?}");
        answers.push(spent);
    }
    table.row(&Row {
        what: format!("users.count() at the prompt, {USERS} users"),
        unit: "ms",
        floor: Some(Goal::AtMost(20.0)),
        aim: Some(Goal::AtMost(5.0)),
        measured: median(answers) * 1000.0,
        sides: vec!["from Enter to the next prompt".to_owned()],
        truth: format!("{} times the right count", rounds() * TIMES),
    });
    table.end()
}
