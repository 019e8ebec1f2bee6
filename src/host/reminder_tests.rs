//! Reminders, quiet hours and the contact budget, over weeks of a virtual clock.

use chrono::NaiveTime;
use chrono_tz::Tz;
use proptest::prelude::*;

use super::put_off;
use super::testing::{TestSite, invitation, morning};
use crate::domain::delivery::Channel;
use crate::domain::grounds::Grounds;
use crate::domain::intent::{Asked, Intent, MailMessage, MailTo, Origin, Person};
use crate::domain::invite_plan::Choice;
use crate::domain::reminder::ReminderPolicy;
use crate::domain::roster::RosterView as _;
use crate::domain::task::Page;
use crate::domain::time::{Span, Timestamp, show};
use crate::ports::clock::Clock as _;
use crate::sim::lock;
use crate::sim::people::Habits;
use crate::store::Invitations;

const GROUP: &str = "Grade 5";

const USERS: &str = "username,full_name,mail,language,timezone
ana,Ana Jansen,ana@sunnyside.example,nl,
ben,Ben Okafor,ben@sunnyside.example,en,America/New_York
chloe,Chloe Petit,chloe@sunnyside.example,fr,Asia/Kathmandu
dirk,Dirk Vos,dirk@sunnyside.example,nl,Australia/Lord_Howe
eva,Eva Lang,eva@sunnyside.example,de,Europe/Berlin
";
const GROUPS: &str = "name,distribution\nGrade 5,yes\nGrade 6,yes\n";
const MEMBERSHIPS: &str = "group,username\nGrade 5,ana\nGrade 5,ben\nGrade 5,chloe\nGrade 5,dirk\nGrade 5,eva\n";

fn files() -> [(&'static str, &'static str); 3] {
    [("users.csv", USERS), ("groups.csv", GROUPS), ("memberships.csv", MEMBERSHIPS)]
}

/// Nobody accepts by themselves.
fn school() -> TestSite {
    TestSite::of(Habits { accepts: 0.0, ..Habits::default() }, &files())
}

fn instant(text: &str) -> Timestamp {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn school_mornings(after: &[i64]) -> ReminderPolicy {
    ReminderPolicy {
        after: after.iter().copied().map(Span::days).collect(),
        at: NaiveTime::from_hms_opt(8, 30, 0),
        working_days: true,
        gap: Span::days(1),
        zone: chrono_tz::Europe::Amsterdam,
        ..ReminderPolicy::default()
    }
}

fn invite(site: &TestSite, remind: ReminderPolicy) -> i64 {
    let mut asked = invitation(site.plan(GROUP, Choice::NotEnrolled));
    if let Intent::Invite(invite) = &mut asked.intent {
        invite.options.remind = remind;
    }
    site.commit(&[asked], site.site.store.newest_run().unwrap()).run
}

fn person(site: &TestSite, name: &str) -> Person {
    let user = site.site.store.roster().unwrap().user_by_username(name).unwrap().unwrap();
    Person { user: user.id, username: user.username.clone(), full_name: user.full_name.clone() }
}

fn mail(site: &TestSite, name: &str, text: &str) -> Asked {
    let intent = Intent::Mail(MailMessage {
        template: "message".to_owned(),
        data: serde_json::json!({ "subject": text, "text": text }),
        to: MailTo::People(vec![person(site, name)]),
        left_out: vec![],
        grounds: Grounds::default(),
    });
    Asked { intent, origin: Origin::default() }
}

fn write(site: &TestSite, name: &str, text: &str) {
    site.commit(&[mail(site, name, text)], site.site.store.newest_run().unwrap());
}

fn accept(site: &mut TestSite, name: &str) {
    let mut world = lock(site.world());
    let address = format!("{name}@sunnyside.example");
    let code = world.apple.records().find(|r| r.email.as_deref() == Some(&address)).map(|r| r.invite_code.clone()).unwrap();
    world.apple.accept(site.clock.now(), &code, &format!("{name}@private.example")).unwrap();
    drop(world);
    site.sync();
}

fn zone(name: &str) -> Tz {
    let zones = USERS.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let own = zones.filter(|row| row[0] == name).find_map(|row| row[4].parse().ok());
    own.unwrap_or(chrono_tz::Europe::Amsterdam)
}

/// When mails reached somebody, on their own clock.
fn times(site: &TestSite, name: &str) -> Vec<String> {
    let world = lock(site.world());
    let mails = world.mail.to(&format!("{name}@sunnyside.example"));
    mails.iter().map(|mail| mail.at.with_timezone(&zone(name)).format("%a %m-%d %H:%M").to_string()).collect()
}

fn subjects(site: &TestSite, name: &str) -> Vec<String> {
    let world = lock(site.world());
    let mails = world.mail.to(&format!("{name}@sunnyside.example"));
    mails.iter().map(|mail| mail.header("Subject").unwrap_or_default()).collect()
}

/// The lines of a kind in the journal about somebody.
fn told(site: &TestSite, kind: &str, name: &str) -> Vec<String> {
    let start = format!("{kind} {name}: ");
    site.journal().into_iter().filter_map(|line| line.strip_prefix(&start).map(str::to_owned)).collect()
}

#[test]
fn a_month_of_reminders_in_five_zones_over_a_clock_change() {
    let mut site = school();
    site.clock.advance_to(instant("2027-03-17T09:00:00Z"));
    invite(&site, school_mornings(&[3, 7, 14, 21]));
    site.deliver(None, Span::days(6));
    accept(&mut site, "eva");
    site.deliver(None, Span::days(25));
    assert_eq!(times(&site, "ana")[1..], ["Mon 03-22 08:30", "Wed 03-24 08:30", "Wed 03-31 08:30", "Wed 04-07 08:30"]);
    for name in ["ben", "chloe", "dirk"] {
        assert_eq!(times(&site, name)[1..], times(&site, "ana")[1..], "{name}");
    }
    assert_eq!(times(&site, "eva")[1..], ["Mon 03-22 08:30"]);
    assert_eq!(told(&site, "cancelled", "eva"), ["accepted in the meantime"; 3]);
    site.assert_nothing_twice();
}

#[test]
fn whoever_leaves_is_disabled_or_withdrawn_gets_no_reminder_and_a_row_says_why() {
    let mut site = school();
    invite(&site, vec![Span::days(3), Span::days(7)].into());
    site.deliver(None, Span::days(1));
    let users = USERS.replace("chloe,Chloe Petit,chloe@sunnyside.example,fr,Asia/Kathmandu\n", "");
    let users = users
        .replacen("timezone\n", "timezone,enabled\n", 1)
        .replace(",nl,\n", ",nl,,yes\n")
        .replace("New_York\n", "New_York,no\n");
    let users = users.replace("Lord_Howe\n", "Lord_Howe,yes\n").replace("Berlin\n", "Berlin,yes\n");
    let members = "group,username\nGrade 5,ana\nGrade 5,ben\nGrade 6,dirk\nGrade 5,eva\n";
    site.import(&[("users.csv", &users), ("groups.csv", GROUPS), ("memberships.csv", members)]);
    // Said at once, not on the day of the reminder.
    assert_eq!(told(&site, "cancelled", "ben"), ["the account was disabled in the meantime"; 2]);
    assert_eq!(told(&site, "cancelled", "chloe"), ["the person has left the roster"; 2]);
    assert_eq!(told(&site, "cancelled", "dirk"), ["not in Grade 5 any more"; 2]);
    let withdraw = Intent::Withdraw { users: vec![person(&site, "eva")] };
    site.commit(&[Asked { intent: withdraw, origin: Origin::default() }], site.site.store.newest_run().unwrap());
    assert_eq!(told(&site, "cancelled", "eva"), ["withdrawn"; 2]);
    site.deliver(None, Span::days(10));
    for (name, mails) in [("ana", 3), ("ben", 1), ("chloe", 1), ("dirk", 1), ("eva", 1)] {
        assert_eq!(times(&site, name).len(), mails, "{name}");
    }
    let decisions = site.site.store.decisions(person(&site, "dirk").user, 1, chrono_tz::UTC).unwrap();
    assert!(decisions[0].since.iter().any(|l| l == "remind-2 by mail: cancelled (not in Grade 5 any more)"), "{decisions:?}");
}

#[test]
fn a_group_that_is_gone_has_no_members() {
    let mut site = school();
    invite(&site, vec![Span::days(3)].into());
    site.deliver(None, Span::days(1));
    site.import(&[
        ("users.csv", USERS),
        ("groups.csv", "name,distribution\nGrade 6,yes\n"),
        ("memberships.csv", "group,username\nGrade 6,ana\n"),
    ]);
    site.deliver(None, Span::days(10));
    assert_eq!(told(&site, "cancelled", "ana"), ["not in Grade 5 any more"]);
    assert_eq!(times(&site, "ana").len(), 1);
}

#[test]
fn the_text_is_of_the_day_on_which_it_leaves() {
    let mut site = school();
    invite(&site, vec![Span::days(3)].into());
    site.deliver(None, Span::days(1));
    let templates = site.site.dir.join("templates");
    std::fs::create_dir_all(&templates).unwrap();
    std::fs::write(templates.join("reminder.de.txt"), "Subject: Noch offen, {{ user.full_name }}\n\n{{ invitation.url }}\n")
        .unwrap();
    std::fs::write(templates.join("reminder.en.txt"), "Subject: Still open, {{ user.full_name }}\n\n{{ invitation.url }}\n")
        .unwrap();
    let users = USERS.replace("ana,Ana Jansen,ana@sunnyside.example,nl,", "ana,Anna Jansen,ana@sunnyside.example,de,");
    site.import(&[("users.csv", &users), ("groups.csv", GROUPS), ("memberships.csv", MEMBERSHIPS)]);
    let mut site = site.with_settings("");
    site.deliver(None, Span::days(5));
    let last = subjects(&site, "ana").pop().unwrap();
    assert!(last.contains("Noch offen") && last.contains("Anna"), "{last}");
}

#[test]
fn what_is_over_the_budget_goes_on_the_next_day_and_the_oldest_goes_first() {
    let mut site = school().with_settings("[limits]\nmessages_per_person = { per_day = 1 }\nquiet_hours = \"20:00-07:00\"\n");
    for text in ["one", "two", "three"] {
        write(&site, "ana", text);
    }
    site.deliver(None, Span::hours(2));
    assert_eq!(subjects(&site, "ana"), ["one"]);
    assert_eq!(told(&site, "put-off", "ana")[0], "message by mail waits: contact budget of 1 message a day, quiet hours");
    // A new message every day, written before quiet hours end, never takes the place of one that waits.
    for day in 0..4 {
        site.clock.advance_to(morning() + Span::days(day + 1) - Span::hours(3));
        write(&site, "ana", &format!("day {day}"));
        site.deliver(None, Span::hours(12));
    }
    site.deliver(None, Span::days(5));
    assert_eq!(subjects(&site, "ana"), ["one", "two", "three", "day 0", "day 1", "day 2", "day 3"]);
    assert_eq!(times(&site, "ana")[1..3], ["Wed 12-02 07:00", "Thu 12-03 07:00"]);
    site.assert_nothing_twice();
}

#[test]
fn a_reminder_that_still_waits_when_the_next_is_due_becomes_one_with_it() {
    let mut site = school().with_settings("[limits]\nmessages_per_person = { per_week = 1 }\n");
    invite(&site, vec![Span::days(2), Span::days(4), Span::days(12)].into());
    site.deliver(None, Span::days(30));
    // The invitation is the week's message; the first two reminders are the next week's; the third that of the week after.
    assert_eq!(times(&site, "ana")[1..], ["Tue 12-08 00:00", "Tue 12-15 00:00"]);
    assert_eq!(told(&site, "cancelled", "ana"), ["merged with reminder 2"]);
    site.assert_nothing_twice();
}

#[test]
fn after_three_weeks_without_electricity_one_reminder_goes_out() {
    let mut site = school();
    invite(&site, vec![Span::days(3), Span::days(7), Span::days(14)].into());
    site.deliver(None, Span::days(1));
    site.clock.advance(Span::days(21));
    site.deliver(None, Span::hours(1));
    assert_eq!(times(&site, "ana").len(), 2);
    assert_eq!(told(&site, "cancelled", "ana"), ["merged with reminder 3"; 2]);
}

#[test]
fn an_invitation_that_has_not_left_takes_its_reminders_in() {
    let mut site = school();
    let greylists = crate::sim::mailboxes::MailboxConduct::Greylists { times: 99 };
    lock(site.world()).mail.behave("ana@sunnyside.example", greylists);
    invite(&site, vec![Span::days(3)].into());
    site.deliver(None, Span::days(4));
    assert_eq!(told(&site, "cancelled", "ana"), ["merged with the invitation, which has not left yet"]);
}

#[test]
fn a_policy_allows_so_many_reminders_whichever_run_asked() {
    let mut site = school();
    let twice = ReminderPolicy { most: Some(2), ..vec![Span::days(2), Span::days(4)].into() };
    invite(&site, twice.clone());
    site.deliver(None, Span::hours(75));
    site.clock.advance_to(morning() + Span::hours(75));
    invite(&site, twice);
    site.deliver(None, Span::days(10));
    // The invitation, the first reminder, the one that the second run is, and no more.
    assert_eq!(times(&site, "ana").len(), 3);
    let why = "2 reminders of this invitation went out before, and its policy allows no more";
    assert!(told(&site, "cancelled", "ana").iter().any(|l| l == why), "{:?}", told(&site, "cancelled", "ana"));
}

#[test]
fn a_message_on_a_device_and_by_mail_is_one_contact_and_what_is_in_hand_counts() {
    let site = TestSite::new(Habits { accepts: 0.0, ..Habits::default() });
    let mut site = site.with_settings("[limits]\nmessages_per_person = { per_day = 1 }\n");
    site.invite(GROUP, Choice::NotInvited);
    let delivered = site.deliver(None, Span::minutes(10));
    assert_eq!(delivered.figures.delivered, 6);
    // The next day two channels ask at the same time, and nothing has come back yet.
    site.clock.advance(Span::days(1));
    write(&site, "ana", "one");
    write(&site, "ana", "two");
    let rules = site.site.departure_rules();
    let turn =
        |site: &TestSite| site.site.store.turn(&[], &[(Channel::Mail, 1)], Invitations::All, &rules, site.clock.now()).unwrap();
    assert_eq!((turn(&site).claimed.len(), turn(&site).claimed.len()), (1, 0));
}

#[test]
fn what_may_have_arrived_counts_and_what_was_refused_does_not() {
    use crate::sim::mailboxes::MailboxConduct;
    let mut site = school().with_settings("[limits]\nmessages_per_person = { per_day = 1 }\n");
    {
        let mut world = lock(site.world());
        world.mail.behave("ana@sunnyside.example", MailboxConduct::DropsAfterDot { times: 1 });
        world.mail.behave("ben@sunnyside.example", MailboxConduct::Greylists { times: 1 });
    }
    for name in ["ana", "ben"] {
        write(&site, name, "one");
        site.deliver(None, Span::zero());
        write(&site, name, "two");
    }
    site.deliver(None, Span::zero());
    assert!(told(&site, "put-off", "ana")[0].contains("contact budget of 1 message a day"));
    assert_eq!(subjects(&site, "ben"), ["two"]);
}

#[test]
fn a_plan_says_who_waits_and_until_when() {
    let site = school().with_settings("[limits]\nquiet_hours = \"20:00-07:00\"\nmessages_per_person = { per_day = 1 }\n");
    let asked = [invitation(site.plan(GROUP, Choice::NotInvited)), mail(&site, "ana", "one")];
    let waits = put_off::waits(&site.site, &asked, morning()).unwrap();
    let words: Vec<String> = waits.iter().map(put_off::Waits::words).collect();
    // It is two in the night in New York; Lord Howe Island has its evening.
    assert_eq!(
        words,
        [
            "1 of 5 waits for the end of quiet hours at 07:00",
            "1 of 1 waits: contact budget of 1 message a day, quiet hours, until 2026-12-02 07:00"
        ]
    );
}

#[test]
fn what_is_going_to_be_sent_is_listed_with_its_person_and_their_time() {
    let mut site = school().with_settings("[limits]\nmessages_per_person = { per_week = 2 }\nquiet_hours = \"20:00-09:00\"\n");
    invite(&site, school_mornings(&[2, 3, 30]));
    site.deliver(None, Span::days(1));
    let list = |site: &TestSite, page: Page| {
        let view = site.site.store.roster().unwrap();
        let future = view.future_tasks(&site.site.departure(), site.clock.now(), page).unwrap();
        let line = |later: &crate::domain::task::FutureTask| {
            format!("{} {} at {}: {}", later.task.username, later.task.what, show(later.leaves, later.zone), later.because)
        };
        (future.total, future.tasks.iter().map(line).collect::<Vec<_>>())
    };
    let (total, all) = list(&site, Page { from: 0, rows: 100 });
    assert_eq!((total, all.len()), (15, 15));
    let of_ben: Vec<&String> = all.iter().filter(|line| line.starts_with("ben")).collect();
    insta::assert_debug_snapshot!(of_ben, @r#"
    [
        "ben reminder 1 at 2026-12-03 09:00: quiet hours",
        "ben reminder 2 at 2026-12-08 09:00: quiet hours, contact budget of 2 messages a week",
        "ben reminder 3 at 2026-12-31 09:00: quiet hours",
    ]
    "#);
    assert_eq!(list(&site, Page { from: 14, rows: 5 }).1.len(), 1);
    // A person's own page says the same.
    let ben = person(&site, "ben").user;
    let told = site.site.store.timeline(ben, 100, &site.site.departure(), site.clock.now()).unwrap();
    let coming: Vec<String> = told.coming.iter().map(|what| format!("{}: {}", show(what.at, zone("ben")), what.words)).collect();
    assert_eq!(
        coming,
        [
            "2026-12-03 09:00: reminder 1 by mail (quiet hours)",
            "2026-12-08 09:00: reminder 2 by mail (quiet hours, contact budget of 2 messages a week)",
            "2026-12-31 09:00: reminder 3 by mail (quiet hours)",
        ]
    );
}

/// Messages and reminders of weeks, with everything that can put them off.
#[derive(Clone, Debug)]
struct Weeks {
    per_day: u32,
    per_week: u32,
    quiet: (u32, u32),
    remind: Vec<i64>,
    hour: Option<u32>,
    working_days: bool,
    /// Hours after the start, and to whom.
    messages: Vec<(i64, usize)>,
    /// How long nobody runs beckon, from which hour on.
    outage: (i64, i64),
    start: i64,
}

fn weeks() -> impl Strategy<Value = Weeks> {
    let rules = (1_u32..3, 1_u32..5, (0_u32..24, 0_u32..24), proptest::option::of(0_u32..24), any::<bool>());
    let asked = (proptest::collection::vec(1_i64..20, 0..4), proptest::collection::vec((0_i64..300, 0_usize..5), 0..10));
    (rules, asked, (0_i64..300, 0_i64..100), 80_i64..120).prop_map(
        |((per_day, per_week, quiet, hour, working_days), (mut remind, mut messages), outage, start)| {
            remind.sort_unstable();
            remind.dedup();
            messages.sort_unstable();
            Weeks { per_day, per_week, quiet, remind, hour, working_days, messages, outage, start }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_gets_too_much_or_in_the_night_and_nothing_is_lost(weeks in weeks()) {
        let quiet = format!("{:02}:00-{:02}:00", weeks.quiet.0, weeks.quiet.1);
        let hours = crate::domain::limits::QuietHours::parse(&quiet);
        let quiet = if hours.is_some() { format!("quiet_hours = \"{quiet}\"\n") } else { String::new() };
        let budget = format!("messages_per_person = {{ per_day = {}, per_week = {} }}", weeks.per_day, weeks.per_week);
        let mut site = school().with_settings(&format!("[limits]\n{quiet}{budget}\n"));
        // Spring: clocks change in Europe, in America and on Lord Howe Island.
        let start = morning() + Span::days(weeks.start);
        site.clock.advance_to(start);
        let policy = ReminderPolicy {
            at: weeks.hour.and_then(|hour| NaiveTime::from_hms_opt(hour, 30, 0)),
            working_days: weeks.working_days,
            ..school_mornings(&weeks.remind)
        };
        invite(&site, policy.clone());
        let outage = (start + Span::hours(weeks.outage.0), start + Span::hours(weeks.outage.0 + weeks.outage.1));
        for (hour, to) in &weeks.messages {
            let at = start + Span::hours(*hour);
            let until = if at > outage.0 { at.min(outage.0) } else { at };
            site.deliver(None, (until - site.clock.now()).max(Span::zero()));
            site.clock.advance_to(at.max(site.clock.now()));
            if at > outage.1 {
                site.deliver(None, Span::zero());
            }
            write(&site, ["ana", "ben", "chloe", "dirk", "eva"][*to], "news");
        }
        site.clock.advance_to(outage.1.max(site.clock.now()));
        site.deliver(None, Span::days(120));
        for name in ["ana", "ben", "chloe", "dirk", "eva"] {
            let world = lock(site.world());
            let got: Vec<Timestamp> = world.mail.to(&format!("{name}@sunnyside.example")).iter().map(|mail| mail.at).collect();
            let days: Vec<_> = got.iter().map(|at| at.with_timezone(&zone(name)).date_naive()).collect();
            for (at, day) in got.iter().zip(&days) {
                let within = |n: i64| days.iter().filter(|d| **d <= *day && *day - **d < Span::days(n)).count();
                prop_assert!(within(1) <= weeks.per_day as usize, "{name} {days:?}");
                prop_assert!(within(7) <= weeks.per_week as usize, "{name} {days:?}");
                if let Some(hours) = hours {
                    prop_assert!(!hours.holds(at.with_timezone(&zone(name)).time()), "{name} {at}");
                }
            }
        }
        // Whatever was asked has been sent, or has a row that says why not.
        let figures = site.site.store.outbox_figures(site.clock.now()).unwrap();
        prop_assert_eq!((figures.waiting, figures.deferred, figures.planned), (0, 0, 0));
        for name in ["ana", "ben", "chloe", "dirk", "eva"] {
            let asked = 1 + weeks.remind.len() + weeks.messages.iter().filter(|(_, to)| ["ana", "ben", "chloe", "dirk", "eva"][*to] == name).count();
            let merged = told(&site, "cancelled", name);
            prop_assert!(merged.iter().all(|words| words.starts_with("merged with ")), "{merged:?}");
            prop_assert_eq!(times(&site, name).len() + merged.len(), asked, "{} {:?}", name, merged);
        }
        site.assert_nothing_twice();
    }
}
