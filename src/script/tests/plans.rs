//! What scripts ask for: plans, messages, assignments.

use std::sync::atomic::Ordering;

use crate::domain::delivery::Channel;
use crate::domain::intent::{Intent, MailTo};
use crate::domain::time::Span;
use crate::script::testing::{School, trial, trial_in};

#[test]
fn a_plan_prints_its_figures_and_sends_when_told() {
    let script = "let plan = invite.plan(groups[\"Grade 5\"], \"not-invited\");\nprint(plan);\nplan.send(#{ remind: [days(7), days(3)], expires: days(30) });";
    insta::assert_snapshot!(trial(script).output(), @r#"
    Invite Grade 5 to managed distribution (Sunnyside School)
      1 of 4 users, 1 device: 1 iPad; 1 mail
      left out: 1 already enrolled, 1 already invited, 1 no device and no mail address
    "#);
    let output = trial(script).run().unwrap();
    let [asked] = output.asked.as_slice() else { panic!("{:?}", output.asked) };
    assert_eq!((asked.origin.source.as_str(), asked.origin.line, asked.origin.column), ("scripts/test.rhai", 3, 6));
    let Intent::Invite(invite) = &asked.intent else { panic!("{:?}", asked.intent) };
    assert_eq!(invite.options.remind.after, [Span::days(3), Span::days(7)]);
    assert_eq!(invite.options.expires, Some(Span::days(30)));
    assert_eq!(invite.options.template, "invitation");
    assert_eq!(invite.options.channels, [Channel::Mdm, Channel::Mail]);
    let invited: Vec<&str> = invite.lines().iter().map(|l| l.username.as_str()).collect();
    assert_eq!(invited, ["chloe"]);
}

#[test]
fn a_plan_that_is_not_sent_asks_for_nothing() {
    assert_eq!(trial("invite.plan(users, \"everyone\").count").run().unwrap().asked, []);
}

#[test]
fn plans_answer_who_and_why() {
    let plan = "let p = invite.plan(users, \"not-enrolled\", #{ gap: days(14) }); ";
    let check = |script: &str, expect: &str| assert_eq!(trial(&format!("{plan}{script}")).output(), expect, "{script}");
    check("p.count", "1");
    check("p.users.pluck(\"username\")", "[\"chloe\"]");
    check("p.devices.pluck(\"serial\")", "[\"C02CHL\"]");
    check("p.why(\"ben\")", "Ben Ito is left out: reminded in the last 14 days");
    check("p.why(\"chloe\")", "Chloe Lee is invited on 1 device and by mail");
    check("p.left_out.map(|l| l.code)", "[\"already-enrolled\", \"contacted-recently\", \"unreachable\", \"distribution-off\"]");
    check("p.reasons.unreachable", "1");
}

#[test]
fn choices_channels_and_audiences() {
    let check = |script: &str, expect: &str| assert_eq!(trial(script).output(), expect, "{script}");
    check("invite.plan(users, \"everyone\").users.pluck(\"username\")", "[\"ben\", \"chloe\"]");
    check("invite.plan(users, \"not-invited\", #{ channels: [\"mail\"] }).devices.count()", "0");
    check("invite.plan(users.find(\"ben\"), \"everyone\").count", "1");
    check("invite.plan(users.where(|u| u.reminders > 0), \"everyone\").users.first().username", "ben");
    let mixed = "invite.plan([users.find(\"ana\"), groups[\"Staff\"], users.find(\"ana\"), [users.find(\"ben\")]], \"everyone\")";
    insta::assert_snapshot!(trial(mixed).output(), @r#"
    Invite 3 users to managed distribution (Sunnyside School)
      1 of 3 users, 1 device: 1 iPad; 1 mail
      left out: 1 already enrolled, 1 managed distribution not enabled
    "#);
    check(
        "invite.plan([], \"everyone\")",
        "Invite 0 users to managed distribution (Sunnyside School)\n  nobody: the audience is empty",
    );
}

#[test]
fn sending_over_other_channels_makes_the_figures_anew() {
    let script =
        "let p = invite.plan(groups[\"Grade 5\"], \"not-invited\"); p.send(#{ channels: [\"mail\"] }); p.devices.count()";
    assert_eq!(trial(script).output(), "0");
    let asked = trial(script).run().unwrap().asked;
    let Intent::Invite(invite) = &asked[0].intent else { panic!() };
    assert!(invite.lines().iter().all(|l| l.devices.is_empty() && l.mail));
}

#[test]
fn single_invitations_resends_and_withdrawals() {
    let script = "
        invite.user(users.find(\"chloe\"));
        invite.device(devices.find(\"C02CHL\"), #{ expires: days(14) });
        invite.resend(users);
        print(invite.withdraw(users));
        print(invite.withdraw(users.find(\"dev\")));";
    insta::assert_snapshot!(trial(script).asked(), @r#"
    2:16 Invite Chloe Lee to managed distribution (Sunnyside School)
      1 of 1 user, 1 device: 1 iPad; 1 mail
    3:16 Invite Chloe Lee to managed distribution (Sunnyside School)
      1 of 1 user, 1 device: 1 iPad
    4:16 Invite 5 users to managed distribution (Sunnyside School)
      1 of 5 users, 1 device: 1 iPad; 1 mail
      left out: 1 already enrolled, 3 not invited before
    5:22 Withdraw 2 users from managed distribution
    "#);
}

#[test]
fn every_other_ask_is_recorded_with_its_place() {
    let script = "
        notify.mail(\"it@sunnyside.example\", \"report\", #{ enrolled: 3, at: now(), who: users.find(\"ana\"), gap: days(2) });
        notify.mail(users, \"welcome\");
        notify.mail(\"eva\", \"welcome\");
        notify.push(users, \"hello\", #{ title: \"IT\" });
        notify.webhook(\"staff-chat\", #{ text: \"hi\", n: [1, 2.5, true, ()] });
        devices.assign(devices.find(\"C02TV\"), users.find(\"ana\"));
        devices.unassign(devices.find(\"C02TV\"));
        groups[\"Staff\"].enable_distribution();
        users.find(\"ana\").disable_distribution();
        apps.assign(apps.find(\"Keynote\"), groups[\"Staff\"]);
        for t in tasks.active() { tasks.retry(t); tasks.cancel(t); }";
    insta::assert_snapshot!(trial(script).asked(), @r#"
    2:16 Mail "report" to it@sunnyside.example
    3:16 Mail "welcome" to 4 people
      left out: 1 no device and no mail address
    4:16 Mail "welcome" to Eva Maier
    5:16 Push "hello" to 1 device
      left out: 4 no device and no mail address
    6:16 Post to the webhook "staff-chat"
    7:17 Assign device C02TV to Ana Ruiz
    8:17 Take device C02TV from its user
    9:25 Enable managed distribution for Staff
    10:27 Disable managed distribution for Ana Ruiz
    11:14 Assign Keynote to Staff
    12:41 Send delivery 1 again
    12:57 Cancel delivery 1
    "#);
    let asked = trial(script).run().unwrap().asked;
    let Intent::Mail(mail) = &asked[0].intent else { panic!() };
    assert!(matches!(&mail.to, MailTo::Address(_)));
    assert_eq!(mail.data, serde_json::json!({ "enrolled": 3, "at": "2026-12-01 08:00", "who": "Ana Ruiz", "gap": "2 days" }));
    let Intent::Webhook { body, .. } = &asked[4].intent else { panic!() };
    assert_eq!(*body, serde_json::json!({ "text": "hi", "n": [1, 2.5, true, null] }));
}

#[test]
fn what_a_failed_script_asked_for_is_forgotten() {
    let run = trial("invite.plan(users, \"everyone\").send(); users.find(\"nobody\")").run();
    assert_eq!(run.unwrap_err().code, "unknown_user");
}

#[test]
fn a_plan_over_ten_thousand_users_is_one_question() {
    let school = School::large(10_000);
    let asked = school.candidates_asked.clone();
    let script = "let p = invite.plan(groups[\"Everybody\"], \"not-invited\"); p.send(); p.count";
    assert_eq!(trial_in(school, script).output(), "10000");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn ten_thousand_users_can_be_walked_and_listed() {
    let check = |script: &str, expect: &str| assert_eq!(trial_in(School::large(10_000), script).output(), expect, "{script}");
    check("let n = 0; for u in users { n += u.reminders + 1; } n", "10000");
    check("users.pluck(\"mail\").len()", "10000");
    check("users.where(|u| u.username.ends_with(\"7\")).count()", "1000");
    check("invite.plan(users.to_array(), \"not-invited\").count", "10000");
}
