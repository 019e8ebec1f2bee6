//! The kill switch: while sending is stopped nothing leaves, whatever has been committed.

use chrono_tz::Tz;

use super::time::{Timestamp, show};

/// Who stopped sending, when and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stopped {
    pub at: Timestamp,
    pub by: String,
    /// One sentence without control characters; empty where none was given.
    pub reason: String,
}

impl Stopped {
    /// `sending is stopped since 2026-12-01 08:00 by ana because the texts are wrong`.
    #[must_use]
    pub fn words(&self, zone: Tz) -> String {
        let because = if self.reason.is_empty() { String::new() } else { format!(" because {}", self.reason) };
        format!("sending is stopped since {} by {}{because}", show(self.at, zone), self.by)
    }
}
