//! What the port promises while Apple is well.

use std::collections::BTreeSet;

use beckon::ports::apps_and_books::{CallErrorKind, EventState, RecordStatus, UserQuery, UserRequest};
use futures_util::future::join_all;
use secrecy::{ExposeSecret as _, SecretString};

use super::*;

#[tokio::test]
async fn limits_and_unit_are_as_apple_says() {
    for (name, side) in sides().await {
        let limits = side.port.limits().await.unwrap();
        let told = lock(&side.world).apple.config.limits;
        assert_eq!((limits.users_per_request, limits.requests_per_second), (told.max_users, 15), "{name}");
        let unit = side.port.unit().await.unwrap();
        assert_eq!((unit.location.as_str(), unit.u_id.as_str()), ("Sunnyside School", "3107000000000421"), "{name}");
        assert_eq!((unit.school, unit.country.as_deref(), unit.owner), (true, Some("NL"), None), "{name}");
        // Named from fifteen days before the end.
        assert_eq!(unit.token_expires, Some(start() + Span::days(10)), "{name}");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn a_claimed_unit_is_ours_until_somebody_else_claims_it() {
    for (name, side) in sides().await {
        let ours = owner("beckon");
        assert_eq!(side.port.claim(ours.clone()).await.unwrap().owner, Some(ours.clone()), "{name}");
        assert_eq!(side.port.unit().await.unwrap().owner, Some(ours.clone()), "{name}");

        let rival = owner("another service");
        lock(&side.world).apple.rival_takes_over(&rival);
        let error = side.port.create_users(vec![user("ana")]).await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::NotOurs(rival.clone()), "{name}");
        let before = side.requests();
        let error = side.port.users(UserQuery::default()).await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::NotOurs(rival), "{name}");
        assert_eq!(side.requests(), before, "{name}: nothing more is asked until somebody decides");

        // Deciding is claiming it back.
        assert_eq!(side.port.claim(ours.clone()).await.unwrap().owner, Some(ours), "{name}");
        assert!(side.port.users(UserQuery::default()).await.is_ok(), "{name}");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn a_user_is_registered_invited_associated_and_retired() {
    for (name, side) in sides().await {
        let event = side.port.create_users(vec![user("ana"), user("bo")]).await.unwrap();
        assert_eq!(side.port.event(event.clone()).await.unwrap().state, EventState::Pending, "{name}");
        assert_eq!(side.records("ana").await.len(), 0, "{name}: an event that is under way has done nothing yet");
        assert_eq!(side.ended(event).await.state, EventState::Complete, "{name}");

        let ana = &side.records("ana").await[0];
        assert_eq!((&ana.status, ana.email.as_deref()), (&RecordStatus::Registered, Some("ana@sunnyside.example")), "{name}");
        assert_eq!(ana.id_hash, None, "{name}");
        let code = ana.invite_code.clone().expect("who is registered can be invited");
        let url = side.port.invitation_url(&code).await.unwrap();
        assert!(url.expose_secret().starts_with("https://") && url.expose_secret().contains(code.expose_secret()), "{name}");
        assert!(!format!("{ana:?}").contains(code.expose_secret()), "{name}: codes are secrets");

        assert_eq!(side.accept(code.expose_secret()), "ana", "{name}");
        let ana = &side.records("ana").await[0];
        assert_eq!(ana.status, RecordStatus::Associated, "{name}");
        assert!(ana.id_hash.is_some(), "{name}");

        let event = side.port.retire_users(vec![user("ana")]).await.unwrap();
        assert_eq!(side.ended(event).await.state, EventState::Complete, "{name}");
        assert_eq!(side.records("ana").await[0].status, RecordStatus::Retired, "{name}");
        let active = UserQuery { active_only: true, ..UserQuery::default() };
        assert_eq!(side.walk(active).await.0, ["bo"], "{name}");

        // Who comes back gets a record beside the old one, and another code.
        side.register(&["ana"]).await;
        let both = side.records("ana").await;
        let open: Vec<&SecretString> = both.iter().filter_map(|record| record.invite_code.as_ref()).collect();
        assert_eq!((both.len(), open.len()), (2, 1), "{name}");
        assert_ne!(open[0].expose_secret(), code.expose_secret(), "{name}");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn an_update_changes_what_it_names() {
    for (name, side) in sides().await {
        side.register(&["ana"]).await;
        let moved = UserRequest { email: Some("ana@new.example".to_owned()), ..user("ana") };
        let event = side.port.update_users(vec![moved, user("stranger")]).await.unwrap();
        let status = side.ended(event).await;
        assert_eq!(status.state, EventState::Failed, "{name}");
        let named: Vec<(i32, Vec<String>)> = status.failures.into_iter().map(|f| (f.number, f.client_user_ids)).collect();
        assert_eq!(named, [(9609, vec!["stranger".to_owned()])], "{name}: one row's failure is that row's");
        assert_eq!(side.records("ana").await[0].email.as_deref(), Some("ana@new.example"), "{name}");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn part_of_a_batch_can_fail_and_is_named() {
    for (name, side) in sides().await {
        side.register(&["ana"]).await;
        let managed = UserRequest { managed_apple_id: Some("x@unknown.example".to_owned()), ..user("mara") };
        let event = side.port.create_users(vec![user("bo"), managed, user("ana")]).await.unwrap();
        let status = side.ended(event).await;
        assert_eq!(status.state, EventState::Failed, "{name}");
        let named: BTreeSet<(i32, Vec<String>)> =
            status.failures.into_iter().map(|failure| (failure.number, failure.client_user_ids)).collect();
        let expected = [(9635, vec!["mara".to_owned()]), (9716, vec!["ana".to_owned()])];
        assert_eq!(named, BTreeSet::from(expected), "{name}");
        assert_eq!(side.records("bo").await.len(), 1, "{name}: the others are done");
        assert_eq!(side.records("mara").await.len(), 0, "{name}");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn requests_that_apple_would_refuse_are_refused() {
    for (name, side) in sides().await {
        let most = side.port.limits().await.unwrap().users_per_request;
        let other_mail = UserRequest { email: Some("other@sunnyside.example".to_owned()), ..user("ana") };
        let crowd = (0..=most).map(|n| user(&format!("u{n}"))).collect();
        for (users, expected) in [
            (Vec::new(), CallErrorKind::Refused),
            (vec![user("")], CallErrorKind::Refused),
            (vec![user("ana"), other_mail], CallErrorKind::Refused),
            (crowd, CallErrorKind::TooMany),
        ] {
            let count = users.len();
            let error = side.port.create_users(users).await.unwrap_err();
            assert_eq!(error.kind, expected, "{name}: {count} users: {error}");
        }
        let error = side.port.event("00000000-0000-0000-0000-000000000000".to_owned()).await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::UnknownEvent, "{name}");
        assert_eq!(side.walk(UserQuery::default()).await.0, Vec::<String>::new(), "{name}: nobody was made");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_then_only_what_changed() {
    for (name, side) in sides().await {
        let ids = ["ana", "bo", "cem", "dora", "eva", "finn", "gus"];
        side.register(&ids).await;
        let (all, version) = side.walk(UserQuery::default()).await;
        assert_eq!(all, ids, "{name}: everybody once");

        let since = UserQuery { since_version: Some(version), ..UserQuery::default() };
        assert_eq!(side.walk(since.clone()).await.0, Vec::<String>::new(), "{name}");
        let event = side.port.retire_users(vec![user("cem")]).await.unwrap();
        side.ended(event).await;
        side.register(&["hanna"]).await;
        let (changed, _) = side.walk(since).await;
        assert_eq!(BTreeSet::from_iter(changed), BTreeSet::from(["cem", "hanna"].map(str::to_owned)), "{name}");

        let far = UserQuery { page: Some(99), ..UserQuery::default() };
        assert_eq!(side.port.users(far).await.unwrap_err().kind, CallErrorKind::StaleCursor, "{name}");
        let other = UserQuery { since_version: Some("another list".to_owned()), ..UserQuery::default() };
        assert_eq!(side.port.users(other).await.unwrap_err().kind, CallErrorKind::StaleCursor, "{name}");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn assets_are_listed_with_their_numbers() {
    for (name, side) in sides().await {
        let page = side.port.assets(None).await.unwrap();
        let listed: BTreeSet<(&str, u32)> = page.assets.iter().map(|asset| (asset.adam_id.as_str(), asset.total)).collect();
        assert_eq!(listed, BTreeSet::from([("361285480", 400), ("361309726", 400), ("1490000001", 60)]), "{name}");
        assert_eq!(page.next_page, None, "{name}");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn a_crowd_of_requests_keeps_apples_pace() {
    for (name, side) in sides().await {
        let began = side.clock.now();
        let asked = (0..60).map(|_| side.port.users(UserQuery::default()));
        assert!(join_all(asked).await.into_iter().all(|answer| answer.is_ok()), "{name}");
        assert!(side.clock.now() - began >= Span::seconds(3), "{name}: sixty requests at fifteen a second");
        assert!(lock(&side.world).apple.in_flight_max() <= 5, "{name}");
        side.assert_well_behaved(name);
    }
}
