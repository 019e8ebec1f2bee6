//! `POST /mdm/webhook`: one event of an MDM server, checked, read, and handed to the host.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use secrecy::ExposeSecret as _;

use super::{Listening, device_report};

/// Events about invitations have a few kilobytes; the largest that devices send are not for us.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// The MDM server is near; a body that takes longer is somebody holding the connection.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
const SIGNATURE: &str = "x-hmac-signature";

/// Answers exactly 200 when the event is stored or says nothing for us. NanoMDM takes anything else for an error,
/// logs it and doesn't try again, so the words are for its log.
pub(super) async fn receive(State(listening): State<Listening>, headers: HeaderMap, body: Body) -> (StatusCode, String) {
    let bad = |words: &str| (StatusCode::BAD_REQUEST, format!("{words}\n"));
    let body = match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return bad("the body is broken or larger than 256 kB"),
        Err(_) => return bad("the body did not arrive in time"),
    };
    if let Some(key) = &listening.hmac_key
        && !signed(key.expose_secret().as_bytes(), &headers, &body)
    {
        tracing::warn!("an MDM webhook event with a missing or wrong signature was refused");
        return (StatusCode::FORBIDDEN, format!("{SIGNATURE} is missing or wrong\n"));
    }
    match device_report::read(&body) {
        Ok(None) => (StatusCode::OK, String::new()),
        Ok(Some(report)) => match (listening.inbox)(report).await {
            Ok(()) => (StatusCode::OK, String::new()),
            Err(why) => {
                tracing::error!(%why, "a device's report could not be stored");
                (StatusCode::INTERNAL_SERVER_ERROR, "the report could not be stored\n".to_owned())
            }
        },
        Err(why) => {
            tracing::warn!(%why, "an MDM webhook event was refused");
            bad(&why.to_string())
        }
    }
}

/// Base64 of HMAC-SHA256 over the body, compared in constant time.
fn signed(key: &[u8], headers: &HeaderMap, body: &[u8]) -> bool {
    let Some(signature) = headers.get(SIGNATURE).and_then(|v| STANDARD.decode(v.as_bytes()).ok()) else { return false };
    // Anybody can sign with an empty key.
    !key.is_empty() && hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), body, &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Inbox, router};
    use super::*;
    use crate::ports::mdm::{CommandAnswer, DeviceReport};
    use axum::http::{Method, Request};
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;
    use std::sync::{Arc, Mutex};

    const EVENT: &str = include_str!("testdata/nanomdm_connect.json");

    /// Calls a router without a network.
    async fn call(router: axum::Router, request: Request<Body>) -> (StatusCode, String) {
        let response = TowerToHyperService::new(router).call(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn inbox(answer: Result<(), String>) -> (Inbox, Arc<Mutex<Vec<DeviceReport>>>) {
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&got);
        let inbox: Inbox = Arc::new(move |report| {
            kept.lock().unwrap().push(report);
            let answer = answer.clone();
            Box::pin(async move { answer })
        });
        (inbox, got)
    }

    fn request(body: impl Into<Body>, signature: Option<&str>) -> Request<Body> {
        let mut request = Request::builder().method(Method::POST).uri("/mdm/webhook").header("Content-Type", "application/json");
        if let Some(signature) = signature {
            request = request.header("X-Hmac-Signature", signature);
        }
        request.body(body.into()).unwrap()
    }

    fn sign(key: &str, body: &str) -> String {
        STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), body.as_bytes()))
    }

    #[tokio::test]
    async fn a_stored_event_is_answered_with_exactly_200() {
        let (inbox, got) = inbox(Ok(()));
        let router = router(Listening { inbox, hmac_key: None });
        assert_eq!(call(router, request(EVENT, None)).await, (StatusCode::OK, String::new()));
        let shown =
            DeviceReport::Answer { command_uuid: "7f0c2f7e-4b0a-4d0e-9c55-2d0a6f6a1b01".into(), answer: CommandAnswer::Shown };
        assert_eq!(*got.lock().unwrap(), [shown]);
    }

    #[tokio::test]
    async fn an_event_that_can_not_be_stored_is_500_without_our_words() {
        let (inbox, _) = inbox(Err("disk full at /srv/site".into()));
        let (status, body) = call(router(Listening { inbox, hmac_key: None }), request(EVENT, None)).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!body.contains("/srv"), "{body}");
    }

    #[tokio::test]
    async fn only_signed_events_pass_where_a_key_is_set() {
        let (inbox, got) = inbox(Ok(()));
        let inbox_again = Arc::clone(&inbox);
        let router = router(Listening { inbox, hmac_key: Some("orchard".into()) });
        let other = EVENT.replace("Acknowledged", "Error");
        for signature in
            [None, Some(""), Some("%"), Some("AAAA"), Some(sign("wrong", EVENT).as_str()), Some(sign("orchard", &other).as_str())]
        {
            assert_eq!(call(router.clone(), request(EVENT, signature)).await.0, StatusCode::FORBIDDEN, "{signature:?}");
        }
        assert!(got.lock().unwrap().is_empty());
        assert_eq!(call(router, request(EVENT, Some(&sign("orchard", EVENT)))).await.0, StatusCode::OK);
        assert_eq!(got.lock().unwrap().len(), 1);
        let keyless = super::super::router(Listening { inbox: inbox_again, hmac_key: Some("".into()) });
        assert_eq!(call(keyless, request(EVENT, Some(&sign("", EVENT)))).await.0, StatusCode::FORBIDDEN);
    }

    #[tokio::test]
    async fn bad_bodies_are_400_and_unknown_topics_200() {
        let (inbox, got) = inbox(Ok(()));
        let router = router(Listening { inbox, hmac_key: None });
        let large = format!("{{\"topic\":\"mdm.New\",\"x\":\"{}\"}}", "x".repeat(BODY_BYTES_MAX));
        for (body, status) in [
            ("", 400),
            ("{}", 400),
            ("{\"topic\":\"mdm.Connect\"}", 400),
            (large.as_str(), 400),
            ("{\"topic\":\"mdm.New\"}", 200),
        ] {
            assert_eq!(call(router.clone(), request(body.to_owned(), None)).await.0.as_u16(), status, "{body:.30}");
        }
        let get = Request::builder().uri("/mdm/webhook").body(Body::empty()).unwrap();
        assert_eq!(call(router.clone(), get).await.0, StatusCode::METHOD_NOT_ALLOWED);
        let health = Request::builder().uri("/health").body(Body::empty()).unwrap();
        assert_eq!(call(router, health).await, (StatusCode::OK, "ok\n".to_owned()));
        assert!(got.lock().unwrap().is_empty());
    }
}
