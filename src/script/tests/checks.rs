//! What is seen without running.

use proptest::prelude::*;

use crate::script::testing::{host, trial};

fn errors(script: &str) -> String {
    host().check("scripts/test.rhai", script).iter().map(|e| e.render(false)).collect::<Vec<_>>().join("\n")
}

#[test]
fn misspelt_functions_and_fields_are_seen_before_anything_runs() {
    insta::assert_snapshot!(errors("users.where(|u| u.departmnt == \"x\" && dayz(3) > 1).fnd(\"x\")"), @r#"
    error: User has no field `departmnt`
      --> scripts/test.rhai:1:19
       |
     1 | users.where(|u| u.departmnt == "x" && dayz(3) > 1).fnd("x")
       |                   ^^^^^^^^^ did you mean `department`?
    error: there is no function `dayz`
      --> scripts/test.rhai:1:39
       |
     1 | users.where(|u| u.departmnt == "x" && dayz(3) > 1).fnd("x")
       |                                       ^^^^ did you mean `days(count: int)`?
    error: Selection has no function `fnd`
      --> scripts/test.rhai:1:52
       |
     1 | users.where(|u| u.departmnt == "x" && dayz(3) > 1).fnd("x")
       |                                                    ^^^ did you mean `find(name: string)`?
    "#);
    insta::assert_snapshot!(errors("fn f(g) {\n    groups[g].membrs\n}\ninvite.plan(users, \"everyone\").sned();"), @r#"
    error: Group has no field `membrs`
      --> scripts/test.rhai:2:15
       |
     2 |     groups[g].membrs
       |               ^^^^^^ did you mean `members`?
    error: Plan has no function `sned`
      --> scripts/test.rhai:4:32
       |
     4 | invite.plan(users, "everyone").sned();
       |                                ^^^^ did you mean `send()`?
    "#);
    insta::assert_snapshot!(errors("users.limit(1, 2); days(); f(1);"), @r#"
    error: `limit` can't be called with 2 arguments
      --> scripts/test.rhai:1:7
       |
     1 | users.limit(1, 2); days(); f(1);
       |       ^^^^^
    hint: it takes: `limit(rows: int)`
    error: `days` can't be called with nothing
      --> scripts/test.rhai:1:20
       |
     1 | users.limit(1, 2); days(); f(1);
       |                    ^^^^
    hint: it takes: `days(count: int)`
    error: there is no function `f`
      --> scripts/test.rhai:1:28
       |
     1 | users.limit(1, 2); days(); f(1);
       |                            ^
    "#);
    insta::assert_snapshot!(errors("let f = |x| x; f(1)"), @r#"
    error: there is no function `f`
      --> scripts/test.rhai:1:16
       |
     1 | let f = |x| x; f(1)
       |                ^
    hint: a closure in a variable is called so: `f.call(…)`
    "#);
    insta::assert_snapshot!(errors("devices.where(|d| d.username == \"x\")"), @r#"
    error: Device has no field `username`
      --> scripts/test.rhai:1:21
       |
     1 | devices.where(|d| d.username == "x")
       |                     ^^^^^^^^ did you mean `user`?
    "#);
}

#[test]
fn what_may_be_right_is_left_alone() {
    for script in [
        "let users = #{ nope: 1 }; users.nope",
        "fn shout() { this + \"!\" } let x = \"a\"; x.shout()",
        "let m = #{ f: |x| x }; m.f(1)",
        "let x = site.setting(\"a\"); x.anything.goes()",
        "users.where(|u| u?.department == \"x\")",
        "for u in users { print(u.full_name); }",
        "users.first().department",
        "groups[\"x\"].members.where(|u| u.devices.some(|d| d.managed)).order_by(\"mail\").limit(3).pluck(\"mail\")",
        "import \"x\" as y; y::z(1).foo",
        "print(type_of(1)); let f = Fn(\"print\"); f.call(1); let s = \"abc\"; s.len(); s.to_upper().contains(\"A\")",
        "fn f(p) { p.whatever } f(3)",
    ] {
        assert_eq!(errors(script), "", "{script}");
    }
}

/// Pieces that scripts are made of, in an order that nobody would write.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "users",
            "groups",
            "devices",
            ".where(",
            "|u|",
            "u.mail",
            ")",
            "(",
            "[",
            "]",
            "{",
            "}",
            "let x = ",
            ";",
            "fn f(",
            "\"",
            "`${",
            "}`",
            "'",
            "import ",
            " as y",
            "y::",
            "#{",
            "a:",
            ",",
            "1",
            "1.5",
            "0x",
            "==",
            "&&",
            "||",
            "!",
            "-",
            "..",
            "..=",
            "for i in ",
            "loop",
            "while ",
            "if ",
            "else",
            "switch x ",
            "=>",
            "_",
            "try",
            "catch",
            "throw ",
            "return",
            "break",
            "\n",
            "//",
            "/*",
            "*/",
            "///",
            "\u{e9}",
            "\u{1f600}",
            "\u{0}",
            "\t",
            "this",
            "Fn(\"f\")",
            ".call(",
            "?.",
            "??",
            "in ",
            "<<",
            ">>=",
            "**",
            "$",
            "@",
            "#",
            "\\u",
            "eval",
            "default",
            "private ",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_makes_the_check_panic(text in "\\PC{0,200}") {
        for error in host().check("any", &text) {
            prop_assert_ne!(error.code.as_str(), "internal");
            prop_assert!(!error.render(true).is_empty());
        }
    }

    #[test]
    fn no_script_like_text_makes_check_or_run_panic(pieces in prop::collection::vec(piece(), 0..40)) {
        let text = pieces.concat();
        for error in host().check("any", &text) {
            prop_assert_ne!(error.code.as_str(), "internal", "{}", text);
        }
        let run = trial(&text).with(|input| input.limits.operations = 20_000);
        // What is never reached may be wrong, so that a run says nothing of the check.
        if let Err(error) = host().run(run.input) {
            prop_assert_ne!(error.code.as_str(), "internal", "{}", text);
            prop_assert!(!error.render(true).is_empty());
        }
    }
}

#[test]
fn sites_of_tests_are_known() {
    let text = "import \"testing\" as t;
fn test_it() {
    let site = t::site(#{ user: 3, devices: [#{ platfrom: \"iPad\" }], users: [#{ username: \"ana\", house: \"red\" }] });
    site.mesages(\"ana\");
    site.users.first().usernam;
    t::site(#{ group: 5 });
}";
    let found: Vec<String> = host()
        .check("scripts/some.test.rhai", text)
        .iter()
        .map(|e| format!("{}: {} ({})", e.line, e.message, e.hint.clone().unwrap_or_default()))
        .collect();
    let wanted = [
        "3: t::site has no option \"user\" (did you mean \"users\"?)",
        "3: devices has no option \"platfrom\" (did you mean \"platform\"?)",
        "4: TestSite has no function `mesages` (did you mean `messages(",
        "5: User has no field `usernam` (did you mean `username`?)",
        "6: the option \"group\" of t::site wants a text, not a whole number ()",
    ];
    let same = found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| found.starts_with(wanted));
    assert!(same, "{found:#?}");
}
