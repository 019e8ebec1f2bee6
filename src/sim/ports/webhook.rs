//! Webhook endpoints in-process.

use super::Doors;
use crate::domain::outcome::{Handed, Outcome, Rejection};
use crate::ports::Answer;
use crate::ports::webhook::{Post, Webhook};
use crate::sim::hooks::HookAnswer;

/// The endpoints, without a line in between.
pub struct SimWebhook {
    doors: Doors,
}

impl SimWebhook {
    pub(super) fn new(doors: Doors) -> Self {
        Self { doors }
    }
}

impl Webhook for SimWebhook {
    fn post(&self, post: Post) -> Answer<'_, Handed> {
        Box::pin(async move {
            let answer = self.doors.at_now(|world, now| world.hooks.take(now, &post.endpoint, &post.key, post.body));
            Ok(match answer {
                HookAnswer::LineDrops => Outcome::Doubtful { words: "the line dropped before the endpoint answered".to_owned() },
                HookAnswer::Status(code @ 200..=299) => Outcome::Accepted { words: format!("HTTP {code}") },
                HookAnswer::Status(code @ (408 | 425 | 429 | 500..=599)) => {
                    Outcome::Deferred { retry_after: None, words: format!("HTTP {code}") }
                }
                HookAnswer::Status(code) => Outcome::Rejected { why: Rejection::Refused, words: format!("HTTP {code}") },
            })
        })
    }
}
