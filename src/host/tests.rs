//! The flow from a committed plan to accepted invitations, and every fault on the way, on a virtual clock.

use super::testing::{TestSite, invitation, morning};
use crate::domain::delivery::Channel;
use crate::domain::grounds::Grounds;
use crate::domain::intent::{Asked, Intent, MailMessage, MailTo, Origin, Person};
use crate::domain::invite_plan::Choice;
use crate::domain::time::Span;
use crate::ports::clock::Clock as _;
use crate::sim::devices::DeviceConduct;
use crate::sim::faults::{RetryAfterForm, TokenFault, Unavailable};
use crate::sim::lock;
use crate::sim::mailboxes::MailboxConduct;
use crate::sim::people::Habits;
use crate::store::Invitations;

const GROUP: &str = "Grade 5";

fn quick() -> Habits {
    Habits { accepts: 1.0, takes: (Span::minutes(5), Span::minutes(10)), strangers: true }
}

fn nobody_accepts() -> Habits {
    Habits { accepts: 0.0, ..quick() }
}

#[test]
fn a_group_is_invited_and_accepts() {
    let mut site = TestSite::new(quick());
    let plan = site.plan(GROUP, Choice::NotInvited);
    insta::assert_snapshot!(plan.summary(), @r"
    Invite Grade 5 to managed distribution (Sunnyside School)
      4 of 5 users, 3 devices: 2 iPad, 1 Mac; 3 mails
      left out: 1 no device and no mail address
    ");
    let run = site.invite(GROUP, Choice::NotInvited).run;
    site.deliver(Some(run), Span::minutes(2));
    assert_eq!(site.statuses(), "ana invited, ben invited, chloe invited, dirk none, eva invited");
    site.deliver(None, Span::hours(1));
    site.sync();
    assert_eq!(site.statuses(), "ana enrolled, ben enrolled, chloe enrolled, dirk none, eva enrolled");
    let world = lock(site.world());
    assert_eq!(world.mail.to("ana@sunnyside.example").len(), 1);
    assert_eq!(world.mdm.shown(), 3);
    drop(world);
    site.assert_nothing_twice();
}

#[test]
fn the_journal_tells_the_story() {
    let mut site = TestSite::new(quick());
    let run = site.invite(GROUP, Choice::NotInvited).run;
    site.deliver(Some(run), Span::minutes(2));
    site.deliver(None, Span::hours(1));
    site.sync();
    let of_ana: Vec<String> =
        site.journal().into_iter().filter(|line| line.contains(" ana:") && !line.starts_with("queued")).collect();
    insta::assert_snapshot!(of_ana.join("\n"), @r"
    invitation ana: invitation registering
    invitation ana: invitation registered
    invitation ana: invitation delivered
    accepted ana: invite by mail: 250 2.0.0 Ok: queued as 8F92D89407
    accepted ana: invite by mdm: the device showed the invitation
    invitation ana: invitation accepted
    enrolled ana: enrolled: Apple's record says Associated
    ");
}

#[test]
fn the_same_ask_twice_is_one_delivery() {
    let mut site = TestSite::new(nobody_accepts());
    let saw = site.site.store.newest_run().unwrap();
    let plan = site.plan(GROUP, Choice::NotInvited);
    // Within one run: by the delivery's key.
    let first = site.commit(&[invitation(plan.clone()), invitation(plan.clone())], saw);
    assert_eq!((first.deliveries, first.skipped.len()), (6, 6));
    // Two processes planned at the same time: by the run that each had seen.
    let second = site.commit(&[invitation(plan)], saw);
    assert_eq!((second.deliveries, second.skipped.len()), (0, 4));
    assert!(second.skipped[0].contains("asked for the same a moment ago"), "{:?}", second.skipped);
    site.deliver(None, Span::minutes(5));
    site.assert_nothing_twice();
}

#[test]
fn apple_unavailable_for_ten_minutes_delays_and_loses_nothing() {
    for form in [RetryAfterForm::Seconds, RetryAfterForm::HttpDate, RetryAfterForm::Absent] {
        let mut site = TestSite::new(nobody_accepts());
        lock(site.world()).apple.faults.unavailable = Some(Unavailable { until: morning() + Span::minutes(10), form });
        let run = site.invite(GROUP, Choice::NotInvited).run;
        let delivered = site.deliver(Some(run), Span::minutes(1));
        assert_eq!((delivered.figures.delivered, delivered.figures.registering), (0, 4), "{form:?}");
        assert!(delivered.down.iter().any(|(name, _)| name == "Apple"), "{form:?}: {:?}", delivered.down);
        let delivered = site.deliver(Some(run), Span::minutes(30));
        assert_eq!((delivered.figures.waiting, delivered.figures.registering), (0, 0), "{form:?}");
        assert_eq!(site.statuses(), "ana invited, ben invited, chloe invited, dirk none, eva invited");
        site.assert_nothing_twice();
    }
}

#[test]
fn the_time_that_apple_asks_to_wait_holds_for_the_next_process() {
    let mut site = TestSite::new(nobody_accepts());
    lock(site.world()).apple.faults.unavailable =
        Some(Unavailable { until: morning() + Span::minutes(10), form: RetryAfterForm::Seconds });
    let run = site.invite(GROUP, Choice::NotInvited).run;
    site.deliver(Some(run), Span::minutes(1));
    let asked = lock(site.world()).apple.requests();
    for _ in 0..3 {
        site.restart();
        let delivered = site.deliver(None, Span::minutes(1));
        let (name, down) = &delivered.down[0];
        assert!(name == "Apple" && down.what.contains("asks to wait"), "{name}: {}", down.what);
    }
    assert_eq!(lock(site.world()).apple.requests(), asked);
    site.restart();
    site.deliver(Some(run), Span::minutes(30));
    assert_eq!(site.statuses(), "ana invited, ben invited, chloe invited, dirk none, eva invited");
    site.assert_nothing_twice();
}

#[test]
fn who_may_have_been_invited_is_not_invited_again_unless_somebody_says_so() {
    let mut site = TestSite::new(nobody_accepts());
    site.invite(GROUP, Choice::NotInvited);
    site.deliver(None, Span::zero());
    // A process takes Chloe's mail into its hands and dies.
    site.clock.advance(Span::seconds(3));
    site.sync();
    let rules = site.site.departure_rules();
    let turn = site.site.store.turn(&[], &[(Channel::Mail, 10)], Invitations::All, &rules, site.clock.now()).unwrap();
    assert_eq!(turn.claimed.len(), 3);
    site.restart();
    let delivered = site.deliver(None, Span::minutes(5));
    assert_eq!((delivered.figures.doubtful, delivered.figures.waiting), (3, 0));
    assert!(site.journal().iter().any(|l| l == "invitation chloe: invitation doubtful: every hand-over was doubtful"));
    let why = "Chloe Petit is left out: may have been invited (see `beckon tasks --failed`)";
    assert_eq!(site.plan(GROUP, Choice::NotInvited).why("chloe").unwrap(), why);
    // A reminder is another message, and its sender knows that.
    assert_eq!(site.plan(GROUP, Choice::NotEnrolled).why("chloe").unwrap(), "Chloe Petit is invited by mail");
}

#[test]
fn a_dead_token_stops_the_work_and_says_what_to_do() {
    for fault in [TokenFault::BadAs200, TokenFault::BadAs401, TokenFault::Expired, TokenFault::Revoked] {
        let mut site = TestSite::new(nobody_accepts());
        lock(site.world()).apple.faults.token = fault;
        let run = site.invite(GROUP, Choice::NotInvited).run;
        let delivered = site.deliver(Some(run), Span::hours(2));
        assert_eq!(delivered.figures.registering, 4);
        let (name, down) = &delivered.down[0];
        assert_eq!(name, "Apple");
        assert!(down.remedy.contains("beckon token install"), "{}", down.remedy);
        // A new token, a new process: everything goes on where it stopped.
        lock(site.world()).apple.faults.token = TokenFault::None;
        site.restart();
        site.deliver(Some(run), Span::minutes(5));
        assert_eq!(site.statuses(), "ana invited, ben invited, chloe invited, dirk none, eva invited");
        site.assert_nothing_twice();
    }
}

#[test]
fn an_answer_of_apple_that_is_lost_makes_no_second_record() {
    let mut site = TestSite::new(nobody_accepts());
    let run = site.invite(GROUP, Choice::NotInvited).run;
    // The session's claim is answered; the request for records is not.
    site.sync();
    lock(site.world()).apple.faults.drop_after_acting = 1;
    site.deliver(Some(run), Span::hours(1));
    assert_eq!(site.statuses(), "ana invited, ben invited, chloe invited, dirk none, eva invited");
    assert_eq!(lock(site.world()).apple.records().count(), 4);
    site.assert_nothing_twice();
}

#[test]
fn a_lost_event_is_asked_for_again() {
    let mut site = TestSite::new(nobody_accepts());
    site.sync();
    lock(site.world()).apple.faults.lose_events = 1;
    let run = site.invite(GROUP, Choice::NotInvited).run;
    site.deliver(Some(run), Span::hours(1));
    assert_eq!(site.statuses(), "ana invited, ben invited, chloe invited, dirk none, eva invited");
    site.assert_nothing_twice();
}

#[test]
fn greylisting_is_waited_for_and_a_refusal_ends_the_address() {
    let mut site = TestSite::new(nobody_accepts());
    {
        let mut world = lock(site.world());
        world.mail.behave("ana@sunnyside.example", MailboxConduct::Greylists { times: 2 });
        world.mail.behave("chloe@sunnyside.example", MailboxConduct::no_such_user());
    }
    let run = site.invite(GROUP, Choice::NotInvited).run;
    let delivered = site.deliver(Some(run), Span::seconds(20));
    assert_eq!((delivered.figures.deferred, delivered.figures.rejected), (1, 1));
    let troubled = site.site.store.troubled(crate::domain::ids::RunId(run), &[], 10).unwrap().deliveries;
    assert_eq!(troubled[0].words, "550 5.1.1 No such user here");
    site.deliver(None, Span::hours(1));
    assert_eq!(lock(site.world()).mail.to("ana@sunnyside.example").len(), 1);
    // Nothing more goes to an address that turned mail away for good.
    assert_eq!(site.plan(GROUP, Choice::Everyone).why("chloe").unwrap(), "Chloe Petit is left out: mail address refuses mail");
    site.assert_nothing_twice();
}

#[test]
fn a_line_dropped_mid_data_is_deferred_and_one_dropped_after_the_dot_is_doubtful() {
    let mut site = TestSite::new(nobody_accepts());
    {
        let mut world = lock(site.world());
        world.mail.behave("ana@sunnyside.example", MailboxConduct::DropsInData { times: 1 });
        world.mail.behave("chloe@sunnyside.example", MailboxConduct::DropsAfterDot { times: 1 });
    }
    let run = site.invite(GROUP, Choice::NotInvited).run;
    let delivered = site.deliver(Some(run), Span::hours(1));
    assert_eq!((delivered.figures.doubtful, delivered.figures.waiting), (1, 0));
    site.deliver(None, Span::hours(2));
    // The doubtful one is not sent again by itself; the dropped one is.
    assert_eq!(lock(site.world()).mail.to("chloe@sunnyside.example").len(), 1);
    assert_eq!(lock(site.world()).mail.to("ana@sunnyside.example").len(), 1);
    site.assert_nothing_twice();
}

#[test]
fn a_doubtful_mail_that_is_asked_for_again_has_the_same_message_id() {
    let mut site = TestSite::new(nobody_accepts());
    lock(site.world()).mail.behave("chloe@sunnyside.example", MailboxConduct::DropsAfterDot { times: 1 });
    let run = site.invite(GROUP, Choice::NotInvited).run;
    site.deliver(Some(run), Span::minutes(5));
    let doubtful = site.site.store.troubled(crate::domain::ids::RunId(run), &[], 10).unwrap().deliveries;
    assert_eq!(doubtful.len(), 1);
    let delivery = site.site.store.delivery_called(run, doubtful[0].number).unwrap().unwrap();
    let retry = Asked {
        intent: Intent::Retry {
            delivery: crate::domain::ids::DeliveryId(delivery),
            task: format!("{run}.{}", doubtful[0].number),
        },
        origin: Origin::default(),
    };
    site.commit(&[retry], run);
    site.deliver(None, Span::minutes(5));
    let world = lock(site.world());
    let copies = world.mail.to("chloe@sunnyside.example");
    assert_eq!(copies.len(), 2);
    assert_eq!(copies[0].message_id, copies[1].message_id);
}

#[test]
fn a_site_that_wants_doubtful_mails_resent_gets_them_under_the_same_id() {
    let mut site = TestSite::new(nobody_accepts());
    if let Some(mail) = &mut site.site.config.mail {
        mail.doubtful = super::config::Doubtful::Resend;
    }
    lock(site.world()).mail.behave("chloe@sunnyside.example", MailboxConduct::DropsAfterDot { times: 1 });
    site.invite(GROUP, Choice::NotInvited);
    site.deliver(None, Span::hours(1));
    let world = lock(site.world());
    let copies = world.mail.to("chloe@sunnyside.example");
    assert_eq!((copies.len(), copies[0].message_id == copies[1].message_id), (2, true));
}

#[test]
fn devices_that_are_busy_come_back_and_those_that_refuse_are_told() {
    let mut site = TestSite::new(nobody_accepts());
    site.hear();
    let run = site.invite(GROUP, Choice::NotInvited).run;
    {
        let mut world = lock(site.world());
        for (udid, serial, user, conduct) in [
            ("UDID-ANA", "F1ANA", None, DeviceConduct::NotNow { times: 2, back_after: Span::minutes(20) }),
            (
                "UDID-EVA",
                "F1EVA",
                None,
                DeviceConduct::Error { code: 12021, domain: "MCMDMErrorDomain".into(), text: "unsupported".into() },
            ),
            ("UDID-BEN", "C1BEN", Some("BEN-GUID"), DeviceConduct::NeverSeen),
        ] {
            world.mdm.add_device(crate::sim::devices::SimDevice {
                serial: serial.into(),
                udid: udid.into(),
                name: udid.into(),
                platform: if user.is_some() {
                    crate::domain::device::Platform::Macos
                } else {
                    crate::domain::device::Platform::Ipados
                },
                os_version: "18".into(),
                model: "x".into(),
                user: None,
                enrollment: crate::domain::device::Enrollment::Device,
                user_channel: user.map(Into::into),
                conduct,
            });
        }
    }
    site.deliver(Some(run), Span::minutes(2));
    let waiting: Vec<_> = {
        use crate::domain::roster::RosterView as _;
        let tasks = site.site.store.roster().unwrap().active_tasks().unwrap();
        tasks
            .iter()
            .filter(|t| t.channel == Some(Channel::Mdm))
            .map(|t| format!("{} {:?}: {}", t.full_name, t.device, t.waiting_for.words()))
            .collect()
    };
    assert_eq!(
        waiting,
        ["Ana Jansen Some(\"Ana's iPad\"): the device (busy: NotNow)", "Ben Okafor Some(\"Ben's Mac\"): the device's answer"]
    );
    let delivered = site.deliver(None, Span::hours(2));
    assert_eq!((delivered.figures.queued, delivered.figures.rejected), (1, 1));
    // Eva has nothing but the iPad that refused: her invitation has failed, and is told.
    assert!(
        site.journal().iter().any(|l| l == "invitation eva: invitation failed: no way to the person worked"),
        "{:#?}",
        site.journal()
    );
    site.assert_nothing_twice();
}

#[test]
fn who_accepted_before_a_message_left_gets_none() {
    let mut site = TestSite::new(nobody_accepts());
    lock(site.world()).mail.behave("ana@sunnyside.example", MailboxConduct::Greylists { times: 1 });
    site.invite(GROUP, Choice::NotInvited);
    site.deliver(None, Span::seconds(20));
    {
        // Ana accepts on her iPad before the mail is tried again.
        let mut world = lock(site.world());
        let code = world.people.latest_code("ana").map(str::to_owned);
        let code = code
            .or_else(|| {
                world.apple.records().find(|r| r.email.as_deref() == Some("ana@sunnyside.example")).map(|r| r.invite_code.clone())
            })
            .unwrap();
        world.apple.accept(site.clock.now(), &code, "ana@private.example").unwrap();
    }
    site.sync();
    site.deliver(None, Span::hours(1));
    assert_eq!(lock(site.world()).mail.to("ana@sunnyside.example").len(), 0);
    assert!(
        site.journal().iter().any(|l| l.contains("accepted in the meantime") || l.contains("invitation accepted")),
        "{:#?}",
        site.journal()
    );
}

#[test]
fn a_withdrawn_invitation_is_retired_at_apple_and_can_be_made_anew() {
    let mut site = TestSite::new(quick());
    site.invite(GROUP, Choice::NotInvited);
    site.deliver(None, Span::hours(1));
    site.sync();
    let view_user = |site: &TestSite| {
        use crate::domain::roster::RosterView as _;
        site.site.store.roster().unwrap().user_by_username("ana").unwrap().unwrap()
    };
    let ana = view_user(&site);
    let person = Person { user: ana.id, username: ana.username.clone(), full_name: ana.full_name.clone() };
    let withdraw = Asked { intent: Intent::Withdraw { users: vec![person] }, origin: Origin::default() };
    let saw = site.site.store.newest_run().unwrap();
    site.commit(&[withdraw], saw);
    site.deliver(None, Span::hours(1));
    assert_eq!(view_user(&site).status.word(), "retired");
    site.invite(GROUP, Choice::NotInvited);
    site.deliver(None, Span::hours(1));
    site.sync();
    assert_eq!(view_user(&site).status.word(), "enrolled");
    assert_eq!(lock(site.world()).mail.to("ana@sunnyside.example").len(), 2);
    site.assert_nothing_twice();
}

#[test]
fn quiet_hours_defer_and_say_so() {
    let mut site = TestSite::new(nobody_accepts()).with_settings("[limits]\nquiet_hours = \"06:00-12:00\"\n");
    let run = site.invite(GROUP, Choice::NotInvited).run;
    let delivered = site.deliver(Some(run), Span::minutes(10));
    assert_eq!(delivered.figures.deferred, 6);
    assert_eq!(site.site.store.troubled(crate::domain::ids::RunId(run), &[], 1).unwrap().deliveries[0].words, "quiet hours");
    site.deliver(Some(run), Span::hours(12));
    assert_eq!(site.statuses(), "ana invited, ben invited, chloe invited, dirk none, eva invited");
}

#[test]
fn a_message_goes_to_each_person_once_and_never_as_a_list() {
    let mut site = TestSite::new(nobody_accepts());
    let people: Vec<Person> = {
        use crate::domain::roster::RosterView as _;
        let view = site.site.store.roster().unwrap();
        ["ana", "chloe"]
            .iter()
            .map(|name| view.user_by_username(name).unwrap().unwrap())
            .map(|u| Person { user: u.id, username: u.username.clone(), full_name: u.full_name.clone() })
            .collect()
    };
    let mail = Intent::Mail(MailMessage {
        template: "message".to_owned(),
        data: serde_json::json!({ "subject": "Apps", "text": "Tomorrow at eight." }),
        to: MailTo::People(people),
        left_out: vec![],
        grounds: Grounds::default(),
    });
    let asked = Asked { intent: mail, origin: Origin::default() };
    site.commit(&[asked.clone(), asked], 0);
    site.deliver(None, Span::minutes(5));
    let world = lock(site.world());
    assert_eq!(world.mail.stored().len(), 2);
    assert!(world.mail.stored().iter().all(|m| m.to.len() == 1));
}

#[test]
fn an_invitation_that_has_expired_sends_nothing_more_and_can_still_be_accepted() {
    let mut site = TestSite::new(nobody_accepts());
    lock(site.world()).mail.behave("ana@sunnyside.example", MailboxConduct::Greylists { times: 99 });
    let mut asked = invitation(site.plan(GROUP, Choice::NotInvited));
    if let Intent::Invite(invite) = &mut asked.intent {
        invite.options.expires = Some(Span::days(2));
        invite.options.remind = vec![Span::days(1), Span::days(3)].into();
    }
    site.commit(&[asked], 0);
    site.deliver(None, Span::days(4));
    let world = lock(site.world());
    // Chloe got the invitation and the reminder before the end, and none after it.
    assert_eq!(world.mail.to("chloe@sunnyside.example").len(), 2);
    assert_eq!(world.mail.to("ana@sunnyside.example").len(), 0);
    let code = world.people.latest_code("chloe").map(str::to_owned);
    drop(world);
    assert!(site.journal().iter().any(|l| l == "invitation chloe: invitation expired"), "{:#?}", site.journal());
    lock(site.world()).apple.accept(site.clock.now(), &code.unwrap_or_default(), "chloe@private.example").ok();
    site.sync();
    site.assert_nothing_twice();
}

const MANAGED: &str = "username,full_name,mail,managed_account
ana,Ana Jansen,ana@sunnyside.example,ana@appleid.sunnyside.example
ben,Ben Okafor,ben@sunnyside.example,ben@elsewhere.example
";

#[test]
fn managed_accounts_are_associated_and_foreign_ones_are_invited_instead() {
    let groups = [
        ("users.csv", MANAGED),
        ("groups.csv", super::testing::GROUPS),
        ("memberships.csv", "group,username\nGrade 5,ana\nGrade 5,ben\n"),
    ];
    let mut site = TestSite::of(nobody_accepts(), &groups);
    assert_eq!(site.plan(GROUP, Choice::NotInvited).associated, 2);
    let run = site.invite(GROUP, Choice::NotInvited).run;
    site.deliver(Some(run), Span::minutes(10));
    assert_eq!(site.statuses(), "ana enrolled, ben invited");
    let world = lock(site.world());
    assert_eq!((world.mail.to("ana@sunnyside.example").len(), world.mail.to("ben@sunnyside.example").len()), (0, 1));
    drop(world);
    site.assert_nothing_twice();
}

#[test]
fn a_stranger_who_logs_in_on_a_mac_does_not_get_its_owners_invitation() {
    use crate::domain::roster::RosterView as _;
    use crate::ports::mdm::{DeviceReport, UserChannel};
    let site = TestSite::new(nobody_accepts());
    let channel = |site: &TestSite| site.site.store.roster().unwrap().find_device("C1BEN").unwrap().unwrap().user_channel.clone();
    let login = |name: &str, id: &str| DeviceReport::Enrolled {
        udid: "UDID-BEN".to_owned(),
        user_channel: Some(UserChannel { id: id.to_owned(), short_name: Some(name.to_owned()) }),
    };
    site.site.store.take_report(&login("eva", "EVA-GUID"), site.clock.now()).unwrap();
    assert_eq!(channel(&site).as_deref(), Some("BEN-GUID"));
    site.site.store.take_report(&login("Ben", "BEN-NEW"), site.clock.now()).unwrap();
    assert_eq!(channel(&site).as_deref(), Some("BEN-NEW"));
}

#[test]
fn a_device_that_enrols_anew_gets_the_prompt_that_was_lost_with_its_queue() {
    let mut site = TestSite::new(nobody_accepts());
    site.hear();
    {
        let mut world = lock(site.world());
        world.mdm.add_device(crate::sim::devices::SimDevice {
            serial: "F1ANA".into(),
            udid: "UDID-ANA".into(),
            name: "Ana's iPad".into(),
            platform: crate::domain::device::Platform::Ipados,
            os_version: "18".into(),
            model: "x".into(),
            user: None,
            enrollment: crate::domain::device::Enrollment::Device,
            user_channel: None,
            conduct: DeviceConduct::NeverSeen,
        });
    }
    site.invite(GROUP, Choice::NotInvited);
    site.deliver(None, Span::minutes(10));
    let now = site.clock.now();
    {
        let mut world = lock(site.world());
        if let Some(device) = world.mdm.device_mut("UDID-ANA") {
            device.conduct = DeviceConduct::Obliging;
        }
        world.mdm.enroll_again(now, "UDID-ANA");
    }
    site.hear();
    site.deliver(None, Span::minutes(30));
    assert!(
        site.journal().iter().any(|l| l == "accepted ana: invite by mdm: the device showed the invitation"),
        "{:#?}",
        site.journal()
    );
    site.assert_nothing_twice();
}

#[test]
fn without_a_content_token_other_mail_still_goes_out() {
    let mut site = TestSite::new(nobody_accepts());
    site.ports.apps_and_books = None;
    site.invite(GROUP, Choice::NotInvited);
    let mail = Intent::Mail(MailMessage {
        template: "message".to_owned(),
        data: serde_json::json!({ "subject": "Apps", "text": "Tomorrow." }),
        to: MailTo::Address(crate::domain::mail_address::MailAddress::parse("head@sunnyside.example").unwrap()),
        left_out: vec![],
        grounds: Grounds::default(),
    });
    site.commit(&[Asked { intent: mail, origin: Origin::default() }], 1);
    site.deliver(None, Span::minutes(5));
    assert_eq!(lock(site.world()).mail.stored().len(), 1);
}
