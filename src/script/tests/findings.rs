//! What the check finds beside what will fail: with the site's names, and what is hardly meant.

use std::sync::Mutex;

use proptest::prelude::*;

use crate::domain::delivery::Channel;
use crate::script::testing::{School, host, site};
use crate::script::{Checked, Surroundings, effects_in_words};

fn checked_as(name: &str, script: &str) -> Checked {
    let facts = site();
    let module = |name: &str| {
        match name {
        "lib/times" => Ok("export const LATE = 7;\nexport let gaps = [1, 2];\nconst OWN = 1;\nlet mine = 2;\nexport mine as theirs;\nfn next() { 1 }\n".to_owned()),
        "lib/people" => Ok("/// Late.\n///\n/// # Types\n/// `(gap: Span) -> Selection`\nfn late(gap) { users }\nfn remind(who) { invite.plan(who, \"everyone\").send(); }\n".to_owned()),
        _ => Err(vec!["lib/people".to_owned()]),
    }
    };
    let around = Surroundings {
        site: Some(&facts),
        view: Some(Mutex::new(Box::new(School::sunnyside()))),
        module: &module,
        modules_unknown: false,
    };
    host().examine(name, script, &around)
}

fn checked(script: &str) -> Checked {
    checked_as("scripts/test.rhai", script)
}

/// Each finding in a line: place, weight, words.
fn found(script: &str) -> String {
    let lines = checked(script).findings.into_iter().map(|f| {
        let hint = f.error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}:{}+{} {:?} {}{hint}", f.error.line, f.error.column, f.error.length, f.severity, f.error.message)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn names_of_the_site() {
    insta::assert_snapshot!(found("notify.mail(users, \"welcom\");\ninvite.plan(users, \"everyone\").send(#{ template: \"reprt\" });\nnotify.mail(users, \"report\", #{ enroled: 1 });\nlet data = #{ enrolled: 1 };\nnotify.mail(users, \"report\", data);\nnotify.webhook(\"staff-caht\", #{});\nprint(site.setting(\"helpdisk\"));\nprint(schedule.next(\"weekly\", 1));\nprint(groups[\"Grade5\"].members.find(\"anna\"));\nlet name = \"Grad 5\";\nprint(groups[name]);"), @r#"
    1:20+8 Error there is no template "welcom" (did you mean "welcome"?)
    2:50+7 Error there is no template "reprt" (did you mean "report"?)
    3:20+8 Error the template "report" needs `enrolled` too
    6:16+12 Error there is no webhook "staff-caht" (did you mean "staff-chat"?)
    7:20+10 Error there is no setting "helpdisk" (did you mean "helpdesk"?)
    8:21+8 Error there is no schedule "weekly" (a `[[schedule]]` in site.toml makes one)
    9:14+8 Warning no group is called "Grade5" (did you mean "Grade 5"?)
    9:37+6 Warning no user is called "anna" (did you mean "ana"?)
    10:12+8 Warning no group is called "Grad 5" (did you mean "Grade 5"?)
    "#);
}

#[test]
fn variables_of_modules() {
    insta::assert_snapshot!(found("import \"lib/times\" as t;\nprint(t::LATE + t::theirs + t::gaps[0]);\nprint(t::LATTE);\nprint(t::OWN);\nprint(users.limit(t::lat));\nprint(t::next);\nfn f() { t::gap }\nprint(f());\nprint(t::LATE.foo());"), @r#"
    3:10+5 Error there is no variable `t::LATTE` (did you mean `t::LATE`?)
    4:10+3 Error there is no variable `t::OWN` (the module keeps it to itself: write `export` before `OWN` there)
    5:22+3 Error there is no variable `t::lat` (did you mean `t::LATE`?)
    6:10+4 Error there is no variable `t::next` (it is a function: write `t::next(…)`)
    7:13+3 Error there is no variable `t::gap` (did you mean `t::gaps`?)
    "#);
}

#[test]
fn options_and_arguments() {
    insta::assert_snapshot!(found("let plan = invite.plan(users, \"evryone\");\nlet options = #{ expire: days(3), remind: #{ afer: [days(1)], most: \"two\" } };\nplan.send(options);\nplan.send(#{ channels: [\"mdm\", \"sms\"], canary: \"3\" });\nprint(days(\"3\"));\nprint(users.limit(\"3\"));\nfn twice(x) { x + x }\nprint(twice(1, 2));"), @r#"
    1:31+9 Error no choice is called "evryone" (did you mean "everyone"?)
    2:18+6 Error plan.send has no option "expire" (did you mean "expires"?)
    2:46+4 Error remind has no option "afer" (did you mean "after"?)
    2:63+4 Error the option "most" of plan.send wants a whole number, not a text
    4:32+5 Error no channel is called "sms" (invitations go over "mdm" and "mail")
    4:40+6 Error the option "canary" of plan.send wants a whole number, not a text
    5:7+4 Error `days` can't be called with string (it takes: `days(count: int)`)
    6:13+5 Error `limit` can't be called with string (it takes: `limit(rows: int)`)
    8:7+5 Error `twice` can't be called with 2 arguments (it takes: `twice(x)`)
    "#);
}

#[test]
fn modules() {
    insta::assert_snapshot!(found("import \"audiences\" as audiences;\nimport \"lib/people\" as people;\nimport \"lib/peple\" as p;\nimport \"calendar\" as calendar;\nprint(audiences::with_mial(users));\nprint(audiences::with_mail());\nprint(people::lat(days(3)));\np::x();"), @r#"
    3:8+11 Error there is no module "lib/peple" (did you mean "lib/people"?)
    4:8+10 Warning nothing of the module `calendar` is used (take the import out)
    5:18+9 Error there is no function `audiences::with_mial` (did you mean `audiences::with_mail(people)` or `audiences::with_mail_at(people, domain)`?)
    6:18+9 Error `audiences::with_mail` can't be called with nothing (it takes: `audiences::with_mail(people)`)
    7:15+3 Error there is no function `people::lat` (did you mean `people::late(gap)`?)
    "#);
}

/// What a function of a module yields stands in its comment.
#[test]
fn types_flow_through_modules() {
    let of = |call: &str| found(&format!("import \"lib/people\" as p;\nimport \"audiences\" as a;\nprint({call});"));
    let fine = "p::late(days(1)).where(|u| u.mail == ()).count() + a::with_mail(users).where(|u| u.mail != ()).count()";
    assert_eq!(of(fine), "");
    assert!(of("p::late(days(1)).cuont()").contains("Selection has no function `cuont`"));
    assert!(of("a::with_mail(users).where(|u| u.mial == ())").contains("User has no field `mial`"));
}

#[test]
fn what_is_hardly_meant() {
    insta::assert_snapshot!(found("let group = run.param(\"group\", \"Grade 5\");\nlet plan = invite.plan(users, \"everyone\");\nprint(plan);\ninvite.plan(users, \"everyone\");\nlet devices = 3;\nprint(devices);\nfor u in users { if u.status == \"invitd\" || u.reminders == \"3\" { print(u.usernam); } }\nprint(groups.list());\nwhile true { }\nprint(1);\nfn f(a, _b) { return 1; print(2); }\nprivate fn unused() { throw \"x\"; }\nif false { print(3); }\nloop { break; print(4); }\nprint(devices in [1]);\nf(1, 2);\nprint(users.where(|u| u.status in [\"invited\", \"enroled\"]));"), @r#"
    1:23+7 Warning the parameter "group" is declared, and its value is never used (use it, take it out, or call it `_group`)
    2:5+4 Warning the plan in `plan` is never sent (nothing is sent until `plan.send()`)
    4:8+4 Warning this plan is never sent (nothing is sent until `.send()`)
    5:5+7 Warning `devices` hides the global `devices` from here on (give it another name)
    7:33+8 Warning User.status is never "invitd" (did you mean "invited"?)
    7:60+3 Warning User.reminders is of the type int, and never equals a value of the type string
    7:74+7 Error User has no field `usernam` (did you mean `username`?)
    10:1+5 Warning this is never reached: the loop before never ends
    11:6+1 Warning the parameter `a` of the function is never used (use it, take it out, or call it `_a`)
    11:25+5 Warning this is never reached: the line before returns
    12:12+6 Warning the function `unused` is never called
    13:12+5 Warning this is never reached: the condition is always false
    14:15+5 Warning this is never reached: the line before leaves the loop
    17:47+9 Warning User.status is never "enroled" (did you mean "enrolled"?)
    "#);
}

#[test]
fn effects_are_followed_through_functions_and_modules() {
    let effects = |script: &str| effects_in_words(&checked(script).effects);
    assert_eq!(effects("print(users.count());"), "changes nothing");
    assert_eq!(
        effects("fn f(p) { p.send(); } f(invite.plan(users, \"everyone\")); notify.mail(users, \"welcome\");"),
        "can invite (plan.send), can mail (notify.mail, plan.send)"
    );
    assert_eq!(effects("fn never(p) { p.send(); }\nprint(1);"), "changes nothing");
    assert_eq!(
        effects("import \"lib/people\" as people; people::remind(users);"),
        "can invite and mail (people::remind → plan.send)"
    );
    assert_eq!(effects("users.where(|u| { invite.withdraw(u); true });"), "can withdraw (invite.withdraw)");
    assert_eq!(effects("notify.webhook(\"staff-chat\", #{});"), "can post to a webhook (notify.webhook)");
    let plan = "invite.plan(users, \"everyone\").send";
    assert_eq!(effects(&format!("{plan}(#{{ channels: [\"mdm\"] }});")), "can invite (plan.send)");
    assert_eq!(effects(&format!("let over = \"mdm\"; {plan}(#{{ channels: over }});")), "can invite (plan.send)");
    let both = "can invite and mail (plan.send)";
    assert_eq!(effects(&format!("let over = run.param(\"over\", \"mdm\"); {plan}(#{{ channels: over }});")), both);
    // A site without a mail server.
    let mut facts = site();
    facts.channels.retain(|channel| *channel != Channel::Mail);
    let around = Surroundings { site: Some(&facts), view: None, module: &|_| Err(Vec::new()), modules_unknown: false };
    let effects = |script: &str| effects_in_words(&host().examine("scripts/test.rhai", script, &around).effects);
    assert_eq!(effects(&format!("{plan}();")), "can invite (plan.send)");
    assert_eq!(effects("invite.plan(users, \"everyone\", #{ channels: \"mail\" }).send();"), both);
}

#[test]
fn what_a_try_catches_is_a_warning_and_every_unknown_variable_is_found() {
    assert_eq!(
        found("try { users.fnd(1); } catch { }\nprint(usrs); print(grops);"),
        "1:13+3 Warning Selection has no function `fnd` (did you mean `find(name: string)`?)\n2:7+4 Error there is no variable \"usrs\" (did you mean `users`?)\n2:20+5 Error there is no variable \"grops\" (did you mean `groups`?)"
    );
}

#[test]
fn types_flow_through_variables_loops_and_functions() {
    for (script, wrong) in [
        ("let u = users.first(); print(u.usernam);", "usernam"),
        ("for u in groups[\"Grade 5\"].members { print(u.usernam); }", "usernam"),
        ("fn late() { users.where(|u| u.invited) }\nfor u in late() { print(u.usernam); }", "usernam"),
        ("fn late() { return users; }\nlate().wher(|u| true);", "wher"),
        ("let all = users + groups[\"Grade 5\"].members; print(all.cont());", "cont"),
        ("print((now() - days(3)).yeer);", "yeer"),
    ] {
        assert!(found(script).contains(wrong), "{script}: {}", found(script));
    }
    for script in [
        "let u = users.first(); u = 3; print(u.nonsense);",
        "fn f(x) { if x { users } else { 3 } }\nprint(f(true).nonsense);",
        "let x = 1; for i in 0..3 { x += i; } print(x);",
        "let m = #{ a: 1 }; m.b = 2; print(m.b);",
        "let plan = invite.plan(users, \"everyone\"); let again = plan; again.send();",
        "let plan = invite.plan(users, \"everyone\"); if plan.count > 0 { plan.send(); }",
        "let plan = invite.plan(users, \"everyone\"); let later = || plan.send(); later.call();",
        "const LIMIT = 3; fn f() { global::LIMIT } print(f());",
        "let counts = #{}; for u in users { counts[u.username] = 1; } print(counts);",
    ] {
        assert_eq!(found(script), "", "{script}");
    }
}

#[test]
fn arms_of_a_switch_are_looked_at() {
    assert_eq!(
        found(
            "switch users.count() {\n  0 => print(usrs),\n  1..5 if users.cont() > 2 => { users.fist(); }\n  _ => users.first().usernam\n}"
        ),
        "2:14+4 Error there is no variable \"usrs\" (did you mean `users`?)\n\
         3:17+4 Error Selection has no function `cont` (did you mean `count()`?)\n\
         3:39+4 Error Selection has no function `fist` (did you mean `first()`?)\n\
         4:22+7 Error User has no field `usernam` (did you mean `username`?)"
    );
}

#[test]
fn nothing_is_reached_where_every_arm_of_a_switch_ends() {
    assert_eq!(
        found("switch users.count() {\n  0 => { return 1; }\n  _ => throw 2\n}\nprint(3);"),
        "5:1+5 Warning this is never reached: every way before ends earlier"
    );
    assert_eq!(found("switch users.count() { 0 => return 1, 1 => throw 2 }\nprint(3);"), "");
}

#[test]
fn functions_of_texts_and_lists_are_known() {
    assert_eq!(
        found(
            "print(\"ana\".to_uper());\nlet names = [1, 2];\nprint(names.lenght());\nfor u in users { print(u.username.starts_with(\"a\", 3)); }\nprint(users.to_array().filter(|u| u.usernam == \"ana\"));"
        ),
        "1:13+7 Error a string has no function `to_uper` (did you mean `to_upper()`?)\n\
         3:13+6 Error an array has no function `lenght` (did you mean `len()`?)\n\
         4:35+11 Error `starts_with` can't be called with 2 arguments (it takes: `starts_with(character: char)` or `starts_with(match_string: string)`)\n\
         5:37+7 Error User has no field `usernam` (did you mean `username`?)"
    );
    for script in [
        "let a = [3, 1]; a.sort(); a.push(2); print(a.map(|x| x * 2).reduce(|sum, x| sum + x, 0));",
        "print(\"a,b\".split(\",\").len()); print(\"abc\".sub_string(1, 1).len); for c in \"abc\".chars() { print(c); }",
        "print(users.to_array().reduce(|sum, u| sum + u.devices.len(), 0));",
        "let m = #{ twice: |x| x * 2 }; print(m.twice(3));",
        "fn shout(name) { name + \"!\" }\nfn loud() { this + \"!\" }\nprint(\"ana\".loud()); print(shout(\"ana\"));",
    ] {
        assert_eq!(found(script), "", "{script}");
    }
}

/// Example scripts, damaged.
fn damaged() -> impl Strategy<Value = String> {
    let scripts: Vec<String> = std::fs::read_dir("scripts")
        .unwrap()
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|e| e == "rhai"))
        .map(|e| std::fs::read_to_string(e.path()).unwrap())
        .collect();
    (
        prop::sample::select(scripts),
        prop::collection::vec((any::<prop::sample::Index>(), 0..6_usize, "[a-z(){}|;.\"#0-9\u{e9}]{0,3}"), 1..6),
    )
        .prop_map(|(script, changes)| {
            let mut chars: Vec<char> = script.chars().collect();
            for (at, removed, put) in changes {
                let at = at.index(chars.len() + 1);
                let end = (at + removed).min(chars.len());
                chars.splice(at..end, put.chars());
            }
            chars.into_iter().collect()
        })
}

fn places_are_inside(script: &str) -> Result<(), TestCaseError> {
    for finding in checked(script).findings {
        let at = &finding.error;
        prop_assert_ne!(at.code.as_str(), "internal", "{}", script);
        prop_assert!(!finding.render_within(true, 80).is_empty());
        let lines: Vec<&str> = script.split('\n').collect();
        prop_assert!(at.line as usize <= lines.len(), "{}:{} {}", at.line, at.column, script);
        if let Some(line) = (at.line as usize).checked_sub(1).and_then(|line| lines.get(line)) {
            prop_assert!(at.column as usize <= line.chars().count() + 1, "{}:{} {}", at.line, at.column, script);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_can_be_checked(text in "\\PC{0,200}") {
        places_are_inside(&text)?;
    }

    #[test]
    fn a_damaged_script_can_be_checked(script in damaged()) {
        places_are_inside(&script)?;
    }
}
