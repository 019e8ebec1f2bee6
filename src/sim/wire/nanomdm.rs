//! NanoMDM's API over HTTP: `version`, `push` and `enqueue`.

use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, StatusCode, header};
use serde_json::{Map, Value, json};

use super::Shared;
use super::http::{Asked, Reply, Service, empty, header_of, json as json_response, percent_decoded};
use crate::sim::devices::EnrollmentId;
use crate::sim::faults::spend;
use crate::sim::mdm::{QueuedCommand, ServerAnswer};

pub(super) struct NanoMdmHttp {
    shared: Shared,
    /// What `Authorization` has to say.
    basic: String,
}

/// A command is a few hundred bytes; deeply nested lists overflow a property list parser's stack.
const COMMAND_BYTES_MAX: usize = 256 * 1024;
const COMMAND_DEPTH_MAX: usize = 32;

impl NanoMdmHttp {
    pub fn new(shared: Shared, api_key: String) -> Self {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("nanomdm:{api_key}"));
        Self { shared, basic: format!("Basic {pair}") }
    }

    fn respond(&self, request: &Request<Bytes>) -> Reply {
        let (down, refuse_key) = self.shared.at_now(|world, _| (world.mdm.faults.down, world.mdm.faults.refuse_key));
        if down {
            return Reply::LineDrops;
        }
        let path = request.uri().path();
        if path == "/version" {
            return Reply::Answer(json_response(200, &json!({ "version": "v0.8.0-simulated" })));
        }
        if refuse_key || header_of(request, header::AUTHORIZATION.as_str()) != Some(&self.basic) {
            let mut response = empty(StatusCode::UNAUTHORIZED);
            let realm = HeaderValue::from_static("Basic realm=\"nanomdm\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
            return Reply::Answer(response);
        }
        if let Some(ids) = path.strip_prefix("/v1/push/") {
            return self.push(&ids_of(ids));
        }
        if let Some(ids) = path.strip_prefix("/v1/enqueue/") {
            return self.enqueue(&ids_of(ids), request);
        }
        Reply::Answer(empty(StatusCode::NOT_FOUND))
    }

    fn push(&self, ids: &[EnrollmentId]) -> Reply {
        let answer = self.shared.at_now(|world, now| world.mdm.push(now, ids));
        Reply::Answer(json_response(answer.http(), &body(&answer)))
    }

    fn enqueue(&self, ids: &[EnrollmentId], request: &Request<Bytes>) -> Reply {
        if request.body().is_empty() {
            // No error to NanoMDM: it pushes, and queues nothing.
            return self.push(ids);
        }
        let push = !request.uri().query().unwrap_or_default().split('&').any(|pair| pair.starts_with("nopush="));
        let Some(command) = command(request.body()) else {
            let answer = ServerAnswer { command_error: Some("invalid command".to_owned()), ..ServerAnswer::default() };
            return Reply::Answer(json_response(500, &body(&answer)));
        };
        let (answer, drops) = self.shared.at_now(|world, now| {
            let answer = world.mdm.enqueue(now, ids, &command, push);
            (answer, spend(&mut world.mdm.faults.drop_after_acting))
        });
        if drops { Reply::LineDrops } else { Reply::Answer(json_response(answer.http(), &body(&answer))) }
    }
}

impl Service for NanoMdmHttp {
    fn answer(self: Arc<Self>, asked: Asked) -> BoxFuture<'static, Reply> {
        Box::pin(async move { self.respond(&asked.request) })
    }
}

fn ids_of(path: &str) -> Vec<EnrollmentId> {
    path.split(',').map(percent_decoded).filter(|id| !id.is_empty()).map(EnrollmentId).collect()
}

fn command(xml: &[u8]) -> Option<QueuedCommand> {
    if xml.len() > COMMAND_BYTES_MAX || xml.starts_with(b"bplist") || depth(xml) > COMMAND_DEPTH_MAX {
        return None;
    }
    let value = plist::Value::from_reader_xml(xml).ok()?;
    let outer = value.as_dictionary()?;
    let inner = outer.get("Command")?.as_dictionary()?;
    let text = |dictionary: &plist::Dictionary, key: &str| {
        dictionary.get(key).and_then(plist::Value::as_string).unwrap_or_default().to_owned()
    };
    Some(QueuedCommand::new(
        text(outer, "CommandUUID"),
        text(inner, "RequestType"),
        text(inner, "ProgramID"),
        text(inner, "InvitationURL"),
    ))
}

/// How deep elements are nested, at most; counted before anything is parsed.
fn depth(xml: &[u8]) -> usize {
    let (mut now, mut most) = (0_usize, 0_usize);
    for (at, _) in xml.iter().enumerate().filter(|(_, c)| **c == b'<') {
        let rest = xml.get(at + 1..).unwrap_or_default();
        let end = rest.iter().position(|c| *c == b'>').unwrap_or(rest.len());
        let tag = rest.get(..end).unwrap_or_default();
        match tag.first() {
            Some(b'/') => now = now.saturating_sub(1),
            Some(b'?' | b'!') | None => {}
            Some(_) if tag.last() == Some(&b'/') => {}
            Some(_) => now += 1,
        }
        most = most.max(now);
    }
    most
}

fn body(answer: &ServerAnswer) -> Value {
    let mut map = Map::new();
    let mut put = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            map.insert(name.to_owned(), Value::from(value.as_str()));
        }
    };
    put("command_error", &answer.command_error);
    put("command_uuid", &answer.command_uuid);
    put("request_type", &answer.request_type);
    if answer.no_push {
        map.insert("no_push".to_owned(), Value::from(true));
    }
    if !answer.status.is_empty() {
        let status: Map<String, Value> = answer
            .status
            .iter()
            .map(|(id, one)| {
                let parts =
                    [("push_result", &one.push_result), ("push_error", &one.push_error), ("command_error", &one.command_error)];
                let parts = parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value.as_deref()?))));
                (id.clone(), Value::from(parts.collect::<Map<_, _>>()))
            })
            .collect();
        map.insert("status".to_owned(), Value::from(status));
    }
    Value::from(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_commands_are_refused_before_they_are_parsed() {
        let nested =
            format!("<plist><dict><key>Command</key>{}{}</dict></plist>", "<array>".repeat(20_000), "</array>".repeat(20_000));
        assert!(depth(nested.as_bytes()) > COMMAND_DEPTH_MAX);
        assert!(command(nested.as_bytes()).is_none());
        for bad in ["", "<plist>", "<plist><dict/></plist>", "bplist00", "hello"] {
            assert!(command(bad.as_bytes()).is_none(), "{bad}");
        }
        let good = "<?xml version=\"1.0\"?><plist><dict><key>CommandUUID</key><string>c1</string><key>Command</key><dict>\
                    <key>RequestType</key><string>InviteToProgram</string><key>InvitationURL</key>\
                    <string>https://x/?a=1&amp;b=2</string></dict></dict></plist>";
        let read = command(good.as_bytes()).unwrap();
        assert_eq!((read.uuid.as_str(), read.invitation_url.as_str()), ("c1", "https://x/?a=1&b=2"));
    }
}
