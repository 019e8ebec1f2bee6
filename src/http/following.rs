//! What follows a delivery: Apple's notifications at `/apple/notify`, delivery reports at `/mail/bounce`.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};

use super::apple_notification;
use crate::host::{apple_inbox, bounces};

/// Apple puts at most a hundred records into a notification, of some hundred bytes each.
const NOTIFICATION_BYTES_MAX: usize = 512 * 1024;
/// As much as a report may have; larger ones are refused here already.
const REPORT_BYTES_MAX: usize = crate::host::bounces::BYTES_MAX;
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// The doors, each with the secret that opens it. A door that isn't there is not found.
#[derive(Clone, Default)]
pub struct Following {
    pub apple: Option<(SecretString, apple_inbox::Door)>,
    pub bounces: Option<(SecretString, bounces::Door)>,
}

/// `POST /apple/notify` and `POST /mail/bounce`, to be merged with the other routes.
pub fn following(doors: Following) -> Router {
    let mut router = Router::new();
    if let Some(door) = doors.apple {
        router = router.route("/apple/notify", post(notified).with_state(door));
    }
    if let Some(door) = doors.bounces {
        router = router.route("/mail/bounce", post(bounced).with_state(door));
    }
    router
}

/// 200 when the notification is taken or says nothing for us; 403 and 400 as Apple's own examples have them. Apple
/// tries again after anything else.
async fn notified(State((token, inbox)): State<(SecretString, apple_inbox::Door)>, headers: HeaderMap, body: Body) -> StatusCode {
    if !bears(&token, &headers) {
        tracing::warn!("a notification with a missing or wrong token was refused");
        return StatusCode::FORBIDDEN;
    }
    let body = match whole(body, NOTIFICATION_BYTES_MAX).await {
        Ok(body) => body,
        Err(status) => return status,
    };
    let Some(notification) = apple_notification::read(&body) else { return StatusCode::BAD_REQUEST };
    match inbox(notification).await {
        Ok(()) => StatusCode::OK,
        Err(why) => {
            tracing::error!(%why, "a notification could not be stored");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

/// 200 when it is written down, 422 for a message that changes nothing, with the reason.
async fn bounced(
    State((token, inbox)): State<(SecretString, bounces::Door)>,
    headers: HeaderMap,
    body: Body,
) -> (StatusCode, String) {
    if !bears(&token, &headers) {
        tracing::warn!("a delivery report with a missing or wrong token was refused");
        return (StatusCode::FORBIDDEN, String::new());
    }
    let body = match whole(body, REPORT_BYTES_MAX).await {
        Ok(body) => body,
        Err(status) => return (status, String::new()),
    };
    match inbox(body.to_vec()).await {
        Ok(bounces::Taken::Believed(n)) => (StatusCode::OK, format!("about {n} of our letters\n")),
        Ok(bounces::Taken::Ignored(why)) => (StatusCode::UNPROCESSABLE_ENTITY, format!("{why}\n")),
        Err(why) => {
            tracing::error!(%why, "a delivery report could not be stored");
            (StatusCode::INTERNAL_SERVER_ERROR, String::new())
        }
    }
}

async fn whole(body: Body, most: usize) -> Result<Bytes, StatusCode> {
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, most)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// Whether the request shows the secret. Digests of equal length are compared, in constant time: nothing can be
/// learnt from how long it takes, not even the secret's length.
fn bears(token: &SecretString, headers: &HeaderMap) -> bool {
    let shown = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
    let shown = shown
        .split_at_checked(7)
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
        .map(|(_, rest)| rest.trim_ascii());
    let expected = token.expose_secret().as_bytes();
    let (Some(shown), false) = (shown, expected.is_empty()) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"bearer");
    hmac::verify(&key, shown, hmac::sign(&key, expected).as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::apps_and_books::{About, Notification};
    use axum::http::{Method, Request};
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;
    use std::sync::{Arc, Mutex};

    async fn call(router: &Router, path: &str, bearer: Option<&str>, body: &str) -> (u16, String) {
        let mut request = Request::builder().method(Method::POST).uri(path);
        if let Some(bearer) = bearer {
            request = request.header("Authorization", bearer);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = TowerToHyperService::new(router.clone()).call(request).await.unwrap();
        let status = response.status().as_u16();
        (status, String::from_utf8(to_bytes(response.into_body(), 10_000).await.unwrap().to_vec()).unwrap())
    }

    /// What a door was handed.
    type Handed<T> = Arc<Mutex<Vec<T>>>;

    fn heard() -> (Following, Handed<Notification>, Handed<Vec<u8>>) {
        let (notes, reports) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (kept, held) = (Arc::clone(&notes), Arc::clone(&reports));
        let apple: apple_inbox::Door = Arc::new(move |n: Notification| {
            let fails = n.id == "full";
            kept.lock().unwrap().push(n);
            Box::pin(async move { if fails { Err("disk full at /srv".to_owned()) } else { Ok(()) } })
        });
        let bounces: bounces::Door = Arc::new(move |m: Vec<u8>| {
            held.lock().unwrap().push(m.clone());
            Box::pin(async move {
                if m.starts_with(b"From") {
                    Ok(bounces::Taken::Believed(1))
                } else {
                    Ok(bounces::Taken::Ignored("no report".into()))
                }
            })
        });
        let doors = Following { apple: Some(("orchard".into(), apple)), bounces: Some(("gate".into(), bounces)) };
        (doors, notes, reports)
    }

    #[tokio::test]
    async fn notifications_need_the_token_and_json() {
        let (doors, notes, _) = heard();
        let router = following(doors);
        let body =
            r#"{"notificationId":"n1","notificationType":"USER_ASSOCIATED","uId":"1","notification":{"associatedUsers":[]}}"#;
        for bearer in [
            None,
            Some(""),
            Some("Bearer"),
            Some("Bearer "),
            Some("Bearer orchar"),
            Some("Bearer orchardx"),
            Some("Basic orchard"),
            Some("Bearer gate"),
        ] {
            assert_eq!(call(&router, "/apple/notify", bearer, body).await.0, 403, "{bearer:?}");
        }
        assert!(notes.lock().unwrap().is_empty());
        for (body, status) in [
            (body, 200),
            ("", 400),
            ("[]", 400),
            ("{}", 400),
            ("{\"notificationId\":\"n2\"}", 400),
            (r#"{"notificationId":"n3","notificationType":"INVENTED","notification":[1]}"#, 200),
            (r#"{"notificationId":"n4","notificationType":"TEST_NOTIFICATION","notification":{}}"#, 200),
            (r#"{"notificationId":"full","notificationType":"ASSET_COUNT"}"#, 500),
        ] {
            assert_eq!(call(&router, "/apple/notify", Some("bearer orchard"), body).await, (status, String::new()), "{body}");
        }
        let about: Vec<About> = notes.lock().unwrap().iter().map(|n| n.about.clone()).collect();
        assert_eq!(about, [About::Users, About::Unknown, About::Test, About::AssetCount]);
        let large = format!("{{\"notificationId\":\"{}\"}}", "x".repeat(NOTIFICATION_BYTES_MAX));
        assert_eq!(call(&router, "/apple/notify", Some("Bearer orchard"), &large).await.0, 413);
    }

    #[tokio::test]
    async fn reports_need_their_own_token() {
        let (doors, _, reports) = heard();
        let router = following(doors);
        assert_eq!(call(&router, "/mail/bounce", Some("Bearer orchard"), "From: x").await.0, 403);
        assert!(reports.lock().unwrap().is_empty());
        assert_eq!(call(&router, "/mail/bounce", Some("Bearer gate"), "From: x").await, (200, "about 1 of our letters\n".into()));
        assert_eq!(call(&router, "/mail/bounce", Some("Bearer gate"), "x").await, (422, "no report\n".into()));
        assert_eq!(call(&router, "/mail/bounce", Some("Bearer gate"), &"x".repeat(REPORT_BYTES_MAX + 1)).await.0, 413);
    }

    #[tokio::test]
    async fn a_door_that_is_not_there_is_not_found_and_an_empty_secret_opens_none() {
        let router = following(Following::default());
        for path in ["/apple/notify", "/mail/bounce"] {
            assert_eq!(call(&router, path, Some("Bearer "), "{}").await.0, 404);
        }
        let (doors, ..) = heard();
        let apple = doors.apple.map(|(_, door)| (SecretString::from(""), door));
        let router = following(Following { apple, bounces: None });
        assert_eq!(call(&router, "/apple/notify", Some("Bearer "), "{}").await.0, 403);
    }
}
