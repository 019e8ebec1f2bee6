//! What goes over the wire when all is well.

use secrecy::ExposeSecret as _;

use super::*;
use crate::ports::apps_and_books::{EventState, RecordStatus};

#[tokio::test]
async fn a_user_is_made_followed_and_read() {
    let apple = Apple::start().await;
    apple
        .json(CREATE, 200, json!({ "eventId": "e1", "uId": "3107" }))
        .json(STATUS, 200, json!({ "eventStatus": "COMPLETE", "eventType": "CREATE" }))
        .json(
            USERS,
            200,
            json!({ "users": [{ "clientUserId": "u1", "inviteCode": "0b7d", "status": "Registered" }], "versionId": "v7" }),
        );
    let client = apple.client();
    let event = client.create_users(vec![user("u1")]).await.unwrap();
    assert_eq!(client.event(event).await.unwrap().state, EventState::Complete);
    let query = UserQuery { client_user_id: Some("u1".into()), active_only: true, ..UserQuery::default() };
    let page = client.users(query).await.unwrap();
    assert_eq!(page.users[0].status, RecordStatus::Registered);
    let url = client.invitation_url(page.users[0].invite_code.as_ref().unwrap()).await.unwrap();
    assert_eq!(url.expose_secret(), "https://buy.itunes.apple.com/wa/associate?inviteCode=0b7d&mt=8");

    assert_eq!(apple.calls(), [CREATE, "GET /mdm/v2/status?eventId=e1", "GET /mdm/v2/users?clientUserId=u1&activeOnly=true"]);
    let create = &apple.seen()[0];
    assert_eq!(create.body, r#"{"users":[{"clientUserId":"u1","email":"u1@orchard.example"}]}"#);
    assert_eq!(create.content_type.as_deref(), Some("application/json"));
    assert_eq!(create.user_agent.as_deref(), Some("beckon/test"));
    for seen in apple.seen() {
        assert_eq!(seen.authorization, Some(format!("Bearer {BEARER}")));
    }
    assert_eq!(apple.all_seen()[0].call, CONFIG);
    assert_eq!(apple.all_seen()[0].authorization, None, "service/config never sees the token");
    assert_eq!(apple.config_reads(), 1);
}

#[tokio::test]
async fn pages_and_versions_are_asked_for_by_number() {
    let apple = Apple::start().await;
    apple.json(USERS, 200, json!({ "users": [], "nextPageIndex": 4, "totalPages": 9, "versionId": "v1" }));
    let query = UserQuery { since_version: Some("v0 &=".into()), page: Some(3), ..UserQuery::default() };
    let page = apple.client().users(query).await.unwrap();
    assert_eq!((page.next_page, page.total_pages), (Some(4), 9));
    assert_eq!(apple.calls(), ["GET /mdm/v2/users?sinceVersionId=v0+%26%3D&pageIndex=3"]);

    apple.json("GET /mdm/v2/assets", 200, json!({ "assets": [], "totalPages": 1 }));
    assert_eq!(apple.client().assets(Some(1)).await.unwrap().next_page, None);
    assert_eq!(apple.calls()[1], "GET /mdm/v2/assets?pageIndex=1");
}

#[tokio::test]
async fn updating_and_retiring_go_to_their_own_addresses() {
    let apple = Apple::start().await;
    apple.json("POST /mdm/v2/users/update", 200, json!({ "eventId": "e1" })).json(
        "POST /mdm/v2/users/retire",
        200,
        json!({ "eventId": "e2" }),
    );
    let client = apple.client();
    assert_eq!(client.update_users(vec![user("u1")]).await.unwrap(), "e1");
    assert_eq!(client.retire_users(vec![user("u1")]).await.unwrap(), "e2");
    assert_eq!(apple.seen()[1].body, r#"{"users":[{"clientUserId":"u1"}]}"#);
}

#[tokio::test]
async fn addresses_of_service_config_are_used_and_foreign_ones_are_not() {
    let elsewhere = Apple::start().await;
    let apple = Apple::start().await;
    let urls = json!({ "urls": {
        "getUsers": format!("http://{}/mdm/v9/people", apple.addr),
        "eventStatus": format!("http://{}/mdm/v2/status", elsewhere.addr),
    } });
    apple.json(CONFIG, 200, urls).json("GET /mdm/v9/people", 200, page()).json(STATUS, 200, json!({ "eventStatus": "PENDING" }));
    let client = apple.client();
    client.users(UserQuery::default()).await.unwrap();
    client.event("e1".into()).await.unwrap();
    assert_eq!(apple.calls(), ["GET /mdm/v9/people", "GET /mdm/v2/status?eventId=e1"]);
    assert!(elsewhere.all_seen().is_empty(), "the token must not leave for another port");
}

#[tokio::test]
async fn a_claim_is_written_and_checked() {
    let apple = Apple::start().await;
    let unit = |owner: Value| json!({ "uId": "3107", "locationName": "North Orchard", "mdmInfo": owner });
    apple
        .json(UNIT, 200, unit(json!(null)))
        .json(CLAIM, 200, unit(json!(us())))
        .json(CLAIM, 200, unit(json!({ "id": "rival", "name": "Rival MDM", "metadata": "" })))
        .json(CLAIM, 200, unit(json!(null)));
    let client = apple.client();
    assert_eq!(client.unit().await.unwrap().owner, None);
    assert_eq!(client.claim(us()).await.unwrap().owner, Some(us()));
    assert_eq!(apple.seen()[1].body, r#"{"mdmInfo":{"id":"6a0a4d1c","metadata":"orchard","name":"beckon"}}"#);
    assert!(matches!(client.claim(us()).await.unwrap_err().kind, CallErrorKind::NotOurs(other) if other.name == "Rival MDM"));
    assert_eq!(client.claim(us()).await.unwrap_err().kind, CallErrorKind::Refused);
}

#[tokio::test]
async fn when_the_unit_changes_hands_nothing_more_is_sent() {
    let apple = Apple::start().await;
    let rival = Owner { id: "rival".into(), name: "Rival MDM".into(), metadata: String::new() };
    let client = apple.client();
    client.expect_owner(us());
    apple.json(USERS, 200, json!({ "users": [], "mdmInfo": us(), "versionId": "v1" })).json(USERS, 200, page()).json(
        CREATE,
        200,
        json!({ "eventId": "e1", "mdmInfo": { "id": "rival", "name": "Rival\u{1b} MDM", "metadata": null } }),
    );
    client.users(UserQuery::default()).await.unwrap();
    client.users(UserQuery::default()).await.expect("an answer that names nobody says nothing");
    let lost = client.create_users(vec![user("u1")]).await.unwrap_err();
    assert_eq!(lost.kind, CallErrorKind::NotOurs(Owner { name: "Rival  MDM".into(), ..rival }));
    assert_eq!(apple.calls().len(), 3);

    assert_eq!(client.event("e1".into()).await.unwrap_err().kind, lost.kind);
    assert_eq!(client.users(UserQuery::default()).await.unwrap_err().kind, lost.kind);
    assert_eq!(client.unit().await.unwrap_err().kind, lost.kind);
    assert_eq!(client.limits().await.unwrap_err().kind, lost.kind);
    assert_eq!(client.invitation_url(&SecretString::from("0b7d")).await.unwrap_err().kind, lost.kind);
    assert_eq!(apple.calls().len(), 3, "nothing was sent");

    apple.json(CLAIM, 200, json!({ "uId": "3107", "mdmInfo": us() })).json(USERS, 200, page());
    client.claim(us()).await.unwrap();
    client.users(UserQuery::default()).await.unwrap();
    assert_eq!(apple.calls().len(), 5);
}

#[tokio::test]
async fn an_owner_named_in_an_error_counts_too() {
    let apple = Apple::start().await;
    apple.json(
        USERS,
        400,
        json!({ "errorNumber": 9602, "errorMessage": "no", "mdmInfo": { "id": "rival", "name": "R", "metadata": "" } }),
    );
    let client = apple.client();
    client.expect_owner(us());
    assert!(matches!(client.users(UserQuery::default()).await.unwrap_err().kind, CallErrorKind::NotOurs(_)));
}

#[tokio::test]
async fn no_invitation_without_a_template_that_can_be_trusted() {
    for urls in [
        json!({}),
        json!({ "invitationEmail": "https://evil.example/?c=%25inviteCode%25" }),
        json!({ "invitationEmail": "https://buy.itunes.apple.com/?c=" }),
    ] {
        let apple = Apple::start().await;
        apple.json(CONFIG, 200, json!({ "urls": urls }));
        let refused = apple.client().invitation_url(&SecretString::from("0b7d")).await.unwrap_err();
        assert_eq!(refused.kind, CallErrorKind::Refused);
        assert!(refused.words.contains("no place for the invite code"));
    }
}

#[tokio::test]
async fn https_with_a_certificate_authority_of_ones_own() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let server =
        rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://localhost:{}/mdm/v2", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                hang_up(stream).await;
            }
        }
    });
    let trusting = client(&base, Jumping::new(), Some(made.cert.pem().into_bytes()));
    assert_eq!(trusting.limits().await.unwrap().users_per_request, 3);
    let stranger = client(&base, Jumping::new(), None).limits().await.unwrap_err();
    assert_eq!(stranger.kind, CallErrorKind::Unreachable);
    assert!(stranger.words.starts_with("can't connect to localhost: "), "{}", stranger.words);
}
