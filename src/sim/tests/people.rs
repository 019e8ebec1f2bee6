//! Mailboxes, pushes, webhooks and the people behind them.

use std::sync::Arc;

use super::*;
use crate::domain::mail_address::MailAddress;
use crate::domain::outcome::{Outcome, Rejection};
use crate::ports::apps_and_books::{AppsAndBooks as _, RecordStatus};
use crate::ports::clock::Clock as _;
use crate::ports::mail::{Letter, Mail as _, Sender};
use crate::ports::push::{Notification, NotificationKind, Push as _};
use crate::ports::webhook::{Post, Webhook as _};
use crate::sim::WorldEvent;
use crate::sim::apns::TokenConduct;
use crate::sim::hooks::HookConduct;
use crate::sim::mailboxes::MailboxConduct;
use crate::sim::people::{Habits, Person, PersonConduct, Via};
use secrecy::ExposeSecret as _;

fn letter(to: &str, id: &str, text: &str) -> Letter {
    let address = |text: &str| MailAddress::parse(text).unwrap();
    Letter {
        from: Sender { name: Arc::from("IT"), address: address("it@sunnyside.example") },
        to: address(to),
        to_name: "Ana de Vries".to_owned(),
        subject: "Your apps".to_owned(),
        text: text.to_owned(),
        html: None,
        message_id: id.to_owned(),
        date: start(),
        language: "nl".to_owned(),
    }
}

#[tokio::test]
async fn every_way_a_mailbox_can_behave() {
    let (doors, _) = inside(small_world());
    let mail = doors.mail();
    let (yes, no, maybe, later) = ("accepted", "rejected", "doubtful", "deferred");
    for (n, (conduct, expected)) in [
        (MailboxConduct::Accepts, [yes, yes]),
        (MailboxConduct::Greylists { times: 1 }, [later, yes]),
        (MailboxConduct::no_such_user(), [no, no]),
        (MailboxConduct::DropsInData { times: 1 }, [later, yes]),
        (MailboxConduct::DropsAfterDot { times: 1 }, [maybe, yes]),
        (MailboxConduct::Busy { times: 1 }, [later, yes]),
    ]
    .into_iter()
    .enumerate()
    {
        let to = format!("u{n}@sunnyside.example");
        lock(doors.world()).mail.behave(&to, conduct.clone());
        let mut got = Vec::new();
        for _ in 0..2 {
            got.push(match mail.send(letter(&to, &format!("m{n}@beckon"), "hello")).await.unwrap() {
                Outcome::Accepted { .. } => yes,
                Outcome::Deferred { .. } => later,
                Outcome::Rejected { why: Rejection::TargetDead, words } => {
                    assert_eq!(words, "550 5.1.1 No such user here");
                    no
                }
                Outcome::Rejected { .. } => "refused",
                Outcome::Doubtful { .. } => maybe,
            });
        }
        assert_eq!(got, expected, "{conduct:?}");
    }
    let world = lock(doors.world());
    assert_eq!(world.mail.to("U0@sunnyside.example").len(), 2);
    assert_eq!(world.mail.to("u2@sunnyside.example").len(), 0);
    assert_eq!(world.mail.to("u3@sunnyside.example").len(), 1);
    // The doubtful one had arrived: sent again, it is there twice, and that can be seen.
    assert_eq!(world.mail.duplicates(), [("m0@beckon".to_owned(), 2), ("m4@beckon".to_owned(), 2)]);
    assert_eq!(world.mail.stored()[0].header("subject").as_deref(), Some("Your apps"));
}

#[tokio::test]
async fn a_person_who_gets_the_mail_accepts_when_they_feel_like_it() {
    let mut world = small_world();
    world.people.add(Person::new("ana", Some("Ana@sunnyside.example")));
    world.people.add(Person::new("bo", Some("bo@sunnyside.example")));
    world.people.behave("ana", PersonConduct::AcceptsAfter(Span::hours(3)));
    world.people.behave("bo", PersonConduct::Ignores);
    let (doors, clock) = inside(world);
    let apple = doors.apps_and_books(&token());
    apple.create_users(vec![user("u1"), user("u2")]).await.unwrap();
    clock.advance(Span::seconds(2));
    let page = apple.users(Default::default()).await.unwrap();
    for (record, to) in page.users.iter().zip(["ana@sunnyside.example", "bo@sunnyside.example"]) {
        let url = apple.invitation_url(record.invite_code.as_ref().unwrap()).await.unwrap();
        doors.mail().send(letter(to, to, url.expose_secret())).await.unwrap();
    }
    doors.step();
    let due = doors.next_wake().unwrap();
    assert!(due >= start() + Span::hours(3));
    clock.advance_to(due);
    let accepted = WorldEvent::Accepted { at: due, username: "ana".to_owned(), client_user_id: "u1".to_owned(), via: Via::Mail };
    assert_eq!(doors.step(), [accepted]);
    assert_eq!(doors.next_wake(), None);
    let states: Vec<_> = apple.users(Default::default()).await.unwrap().users.into_iter().map(|u| u.status).collect();
    assert_eq!(states, [RecordStatus::Associated, RecordStatus::Registered]);
    assert_eq!(lock(doors.world()).person_accepts(clock.now(), "bo"), Ok("u2".to_owned()));
    assert_eq!(lock(doors.world()).people.reached("bo"), 1);
}

#[test]
fn the_same_seed_gives_the_same_story_in_whatever_order_mails_arrive() {
    let story = |seed: u64, backwards: bool| {
        let habits = Habits { accepts: 0.5, ..Habits::default() };
        let school = crate::sim::School::generate(seed, 80);
        let mut world = school.world(habits, start() + Span::days(300));
        let text = content_token(seed, &school.name, start() + Span::days(300));
        let call = world.apple.enter(start(), &text, true).unwrap();
        let requests = school.users.iter().map(|u| user(&u.username)).collect();
        world.apple.change_users(start(), &call, crate::sim::apple::EventKind::Create, requests).unwrap();
        drop(call);
        world.step(start() + Span::minutes(1));
        let mut letters: Vec<_> = school
            .users
            .iter()
            .filter_map(|u| Some((u.mail.clone()?, world.apple.record(&u.username)?.invite_code.clone())))
            .collect();
        if backwards {
            letters.reverse();
        }
        for (to, code) in letters {
            let raw = format!("Subject: x\r\n\r\nhttps://x/?inviteCode={code}&mt=8\r\n").into_bytes();
            let mail = crate::sim::mailboxes::ArrivedMail::read("it@sunnyside.example", vec![to], raw);
            world.take_mail(start() + Span::minutes(1), mail);
        }
        let mut happened: Vec<String> = world.step(start() + Span::days(30)).iter().map(|e| format!("{e:?}")).collect();
        happened.sort();
        happened
    };
    let told = story(5, false);
    assert!((20..60).contains(&told.len()), "{}", told.len());
    assert_eq!(told, story(5, true));
    assert_ne!(told, story(6, false));
}

#[tokio::test]
async fn apns_answers_by_token() {
    let mut world = small_world();
    let died = start() - Span::days(1);
    for (token, conduct) in [
        ("a1", TokenConduct::Takes),
        ("a2", TokenConduct::Unregistered { since: died }),
        ("a3", TokenConduct::Bad),
        ("a4", TokenConduct::TooMany { times: 1 }),
        ("a5", TokenConduct::Unavailable { times: 1 }),
    ] {
        world.apns.register(token, "example.app");
        world.apns.behave(token, conduct);
    }
    let (doors, _) = inside(world);
    let push = doors.push();
    let send = |token: &str, topic: &str, n: u32| {
        push.send(Notification {
            token: token.to_owned(),
            topic: topic.to_owned(),
            kind: NotificationKind::Alert { title: None, text: "Hello".to_owned() },
            id: format!("00000000-0000-4000-8000-{n:012}"),
            expires: None,
            collapse_id: None,
        })
    };
    assert!(matches!(send("a1", "example.app", 1).await, Ok(Outcome::Accepted { .. })));
    for (token, topic) in [("a2", "example.app"), ("a3", "example.app"), ("ff", "example.app")] {
        let got = send(token, topic, 2).await;
        assert!(matches!(got, Ok(Outcome::Rejected { why: Rejection::TargetDead, .. })), "{token} {got:?}");
    }
    let elsewhere = send("a1", "other.app", 2).await;
    assert!(matches!(elsewhere, Ok(Outcome::Rejected { why: Rejection::Refused, .. })), "{elsewhere:?}");
    for token in ["a4", "a5"] {
        assert!(matches!(send(token, "example.app", 3).await, Ok(Outcome::Deferred { .. })), "{token}");
        assert!(matches!(send(token, "example.app", 4).await, Ok(Outcome::Accepted { .. })), "{token}");
    }
    assert!(send("a1", "", 5).await.is_err(), "no topic is a matter of the configuration");
    lock(doors.world()).apns.faults.bad_certificate = true;
    assert!(send("a1", "example.app", 6).await.is_err());
    let world = lock(doors.world());
    assert_eq!(world.apns.times("00000000-0000-4000-8000-000000000001"), 1);
    assert_eq!(world.apns.duplicates(), [("00000000-0000-4000-8000-000000000004".to_owned(), 2)]);
}

#[tokio::test]
async fn webhooks_are_kept_and_can_fail() {
    let (doors, _) = inside(small_world());
    let hook = doors.webhook();
    let post = || Post { endpoint: "chat".to_owned(), key: "k".to_owned(), body: serde_json::json!({ "n": 1 }) };
    lock(doors.world()).hooks.behave("chat", HookConduct::Answers { status: 503, times: 1 });
    assert!(matches!(hook.post(post()).await, Ok(Outcome::Deferred { .. })));
    assert!(matches!(hook.post(post()).await, Ok(Outcome::Accepted { .. })));
    lock(doors.world()).hooks.behave("chat", HookConduct::DropsAfterTaking { times: 1 });
    assert!(matches!(hook.post(post()).await, Ok(Outcome::Doubtful { .. })));
    assert_eq!(lock(doors.world()).hooks.stored().len(), 2);
}
