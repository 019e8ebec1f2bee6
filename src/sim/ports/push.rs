//! APNs in-process.

use serde_json::json;

use super::Doors;
use crate::domain::outcome::{ChannelDown, Handed, Outcome, Rejection};
use crate::domain::time::Span;
use crate::ports::Answer;
use crate::ports::look::{Found, Looked};
use crate::ports::push::{Notification, NotificationKind, Push};
use crate::sim::apns::{ApnsAnswer, Incoming};

/// APNs, without a line in between.
pub struct SimPush {
    doors: Doors,
}

impl SimPush {
    pub(super) fn new(doors: Doors) -> Self {
        Self { doors }
    }
}

impl Push for SimPush {
    fn send(&self, notification: Notification) -> Answer<'_, Handed> {
        Box::pin(async move {
            let answer = self.doors.at_now(|world, now| world.apns.take(now, incoming(notification)));
            handed(&answer)
        })
    }

    fn look(&self) -> Answer<'_, Looked> {
        let refused = self.doors.at_now(|world, _| world.apns.faults.bad_certificate);
        Box::pin(std::future::ready(if refused {
            Err(ChannelDown {
                what: "APNs refuses our certificate".to_owned(),
                remedy: "renew the certificate of [push] in site.toml".to_owned(),
                retry_after: None,
            })
        } else {
            Ok(Found { words: "APNs answers".to_owned(), ..Found::default() })
        }))
    }

    fn at_once(&self) -> usize {
        64
    }
}

fn incoming(notification: Notification) -> Incoming {
    let (push_type, payload) = match notification.kind {
        NotificationKind::MdmWake { push_magic } => ("mdm", json!({ "mdm": push_magic })),
        NotificationKind::Alert { title, text } => {
            let alert = match title {
                Some(title) => json!({ "title": title, "body": text }),
                None => json!({ "body": text }),
            };
            ("alert", json!({ "aps": { "alert": alert } }))
        }
    };
    Incoming {
        token: notification.token,
        topic: Some(notification.topic),
        push_type: Some(push_type.to_owned()),
        id: Some(notification.id),
        expiration: notification.expires.map(|at| at.timestamp()),
        priority: Some(10),
        collapse_id: notification.collapse_id,
        payload: payload.to_string().into_bytes(),
    }
}

/// What Apple's table says a sender has to do with an answer.
fn handed(answer: &ApnsAnswer) -> Handed {
    let reason = answer.reason.unwrap_or_default();
    let words = format!("{} {reason}", answer.http).trim_end().to_owned();
    if answer.line_drops {
        // Safe to repeat: the device shows a notification with the same id once.
        return Ok(Outcome::Deferred { retry_after: None, words: "the line dropped before APNs answered".to_owned() });
    }
    let down = |remedy: &str| ChannelDown { what: words.clone(), remedy: remedy.to_owned(), retry_after: None };
    match (answer.http, reason) {
        (200, _) => Ok(Outcome::Accepted { words: answer.apns_id.clone() }),
        (410, _) | (400, "BadDeviceToken") => Ok(Outcome::Rejected { why: Rejection::TargetDead, words }),
        (400, "BadTopic" | "MissingTopic" | "TopicDisallowed") => Err(down("check the topic of [push] in site.toml")),
        (403, _) => Err(down("renew the push certificate or key of [push] in site.toml")),
        (429, _) => Ok(Outcome::Deferred { retry_after: Some(Span::minutes(5)), words }),
        (500..=599, _) => Ok(Outcome::Deferred { retry_after: Some(Span::minutes(15)), words }),
        _ => Ok(Outcome::Rejected { why: Rejection::Refused, words }),
    }
}
