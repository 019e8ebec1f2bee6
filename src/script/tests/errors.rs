//! What authors of scripts read when something is wrong.

use crate::script::testing::trial;

#[test]
fn an_unknown_group() {
    insta::assert_snapshot!(trial("let late = groups[\"Grade5\"].members;").error(), @"");
}

#[test]
fn an_unknown_group_far_away() {
    insta::assert_snapshot!(trial("groups[\"Zebra\"]").error(), @"");
}

#[test]
fn an_unknown_user() {
    insta::assert_snapshot!(trial("users.find(\"annq\")").error(), @"");
}

#[test]
fn a_user_of_no_name() {
    insta::assert_snapshot!(trial("users.find(\"chlo\")").error(), @"");
}

#[test]
fn an_unknown_device() {
    insta::assert_snapshot!(trial("devices.find(\"C02BNE\")").error(), @"");
}

#[test]
fn an_unknown_field() {
    insta::assert_snapshot!(trial("users.where(|u| u.departmnt == \"x\").count()").error(), @"");
}

#[test]
fn a_function_without_brackets() {
    insta::assert_snapshot!(trial("users.count").error(), @"");
}

#[test]
fn a_field_with_brackets() {
    insta::assert_snapshot!(trial("invite.plan(users, \"not-invited\").count()").error(), @"");
}

#[test]
fn an_unknown_method() {
    insta::assert_snapshot!(trial("users.fnd(\"ana\")").error(), @"");
}

#[test]
fn an_unknown_function() {
    insta::assert_snapshot!(trial("let since = now() - dayz(3);").error(), @"");
}

#[test]
fn wrong_arguments() {
    insta::assert_snapshot!(trial("let since = now() - days(\"3\");").error(), @"");
}

#[test]
fn wrong_arguments_of_a_method() {
    insta::assert_snapshot!(trial("users.find(3)").error(), @"");
}

#[test]
fn a_closure_called_like_a_function() {
    insta::assert_snapshot!(trial("let f = |x| x; f(1)").error(), @"");
}

#[test]
fn an_unknown_variable() {
    insta::assert_snapshot!(trial("usrs.count()").error(), @"");
}

#[test]
fn a_misspelt_variable_of_the_script() {
    insta::assert_snapshot!(trial("let count = 1;\nprint(conut);").error(), @"");
}

#[test]
fn a_misspelt_keyword() {
    insta::assert_snapshot!(trial("let x = 1;\nlett y = 2;").error(), @"");
}

#[test]
fn a_missing_bracket() {
    insta::assert_snapshot!(trial("let x = (1 + 2;").error(), @"");
}

#[test]
fn an_open_text() {
    insta::assert_snapshot!(trial("let s = \"abc").error(), @"");
}

#[test]
fn the_end_too_early() {
    insta::assert_snapshot!(trial("if true {").error(), @"");
}

#[test]
fn a_reserved_word() {
    insta::assert_snapshot!(trial("let default = 1;").error(), @"");
}

#[test]
fn no_eval() {
    insta::assert_snapshot!(trial("eval(\"1\")").error(), @"");
}

#[test]
fn no_sleep() {
    insta::assert_snapshot!(trial("sleep(1)").error(), @"");
}

#[test]
fn no_clock() {
    insta::assert_snapshot!(trial("timestamp()").error(), @"");
}

#[test]
fn an_unknown_choice() {
    insta::assert_snapshot!(trial("invite.plan(users, \"not-invted\")").error(), @"");
}

#[test]
fn an_unknown_option() {
    insta::assert_snapshot!(trial("invite.plan(users, \"not-invited\").send(#{ remnd: [days(3)] })").error(), @"");
}

#[test]
fn a_wrong_option() {
    insta::assert_snapshot!(trial("invite.plan(users, \"not-invited\").send(#{ remind: 3 })").error(), @"");
}

#[test]
fn a_reminder_after_the_end() {
    insta::assert_snapshot!(trial("invite.plan(users, \"not-invited\").send(#{ remind: [days(30)], expires: days(7) })").error(), @"");
}

#[test]
fn a_wrong_channel() {
    insta::assert_snapshot!(trial("invite.plan(users, \"everyone\", #{ channels: [\"push\"] })").error(), @"");
}

#[test]
fn a_text_for_an_audience() {
    insta::assert_snapshot!(trial("invite.plan(\"Grade 5\", \"not-invited\")").error(), @"");
}

#[test]
fn devices_for_an_audience() {
    insta::assert_snapshot!(trial("invite.plan(devices, \"everyone\")").error(), @"");
}

#[test]
fn a_plan_sent_twice() {
    insta::assert_snapshot!(trial("let plan = invite.plan(users, \"not-invited\");\nplan.send();\nplan.send();").error(), @"");
}

#[test]
fn an_unknown_template() {
    insta::assert_snapshot!(trial("notify.mail(users, \"welcom\")").error(), @"");
}

#[test]
fn a_template_without_its_data() {
    insta::assert_snapshot!(trial("notify.mail(users, \"report\", #{})").error(), @"");
}

#[test]
fn an_unknown_webhook() {
    insta::assert_snapshot!(trial("notify.webhook(\"staf-chat\", #{})").error(), @"");
}

#[test]
fn data_that_is_none() {
    insta::assert_snapshot!(trial("notify.webhook(\"staff-chat\", #{ f: |x| x })").error(), @"");
}

#[test]
fn an_unknown_app() {
    insta::assert_snapshot!(trial("apps.find(\"Keynot\")").error(), @"");
}

#[test]
fn an_unknown_setting() {
    insta::assert_snapshot!(trial("site.setting(\"helpdsk\")").error(), @"");
}

#[test]
fn a_wrong_date() {
    insta::assert_snapshot!(trial("date(\"2026-13-01\")").error(), @"");
}

#[test]
fn a_wrong_order() {
    insta::assert_snapshot!(trial("users.order_by(\"full_nam\")").error(), @"");
}

#[test]
fn a_closure_that_answers_something_else() {
    insta::assert_snapshot!(trial("users.where(|u| u.department).count()").error(), @"");
}

#[test]
fn a_closure_with_two_parameters() {
    insta::assert_snapshot!(trial("users.where(|u, v| true)").error(), @"");
}

#[test]
fn an_error_inside_a_left_over_closure() {
    insta::assert_snapshot!(trial("let s = users.where(|u| {\n    let n = u.reminders;\n    n.foo > 1\n});\ns.count()").error(), @"");
}

#[test]
fn two_kinds_of_rows() {
    insta::assert_snapshot!(trial("users + devices").error(), @"");
}

#[test]
fn a_rule_with_a_groups_name() {
    insta::assert_snapshot!(trial("groups.rule(\"Staff\", |u| true)").error(), @"");
}

#[test]
fn a_rule_is_no_group() {
    insta::assert_snapshot!(trial("groups.rule(\"late\", |u| u.invited).enable_distribution()").error(), @"");
}

#[test]
fn a_device_of_nobody() {
    insta::assert_snapshot!(trial("invite.device(devices.find(\"C02TV\"))").error(), @"");
}

#[test]
fn through_functions() {
    insta::assert_snapshot!(trial("fn remind(name) {\n    groups[name].members\n}\nlet x = remind(\"Grade5\");").error(), @"");
}

#[test]
fn a_thrown_text() {
    insta::assert_snapshot!(trial("throw \"there is nobody to remind\"").error(), @"");
}

#[test]
fn a_thrown_map() {
    insta::assert_snapshot!(trial("throw #{ code: \"mine\", message: \"my own\", hint: \"do this\" }").error(), @"");
}

#[test]
fn a_missing_key() {
    insta::assert_snapshot!(trial("let m = #{ a: 1 };\nm.b").error(), @"");
}

#[test]
fn nothing_has_no_fields() {
    insta::assert_snapshot!(trial("let n = ();\nn.foo").error(), @"");
}

#[test]
fn operators_between_wrong_types() {
    insta::assert_snapshot!(trial("print(now() + 5);").error(), @"");
}

#[test]
fn division_by_zero() {
    insta::assert_snapshot!(trial("let x = 5 / 0;").error(), @"");
}

#[test]
fn beyond_an_array() {
    insta::assert_snapshot!(trial("let a = [1, 2];\na[5]").error(), @"");
}

#[test]
fn a_global_can_t_be_changed() {
    insta::assert_snapshot!(trial("users = 5;").error(), @"");
}

#[test]
fn a_field_can_t_be_changed() {
    insta::assert_snapshot!(trial("let u = users.find(\"ana\");\nu.full_name = \"Anna\";").error(), @"");
}

#[test]
fn not_a_loop() {
    insta::assert_snapshot!(trial("for x in 5 { }").error(), @"");
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
