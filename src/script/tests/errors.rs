//! What authors of scripts read when something is wrong.

use crate::script::testing::trial;

#[test]
fn an_unknown_group() {
    insta::assert_snapshot!(trial("let late = groups[\"Grade5\"].members;").error(), @r#"
    error: no group is called "Grade5"
      --> scripts/test.rhai:1:19
       |
     1 | let late = groups["Grade5"].members;
       |                   ^^^^^^^^ did you mean "Grade 5"?
    "#);
}

#[test]
fn an_unknown_group_far_away() {
    insta::assert_snapshot!(trial("groups[\"Zebra\"]").error(), @r#"
    error: no group is called "Zebra"
      --> scripts/test.rhai:1:8
       |
     1 | groups["Zebra"]
       |        ^^^^^^^
    hint: `groups.names()` lists 4 groups
    "#);
}

#[test]
fn an_unknown_user() {
    insta::assert_snapshot!(trial("users.find(\"annq\")").error(), @r#"
    error: no user is called "annq"
      --> scripts/test.rhai:1:12
       |
     1 | users.find("annq")
       |            ^^^^^^
    hint: users are found by username; `users.where(|u| u.full_name == …)` looks at other fields
    "#);
}

#[test]
fn a_user_of_no_name() {
    insta::assert_snapshot!(trial("users.find(\"chlo\")").error(), @r#"
    error: no user is called "chlo"
      --> scripts/test.rhai:1:12
       |
     1 | users.find("chlo")
       |            ^^^^^^ did you mean "chloe"?
    "#);
}

#[test]
fn an_unknown_device() {
    insta::assert_snapshot!(trial("devices.find(\"C02BNE\")").error(), @r#"
    error: no device is called "C02BNE"
      --> scripts/test.rhai:1:14
       |
     1 | devices.find("C02BNE")
       |              ^^^^^^^^ did you mean "C02BEN"?
    "#);
}

#[test]
fn an_unknown_field() {
    insta::assert_snapshot!(trial("users.where(|u| u.departmnt == \"x\").count()").error(), @r#"
    error: User has no field `departmnt`
      --> scripts/test.rhai:1:19
       |
     1 | users.where(|u| u.departmnt == "x").count()
       |                   ^^^^^^^^^ did you mean `department`?
    "#);
}

#[test]
fn a_function_without_brackets() {
    insta::assert_snapshot!(trial("users.count").error(), @r#"
    error: Selection has no field `count`
      --> scripts/test.rhai:1:7
       |
     1 | users.count
       |       ^^^^^
    hint: it is a function: write `count()`
    "#);
}

#[test]
fn a_field_with_brackets() {
    insta::assert_snapshot!(trial("invite.plan(users, \"not-invited\").count()").error(), @r#"
    error: Plan has no function `count`
      --> scripts/test.rhai:1:35
       |
     1 | invite.plan(users, "not-invited").count()
       |                                   ^^^^^
    hint: `count` is a field: write it without ()
    "#);
}

#[test]
fn an_unknown_method() {
    insta::assert_snapshot!(trial("users.fnd(\"ana\")").error(), @r#"
    error: Selection has no function `fnd`
      --> scripts/test.rhai:1:7
       |
     1 | users.fnd("ana")
       |       ^^^ did you mean `find(name: string)`?
    "#);
}

#[test]
fn an_unknown_function() {
    insta::assert_snapshot!(trial("let since = now() - dayz(3);").error(), @r#"
    error: there is no function `dayz`
      --> scripts/test.rhai:1:21
       |
     1 | let since = now() - dayz(3);
       |                     ^^^^ did you mean `days(count: int)`?
    "#);
}

#[test]
fn wrong_arguments() {
    insta::assert_snapshot!(trial("let since = now() - days(\"3\");").error(), @r#"
    error: `days` can't be called with string
      --> scripts/test.rhai:1:21
       |
     1 | let since = now() - days("3");
       |                     ^^^^
    hint: it takes: `days(count: int)`
    "#);
}

#[test]
fn wrong_arguments_of_a_method() {
    insta::assert_snapshot!(trial("users.find(3)").error(), @r#"
    error: `find` can't be called with int
      --> scripts/test.rhai:1:7
       |
     1 | users.find(3)
       |       ^^^^
    hint: it takes: `find(name: string)`
    "#);
}

#[test]
fn a_closure_called_like_a_function() {
    insta::assert_snapshot!(trial("let f = |x| x; f(1)").error(), @r#"
    error: there is no function `f`
      --> scripts/test.rhai:1:16
       |
     1 | let f = |x| x; f(1)
       |                ^
    hint: a closure in a variable is called so: `f.call(…)`
    "#);
}

#[test]
fn an_unknown_variable() {
    insta::assert_snapshot!(trial("usrs.count()").error(), @r#"
    error: there is no variable "usrs"
      --> scripts/test.rhai:1:1
       |
     1 | usrs.count()
       | ^^^^ did you mean `users`?
    "#);
}

#[test]
fn a_misspelt_variable_of_the_script() {
    insta::assert_snapshot!(trial("let count = 1;\nprint(conut);").error(), @r#"
    error: there is no variable "conut"
      --> scripts/test.rhai:2:7
       |
     2 | print(conut);
       |       ^^^^^ did you mean `count`?
    "#);
}

#[test]
fn a_misspelt_keyword() {
    insta::assert_snapshot!(trial("let x = 1;\nlett y = 2;").error(), @r#"
    error: there is no variable "lett"
      --> scripts/test.rhai:2:1
       |
     2 | lett y = 2;
       | ^^^^ did you mean `let`?
    "#);
}

#[test]
fn a_missing_bracket() {
    insta::assert_snapshot!(trial("let x = (1 + 2;").error(), @r#"
    error: `)` is missing for a matching ( in this expression
      --> scripts/test.rhai:1:15
       |
     1 | let x = (1 + 2;
       |               ^
    hint: the `(` on line 1 is not closed
    "#);
}

#[test]
fn an_open_text() {
    insta::assert_snapshot!(trial("let s = \"abc").error(), @r#"
    error: a text is not closed
      --> scripts/test.rhai:1:9
       |
     1 | let s = "abc
       |         ^^^^
    hint: a text in "double quotes" ends on its line; `backticks` may span lines
    "#);
}

#[test]
fn a_reserved_word() {
    insta::assert_snapshot!(trial("let default = 1;").error(), @r#"
    error: "default" is a reserved word and can't be a name
      --> scripts/test.rhai:1:5
       |
     1 | let default = 1;
       |     ^^^^^^^
    hint: give the default as the second argument: `run.param(name, default, options)`
    "#);
}

#[test]
fn no_eval() {
    insta::assert_snapshot!(trial("eval(\"1\")").error(), @r#"
    error: scripts can't run text as script: there is no `eval`
      --> scripts/test.rhai:1:1
       |
     1 | eval("1")
       | ^^^^
    "#);
}

#[test]
fn no_sleep() {
    insta::assert_snapshot!(trial("sleep(1)").error(), @r#"
    error: a script can't wait: a run has one instant
      --> scripts/test.rhai:1:1
       |
     1 | sleep(1)
       | ^^^^^
    hint: let `remind: [days(3)]` or a schedule act later
    "#);
}

#[test]
fn no_clock() {
    insta::assert_snapshot!(trial("timestamp()").error(), @r#"
    error: there is no function `timestamp`
      --> scripts/test.rhai:1:1
       |
     1 | timestamp()
       | ^^^^^^^^^
    "#);
}

#[test]
fn an_unknown_choice() {
    insta::assert_snapshot!(trial("invite.plan(users, \"not-invted\")").error(), @r#"
    error: no choice is called "not-invted"
      --> scripts/test.rhai:1:20
       |
     1 | invite.plan(users, "not-invted")
       |                    ^^^^^^^^^^^^ did you mean "not-invited"?
    "#);
}

#[test]
fn an_unknown_option() {
    insta::assert_snapshot!(trial("invite.plan(users, \"not-invited\").send(#{ remnd: [days(3)] })").error(), @r#"
    error: plan.send has no option "remnd"
      --> scripts/test.rhai:1:43
       |
     1 | invite.plan(users, "not-invited").send(#{ remnd: [days(3)] })
       |                                           ^^^^^ did you mean "remind"?
    "#);
}

#[test]
fn a_wrong_option() {
    insta::assert_snapshot!(trial("invite.plan(users, \"not-invited\").send(#{ remind: 3 })").error(), @r#"
    error: the option "remind" of plan.send wants time spans such as `[days(3), days(7)]`, not a whole number
      --> scripts/test.rhai:1:43
       |
     1 | invite.plan(users, "not-invited").send(#{ remind: 3 })
       |                                           ^^^^^^
    "#);
}

#[test]
fn a_reminder_after_the_end() {
    insta::assert_snapshot!(trial("invite.plan(users, \"not-invited\").send(#{ remind: [days(30)], expires: days(7) })").error(), @r#"
    error: the last reminder (30 days) comes after the invitation expires (7 days)
      --> scripts/test.rhai:1:63
       |
     1 | invite.plan(users, "not-invited").send(#{ remind: [days(30)], expires: days(7) })
       |                                                               ^^^^^^^
    "#);
}

#[test]
fn a_wrong_channel() {
    insta::assert_snapshot!(trial("invite.plan(users, \"everyone\", #{ channels: [\"push\"] })").error(), @r#"
    error: an invitation can't travel over "push"
      --> scripts/test.rhai:1:46
       |
     1 | invite.plan(users, "everyone", #{ channels: ["push"] })
       |                                              ^^^^^^
    hint: invitations go over "mdm" and "mail"
    "#);
}

#[test]
fn a_text_for_an_audience() {
    insta::assert_snapshot!(trial("invite.plan(\"Grade 5\", \"not-invited\")").error(), @r#"
    error: an audience is a user, a group, a selection of users or an array of these, not a text
      --> scripts/test.rhai:1:13
       |
     1 | invite.plan("Grade 5", "not-invited")
       |             ^^^^^^^^^
    hint: write `groups["Grade 5"]` for a group or `users.find("Grade 5")` for a user
    "#);
}

#[test]
fn devices_for_an_audience() {
    insta::assert_snapshot!(trial("invite.plan(devices, \"everyone\")").error(), @r#"
    error: an audience is a user, a group, a selection of users or an array of these, not a selection of devices
      --> scripts/test.rhai:1:8
       |
     1 | invite.plan(devices, "everyone")
       |        ^^^^
    hint: devices know their `user`
    "#);
}

#[test]
fn a_plan_sent_twice() {
    insta::assert_snapshot!(trial("let plan = invite.plan(users, \"not-invited\");\nplan.send();\nplan.send();").error(), @r#"
    error: this plan has been sent by this run
      --> scripts/test.rhai:3:6
       |
     3 | plan.send();
       |      ^^^^
    hint: make a new plan to send again
    "#);
}

#[test]
fn an_unknown_template() {
    insta::assert_snapshot!(trial("notify.mail(users, \"welcom\")").error(), @r#"
    error: there is no template "welcom"
      --> scripts/test.rhai:1:20
       |
     1 | notify.mail(users, "welcom")
       |                    ^^^^^^^^ did you mean "welcome"?
    "#);
}

#[test]
fn a_template_without_its_data() {
    insta::assert_snapshot!(trial("notify.mail(users, \"report\", #{})").error(), @r#"
    error: the template "report" needs `enrolled` too
      --> scripts/test.rhai:1:20
       |
     1 | notify.mail(users, "report", #{})
       |                    ^^^^^^^^
    "#);
}

#[test]
fn an_unknown_webhook() {
    insta::assert_snapshot!(trial("notify.webhook(\"staf-chat\", #{})").error(), @r#"
    error: there is no webhook "staf-chat"
      --> scripts/test.rhai:1:16
       |
     1 | notify.webhook("staf-chat", #{})
       |                ^^^^^^^^^^^ did you mean "staff-chat"?
    "#);
}

#[test]
fn data_that_is_none() {
    insta::assert_snapshot!(trial("notify.webhook(\"staff-chat\", #{ f: |x| x })").error(), @r#"
    error: a closure can't be part of the data
      --> scripts/test.rhai:1:8
       |
     1 | notify.webhook("staff-chat", #{ f: |x| x })
       |        ^^^^^^^
    hint: give texts, numbers, times, arrays and maps
    "#);
}

#[test]
fn an_unknown_app() {
    insta::assert_snapshot!(trial("apps.find(\"Keynot\")").error(), @r#"
    error: no app is called "Keynot"
      --> scripts/test.rhai:1:11
       |
     1 | apps.find("Keynot")
       |           ^^^^^^^^ did you mean "Keynote"?
    "#);
}

#[test]
fn an_unknown_setting() {
    insta::assert_snapshot!(trial("site.setting(\"helpdsk\")").error(), @r#"
    error: there is no setting "helpdsk"
      --> scripts/test.rhai:1:14
       |
     1 | site.setting("helpdsk")
       |              ^^^^^^^^^ did you mean "helpdesk"?
    "#);
}

#[test]
fn a_wrong_date() {
    insta::assert_snapshot!(trial("date(\"2026-13-01\")").error(), @r#"
    error: "2026-13-01" is no date
      --> scripts/test.rhai:1:6
       |
     1 | date("2026-13-01")
       |      ^^^^^^^^^^^^
    hint: write it as "2026-12-01"
    "#);
}

#[test]
fn a_wrong_order() {
    insta::assert_snapshot!(trial("users.order_by(\"full_nam\")").error(), @r#"
    error: users have no field "full_nam" to order or list by
      --> scripts/test.rhai:1:16
       |
     1 | users.order_by("full_nam")
       |                ^^^^^^^^^^ did you mean "full_name"?
    "#);
}

#[test]
fn a_closure_that_answers_something_else() {
    insta::assert_snapshot!(trial("users.where(|u| u.department).count()").error(), @r#"
    error: `where` wants a closure that answers true or false, not ()
      --> scripts/test.rhai:1:13
       |
     1 | users.where(|u| u.department).count()
       |             ^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_closure_with_two_parameters() {
    insta::assert_snapshot!(trial("users.where(|u, v| true)").error(), @r#"
    error: a closure for `where` takes one row and nothing else
      --> scripts/test.rhai:1:7
       |
     1 | users.where(|u, v| true)
       |       ^^^^^
    hint: write `|u| …`
    "#);
}

#[test]
fn an_error_inside_a_left_over_closure() {
    insta::assert_snapshot!(trial("let s = users.where(|u| {\n    let n = u.reminders;\n    n.foo > 1\n});\ns.count()").error(), @r#"
    error: an int has no field `foo`
      --> scripts/test.rhai:3:7
       |
     3 |     n.foo > 1
       |       ^^^
    "#);
}

#[test]
fn two_kinds_of_rows() {
    insta::assert_snapshot!(trial("users + devices").error(), @r#"
    error: a selection of users and one of devices can't be combined
      --> scripts/test.rhai:1:7
       |
     1 | users + devices
       |       ^
    "#);
}

#[test]
fn a_rule_with_a_groups_name() {
    insta::assert_snapshot!(trial("groups.rule(\"Staff\", |u| true)").error(), @r#"
    error: the roster has a group called "Staff" already
      --> scripts/test.rhai:1:13
       |
     1 | groups.rule("Staff", |u| true)
       |             ^^^^^^^
    hint: give the rule a name of its own
    "#);
}

#[test]
fn a_rule_is_no_group() {
    insta::assert_snapshot!(trial("groups.rule(\"late\", |u| u.invited).enable_distribution()").error(), @r#"
    error: "late" is a rule, and managed distribution belongs to groups of the roster
      --> scripts/test.rhai:1:36
       |
     1 | groups.rule("late", |u| u.invited).enable_distribution()
       |                                    ^^^^^^^^^^^^^^^^^^^
    hint: enable it for each user: `u.enable_distribution()`
    "#);
}

#[test]
fn a_device_of_nobody() {
    insta::assert_snapshot!(trial("invite.device(devices.find(\"C02TV\"))").error(), @r#"
    error: the device Hall TV (C02TV) is assigned to nobody
      --> scripts/test.rhai:1:8
       |
     1 | invite.device(devices.find("C02TV"))
       |        ^^^^^^
    hint: assign it first: `devices.assign(device, user)`
    "#);
}

#[test]
fn through_functions() {
    insta::assert_snapshot!(trial("fn remind(name) {\n    groups[name].members\n}\nlet x = remind(\"Grade5\");").error(), @r#"
    error: no group is called "Grade5"
      --> scripts/test.rhai:2:11
       |
     2 |     groups[name].members
       |           ^^^^^^ did you mean "Grade 5"?
      in function remind, called from scripts/test.rhai:4:9
    "#);
}

#[test]
fn a_thrown_text() {
    insta::assert_snapshot!(trial("throw \"there is nobody to remind\"").error(), @r#"
    error: there is nobody to remind
      --> scripts/test.rhai:1:1
       |
     1 | throw "there is nobody to remind"
       | ^^^^^
    "#);
}

#[test]
fn a_thrown_map() {
    insta::assert_snapshot!(trial("throw #{ code: \"mine\", message: \"my own\", hint: \"do this\" }").error(), @r#"
    error: my own
      --> scripts/test.rhai:1:1
       |
     1 | throw #{ code: "mine", message: "my own", hint: "do this" }
       | ^^^^^
    hint: do this
    "#);
}

#[test]
fn a_missing_key() {
    insta::assert_snapshot!(trial("let m = #{ a: 1 };\nm.b").error(), @r#"
    error: the map has no key "b"
      --> scripts/test.rhai:2:3
       |
     2 | m.b
       |   ^
    hint: `map.get("b") ?? other` takes another value where the key is missing
    "#);
}

#[test]
fn nothing_has_no_fields() {
    insta::assert_snapshot!(trial("let n = ();\nn.foo").error(), @r#"
    error: () (nothing) has no field `foo`
      --> scripts/test.rhai:2:3
       |
     2 | n.foo
       |   ^^^
    hint: there is nothing here to read a field of; `?.` passes over it
    "#);
}

#[test]
fn operators_between_wrong_types() {
    insta::assert_snapshot!(trial("print(now() + 5);").error(), @r#"
    error: `+` can't be used between Time and int
      --> scripts/test.rhai:1:13
       |
     1 | print(now() + 5);
       |             ^
    hint: a span of time has a unit: `days(7)`, `hours(2)`
    "#);
}

#[test]
fn division_by_zero() {
    insta::assert_snapshot!(trial("let x = 5 / 0;").error(), @r#"
    error: division by zero: 5 / 0
      --> scripts/test.rhai:1:11
       |
     1 | let x = 5 / 0;
       |           ^
    "#);
}

#[test]
fn beyond_an_array() {
    insta::assert_snapshot!(trial("let a = [1, 2];\na[5]").error(), @r#"
    error: there is no item 5 in an array of 2
      --> scripts/test.rhai:2:3
       |
     2 | a[5]
       |   ^
    "#);
}

#[test]
fn a_global_can_t_be_changed() {
    insta::assert_snapshot!(trial("users = 5;").error(), @r#"
    error: "users" can't be changed
      --> scripts/test.rhai:1:1
       |
     1 | users = 5;
       | ^^^^^
    hint: use a variable of your own: `let mine = …`
    "#);
}

#[test]
fn a_field_can_t_be_changed() {
    insta::assert_snapshot!(trial("let u = users.find(\"ana\");\nu.full_name = \"Anna\";").error(), @r#"
    error: User.full_name can't be changed by assignment
      --> scripts/test.rhai:2:3
       |
     2 | u.full_name = "Anna";
       |   ^^^^^^^^^
    "#);
}

#[test]
fn not_a_loop() {
    insta::assert_snapshot!(trial("for x in 5 { }").error(), @r#"
    error: expecting an iterable value, not a number
      --> scripts/test.rhai:1:10
       |
     1 | for x in 5 { }
       |          ^
    "#);
}

#[test]
fn errors_are_data_too() {
    let error = trial("let late = groups[\"Grade5\"].members;").run().unwrap_err();
    let json = serde_json::to_value(&error).unwrap();
    assert_eq!(json["code"], "unknown_group");
    assert_eq!((json["line"].as_u64(), json["column"].as_u64(), json["length"].as_u64()), (Some(1), Some(19), Some(8)));
    assert_eq!(json["source"], "scripts/test.rhai");
    assert_eq!(json["source_line"], "let late = groups[\"Grade5\"].members;");
    assert_eq!(json["hint"], "did you mean \"Grade 5\"?");
    assert_eq!(json["kind"], "failed");
}
