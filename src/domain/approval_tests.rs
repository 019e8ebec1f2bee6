use super::*;
use crate::domain::grounds::Grounds;
use crate::domain::intent::{InviteOptions, Origin};
use crate::domain::invite_plan::{CandidateDevice, InvitePlan};
use crate::domain::mail_address::MailAddress;
use crate::domain::time::{Span, from_millis};

const ANA: UserId = UserId(1);
const IPAD: DeviceId = DeviceId(11);
const PHONE: DeviceId = DeviceId(12);

fn held_at() -> Timestamp {
    from_millis(1_000_000)
}

/// Ana as she was when the plan was made: not invited, with two devices and a mailbox.
fn ana() -> Candidate {
    let device = |device, platform| CandidateDevice { device, name: String::new(), platform, not_invitable: None };
    Candidate {
        user: ANA,
        username: "ana".to_owned(),
        full_name: "Ana Jansen".to_owned(),
        enabled: true,
        status: Status::None,
        invited_at: None,
        last_contact: None,
        has_mail: true,
        mail_dead: false,
        managed_account: false,
        distribution: true,
        under_way: false,
        doubtful: false,
        devices: vec![device(IPAD, Platform::Ipados), device(PHONE, Platform::Ios)],
    }
}

fn line() -> Line {
    Line {
        user: ANA,
        username: "ana".to_owned(),
        full_name: "Ana Jansen".to_owned(),
        devices: vec![IPAD, PHONE],
        mail: true,
        associate: false,
        again: false,
    }
}

fn person() -> Person {
    Person { user: ANA, username: "ana".to_owned(), full_name: "Ana Jansen".to_owned() }
}

fn invite(line: Line) -> Intent {
    let plan = InvitePlan::make(
        "Grade 5".to_owned(),
        "Sunnyside".to_owned(),
        Vec::new(),
        &crate::domain::invite_plan::PlanOptions {
            choice: crate::domain::invite_plan::Choice::Everyone,
            channels: vec![Channel::Mdm, Channel::Mail],
            gap: Span::zero(),
            only_devices: None,
        },
        held_at(),
    );
    let options = InviteOptions {
        channels: vec![Channel::Mdm, Channel::Mail],
        template: "invitation".to_owned(),
        remind: vec![Span::days(3)].into(),
        expires: Some(Span::days(30)),
        canary: None,
    };
    Intent::Invite(Invite { plan: plan.with_lines(vec![line]), options })
}

fn kept(intent: Intent) -> Vec<Kept> {
    vec![(0, Asked { intent, origin: Origin::default() })]
}

fn now(candidate: Option<Candidate>) -> RosterNow {
    RosterNow {
        people: candidate.into_iter().map(|c| (c.user, c)).collect(),
        devices: [(IPAD, Some(ANA)), (PHONE, Some(ANA))].into(),
        alertable: [IPAD].into(),
        groups: [GroupId(5)].into(),
        apps: ["361285480".to_owned()].into(),
        ..RosterNow::default()
    }
}

/// What is left of a plan, in a few words.
fn left(intent: Intent, now: &RosterNow) -> String {
    let difference = Difference::between(&kept(intent), held_at(), now);
    let gone: Vec<String> = difference.gone.iter().map(|g| format!("{} gone: {}", g.who, g.change)).collect();
    let fewer: Vec<String> = difference.fewer.iter().map(|(who, what)| format!("{who} {what}")).collect();
    let stays: usize = difference.stays.iter().map(|(_, ask)| ask.intent.deliveries()).sum();
    let all: Vec<String> = gone.into_iter().chain(fewer).chain([format!("{stays} left")]).collect();
    all.join("; ")
}

fn changed(change: impl FnOnce(&mut Candidate)) -> String {
    let mut candidate = ana();
    change(&mut candidate);
    left(invite(line()), &now(Some(candidate)))
}

#[test]
fn what_has_not_changed_stays() {
    assert_eq!(changed(|_| {}), "3 left");
}

#[test]
fn every_kind_of_change_has_its_words() {
    assert_eq!(changed(|c| c.status = Status::Enrolled), "Ana Jansen gone: accepted since; 0 left");
    assert_eq!(changed(|c| c.enabled = false), "Ana Jansen gone: account disabled since; 0 left");
    assert_eq!(changed(|c| c.distribution = false), "Ana Jansen gone: managed distribution disabled since; 0 left");
    assert_eq!(changed(|c| c.under_way = true), "Ana Jansen gone: invited by another run since; 0 left");
    assert_eq!(changed(|c| c.invited_at = Some(held_at())), "Ana Jansen gone: invited by another run since; 0 left");
    assert_eq!(changed(|c| c.doubtful = true), "Ana Jansen gone: invited by another run since; 0 left");
    assert_eq!(changed(|c| c.managed_account = true), "Ana Jansen gone: Managed Apple Account changed since; 0 left");
    assert_eq!(left(invite(line()), &now(None)), "Ana Jansen gone: left the roster since; 0 left");
    let mut gone = now(Some(ana()));
    gone.left.insert(ANA);
    assert_eq!(left(invite(line()), &gone), "Ana Jansen gone: left the roster since; 0 left");
}

#[test]
fn who_has_fewer_ways_keeps_the_others_and_gets_no_new_one() {
    let lost = |c: &mut Candidate| c.devices.retain(|d| d.device != PHONE);
    assert_eq!(changed(lost), "Ana Jansen on 1 of 2 devices; 2 left");
    assert_eq!(changed(|c| c.mail_dead = true), "Ana Jansen without the mail; 2 left");
    assert_eq!(
        changed(|c| {
            c.devices.clear();
            c.has_mail = false;
        }),
        "Ana Jansen gone: no device and no mail address left; 0 left"
    );
    let one = Line { devices: vec![PHONE], mail: false, ..line() };
    assert_eq!(left(invite(one), &now(Some(ana()))), "1 left", "the iPad and the mailbox were not of the plan");
}

#[test]
fn who_was_invited_before_the_plan_was_made_is_reminded_once() {
    let again = || invite(Line { again: true, ..line() });
    let with = |at: Timestamp| {
        now(Some(Candidate { status: Status::Invited, invited_at: Some(from_millis(5)), last_contact: Some(at), ..ana() }))
    };
    assert_eq!(left(again(), &with(held_at() - Span::days(2))), "3 left");
    let since = with(held_at() + Span::minutes(1));
    assert_eq!(left(again(), &since), "Ana Jansen gone: invited by another run since; 0 left");
}

#[test]
fn messages_are_compared_too() {
    let mail = || {
        Intent::Mail(MailMessage {
            template: "message".to_owned(),
            data: serde_json::json!({}),
            to: MailTo::People(vec![person()]),
            left_out: Vec::new(),
            grounds: Grounds::default(),
        })
    };
    assert_eq!(left(mail(), &now(Some(ana()))), "1 left");
    assert_eq!(left(mail(), &now(None)), "Ana Jansen gone: left the roster since; 0 left");
    let dead = now(Some(Candidate { mail_dead: true, ..ana() }));
    assert_eq!(left(mail(), &dead), "Ana Jansen gone: no device and no mail address left; 0 left");
    let push = |device| {
        let (title, text) = (None, "Look".to_owned());
        Intent::Push(PushMessage { title, text, to: vec![(person(), device)], left_out: Vec::new(), grounds: Grounds::default() })
    };
    assert_eq!(left(push(IPAD), &now(Some(ana()))), "1 left");
    assert_eq!(left(push(PHONE), &now(Some(ana()))), "Ana Jansen gone: no device and no mail address left; 0 left");
    assert_eq!(left(push(DeviceId(99)), &now(Some(ana()))), "Ana Jansen gone: the device has gone since; 0 left");
    let mut given = now(Some(ana()));
    given.devices.insert(IPAD, Some(UserId(2)));
    assert_eq!(left(push(IPAD), &given), "Ana Jansen gone: the device is somebody else's now; 0 left");
}

#[test]
fn what_names_something_that_has_gone_is_dropped() {
    let here = now(Some(ana()));
    let app = |group, adam_id: &str| Intent::AssignApp {
        adam_id: adam_id.to_owned(),
        app: "Keynote".to_owned(),
        group: GroupId(group),
        group_name: "Grade 5".to_owned(),
    };
    let stays = |intent| Difference::between(&kept(intent), held_at(), &here).stays.len();
    assert_eq!(stays(app(5, "361285480")), 1);
    assert_eq!(left(app(6, "361285480"), &here), "Grade 5 gone: the group has gone since; 0 left");
    assert_eq!(left(app(5, "1"), &here), "Keynote gone: the app has gone since; 0 left");
    let assign = |device, to| Intent::AssignDevice { device, serial: "F1ANA".to_owned(), to };
    assert_eq!(stays(assign(IPAD, Some(person()))), 1);
    assert_eq!(left(assign(DeviceId(99), None), &here), "F1ANA gone: the device has gone since; 0 left");
    assert_eq!(left(assign(IPAD, Some(person())), &now(None)), "F1ANA gone: left the roster since; 0 left");
}

#[test]
fn a_kept_plan_is_read_as_it_was_written() {
    let address = MailTo::Address(MailAddress::parse("press@paper.example").unwrap());
    let data = serde_json::json!({ "text": "Hé" });
    let mail =
        MailMessage { template: "message".to_owned(), data, to: address, left_out: Vec::new(), grounds: Grounds::default() };
    let left = (person(), crate::domain::reason::LeftOut::ContactedWithin(7));
    let push = PushMessage {
        title: None,
        text: "x".to_owned(),
        to: vec![(person(), IPAD)],
        left_out: vec![left],
        grounds: Grounds::default(),
    };
    let all: Vec<Kept> = [invite(line()), Intent::Mail(mail), Intent::Push(push), Intent::Withdraw { users: vec![person()] }]
        .into_iter()
        .flat_map(kept)
        .collect();
    let text = serde_json::to_string(&all).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Kept>>(&text).unwrap(), all);
}
