//! Apple's notifications in-process, as a listener would have understood them.

use serde_json::Value;

use super::Doors;
use crate::ports::apps_and_books::{About, Notification};

impl Doors {
    /// What Apple has posted until now, in its order, lost ones left out and doubled ones twice.
    #[must_use]
    pub fn drain_notifications(&self) -> Vec<Notification> {
        self.at_now(|world, _| world.apple.take_notifications().iter().map(|n| notification(&n.body)).collect())
    }
}

fn notification(body: &Value) -> Notification {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let about = match body["notificationType"].as_str().unwrap_or_default() {
        "TEST_NOTIFICATION" => About::Test,
        "USER_MANAGEMENT" | "USER_ASSOCIATED" => About::Users,
        "ASSET_MANAGEMENT" => About::Licences { event_id: text(&body["notification"]["eventId"]) },
        "ASSET_COUNT" => About::AssetCount,
        _ => About::Unknown,
    };
    Notification { id: text(&body["notificationId"]), about }
}
