//! What the port promises while Apple isn't well: who is told what, and what may be tried again.

use beckon::ports::apps_and_books::{CallError, CallErrorKind, UserQuery};
use beckon::sim::faults::{RetryAfterForm, TokenFault, Unavailable};

use super::*;

fn wait_in(error: &CallError) -> Span {
    match error.kind {
        CallErrorKind::Busy { retry_after } => retry_after,
        _ => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn ten_minutes_of_503_cost_one_request_and_no_user() {
    for form in [RetryAfterForm::Seconds, RetryAfterForm::HttpDate] {
        for (name, side) in sides().await {
            let until = start() + Span::minutes(10);
            lock(&side.world).apple.faults.unavailable = Some(Unavailable { until, form });
            let wait = wait_in(&side.port.create_users(vec![user("ana")]).await.unwrap_err());
            assert!((Span::minutes(9)..=Span::minutes(11)).contains(&wait), "{name}, {form:?}: {wait}");

            let before = side.requests();
            side.clock.advance(Span::minutes(2));
            let rest = wait_in(&side.port.create_users(vec![user("ana")]).await.unwrap_err());
            assert!(rest <= wait - Span::minutes(1), "{name}, {form:?}: what is left is told: {rest}");
            assert_eq!(side.requests(), before, "{name}, {form:?}: nothing goes out before its time");

            side.clock.advance(rest);
            side.register(&["ana"]).await;
            side.assert_well_behaved(name);
        }
    }
}

#[tokio::test]
async fn a_503_without_a_time_is_waited_for_longer_each_time() {
    for (name, side) in sides().await {
        let until = start() + Span::minutes(10);
        lock(&side.world).apple.faults.unavailable = Some(Unavailable { until, form: RetryAfterForm::Absent });
        let mut last = Span::zero();
        for _ in 0..3 {
            let wait = wait_in(&side.port.users(UserQuery::default()).await.unwrap_err());
            assert!(wait > last, "{name}: {wait} after {last}");
            last = wait;
            side.clock.advance(wait);
        }
        side.clock.advance_to(until);
        assert!(side.port.users(UserQuery::default()).await.is_ok(), "{name}");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn too_many_requests_close_the_queue_for_a_while() {
    for (name, side) in sides().await {
        lock(&side.world).apple.faults.too_many_requests = 1;
        let wait = wait_in(&side.port.users(UserQuery::default()).await.unwrap_err());
        assert!(wait > Span::zero(), "{name}");
        let before = side.requests();
        wait_in(&side.port.users(UserQuery::default()).await.unwrap_err());
        assert_eq!(side.requests(), before, "{name}: nothing goes out before its time");
        side.clock.advance(wait);
        assert!(side.port.users(UserQuery::default()).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn an_internal_error_is_tried_again_at_once() {
    for (name, side) in sides().await {
        lock(&side.world).apple.faults.internal_errors = 2;
        side.register(&["ana"]).await;
        assert_eq!(side.records("ana").await.len(), 1, "{name}");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn a_dead_token_stops_everything_whatever_the_http_status() {
    for fault in [TokenFault::BadAs401, TokenFault::BadAs200, TokenFault::Expired, TokenFault::Revoked] {
        for (name, side) in sides().await {
            lock(&side.world).apple.faults.token = fault;
            for error in [
                side.port.unit().await.unwrap_err(),
                side.port.create_users(vec![user("ana")]).await.unwrap_err(),
                side.port.users(UserQuery::default()).await.unwrap_err(),
            ] {
                assert_eq!(error.kind, CallErrorKind::TokenDead, "{name}, {fault:?}: {error}");
                assert!(
                    !format!("{error} {error:?}").contains(token().bearer().expose_secret()),
                    "{name}: the token is a secret"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_write_is_unknown_and_reading_tells() {
    for (name, side) in sides().await {
        side.port.limits().await.unwrap();
        lock(&side.world).apple.faults.drop_after_acting = 1;
        let error = side.port.create_users(vec![user("ana")]).await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::Unknown, "{name}: {error}");
        side.clock.advance(Span::seconds(31));
        assert_eq!(side.records("ana").await.len(), 1, "{name}: it had been done, once");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn a_line_that_drops_before_anything_is_done_never_passes_for_done() {
    for (name, side) in sides().await {
        side.port.limits().await.unwrap();
        lock(&side.world).apple.faults.drop_before_acting = 1;
        let error = side.port.create_users(vec![user("ana")]).await.unwrap_err();
        // Who can't tell whether the request was read says so; either answer is safe.
        assert!(matches!(error.kind, CallErrorKind::Unknown | CallErrorKind::Unreachable), "{name}: {error:?}");
        side.clock.advance(Span::seconds(31));
        assert_eq!(side.records("ana").await.len(), 0, "{name}");

        lock(&side.world).apple.faults.drop_before_acting = 1;
        let error = side.port.users(UserQuery::default()).await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::Unreachable, "{name}: reading again is always safe");
        side.register(&["ana"]).await;
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn an_event_that_apple_loses_stays_pending() {
    for (name, side) in sides().await {
        lock(&side.world).apple.faults.lose_events = 1;
        let event = side.port.create_users(vec![user("ana")]).await.unwrap();
        for _ in 0..3 {
            assert_eq!(side.ended(event.clone()).await.state, EventState::Pending, "{name}");
        }
        assert_eq!(side.records("ana").await.len(), 0, "{name}");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn a_slow_answer_is_an_answer() {
    for (name, side) in sides().await {
        lock(&side.world).apple.faults.slow = Some(Span::seconds(20));
        side.register(&["ana"]).await;
        assert_eq!(side.records("ana").await.len(), 1, "{name}");
        side.assert_well_behaved(name);
    }
}
