//! What NanoMDM's answers mean (its `api` package: 200 all good, 207 some failed, 500 all failed; with
//! one enrolment a request, only 200 and 500 come, but nothing relies on it).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::outcome::{ChannelDown, Handed, Outcome, Rejection};
use crate::domain::task::NOT_WOKEN;
use crate::domain::time::Span;
use crate::domain::words::foreign_without_urls;

const SERVER_TROUBLE: Span = Span::minutes(1);

/// One answer, read but not judged.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub status: u16,
    pub retry_after: Option<Span>,
    /// `None` when the body was too long or was not NanoMDM's JSON.
    pub result: Option<ApiResult>,
}

/// The body; every key is optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ApiResult {
    status: BTreeMap<String, PerEnrollment>,
    push_error: Option<String>,
    command_error: Option<String>,
    no_push: bool,
    command_uuid: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PerEnrollment {
    push_result: Option<String>,
    push_error: Option<String>,
    command_error: Option<String>,
}

impl Answer {
    pub fn read(status: u16, retry_after: Option<Span>, body: Option<&[u8]>) -> Self {
        let result = body.and_then(|b| serde_json::from_slice(b).ok());
        Self { status, retry_after, result }
    }
}

/// Whether the command is at the server, and whether the device was woken for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Enqueued {
    Judged(Handed),
    /// The server had the command from an earlier attempt, and then pushes nothing.
    HeldAlready,
}

/// Judges the answer to `enqueue` of one command for one enrolment.
pub(super) fn enqueued(answer: &Answer, enrollment: &str, command_uuid: &str) -> Enqueued {
    let Some(result) = judge_common(answer) else {
        return Enqueued::Judged(not_nanomdm(answer));
    };
    let result = match result {
        Ok(result) => result,
        Err(down) => return Enqueued::Judged(Err(down)),
    };
    let one = result.status.get(enrollment);
    // The key-value store files an enrolment's error under the command's id.
    let command_error = [
        result.command_error.as_ref(),
        one.and_then(|o| o.command_error.as_ref()),
        result.status.get(command_uuid).and_then(|o| o.command_error.as_ref()),
    ];
    if let Some(error) = command_error.into_iter().flatten().next() {
        return command_failed(error, answer.retry_after);
    }
    if !result.command_uuid.as_deref().is_some_and(|uuid| uuid.eq_ignore_ascii_case(command_uuid)) {
        // An empty body is no error to NanoMDM: it pushes and queues nothing.
        return Enqueued::Judged(Ok(Outcome::Deferred {
            retry_after: answer.retry_after,
            words: format!("HTTP {}: the server did not confirm the command; it will be sent again", answer.status),
        }));
    }
    let push_error = result.push_error.as_ref().or(one.and_then(|o| o.push_error.as_ref()));
    let words = match (push_error, one.and_then(|o| o.push_result.as_ref())) {
        // Queued all the same: the device takes it when it next comes by.
        (Some(error), _) if is_dead(error) => {
            // When Apple noticed, in milliseconds, tells nobody anything.
            let error = error.split(": timestamp ").next().unwrap_or_default();
            format!("{NOT_WOKEN}: {}{GONE}", foreign_without_urls(error))
        }
        (Some(error), _) => format!("{NOT_WOKEN}: {}", foreign_without_urls(error)),
        (None, Some(id)) => format!("queued and woken (push {})", foreign_without_urls(id)),
        (None, None) if result.no_push => "queued; the server sends no wake-ups".to_owned(),
        (None, None) => "queued".to_owned(),
    };
    Enqueued::Judged(Ok(Outcome::Accepted { words }))
}

/// Judges the answer to `push` for one enrolment.
pub(super) fn woken(answer: &Answer, enrollment: &str) -> Handed {
    let Some(result) = judge_common(answer) else {
        return not_nanomdm(answer);
    };
    let result = result?;
    let one = result.status.get(enrollment);
    if let Some(error) = result.push_error.as_ref().or(one.and_then(|o| o.push_error.as_ref())) {
        let words = foreign_without_urls(error);
        return Ok(if is_dead(error) {
            Outcome::Rejected { why: Rejection::TargetDead, words }
        } else {
            Outcome::Deferred { retry_after: answer.retry_after, words }
        });
    }
    match one.and_then(|o| o.push_result.as_ref()) {
        Some(id) => Ok(Outcome::Accepted { words: format!("woken (push {})", foreign_without_urls(id)) }),
        None => Ok(Outcome::Deferred {
            retry_after: answer.retry_after,
            words: format!("HTTP {}: the server did not say that it woke the device", answer.status),
        }),
    }
}

/// What a dead push token mostly means, for whoever reads it.
const GONE: &str = " (the device was erased, or its MDM profile removed, unless it enrols again)";

/// Whether Apple has ended the device's push token until its next TokenUpdate. The words are those of
/// NanoMDM's own APNs client.
fn is_dead(push_error: &str) -> bool {
    ["Unregistered", "BadDeviceToken", "ExpiredToken"].iter().any(|reason| push_error.contains(reason))
}

/// Whether NanoMDM answered and knows us, whatever it says of the enrolment. Otherwise what its answer
/// would mean for a delivery.
pub(super) fn recognised(answer: &Answer) -> Result<Option<Outcome>, ChannelDown> {
    match judge_common(answer) {
        Some(known) => known.map(|_| None),
        None => not_nanomdm(answer).map(Some),
    }
}

/// What holds for every request: who we are, and whether NanoMDM answers at all. `None`: it doesn't.
fn judge_common(answer: &Answer) -> Option<Result<&ApiResult, ChannelDown>> {
    if answer.status == 401 || answer.status == 403 {
        return Some(Err(ChannelDown {
            what: format!("the MDM server refuses our API key (HTTP {})", answer.status),
            remedy: "check mdm.api_key in site.toml against the server's -api".to_owned(),
            retry_after: None,
        }));
    }
    match answer.status {
        200 | 207 | 500 => answer.result.as_ref().map(Ok),
        _ => None,
    }
}

/// Some other server answered, or something in between.
fn not_nanomdm(answer: &Answer) -> Handed {
    let status = answer.status;
    if status == 429 || status >= 500 {
        return Ok(Outcome::Deferred {
            retry_after: answer.retry_after.or(Some(SERVER_TROUBLE)),
            words: format!("HTTP {status} from the MDM server"),
        });
    }
    Err(ChannelDown {
        what: format!("mdm.url does not answer like NanoMDM (HTTP {status})"),
        remedy: "check mdm.url in site.toml: it is the server's base address, such as http://127.0.0.1:9000".to_owned(),
        retry_after: answer.retry_after.or(Some(Span::minutes(15))),
    })
}

fn command_failed(error: &str, retry_after: Option<Span>) -> Enqueued {
    let said = error.to_lowercase();
    let any = |list: &[&str]| list.iter().any(|part| said.contains(part));
    let words = foreign_without_urls(error);
    // The key-value store's words, then those of MySQL and PostgreSQL for a used key.
    if any(&["already exists", "duplicate entry", "duplicate key"]) {
        return Enqueued::HeldAlready;
    }
    if any(&["invalid command", "decoding command"]) {
        return Enqueued::Judged(Ok(Outcome::Rejected { why: Rejection::Refused, words }));
    }
    // The SQL stores know their enrolments; one that enrols later can still be served.
    let words =
        if said.contains("foreign key") { format!("the MDM server does not know this enrolment yet: {words}") } else { words };
    Enqueued::Judged(Ok(Outcome::Deferred { retry_after, words }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "470E005B-17C1:F151140B";
    const UUID: &str = "7f0c2f7e-4b0a-4d0e-9c55-2d0a6f6a1b01";

    fn say(handed: &Handed) -> String {
        match handed {
            Ok(Outcome::Accepted { words }) => format!("accepted: {words}"),
            Ok(Outcome::Deferred { words, .. }) => format!("deferred: {words}"),
            Ok(Outcome::Rejected { why, words }) => format!("{why:?}: {words}"),
            Ok(Outcome::Doubtful { words }) => format!("doubtful: {words}"),
            Err(down) => format!("down: {}", down.what),
        }
    }

    fn enqueue(status: u16, body: &str) -> String {
        let body = body.replace("ID", ID).replace("CMD", UUID);
        match enqueued(&Answer::read(status, None, Some(body.as_bytes())), ID, UUID) {
            Enqueued::Judged(handed) => say(&handed),
            Enqueued::HeldAlready => "held already".to_owned(),
        }
    }

    #[test]
    fn every_form_of_an_enqueue_answer() {
        let gone = "push HTTP status: 410: APNs push error: Unregistered: timestamp 1931000000000";
        let short = "push HTTP status: 410: APNs push error: Unregistered";
        let cases: &[(u16, String, String)] = &[
            (
                200,
                r#"{"status":{"ID":{"push_result":"8B16"}},"command_uuid":"CMD","request_type":"InviteToProgram"}"#.into(),
                "accepted: queued and woken (push 8B16)".into(),
            ),
            (200, r#"{"no_push":true,"command_uuid":"CMD"}"#.into(), "accepted: queued; the server sends no wake-ups".into()),
            (200, r#"{"command_uuid":"CMD"}"#.into(), "accepted: queued".into()),
            (
                207,
                format!(r#"{{"status":{{"ID":{{"push_error":"{gone}"}}}},"command_uuid":"CMD"}}"#),
                format!("accepted: queued; the wake-up failed: {short}{GONE}"),
            ),
            (
                500,
                format!(r#"{{"status":{{"ID":{{"push_error":"{gone}"}}}},"command_uuid":"CMD"}}"#),
                format!("accepted: queued; the wake-up failed: {short}{GONE}"),
            ),
            (
                500,
                r#"{"status":{"ID":{"push_error":"push data missing for id"}},"command_uuid":"CMD"}"#.into(),
                "accepted: queued; the wake-up failed: push data missing for id".into(),
            ),
            (
                500,
                r#"{"push_error":"no certificate","command_uuid":"CMD"}"#.into(),
                "accepted: queued; the wake-up failed: no certificate".into(),
            ),
            (500, r#"{"command_error":"command already exists: CMD","command_uuid":"CMD"}"#.into(), "held already".into()),
            (500, r#"{"command_error":"Error 1062 (23000): Duplicate entry 'CMD' for key"}"#.into(), "held already".into()),
            (500, r#"{"command_error":"pq: duplicate key value violates unique constraint"}"#.into(), "held already".into()),
            (
                500,
                r#"{"command_error":"decoding command: invalid command"}"#.into(),
                "Refused: decoding command: invalid command".into(),
            ),
            (500, r#"{"command_error":"disk full"}"#.into(), "deferred: disk full".into()),
            (
                500,
                r#"{"command_error":"a foreign key constraint fails","command_uuid":"CMD"}"#.into(),
                "deferred: the MDM server does not know this enrolment yet: a foreign key constraint fails".into(),
            ),
            (
                500,
                r#"{"status":{"ID":{"command_error":"enqueue failed"}},"command_uuid":"CMD"}"#.into(),
                "deferred: enqueue failed".into(),
            ),
            (
                500,
                r#"{"status":{"CMD":{"command_error":"enqueue for CMD: io"}},"command_uuid":"CMD"}"#.into(),
                format!("deferred: enqueue for {UUID}: io"),
            ),
            (
                200,
                r#"{"status":{"ID":{"push_result":"8B16"}}}"#.into(),
                "deferred: HTTP 200: the server did not confirm the command; it will be sent again".into(),
            ),
            (
                200,
                r#"{"command_uuid":"other"}"#.into(),
                "deferred: HTTP 200: the server did not confirm the command; it will be sent again".into(),
            ),
            (
                500,
                r#"{"command_error":"bad URL https://buy.example/?inviteCode=abc"}"#.into(),
                "deferred: bad URL [address]".into(),
            ),
            (401, "Unauthorized".into(), "down: the MDM server refuses our API key (HTTP 401)".into()),
            (404, "404 page not found".into(), "down: mdm.url does not answer like NanoMDM (HTTP 404)".into()),
            (200, "<html>Welcome</html>".into(), "down: mdm.url does not answer like NanoMDM (HTTP 200)".into()),
            (302, "".into(), "down: mdm.url does not answer like NanoMDM (HTTP 302)".into()),
            (500, "Internal Server Error".into(), "deferred: HTTP 500 from the MDM server".into()),
            (502, "<html>Bad Gateway</html>".into(), "deferred: HTTP 502 from the MDM server".into()),
            (429, "".into(), "deferred: HTTP 429 from the MDM server".into()),
        ];
        for (status, body, expect) in cases {
            assert_eq!(&enqueue(*status, body), expect, "{status} {body}");
        }
    }

    #[test]
    fn every_form_of_a_push_answer() {
        let push = |status, body: &str| say(&woken(&Answer::read(status, None, Some(body.replace("ID", ID).as_bytes())), ID));
        let cases = [
            (200, r#"{"status":{"ID":{"push_result":"8B16"}}}"#, "accepted: woken (push 8B16)"),
            (200, "{}", "deferred: HTTP 200: the server did not say that it woke the device"),
            (
                500,
                r#"{"status":{"ID":{"push_error":"push HTTP status: 410: APNs push error: Unregistered"}}}"#,
                "TargetDead: push HTTP status: 410: APNs push error: Unregistered",
            ),
            (500, r#"{"status":{"ID":{"push_error":"push data missing for id"}}}"#, "deferred: push data missing for id"),
            (500, r#"{"push_error":"certificate expired"}"#, "deferred: certificate expired"),
            (401, "", "down: the MDM server refuses our API key (HTTP 401)"),
            (503, "", "deferred: HTTP 503 from the MDM server"),
        ];
        for (status, body, expect) in cases {
            assert_eq!(push(status, body), expect, "{body}");
        }
    }

    #[test]
    fn hostile_json_is_an_answer_like_any_other() {
        let deep = "[".repeat(100_000);
        for body in [deep.as_str(), "{\"status\":3}", "{\"status\":{\"a\":null}}", "null", "\u{0}", "{\"push_error\":{\"a\":1}}"]
        {
            assert!(enqueue(200, body).starts_with("down:"), "{body:.20}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_judged(status in 100u16..600, body: Vec<u8>, error in ".*") {
            let read = Answer::read(status, None, Some(&body));
            let _ = enqueued(&read, ID, UUID);
            let _ = woken(&read, ID);
            let body = serde_json::json!({ "command_error": error }).to_string();
            let _ = enqueued(&Answer::read(500, None, Some(body.as_bytes())), ID, UUID);
        }
    }
}
