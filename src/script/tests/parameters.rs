//! `run.param`, and what a script says of itself.

use crate::script::testing::{host, trial};

fn value(script: &str, given: &[(&str, &str)]) -> String {
    trial(script).given(given).output()
}

fn error(script: &str, given: &[(&str, &str)]) -> String {
    trial(script).given(given).error()
}

#[test]
fn values_have_the_type_of_the_default() {
    assert_eq!(value("run.param(\"days\", 3) + 1", &[]), "4");
    assert_eq!(value("run.param(\"days\", 3) + 1", &[("days", "10")]), "11");
    assert_eq!(value("run.param(\"all\", false)", &[("all", "yes")]), "true");
    assert_eq!(value("run.param(\"gap\", days(3))", &[("gap", "2 weeks")]), "14 days");
    assert_eq!(value("run.param(\"from\", now())", &[("from", "2026-12-24")]), "2026-12-24 00:00");
    assert_eq!(value("run.param(\"share\", 0.5) * 2.0", &[("share", "0.25")]), "0.5");
    assert_eq!(value("run.param(\"name\")", &[("name", "5")]) + "!", "5!");
    assert_eq!(value("run.param(\"n\", #{ type: \"int\" }) + 1", &[("n", "5")]), "6");
    assert_eq!(value("run.param(\"n\", #{ choices: [1, 2] }) + 1", &[("n", "2")]), "3");
}

#[test]
fn missing_and_wrong_values_are_explained() {
    insta::assert_snapshot!(error("let g = run.param(\"group\", #{ choices: groups.names(), help: \"whom to invite\" });", &[]), @r#"
    error: the parameter "group" (whom to invite) has no value
      --> scripts/test.rhai:1:19
       |
     1 | let g = run.param("group", #{ choices: groups.names(), help: "whom to invite" });
       |                   ^^^^^^^
    hint: give it with `--arg "group=Grade 5"`
    "#);
    insta::assert_snapshot!(error("run.param(\"group\", #{ choices: groups.names() })", &[("group", "Grade5")]), @r#"
    error: the parameter "group" can't be "Grade5"
      --> scripts/test.rhai:1:11
       |
     1 | run.param("group", #{ choices: groups.names() })
       |           ^^^^^^^ did you mean "Grade 5"?
    "#);
    insta::assert_snapshot!(error("run.param(\"days\", 3, #{ min: 1, max: 30 })", &[("days", "0")]), @r#"
    error: the parameter "days" must be at least 1, not "0"
      --> scripts/test.rhai:1:11
       |
     1 | run.param("days", 3, #{ min: 1, max: 30 })
       |           ^^^^^^
    "#);
    insta::assert_snapshot!(error("run.param(\"days\", 3)", &[("days", "three")]), @r#"
    error: the parameter "days" must be a whole number, not "three"
      --> scripts/test.rhai:1:11
       |
     1 | run.param("days", 3)
       |           ^^^^^^
    "#);
    insta::assert_snapshot!(error("run.param(\"room\", #{ pattern: \"[A-Z]-*\" })", &[("room", "b-12")]), @r#"
    error: the parameter "room" must look like "[A-Z]-*", not "b-12"
      --> scripts/test.rhai:1:11
       |
     1 | run.param("room", #{ pattern: "[A-Z]-*" })
       |           ^^^^^^
    "#);
    insta::assert_snapshot!(error("run.param(\"days\", 3, #{ mn: 1 })", &[]), @r#"
    error: run.param has no option "mn"
      --> scripts/test.rhai:1:25
       |
     1 | run.param("days", 3, #{ mn: 1 })
       |                         ^^
    hint: it knows: type, choices, min, max, pattern, help
    "#);
    insta::assert_snapshot!(error("run.param(\"days\", 3, #{ type: \"integer\" })", &[]), @r#"
    error: there is no type of parameter called "integer"
      --> scripts/test.rhai:1:31
       |
     1 | run.param("days", 3, #{ type: "integer" })
       |                               ^^^^^^^^^ did you mean "int"?
    "#);
    insta::assert_snapshot!(error("run.param(\"days\", 3); run.param(\"days\", 4)", &[]), @r#"
    error: the parameter "days" is declared twice, and not in the same way
      --> scripts/test.rhai:1:33
       |
     1 | run.param("days", 3); run.param("days", 4)
       |                                 ^^^^^^
    hint: keep its value in a variable
    "#);
    assert_eq!(trial("run.param(\"x\")").run().unwrap_err().kind, crate::script::ErrorKind::Parameter);
}

#[test]
fn declarations_are_read_without_values() {
    let script = "//! Invite everybody in a group.\n//! Run it on Mondays.\n\nlet group = run.param(\"group\", #{ choices: groups.names(), help: \"whom\" });\nlet quiet = run.param(\"days\", 3, #{ min: 1 });\nlet plan = invite.plan(groups[group], \"not-invited\");\nplan.send();\nif plan.count > 1000 { run.param(\"really\", false, #{ help: \"sure?\" }); }\nusers.find(\"nobody\");\nrun.param(\"after\", #{ type: \"int\", help: \"comes after an error\" });";
    let declared = host().declarations(trial(script).input).unwrap();
    assert_eq!(declared.description, "Invite everybody in a group.\nRun it on Mondays.");
    let listed: Vec<String> = declared
        .params
        .iter()
        .map(|p| format!("{} {} {:?} {:?} {:?}", p.name, p.kind.word(), p.default, p.help, p.choices.as_ref().map(Vec::len)))
        .collect();
    insta::assert_snapshot!(listed.join("\n"), @r#"
    group text None Some("whom") Some(4)
    days int Some("3") None None
    really bool Some("false") Some("sure?") None
    after int None Some("comes after an error") None
    "#);
    assert_eq!(host().declarations(trial("let x = ;").input).unwrap_err().code, "syntax");
}

#[test]
fn what_a_run_declared_is_in_its_output() {
    let output = trial("run.param(\"days\", 3); run.param(\"days\", 3);").run().unwrap();
    assert_eq!(output.declared.len(), 1);
}
