//! The terminal itself, with programs that every machine has.

use super::*;

fn shell(script: &str) -> Terminal {
    Opening::of("sh").arg("-c").arg(script).start()
}

#[test]
fn what_is_typed_reaches_the_program_and_what_it_says_the_screen() {
    let mut terminal = shell("printf 'who? '; read -r who; echo \"hello $who\"");
    terminal.wait_for("who? ");
    assert_eq!(terminal.cursor_row(), "who? |");
    terminal.enter("Zoë 山田");
    terminal.wait_for("hello Zoë 山田");
    assert_eq!(terminal.screen(), "who? Zoë 山田\nhello Zoë 山田");
    assert!(!terminal.written().contains('\x1b'));
    assert!(terminal.end().success());
}

#[test]
fn colours_and_rubbing_out_are_seen() {
    let mut terminal = shell("printf 'plain \\033[31mred\\033[0m'; read -r line; printf '\\033[2Jcleared'");
    terminal.wait_for_row("plain red|");
    let colour = |column| terminal.cells().cell(0, column).map(vt100::Cell::fgcolor);
    assert_eq!((colour(0), colour(6)), (Some(vt100::Color::Default), Some(vt100::Color::Idx(1))));
    terminal.press(Key::Enter);
    terminal.wait_until_gone("plain");
    terminal.wait_for("cleared");
}

#[test]
fn every_key_is_sent_as_terminals_send_it() {
    let mut terminal = shell("stty raw -echo; printf ready; head -c 27 | od -An -tx1; stty sane");
    terminal.wait_for("ready");
    for key in [Key::Tab, Key::Backspace, Key::Ctrl('r'), Key::Up, Key::Down, Key::Left, Key::Right, Key::Home, Key::End] {
        terminal.press(key);
    }
    for key in [Key::Alt('b'), Key::Escape, Key::Enter, Key::Enter, Key::Enter] {
        terminal.press(key);
    }
    terminal.wait_for("09 7f 12 1b 5b 41 1b 5b 42 1b 5b 44 1b 5b 43 1b");
    terminal.wait_for("5b 48 1b 5b 46 1b 62 1b 0d 0d 0d");
}

#[test]
fn ctrl_c_is_a_signal() {
    let mut terminal = shell("trap 'echo stopped; exit 7' INT; echo ready; while :; do read -r line; done");
    terminal.wait_for("ready");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_for("stopped");
    assert_eq!(terminal.end().code(), Some(7));
}

#[test]
fn the_program_learns_its_size_and_that_it_changed() {
    let mut terminal = shell("trap 'stty size; exit 0' WINCH; stty size; while :; do read -r line; done");
    terminal.wait_for("24 80");
    terminal.resize(10, 20);
    terminal.wait_for("10 20");
    assert!(terminal.end().success());
}

#[test]
fn a_line_that_the_edge_breaks_is_found_whole() {
    let mut terminal = Opening::of("sh").arg("-c").arg("echo one long line of words; read -r line").sized(5, 10).start();
    terminal.wait_for("one long line of words");
    assert_eq!(terminal.screen(), "one long l\nine of wor\nds");
    terminal.press(Key::Ctrl('d'));
    assert_eq!(terminal.end().code(), Some(1));
}

#[test]
fn a_paste_is_marked_for_who_asked() {
    let mut terminal = shell("stty raw -echo; printf '\\033[?2004hready'; head -c 16 | od -c; stty sane");
    terminal.wait_for("ready");
    terminal.paste("a\nb\n");
    terminal.wait_for("2   0   0   ~   a  \\r   b  \\r 033");
    assert!(terminal.end().success());
}

#[test]
#[should_panic(expected = "did not show \"never\"")]
fn what_never_comes_is_said_with_the_screen() {
    shell("echo done").wait_for("never");
}

#[test]
fn a_terminal_that_is_left_takes_its_program_along() {
    let mut terminal = shell("echo $$; while :; do read -r line; done");
    terminal.wait_until("say its id", |terminal| !terminal.screen().is_empty());
    let id = terminal.screen();
    assert_eq!(id.trim(), terminal.process.id().to_string());
    drop(terminal);
    assert!(!Path::new("/proc").join(id.trim()).exists());
}

#[test]
fn an_error_is_coloured_on_a_terminal_unless_colours_are_not_wanted() {
    let site = tempfile::tempdir().expect("a folder");
    let said = |opening: Opening| {
        let mut terminal = opening.start();
        terminal.wait_for("error: there is no site here");
        let written = terminal.written();
        assert_eq!(terminal.end().code(), Some(5));
        written
    };
    let opening = || Opening::beckon(site.path(), &["run"]);
    assert!(said(opening()).contains('\x1b'));
    assert!(!said(opening().env("NO_COLOR", "1")).contains('\x1b'));
}
