//! What comes back when something is wrong.

use super::*;

fn busy(seconds: i64) -> CallErrorKind {
    CallErrorKind::Busy { retry_after: Span::seconds(seconds) }
}

/// How long the queue is closed, rounded up.
fn whole_seconds(error: &CallError) -> i64 {
    match error.kind {
        CallErrorKind::Busy { retry_after } => (retry_after + Span::milliseconds(999)).num_seconds(),
        ref other => panic!("not busy: {other:?}"),
    }
}

async fn users(client: &AppsAndBooksClient) -> Called<UserPage> {
    client.users(UserQuery::default()).await
}

#[tokio::test]
async fn an_error_counts_inside_http_200_as_well() {
    let apple = Apple::start().await;
    for (http, number, kind) in [
        (200, 9622, CallErrorKind::TokenDead),
        (401, 9621, CallErrorKind::TokenDead),
        (401, 9625, CallErrorKind::TokenDead),
        (200, 9708, CallErrorKind::UnknownEvent),
        (400, 9721, CallErrorKind::StaleCursor),
        (400, 9650, CallErrorKind::StaleCursor),
        (400, 9717, CallErrorKind::Refused),
    ] {
        let body = json!({ "errorNumber": number, "errorMessage": "Apple's words", "errorInfo": { "clientUserIds": ["u1"] } });
        apple.json(USERS, http, body);
        let error = users(&apple.client()).await.unwrap_err();
        assert_eq!((error.kind, error.number), (kind, Some(number)));
        assert_eq!(error.client_user_ids, ["u1"]);
        assert!(error.words.ends_with("\"Apple's words\""), "{}", error.words);
    }
    apple.json(USERS, 200, json!({ "errorMessage": "something" }));
    assert_eq!(users(&apple.client()).await.unwrap_err().kind, CallErrorKind::Refused);
    apple.json(USERS, 200, json!({ "users": [], "versionId": "v1", "errorNumber": 0, "errorMessage": "" }));
    users(&apple.client()).await.expect("number zero is no error");
}

#[tokio::test]
async fn a_batch_over_apples_limit_makes_the_limits_read_again() {
    let apple = Apple::start().await;
    apple.json(CREATE, 400, json!({ "errorNumber": 9714, "errorMessage": "too many" }));
    let client = apple.client();
    client.limits().await.unwrap();
    apple.json(CONFIG, 200, json!({ "limits": { "maxUsers": 2 } }));
    let three = || vec![user("u1"), user("u2"), user("u3")];
    assert_eq!(client.create_users(three()).await.unwrap_err().kind, CallErrorKind::TooMany);
    assert_eq!(client.limits().await.unwrap().users_per_request, 2);
    assert_eq!(client.create_users(three()).await.unwrap_err().kind, CallErrorKind::TooMany);
    assert_eq!(apple.calls().len(), 1, "the second was refused here");
    assert_eq!(apple.config_reads(), 2);
}

#[tokio::test]
async fn rows_that_apple_would_refuse_are_not_sent() {
    let apple = Apple::start().await;
    apple.json(CREATE, 200, json!({ "eventId": "e1" }));
    let client = apple.client();
    let refused = |error: CallError| (error.kind, error.client_user_ids);
    assert_eq!(refused(client.create_users(vec![]).await.unwrap_err()), (CallErrorKind::Refused, vec![]));
    assert_eq!(refused(client.create_users(vec![user("")]).await.unwrap_err()), (CallErrorKind::Refused, vec![]));
    let twins = vec![user("u1"), UserRequest { email: None, ..user("u1") }];
    assert_eq!(refused(client.create_users(twins).await.unwrap_err()), (CallErrorKind::Refused, vec!["u1".to_owned()]));
    let nobody = UserQuery { client_user_id: Some(String::new()), ..UserQuery::default() };
    assert_eq!(client.users(nobody).await.unwrap_err().kind, CallErrorKind::Refused);
    assert!(apple.calls().is_empty());
    client.create_users(vec![user("u1"), user("u1"), user("u2"), user("u3")]).await.expect("the same row twice is one row");
    assert_eq!(apple.seen()[0].body.matches("clientUserId").count(), 3);
}

#[tokio::test]
async fn retry_after_in_both_forms_closes_the_queue() {
    // 2026-09-21T14:13:20Z is where the test's clock starts.
    for (header, first, left) in [("30", 30, 20), ("Mon, 21 Sep 2026 14:14:20 GMT", 61, 51)] {
        let apple = Apple::start().await;
        let client = apple.client();
        client.limits().await.unwrap();
        apple.say(USERS, Say::With(503, vec![("retry-after", header.to_owned())], "<html>".to_owned()));
        assert_eq!(whole_seconds(&users(&client).await.unwrap_err()), first);
        apple.clock.advance(Span::seconds(10));
        let blocked = client.create_users(vec![user("u1")]).await.unwrap_err();
        assert_eq!(whole_seconds(&blocked), left);
        assert_eq!(apple.calls().len(), 1, "nothing is sent inside the block");
        apple.clock.advance(Span::seconds(left));
        apple.json(USERS, 200, page());
        users(&client).await.unwrap();
    }
}

#[tokio::test]
async fn too_many_requests_without_a_time_back_off_further_each_time() {
    let apple = Apple::start().await;
    let client = apple.client();
    for (http, seconds) in [(429, 5), (200, 10), (429, 20)] {
        apple.json(USERS, http, json!({ "errorNumber": 9646, "errorMessage": "slow down" }));
        assert_eq!(users(&client).await.unwrap_err().kind, busy(seconds));
        apple.clock.advance(Span::seconds(seconds));
    }
    apple.say(USERS, Say::With(429, vec![("retry-after", "7".to_owned())], String::new()));
    assert_eq!(users(&client).await.unwrap_err().kind, busy(7));
    apple.clock.advance(Span::seconds(7));
    apple.json(USERS, 200, page());
    users(&client).await.unwrap();
    apple.json(USERS, 429, json!({ "errorNumber": 9646 }));
    assert_eq!(users(&client).await.unwrap_err().kind, busy(5), "a success starts it over");
}

#[tokio::test]
async fn an_internal_error_is_resent_at_once_then_minutes_apart() {
    let slow = || json!({ "errorNumber": 9603, "errorMessage": "internal" });
    let apple = Apple::start().await;
    let client = apple.client();
    (0..5).for_each(|n| _ = apple.json(USERS, if n % 2 == 0 { 500 } else { 200 }, slow()));
    apple.json(USERS, 200, page());
    users(&client).await.unwrap();
    assert_eq!(apple.calls().len(), 6);

    (0..6).for_each(|_| _ = apple.json(CREATE, 500, slow()));
    assert_eq!(client.create_users(vec![user("u1")]).await.unwrap_err().kind, busy(120));
    assert_eq!(apple.calls().len(), 12);
    assert!(matches!(users(&client).await.unwrap_err().kind, CallErrorKind::Busy { .. }));
    assert_eq!(apple.calls().len(), 12);
    apple.clock.advance(Span::minutes(2));
    apple.json(CREATE, 500, slow());
    assert_eq!(client.create_users(vec![user("u1")]).await.unwrap_err().kind, busy(120));
    assert_eq!(apple.calls().len(), 13, "one try, not six");
}

#[tokio::test]
async fn a_gateway_that_fails_leaves_a_write_unknown() {
    let apple = Apple::start().await;
    let client = apple.client();
    apple.say(CREATE, Say::With(502, vec![], "<html>Bad gateway</html>".to_owned()));
    assert_eq!(client.create_users(vec![user("u1")]).await.unwrap_err().kind, CallErrorKind::Unknown);
    assert_eq!(users(&client).await.unwrap_err().kind, busy(5), "and the queue is held back all the same");
}

#[tokio::test]
async fn a_lost_answer_is_unknown_for_a_write_and_nothing_for_a_read() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/mdm/v2", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            hang_up(stream).await;
        }
    });
    let client = client(&base, Jumping::new(), None);
    assert_eq!(client.create_users(vec![user("u1")]).await.unwrap_err().kind, CallErrorKind::Unknown);
    assert_eq!(client.retire_users(vec![user("u1")]).await.unwrap_err().kind, CallErrorKind::Unknown);
    assert_eq!(client.claim(us()).await.unwrap_err().kind, CallErrorKind::Unknown);
    assert_eq!(users(&client).await.unwrap_err().kind, CallErrorKind::Unreachable);
}

#[tokio::test]
async fn no_connection_is_unreachable_for_both() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/mdm/v2", listener.local_addr().unwrap());
    drop(listener);
    let client = client(&base, Jumping::new(), None);
    let error = client.create_users(vec![user("u1")]).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unreachable);
    assert!(error.words.starts_with("can't connect to 127.0.0.1: "), "{}", error.words);
    assert_eq!(users(&client).await.unwrap_err().kind, CallErrorKind::Unreachable);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let apple = Apple::start().await;
    apple.say(CREATE, Say::Nothing).say(USERS, Say::Nothing);
    let config = Config {
        base_url: format!("http://{}/mdm/v2", apple.addr),
        bearer: SecretString::from(BEARER),
        extra_ca: None,
        user_agent: "beckon/test".to_owned(),
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let patience = Patience { connect: Duration::from_secs(5), answer: Duration::from_millis(300) };
    let client = AppsAndBooksClient::with_patience(&config, apple.clock.clone(), patience).unwrap();
    client.limits().await.unwrap();
    let (written, read) = tokio::join!(client.create_users(vec![user("u1")]), users(&client));
    assert_eq!(written.unwrap_err().kind, CallErrorKind::Unknown);
    assert_eq!(read.unwrap_err().kind, CallErrorKind::Unreachable);
}

#[tokio::test]
async fn what_is_not_json_is_no_answer() {
    let apple = Apple::start().await;
    let client = apple.client();
    for body in ["", "<html>", "{\"users\":[", "[]", "null", "{}", "{\"users\":[],\"errorNumber\":\"x\"}", "\u{feff}{}"] {
        apple.say(USERS, Say::With(200, vec![], body.to_owned())).say(CREATE, Say::With(200, vec![], body.to_owned()));
        assert_eq!(users(&client).await.unwrap_err().kind, CallErrorKind::Unreachable, "{body}");
        assert_eq!(client.create_users(vec![user("u1")]).await.unwrap_err().kind, CallErrorKind::Unknown, "{body}");
    }
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    let apple = Apple::start().await;
    let client = apple.client();
    apple.say(USERS, Say::Bytes(1_000_000)).say(CREATE, Say::Bytes(17));
    let error = users(&client).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Refused);
    assert_eq!(error.words, "127.0.0.1 answered more than 16 MB, which no answer of Apple's has");
    assert_eq!(client.create_users(vec![user("u1")]).await.unwrap_err().kind, CallErrorKind::Unknown);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Apple::start().await;
    let apple = Apple::start().await;
    let client = apple.client();
    for http in [301, 302, 303, 307, 308] {
        let location = format!("http://{}/mdm/v2/users", elsewhere.addr);
        apple.say(USERS, Say::With(http, vec![("location", location)], String::new()));
        let error = users(&client).await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::Refused);
        assert!(error.words.contains("redirects"), "{}", error.words);
    }
    assert!(elsewhere.all_seen().is_empty());
}

#[tokio::test]
async fn an_endpoint_that_has_gone_is_looked_up_again_once() {
    let gone = || json!({ "errorNumber": 9634, "errorMessage": "gone" });
    let apple = Apple::start().await;
    let client = apple.client();
    client.limits().await.unwrap();
    apple
        .json(USERS, 410, gone())
        .json(CONFIG, 200, json!({ "urls": { "getUsers": format!("http://{}/mdm/v3/users", apple.addr) } }))
        .json("GET /mdm/v3/users", 200, page());
    users(&client).await.unwrap();
    apple.json("GET /mdm/v3/users", 410, gone()).json("GET /mdm/v2/users", 410, gone());
    assert_eq!(users(&client).await.unwrap_err().kind, CallErrorKind::Refused, "gone from where service/config says it is");
}

#[tokio::test]
async fn no_secret_shows_anywhere() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let apple = Apple::start().await;
    let client = apple.client();
    let code = "0b7d1f5c2e9a4c66b1d0a87e54f3c912";
    let mut shown = format!("{client:?}");
    for (call, http) in [(USERS, 200), (USERS, 400), (USERS, 401), (CREATE, 400)] {
        apple.json(call, http, json!({ "errorNumber": 9602, "errorMessage": format!("bad {BEARER} and ?inviteCode={code}") }));
        let error = if call == USERS {
            users(&client).await.unwrap_err()
        } else {
            client.create_users(vec![user("u1")]).await.unwrap_err()
        };
        shown += &format!("{error} {error:?}");
    }
    let failure =
        json!({ "eventStatus": "FAILED", "failures": [{ "errorNumber": 9602, "errorMessage": format!("{BEARER} {code}") }] });
    apple.json(STATUS, 200, failure);
    shown += &format!("{:?}", client.event("e1".into()).await.unwrap());
    for (base_url, bearer, extra_ca) in [
        ("http://vpp.example/", BEARER.to_owned(), None),
        ("https://vpp.example/", format!("{BEARER}\n"), None),
        ("https://vpp.example/", BEARER.to_owned(), Some(BEARER.as_bytes().to_vec())),
    ] {
        let config =
            Config { base_url: base_url.to_owned(), bearer: SecretString::from(bearer), extra_ca, user_agent: "b".to_owned() };
        let error = AppsAndBooksClient::new(&config, Jumping::new()).unwrap_err();
        shown += &format!("{config:?} {error} {error:?}");
    }
    assert!(shown.contains("bad"), "Apple's other words are kept");
    for secret in [BEARER, "eyJ0b2tlbiI6ImV4YW1wbGUi", code] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
