//! Limits, addresses and pace, as the server sees them.

use futures_util::future::join_all;

use super::*;

#[tokio::test]
async fn limits_are_read_again_after_five_minutes_and_old_ones_serve_when_that_fails() {
    let apple = Apple::start().await;
    let client = apple.client();
    let most = async || client.limits().await.unwrap().users_per_request;
    assert_eq!((most().await, most().await), (3, 3));
    assert_eq!(apple.config_reads(), 1);

    apple.clock.advance(Span::minutes(5));
    apple.json(CONFIG, 200, json!({ "limits": { "maxUsers": 50 } }));
    assert_eq!(most().await, 50);

    for broken in [
        Say::With(404, vec![], String::new()),
        Say::Json(200, json!({ "hello": 1 })),
        Say::Json(200, json!({ "errorNumber": 9602 })),
    ] {
        apple.clock.advance(Span::minutes(5));
        apple.say(CONFIG, broken);
        let reads = apple.config_reads();
        assert_eq!((most().await, most().await), (50, 50));
        assert_eq!(apple.config_reads(), reads + 1, "a failure is not repeated at once");
    }
    apple.clock.advance(Span::minutes(1));
    assert_eq!(most().await, 3, "but a minute later");
}

#[tokio::test]
async fn without_any_service_config_there_is_nothing_to_go_by() {
    let apple = Apple::start().await;
    let client = apple.client();
    apple.say(CONFIG, Say::With(200, vec![], "<html>".to_owned()));
    assert_eq!(client.create_users(vec![user("u1")]).await.unwrap_err().kind, CallErrorKind::Unreachable);
    apple.say(CONFIG, Say::With(503, vec![("retry-after", "60".to_owned())], String::new()));
    let wait = CallErrorKind::Busy { retry_after: Span::minutes(1) };
    assert_eq!(client.create_users(vec![user("u1")]).await.unwrap_err().kind, wait);
    assert_eq!(client.limits().await.unwrap_err().kind, wait);
    assert!(apple.calls().is_empty());
    apple.clock.advance(Span::minutes(1));
    client.limits().await.unwrap();
}

#[tokio::test]
async fn a_crowd_reads_the_limits_once() {
    let apple = Apple::start().await;
    let client = apple.client();
    for answer in join_all((0..20).map(|_| client.limits())).await {
        answer.unwrap();
    }
    assert_eq!(apple.config_reads(), 1);
}

#[tokio::test]
async fn the_server_never_sees_more_than_its_rate_nor_more_than_five_at_once() {
    for rate in [1_usize, 7, 15] {
        let apple = Apple::start().await;
        apple.json(CONFIG, 200, json!({ "limits": { "maxRequestPerSecond": rate } }));
        let client = apple.client();
        client.limits().await.unwrap();
        (0..50).for_each(|_| _ = apple.json(USERS, 200, page()));
        for answer in join_all((0..50).map(|_| client.users(UserQuery::default()))).await {
            answer.unwrap();
        }
        // Reading the limits needs no token, and the rate is the token's.
        let arrivals: Vec<Timestamp> = apple.seen().into_iter().map(|seen| seen.at).collect();
        assert_eq!(arrivals.len(), 50);
        for window in arrivals.windows(rate + 1) {
            let span = window[rate].signed_duration_since(window[0]);
            assert!(span > Span::seconds(1), "{} requests within {span} at rate {rate}", rate + 1);
        }
        assert!(apple.most_flying.load(Ordering::SeqCst) <= 5);
    }
}

#[tokio::test]
async fn who_waits_in_line_when_a_block_comes_is_told_and_not_sent() {
    let apple = Apple::start().await;
    let client = apple.client();
    client.limits().await.unwrap();
    (0..5).for_each(|_| _ = apple.say(USERS, Say::With(503, vec![("retry-after", "600".to_owned())], String::new())));
    for answer in join_all((0..40).map(|_| client.users(UserQuery::default()))).await {
        assert!(matches!(answer.unwrap_err().kind, CallErrorKind::Busy { retry_after } if retry_after > Span::minutes(9)));
    }
    assert!(apple.calls().len() <= 5, "{} were sent", apple.calls().len());
}

#[tokio::test]
async fn a_caller_that_goes_away_gives_its_place_back() {
    let apple = Apple::start().await;
    let client = apple.client();
    client.limits().await.unwrap();
    (0..5).for_each(|_| _ = apple.say(USERS, Say::Nothing));
    {
        let mut waiting = Box::pin(join_all((0..5).map(|_| client.users(UserQuery::default()))));
        while apple.calls().len() < 5 {
            assert!(futures_util::poll!(&mut waiting).is_pending());
            tokio::task::yield_now().await;
        }
    }
    apple.json(USERS, 200, page());
    client.users(UserQuery::default()).await.unwrap();
}

#[tokio::test]
async fn an_outage_of_ten_minutes_is_asked_about_a_few_times_and_then_over() {
    let apple = Apple::start().await;
    let client = apple.client();
    client.limits().await.unwrap();
    let down_until = apple.clock.now() + Span::minutes(10);
    let mut sent = 0;
    while apple.clock.now() < down_until {
        let config = json!({ "errorNumber": 9729, "errorMessage": "down" });
        apple.script.lock().unwrap().says.clear();
        apple.json(USERS, 503, config.clone()).json(CONFIG, 503, config);
        match client.users(UserQuery::default()).await.unwrap_err().kind {
            CallErrorKind::Busy { retry_after } => apple.clock.advance(retry_after),
            other => panic!("{other:?}"),
        }
        sent += 1;
    }
    assert!((4..=10).contains(&sent), "{sent}");
    apple.script.lock().unwrap().says.clear();
    apple.json(USERS, 200, page());
    client.users(UserQuery::default()).await.unwrap();
}
