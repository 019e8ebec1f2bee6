//! Each kind of error, however the script came to it: it stands where it arose, and says how that was reached.

use std::fmt::Write as _;

use crate::script::ScriptError;
use crate::script::testing::trial;

/// What goes wrong, as a statement; the code it has, and what the caret underlines.
const KINDS: &[(&str, &str, &str)] = &[
    ("groups[\"Grade5\"].members", "unknown_group", "\"Grade5\""),
    ("users.find(\"nobody\")", "unknown_user", "\"nobody\""),
    ("site.nmae", "unknown_field", "nmae"),
    ("dayz(3)", "unknown_function", "dayz"),
    ("now() + 5", "wrong_type", "+"),
    ("throw \"no\"", "thrown", "throw"),
    ("throw #{ code: \"mine\", message: \"no\" }", "mine", "throw"),
    ("5 / [0][0]", "arithmetic", "/"),
    ("[1].shift().foo", "unknown_field", "foo"),
    ("let m = #{ a: 1 }; m.b", "unknown_key", "b"),
    ("invite.plan(users, \"evrybody\")", "unknown_choice", "\"evrybody\""),
    ("notify.mail(users, \"report\", #{})", "wrong_data", "\"report\""),
    ("notify.mail(users, \"reprot\")", "unknown_template", "\"reprot\""),
    ("run.param(\"whom\", #{ help: \"x\" })", "missing_parameter", "\"whom\""),
    ("run.param(\"most\", 1, #{ max: 5 })", "wrong_parameter", "\"most\""),
];

/// A script around it, the module that it imports, where the error then stands, and the calls.
const WAYS: &[(&str, &str, &str, &str, &[&str])] = &[
    ("direct", "let x = 1;\n{};", "", "scripts/test.rhai:2", &[]),
    ("function", "fn f() {\n    {}\n}\nf();", "", "scripts/test.rhai:2", &["function f, scripts/test.rhai:4:1"]),
    (
        "function in a function",
        "fn f() {\n    {}\n}\nfn g() { f() }\ng();",
        "",
        "scripts/test.rhai:2",
        &["function f, scripts/test.rhai:4:10", "function g, scripts/test.rhai:5:1"],
    ),
    ("closure", "let f = || {\n    {}\n};\nf.call();", "", "scripts/test.rhai:2", &[]),
    (
        "closure of a library function",
        "[1].map(|x| {\n    {}\n});",
        "",
        "scripts/test.rhai:2",
        &["function map, scripts/test.rhai:1:5"],
    ),
    (
        "closure asked late",
        "let late = users.where(|u| {\n    let x = 1;\n    {};\n    true\n});\nlet n = 1;\nlate.count();",
        "",
        "scripts/test.rhai:3",
        &[],
    ),
    (
        "closure asked late by a function",
        "fn many(s) { s.count() }\nlet late = users.where(|u| {\n    let x = 1;\n    {};\n    true\n});\nmany(late);",
        "",
        "scripts/test.rhai:4",
        &["function many, scripts/test.rhai:7:1"],
    ),
    ("import", "import \"m\" as m;", "let x = 1;\n{};", "scripts/m.rhai:2", &["module scripts/m.rhai, scripts/test.rhai:1:8"]),
    (
        "function of a module",
        "import \"m\" as m;\nm::f();",
        "fn f() {\n    {}\n}",
        "scripts/m.rhai:2",
        &["function f, scripts/test.rhai:2:4"],
    ),
    (
        "closure given to a module",
        "import \"m\" as m;\nm::each(|x| {\n    {}\n});",
        "fn each(f) {\n    f.call(1)\n}",
        "scripts/test.rhai:3",
        &["function each, scripts/test.rhai:2:4"],
    ),
    (
        "closure of a module asked late",
        "import \"m\" as m;\nlet s = m::late();\ns.count();",
        "fn late() {\n    users.where(|u| {\n        let x = 1;\n        {};\n        true\n    })\n}",
        "scripts/m.rhai:4",
        &[],
    ),
];

#[test]
fn every_error_stands_where_it_arose_whatever_led_there() {
    let mut wrong = String::new();
    for (kind, code, caret) in KINDS {
        for (way, script, module, place, calls) in WAYS {
            let error = fail(&script.replace("{}", kind), &module.replace("{}", kind), kind);
            let Some(error) = error else {
                let _ = writeln!(wrong, "{kind} / {way}: no error");
                continue;
            };
            let at = format!("{}:{}", error.source, error.line);
            let underlined: String =
                error.source_line.chars().skip(error.column as usize - 1).take(error.length as usize).collect();
            let trace: Vec<String> =
                error.trace.iter().map(|f| format!("{}, {}:{}:{}", f.what, f.source, f.line, f.column)).collect();
            if (error.code.as_str(), at.as_str(), underlined.as_str(), trace.as_slice())
                != (*code, *place, *caret, calls.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>().as_slice())
            {
                let _ = writeln!(wrong, "{kind} / {way}: {} at {at} {underlined:?} {trace:?}", error.code);
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The error of a script with a module `m` beside it.
fn fail(script: &str, module: &str, kind: &str) -> Option<ScriptError> {
    let folder = tempfile::tempdir().unwrap();
    let scripts = folder.path().join("scripts");
    std::fs::create_dir(&scripts).unwrap();
    std::fs::write(scripts.join("m.rhai"), module).unwrap();
    let given: &[(&str, &str)] = if kind.contains("most") { &[("most", "9")] } else { &[] };
    let trial = trial(script).given(given).with(|input| {
        input.script.folder = Some(scripts);
        input.limits.operations = 2_000_000;
    });
    trial.run().err()
}

/// What comes to a limit, as a statement.
const LIMITS: &[&str] = &["let s = \"x\"; loop { s += s; }", "let a = [0]; loop { a += a; }", "loop {}"];

/// The engine moves the place of a limit outwards with each call. It is never said to be where it is not: it stands
/// where it arose, or at a call, in which or in whose calls it did.
#[test]
fn a_limit_stands_where_it_arose_or_at_the_call_that_led_there() {
    let mut told = String::new();
    for kind in LIMITS {
        let _ = writeln!(told, "{kind}");
        for (way, script, module, ..) in WAYS {
            let Some(error) = fail(&script.replace("{}", kind), &module.replace("{}", kind), kind) else {
                let _ = writeln!(told, "    {way}: no error");
                continue;
            };
            let underlined: String =
                error.source_line.chars().skip(error.column as usize - 1).take(error.length as usize).collect();
            let within = error.message.split_once(", in ").map_or("", |(_, within)| within);
            let trace: Vec<String> = error.trace.iter().map(|f| format!(", {} {}:{}", f.what, f.source, f.line)).collect();
            let _ = writeln!(told, "    {way}: {}:{} {underlined} {within}{}", error.source, error.line, trace.concat());
        }
    }
    insta::assert_snapshot!(told, @r#"
    let s = "x"; loop { s += s; }
        direct: scripts/test.rhai:2 + 
        function: scripts/test.rhai:2 s , function f scripts/test.rhai:4
        function in a function: scripts/test.rhai:2 s , function f scripts/test.rhai:4, function g scripts/test.rhai:5
        closure: scripts/test.rhai:2 s 
        closure of a library function: scripts/test.rhai:2 s 
        closure asked late: scripts/test.rhai:3 s 
        closure asked late by a function: scripts/test.rhai:4 s , function many scripts/test.rhai:7
        import: scripts/m.rhai:2 + , module scripts/m.rhai scripts/test.rhai:1
        function of a module: scripts/m.rhai:2 s , function f scripts/test.rhai:2
        closure given to a module: scripts/test.rhai:3 s , function each scripts/test.rhai:2
        closure of a module asked late: scripts/m.rhai:4 s 
    let a = [0]; loop { a += a; }
        direct: scripts/test.rhai:2 + 
        function: scripts/test.rhai:2 a , function f scripts/test.rhai:4
        function in a function: scripts/test.rhai:2 a , function f scripts/test.rhai:4, function g scripts/test.rhai:5
        closure: scripts/test.rhai:2 a 
        closure of a library function: scripts/test.rhai:2 a 
        closure asked late: scripts/test.rhai:3 a 
        closure asked late by a function: scripts/test.rhai:4 a , function many scripts/test.rhai:7
        import: scripts/m.rhai:2 + , module scripts/m.rhai scripts/test.rhai:1
        function of a module: scripts/m.rhai:2 a , function f scripts/test.rhai:2
        closure given to a module: scripts/test.rhai:3 a , function each scripts/test.rhai:2
        closure of a module asked late: scripts/m.rhai:4 a 
    loop {}
        direct: scripts/test.rhai:2 { 
        function: scripts/test.rhai:4 f `f` or in what it calls
        function in a function: scripts/test.rhai:5 g `g` or in what it calls
        closure: scripts/test.rhai:4 call `call` or in what it calls
        closure of a library function: scripts/test.rhai:1 map `map` or in what it calls, function map scripts/test.rhai:1
        closure asked late: scripts/test.rhai:1 |u| { this closure or in what it calls
        closure asked late by a function: scripts/test.rhai:2 |u| { this closure or in what it calls
        import: scripts/m.rhai:2 { , module scripts/m.rhai scripts/test.rhai:1
        function of a module: scripts/test.rhai:2 f `f` or in what it calls
        closure given to a module: scripts/test.rhai:2 each `each` or in what it calls
        closure of a module asked late: scripts/m.rhai:2 |u| { this closure or in what it calls
    "#);
}

#[test]
fn a_limit_in_a_module_can_t_be_caught_where_it_is_imported() {
    let error =
        fail("try { import \"m\" as m; m::f(); } catch { }\n\"survived\"", "fn f() { }\nlet s = \"x\"; loop { s += s; }", "")
            .unwrap();
    assert_eq!((error.code.as_str(), error.source.as_str()), ("limit_string", "scripts/m.rhai"));
}

#[test]
fn the_standard_librarys_own_errors_name_its_file_and_who_called() {
    insta::assert_snapshot!(trial("import \"test_greetings\" as g;\ng::wrong();").error(), @r#"
    error: no user is called "nobody"
      --> stdlib/test_greetings.rhai:4:25
       |
     4 | fn wrong() { users.find("nobody") }
       |                         ^^^^^^^^
      in function wrong, called from scripts/test.rhai:2:4
    hint: users are found by username; `users.where(|u| u.full_name == …)` looks at other fields
    "#);
}
