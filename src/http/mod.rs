//! What the world tells us, and what it may ask: webhooks of MDM servers, Apple's notifications, reports about
//! our mail; health and metrics.
//! Requests are checked here and handed to the host; nothing here writes the store.

mod apple_notification;
mod device_report;
mod following;
mod mdm_webhook;
mod plist_guard;
mod serve;
mod service;

use std::sync::Arc;

use axum::routing::{get, post};
use futures_util::future::BoxFuture;
use secrecy::SecretString;

use crate::host::serve::Serving;
use crate::ports::mdm::DeviceReport;

pub use axum::Router;
pub use following::{Following, following};
pub use serve::{serve, serve_with};

/// Takes a report and answers when it is stored; the text of a failure is for our log only.
///
/// A report may come twice and in any order: NanoMDM sends each once, without retry, and devices
/// repeat what they are not sure of.
pub type Inbox = Arc<dyn Fn(DeviceReport) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Everything that `beckon serve` listens for.
#[derive(Clone)]
pub struct Listening {
    pub inbox: Inbox,
    /// NanoMDM's `-webhook-hmac-key`. Without it anybody who reaches the port can report, so the port
    /// must not be reachable from outside.
    pub hmac_key: Option<SecretString>,
}

/// The routes: `POST /mdm/webhook` for NanoMDM (and MicroMDM, whose envelope is the same), `GET /health`.
pub fn router(listening: Listening) -> Router {
    Router::new()
        .route("/mdm/webhook", post(mdm_webhook::receive))
        .route("/health", get(|| async { "ok\n" }))
        .with_state(listening)
}

/// The routes of a served site itself: `GET /healthz`, `GET /metrics`. Others are merged with them.
pub fn service(serving: Arc<Serving>) -> Router {
    Router::new().route("/healthz", get(service::health)).route("/metrics", get(service::metrics)).with_state(serving)
}
