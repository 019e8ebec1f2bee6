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
fn ctrl_c_at_the_debugger_clears_its_line_and_ctrl_d_ends_the_script() {
    let site = site();
    let mut terminal = Opening::beckon(site.path(), &["run", "greet", "--debug"]).sized(30, 40).start();
    terminal.wait_for("debug> ");
    terminal.type_text("cont");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_for("Ctrl-D ends the script");
    terminal.wait_for_row("debug> |");
    terminal.press(Key::Ctrl('d'));
    terminal.wait_for("nothing was changed");
    assert_eq!(terminal.end().code(), Some(130));
}

/// Runs on for ever once it is let go.
const ENDLESS: &str = "let n = 0;\nloop {\n    n += 1;\n    if n == 100 { print(\"ready\"); }\n}\n";

#[test]
fn ctrl_c_breaks_into_a_script_that_runs_on() {
    let site = site();
    std::fs::write(site.path().join("scripts/endless.rhai"), ENDLESS).expect("a script can be written");
    let mut terminal = Opening::beckon(site.path(), &["run", "endless", "--debug"]).env("NO_COLOR", "1").sized(40, 80).start();
    terminal.wait_for_row("debug> |");
    terminal.enter("c");
    terminal.wait_for("ready");
    for _ in 0..2 {
        terminal.wait_for_row("|");
        terminal.press(Key::Ctrl('c'));
        terminal.wait_for_row("debug> |");
        say(&mut terminal, "p n >= 100", "true");
        terminal.press(Key::Ctrl('l'));
        terminal.wait_until("clear its screen", |terminal| terminal.screen() == "debug>");
        terminal.enter("c");
        terminal.wait_for("debug> c");
    }
    terminal.wait_for_row("|");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_for("stopped by Ctrl-C; `continue` goes on");
    terminal.wait_for_row("debug> |");
    say(&mut terminal, "where", "the script, at scripts/endless.rhai:");
    terminal.enter("q");
    terminal.wait_for("stopped; nothing was changed");
    assert_eq!(terminal.end().code(), Some(130));
}

#[test]
fn a_second_ctrl_c_ends_a_script_that_comes_to_no_statement() {
    let site = site();
    std::fs::write(site.path().join("scripts/stuck.rhai"), "print(\"ready\");\nloop { }\n").expect("a script can be written");
    let settings = std::fs::read_to_string(site.path().join("site.toml")).expect("a site has settings");
    let patient = settings.replace("[limits]", "[limits]\nscript = { operations = 1_000_000_000_000 }");
    std::fs::write(site.path().join("site.toml"), patient).expect("settings can be written");
    let mut terminal = Opening::beckon(site.path(), &["run", "stuck", "--debug"]).env("NO_COLOR", "1").start();
    terminal.wait_for_row("debug> |");
    terminal.enter("c");
    // Not the word in the script's text: until it is printed, the debugger still reads keys.
    terminal.wait_for("\nready");
    // The statement that is the loop itself may come just now: then it stops there, and is let go again. Two that
    // come at once may be heard as one, so it is pressed until it is heard.
    let is_over = |terminal: &Terminal| terminal.screen().contains("stopped; nothing was changed");
    while !is_over(&terminal) {
        terminal.press(Key::Ctrl('c'));
        terminal.look_again();
        if terminal.cursor_row() == "debug> |" {
            terminal.enter("c");
            terminal.wait_until("go on", |terminal| terminal.cursor_row() != "debug> |");
        }
    }
    assert_eq!(terminal.end().code(), Some(130));
}

#[test]
fn at_the_prompt_ctrl_c_breaks_in_too_and_the_prompt_goes_on() {
    let site = site();
    let mut terminal = prompt::prompt(&site, &[]);
    terminal.enter("let n = 5;");
    terminal.enter(":debug loop {");
    terminal.enter("  n += 1;");
    terminal.enter("}");
    terminal.wait_for_row("debug> |");
    terminal.enter("c");
    terminal.wait_for_row("|");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_for("stopped by Ctrl-C");
    terminal.wait_for_row("debug> |");
    say(&mut terminal, "print n > 5", "true");
    terminal.press(Key::Up);
    terminal.wait_for_row("debug> print n > 5|");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_for_row("debug> |");
    terminal.press(Key::Ctrl('d'));
    terminal.wait_for("cancelled");
    terminal.wait_for_row("Sunnyside School> |");
    terminal.press(Key::Up);
    terminal.wait_until("show the line from its memory", |terminal| terminal.cursor_row().starts_with("}|"));
    terminal.press(Key::Ctrl('c'));
    terminal.enter("n + 100");
    terminal.wait_for("\n105");
    // Without a debugger the same key ends a line.
    terminal.enter("print(\"ready\"); loop { }");
    terminal.wait_for("\nready");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_until("end the line", |terminal| terminal.screen().matches("cancelled").count() == 2);
}

#[test]
fn commands_typed_at_once_are_heard_by_the_debugger_and_the_rest_by_the_prompt() {
    let site = site();
    let mut terminal = prompt::prompt(&site, &[]);
    terminal.type_text("fn twice(n) { n * 2 }\r:debug twice(3) + 100\rs\rlocals\rc\r\"after\"\r");
    terminal.wait_for("n = 3");
    terminal.wait_for("\n106");
    terminal.wait_for("\nafter");
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
    terminal.press(Key::Ctrl('d'));
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
