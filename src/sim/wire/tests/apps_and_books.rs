//! Apps and Books over HTTP, and what it has in common with the in-process door.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use super::*;
use crate::ports::apps_and_books::{AppsAndBooks as _, Owner, UserQuery, UserRequest};
use crate::ports::clock::Clock as _;
use crate::sim::faults::{RetryAfterForm, TokenFault, Unavailable};
use crate::sim::{Doors, lock};

struct Api {
    running: Running,
    clock: Arc<VirtualClock>,
    client: Client,
}

impl Api {
    async fn new() -> Self {
        let (running, clock) = served(world(), |_| {}).await;
        Self { running, clock, client: Client::new() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.running.apps_and_books_url);
        self.client.request(method, url).bearer_auth(token().bearer().expose_secret())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(Method::POST, path).json(&body)).await
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
}

#[tokio::test]
async fn the_whole_way_of_one_user() {
    let api = Api::new().await;
    let (status, config) = answer(api.client.get(format!("{}/service/config", api.running.apps_and_books_url))).await;
    assert_eq!((status, config["limits"]["maxRequestPerSecond"].as_u64()), (200, Some(15)));
    assert_eq!(config["urls"]["createUsers"], format!("{}/users/create", api.running.apps_and_books_url));

    let info = json!({ "id": "me", "name": "beckon", "metadata": "" });
    let (status, claimed) = api.post("/client/config", json!({ "mdmInfo": info })).await;
    assert_eq!((status, &claimed["mdmInfo"], claimed["locationName"].as_str()), (200, &info, Some("Sunnyside School")));

    let users = json!({ "users": [{ "clientUserId": "u1", "email": "ana@sunnyside.example" }, { "clientUserId": "u2", "managedAppleId": "x@y.example" }] });
    let (status, created) = api.post("/users/create", users).await;
    assert_eq!((status, created["uId"].as_str()), (200, Some("3107000000000421")));
    let event = format!("/status?eventId={}", created["eventId"].as_str().unwrap());
    assert_eq!(api.get(&event).await.1["eventStatus"], "PENDING");
    api.clock.advance(Span::seconds(31));
    let done = api.get(&event).await.1;
    assert_eq!((done["eventStatus"].as_str(), done["numCompleted"].as_u64()), (Some("FAILED"), Some(1)));
    assert_eq!(done["failures"][0]["errorNumber"], 9635);
    assert_eq!(done["failures"][0]["errorInfo"]["clientUserIds"], json!(["u2"]));

    let page = api.get("/users?clientUserId=u1&activeOnly=true").await.1;
    let user = &page["users"][0];
    assert_eq!((user["status"].as_str(), user["inviteCode"].as_str().unwrap().len()), (Some("Registered"), 32));
    assert!(user.get("idHash").is_none() && page.get("nextPageIndex").is_none());
    lock(&api.running.world).accept(api.clock.now(), user["inviteCode"].as_str().unwrap(), "ana@private.example").unwrap();
    let user = api.get("/users?clientUserId=u1").await.1["users"][0].clone();
    assert_eq!((user["status"].as_str(), user["idHash"].is_string()), (Some("Associated"), true));
    assert_eq!(lock(&api.running.world).breaches(), []);
}

#[tokio::test]
async fn what_is_wrong_with_a_request() {
    let api = Api::new().await;
    let url = |path: &str| format!("{}{path}", api.running.apps_and_books_url);
    for (request, expected) in [
        (api.client.get(url("/users")), (401, 9601)),
        (api.client.get(url("/users")).header("authorization", "Basic abc"), (401, 9722)),
        (api.client.get(url("/users")).bearer_auth("bm90IG91cnM="), (401, 9622)),
        (api.request(Method::PUT, "/users"), (405, 9726)),
        (api.request(Method::GET, "/users/create"), (405, 9726)),
        (api.request(Method::POST, "/users/create").body("{}"), (415, 9727)),
        (api.request(Method::POST, "/users/create").json(&json!({})), (400, 9720)),
        (api.request(Method::POST, "/users/create").json(&json!([1])), (400, 9602)),
        (api.request(Method::GET, "/users?pageIndex=9"), (400, 9650)),
        (api.request(Method::GET, "/users?sinceVersionId=x"), (400, 9721)),
        (api.request(Method::GET, "/status?eventId=x"), (400, 9708)),
        (api.request(Method::GET, "/nowhere"), (410, 9634)),
        (api.request(Method::POST, "/client/config").json(&json!({ "mdmInfo": { "id": "x" } })), (400, 9723)),
        (api.request(Method::POST, "/client/config").json(&json!({ "notificationUrl": "https://x.example/" })), (400, 9710)),
    ] {
        let (status, body) = answer(request).await;
        assert_eq!((i64::from(status), body["errorNumber"].as_i64()), (expected.0, Some(expected.1)));
        api.clock.advance(Span::seconds(1));
    }
    let huge = json!({ "users": [{ "clientUserId": "x".repeat(2_000_000) }] });
    assert_eq!(api.post("/users/create", huge).await.0, 413);
}

#[tokio::test]
async fn faults_on_the_wire() {
    let api = Api::new().await;
    lock(&api.running.world).apple.faults.token = TokenFault::BadAs200;
    let (status, body) = api.get("/users").await;
    assert_eq!((status, body["errorNumber"].as_i64()), (200, Some(9622)));
    lock(&api.running.world).apple.faults.token = TokenFault::None;

    for (form, expected) in [(RetryAfterForm::Seconds, "60"), (RetryAfterForm::HttpDate, "GMT")] {
        let until = api.clock.now() + Span::seconds(60);
        lock(&api.running.world).apple.faults.unavailable = Some(Unavailable { until, form });
        let response = api.request(Method::GET, "/users").send().await.unwrap();
        assert_eq!(response.status(), 503);
        assert!(response.headers()["retry-after"].to_str().unwrap().ends_with(expected));
        api.clock.advance(Span::seconds(60));
    }
    assert_eq!(lock(&api.running.world).breaches(), []);

    lock(&api.running.world).apple.faults.drop_after_acting = 1;
    let lost = api.request(Method::POST, "/users/create").json(&json!({ "users": [{ "clientUserId": "u1" }] })).send().await;
    assert!(lost.is_err());
    api.clock.advance(Span::seconds(2));
    assert_eq!(api.get("/users?clientUserId=u1").await.1["users"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_pace_is_judged_by_the_clock_and_lost_callers_do_not_count_as_under_way() {
    let api = Api::new().await;
    for _ in 0..15 {
        assert_eq!(api.get("/assets").await.0, 200);
    }
    let (status, body) = api.get("/assets").await;
    assert_eq!((status, body["errorNumber"].as_i64()), (429, Some(9646)));
    assert_eq!(lock(&api.running.world).breaches().len(), 1);
    api.clock.advance(Span::seconds(1));
    assert_eq!(api.get("/assets").await.0, 200);
    assert_eq!(lock(&api.running.world).apple.in_flight_max(), 1);
}

/// A receiver that notes what is posted to it, and answers 200.
pub(super) async fn receiver() -> (String, tokio::sync::mpsc::UnboundedReceiver<(http::HeaderMap, Value, Vec<u8>)>) {
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    let app = axum::Router::new().fallback(axum::routing::any(move |headers: http::HeaderMap, body: axum::body::Bytes| {
        let _ = tell.send((headers, serde_json::from_slice(&body).unwrap(), body.to_vec()));
        std::future::ready("")
    }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/notify", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, told)
}

#[tokio::test]
async fn a_subscriber_is_tested_first_and_then_told() {
    let api = Api::new().await;
    let subscribe = |url: &str| json!({ "notificationUrl": url, "notificationAuthToken": "shh", "notificationTypes": ["USER_MANAGEMENT", "USER_ASSOCIATED"] });
    let (status, body) = api.post("/client/config", subscribe("http://127.0.0.1:1/")).await;
    assert_eq!((status, body["errorNumber"].as_i64()), (400, Some(9728)));
    let (url, mut told) = receiver().await;
    assert_eq!(api.post("/client/config", subscribe(&url)).await.0, 200);
    let (headers, test, _) = told.recv().await.unwrap();
    assert_eq!(
        (headers["authorization"].to_str().unwrap(), test["notificationType"].as_str()),
        ("Bearer shh", Some("TEST_NOTIFICATION"))
    );
    api.post("/users/create", json!({ "users": [{ "clientUserId": "u1" }] })).await;
    api.clock.advance(Span::seconds(2));
    api.running.step().await;
    let managed = told.recv().await.unwrap().1;
    assert_eq!(
        (managed["notification"]["type"].as_str(), managed["notification"]["result"].as_str()),
        (Some("CREATE"), Some("SUCCESS"))
    );
    let code = managed["notification"]["users"][0]["inviteCode"].as_str().unwrap().to_owned();
    lock(&api.running.world).accept(api.clock.now(), &code, "ana@private.example").unwrap();
    api.running.step().await;
    let associated = told.recv().await.unwrap().1;
    assert_eq!(associated["notification"]["associatedUsers"][0]["status"], "Associated");
}

/// One story told through either door: each step's result in the same words.
#[tokio::test]
async fn both_doors_tell_the_same_story() {
    let user = |id: &str, account: Option<&str>| UserRequest {
        client_user_id: id.to_owned(),
        email: Some(format!("{id}@sunnyside.example")),
        managed_apple_id: account.map(str::to_owned),
    };
    let batch = [
        user("u1", None),
        user("u2", Some("cas@appleid.sunnyside.example")),
        user("u3", Some("dee@elsewhere.example")),
        user("u4", None),
    ];

    let clock = Arc::new(VirtualClock::new(start()));
    let doors = Doors::new(world().shared(), clock.clone());
    let inside = doors.apps_and_books(&token());
    let owner = Owner { id: "me".to_owned(), name: "beckon".to_owned(), metadata: String::new() };
    let mut told_inside = vec![format!("owner {}", inside.claim(owner).await.unwrap().owner.unwrap().id)];
    let event = inside.create_users(batch.to_vec()).await.unwrap();
    clock.advance(Span::seconds(31));
    for failure in inside.event(event).await.unwrap().failures {
        told_inside.push(format!("{} {}", failure.number, failure.client_user_ids.join(",")));
    }
    let mut page = Some(0);
    while let Some(index) = page {
        let answer = inside.users(UserQuery { page: Some(index), ..UserQuery::default() }).await.unwrap();
        for user in &answer.users {
            let code = user.invite_code.as_ref().map(|c| c.expose_secret().to_owned());
            told_inside.push(format!("{} {:?} {:?} {}", user.client_user_id, user.status, code, answer.version));
        }
        page = answer.next_page;
    }
    let refused = inside.users(UserQuery { page: Some(7), ..UserQuery::default() }).await.unwrap_err();
    told_inside.push(format!("{:?}", refused.number.unwrap()));

    let api = Api::new().await;
    let info = json!({ "mdmInfo": { "id": "me", "name": "beckon", "metadata": "" } });
    let mut told_outside = vec![format!("owner {}", api.post("/client/config", info).await.1["mdmInfo"]["id"].as_str().unwrap())];
    let rows: Vec<Value> = batch
        .iter()
        .map(|u| match &u.managed_apple_id {
            Some(account) => json!({ "clientUserId": u.client_user_id, "email": u.email, "managedAppleId": account }),
            None => json!({ "clientUserId": u.client_user_id, "email": u.email }),
        })
        .collect();
    let created = api.post("/users/create", json!({ "users": rows })).await.1;
    api.clock.advance(Span::seconds(31));
    let done = api.get(&format!("/status?eventId={}", created["eventId"].as_str().unwrap())).await.1;
    for failure in done["failures"].as_array().unwrap() {
        let ids: Vec<&str> = failure["errorInfo"]["clientUserIds"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        told_outside.push(format!("{} {}", failure["errorNumber"], ids.join(",")));
    }
    let mut page = Some(0);
    while let Some(index) = page {
        let answer = api.get(&format!("/users?pageIndex={index}")).await.1;
        for user in answer["users"].as_array().unwrap() {
            let code = user["inviteCode"].as_str().map(str::to_owned);
            let (id, status) = (user["clientUserId"].as_str().unwrap(), user["status"].as_str().unwrap());
            told_outside.push(format!("{id} {status} {code:?} {}", answer["versionId"].as_str().unwrap()));
        }
        page = answer["nextPageIndex"].as_u64();
    }
    told_outside.push(api.get("/users?pageIndex=7").await.1["errorNumber"].to_string());
    assert_eq!(told_inside, told_outside);
    assert_eq!(told_inside.len(), 6);
}
