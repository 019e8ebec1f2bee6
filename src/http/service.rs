//! `GET /healthz` and `GET /metrics`: how the site stands, for supervisors and Prometheus.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::host::serve::Serving;

/// 200 while the site is looked after, 503 when it isn't; the reasons are in the body.
pub(super) async fn health(State(serving): State<Arc<Serving>>) -> Response {
    match tokio::task::spawn_blocking(move || serving.health()).await {
        Ok(health) => {
            let status = if health.is_failing() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
            (status, Json(health)).into_response()
        }
        Err(error) => refused(&error.to_string()),
    }
}

/// Prometheus' text format, version 0.0.4.
pub(super) async fn metrics(State(serving): State<Arc<Serving>>) -> Response {
    match tokio::task::spawn_blocking(move || serving.metrics()).await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Ok(Err(error)) => refused(&error.to_string()),
        Err(error) => refused(&error.to_string()),
    }
}

/// The words are for our log: they may name the site's folder.
fn refused(why: &str) -> Response {
    tracing::error!(%why, "a question about the service could not be answered");
    (StatusCode::INTERNAL_SERVER_ERROR, "it can't be answered now; the log says why\n").into_response()
}
