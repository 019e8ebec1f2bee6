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

/// Enters a line, and waits for what it says and for the next prompt.
fn says(terminal: &mut Terminal, line: &str, what: &str) {
    terminal.enter(line);
    terminal.wait_for(what);
    terminal.wait_for_row("Sunnyside School> |");
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

#[test]
fn a_script_is_loaded_up_to_its_first_error_and_a_session_saved_without_harm() {
    let site = site();
    let scripts = site.path().join("scripts");
    std::fs::write(scripts.join("half.rhai"), "let a = 41;\na + 1\nnothing\n\"never\"\n").expect("a script can be written");
    std::fs::write(scripts.join("torn.rhai"), "let b = [1,\n").expect("a script can be written");
    std::fs::write(scripts.join("bytes.rhai"), b"\xff\xfe").expect("a script can be written");
    let mut terminal = prompt(&site, &[]);
    says(&mut terminal, ":load", "it needs the name of a script");
    says(&mut terminal, ":load hlaf", "did you mean half");
    says(&mut terminal, ":load half", "there is no variable \"nothing\"");
    assert!(terminal.screen().contains("\n42\n") && !terminal.screen().contains("\nnever"), "{}", terminal.screen());
    terminal.press(Key::Ctrl('l'));
    says(&mut terminal, "a", "\n41");
    says(&mut terminal, ":load torn", "error");
    says(&mut terminal, ":load bytes", "error");
    says(&mut terminal, ":load .", "there is no script");
    terminal.press(Key::Ctrl('l'));
    says(&mut terminal, ":save kept", "saved as");
    terminal.enter(":save kept");
    terminal.wait_for("Replace it? [y/N]");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_for("nothing was written");
    terminal.wait_for_row("Sunnyside School> |");
    says(&mut terminal, ":save nowhere/kept.rhai", "can't write nowhere/kept.rhai");
    says(&mut terminal, ":save", "it needs the name of a file");
    let kept = std::fs::read_to_string(scripts.join("kept.rhai")).expect("it was saved");
    assert!(kept.contains("let a = number;\n") && !kept.contains("nothing"), "{kept}");
    says(&mut terminal, ":load kept", "\n42");
}

#[test]
fn lines_are_timed_typed_and_explained() {
    let site = site();
    let mut terminal = prompt(&site, &[]);
    says(&mut terminal, ":type users.where(|u| u.enabled)", "a Selection of users");
    says(&mut terminal, ":type let kept = 1; kept", "a whole number");
    says(&mut terminal, "kept", "there is no variable \"kept\"");
    says(&mut terminal, ":explain users.where(|u| u.enabled)", "SELECT");
    says(&mut terminal, ":explain 5", "has nothing to explain");
    // A command whose script is not whole goes on in the next line.
    terminal.enter(":time for n in 0..3 {");
    terminal.enter("    print(`line ${n}`);");
    terminal.enter("}");
    terminal.wait_for("line 2");
    terminal.wait_for("took ");
    terminal.wait_for_row("Sunnyside School> |");
    says(&mut terminal, ":undo", "there is nothing to take back");
    says(&mut terminal, ":undo", "there is nothing to take back");
    says(&mut terminal, ":undo 2", "`:undo` takes nothing more");
    says(&mut terminal, ":", "there is no command :");
}
