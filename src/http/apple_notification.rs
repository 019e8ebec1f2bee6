//! Apple's notifications in JSON: their id, and what they are about. Their records are never read.

use serde::Deserialize;
use serde_json::Value;

use crate::ports::apps_and_books::{About, Notification};

/// Ids of Apple's have 36 characters.
const ID_MAX: usize = 256;

/// Reads the body. `None`: it is no notification.
pub(super) fn read(body: &[u8]) -> Option<Notification> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Envelope {
        notification_id: String,
        notification_type: String,
        notification: Option<Value>,
    }
    // A struct can be read from an array, too; a notification is an object.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let id = envelope.notification_id;
    if id.is_empty() || id.len() > ID_MAX {
        return None;
    }
    let about = match envelope.notification_type.as_str() {
        "TEST_NOTIFICATION" => About::Test,
        "USER_MANAGEMENT" | "USER_ASSOCIATED" => About::Users,
        "ASSET_MANAGEMENT" => {
            let event = envelope.notification.as_ref().and_then(|content| content.get("eventId")?.as_str());
            match event.filter(|id| id.len() <= ID_MAX) {
                Some(event_id) => About::Licences { event_id: event_id.to_owned() },
                None => About::AssetCount,
            }
        }
        "ASSET_COUNT" => About::AssetCount,
        _ => About::Unknown,
    };
    Some(Notification { id, about })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_is_about_is_read_and_nothing_else() {
        let about = |kind: &str, content: &str| {
            let body = format!(r#"{{"notificationId":"n","notificationType":"{kind}","uId":"1","notification":{content}}}"#);
            read(body.as_bytes()).map(|n| n.about)
        };
        assert_eq!(about("USER_MANAGEMENT", r#"{"users":[{"status":"Associated"}]}"#), Some(About::Users));
        assert_eq!(about("ASSET_MANAGEMENT", r#"{"eventId":"e1"}"#), Some(About::Licences { event_id: "e1".into() }));
        assert_eq!(about("ASSET_MANAGEMENT", "7"), Some(About::AssetCount), "something about licences has changed");
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let _ = about("USER_ASSOCIATED", &deep);
        for bad in [
            "",
            "null",
            "[\"n\",\"TEST_NOTIFICATION\",null]",
            r#"{"notificationId":"","notificationType":"X"}"#,
            "{\"notificationId\":7}",
        ] {
            assert_eq!(read(bad.as_bytes()), None, "{bad}");
        }
    }
}
