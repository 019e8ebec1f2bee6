//! What other programs are given.

use crate::script::shown::field::Kind;
use crate::script::testing::{School, host, trial, trial_in};

#[test]
fn rows_are_csv_that_spreadsheets_do_not_run() {
    let mut school = School::sunnyside();
    let evil = school.user("evil", "=HYPERLINK(\"http://evil.example\",\"x\")");
    school.change(evil, |u| {
        u.department = Some("Art, \"Music\"\nand more".into());
        u.title = Some(" +1".into());
    });
    let script = r#"users.where(|u| u.username >= "eva").to_csv(#{ fields: ["username", "full_name", "department", "title", "reminders"] })"#;
    assert_eq!(
        trial_in(school, script).output(),
        "username,full_name,department,title,reminders\r\n\
         eva,Eva Maier,Music,Teacher,0\r\n\
         evil,\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")\",\"Art, \"\"Music\"\"\nand more\",' +1,0\r\n"
    );
    assert_eq!(trial("[#{ a: -1, b: \"-1\" }].to_csv()").output(), "a,b\r\n-1,'-1\r\n");
    // One field alone is a list, too, for the check as well.
    assert_eq!(trial("users.limit(1).to_csv(#{ fields: \"mail\" })").output(), "mail\r\nana@sunnyside.example\r\n");
    assert_eq!(trial("users.where(|u| false).to_csv(#{ fields: [\"mail\"] })").output(), "mail\r\n");
}

#[test]
fn rows_are_json_with_the_names_that_scripts_use() {
    insta::assert_snapshot!(trial("users.limit(2).to_json()").output(), @r#"
    [
    {"username":"ana","full_name":"Ana Ruiz","mail":"ana@sunnyside.example","language":null,"timezone":null,"department":null,"title":null,"enabled":true,"managed_account":null,"distribution":false,"status":"enrolled","invited":true,"invited_at":"2026-11-11T08:00:00+01:00","enrolled":true,"enrolled_at":"2026-11-12T08:00:00+01:00","reminders":0,"last_contact":"2026-11-11T08:00:00+01:00"},
    {"username":"ben","full_name":"Ben Ito","mail":"ben@sunnyside.example","language":null,"timezone":null,"department":null,"title":null,"enabled":true,"managed_account":null,"distribution":false,"status":"invited","invited":true,"invited_at":"2026-11-21T08:00:00+01:00","enrolled":false,"enrolled_at":null,"reminders":1,"last_contact":"2026-11-21T08:00:00+01:00"}
    ]
    "#);
    let fields = r#"#{ fields: ["username", "groups", "devices", "attributes.house", "attributes"] }"#;
    insta::assert_snapshot!(trial(&format!("users.limit(1).to_json({fields})")).output(), @r#"
    [
    {"username":"ana","groups":["Grade 5","Choir"],"devices":["C02X1"],"attributes.house":"red","attributes":{"house":"red"}}
    ]
    "#);
    insta::assert_snapshot!(trial("devices.limit(1).to_json(#{ fields: [\"serial\", \"user\", \"last_seen\"] })").output(), @r#"
    [
    {"serial":"C02X1","user":"ana","last_seen":"2026-12-01T07:00:00+01:00"}
    ]
    "#);
    insta::assert_snapshot!(trial("groups.list().to_json()").output(), @r#"
    [
    {"name":"Grade 5","distribution":true,"users":4,"enrolled":1,"open":1,"devices":3},
    {"name":"Staff","distribution":false,"users":1,"enrolled":0,"open":0,"devices":1},
    {"name":"Choir","distribution":false,"users":1,"enrolled":1,"open":0,"devices":1},
    {"name":"Grade 6","distribution":true,"users":0,"enrolled":0,"open":0,"devices":0}
    ]
    "#);
    insta::assert_snapshot!(trial("[1, \"two\", now()].to_json()").output(), @r#"
    [
    1,
    "two",
    "2026-12-01T08:00:00+01:00"
    ]
    "#);
    assert_eq!(trial("[].to_json()").output(), "[]");
    assert_eq!(trial("[].to_csv(#{ fields: [\"id\"] })").output(), "id\r\n");
    assert_eq!(trial("[].to_csv()").output(), "");
}

#[test]
fn plans_say_who_is_invited_and_who_is_not() {
    insta::assert_snapshot!(trial("invite.plan(groups[\"Grade 5\"], \"not-invited\").to_csv()").output().replace('\r', ""), @r#"
    username,full_name,invited,devices,mail,again,reason,code
    chloe,Chloe Lee,true,1,true,false,,
    ana,Ana Ruiz,false,0,,,already enrolled,already-enrolled
    ben,Ben Ito,false,0,,,already invited,already-invited
    dev,Dev Patel,false,0,,,no device and no mail address,unreachable
    "#);
    insta::assert_snapshot!(trial("invite.plan(groups[\"Grade 5\"], \"not-invited\").left_out.to_json(#{ fields: [\"username\", \"code\"] })").output(), @r#"
    [
    {"username":"ana","code":"already-enrolled"},
    {"username":"ben","code":"already-invited"},
    {"username":"dev","code":"unreachable"}
    ]
    "#);
}

#[test]
fn what_is_asked_wrongly_is_said_in_words() {
    insta::assert_snapshot!(trial("users.to_csv(#{ fields: [\"user_name\"] })").error(), @r#"
    error: the rows have no field "user_name"
      --> scripts/test.rhai:1:26
       |
     1 | users.to_csv(#{ fields: ["user_name"] })
       |                          ^^^^^^^^^^^ did you mean "username"?
    "#);
    insta::assert_snapshot!(trial("users.to_csv(#{ feilds: [] })").error(), @r#"
    error: to_csv has no option "feilds"
      --> scripts/test.rhai:1:17
       |
     1 | users.to_csv(#{ feilds: [] })
       |                 ^^^^^^ did you mean "fields"?
    "#);
    insta::assert_snapshot!(trial("[users.find(\"ana\"), 1].to_csv()").error(), @r#"
    error: to_csv wants an array of users, of devices, of maps, or of other rows of one kind, not a User beside a whole number
      --> scripts/test.rhai:1:24
       |
     1 | [users.find("ana"), 1].to_csv()
       |                        ^^^^^^
    "#);
}

#[test]
fn a_text_is_never_longer_than_a_script_may_hold() {
    insta::assert_snapshot!(trial_in(School::large(30_000), "users.to_json()").error(), @r#"
    error: to_json would be longer than 8000000 bytes, the longest text that a script may hold: 24344 rows filled it
      --> scripts/test.rhai:1:7
       |
     1 | users.to_json()
       |       ^^^^^^^
    hint: ask for fewer fields, `to_json(#{ fields: ["username", "mail"] })`, or for fewer rows
    "#);
    let few = trial_in(School::large(30_000), "users.to_json(#{ fields: [\"username\"] }).len()");
    assert!(few.output().parse::<usize>().unwrap() > 30_000 * 20);
}

#[test]
fn every_field_that_scripts_know_can_be_written() {
    let words = [
        (Kind::User, "User"),
        (Kind::Device, "Device"),
        (Kind::Group, "Group"),
        (Kind::Task, "Task"),
        (Kind::App, "App"),
        (Kind::Schedule, "Schedule"),
        (Kind::LeftOut, "LeftOut"),
    ];
    for (kind, of) in words {
        let entries = host().catalog().entries().iter();
        let fields = entries.filter(|e| e.kind == crate::script::catalog::EntryKind::Field && e.params[0].1 == of);
        let mut known: Vec<&str> = fields.map(|e| e.name.as_str()).collect();
        let mut ours = kind.fields().to_vec();
        known.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, known, "{of}");
    }
}
