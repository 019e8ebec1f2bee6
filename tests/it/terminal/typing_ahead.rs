//! Who types faster than the prompt comes back loses nothing.

use super::prompt::{prompt, site};
use super::*;

#[test]
fn lines_typed_at_once_are_all_run() {
    let site = site();
    let mut terminal = prompt(&site, &[]);
    terminal.type_text("let a = 20;\rlet b = 3;\ra * b\rif a > b {\r  a + b\r}\r\"end\"\r");
    terminal.wait_for("\nend");
    let screen = terminal.screen();
    assert!(screen.contains("\n60\n") && screen.contains("\n23\n"), "{screen}");
}

#[test]
fn what_is_typed_while_a_line_runs_is_there_at_the_next_prompt() {
    let site = site();
    let mut terminal = prompt(&site, &[]);
    terminal.enter("for n in 0..200_000 { let x = n; }");
    terminal.enter("40 + 4");
    terminal.type_text("\"Zoë 山田\".len");
    terminal.wait_for("\n44");
    terminal.wait_until("show the rest", |terminal| terminal.cursor_row().ends_with("> \"Zoë 山田\".len|"));
    terminal.enter("()");
    terminal.wait_for("\n6");
    terminal.enter("for n in 0..200_000 { let x = n; }");
    terminal.wait_until("leave the line", |terminal| terminal.cursor_row() == "|");
    terminal.press(Key::Ctrl('d'));
    assert!(terminal.end().success());
}

#[test]
fn a_long_paste_is_taken_whole() {
    let site = site();
    let mut terminal = prompt(&site, &[]);
    let lines: Vec<String> = (0..150).map(|n| format!("let line_{n} = \"some words of line {n}\";")).collect();
    terminal.paste(&lines.join("\n"));
    terminal.press(Key::Enter);
    terminal.enter("line_0 + line_149");
    terminal.wait_for("some words of line 0some words of line 149");
    // The same line by line, as it comes where pastes are not marked.
    terminal.type_text(&lines[..40].join("\r").replace("words", "letters"));
    terminal.press(Key::Enter);
    terminal.enter("line_0 + line_39");
    terminal.wait_for("some letters of line 0some letters of line 39");
}

#[test]
fn what_follows_ctrl_c_at_once_is_kept() {
    let site = site();
    let mut terminal = prompt(&site, &[]);
    terminal.type_text("if true {\r  9\x03if true {\r 40 + 2\r}\r");
    terminal.wait_for("\n42");
    terminal.wait_for_row("Sunnyside School> |");
    terminal.type_text("\x03\x03\"after\"\r");
    terminal.wait_for("\nafter");
    assert!(terminal.screen().contains(":quit or Ctrl-D leaves"), "{}", terminal.screen());
}
