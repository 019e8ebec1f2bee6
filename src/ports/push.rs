//! Handing notifications to APNs.

use super::Answer;
use super::look::Looked;
use crate::domain::outcome::Handed;
use crate::domain::time::Timestamp;

/// One notification for one app or MDM token.
#[derive(Clone)]
pub struct Notification {
    /// Lowercase hex; never shown.
    pub token: String,
    pub topic: String,
    pub kind: NotificationKind,
    /// A lowercase UUID, the same for every attempt.
    pub id: String,
    /// Not delivered after this; `None` leaves it to Apple.
    pub expires: Option<Timestamp>,
    /// Newer alerts with the same id replace older ones on the device (at most 64 bytes).
    pub collapse_id: Option<String>,
}

#[derive(Clone)]
pub enum NotificationKind {
    /// An MDM wake-up with the enrolment's PushMagic; no `aps` key.
    MdmWake { push_magic: String },
    /// A visible alert in a site's own app.
    Alert { title: Option<String>, text: String },
}

/// Tokens and magics are secrets; only the id is shown.
impl std::fmt::Debug for Notification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notification").field("id", &self.id).field("topic", &self.topic).finish_non_exhaustive()
    }
}

pub trait Push: Send + Sync {
    /// Hands one notification over. May be called many times at once, up to `at_once`; calls share
    /// a connection.
    fn send(&self, notification: Notification) -> Answer<'_, Handed>;

    /// Connects with our certificate or key, and sends nothing.
    fn look(&self) -> Answer<'_, Looked>;

    fn at_once(&self) -> usize;

    /// When our certificate ends, where we show one.
    fn certificate_expires(&self) -> Option<Timestamp> {
        None
    }
}
