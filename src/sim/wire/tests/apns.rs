//! APNs over HTTP/2 with TLS.

use reqwest::Client;
use serde_json::Value;

use super::*;
use crate::sim::apns::TokenConduct;
use crate::sim::lock;
use crate::sim::wire::ApnsAuth;

fn client(running: &Running, with_certificate: bool) -> Client {
    let ca = reqwest::Certificate::from_pem(running.ca_pem.as_bytes()).unwrap();
    let mut builder = Client::builder().tls_certs_only([ca]);
    if with_certificate {
        let identity = &running.client_identity;
        let pem = format!("{}{}", identity.certificate_pem, identity.key_pem);
        builder = builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
    }
    builder.build().unwrap()
}

async fn push(client: &Client, running: &Running, token: &str, extra: &[(&str, &str)]) -> (u16, Value) {
    let mut request = client
        .post(format!("{}/3/device/{token}", running.apns_url))
        .header("apns-topic", "example.app")
        .header("apns-push-type", "alert")
        .body(r#"{"aps":{"alert":{"body":"Hello"}}}"#);
    for (name, value) in extra {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
}

fn with_tokens() -> crate::sim::World {
    let mut world = world();
    for token in ["aa", "bb"] {
        world.apns.register(token, "example.app");
    }
    world.apns.behave("bb", TokenConduct::Unregistered { since: start() });
    world
}

#[tokio::test]
async fn answers_of_every_kind() {
    let (running, _) = served(with_tokens(), |_| {}).await;
    let client = client(&running, false);
    let id = "00000000-0000-4000-8000-000000000001";
    assert_eq!(push(&client, &running, "aa", &[("apns-id", id)]).await.0, 200);
    assert_eq!(lock(&running.world).apns.times(id), 1);
    let (status, body) = push(&client, &running, "bb", &[]).await;
    assert_eq!(
        (status, body["reason"].as_str(), body["timestamp"].as_i64()),
        (410, Some("Unregistered"), Some(start().timestamp_millis()))
    );
    for (token, extra, expected) in [
        ("cc", ("apns-priority", "10"), (400, "BadDeviceToken")),
        ("AA", ("apns-priority", "10"), (400, "BadDeviceToken")),
        ("aa", ("apns-priority", "7"), (400, "BadPriority")),
        ("aa", ("apns-id", "x"), (400, "BadMessageId")),
        ("aa", ("apns-topic", "other.app"), (400, "DuplicateHeaders")),
        ("aa", ("apns-expiration", "soon"), (400, "BadExpirationDate")),
    ] {
        let (status, body) = push(&client, &running, token, &[extra]).await;
        assert_eq!((status, body["reason"].as_str().unwrap()), expected, "{token} {extra:?}");
    }
    lock(&running.world).apns.faults.unavailable = 1;
    assert_eq!(push(&client, &running, "aa", &[]).await.0, 503);
    lock(&running.world).apns.faults.drop_after_acting = 1;
    let lost = client.post(format!("{}/3/device/aa", running.apns_url)).header("apns-topic", "example.app").body(r#"{"aps":{}}"#);
    assert!(lost.send().await.is_err());
    assert_eq!(lock(&running.world).apns.stored().len(), 2);
}

#[tokio::test]
async fn who_may_push() {
    let (running, _) = served(with_tokens(), |config| config.apns_auth = ApnsAuth::Certificate).await;
    let (status, body) = push(&client(&running, false), &running, "aa", &[]).await;
    assert_eq!((status, body["reason"].as_str()), (403, Some("MissingProviderToken")));
    assert_eq!(push(&client(&running, true), &running, "aa", &[]).await.0, 200);
    let p12 = running.client_identity.p12("word").unwrap();
    let policy = p12_keystore::Pkcs12ImportPolicy::Strict;
    let read = p12_keystore::KeyStore::from_pkcs12(&p12, "word", policy).unwrap();
    assert!(read.private_key_chain().is_some());
    assert!(p12_keystore::KeyStore::from_pkcs12(&p12, "other", policy).is_err());

    let (running, _) = served(with_tokens(), |config| config.apns_auth = ApnsAuth::ProviderToken).await;
    let client = client(&running, false);
    assert_eq!(push(&client, &running, "aa", &[]).await.1["reason"], "MissingProviderToken");
    assert_eq!(push(&client, &running, "aa", &[("authorization", "bearer abc")]).await.1["reason"], "InvalidProviderToken");
    assert_eq!(push(&client, &running, "aa", &[("authorization", "bearer a.b.c")]).await.0, 200);
}
