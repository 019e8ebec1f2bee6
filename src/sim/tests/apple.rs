//! Apps and Books, through the in-process door.

use secrecy::ExposeSecret as _;

use super::*;
use crate::ports::apps_and_books::{AppsAndBooks, CallErrorKind, EventState, Owner, RecordStatus, UserQuery};
use crate::ports::clock::Clock as _;
use crate::sim::apple::CannotAccept;
use crate::sim::breach::Rule;
use crate::sim::faults::{RetryAfterForm, TokenFault, Unavailable};
use crate::sim::ports::SimAppsAndBooks;

fn apple() -> (SimAppsAndBooks, Doors, Arc<VirtualClock>) {
    let (doors, clock) = inside(small_world());
    (doors.apps_and_books(&token()), doors, clock)
}

fn kind<T: std::fmt::Debug>(result: Result<T, crate::ports::apps_and_books::CallError>) -> (CallErrorKind, Option<i32>) {
    let error = result.unwrap_err();
    (error.kind, error.number)
}

fn one(id: &str) -> UserQuery {
    UserQuery { client_user_id: Some(id.to_owned()), ..UserQuery::default() }
}

async fn made(apple: &SimAppsAndBooks, clock: &VirtualClock, ids: &[&str]) {
    for part in ids.chunks(100) {
        apple.create_users(part.iter().map(|id| user(id)).collect()).await.unwrap();
    }
    clock.advance(Span::seconds(2));
}

fn owner(id: &str) -> Owner {
    Owner { id: id.to_owned(), name: "beckon".to_owned(), metadata: "test".to_owned() }
}

#[tokio::test]
async fn a_created_user_is_pending_then_registered_with_a_code() {
    let (apple, doors, clock) = apple();
    let event = apple.create_users(vec![user("u1")]).await.unwrap();
    assert_eq!(apple.event(event.clone()).await.unwrap().state, EventState::Pending);
    assert!(apple.users(one("u1")).await.unwrap().users.is_empty());
    clock.advance(Span::seconds(31));
    assert_eq!(apple.event(event).await.unwrap().state, EventState::Complete);
    let page = apple.users(one("u1")).await.unwrap();
    assert_eq!(page.users[0].status, RecordStatus::Registered);
    let code = page.users[0].invite_code.as_ref().unwrap().clone();
    assert_eq!(code.expose_secret().len(), 32);
    let url = apple.invitation_url(&code).await.unwrap();
    assert!(url.expose_secret().ends_with(&format!("inviteCode={}&mt=8", code.expose_secret())));
    assert_eq!(breaches(&doors), [""; 0]);
}

#[tokio::test]
async fn accepting_makes_enrolled_and_a_retired_code_is_no_good() {
    let (apple, doors, clock) = apple();
    made(&apple, &clock, &["u1", "u2"]).await;
    let code_of =
        |page: crate::ports::apps_and_books::UserPage| page.users[0].invite_code.clone().unwrap().expose_secret().to_owned();
    let (one_, two) = (code_of(apple.users(one("u1")).await.unwrap()), code_of(apple.users(one("u2")).await.unwrap()));
    let accept = |code: &str, account: &str| lock(doors.world()).accept(clock.now(), code, account);
    assert_eq!(accept(&one_, "ana@private.example"), Ok("u1".to_owned()));
    assert_eq!(accept(&one_, "ana@private.example"), Err(CannotAccept::AlreadyAccepted));
    assert_eq!(accept(&two, "ana@private.example"), Err(CannotAccept::AccountTaken));
    assert_eq!(accept("0".repeat(32).as_str(), "x@private.example"), Err(CannotAccept::UnknownCode));
    let record = apple.users(one("u1")).await.unwrap().users.remove(0);
    assert_eq!((record.status, record.id_hash.is_some(), record.invite_code.is_none()), (RecordStatus::Associated, true, true));

    apple.retire_users(vec![user("u2")]).await.unwrap();
    clock.advance(Span::seconds(2));
    doors.step();
    assert_eq!(accept(&two, "bo@private.example"), Err(CannotAccept::Retired));
    // Registered again: a second record with another code; the retired one stays to be seen.
    made(&apple, &clock, &["u2"]).await;
    let all = apple.users(one("u2")).await.unwrap().users;
    assert_eq!(all.iter().map(|r| r.status.clone()).collect::<Vec<_>>(), [RecordStatus::Retired, RecordStatus::Registered]);
    assert_ne!(all[1].invite_code.as_ref().unwrap().expose_secret(), two);
    let active = apple.users(UserQuery { active_only: true, ..one("u2") }).await.unwrap().users;
    assert_eq!(active.len(), 1);
}

#[tokio::test]
async fn an_event_can_fail_for_some_users() {
    let (apple, doors, clock) = apple();
    made(&apple, &clock, &["u1"]).await;
    let managed = |id: &str, account: &str| UserRequest { managed_apple_id: Some(account.to_owned()), ..user(id) };
    lock(doors.world()).apple.faults.refuse_users.insert("u5".to_owned(), 9609);
    let batch = vec![
        user("u1"),
        user("u2"),
        managed("u3", "cas@appleid.sunnyside.example"),
        managed("u4", "dee@elsewhere.example"),
        user("u5"),
        managed("u6", "cas@appleid.sunnyside.example"),
    ];
    let event = apple.create_users(batch).await.unwrap();
    clock.advance(Span::seconds(2));
    let status = apple.event(event).await.unwrap();
    assert_eq!(status.state, EventState::Failed);
    let failures: Vec<_> = status.failures.iter().map(|f| (f.number, f.client_user_ids.join(" "))).collect();
    let expected = [(9716, "u1"), (9635, "u4"), (9609, "u5"), (9641, "u6")].map(|(n, id)| (n, id.to_owned()));
    assert_eq!(failures, expected);
    let status_of = |page: crate::ports::apps_and_books::UserPage| page.users.first().map(|u| u.status.clone());
    assert_eq!(status_of(apple.users(one("u2")).await.unwrap()), Some(RecordStatus::Registered));
    assert_eq!(status_of(apple.users(one("u3")).await.unwrap()), Some(RecordStatus::Associated));
    assert_eq!(status_of(apple.users(one("u4")).await.unwrap()), None);
}

#[tokio::test]
async fn bad_requests_are_refused_whole_and_at_once() {
    let (apple, doors, _) = apple();
    let many: Vec<UserRequest> = (0..101).map(|n| user(&format!("u{n}"))).collect();
    let wrong_mail = UserRequest { email: Some("not an address".to_owned()), ..user("u1") };
    let nameless = UserRequest { client_user_id: String::new(), ..user("u1") };
    for (batch, expected) in [
        (vec![], (CallErrorKind::Refused, Some(9720))),
        (many, (CallErrorKind::TooMany, None)),
        (vec![user("u1"), user("u1")], (CallErrorKind::Refused, Some(9715))),
        (vec![wrong_mail], (CallErrorKind::Refused, Some(9717))),
        (vec![nameless], (CallErrorKind::Refused, Some(9602))),
    ] {
        assert_eq!(kind(apple.create_users(batch).await), expected);
    }
    assert_eq!(kind(apple.event("nonsense".to_owned()).await), (CallErrorKind::UnknownEvent, Some(9708)));
    // Apple lowers a limit between two looks at it.
    lock(doors.world()).apple.config.limits.max_users = 1;
    assert_eq!(kind(apple.create_users(vec![user("u1"), user("u2")]).await), (CallErrorKind::TooMany, Some(9714)));
    assert_eq!(apple.limits().await.unwrap().users_per_request, 1);
    let world = lock(doors.world());
    assert_eq!(world.breaches().iter().map(|b| b.rule).collect::<Vec<_>>(), [Rule::RowsPerRequest]);
    assert_eq!(world.apple.records().count(), 0);
}

#[tokio::test]
async fn pages_and_versions() {
    let (apple, _, clock) = apple();
    made(&apple, &clock, &["u1", "u2", "u3", "u4", "u5", "u6", "u7"]).await;
    let first = apple.users(UserQuery::default()).await.unwrap();
    assert_eq!((first.users.len(), first.next_page, first.total_pages), (3, Some(1), 3));
    let last = apple.users(UserQuery { page: Some(2), ..UserQuery::default() }).await.unwrap();
    assert_eq!((last.users.len(), last.next_page), (1, None));
    let beyond = apple.users(UserQuery { page: Some(3), ..UserQuery::default() }).await;
    assert_eq!(kind(beyond), (CallErrorKind::StaleCursor, Some(9650)));

    let since = |version: &str| UserQuery { since_version: Some(version.to_owned()), ..UserQuery::default() };
    let nothing = apple.users(since(&first.version)).await.unwrap();
    assert_eq!((nothing.users.len(), nothing.version == first.version), (0, true));
    apple.update_users(vec![UserRequest { email: Some("new@sunnyside.example".to_owned()), ..user("u2") }]).await.unwrap();
    clock.advance(Span::seconds(2));
    let changed = apple.users(since(&first.version)).await.unwrap();
    assert_eq!(changed.users.iter().map(|u| u.email.as_deref().unwrap()).collect::<Vec<_>>(), ["new@sunnyside.example"]);
    assert_ne!(changed.version, first.version);
    for version in ["", "yesterday", "5b6c2a60-31d7-11f0-8a55-ffffffffffff"] {
        assert_eq!(kind(apple.users(since(version)).await), (CallErrorKind::StaleCursor, Some(9721)), "{version}");
    }
}

#[tokio::test]
async fn the_owner_is_in_every_answer() {
    let (apple, doors, _) = apple();
    assert_eq!(apple.unit().await.unwrap().owner, None);
    assert_eq!(apple.claim(owner("me")).await.unwrap().owner, Some(owner("me")));
    assert!(apple.users(UserQuery::default()).await.is_ok());
    let rival = Owner { name: "Other MDM".to_owned(), ..owner("rival") };
    lock(doors.world()).apple.rival_takes_over(&rival);
    assert_eq!(kind(apple.users(UserQuery::default()).await).0, CallErrorKind::NotOurs(rival.clone()));
    // Nothing is asked any more, so nothing can be written into a stranger's unit.
    let before = lock(doors.world()).apple.requests();
    assert_eq!(kind(apple.create_users(vec![user("u1")]).await).0, CallErrorKind::NotOurs(rival.clone()));
    assert_eq!(lock(doors.world()).apple.requests(), before);
    assert_eq!(kind(apple.unit().await).0, CallErrorKind::NotOurs(rival));
    apple.claim(owner("me")).await.unwrap();
    assert!(apple.create_users(vec![user("u1")]).await.is_ok());
    let long = Owner { metadata: "x".repeat(256), ..owner("me") };
    assert_eq!(kind(apple.claim(long).await), (CallErrorKind::Refused, Some(9713)));
}

#[tokio::test]
async fn dead_tokens_in_every_form() {
    for (fault, number) in
        [(TokenFault::BadAs401, 9622), (TokenFault::BadAs200, 9622), (TokenFault::Expired, 9621), (TokenFault::Revoked, 9625)]
    {
        let (apple, doors, _) = apple();
        lock(doors.world()).apple.faults.token = fault;
        assert_eq!(kind(apple.unit().await), (CallErrorKind::TokenDead, Some(number)));
    }
    let (apple, _, clock) = apple();
    clock.advance(Span::days(290));
    assert!(apple.unit().await.unwrap().token_expires.is_some(), "within fifteen days of its end");
    clock.advance(Span::days(10));
    assert_eq!(kind(apple.unit().await), (CallErrorKind::TokenDead, Some(9621)));
    let (doors, _) = inside(small_world());
    let foreign = ContentToken::parse(content_token(2, "Elsewhere", start()).as_bytes()).unwrap();
    assert_eq!(kind(doors.apps_and_books(&foreign).unit().await), (CallErrorKind::TokenDead, Some(9622)));
}

#[tokio::test]
async fn busy_is_waited_out_and_internal_errors_are_resent() {
    for form in [RetryAfterForm::Seconds, RetryAfterForm::HttpDate] {
        let (apple, doors, clock) = apple();
        let until = start() + Span::milliseconds(600_500);
        lock(doors.world()).apple.faults.unavailable = Some(Unavailable { until, form });
        let CallErrorKind::Busy { retry_after } = kind(apple.unit().await).0 else { panic!("not busy") };
        assert!(retry_after >= Span::milliseconds(600_500) && retry_after <= Span::seconds(602));
        // The door holds back by itself, so Apple sees nothing of an impatient caller.
        assert!(matches!(kind(apple.unit().await).0, CallErrorKind::Busy { .. }));
        clock.advance(retry_after);
        assert!(apple.unit().await.is_ok());
        assert_eq!(breaches(&doors), [""; 0]);
    }
    let (apple, doors, clock) = apple();
    lock(doors.world()).apple.faults.internal_errors = 5;
    assert!(apple.unit().await.is_ok());
    lock(doors.world()).apple.faults.internal_errors = 6;
    assert_eq!(kind(apple.unit().await), (CallErrorKind::Busy { retry_after: Span::minutes(2) }, Some(9603)));
    clock.advance(Span::minutes(2));
    lock(doors.world()).apple.faults.too_many_requests = 2;
    for seconds in [5, 10] {
        assert_eq!(kind(apple.unit().await), (CallErrorKind::Busy { retry_after: Span::seconds(seconds) }, Some(9646)));
        clock.advance(Span::seconds(seconds));
    }
    assert!(apple.unit().await.is_ok());
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_a_lost_request_is_not() {
    let (apple, doors, clock) = apple();
    lock(doors.world()).apple.faults.drop_after_acting = 1;
    assert_eq!(kind(apple.create_users(vec![user("u1")]).await).0, CallErrorKind::Unknown);
    clock.advance(Span::seconds(2));
    assert_eq!(apple.users(one("u1")).await.unwrap().users.len(), 1, "it was acted on");
    lock(doors.world()).apple.faults.drop_before_acting = 1;
    assert_eq!(kind(apple.create_users(vec![user("u2")]).await).0, CallErrorKind::Unreachable);
    clock.advance(Span::seconds(2));
    assert!(apple.users(one("u2")).await.unwrap().users.is_empty());
    lock(doors.world()).apple.faults.lose_events = 1;
    let lost = apple.create_users(vec![user("u3")]).await.unwrap();
    clock.advance(Span::days(1));
    assert_eq!(apple.event(lost).await.unwrap().state, EventState::Pending);
}

#[tokio::test]
async fn slow_answers_take_their_time() {
    let (apple, doors, clock) = apple();
    lock(doors.world()).apple.faults.slow = Some(Span::seconds(9));
    apple.unit().await.unwrap();
    assert_eq!(clock.now(), start() + Span::seconds(9));
}

#[tokio::test]
async fn the_door_keeps_the_pace_by_itself() {
    let (apple, doors, clock) = apple();
    for _ in 0..60 {
        apple.unit().await.unwrap();
    }
    assert!(clock.now() - start() >= Span::milliseconds(3_900), "{}", clock.now() - start());
    assert!(clock.now() - start() <= Span::milliseconds(4_100), "{}", clock.now() - start());
    assert_eq!(breaches(&doors), [""; 0]);
}

#[test]
fn every_rule_of_conduct_is_judged() {
    let text = content_token(1, "Sunnyside School", start() + Span::days(300));
    let rules = |world: &World| world.breaches().iter().map(|b| b.rule).collect::<Vec<_>>();
    let ms = |n| start() + Span::milliseconds(n);

    let mut world = small_world();
    for n in 0..15 {
        world.apple.enter(ms(n * 60), &text, false).map(drop).unwrap();
    }
    assert_eq!(rules(&world), []);
    assert!(world.apple.enter(ms(999), &text, false).is_err(), "the sixteenth within a second");
    assert_eq!(rules(&world), [Rule::Pace]);

    let mut world = small_world();
    let calls: Vec<_> = (0..6).map(|n| world.apple.enter(ms(n * 100), &text, false).unwrap()).collect();
    assert_eq!((rules(&world), world.apple.in_flight_max()), (vec![Rule::Parallel], 6));
    drop(calls);
    assert!(world.apple.enter(ms(600), &text, false).is_ok());
    assert_eq!(world.breaches().len(), 1);

    let mut world = small_world();
    let call = world.apple.enter(ms(0), &text, true).unwrap();
    let event = world.apple.change_users(ms(0), &call, crate::sim::apple::EventKind::Create, vec![user("u1")]).unwrap();
    world.apple.status(ms(1), &call, &event).unwrap();
    world.apple.status(ms(30_001), &call, &event).unwrap();
    assert_eq!(rules(&world), []);
    world.apple.status(ms(60_000), &call, &event).unwrap();
    assert_eq!(rules(&world), [Rule::PollSpacing]);

    let mut world = small_world();
    world.apple.faults.unavailable = Some(Unavailable { until: ms(5_000), form: RetryAfterForm::Seconds });
    assert!(world.apple.enter(ms(0), &text, false).is_err());
    assert_eq!(rules(&world), []);
    assert!(world.apple.enter(ms(4_999), &text, false).is_err());
    assert_eq!(rules(&world), [Rule::RetryAfter]);
    world.apple.enter(ms(5_000), &text, false).map(drop).unwrap();
}

#[test]
fn licences_are_handed_out_and_come_back() {
    use crate::sim::apple::{EventKind, Holders};
    let text = content_token(1, "Sunnyside School", start() + Span::days(300));
    let mut world = small_world();
    let call = world.apple.enter(start(), &text, true).unwrap();
    world.apple.change_users(start(), &call, EventKind::Create, vec![user("u1"), user("u2")]).unwrap();
    world.step(start() + Span::seconds(2));
    let keynote = || vec!["361285480".to_owned()];
    let holders =
        |ids: &[&str]| Holders { client_user_ids: ids.iter().map(|s| (*s).to_owned()).collect(), serial_numbers: vec![] };
    let now = start() + Span::seconds(2);
    let event = world.apple.change_licences(now, &call, EventKind::Associate, keynote(), holders(&["u1", "u2", "u9"])).unwrap();
    world.step(now + Span::seconds(2));
    let view = world.apple.status(now + Span::seconds(2), &call, &event).unwrap();
    assert_eq!((view.asked, view.completed, view.status.failures[0].number), (3, 2, 9609));
    let available =
        |world: &World| world.apple.assets(&call, 0).unwrap().assets.iter().find(|a| a.adam_id == "361285480").unwrap().available;
    assert_eq!((available(&world), world.apple.assignments(&call, None, Some("u1"), 0).unwrap().0.len()), (398, 1));
    world.apple.change_users(now, &call, EventKind::Retire, vec![user("u1")]).unwrap();
    world.step(now + Span::seconds(9));
    assert_eq!((available(&world), world.apple.assignments(&call, None, None, 0).unwrap().0.len()), (399, 1));
    let none = world.apple.change_licences(now, &call, EventKind::Associate, keynote(), Holders::default());
    assert_eq!(none.unwrap_err().number, 9719);
}
