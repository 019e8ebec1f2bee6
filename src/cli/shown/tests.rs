//! What a person sees, at several widths.

use proptest::prelude::*;
use unicode_width::UnicodeWidthStr as _;

use super::{Canvas, draw};
use crate::cli::ink::Ink;
use crate::script::shown::Shown;
use crate::script::testing::{School, trial_in};

/// A school with names of many scripts.
fn school() -> School {
    let mut school = School::sunnyside();
    for (username, name) in [
        ("zhang", "\u{5f20}\u{4f1f} \u{660e}"),
        ("noa", "\u{5e0}\u{5d5}\u{5e2}\u{5d4} \u{5dc}\u{5d5}\u{5d9}"),
        ("zoe", "Zoe\u{308} Mu\u{308}ller-Lu\u{308}denscheidt von und zu Hohenstein"),
        ("star", "Stella \u{1f469}\u{200d}\u{1f680} \u{2b50}"),
    ] {
        school.user(username, name);
    }
    school
}

fn shown(school: School, script: &str) -> Shown {
    trial_in(school, script).run().unwrap_or_else(|error| panic!("{error}")).shown
}

fn drawn(shown: &Shown, width: usize, colour: bool) -> String {
    draw(shown, &Canvas { width, ink: &Ink::new(colour), unicode: true, more: Some(":more") })
}

/// Text as it is without its colours.
fn plain(text: &str) -> String {
    console::strip_ansi_codes(text).into_owned()
}

#[test]
fn users_at_several_widths() {
    let users = shown(school(), "users");
    let all: Vec<String> =
        [20, 40, 80, 120].iter().map(|width| format!("{}\n{}", "-".repeat(*width), drawn(&users, *width, false))).collect();
    insta::assert_snapshot!(all.join(""), @r#"
    --------------------
    9 users
    username  name
    ana       Ana Ruiz
    ben       Ben Ito
    chloe     Chloe Lee
    dev       Dev Patel
    eva       Eva Maier
    zhang     张伟 明
    noa       נועה לוי
    zoe       Zoë Mülle…
    star      Stella 👩‍🚀…
    ----------------------------------------
    9 users
    username  name                  status
    ana       Ana Ruiz              enrolled
    ben       Ben Ito               invited
    chloe     Chloe Lee             none
    dev       Dev Patel             none
    eva       Eva Maier             none
    zhang     张伟 明               none
    noa       נועה לוי              none
    zoe       Zoë Müller-Lüdensch…  none
    star      Stella 👩‍🚀 ⭐          none
    --------------------------------------------------------------------------------
    9 users
    username  name                   status    mail                   groups
    ana       Ana Ruiz               enrolled  ana@sunnyside.example  Grade 5, Choir
    ben       Ben Ito                invited   ben@sunnyside.example  Grade 5
    chloe     Chloe Lee              none      chloe@sunnyside.exam…  Grade 5
    dev       Dev Patel              none                             Grade 5
    eva       Eva Maier              none      eva@sunnyside.example  Staff
    zhang     张伟 明                none      zhang@sunnyside.exam…
    noa       נועה לוי               none      noa@sunnyside.example
    zoe       Zoë Müller-Lüdensche…  none      zoe@sunnyside.example
    star      Stella 👩‍🚀 ⭐           none      star@sunnyside.examp…
    ------------------------------------------------------------------------------------------------------------------------
    9 users
    username  name                           status    mail                     groups          department  last contact
    ana       Ana Ruiz                       enrolled  ana@sunnyside.example    Grade 5, Choir              2026-11-11 08:00
    ben       Ben Ito                        invited   ben@sunnyside.example    Grade 5                     2026-11-21 08:00
    chloe     Chloe Lee                      none      chloe@sunnyside.example  Grade 5
    dev       Dev Patel                      none                               Grade 5
    eva       Eva Maier                      none      eva@sunnyside.example    Staff           Music
    zhang     张伟 明                        none      zhang@sunnyside.example
    noa       נועה לוי                       none      noa@sunnyside.example
    zoe       Zoë Müller-Lüdenscheidt von …  none      zoe@sunnyside.example
    star      Stella 👩‍🚀 ⭐                   none      star@sunnyside.example
    "#);
}

#[test]
fn a_groups_card_at_several_widths() {
    let group = shown(school(), "groups[\"Grade 5\"]");
    let all: Vec<String> =
        [20, 40, 80].iter().map(|width| format!("{}\n{}", "-".repeat(*width), drawn(&group, *width, false))).collect();
    insta::assert_snapshot!(all.join(""), @r#"
    --------------------
    Grade 5
      managed
        distribution
        enabled
      4 users, 3 devices
      [####====--------]
      # 1 enrolled (25
      %), = 1 invited
      (25 %), - 2 not
      invited (50 %)
    ----------------------------------------
    Grade 5
      managed distribution enabled
      4 users, 3 devices
      [#########=========------------------]
      # 1 enrolled (25 %),
      = 1 invited (25 %),
      - 2 not invited (50 %)
    --------------------------------------------------------------------------------
    Grade 5
      managed distribution enabled
      4 users, 3 devices
      [###############==============-----------------------------]
      # 1 enrolled (25 %), = 1 invited (25 %), - 2 not invited (50 %)
    "#);
    insta::assert_snapshot!(drawn(&group, 50, true).replace('\u{1b}', "^"), @r#"
    ^[1mGrade 5^[0m
      managed distribution enabled
      4 users, 3 devices
      ^[32m████████████^[0m^[1m▒▒▒▒▒▒▒▒▒▒▒▒^[0m^[2m░░░░░░░░░░░░░░░░░░░░░░░░^[0m
      ^[32m█^[0m 1 enrolled (25 %), ^[1m▒^[0m 1 invited (25 %),
      ^[2m░^[0m 2 not invited (50 %)
    "#);
}

#[test]
fn a_plan_keeps_to_the_width_and_usernames_stay_whole() {
    let plan = shown(school(), "invite.plan(users, \"not-enrolled\")");
    insta::assert_snapshot!(drawn(&plan, 40, false), @"
    Invite 9 users to managed distribution
      (Sunnyside School)
      2 of 9 users, 2 devices: 2 iPad; 2
        mails
      left out: 1 already enrolled, 5
        managed distribution not enabled, 1
        no device and no mail address
    ");
    let mut long = school();
    for n in 0..3 {
        long.user(&format!("mees.vanthof-bakker{n}"), "Mees van 't Hof-Bakker de Vries van Oranje");
    }
    let users = drawn(&shown(long, "users.where(|u| u.username.starts_with(\"mees\"))"), 80, false);
    assert!(users.contains("mees.vanthof-bakker2  Mees van"), "{users}");
}

#[test]
fn cards_of_people_and_things() {
    let cards =
        ["users.find(\"ben\")", "devices.find(\"C02TV\")", "schedule.list()[0]", "apps.find(\"Keynote\")", "tasks.active()[0]"];
    let all: Vec<String> = cards.iter().map(|script| drawn(&shown(school(), script), 60, false)).collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    Ben Ito (ben)
      mail          ben@sunnyside.example
      groups        Grade 5
      devices       Ben's iPad (iPad)
      status        invited 2026-11-21 08:00
      reminders     1
      last contact  2026-11-21 08:00
      distribution  enabled through a group

    Hall TV (C02TV)
      platform     Apple TV, 26.1
      user         nobody
      MDM          device
      last seen    2026-12-01 07:00
      invitation   can't be shown on it: it is assigned to
                   nobody

    weekly-reminder
      due          0 8 * * MON
      script       weekly-reminder.rhai
      zone         Europe/Amsterdam
      paused       no
      next         2026-12-07 08:00, 2026-12-14 08:00,
                   2026-12-21 08:00

    Keynote
      free         60
      assigned     0
      total        60
      kind         App
      number       361285480

    17.3
      who          Ben Ito
      what         invitation
      waits for    acceptance
      channel      mdm
      device       Ben's iPad
      since        2026-11-30 08:00
      attempts     1
    "#);
    insta::assert_snapshot!(drawn(&shown(school(), "users.find(\"dev\")"), 30, false), @r#"
    Dev Patel (dev)
      mail
        none
      groups
        Grade 5
      devices
        none
      status
        not invited
      distribution
        enabled through a group
      invitation
        none can be sent: no
        device and no mail address
    "#);
}

#[test]
fn maps_are_indented_and_long_tables_say_how_many_more() {
    let map = "#{ name: \"Sunnyside\", houses: [#{ house: \"red\", n: 12 }, \"blue\"], since: today(), empty: #{} }";
    insta::assert_snapshot!(drawn(&shown(school(), map), 60, false), @r#"
    empty   #{}
    houses
      0
        house   red
        n       12
      1       blue
    name    Sunnyside
    since   2026-12-01 00:00
    "#);
    let many = drawn(&shown(School::large(3_000), "users.limit(112)"), 60, false);
    assert_eq!(many.lines().next(), Some("112 users, 1 to 100"));
    assert_eq!(many.lines().last(), Some("\u{2026} 12 more: :more"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_line_is_wider_than_the_terminal_and_nothing_steers_it(
        names in proptest::collection::vec(any::<String>(), 1..6),
        marks in "[\u{300}-\u{330}\u{200d}\u{fe0f}\u{1f1e6}-\u{1f1ff}\u{202e}\u{1b}\u{7}\u{2066}]{0,40}",
        width in 10_usize..140,
        colour in any::<bool>(),
    ) {
        let mut school = School::sunnyside();
        for (n, name) in names.iter().enumerate() {
            let id = school.user(&format!("u{n}{marks}"), name);
            school.change(id, |u| u.department = Some(format!("{name}{marks}")));
        }
        let group = school.group(&names[0], true);
        school.members.push((group, crate::domain::ids::UserId(1)));
        for script in ["users", "users.find(\"ana\")", "groups", "groups.list()[4]", "devices", "users.order_by(\"username\", \"desc\").first()"] {
            let text = drawn(&shown(school.clone(), script), width, colour);
            let text = plain(&text);
            for line in text.lines() {
                prop_assert!(line.width() <= width, "{script}: {} of {width}: {line:?}", line.width());
            }
            let steers = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
            prop_assert!(!text.contains(steers), "{text:?}");
        }
    }
}
