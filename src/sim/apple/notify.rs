//! What Apple tells a subscriber of its own accord.

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::assets::Job;
use super::{Apple, AppleError, Call, EventKind};
use crate::domain::time::Timestamp;
use crate::ports::apps_and_books::{EventFailure, RecordStatus, UserRecord};
use crate::sim::faults::spend;
use crate::sim::seed::Seed;

/// Where a unit's notifications go. The token is a shared secret, so there is no `Debug` of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    pub url: String,
    pub auth_token: String,
    pub types: Vec<String>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("types", &self.types).finish_non_exhaustive()
    }
}

/// One POST to be made to a subscriber.
#[derive(Clone)]
pub struct AppleNotification {
    pub at: Timestamp,
    pub to: Subscription,
    pub body: Value,
}

/// At most this many elements stand in one notification.
const ELEMENTS_MAX: usize = 100;

impl Apple {
    /// The notification that Apple sends before it takes a subscription.
    #[must_use]
    pub fn test_notification(&mut self, now: Timestamp, call: &Call, to: Subscription) -> AppleNotification {
        let body = self.envelope(call.unit, "TEST_NOTIFICATION", json!({}));
        AppleNotification { at: now, to, body }
    }

    /// `POST client/config` with a notification URL that has answered.
    pub fn subscribe(&mut self, call: &Call, to: Subscription) {
        if let Some(unit) = self.units.get_mut(call.unit) {
            unit.subscription = Some(to);
        }
    }

    /// What Apple checks about a notification URL before it calls it. Loopback may do without TLS here.
    ///
    /// # Errors
    /// 9710, 9711 or 9712.
    pub fn check_subscription(&self, url: Option<&str>, auth_token: Option<&str>) -> Result<(), AppleError> {
        let (Some(url), Some(token)) = (url, auth_token) else { return Err(AppleError::new(9710)) };
        if token.chars().count() > self.config.limits.max_notification {
            return Err(AppleError::new(9711));
        }
        let loopback = url.starts_with("http://127.") || url.starts_with("http://localhost:");
        let fine = url.starts_with("https://") || loopback;
        if fine && !url.contains('?') && url.chars().count() <= self.config.limits.max_notification {
            Ok(())
        } else {
            Err(AppleError::new(9712))
        }
    }

    /// The notifications that are to go out now; they are forgotten here.
    pub fn take_notifications(&mut self) -> Vec<AppleNotification> {
        std::mem::take(&mut self.outgoing)
    }

    pub(super) fn notify_associated(&mut self, now: Timestamp, unit: usize, record: &UserRecord) {
        self.notify(now, unit, "USER_ASSOCIATED", json!({ "associatedUsers": [user_json(record)] }));
    }

    pub(super) fn notify_management(
        &mut self,
        now: Timestamp,
        unit: usize,
        event_id: &str,
        kind: EventKind,
        done: &[usize],
        failures: &[EventFailure],
    ) {
        if self.units.get(unit).is_none_or(|u| u.subscription.is_none()) {
            return;
        }
        let records = self.units.get(unit).map(|u| &u.users.records);
        let shown: Vec<Value> =
            done.iter().filter_map(|at| records.and_then(|r| r.get(*at))).map(|r| user_json(&r.shown())).collect();
        for part in shown.chunks(ELEMENTS_MAX) {
            let body = json!({ "eventId": event_id, "type": kind.word(), "result": "SUCCESS", "users": part });
            self.notify(now, unit, "USER_MANAGEMENT", body);
        }
        for failure in failures {
            for ids in failure.client_user_ids.chunks(ELEMENTS_MAX) {
                let users: Vec<Value> = ids.iter().map(|id| json!({ "clientUserId": id })).collect();
                let error = json!({ "errorNumber": failure.number, "errorMessage": failure.message });
                let body = json!({
                    "eventId": event_id, "type": kind.word(), "result": "FAILURE", "users": users, "error": error,
                });
                self.notify(now, unit, "USER_MANAGEMENT", body);
            }
        }
    }

    /// An event about licences has ended.
    pub(super) fn notify_licences(&mut self, now: Timestamp, unit: usize, event_id: &str, job: &Job, failures: &[EventFailure]) {
        let failed = |id: &&String| failures.iter().any(|f| f.client_user_ids.contains(*id));
        let rows = |ids: Vec<&String>| -> Vec<Value> {
            let each = |id: &&String| job.assets.iter().map(|a| json!({ "adamId": a, "clientUserId": id })).collect::<Vec<_>>();
            ids.iter().flat_map(each).collect()
        };
        let done: Vec<&String> = job.holders.client_user_ids.iter().filter(|id| !failed(id)).collect();
        for part in rows(done).chunks(ELEMENTS_MAX) {
            let body = json!({ "eventId": event_id, "type": job.kind.word(), "result": "SUCCESS", "assignments": part });
            self.notify(now, unit, "ASSET_MANAGEMENT", body);
        }
        for failure in failures {
            let error = json!({ "errorNumber": failure.number, "errorMessage": failure.message });
            for part in rows(failure.client_user_ids.iter().collect()).chunks(ELEMENTS_MAX) {
                let body = json!({
                    "eventId": event_id, "type": job.kind.word(), "result": "FAILURE", "assignments": part, "error": error,
                });
                self.notify(now, unit, "ASSET_MANAGEMENT", body);
            }
        }
    }

    /// Licences were bought or given back.
    pub(super) fn notify_count(&mut self, now: Timestamp, unit: usize, adam_id: &str, pricing: &str, delta: i32) {
        let body = json!({ "adamId": adam_id, "pricingParam": pricing, "countDelta": delta });
        self.notify(now, unit, "ASSET_COUNT", body);
    }

    fn notify(&mut self, now: Timestamp, unit: usize, kind: &str, content: Value) {
        let subscription = self.units.get(unit).and_then(|u| u.subscription.clone());
        let Some(to) = subscription.filter(|s| s.types.iter().any(|t| t == kind)) else { return };
        let body = self.envelope(unit, kind, content);
        if spend(&mut self.faults.lose_notifications) {
            return;
        }
        if spend(&mut self.faults.double_notifications) {
            self.outgoing.push(AppleNotification { at: now, to: to.clone(), body: body.clone() });
        }
        self.outgoing.push(AppleNotification { at: now, to, body });
    }

    fn envelope(&mut self, unit: usize, kind: &str, content: Value) -> Value {
        self.notified += 1;
        let id = Seed::named(self.seed, &["notification", &self.notified.to_string()]).uuid();
        let u_id = self.units.get(unit).map(|u| u.u_id.clone()).unwrap_or_default();
        json!({ "notificationId": id, "notificationType": kind, "uId": u_id, "notification": content })
    }
}

/// Apple's `ResponseUser`: absent values are left out.
#[must_use]
pub(in crate::sim) fn user_json(record: &UserRecord) -> Value {
    let status = match &record.status {
        RecordStatus::Registered => "Registered",
        RecordStatus::Associated => "Associated",
        RecordStatus::Retired => "Retired",
        RecordStatus::Other(word) => word,
    };
    let mut user = json!({ "clientUserId": record.client_user_id, "status": status });
    if let Some(map) = user.as_object_mut() {
        if let Some(email) = &record.email {
            map.insert("email".to_owned(), Value::from(email.as_str()));
        }
        if let Some(code) = &record.invite_code {
            map.insert("inviteCode".to_owned(), Value::from(code.expose_secret()));
        }
        if let Some(hash) = &record.id_hash {
            map.insert("idHash".to_owned(), Value::from(hash.as_str()));
        }
    }
    user
}
