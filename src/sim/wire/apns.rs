//! APNs over HTTP/2.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::json;

use super::http::{Asked, Reply, Service, empty, header_of, json as json_response};
use super::{ApnsAuth, Shared};
use crate::sim::apns::{ApnsAnswer, Incoming};

pub(super) struct ApnsHttp {
    shared: Shared,
    auth: ApnsAuth,
}

impl ApnsHttp {
    pub fn new(shared: Shared, auth: ApnsAuth) -> Self {
        Self { shared, auth }
    }

    fn respond(&self, asked: &Asked) -> Reply {
        let request = &asked.request;
        let Some(token) = request.uri().path().strip_prefix("/3/device/") else { return refused(404, "BadPath") };
        if *request.method() != Method::POST {
            return refused(405, "MethodNotAllowed");
        }
        if let Some(reason) = self.not_allowed(asked) {
            return refused(403, reason);
        }
        let mut incoming = match read(request) {
            Ok(incoming) => incoming,
            Err(reason) => return refused(400, reason),
        };
        incoming.token = token.to_owned();
        let answer = self.shared.at_now(|world, now| world.apns.take(now, incoming));
        if answer.line_drops { Reply::LineDrops } else { Reply::Answer(response(&answer)) }
    }

    fn not_allowed(&self, asked: &Asked) -> Option<&'static str> {
        match self.auth {
            ApnsAuth::Open => None,
            ApnsAuth::Certificate => (!asked.has_certificate).then_some("MissingProviderToken"),
            ApnsAuth::ProviderToken => {
                let Some(value) = header_of(&asked.request, "authorization") else { return Some("MissingProviderToken") };
                let token = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, t)| t);
                let formed = token.is_some_and(|t| t.split('.').filter(|part| !part.is_empty()).count() == 3);
                (!formed).then_some("InvalidProviderToken")
            }
        }
    }
}

impl Service for ApnsHttp {
    fn answer(self: Arc<Self>, asked: Asked) -> BoxFuture<'static, Reply> {
        Box::pin(async move { self.respond(&asked) })
    }
}

fn read(request: &Request<Bytes>) -> Result<Incoming, &'static str> {
    let own = ["apns-topic", "apns-push-type", "apns-id", "apns-expiration", "apns-priority", "apns-collapse-id"];
    if own.iter().any(|name| request.headers().get_all(*name).iter().count() > 1) {
        return Err("DuplicateHeaders");
    }
    let text = |name: &str| header_of(request, name).map(str::to_owned);
    let number = |name: &str, reason| text(name).map(|t| t.parse::<i64>().map_err(|_| reason)).transpose();
    let priority = number("apns-priority", "BadPriority")?;
    Ok(Incoming {
        token: String::new(),
        topic: text("apns-topic"),
        push_type: text("apns-push-type"),
        id: text("apns-id"),
        expiration: number("apns-expiration", "BadExpirationDate")?,
        priority: priority.map(|p| u8::try_from(p).map_err(|_| "BadPriority")).transpose()?,
        collapse_id: text("apns-collapse-id"),
        payload: request.body().to_vec(),
    })
}

fn response(answer: &ApnsAnswer) -> http::Response<Full<Bytes>> {
    let mut response = match (answer.reason, answer.timestamp_ms) {
        (None, _) => empty(StatusCode::from_u16(answer.http).unwrap_or(StatusCode::OK)),
        (Some(reason), None) => json_response(answer.http, &json!({ "reason": reason })),
        (Some(reason), Some(ms)) => json_response(answer.http, &json!({ "reason": reason, "timestamp": ms })),
    };
    if let Ok(id) = HeaderValue::from_str(&answer.apns_id) {
        response.headers_mut().insert("apns-id", id);
    }
    response
}

fn refused(status: u16, reason: &str) -> Reply {
    Reply::Answer(json_response(status, &json!({ "reason": reason })))
}
