//! What selected people is asked again when something leaves for them.

use super::testing::TestSite;
use crate::domain::time::Span;
use crate::sim::lock;
use crate::sim::people::Habits;

const USERS: &str = "username,full_name,mail,department,attributes.house
ana,Ana Jansen,ana@sunnyside.example,Music,red
ben,Ben Okafor,ben@sunnyside.example,Music,red
chloe,Chloe Petit,chloe@sunnyside.example,Music,blue
";
const GROUPS: &str = "name,distribution\nGrade 5,yes\nStaff,yes\n";
const MEMBERSHIPS: &str = "group,username\nGrade 5,ana\nGrade 5,ben\nGrade 5,chloe\n";
const DEVICES: &str = "serial,name,platform,user\nF1ANA,Ana's iPad,ipados,ana\nF1SPARE,Spare iPad,ipados,\n";

/// Nobody accepts by themselves.
fn school() -> TestSite {
    TestSite::of(
        Habits { accepts: 0.0, ..Habits::default() },
        &[("users.csv", USERS), ("groups.csv", GROUPS), ("memberships.csv", MEMBERSHIPS), ("devices.csv", DEVICES)],
    )
}

fn mails(site: &TestSite, name: &str) -> usize {
    lock(site.world()).mail.to(&format!("{name}@sunnyside.example")).len()
}

/// The lines of a kind in the journal, about somebody or about the run.
fn told(site: &TestSite, start: &str) -> Vec<String> {
    site.journal().into_iter().filter_map(|line| line.strip_prefix(start).map(str::to_owned)).collect()
}

/// One change of the roster that a message of tomorrow meets: for a selection, a file with a change, and why the
/// message to Ana is called off; nothing where it still leaves.
#[test]
fn whoever_is_not_selected_any_more_gets_no_reminder_and_the_record_says_why() {
    let moved = USERS.replace("ana@sunnyside.example,Music", "ana@sunnyside.example,Art");
    let house = USERS.replacen("Music,red", "Music,green", 1);
    let staff = format!("{MEMBERSHIPS}Staff,ana\n");
    let given_back = DEVICES.replace("ipados,ana", "ipados,");
    let older =
        DEVICES.replace("serial,name,platform,user", "serial,name,platform,user,model").replace(",ana\n", ",ana,iPad (6th)\n");
    let older = older.replace("ipados,\n", "ipados,,\n");
    let cases = [
        (r#"users.where(|u| u.department == "Music")"#, "users.csv", &*moved, r#"u.department == "Music""#),
        (r#"users.where(|u| u.attributes["house"] == "red")"#, "users.csv", &*house, r#"u.attributes["house"] == "red""#),
        (r#"groups["Grade 5"].members.where(|u| u.department == "Music")"#, "users.csv", &*moved, r#"u.department == "Music""#),
        (r#"users.where(|u| !u.in_group("Staff"))"#, "memberships.csv", &*staff, r#"!u.in_group("Staff")"#),
        (r#"users - groups["Staff"].members"#, "memberships.csv", &*staff, r#"!u.in_group("Staff")"#),
        (
            r#"groups["Grade 5"].members.where(|u| u.devices.some(|d| d.platform == "ipados"))"#,
            "devices.csv",
            &*given_back,
            r#"u.devices.some(|d| d.platform == "ipados")"#,
        ),
        (
            r#"groups.rule("musicians", |u| u.department == "Music" && !u.invited)"#,
            "users.csv",
            &*moved,
            r#"u.department == "Music""#,
        ),
        // What has not changed, what sending changes, and people by name.
        (r#"users.where(|u| u.department == "Music")"#, "devices.csv", &*older, ""),
        ("users.where(|u| !u.invited && u.reminders == 0 && u.last_contact == ())", "users.csv", &*moved, ""),
        (r#"users.where(|u| u.status == "none")"#, "users.csv", &*moved, ""),
        (r#"users.find("ana")"#, "users.csv", &*moved, ""),
        (r#"users.where(|u| u.department == "Music").limit(3)"#, "users.csv", &*moved, r#"u.department == "Music""#),
        (r#"[groups["Staff"], users.where(|u| u.department == "Music")]"#, "memberships.csv", &*staff, ""),
    ];
    for (audience, file, text, why) in cases {
        let mut site = school();
        site.run(&format!(
            "let who = {audience}; invite.plan(who, \"not-invited\").send(#{{ channels: [\"mail\"], remind: [days(2)] }});"
        ));
        site.deliver(None, Span::days(1));
        assert_eq!(mails(&site, "ana"), 1, "the first message of {audience}: {:#?}", site.journal());
        let files = [("users.csv", USERS), ("groups.csv", GROUPS), ("memberships.csv", MEMBERSHIPS), ("devices.csv", DEVICES)];
        let changed = files.map(|(name, old)| (name, if name == file { text } else { old }));
        site.import(&changed);
        site.deliver(None, Span::days(2));
        let words = if why.is_empty() { vec![] } else { vec![format!("not selected any more: {why} does not hold")] };
        assert_eq!(told(&site, "cancelled ana: "), words, "{audience}");
        assert_eq!(mails(&site, "ana"), if why.is_empty() { 2 } else { 1 }, "{audience}");
        site.assert_nothing_twice();
    }
}

#[test]
fn a_mail_to_a_group_or_a_selection_is_asked_again_too() {
    let quiet = "[limits]\nquiet_hours = \"07:00-12:00\"\n";
    let mail = |to: &str| format!("notify.mail({to}, \"message\", #{{ subject: \"x\", text: \"y\" }});");
    for (to, why) in [
        (r#"groups["Grade 5"]"#, "not in Grade 5 any more"),
        (
            r#"users.where(|u| u.in_group("Grade 5") || u.department == "Art")"#,
            "not selected any more: (u.in_group(\"Grade 5\") || u.department == \"Art\") does not hold",
        ),
    ] {
        let mut site = school().with_settings(quiet);
        site.run(&mail(to));
        site.deliver(None, Span::hours(1));
        let members = "group,username\nGrade 5,ben\nGrade 5,chloe\n";
        site.import(&[("users.csv", USERS), ("groups.csv", GROUPS), ("memberships.csv", members), ("devices.csv", DEVICES)]);
        site.deliver(None, Span::days(1));
        assert_eq!(told(&site, "cancelled ana: "), [why], "{to}");
        assert_eq!((mails(&site, "ana"), mails(&site, "ben")), (0, 1), "{to}");
    }
}

#[test]
fn a_mail_about_the_invitation_is_not_sent_to_who_has_accepted_meanwhile() {
    let mut site = school();
    site.run("invite.plan(groups[\"Grade 5\"], \"not-invited\").send(#{ channels: [\"mail\"] });");
    site.deliver(None, Span::hours(1));
    let mut site = site.with_settings("[limits]\nquiet_hours = \"07:00-12:00\"\n");
    site.run("notify.mail(users.where(|u| !u.enrolled), \"message\", #{ subject: \"x\", text: \"y\" });");
    let mut world = lock(site.world());
    let code = world
        .apple
        .records()
        .find(|r| r.email.as_deref() == Some("ana@sunnyside.example"))
        .map(|r| r.invite_code.clone())
        .unwrap();
    world.apple.accept(crate::ports::clock::Clock::now(&*site.clock), &code, "ana@private.example").unwrap();
    drop(world);
    site.sync();
    site.deliver(None, Span::days(1));
    assert_eq!(told(&site, "cancelled ana: "), ["not selected any more: !u.enrolled does not hold"]);
    assert_eq!((mails(&site, "ana"), mails(&site, "ben")), (1, 2));
}

#[test]
fn what_a_run_does_itself_takes_nothing_away_from_it() {
    let mut site = school();
    site.run(
        "let bare = users.where(|u| u.devices.is_empty() && !u.enrolled);
         devices.assign(devices.find(\"F1SPARE\"), users.find(\"ben\"));
         notify.mail(bare, \"message\", #{ subject: \"An iPad for you\", text: \"y\" });
         invite.plan(bare, \"not-invited\").send(#{ channels: [\"mail\"] });",
    );
    site.deliver(None, Span::days(1));
    assert_eq!((mails(&site, "ana"), mails(&site, "ben"), mails(&site, "chloe")), (0, 2, 2), "{:#?}", site.journal());
}

#[test]
fn the_record_of_a_run_says_what_is_asked_again_and_what_is_not() {
    let site = school();
    site.run(
        "let who = groups[\"Grade 5\"].members.where(|u| u.department == \"Music\" && !u.invited && u.full_name.len() > 3);
         invite.plan(who, \"not-invited\").send();",
    );
    let said = told(&site, "grounds: ");
    assert_eq!(
        said,
        [
            r#"asked again of each person when something leaves: u.in_group("Grade 5") && u.department == "Music"; not asked again: u.full_name.len() > 3; u.invited"#
        ]
    );
    let site = school();
    site.run("invite.plan(groups[\"Grade 5\"], \"not-invited\").send();");
    assert_eq!(told(&site, "grounds: "), Vec::<String>::new(), "a group alone goes without saying");
}
