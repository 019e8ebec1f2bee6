//! The roster as it was. Sixty days before the tests' now Chloe was not in Grade 5, Ana was in the music department and
//! had not accepted, and Ben's iPad was Dev's.

use crate::script::testing::trial;

fn check(script: &str, expect: &str) {
    assert_eq!(trial(script).output(), expect, "{script}");
}

fn refused(script: &str, code: &str, says: &[&str]) {
    let error = trial(script).run().unwrap_err();
    let text = format!("{}\n{}", error.message, error.hint.clone().unwrap_or_default());
    assert_eq!(error.code, code, "{script}: {text}");
    for part in says {
        assert!(text.contains(part), "{script}: {text:?} does not say {part:?}");
    }
}

#[test]
fn a_time_has_users_groups_and_devices() {
    check("at(\"2026-11-01 08:00\").groups[\"Grade 5\"].members.count()", "3");
    check("groups[\"Grade 5\"].members.count()", "4");
    check("at(\"2026-11-01\").users.where(|u| u.department == \"Music\").pluck(\"username\")", "[\"ana\", \"eva\"]");
    check("(now() - days(30)).devices.find(\"C02BEN\").user.username", "dev");
    check("date(\"2026-11-01\").groups.names().len()", "4");
    check("let n = 0; for g in at(\"2026-11-01\").groups { n += g.users; } n", "5");
    check("at(\"2026-11-01\").groups[\"Grade 5\"].enrolled", "0");
}

#[test]
fn what_is_of_the_past_stays_in_the_past() {
    let then = "let then = at(\"2026-11-01 08:00\");";
    check(&format!("{then} then.users.find(\"chloe\").groups"), "[]");
    check(&format!("{then} then.users.find(\"dev\").devices.len()"), "1");
    check(&format!("{then} then.users.find(\"dev\").devices[0].user.devices[0].user.full_name"), "Dev Patel");
    check(&format!("{then} then.users.find(\"chloe\").in_group(\"Grade 5\")"), "false");
    check(&format!("{then} then.users.find(\"ana\").status"), "invited");
    // As part of a query, and row by row.
    check(&format!("{then} then.users.where(|u| u.in_group(\"Grade 5\")).count()"), "3");
    check(&format!("{then} then.users.where(|u| u.groups.len() > 0 && u.full_name.len() > 0).count()"), "4");
    check(
        &format!("{then} then.devices.where(|d| d.user != () && d.user.username.len() == 3).pluck(\"serial\")"),
        r#"["C02X1", "C02BEN", "C02EVA"]"#,
    );
    check(&format!("{then} then.users.in_group(\"Grade 5\").count()"), "3");
    check(&format!("{then} then.devices.in_group(\"Grade 5\").pluck(\"serial\")"), "[\"C02X1\", \"C02BEN\"]");
    // A group of today narrows the users of then to those who are in it now.
    check(&format!("{then} then.users.in_group(groups[\"Grade 5\"]).count()"), "4");
    // The card says so.
    insta::assert_snapshot!(trial(&format!("{then} then.users.find(\"ana\")")).output(), @r#"
    Ana Ruiz (ana)
      as of         2026-11-01 08:00
      mail          ana@sunnyside.example
      department    Music
      groups        Grade 5, Choir
      devices       Ana's iPad (iPad)
      status        invited 2026-09-22 09:00
      last contact  2026-09-22 09:00
      distribution  enabled through a group
    "#);
}

#[test]
fn then_and_now_are_compared_by_who_is_in_them() {
    let then = "let then = at(\"2026-11-01 08:00\").groups[\"Grade 5\"].members; let here = groups[\"Grade 5\"].members;";
    check(&format!("{then} (here - then).pluck(\"username\")"), "[\"chloe\"]");
    check(&format!("{then} (then - here).count()"), "0");
    // What is left of a difference is as it was in the first; what is in both is as it is now.
    check(&format!("{then} (then - here.where(|u| u.invited)).pluck(\"username\")"), "[\"dev\"]");
    check(&format!("{then} (then & here).where(|u| u.enrolled).pluck(\"username\")"), "[\"ana\"]");
    check(&format!("{then} (here & then).where(|u| u.enrolled).count()"), "1");
    check(&format!("{then} (then & at(\"2026-10-10\").users).where(|u| u.enrolled).count()"), "0");
    check(&format!("{then} `${{users.find(\"chloe\") in then}} ${{users.find(\"chloe\") in here}}`"), "false true");
    // Left-over closures on either side.
    check(&format!("{then} (here.where(|u| u.full_name.len() > 0) - then.where(|u| u.full_name.len() > 0)).count()"), "1");
    refused(&format!("{then} then + here"), "two_times", &["& users"]);
}

#[test]
fn the_past_can_only_be_read() {
    let then = "let then = at(\"2026-11-01 08:00\");";
    let members = "then.groups[\"Grade 5\"].members";
    refused(&format!("{then} invite.plan({members}, \"everyone\")"), "past_roster", &["2026-11-01 08:00", "& users"]);
    refused(&format!("{then} invite.plan(then.groups[\"Grade 5\"], \"everyone\")"), "past_roster", &["groups[\"Grade 5\"]"]);
    refused(&format!("{then} notify.mail({members}, \"welcome\")"), "past_roster", &["& users"]);
    refused(&format!("{then} notify.push([then.users.find(\"ana\")], \"x\")"), "past_roster", &["users.find(\"ana\")"]);
    refused(&format!("{then} invite.user(then.users.find(\"ana\"))"), "past_roster", &["users.find(\"ana\")"]);
    refused(&format!("{then} invite.device(then.devices.find(\"C02X1\"))"), "past_roster", &["devices.find(\"C02X1\")"]);
    refused(&format!("{then} devices.assign(then.devices.find(\"C02X1\"), users.find(\"ana\"))"), "past_roster", &[]);
    refused(&format!("{then} devices.assign(devices.find(\"C02X1\"), then.users.find(\"ana\"))"), "past_roster", &[]);
    refused(&format!("{then} then.users.find(\"ana\").enable_distribution()"), "past_roster", &[]);
    refused(&format!("{then} then.groups[\"Staff\"].enable_distribution()"), "past_roster", &[]);
    refused(&format!("{then} apps.assign(apps.find(\"Keynote\"), then.groups[\"Grade 5\"])"), "past_roster", &[]);
    refused(&format!("{then} then.groups.rule(\"x\", |u| u.enabled)"), "past_roster", &[]);
    // Those of them who are here now can be invited.
    check(&format!("{then} invite.plan({members} & users, \"everyone\").users.pluck(\"username\")"), "[\"ben\"]");
}

#[test]
fn what_is_not_known_is_an_error_and_no_empty_answer() {
    refused("at(\"2026-09-01\").users.count()", "roster_unknown", &["2026-09-01 00:00", "goes back to 2026-10-02 09:00"]);
    refused("(now() + days(1)).users.count()", "roster_unknown", &["2026-12-02 08:00", "it is 2026-12-01 08:00 now"]);
    check("now().users.count()", "5");
    let mut school = crate::script::testing::School::sunnyside();
    school.past.clear();
    let error = crate::script::testing::trial_in(school, "at(\"2026-11-01\").users.count()").run().unwrap_err();
    assert_eq!((error.code.as_str(), error.message.contains("no history yet")), ("roster_unknown", true));
}

#[test]
fn a_script_may_look_at_many_times() {
    check("let sum = 0; for d in 1..40 { sum += (now() - days(d)).groups[\"Grade 5\"].users; } sum", "117");
    let keep = "let all = []; for d in 1..30 { all.push((now() - days(d)).users.where(|u| u.department == \"Music\")); }";
    check(&format!("{keep} let n = 0; for one in all {{ n += one.count(); }} n"), "58");
}
