//! The endpoints that a site's webhooks are posted to.

use std::collections::HashMap;

use super::faults::spend;
use crate::domain::time::Timestamp;

/// How one endpoint answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HookConduct {
    #[default]
    Takes,
    /// The next `times` posts are answered with this HTTP status.
    Answers { status: u16, times: u32 },
    /// The next `times` posts are taken, and the line drops before the answer.
    DropsAfterTaking { times: u32 },
}

/// A post that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPost {
    pub at: Timestamp,
    pub endpoint: String,
    pub key: String,
    pub body: serde_json::Value,
}

/// What an endpoint answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookAnswer {
    Status(u16),
    LineDrops,
}

/// All endpoints: they need not be announced.
#[derive(Default)]
pub struct Hooks {
    conduct: HashMap<String, HookConduct>,
    stored: Vec<StoredPost>,
}

impl Hooks {
    pub fn behave(&mut self, endpoint: &str, conduct: HookConduct) {
        self.conduct.insert(endpoint.to_owned(), conduct);
    }

    pub fn take(&mut self, now: Timestamp, endpoint: &str, key: &str, body: serde_json::Value) -> HookAnswer {
        let mut answer = HookAnswer::Status(200);
        match self.conduct.get_mut(endpoint) {
            Some(HookConduct::Answers { status, times }) => {
                if spend(times) {
                    return HookAnswer::Status(*status);
                }
            }
            Some(HookConduct::DropsAfterTaking { times }) => {
                if spend(times) {
                    answer = HookAnswer::LineDrops;
                }
            }
            Some(HookConduct::Takes) | None => {}
        }
        self.stored.push(StoredPost { at: now, endpoint: endpoint.to_owned(), key: key.to_owned(), body });
        answer
    }

    #[must_use]
    pub fn stored(&self) -> &[StoredPost] {
        &self.stored
    }
}
