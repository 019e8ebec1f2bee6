//! Scripts that would run away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::script::testing::{School, host, trial, trial_in};
use crate::script::{ErrorKind, Stop};

/// The code of the error that a script ends with under small limits.
fn ends_with(script: &str, expect: &str) {
    let run = trial(script).with(|input| {
        input.limits.operations = 3_000_000;
        input.limits.memory_bytes = 32 * 1024 * 1024;
    });
    let error = run.run().expect_err(script);
    assert_eq!(error.code, expect, "{script}: {error}");
    assert_eq!(error.kind, ErrorKind::Limit, "{script}");
    assert!(error.hint.is_some(), "{script}: {error}");
}

#[test]
fn loops_without_end() {
    ends_with("loop {}", "limit_operations");
    ends_with("while true { let x = 1; }", "limit_operations");
    ends_with("for i in 0..9_000_000_000 { let x = i; }", "limit_operations");
    ends_with("users.map(|u| { loop {} })", "limit_operations");
    ends_with("users.where(|u| { loop {} }).count()", "limit_operations");
    ends_with("for u in users.where(|u| { loop {} }) { }", "limit_operations");
    ends_with("let a = [1, 2, 3]; loop { a.map(|x| x + 1); }", "limit_operations");
    ends_with("try { loop {} } catch { }", "limit_operations");
}

#[test]
fn recursion_without_end() {
    ends_with("fn f(x) { f(x + 1) } f(1)", "limit_call_levels");
    ends_with("fn f(x) { users.map(|u| f(x + 1)) } f(1)", "limit_call_levels");
    ends_with("let f = |f| f.call(f); f.call(f)", "limit_call_levels");
}

#[test]
fn values_without_end() {
    ends_with("let s = \"x\"; loop { s += s; }", "limit_string");
    ends_with("let s = \"x\"; s.pad(9_000_000, \"y\")", "limit_string");
    ends_with("let a = []; loop { a += [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] + a; }", "limit_array");
    ends_with("let a = []; a.pad(9_000_000, 0);", "limit_array");
    ends_with("let m = #{}; loop { m = #{ a: m, b: m }; }", "limit_map");
    ends_with("let m = #{}; let i = 0; loop { m[`k${i}`] = #{ a: 1, b: 2, c: 3, d: 4 }; i += 1; }", "limit_memory");
    ends_with("let f = |x| x; loop { f = f.curry(f); }", "limit_memory");
    ends_with("let f = || 0; loop { let g = f; f = || g; }", "limit_memory");
    ends_with("let a = []; for i in 0..100 { let s = \"x\"; s.pad(900_000, \"y\"); let f = || s; a.push(f); }", "limit_memory");
    ends_with(
        "let a = []; for i in 0..4_000 { a.push(`${i} ${a.len()} and some more text that takes its own memory, and more of it`); } let b = []; for i in 0..2_000 { let c = a; b.push(|| c); }",
        "limit_memory",
    );
}

#[test]
fn much_made_of_little_in_one_call() {
    ends_with("let s = \"a\"; s.pad(4_000_000, \"a\"); let big = s; s.replace(\"a\", big);", "limit_string");
    ends_with("let s = \"a\"; s.pad(4_000_000, \"a\"); let big = s; s.replace('a', big);", "limit_string");
    ends_with("let s = \"x\"; s.pad(9_000_000, \"yz\")", "limit_string");
    ends_with("let s = \"x\"; s.pad(8_000_000, \"€\")", "limit_string");
    ends_with(
        "let a = []; a.pad(10_000, 7); let f = |x, y| y; let g = f.curry(a); let b = []; b.pad(50_000, g);",
        "limit_memory",
    );
    let made = "let s = \"a-b\"; s.replace(\"-\", \" to \"); s.pad(9, \"\"); s.pad(9, \".:\"); s.replace('b', 'c'); \
                s.replace('t', \"tt\"); let a = [1]; a.pad(3, 2); a.pad(-1, 5); `${s} ${a}`";
    assert_eq!(trial(made).output(), "a tto c.:. [1, 2, 2]");
}

#[test]
fn printing_without_end() {
    ends_with("let s = \"x\"; s.pad(100_000, \"y\"); loop { print(s); }", "limit_output");
    ends_with("let s = \"x\"; s.pad(900_000, \"y\"); for i in 0..5 { print(s); }", "limit_output");
}

#[test]
fn steps_and_asks_without_end() {
    assert_eq!(trial("let s = users; loop { s = s + s; }").run().unwrap_err().code, "too_many_steps");
    assert_eq!(trial("let s = users; loop { s = s.limit(5); }").run().unwrap_err().code, "too_many_steps");
    assert_eq!(trial("let s = users; loop { s = s.where(|u| true); }").run().unwrap_err().code, "too_many_steps");
    assert_eq!(trial("loop { notify.mail(\"it@x.example\", \"welcome\"); }").run().unwrap_err().code, "too_many_asks");
    assert_eq!(trial("loop { run.log(\"x\"); }").run().unwrap_err().code, "too_many_lines");
}

#[test]
fn a_limit_can_t_be_caught() {
    let error = trial("try { let s = \"x\"; loop { s += s; } } catch { } \"survived\"").run().unwrap_err();
    assert_eq!(error.code, "limit_string");
}

#[test]
fn messages_name_the_setting_that_raises_the_limit() {
    let with = |script: &str| {
        let run = trial(script).with(|input| {
            input.limits.operations = 10_000;
            input.limits.memory_bytes = 64_000_000;
        });
        run.error()
    };
    insta::assert_snapshot!(with("loop {\n}"), @r#"
    error: the script needed more than 10,000 operations
      --> scripts/test.rhai:1:6
       |
     1 | loop {
       |      ^
    hint: is there a loop without end? `limits.script.operations` in site.toml raises the limit
    "#);
    insta::assert_snapshot!(with("let f = |x| x; loop { f = f.curry(f); }"), @r#"
    error: the script's values took more than 64 MB of memory
      --> scripts/test.rhai:1:27
       |
     1 | let f = |x| x; loop { f = f.curry(f); }
       |                           ^
    hint: `limits.script.memory` in site.toml raises the limit
    "#);
    insta::assert_snapshot!(with("let s = \"x\"; loop { s += s; }"), @r#"
    error: a text, or the texts of an array together, grew longer than 8,000,000 bytes
      --> scripts/test.rhai:1:23
       |
     1 | let s = "x"; loop { s += s; }
       |                       ^
    hint: this limit is fixed
    "#);
}

#[test]
fn a_run_can_be_stopped_at_any_instruction() {
    let asked = Arc::new(AtomicU64::new(0));
    let counter = asked.clone();
    let stop = move |why| {
        let counter = counter.clone();
        Arc::new(move || (counter.fetch_add(1, Ordering::Relaxed) >= 10).then_some(why))
            as Arc<dyn Fn() -> Option<Stop> + Send + Sync>
    };
    let cancelled = trial("loop {}").with(|input| input.turn.stop = stop(Stop::Cancelled)).run().unwrap_err();
    assert_eq!((cancelled.kind, cancelled.code.as_str()), (ErrorKind::Cancelled, "cancelled"));
    let late =
        trial("users.where(|u| { loop {} }).count()").with(|input| input.turn.stop = stop(Stop::OutOfTime)).run().unwrap_err();
    assert_eq!(late.kind, ErrorKind::Limit);
    assert!(late.render(false).contains("limits.script.seconds"));
    assert!(asked.load(Ordering::Relaxed) >= 11);
}

#[test]
fn a_closure_over_too_many_rows_is_refused_where_it_stands() {
    let school = School::large(200_001);
    let script = "fn odd(u) { u.id % 2 == 1 }\nlet some = users\n    .where(|u| odd(u));\nprint(some.count());";
    let error = trial_in(school, script).run().unwrap_err();
    assert_eq!((error.code.as_str(), error.line), ("too_many_rows", 3));
    assert!(error.message.contains("200001 rows are too many to ask one by one (at most 200000)"), "{error}");
    // The closure, or the very part of it that no query can answer.
    let from = error.source_line.chars().skip(error.column as usize - 1);
    assert!(from.take(error.length as usize).collect::<String>().contains("odd"), "{error}");
}

#[test]
fn an_array_of_too_many_rows_is_refused() {
    insta::assert_snapshot!(trial_in(School::large(50_001), "users.pluck(\"mail\")").error(), @r#"
    error: the selection has 50001 rows, and an array holds at most 50000
      --> scripts/test.rhai:1:7
       |
     1 | users.pluck("mail")
       |       ^^^^^
    hint: use `limit(n)`, or a `for` loop over the selection, which reads it in pieces
    "#);
    let count = "let n = 0; for u in users { n += 1; } n";
    assert_eq!(trial_in(School::large(50_001), count).output(), "50001");
}

#[test]
fn deep_and_long_texts_do_not_overflow_the_parser() {
    let many = |open: &str, close: &str, n: usize| format!("let x = {}1{};", open.repeat(n), close.repeat(n));
    for text in [
        many("(", ")", 50_000),
        many("[", "]", 50_000),
        many("{", "}", 50_000),
        many("#{a:", "}", 50_000),
        many("!", "", 50_000),
        many("-", "", 50_000),
        many("1+", "", 50_000),
        many("if true {", "}", 20_000),
        many("|x| ", "", 50_000),
        format!("let x = 1{};", " + 1".repeat(100_000)),
        format!("let x = a{};", ".b".repeat(100_000)),
        format!("let x = users{};", ".limit(1)".repeat(50_000)),
        format!("let x = true{};", " && true".repeat(100_000)),
        "`${".repeat(20_000),
        "/*".repeat(100_000),
        "x".repeat(900_000),
        "\n".repeat(900_000),
        format!("{}let", "\n".repeat(70_000)),
        format!("{}let", " ".repeat(70_000)),
    ] {
        let errors = host().check("deep", &text);
        for error in errors {
            assert!(error.render(true).len() < 10_000);
        }
        let _ = trial(&text).run();
    }
    let long = "x".repeat(1_000_001);
    assert_eq!(host().check("long", &long)[0].code, "limit_source");
}

#[test]
fn a_long_chain_of_functions_is_checked() {
    let nested = |n: usize| format!("fn f{n}() {{ {}f{}(){} }}\n", "[".repeat(17), n + 1, "]".repeat(17));
    let text: String = (0..900).map(nested).collect();
    assert_eq!(host().check("scripts/x.rhai", &format!("{text}fn f900() {{ 1 }}\nf0()")), []);
}
