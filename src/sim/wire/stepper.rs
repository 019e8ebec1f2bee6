//! Moving the world along with the clock, and posting what it has to say of its own accord.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use futures_util::StreamExt as _;

use super::envelope::envelope;
use super::{Shared, WebhookTarget};
use crate::sim::WorldEvent;
use crate::sim::apple::AppleNotification;
use crate::sim::devices::DeviceSays;

/// Posts that are under way at once: NanoMDM posts each from its own task.
const POSTS_AT_ONCE: usize = 8;
const POST_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Stepper {
    shared: Shared,
    webhook: Option<WebhookTarget>,
    client: std::sync::OnceLock<reqwest::Client>,
    posts: AtomicU64,
}

impl Stepper {
    pub fn new(shared: Shared, webhook: Option<WebhookTarget>) -> Self {
        Self { shared, webhook, client: std::sync::OnceLock::new(), posts: AtomicU64::new(0) }
    }

    /// Steps whenever something is due or has changed, for ever.
    pub async fn run(self: Arc<Self>) {
        loop {
            self.go_on().await;
            let wake = super::lock(&self.shared.world).next_wake();
            match wake {
                Some(at) => {
                    tokio::select! {
                        () = self.shared.clock.wait_until(at) => {}
                        () = self.shared.poke.notified() => {}
                    }
                }
                None => self.shared.poke.notified().await,
            }
        }
    }

    /// Does what is due, and tells what has happened since somebody asked last.
    pub async fn step(&self) -> Vec<WorldEvent> {
        self.go_on().await;
        super::lock(&self.shared.world).step(self.shared.clock.now())
    }

    /// Does what is due. What happened stays to be told.
    async fn go_on(&self) {
        let now = self.shared.clock.now();
        let (reports, notifications) = {
            let mut world = super::lock(&self.shared.world);
            world.catch_up(now);
            // Without a receiver, reports stay for whoever drains them in-process.
            let reports = if self.webhook.is_some() { world.mdm.take_reports() } else { Vec::new() };
            (reports, world.apple.take_notifications())
        };
        if let Some(target) = &self.webhook {
            let posts = reports.into_iter().map(|says| self.post_report(target, says));
            futures_util::stream::iter(posts).buffer_unordered(POSTS_AT_ONCE).collect::<Vec<()>>().await;
        }
        for notification in notifications {
            post_notification(&notification).await;
        }
    }

    /// NanoMDM tries once, and a loss is silent.
    async fn post_report(&self, target: &WebhookTarget, says: DeviceSays) {
        let number = self.posts.fetch_add(1, Ordering::Relaxed);
        let body = envelope(&says, number).to_string();
        let mut request = self.client.get_or_init(reqwest::Client::new).post(&target.url);
        if let Some(key) = &target.hmac_key {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
            let tag = ring::hmac::sign(&key, body.as_bytes());
            let text = base64::engine::general_purpose::STANDARD.encode(tag);
            request = request.header("X-Hmac-Signature", text);
        }
        let request = request.header("Content-Type", "application/json; charset=utf-8").timeout(POST_TIMEOUT).body(body);
        match request.send().await {
            Ok(answer) if answer.status() == 200 => {}
            Ok(answer) => tracing::debug!(status = answer.status().as_u16(), "the webhook did not answer 200"),
            Err(error) => tracing::debug!(error = %error.without_url(), "the webhook could not be reached"),
        }
    }
}

/// Posts one of Apple's notifications; true when the receiver said 2xx. Best effort: one attempt.
pub(super) async fn post_notification(notification: &AppleNotification) -> bool {
    let request = reqwest::Client::new()
        .post(&notification.to.url)
        .bearer_auth(&notification.to.auth_token)
        .timeout(POST_TIMEOUT)
        .json(&notification.body);
    request.send().await.is_ok_and(|answer| answer.status().is_success())
}
