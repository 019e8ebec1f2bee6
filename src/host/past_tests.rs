//! The roster as it was, over weeks of a virtual clock: what was seen on each day is what is told of it afterwards.

use super::testing::{TestSite, morning};
use crate::domain::roster::{AsOf, RosterView};
use crate::domain::selection::{Of, Select};
use crate::domain::time::{Span, Timestamp, show};
use crate::ports::clock::Clock as _;
use crate::sim::lock;
use crate::sim::mailboxes::MailboxConduct;
use crate::sim::people::Habits;
use crate::store::OldRows;

const ZONE: chrono_tz::Tz = chrono_tz::Europe::Amsterdam;

const USERS: &str = "username,full_name,mail,department
ana,Ana Jansen,ana@sunnyside.example,Music
ben,Ben Okafor,ben@sunnyside.example,Music
chloe,Chloe Petit,chloe@sunnyside.example,Sport
";
const DEVICES: &str = "serial,udid,name,platform,user,managed,enrollment
F1ANA,UDID-ANA,Ana's iPad,ipados,ana,yes,device
";
const MEMBERSHIPS: &str = "group,username\nGrade 5,ana\nGrade 5,ben\nGrade 5,chloe\n";

fn files<'a>(users: &'a str, memberships: &'a str) -> [(&'a str, &'a str); 4] {
    let groups = ("groups.csv", "name,distribution\nGrade 5,yes\n");
    [("users.csv", users), groups, ("memberships.csv", memberships), ("devices.csv", DEVICES)]
}

/// A line a person: where they stand, their groups and devices.
fn lines(view: &dyn RosterView) -> String {
    let users = view.users(&view.ids(&Select::All(Of::Users)).unwrap()).unwrap();
    let day = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| show(at, ZONE));
    let line = |u: &crate::domain::user::User| {
        let groups: Vec<String> = view.groups_of(u.id).unwrap().into_iter().map(|g| g.name).collect();
        let devices: Vec<String> = view.devices_of(u.id).unwrap().iter().map(|d| d.name.clone()).collect();
        let (department, status) = (u.department.as_deref().unwrap_or("none"), u.status.word());
        let times = format!("{} {} {}", day(u.invited_at), day(u.enrolled_at), day(u.last_contact));
        format!("{} {department} {} {status} {times} {} {groups:?} {devices:?}\n", u.username, u.enabled, u.reminders)
    };
    users.iter().map(|u| line(u)).collect()
}

fn past(site: &TestSite, when: Timestamp) -> String {
    match site.site.store.roster().unwrap().as_of(when).unwrap() {
        AsOf::Known(view) => lines(view.as_ref()),
        AsOf::Before(begins) => format!("unknown before {begins:?}"),
    }
}

/// Three weeks in which Ana accepts, Ben is withdrawn and invited anew, and Chloe leaves; with what was seen on each day.
fn weeks() -> (TestSite, Vec<(Timestamp, String)>) {
    let mut site = TestSite::of(Habits { accepts: 0.0, ..Habits::default() }, &files(USERS, MEMBERSHIPS));
    let moved = USERS.replace("ben@sunnyside.example,Music", "ben@sunnyside.example,Sport");
    let mut days = Vec::new();
    for day in 0..21 {
        match day {
            1 => {
                site.run("invite.plan(groups[\"Grade 5\"], \"not-invited\").send(#{ remind: [days(3), days(6)] });");
            }
            5 => {
                let mut world = lock(site.world());
                let record = world.apple.records().find(|r| r.email.as_deref() == Some("ana@sunnyside.example"));
                let code = record.map(|r| r.invite_code.clone()).unwrap();
                world.apple.accept(site.clock.now(), &code, "ana@private.example").unwrap();
            }
            // Nobody knows whether Chloe has got her second reminder: that was no contact.
            7 => lock(site.world()).mail.behave("chloe@sunnyside.example", MailboxConduct::DropsAfterDot { times: 1 }),
            14 => {
                site.run("notify.mail(users.find(\"chloe\"), \"message\", #{ subject: \"News\", text: \"None.\" });");
            }
            9 => {
                site.run("invite.withdraw(users.find(\"ben\"));");
            }
            11 => site.import(&files(&moved, MEMBERSHIPS)),
            12 => {
                site.run("invite.plan(users.find(\"ben\"), \"everyone\").send(#{ remind: [days(2)] });");
                site.run("devices.assign(devices.find(\"F1ANA\"), users.find(\"ben\"));");
            }
            16 => {
                let (left, _) = moved.split_once("chloe").unwrap();
                site.import(&files(left, "group,username\nGrade 5,ana\n"));
            }
            _ => {}
        }
        let evening = morning() + Span::days(day) + Span::hours(12);
        site.deliver(None, evening - site.clock.now());
        site.sync();
        site.clock.advance_to(evening);
        days.push((evening, lines(&site.site.store.roster().unwrap())));
        site.clock.advance_to(morning() + Span::days(day + 1));
    }
    (site, days)
}

#[test]
fn what_was_seen_on_a_day_is_told_of_it_afterwards() {
    let (site, days) = weeks();
    for (number, (at, then)) in days.iter().enumerate() {
        assert_eq!(&past(&site, *at), then, "day {number}");
    }
    let all: String = days.iter().map(|(_, then)| then.as_str()).collect();
    for part in ["ana Music true enrolled", "ben Sport true retired", "ben Sport true invited", "chloe Sport false"] {
        assert!(all.contains(part), "there was {part}");
    }
    assert!(all.contains(" 2 [\"Grade 5\"]"), "there was somebody with two reminders");
    assert!(past(&site, morning() - Span::days(1)).starts_with("unknown before"));
}

#[test]
fn a_script_compares_then_with_now() {
    let (site, days) = weeks();
    let then = show(days[3].0, ZONE);
    site.run(&format!(
        r#"
        fn same(found, wanted) {{ if found != wanted {{ throw `${{found}} and not ${{wanted}}`; }} }}
        let then = at("{then}");
        same((then.groups["Grade 5"].members - groups["Grade 5"].members).pluck("username"), ["ben", "chloe"]);
        let music = then.users.where(|u| u.department == "Music");
        same((music - users.where(|u| u.department == "Music")).pluck("username"), ["ben"]);
        same((music & users).order_by("username").pluck("department"), ["Music", "Sport"]);
        same(then.groups["Grade 5"].enrolled, 0);
        same(groups["Grade 5"].enrolled, 1);
        same(then.devices.find("F1ANA").user.username, "ana");
        same((now() - days(7)).devices.find("F1ANA").user.username, "ben");
        same(devices.find("F1ANA").user.username, "ana");
        same(then.users.where(|u| u.devices.some(|d| d.platform == "ipados")).pluck("username"), ["ana"]);
        same(then.users.where(|u| u.groups.len() == 1 && u.full_name.len() > 3).count(), 3);
        let sums = [];
        for d in 1..20 {{ sums.push((now() - days(d)).users.where(|u| u.enrolled).count()); }}
        same(sums[0], 1);
        same(sums[18], 0);
        "#
    ));
}

#[test]
fn the_past_of_a_person_goes_with_the_person_and_with_its_time() {
    let (mut site, days) = weeks();
    let ben = site.site.store.roster().unwrap().user_by_username("ben").unwrap().unwrap().id;
    site.run("invite.withdraw(users.where(|u| u.username == \"ben\"));");
    site.deliver(None, Span::days(1));
    site.sync();
    let now = site.clock.now();
    assert!(site.site.store.forget(ben, "asked for", now).unwrap().is_some());
    for (at, _) in &days {
        let told = past(&site, *at).to_lowercase();
        assert!(!told.contains("ben") && told.contains("ana"), "{told}");
    }
    let mut walk = OldRows::default();
    let (from, _) = days[13];
    while site.site.store.erase_before(from, &mut walk, 10, now).unwrap() {}
    assert!(past(&site, days[2].0).starts_with("unknown before"));
    assert!(past(&site, from).contains("ana Music true enrolled"));
}
