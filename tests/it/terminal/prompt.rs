//! `beckon repl` as a person has it before them.

use super::*;

/// A site with a name and nobody on it.
pub fn site() -> tempfile::TempDir {
    let site = tempfile::tempdir().expect("a folder");
    let made = Command::new(program()).arg("init").arg(site.path()).output().expect("beckon init runs");
    assert!(made.status.success(), "{made:?}");
    site
}

pub fn prompt(site: &tempfile::TempDir, args: &[&str]) -> Terminal {
    let args: Vec<&str> = std::iter::once("repl").chain(args.iter().copied()).collect();
    let mut terminal = Opening::beckon(site.path(), &args).env("NO_COLOR", "1").start();
    terminal.wait_for(":help");
    terminal.wait_until("show its prompt", |terminal| terminal.cursor_row().ends_with("> |"));
    terminal
}

#[test]
fn a_line_is_answered_and_an_endless_one_is_stopped() {
    let site = site();
    let mut terminal = prompt(&site, &[]);
    terminal.enter("6 * 7");
    terminal.enter("let n = 5; loop { }");
    terminal.wait_for("42");
    terminal.wait_for("loop { }");
    terminal.wait_until("leave the line", |terminal| terminal.cursor_row() == "|");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_for("cancelled");
    terminal.enter("n");
    terminal.wait_for("there is no variable");
    terminal.press(Key::Ctrl('d'));
    assert_eq!(terminal.end().code(), Some(3), "the last error's");
}

#[test]
fn a_full_tray_is_not_left_by_accident() {
    let site = site();
    let mut terminal = prompt(&site, &[]);
    terminal.enter("notify.mail(\"it@x.example\", \"message\", #{ subject: \"a\", text: \"b\" })");
    terminal.enter(":quit");
    terminal.wait_for("tray: 1 mail (:review, :send)");
    terminal.wait_for("Leave? [y/N]");
    terminal.enter("n");
    terminal.enter(":undo");
    terminal.wait_for("taken back");
    terminal.wait_for_row("Sunnyside School> |");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_until("show a new prompt", |terminal| terminal.screen().ends_with("\nSunnyside School>\nSunnyside School>"));
    terminal.press(Key::Ctrl('c'));
    terminal.wait_for(":quit or Ctrl-D leaves");
    terminal.enter(":quit");
    assert!(terminal.end().success());
}
