//! One notification as an HTTP/2 request: `a2`'s payloads and options, Apple's header rules.

use a2::{
    CollapseId, DefaultNotificationBuilder, NotificationBuilder as _, NotificationOptions, Priority, PushType,
    request::payload::PayloadLike,
};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use serde::Serialize;

use crate::domain::outcome::{Outcome, Rejection};
use crate::ports::push::{Notification, NotificationKind};

/// Apple's limit, uncompressed, for everything but VoIP.
pub(super) const PAYLOAD_BYTES_MAX: usize = 4096;
/// Apple warns that tokens may grow; nothing has ever come near this.
const TOKEN_HEX_MAX: usize = 512;
const COLLAPSE_ID_BYTES_MAX: usize = 64;

const APNS_ID: HeaderName = HeaderName::from_static("apns-id");
const APNS_TOPIC: HeaderName = HeaderName::from_static("apns-topic");
const APNS_PUSH_TYPE: HeaderName = HeaderName::from_static("apns-push-type");
const APNS_PRIORITY: HeaderName = HeaderName::from_static("apns-priority");
const APNS_EXPIRATION: HeaderName = HeaderName::from_static("apns-expiration");
const APNS_COLLAPSE_ID: HeaderName = HeaderName::from_static("apns-collapse-id");

/// A request that can be made again for each attempt.
pub(super) struct Message {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Message {
    /// # Errors
    /// The notification breaks one of Apple's rules: sending it would be refused, and too many
    /// refusals slow the connection down for everybody.
    pub fn of(notification: &Notification, authority: &Authority) -> Result<Self, Outcome> {
        let token = notification.token.as_str();
        if token.is_empty()
            || token.len() > TOKEN_HEX_MAX
            || !token.len().is_multiple_of(2)
            || !token.bytes().all(|b| b.is_ascii_hexdigit())
        {
            return Err(Outcome::Rejected {
                why: Rejection::TargetDead,
                words: "not sent: the device token is not hexadecimal".to_owned(),
            });
        }
        let id_is_uuid = uuid::Uuid::try_parse(&notification.id)
            .is_ok_and(|id| id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()) == notification.id.as_str());
        if !id_is_uuid {
            return Err(refused("its id is not a lowercase UUID"));
        }
        // An alert without a collapse id gets its own id: if an answer is lost and the alert is sent
        // again, the second copy replaces the first on the device.
        let collapse = match (&notification.collapse_id, &notification.kind) {
            (Some(id), _) => Some(id.as_str()),
            (None, NotificationKind::Alert { .. }) => Some(notification.id.as_str()),
            (None, NotificationKind::MdmWake { .. }) => None,
        };
        let collapse = match collapse.map(CollapseId::new) {
            Some(Err(_)) => return Err(refused(&format!("its collapse id is longer than {COLLAPSE_ID_BYTES_MAX} bytes"))),
            Some(Ok(id)) => Some(id),
            None => None,
        };
        let options = NotificationOptions {
            apns_id: Some(&notification.id),
            apns_push_type: Some(match notification.kind {
                NotificationKind::MdmWake { .. } => PushType::Mdm,
                NotificationKind::Alert { .. } => PushType::Alert,
            }),
            apns_expiration: notification.expires.map(|at| u64::try_from(at.timestamp()).unwrap_or(0)),
            apns_priority: Some(Priority::High),
            apns_topic: Some(&notification.topic),
            apns_collapse_id: collapse,
        };
        match &notification.kind {
            NotificationKind::MdmWake { push_magic } => {
                Self::from_payload(&MdmWake { mdm: push_magic, options, device_token: token }, authority)
            }
            NotificationKind::Alert { title, text } => {
                let mut builder = DefaultNotificationBuilder::new().set_body(text).set_sound("default");
                if let Some(title) = title {
                    builder = builder.set_title(title);
                }
                Self::from_payload(&builder.build(token, options), authority)
            }
        }
    }

    fn from_payload(payload: &impl PayloadLike, authority: &Authority) -> Result<Self, Outcome> {
        let body = payload.to_json_string().map_err(|_| refused("its payload can't be written as JSON"))?;
        if body.len() > PAYLOAD_BYTES_MAX {
            return Err(refused(&format!("its payload has {} bytes, and Apple takes {PAYLOAD_BYTES_MAX}", body.len())));
        }
        let path = PathAndQuery::try_from(format!("/3/device/{}", payload.get_device_token().to_ascii_lowercase()))
            .map_err(|_| refused("its token makes no path"))?;
        let uri = Uri::builder()
            .scheme(Scheme::HTTPS)
            .authority(authority.clone())
            .path_and_query(path)
            .build()
            .map_err(|_| refused("its token makes no path"))?;
        let headers = headers(payload.get_options())?;
        Ok(Self { uri, headers, body: Bytes::from(body) })
    }

    /// The request of one attempt, with the provider token where there is one.
    pub fn request(&self, bearer: Option<HeaderValue>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        if let Some(bearer) = bearer {
            request.headers_mut().insert(AUTHORIZATION, bearer);
        }
        request
    }
}

fn headers(options: &NotificationOptions<'_>) -> Result<HeaderMap, Outcome> {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(kind) = options.apns_push_type {
        headers.insert(APNS_PUSH_TYPE, value(&kind.to_string(), "push type")?);
    }
    if let Some(priority) = &options.apns_priority {
        headers.insert(APNS_PRIORITY, value(&priority.to_string(), "priority")?);
    }
    if let Some(topic) = options.apns_topic {
        headers.insert(APNS_TOPIC, value(topic, "topic")?);
    }
    if let Some(expiration) = options.apns_expiration {
        headers.insert(APNS_EXPIRATION, HeaderValue::from(expiration));
    }
    // Values that never come again would only push the lasting ones out of HPACK's table.
    if let Some(id) = options.apns_id {
        headers.insert(APNS_ID, once(value(id, "id")?));
    }
    if let Some(collapse) = &options.apns_collapse_id {
        headers.insert(APNS_COLLAPSE_ID, once(value(collapse.value, "collapse id")?));
    }
    Ok(headers)
}

fn once(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

fn value(text: &str, what: &str) -> Result<HeaderValue, Outcome> {
    HeaderValue::from_str(text).map_err(|_| refused(&format!("its {what} holds characters that no header can carry")))
}

fn refused(why: &str) -> Outcome {
    Outcome::Rejected { why: Rejection::Refused, words: format!("not sent: {why}") }
}

/// The MDM wake-up: nothing but the PushMagic, and never an `aps` key.
#[derive(Serialize)]
struct MdmWake<'a> {
    mdm: &'a str,
    #[serde(skip)]
    options: NotificationOptions<'a>,
    #[serde(skip)]
    device_token: &'a str,
}

/// `a2` asks for `Debug`; the magic and the token are secrets.
impl std::fmt::Debug for MdmWake<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MdmWake").finish_non_exhaustive()
    }
}

impl PayloadLike for MdmWake<'_> {
    fn get_device_token(&self) -> &str {
        self.device_token
    }

    fn get_options(&self) -> &NotificationOptions<'_> {
        &self.options
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_millis;
    use http_body_util::BodyExt as _;

    const ID: &str = "1b6f6f4e-0a1b-4c2d-8e3f-000000000001";

    fn wake() -> Notification {
        Notification {
            token: "DEADBEEF00".into(),
            topic: "com.apple.mgmt.External.0d9c2f1e".into(),
            kind: NotificationKind::MdmWake { push_magic: "5C0E\"7B0B".into() },
            id: ID.into(),
            expires: Some(from_millis(1_931_000_000_999)),
            collapse_id: None,
        }
    }

    fn alert(text: &str) -> Notification {
        Notification {
            topic: "example.orchard.beckon".into(),
            kind: NotificationKind::Alert { title: Some("Apps from North Orchard".into()), text: text.into() },
            expires: None,
            ..wake()
        }
    }

    async fn shown(notification: &Notification) -> String {
        let message = Message::of(notification, &Authority::from_static("apns.test:2197")).ok().unwrap();
        let request = message.request(None);
        let mut lines: Vec<String> = request.headers().iter().map(|(k, v)| format!("{k}: {}", v.to_str().unwrap())).collect();
        lines.sort();
        let head = format!("{} {}\n{}", request.method(), request.uri(), lines.join("\n"));
        let body = request.into_body().collect().await.unwrap().to_bytes();
        format!("{head}\n{}", String::from_utf8_lossy(&body))
    }

    #[tokio::test]
    async fn a_wake_up_is_only_the_magic() {
        let expect = "\
POST https://apns.test:2197/3/device/deadbeef00
apns-expiration: 1931000000
apns-id: 1b6f6f4e-0a1b-4c2d-8e3f-000000000001
apns-priority: 10
apns-push-type: mdm
apns-topic: com.apple.mgmt.External.0d9c2f1e
content-type: application/json
{\"mdm\":\"5C0E\\\"7B0B\"}";
        assert_eq!(shown(&wake()).await, expect);
    }

    #[tokio::test]
    async fn an_alert_collapses_with_its_own_repetition() {
        let shown = shown(&alert("Tap to accept the invitation.")).await;
        assert!(shown.contains("apns-push-type: alert") && shown.contains(&format!("apns-collapse-id: {ID}")), "{shown}");
        assert!(!shown.contains("apns-expiration") && !shown.contains("mdm"), "{shown}");
        let body: serde_json::Value = serde_json::from_str(shown.lines().last().unwrap()).unwrap();
        assert_eq!(body["aps"]["alert"]["title"], "Apps from North Orchard");
        assert_eq!(body["aps"]["alert"]["body"], "Tap to accept the invitation.");
        assert_eq!(body["aps"]["sound"], "default");
    }

    fn refusal(notification: &Notification) -> (Rejection, String) {
        match Message::of(notification, &Authority::from_static("apns.test")) {
            Err(Outcome::Rejected { why, words }) => (why, words),
            _ => panic!("it was taken"),
        }
    }

    #[test]
    fn what_apple_would_refuse_never_leaves() {
        use Rejection::{Refused, TargetDead};
        let cases = [
            (Notification { token: String::new(), ..wake() }, TargetDead, "not hexadecimal"),
            (Notification { token: "abc".into(), ..wake() }, TargetDead, "not hexadecimal"),
            (Notification { token: "../3/x".into(), ..wake() }, TargetDead, "not hexadecimal"),
            (Notification { token: "ab".repeat(300), ..wake() }, TargetDead, "not hexadecimal"),
            (Notification { id: ID.to_uppercase(), ..wake() }, Refused, "lowercase UUID"),
            (Notification { id: "17.3".into(), ..wake() }, Refused, "lowercase UUID"),
            (Notification { topic: "a\r\nb".into(), ..wake() }, Refused, "topic"),
            (Notification { collapse_id: Some("x".repeat(65)), ..alert("a") }, Refused, "64 bytes"),
            (alert(&"x".repeat(5000)), Refused, "Apple takes 4096"),
        ];
        for (notification, why, words) in cases {
            let (got, said) = refusal(&notification);
            assert_eq!(got, why, "{said}");
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn a_payload_may_have_exactly_the_limit() {
        let authority = Authority::from_static("apns.test");
        let sized = |n: usize| {
            let mut notification = wake();
            notification.kind = NotificationKind::MdmWake { push_magic: "m".repeat(n) };
            Message::of(&notification, &authority).is_ok()
        };
        let around = r#"{"mdm":""}"#.len();
        assert!(sized(PAYLOAD_BYTES_MAX - around));
        assert!(!sized(PAYLOAD_BYTES_MAX - around + 1));
    }

    #[test]
    fn debug_shows_no_secret() {
        let wake = MdmWake { mdm: "MAGIC", options: NotificationOptions::default(), device_token: "TOKEN" };
        let shown = format!("{wake:?}");
        assert!(!shown.contains("MAGIC") && !shown.contains("TOKEN"));
    }
}
