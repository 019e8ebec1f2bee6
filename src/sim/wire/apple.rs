//! Apps and Books over HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, Request, header};
use serde_json::{Value, json};

use super::apple_json::{self, ClientConfigBody, LicencesBody, UsersBody};
use super::http::{Asked, Reply, Service, header_of, json as json_response, query};
use super::{Shared, stepper};
use crate::domain::time::Timestamp;
use crate::ports::apps_and_books::UserQuery;
use crate::sim::World;
use crate::sim::apple::{AppleError, Call, EventKind, Fate, Holders, Refusal, Subscription};

pub(super) struct AppleHttp {
    shared: Shared,
}

/// What is asked, by path and method.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    ServiceConfig,
    ReadConfig,
    WriteConfig,
    Users,
    ChangeUsers(EventKind),
    Status,
    Assets,
    Assignments,
    Licences(EventKind),
}

impl AppleHttp {
    pub fn new(shared: Shared) -> Self {
        Self { shared }
    }

    async fn respond(&self, request: Request<Bytes>) -> Reply {
        let what = match route(&request) {
            Ok(what) => what,
            Err(error) => return failed(&error),
        };
        if what == What::ServiceConfig {
            let body = self.shared.at_now(|world, _| apple_json::service_config(&world.apple.config));
            return Reply::Answer(json_response(200, &body));
        }
        let token = match bearer(&request) {
            Ok(token) => token,
            Err(error) => return failed(&error),
        };
        let writes = request.method() == Method::POST;
        let entered = self.shared.at_now(|world, now| world.apple.enter(now, &token, writes));
        let call = match entered {
            Ok(call) => call,
            Err(Refusal::Answer(error)) => return failed(&error),
            Err(Refusal::LineDrops) => return Reply::LineDrops,
        };
        let answer = if what == What::WriteConfig {
            self.write_config(&call, &request).await
        } else {
            self.shared.at_now(|world, now| act(world, now, &call, what, &request))
        };
        let body = answer.map(|body| {
            let view = self.shared.at_now(|world, now| world.apple.view(now, &call));
            apple_json::with_common(body, &view)
        });
        let fate = call.fate;
        if let Some(slow) = call.slow {
            self.shared.clock.wait_until(self.shared.clock.now() + slow).await;
        }
        drop(call);
        match (fate, body) {
            (Fate::LineDrops, _) => Reply::LineDrops,
            (Fate::Answered, Ok(body)) => Reply::Answer(json_response(200, &body)),
            (Fate::Answered, Err(error)) => failed(&error),
        }
    }

    /// `POST client/config`: a notification URL is called before anything is taken.
    async fn write_config(&self, call: &Call, request: &Request<Bytes>) -> Result<Value, AppleError> {
        let body: ClientConfigBody = parsed(request)?;
        let owner = body.owner()?;
        let subscription = match (&body.notification_url, &body.notification_auth_token) {
            (None, None) => None,
            (url, token) => {
                self.shared.at_now(|world, _| world.apple.check_subscription(url.as_deref(), token.as_deref()))?;
                Some(Subscription {
                    url: url.clone().unwrap_or_default(),
                    auth_token: token.clone().unwrap_or_default(),
                    types: body.notification_types.clone().unwrap_or_default(),
                })
            }
        };
        if let Some(to) = subscription {
            let test = self.shared.at_now(|world, now| world.apple.test_notification(now, call, to.clone()));
            if !stepper::post_notification(&test).await {
                return Err(AppleError::new(9728));
            }
            self.shared.at_now(|world, _| world.apple.subscribe(call, to));
        }
        self.shared.at_now(|world, now| {
            owner.map_or(Ok(()), |owner| world.apple.claim(call, owner))?;
            Ok(apple_json::client_config(&world.apple.view(now, call)))
        })
    }
}

impl Service for AppleHttp {
    fn answer(self: Arc<Self>, asked: Asked) -> BoxFuture<'static, Reply> {
        Box::pin(async move { self.respond(asked.request).await })
    }
}

fn route(request: &Request<Bytes>) -> Result<What, AppleError> {
    let path = request.uri().path().strip_prefix("/mdm/v2").ok_or(AppleError::new(9634))?;
    let (get, post) = match path {
        "/service/config" => (Some(What::ServiceConfig), None),
        "/client/config" => (Some(What::ReadConfig), Some(What::WriteConfig)),
        "/users" => (Some(What::Users), None),
        "/users/create" => (None, Some(What::ChangeUsers(EventKind::Create))),
        "/users/update" => (None, Some(What::ChangeUsers(EventKind::Update))),
        "/users/retire" => (None, Some(What::ChangeUsers(EventKind::Retire))),
        "/status" => (Some(What::Status), None),
        "/assets" => (Some(What::Assets), None),
        "/assets/associate" => (None, Some(What::Licences(EventKind::Associate))),
        "/assets/disassociate" => (None, Some(What::Licences(EventKind::Disassociate))),
        "/assets/revoke" => (None, Some(What::Licences(EventKind::Revoke))),
        "/assignments" => (Some(What::Assignments), None),
        _ => return Err(AppleError::new(9634)),
    };
    if *request.method() == Method::GET {
        return get.ok_or(AppleError::new(9726));
    }
    let what = post.filter(|_| *request.method() == Method::POST).ok_or(AppleError::new(9726))?;
    let kind = header_of(request, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let is_json = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    if is_json { Ok(what) } else { Err(AppleError::new(9727)) }
}

fn bearer(request: &Request<Bytes>) -> Result<String, AppleError> {
    let value = header_of(request, header::AUTHORIZATION.as_str()).ok_or(AppleError::new(9601))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => Ok(token.trim().to_owned()),
        _ => Err(AppleError::new(9722)),
    }
}

fn act(world: &mut World, now: Timestamp, call: &Call, what: What, request: &Request<Bytes>) -> Result<Value, AppleError> {
    let query = query(request);
    match what {
        What::ServiceConfig | What::ReadConfig | What::WriteConfig => Ok(apple_json::client_config(&world.apple.view(now, call))),
        What::Users => {
            let wanted = UserQuery {
                client_user_id: query.get("clientUserId").cloned(),
                active_only: flag(&query, "activeOnly") || query.get("includeRetired").is_some_and(|v| v == "0"),
                since_version: query.get("sinceVersionId").cloned(),
                page: page(&query)?,
            };
            let answer = world.apple.users(call, &wanted, flag(&query, "retiredOnly"))?;
            Ok(apple_json::users(&answer, wanted.page.unwrap_or(0)))
        }
        What::ChangeUsers(kind) => {
            let body: UsersBody = parsed(request)?;
            let id = world.apple.change_users(now, call, kind, body.users())?;
            Ok(json!({ "eventId": id }))
        }
        What::Status => {
            let id = query.get("eventId").ok_or(AppleError::new(9708))?;
            Ok(apple_json::event(&world.apple.status(now, call, id)?))
        }
        What::Assets => {
            let mut assets = world.apple.assets(call, page(&query)?.unwrap_or(0))?.assets;
            let keep = |name: &str, value: &str| query.get(name).is_none_or(|wanted| wanted == value);
            assets.retain(|a| keep("adamId", &a.adam_id) && keep("productType", &a.kind) && keep("pricingParam", &a.pricing));
            Ok(apple_json::assets(&assets))
        }
        What::Assignments => {
            let (adam_id, user) = (query.get("adamId").map(String::as_str), query.get("clientUserId").map(String::as_str));
            let index = page(&query)?.unwrap_or(0);
            let (rows, next) = world.apple.assignments(call, adam_id, user, index)?;
            Ok(apple_json::assignments(&rows, index, next))
        }
        What::Licences(kind) => {
            let body: LicencesBody = parsed(request)?;
            let assets = body.adam_ids();
            let holders = Holders { client_user_ids: body.client_user_ids, serial_numbers: body.serial_numbers };
            let id = world.apple.change_licences(now, call, kind, assets, holders)?;
            Ok(json!({ "eventId": id }))
        }
    }
}

fn flag(query: &BTreeMap<String, String>, name: &str) -> bool {
    query.get(name).is_some_and(|value| value == "true" || value == "1")
}

fn page(query: &BTreeMap<String, String>) -> Result<Option<u32>, AppleError> {
    query.get("pageIndex").map(|text| text.parse().map_err(|_| AppleError::new(9650))).transpose()
}

fn parsed<T: serde::de::DeserializeOwned>(request: &Request<Bytes>) -> Result<T, AppleError> {
    serde_json::from_slice(request.body()).map_err(|_| AppleError::new(9602))
}

fn failed(error: &AppleError) -> Reply {
    let mut response = json_response(error.http, &apple_json::error(error));
    if let Some(value) = error.retry_after.and_then(|after| after.text().parse().ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    Reply::Answer(response)
}
