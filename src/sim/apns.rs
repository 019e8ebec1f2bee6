//! Apple's push service as far as a sender sees it: which tokens it knows, and what it answers.

use std::collections::HashMap;

use super::faults::{ApnsFaults, spend};
use crate::domain::time::Timestamp;

/// How APNs answers for one token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenConduct {
    #[default]
    Takes,
    /// 410 `Unregistered`, dead since then.
    Unregistered { since: Timestamp },
    /// 400 `BadDeviceToken`.
    Bad,
    /// The next `times` notifications are answered 429 `TooManyRequests`.
    TooMany { times: u32 },
    /// The next `times` notifications are answered 503 `ServiceUnavailable`.
    Unavailable { times: u32 },
}

/// What a sender hands over: headers and payload, before anything is believed.
#[derive(Clone)]
pub struct Incoming {
    pub token: String,
    pub topic: Option<String>,
    pub push_type: Option<String>,
    pub id: Option<String>,
    pub expiration: Option<i64>,
    pub priority: Option<u8>,
    pub collapse_id: Option<String>,
    pub payload: Vec<u8>,
}

/// A notification that was taken.
#[derive(Clone)]
pub struct StoredPush {
    pub at: Timestamp,
    pub id: String,
    pub token: String,
    pub topic: String,
    pub push_type: String,
    pub collapse_id: Option<String>,
    pub payload: Vec<u8>,
}

/// What APNs answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApnsAnswer {
    pub http: u16,
    pub reason: Option<&'static str>,
    /// With 410: milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    pub apns_id: String,
    /// Taken, and the line drops before the answer.
    pub line_drops: bool,
}

const PAYLOAD_MAX: usize = 4096;
const COLLAPSE_ID_MAX: usize = 64;

/// APNs.
#[derive(Default)]
pub struct Apns {
    pub faults: ApnsFaults,
    /// Tokens that nobody registered are taken too.
    pub adopt_strangers: bool,
    tokens: HashMap<String, (String, TokenConduct)>,
    stored: Vec<StoredPush>,
    by_id: HashMap<String, u32>,
    made: u64,
}

impl Apns {
    /// An app (or MDM enrolment) has this token for this topic.
    pub fn register(&mut self, token: &str, topic: &str) {
        self.tokens.insert(token.to_owned(), (topic.to_owned(), TokenConduct::Takes));
    }

    /// From now on the token behaves like that.
    pub fn behave(&mut self, token: &str, conduct: TokenConduct) {
        if let Some(known) = self.tokens.get_mut(token) {
            known.1 = conduct;
        }
    }

    /// `POST /3/device/<token>`.
    pub fn take(&mut self, now: Timestamp, push: Incoming) -> ApnsAnswer {
        self.made += 1;
        let id = push.id.clone().unwrap_or_else(|| super::seed::Seed::named(self.made, &["apns-id"]).uuid());
        let no =
            |http, reason| ApnsAnswer { http, reason: Some(reason), timestamp_ms: None, apns_id: id.clone(), line_drops: false };
        if let Some((http, reason)) = malformed(&push) {
            return no(http, reason);
        }
        if self.faults.bad_certificate {
            return no(403, "BadCertificate");
        }
        if spend(&mut self.faults.unavailable) {
            return no(503, "ServiceUnavailable");
        }
        if spend(&mut self.faults.too_many_requests) {
            return no(429, "TooManyRequests");
        }
        let topic = push.topic.clone().unwrap_or_default();
        if !self.tokens.contains_key(&push.token) {
            if !self.adopt_strangers {
                return no(400, "BadDeviceToken");
            }
            self.register(&push.token, &topic);
        }
        if let Some((registered, conduct)) = self.tokens.get_mut(&push.token) {
            if *registered != topic {
                return no(400, "DeviceTokenNotForTopic");
            }
            match conduct {
                TokenConduct::Takes => {}
                TokenConduct::Bad => return no(400, "BadDeviceToken"),
                TokenConduct::Unregistered { since } => {
                    return ApnsAnswer { timestamp_ms: Some(since.timestamp_millis()), ..no(410, "Unregistered") };
                }
                TokenConduct::TooMany { times } => {
                    if spend(times) {
                        return no(429, "TooManyRequests");
                    }
                }
                TokenConduct::Unavailable { times } => {
                    if spend(times) {
                        return no(503, "ServiceUnavailable");
                    }
                }
            }
        }
        *self.by_id.entry(id.clone()).or_default() += 1;
        self.stored.push(StoredPush {
            at: now,
            id: id.clone(),
            token: push.token,
            topic,
            push_type: push.push_type.unwrap_or_default(),
            collapse_id: push.collapse_id,
            payload: push.payload,
        });
        let line_drops = spend(&mut self.faults.drop_after_acting);
        ApnsAnswer { http: 200, reason: None, timestamp_ms: None, apns_id: id, line_drops }
    }

    /// Everything that was taken, in order.
    #[must_use]
    pub fn stored(&self) -> &[StoredPush] {
        &self.stored
    }

    /// How often a notification with this id was taken.
    #[must_use]
    pub fn times(&self, apns_id: &str) -> u32 {
        self.by_id.get(apns_id).copied().unwrap_or(0)
    }

    /// Ids that were taken more than once.
    #[must_use]
    pub fn duplicates(&self) -> Vec<(String, u32)> {
        let mut twice: Vec<_> = self.by_id.iter().filter(|(_, n)| **n > 1).map(|(id, n)| (id.clone(), *n)).collect();
        twice.sort();
        twice
    }

    /// Forgets what was taken, for a bench that wants to begin anew.
    pub fn clear(&mut self) {
        self.stored.clear();
        self.by_id.clear();
    }
}

/// What is wrong with a request whatever its token.
fn malformed(push: &Incoming) -> Option<(u16, &'static str)> {
    if push.token.is_empty() {
        return Some((400, "MissingDeviceToken"));
    }
    if !push.token.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)) {
        return Some((400, "BadDeviceToken"));
    }
    if push.topic.as_deref().is_none_or(str::is_empty) {
        return Some((400, "MissingTopic"));
    }
    if push.payload.is_empty() {
        return Some((400, "PayloadEmpty"));
    }
    if push.payload.len() > PAYLOAD_MAX {
        return Some((413, "PayloadTooLarge"));
    }
    if push.collapse_id.as_ref().is_some_and(|id| id.len() > COLLAPSE_ID_MAX) {
        return Some((400, "BadCollapseId"));
    }
    if push.priority.is_some_and(|p| !matches!(p, 1 | 5 | 10)) {
        return Some((400, "BadPriority"));
    }
    if push.id.as_ref().is_some_and(|id| uuid::Uuid::parse_str(id).is_err()) {
        return Some((400, "BadMessageId"));
    }
    let payload: Option<serde_json::Value> = serde_json::from_slice(&push.payload).ok();
    let is_mdm = payload.as_ref().is_some_and(|p| p.get("mdm").is_some());
    let is_alert = payload.as_ref().is_some_and(|p| p.get("aps").is_some());
    match push.push_type.as_deref() {
        Some("mdm") if is_mdm && !is_alert => None,
        Some("alert" | "background") if is_alert && !is_mdm => None,
        None if is_mdm != is_alert => None,
        _ => Some((400, "InvalidPushType")),
    }
}
