//! Scripts with a debugger beside them that says what it was told to say.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::*;
use crate::script::testing::{Trial, trial};

/// Carries out commands, one after the other, and writes down every stop. When it has none left it lets
/// the script go on.
struct Scripted {
    commands: Mutex<VecDeque<String>>,
    breaks_in: AtomicBool,
    told: Arc<Mutex<Vec<String>>>,
}

impl Debugger for Scripted {
    fn stopped(&self, script: &mut dyn Standing) -> Go {
        let why = match script.event() {
            Event::Start => "start".to_owned(),
            Event::Step => "step".to_owned(),
            Event::BrokenInto => "broken into".to_owned(),
            Event::Breakpoint { number, trouble } => {
                format!("breakpoint {number}{}", trouble.clone().map(|t| format!(" ({t})")).unwrap_or_default())
            }
            Event::Returns(value) => format!("returns {value}"),
            Event::Error(message) => format!("error {message}"),
        };
        let mut told = self.told.lock().unwrap();
        let place = script.place();
        told.push(format!("{}:{} {why}", place.source.rsplit('/').next().unwrap_or_default(), place.line));
        loop {
            let command = self.commands.lock().unwrap().pop_front().unwrap_or_else(|| "c".to_owned());
            let (name, rest) = command.split_once(' ').unwrap_or((&command, ""));
            match name {
                "s" => return Go::Into,
                "n" => return Go::Over,
                "f" => return Go::Out,
                "c" => return Go::On,
                "q" => return Go::Quit,
                // Goes on, and is broken into.
                "i" => {
                    self.breaks_in.store(true, Ordering::Relaxed);
                    return Go::On;
                }
                "b" => {
                    let here = script.place().source.clone();
                    let (spot, condition) = rest.split_once(" if ").map_or((rest, None), |(s, c)| (s, Some(c.to_owned())));
                    script.breakpoints().add(Spot::parse(spot, &here).unwrap(), condition);
                }
                "clear" => assert!(script.breakpoints().clear(rest.parse().unwrap())),
                "p" => told.push(match script.evaluate(rest) {
                    Ok(Shown::Text(text)) => format!("  {text}"),
                    Ok(Shown::Nothing) => "  nothing".to_owned(),
                    Ok(Shown::Table(table)) => format!("  {} rows", table.total),
                    Ok(other) => format!("  {other:?}"),
                    Err(error) => format!("  {} {}:{}:{}: {}", error.code, error.source, error.line, error.column, error.message),
                }),
                "l" => told.extend(script.variables().iter().map(|v| format!("  {} = {}", v.name, v.value))),
                "w" => told.extend(script.calls().iter().map(|c| format!("  {}, {}:{}", c.what, c.at.source, c.at.line))),
                "plan" => told.extend(script.asked().iter().map(|a| format!("  {}", a.lines().next().unwrap_or_default()))),
                other => panic!("{other}"),
            }
        }
    }

    fn breaks_in(&self) -> bool {
        self.breaks_in.swap(false, Ordering::Relaxed)
    }
}

/// Runs a script and answers the stops, and what was printed for each command.
fn debugged(text: &str, commands: &[&str]) -> String {
    let (told, result) = debugged_trial(trial(text), commands);
    match result {
        Ok(_) => told,
        Err(error) => format!("{told}\nended: {}", error.message),
    }
}

fn debugged_trial(trial: Trial, commands: &[&str]) -> (String, Result<crate::script::RunOutput, ScriptError>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let commands = Mutex::new(commands.iter().map(|c| (*c).to_owned()).collect());
    let debugger = Arc::new(Scripted { commands, breaks_in: AtomicBool::new(false), told: Arc::clone(&told) });
    let result = trial.with(|input| input.turn.debugger = Some(debugger)).run();
    let told = told.lock().unwrap().join("\n");
    (told, result)
}

const CALLS: &str = "\
fn double(n) {
    let twice = n * 2;
    twice
}

let total = 0;
for n in 1..3 {
    total += double(n);
}
total
";

#[test]
fn it_steps_into_over_and_out_of_functions() {
    insta::assert_snapshot!(debugged(CALLS, &["s", "s", "s", "l", "s", "f", "n", "n", "n"]), @r#"
    test.rhai:6 start
    test.rhai:7 step
    test.rhai:8 step
    test.rhai:2 step
      n = 1
    test.rhai:3 step
    test.rhai:4 returns 2
    test.rhai:8 step
    test.rhai:10 step
    "#);
}

#[test]
fn whoever_breaks_in_stops_it_at_the_next_statement() {
    insta::assert_snapshot!(debugged(CALLS, &["s", "i", "n", "i"]), @r#"
    test.rhai:6 start
    test.rhai:7 step
    test.rhai:8 broken into
    test.rhai:8 step
    test.rhai:2 broken into
    "#);
}

#[test]
fn a_breakpoint_stops_at_a_line_or_function_where_its_condition_holds() {
    insta::assert_snapshot!(debugged(CALLS, &["b 3", "b double if n == 2", "c", "c", "w", "l", "c"]), @r#"
    test.rhai:6 start
    test.rhai:3 breakpoint 1
    test.rhai:2 breakpoint 2
      function double, scripts/test.rhai:2
      the script, scripts/test.rhai:8
      n = 2
    test.rhai:3 breakpoint 1
    "#);
}

#[test]
fn a_line_without_a_statement_stands_for_the_next() {
    insta::assert_snapshot!(debugged("let a = 1;\n\n// words\nlet b = [\n  1,\n];\nb", &["b 2", "c"]), @r#"
    test.rhai:1 start
    test.rhai:4 breakpoint 1
    "#);
}

#[test]
fn what_is_asked_of_a_stopped_script_leaves_nothing_behind() {
    let text = "let names = [\"a\"];\nlet get = || names.len();\ninvite.plan(users, \"everyone\").send();\nget.call()";
    let commands = [
        "n",
        "n",
        "p names.push(\"b\")",
        "p names.len()",
        "n",
        "plan",
        "p invite.plan(users, \"everyone\").count",
        "p notify.mail(\"x@y.example\", \"welcome\", #{})",
        "plan",
        "p users.where(|u| u.username == names[0]).count()",
        "p nams",
        "p names.lem()",
        "p 1 +",
        "p loop {}",
        "l",
    ];
    let (told, result) = debugged_trial(trial(text), &commands);
    insta::assert_snapshot!(told, @r#"
    test.rhai:1 start
    test.rhai:2 step
    test.rhai:3 step
      nothing
      1
    test.rhai:4 step
      Invite 5 users to managed distribution (Sunnyside School)
      2
      nothing
      Invite 5 users to managed distribution (Sunnyside School)
      0
      unknown_variable expression:1:1: there is no variable "nams"
      unknown_function expression:1:7: an array has no function `lem`
      syntax expression:1:4: the script ends in the middle of something
      syntax expression:1:1: "loop" is not expected here
      names = ["a"]
      get = a closure
    "#);
    let output = result.unwrap();
    assert_eq!(output.value.as_deref(), Some("1"));
    assert_eq!(output.asked.len(), 1);
}

#[test]
fn closures_and_modules_are_stepped_through_with_their_own_text() {
    let text = "import \"test_greetings\" as g;\nlet names = [\"Ana\", \"Ben\"].map(|n| {\n    g::hello(n)\n});\nnames";
    insta::assert_snapshot!(debugged(text, &["b 3", "c", "w", "s", "w", "l", "f", "c", "c"]), @r#"
    test.rhai:1 start
    test.rhai:3 breakpoint 1
      a closure, scripts/test.rhai:3
      the script, scripts/test.rhai:2
    test_greetings.rhai:2 step
      function hello, stdlib/test_greetings.rhai:2
      a closure, scripts/test.rhai:3
      the script, scripts/test.rhai:2
      name = "Ana"
    test_greetings.rhai:2 returns "hello Ana"
    test.rhai:3 breakpoint 1
    "#);
}

#[test]
fn a_closure_that_is_asked_late_stops_where_it_stands() {
    let text =
        "fn odd(u) {\n    u.username.len() % 2 == 1\n}\nlet some = users\n    .where(|u| odd(u));\nlet n = 1;\nsome.count()";
    insta::assert_snapshot!(debugged(text, &["b odd", "c", "w", "clear 1", "f", "w", "l", "c"]), @r#"
    test.rhai:4 start
    test.rhai:2 breakpoint 1
      function odd, scripts/test.rhai:2
      a closure, scripts/test.rhai:5
      the script, scripts/test.rhai:7
    test.rhai:3 returns true
      function odd, scripts/test.rhai:3
      a closure, scripts/test.rhai:5
      the script, scripts/test.rhai:7
      u = Ana Ruiz (ana)
    "#);
}

#[test]
fn an_error_stops_where_it_arose_and_once() {
    let text = "fn a() {\n    let x = 1;\n    throw `no ${x}`;\n}\nfn b() { a() }\ntry { b(); } catch (e) { print(e); }\nb();";
    insta::assert_snapshot!(debugged(text, &["c", "l", "w", "c"]), @r#"
    test.rhai:6 start
    test.rhai:3 error no 1
      function a, scripts/test.rhai:3
      function b, scripts/test.rhai:5
      the script, scripts/test.rhai:6
    test.rhai:3 error no 1
    ended: no 1
    "#);
}

#[test]
fn quitting_cancels_the_run() {
    let (told, result) = debugged_trial(trial("try { users.count(); } catch { }\nloop {}"), &["n", "q"]);
    insta::assert_snapshot!(told, @r#"
    test.rhai:1 start
    test.rhai:1 step
    "#);
    assert_eq!(result.unwrap_err().kind, crate::script::ErrorKind::Cancelled);
}

#[test]
fn a_call_of_the_api_is_stopped_at() {
    let text = "let plan = invite.plan(users, \"everyone\");\nplan.send();";
    insta::assert_snapshot!(debugged(text, &["b send", "c", "plan", "c"]), @r#"
    test.rhai:1 start
    test.rhai:2 breakpoint 1
    "#);
}

#[test]
fn values_are_short_and_no_selection_is_read() {
    let text = "let all = users;\nlet text = \"x\"; text.pad(500, \"y\");\nlet many = []; many.pad(20, \"a\");\nlet map = #{ a: 1, b: [1, [2, [3, [4]]]] };\nlet plan = invite.plan(users, \"everyone\");\nlet ana = users.find(\"ana\");\nlet f = |x| x;\nlet nothing = ();\nlet when = days(3);\nlet end = 1;";
    insta::assert_snapshot!(debugged(text, &["b 10", "c", "l"]), @r#"
    test.rhai:1 start
    test.rhai:10 breakpoint 1
      all = a selection of users
      text = "xyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy…"
      many = ["a", "a", "a", "a", "a", …] (20 items)
      map = #{a: 1, b: [1, [2, […, …]]]}
      plan = Invite 5 users to managed distribution (Sunnyside School)
      ana = Ana Ruiz (ana)
      f = a closure
      nothing = ()
      when = 3 days
    "#);
}

#[test]
fn looking_costs_no_limit() {
    let trial = trial("let n = 0;\nfor i in 0..100 { n += i; }\nn").with(|input| input.limits.operations = 2_000);
    let many = vec!["p users.map(|u| u.username).len()"; 300];
    let (_, result) = debugged_trial(trial, &many);
    assert_eq!(result.unwrap().value.as_deref(), Some("4950"));
}

#[test]
fn an_error_outside_of_all_functions_is_looked_at_before_the_script_is_gone() {
    let text = "fn twice(n) { n * 2 }\nlet name = \"Grade5\";\nlet group = groups[name];\nprint(group);";
    insta::assert_snapshot!(debugged(text, &["c", "l", "p twice(4)", "p groups.names()[0]", "w", "q"]), @r#"
    test.rhai:2 start
    test.rhai:3 error no group is called "Grade5"
      name = "Grade5"
      8
      Grade 5
      the script, scripts/test.rhai:3
    ended: no group is called "Grade5"
    "#);
}
