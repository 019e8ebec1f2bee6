//! What a person sees while typing at the prompt: completion, hints, colours, several lines, and what
//! comes meanwhile.

use std::path::Path;
use std::process::Command;

use super::{Key, Opening, Terminal};
use crate::crash::child::program;

/// A site with people and devices of all kinds of names.
fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    run(folder.path(), &["init", "site"]);
    let site = folder.path().join("site");
    let settings = std::fs::read_to_string(site.join("site.toml")).expect("a site has settings");
    let named = settings.lines().map(|line| if line.starts_with("name ") { "name = \"S\"" } else { line });
    std::fs::write(site.join("site.toml"), named.collect::<Vec<_>>().join("\n")).expect("settings can be written");
    let users = "username,full_name,mail,groups\nana,Ana,ana@x.example,Grade 5\nandy,Andy,andy@x.example,Grade 5\n\
                 zoe,Zo\u{eb},zoe@x.example,\"Quote \"\"Q\"\" \\\"\n";
    std::fs::write(site.join("users.csv"), users).expect("a file can be written");
    let groups = "group\nGrade 5\n\"Quote \"\"Q\"\" \\\"\n";
    std::fs::write(site.join("groups.csv"), groups).expect("a file can be written");
    run(&site, &["import", "--yes", "groups.csv", "users.csv"]);
    folder
}

fn run(folder: &Path, args: &[&str]) {
    let done = Command::new(program()).args(args).current_dir(folder).output().expect("the program can be started");
    assert!(
        done.status.success(),
        "{args:?}: {}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

fn opening(folder: &Path) -> Opening {
    Opening::beckon(&folder.join("site"), &["repl"])
}

/// At its first prompt.
fn at_prompt(opening: Opening) -> Terminal {
    let mut terminal = opening.start();
    terminal.wait_for("S> ");
    terminal
}

#[test]
fn tab_completes_words_members_and_live_names() {
    let folder = site();
    let mut terminal = at_prompt(opening(folder.path()));
    for (typed, row) in [
        ("use", "S> users|"),
        ("users.whe", "S> users.where(|  where(closure: closure) -> Selection"),
        ("groups[\"Gr", "S> groups[\"Grade 5\"|"),
        ("groups[\"Qu", "S> groups[\"Quote \\\"Q\\\" \\\\\"|"),
        ("users.where(|u| u.userna", "S> users.where(|u| u.username|  where(closure: closure) -> Selection"),
        (
            "let p = invite.plan(users, \"everyone\"); p.send(#{ templ",
            "S> let p = invite.plan(users, \"everyone\"); p.send(#{ template: |",
        ),
        (":rev", "S> :review|"),
    ] {
        terminal.type_text(typed);
        terminal.press(Key::Tab);
        terminal.wait_until(&format!("complete {typed:?} to {row:?}"), |terminal| {
            terminal.cursor_row() == row || (row.ends_with('|') && terminal.cursor_row().starts_with(row))
        });
        terminal.press(Key::Ctrl('c'));
        terminal.wait_for_row("S> |");
    }
    terminal.type_text("users.find(\"an");
    terminal.press(Key::Tab);
    terminal.press(Key::Tab);
    terminal.wait_for("ana");
    terminal.wait_for("andy");
    terminal.press(Key::Ctrl('c'));
    terminal.enter("let ana = users.find(\"ana\");");
    terminal.wait_for_row("S> |");
    terminal.type_text("ana.full");
    terminal.press(Key::Tab);
    terminal.wait_for("ana.full_name");
    terminal.press(Key::Enter);
    terminal.press(Key::Ctrl('d'));
    assert!(terminal.end().success());
}

#[test]
fn a_line_is_completed_with_what_the_lines_before_it_brought() {
    let folder = site();
    let mut terminal = at_prompt(opening(folder.path()));
    let tab = |terminal: &mut Terminal, typed: &str, row: &str| {
        terminal.type_text(typed);
        terminal.press(Key::Tab);
        terminal.wait_until(&format!("complete {typed:?} to {row:?}"), |terminal| terminal.cursor_row().starts_with(row));
        terminal.press(Key::Ctrl('c'));
        terminal.wait_for_row("S> |");
    };
    terminal.enter("import \"calendar\" as cal;");
    terminal.wait_for_row("S> |");
    tab(&mut terminal, "cal::is_week", "S> cal::is_weekend(|");
    tab(&mut terminal, "import \"repo", "S> import \"reports\"|");
    terminal.enter("users.where(|u| u.enabled)");
    terminal.wait_for("3 users");
    terminal.wait_for_row("S> |");
    tab(&mut terminal, ".order_b", "S> .order_by(|");
    tab(&mut terminal, "  .where(|x| x.full_n", "S>   .where(|x| x.full_name|");
    tab(&mut terminal, "`first: ${users.fir", "S> `first: ${users.first()|");
    tab(&mut terminal, "notify.mail(users, \"mess", "S> notify.mail(users, \"message\"|");
    tab(&mut terminal, ":time groups[\"Gr", "S> :time groups[\"Grade 5\"|");
    terminal.enter(".order_by(\"username\").pluck(\"username\")");
    terminal.wait_for("[\"ana\", \"andy\", \"zoe\"]");
}

#[test]
fn a_statement_goes_on_until_it_is_whole_and_ctrl_c_breaks_it() {
    let folder = site();
    let mut terminal = at_prompt(opening(folder.path()));
    terminal.enter("if true {");
    terminal.enter("  41 + 1");
    terminal.enter("}");
    terminal.wait_for("42");
    terminal.wait_for_row("S> |");
    terminal.enter("if true {");
    terminal.type_text("  9");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_for_row("S> |");
    terminal.paste("let a = 20;\nlet b = 3;\na * b");
    terminal.press(Key::Enter);
    terminal.wait_for("60");
    terminal.wait_for_row("S> |");
    terminal.press(Key::Ctrl('r'));
    terminal.type_text("41");
    terminal.wait_for("41 + 1");
    terminal.press(Key::Ctrl('c'));
    terminal.press(Key::Ctrl('l'));
    terminal.wait_for_row("S> |");
    terminal.wait_until_gone("60");
    terminal.press(Key::Ctrl('d'));
    assert!(terminal.end().success());
}

#[test]
fn what_was_typed_stays_whole_when_the_window_changes() {
    let folder = site();
    let mut terminal = at_prompt(opening(folder.path()).sized(24, 200));
    terminal.type_text("\"山田太郎 and a long line of words\".len");
    terminal.wait_for("words\".len");
    terminal.resize(24, 20);
    terminal.type_text(" + 0");
    terminal.wait_for("+ 0");
    terminal.press(Key::Enter);
    terminal.wait_for("29");
    terminal.resize(24, 200);
    terminal.enter("1 + 1");
    terminal.wait_for("\n2");
    terminal.press(Key::Ctrl('d'));
    assert!(terminal.end().success());
}

#[test]
fn colours_are_written_only_where_they_are_wanted() {
    let folder = site();
    let typed = |opening: Opening| {
        let mut terminal = at_prompt(opening);
        terminal.enter("let x = 1; users.count()");
        terminal.wait_for("\n3");
        terminal.written()
    };
    assert!(typed(opening(folder.path())).contains("\x1b[35m"));
    for plain in [opening(folder.path()).env("NO_COLOR", "1"), opening(folder.path()).arg("--color").arg("never")] {
        assert!(!typed(plain).contains("\x1b[35m"));
    }
    let mut terminal = at_prompt(opening(folder.path()).env("TERM", "dumb"));
    terminal.enter("1 + 1");
    terminal.wait_for("\n2");
    assert!(!terminal.written().contains('\x1b'), "{:?}", terminal.written());
}

#[test]
fn the_next_session_remembers_what_is_no_secret() {
    let folder = site();
    let mut terminal = at_prompt(opening(folder.path()));
    terminal.enter("let password = \"hunter2\"; 1 + 1");
    terminal.wait_for("\n2");
    terminal.enter("40 + 4");
    terminal.wait_for("44");
    terminal.press(Key::Ctrl('d'));
    assert!(terminal.end().success());
    let mut terminal = at_prompt(opening(folder.path()));
    terminal.press(Key::Up);
    terminal.wait_for_row("S> 40 + 4|");
    terminal.press(Key::Up);
    terminal.press(Key::Enter);
    terminal.wait_for("44");
    assert!(!terminal.screen().contains("hunter2"));
}
