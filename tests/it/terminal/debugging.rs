//! `beckon run --debug` and `:debug` as a person has them before them.

use super::*;

const MODULE: &str = "fn shout(name) {\n    let loud = name.to_upper();\n    loud + \"!\"\n}\n";
const SCRIPT: &str = "//! Greets.\nimport \"lib\" as lib;\n\nlet names = [\"ana\", \"ben\"];\nfor name in names {\n    print(lib::shout(name));\n}\n\
                      notify.mail(\"it@x.example\", \"message\", #{ subject: \"a\", text: \"b\" });\n";

/// A site with a script that calls a module.
fn site() -> tempfile::TempDir {
    let site = tempfile::tempdir().expect("a folder");
    let made = Command::new(program()).arg("init").arg(site.path()).output().expect("beckon init runs");
    assert!(made.status.success(), "{made:?}");
    for (name, text) in [("lib.rhai", MODULE), ("greet.rhai", SCRIPT)] {
        std::fs::write(site.path().join("scripts").join(name), text).expect("a script can be written");
    }
    site
}

/// Says something at the debugger's prompt and waits until it asks again.
fn say(terminal: &mut Terminal, command: &str, shows: &str) {
    terminal.enter(command);
    terminal.wait_for(shows);
    terminal.wait_for_row("debug> |");
}

#[test]
fn a_script_is_stepped_through_and_nothing_happens_without_a_yes() {
    let site = site();
    let mut terminal = Opening::beckon(site.path(), &["run", "greet", "--debug"]).env("NO_COLOR", "1").sized(40, 80).start();
    terminal.wait_for("stopped at the first statement");
    terminal.wait_for_row("debug> |");
    insta::assert_snapshot!(terminal.screen(), @r#"
    stopped at the first statement; `help` lists the commands
    scripts/greet.rhai:2:1, in the script
       1 //! Greets.
    -> 2 import "lib" as lib;
       3
       4 let names = ["ana", "ben"];
    debug>
    "#);
    say(&mut terminal, "break shout if name == \"ben\"", "breakpoint 1 at shout() if name == \"ben\"");
    say(&mut terminal, "c", "ANA!");
    terminal.wait_for("scripts/lib.rhai:2:5, in function shout");
    say(&mut terminal, "where", "called from the script, at scripts/greet.rhai:6:16");
    say(&mut terminal, "n", "-> 3     loud + \"!\"");
    say(&mut terminal, "locals", "loud = \"BEN\"");
    say(&mut terminal, "print names", "there is no variable \"names\"");
    say(&mut terminal, "f", "the function ends with \"BEN!\"");
    say(&mut terminal, "b greet:8", "breakpoint 2 at greet:8");
    say(&mut terminal, "c", "->  8 notify.mail(");
    say(&mut terminal, "plan", "nothing has been asked for yet");
    say(&mut terminal, "nonsense", "there is no command \"nonsense\"");
    terminal.enter("c");
    terminal.wait_for("Go ahead");
    terminal.enter("n");
    terminal.wait_for("not confirmed: nothing was changed, nothing was sent");
    assert_eq!(terminal.end().code(), Some(4));
}

#[test]
fn ctrl_c_ends_the_script() {
    let site = site();
    let mut terminal = Opening::beckon(site.path(), &["run", "greet", "--debug"]).sized(30, 40).start();
    terminal.wait_for("debug> ");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_for("nothing was changed");
    assert_eq!(terminal.end().code(), Some(130));
}

#[test]
fn nobody_steps_where_there_is_no_terminal() {
    let site = site();
    let run = Command::new(program()).arg("--site").arg(site.path()).args(["run", "greet", "--debug"]).output().expect("it runs");
    assert_eq!(run.status.code(), Some(4));
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.contains("the debugger needs a terminal"), "{said}");
    assert!(run.stdout.is_empty());
}

#[test]
fn a_line_of_the_prompt_is_stepped_through_and_the_prompt_goes_on() {
    let site = site();
    let mut terminal = Opening::beckon(site.path(), &["repl"]).env("NO_COLOR", "1").sized(40, 80).start();
    terminal.wait_until("show its prompt", |terminal| terminal.cursor_row().ends_with("> |"));
    let line = |terminal: &mut Terminal, text: &str, shows: &str| {
        terminal.enter(text);
        terminal.wait_for(shows);
        terminal.wait_until("show its prompt", |terminal| terminal.cursor_row().ends_with("> |"));
    };
    line(&mut terminal, "fn twice(n) { n * 2 }", "twice");
    line(&mut terminal, "let seen = 3;", "seen");
    terminal.enter(":debug twice(seen)");
    terminal.wait_for_row("debug> |");
    say(&mut terminal, "locals", "seen = 3");
    say(&mut terminal, "s", "in function twice");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_for("cancelled");
    terminal.wait_until("show its prompt", |terminal| {
        !terminal.cursor_row().contains("debug") && terminal.cursor_row().ends_with("> |")
    });
    line(&mut terminal, "twice(seen) + 1", "\n7");
    terminal.enter(":debug twice(seen) + 100");
    terminal.wait_for_row("debug> |");
    terminal.enter("c");
    terminal.wait_for("\n106");
}
