//! Questions at the prompt: what is an answer, and what becomes of keys that are none.

use super::prompt::{prompt, site};
use super::*;

const MAIL: &str = "notify.mail(\"it@x.example\", \"message\", #{ subject: \"a\", text: \"b\" });";
const EMPTY: &str = "Sunnyside School> |";
const FULL: &str = "Sunnyside School [1]> |";
const NOTE: &str = "what was typed before this question waits";

/// A prompt with one mail in its tray.
fn with_a_mail(site: &tempfile::TempDir) -> Terminal {
    let mut terminal = prompt(site, &["--wait", "0s"]);
    terminal.enter(MAIL);
    terminal.wait_for_row(FULL);
    terminal
}

fn is_asked(terminal: &mut Terminal) {
    terminal.wait_until("ask", |terminal| terminal.cursor_row().ends_with("[y/N] |"));
}

fn runs(site: &tempfile::TempDir) -> usize {
    let listed = Command::new(program()).arg("--site").arg(site.path()).args(["runs", "--json"]).output().expect("it runs");
    String::from_utf8_lossy(&listed.stdout).matches("\"trigger\"").count()
}

#[test]
fn only_a_clear_yes_sends_and_everything_else_keeps_the_tray() {
    let site = site();
    let mut terminal = with_a_mail(&site);
    for answer in ["", "n", "no", "nonsense", "yy", " ", "y n", ":send", MAIL] {
        terminal.enter(":send");
        is_asked(&mut terminal);
        terminal.enter(answer);
        terminal.wait_for("not confirmed: nothing was changed, nothing was sent");
        terminal.wait_for_row(FULL);
        terminal.press(Key::Ctrl('l'));
        terminal.wait_for_row(FULL);
    }
    for key in ['c', 'd'] {
        terminal.enter(":send");
        is_asked(&mut terminal);
        terminal.press(Key::Ctrl(key));
        terminal.wait_for("not confirmed");
        terminal.wait_for_row(FULL);
        terminal.press(Key::Ctrl('l'));
    }
    // Broken off in the middle of a yes.
    terminal.enter(":send");
    is_asked(&mut terminal);
    terminal.type_text("ye");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_for("not confirmed");
    terminal.wait_for_row(FULL);
    assert_eq!(runs(&site), 0);
    for (sent, yes) in (1..).zip(["y", "Y", "yes", "YES"]) {
        terminal.enter(":send");
        is_asked(&mut terminal);
        terminal.enter(yes);
        terminal.wait_for(&format!("Run {sent}"));
        terminal.wait_for_row(EMPTY);
        terminal.enter(MAIL);
        terminal.wait_for_row(FULL);
        assert_eq!(runs(&site), sent);
    }
}

#[test]
fn a_yes_typed_before_the_question_is_none_and_is_not_lost() {
    let site = site();
    let mut terminal = with_a_mail(&site);
    // All in one go, as an unmarked paste or quick fingers send it.
    terminal.type_text(":send\ry\r40 + 2\r\"rest\".le");
    is_asked(&mut terminal);
    terminal.wait_for(NOTE);
    assert_eq!(runs(&site), 0);
    terminal.enter("n");
    terminal.wait_for("there is no variable \"y\"");
    terminal.wait_for("\n42");
    terminal.wait_for_row("Sunnyside School [1]> \"rest\".le|");
    terminal.enter("n");
    terminal.wait_for("\n4");
    terminal.wait_for_row(FULL);
    // What comes after the answer is for the next line, as ever.
    terminal.enter(":send");
    is_asked(&mut terminal);
    terminal.type_text("no\r\"after\"\r");
    terminal.wait_for("\nafter");
    terminal.wait_for_row(FULL);
    assert_eq!(runs(&site), 0);
}

#[test]
fn a_yes_typed_while_a_line_was_running_is_none_either() {
    let site = site();
    let mut terminal = with_a_mail(&site);
    terminal.enter("for n in 0..300_000 { let x = n; }");
    terminal.wait_for_row("|");
    terminal.type_text(":send\ry\r");
    is_asked(&mut terminal);
    assert_eq!(runs(&site), 0);
    // Whoever breaks off wants nothing of the rest.
    terminal.press(Key::Ctrl('c'));
    terminal.wait_for("not confirmed");
    terminal.wait_for_row(FULL);
    assert!(!terminal.screen().contains("no variable"), "{}", terminal.screen());
    terminal.enter("40 + 2");
    terminal.wait_for("\n42");
}

#[test]
fn a_paste_with_commands_is_worked_through_up_to_the_first_that_fails() {
    let site = site();
    let mut terminal = prompt(&site, &["--wait", "0s"]);
    terminal.paste(&format!("let n = 20;\nlet m = 22;\n{MAIL}\n:type n\n:send\ny\n\"never\" + n"));
    terminal.press(Key::Enter);
    is_asked(&mut terminal);
    terminal.wait_for("\na whole number\n");
    terminal.enter("no");
    terminal.wait_for("not confirmed");
    terminal.wait_for_row(FULL);
    assert!(!terminal.screen().contains("\nnever"), "{}", terminal.screen());
    terminal.enter("n + m");
    terminal.wait_for("\n42");
    terminal.paste(":undo\n:review\nn + 100");
    terminal.press(Key::Enter);
    terminal.wait_for("the tray is empty");
    terminal.wait_for("\n120");
    assert_eq!(runs(&site), 0);
}

#[test]
fn a_long_paste_over_a_question_is_kept_whole() {
    let site = site();
    let mut terminal = with_a_mail(&site);
    // More than an editor reads at once.
    let lines: Vec<String> = (0..60).map(|n| format!("let line_{n} = \"some words of line {n}, Zo\u{eb}\";")).collect();
    terminal.type_text(&format!(":send\r{}\r", lines.join("\r")));
    is_asked(&mut terminal);
    terminal.enter("n");
    terminal.enter("line_0 + line_59");
    terminal.wait_for("some words of line 0, Zo\u{eb}some words of line 59, Zo\u{eb}");
    assert_eq!(runs(&site), 0);
}

#[test]
fn a_terminal_that_cannot_be_drawn_on_asks_in_the_same_way() {
    let site = site();
    let mut terminal = Opening::beckon(site.path(), &["repl", "--wait", "0s"]).env("TERM", "dumb").start();
    terminal.wait_for_row(EMPTY);
    terminal.enter(MAIL);
    terminal.wait_for_row(FULL);
    terminal.type_text(":send\ry\r40 + 2\r");
    is_asked(&mut terminal);
    assert_eq!(runs(&site), 0);
    terminal.enter("n");
    terminal.wait_for("there is no variable \"y\"");
    terminal.wait_for("\n42");
    terminal.enter(":send");
    is_asked(&mut terminal);
    terminal.enter("y");
    terminal.wait_for("Run 1");
    assert_eq!(runs(&site), 1);
}

#[test]
fn leaving_a_full_tray_is_asked_and_ctrl_c_stays() {
    let site = site();
    let mut terminal = with_a_mail(&site);
    for leave in [":quit\r", ":q\r", "\u{4}"] {
        for stay in ["\u{3}", "\u{4}", "\r", "no\r", "quit\r"] {
            terminal.type_text(leave);
            is_asked(&mut terminal);
            terminal.wait_for("1 mail in the tray will not be sent. Leave?");
            terminal.type_text(stay);
            terminal.wait_for_row(FULL);
            terminal.press(Key::Ctrl('l'));
            terminal.wait_for_row(FULL);
        }
    }
    terminal.enter(":quit");
    is_asked(&mut terminal);
    terminal.enter("y");
    assert!(terminal.end().success());
    assert_eq!(runs(&site), 0);
}

#[test]
fn a_parameter_is_asked_for_and_ctrl_c_gives_it_up() {
    let site = site();
    let mut terminal = prompt(&site, &[]);
    let ask = "run.param(\"colour\", #{ choices: [\"red\", \"blue\"], help: \"of the card\" })";
    terminal.enter(ask);
    terminal.wait_for_row("colour (of the card): |");
    terminal.enter("blau");
    terminal.wait_for("did you mean \"blue\"?");
    terminal.wait_for_row("colour (of the card): |");
    terminal.enter("2");
    terminal.wait_for("\nblue");
    terminal.wait_for_row(EMPTY);
    for give_up in ["\u{3}", "\u{4}", "\r"] {
        terminal.enter(ask);
        terminal.wait_for_row("colour (of the card): |");
        terminal.type_text(give_up);
        terminal.wait_for("no value was given for \"colour\"");
        terminal.wait_for_row(EMPTY);
        terminal.press(Key::Ctrl('l'));
        terminal.wait_for_row(EMPTY);
    }
}

#[test]
fn outside_of_the_prompt_a_yes_counts_only_after_the_question_too() {
    let site = site();
    let script = "print(\"working\"); for n in 0..300_000 { let x = n; }\n".to_owned() + MAIL;
    std::fs::write(site.path().join("scripts/slow.rhai"), script).expect("a script can be written");
    let mut terminal = Opening::beckon(site.path(), &["run", "slow", "--wait", "0s"]).env("NO_COLOR", "1").start();
    terminal.wait_for("working");
    terminal.enter("y");
    is_asked(&mut terminal);
    terminal.enter("n");
    terminal.wait_for("not confirmed");
    assert_eq!(terminal.end().code(), Some(4));
}
