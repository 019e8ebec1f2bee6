//! Posting JSON to endpoints that `site.toml` names.

use super::Answer;
use crate::domain::outcome::Handed;

#[derive(Clone, Debug)]
pub struct Post {
    /// The name in `site.toml`; the URL is the adapter's and may hold a secret.
    pub endpoint: String,
    /// The same for every attempt, sent as `Idempotency-Key`.
    pub key: String,
    pub body: serde_json::Value,
}

pub trait Webhook: Send + Sync {
    fn post(&self, post: Post) -> Answer<'_, Handed>;
}
