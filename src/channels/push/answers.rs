//! What each answer of APNs means for one notification, and for the connection that brought it.
//!
//! From Apple's "Handling notification responses from APNs"; a reason that Apple invents later is
//! judged by its HTTP status.

use serde::Deserialize;

use crate::domain::outcome::{ChannelDown, Handed, Outcome, Rejection};
use crate::domain::time::{Span, from_millis};
use crate::domain::words::foreign;

/// Apple's delay after `InternalServerError` and 503.
const SERVER_TROUBLE: Span = Span::minutes(15);
/// A provider token may be renewed once in this time (`TooManyProviderTokenUpdates`).
pub(super) const TOKEN_PACE: Span = Span::minutes(20);
/// What one device token that gets too many pushes has to wait.
const TOO_MANY_FOR_ONE_DEVICE: Span = Span::minutes(5);

/// One answer, read but not judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub status: u16,
    /// Apple's word for what was wrong; absent on 200, and from servers that aren't APNs.
    pub reason: Option<String>,
    /// With 410: since when the token is dead, in milliseconds since the epoch.
    pub timestamp_ms: Option<i64>,
    pub retry_after: Option<Span>,
    /// The id that APNs knows the notification by.
    pub apns_id: Option<String>,
}

/// What the connection and the notification need next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: the answer stands.
    Stands,
    /// The answer stands, and the next notification takes a new connection.
    Reconnect,
    /// The notification wasn't looked at: send it again over a new connection.
    Resend,
    /// The provider token is too old: send it again with a new one.
    RenewToken,
}

/// The body of an error: `{"reason": …, "timestamp": …}`.
#[derive(Deserialize)]
struct ErrorBody {
    reason: String,
    timestamp: Option<i64>,
}

/// Reads `reason` and `timestamp` from an answer's body; anything else than Apple's form is no reason.
pub(super) fn read_body(body: &[u8]) -> (Option<String>, Option<i64>) {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(error) => (Some(foreign(&error.reason)), error.timestamp),
        Err(_) => (None, None),
    }
}

pub(super) fn next(answer: &Answer) -> Next {
    match (answer.status, answer.reason.as_deref()) {
        (400, Some("IdleTimeout")) => Next::Resend,
        (403, Some("ExpiredProviderToken")) => Next::RenewToken,
        (503, _)
        | (
            _,
            Some(
                "Shutdown"
                | "UnrelatedKeyIdInToken"
                | "BadCertificate"
                | "BadCertificateEnvironment"
                | "BadEnvironmentKeyIdInToken",
            ),
        ) => Next::Reconnect,
        _ => Next::Stands,
    }
}

/// The outcome of an answer. Device, message, credentials and server are told apart here, and nowhere else.
pub(super) fn handed(answer: &Answer) -> Handed {
    let reason = answer.reason.as_deref();
    if answer.status == 200 {
        let id = answer.apns_id.as_deref().map(foreign).unwrap_or_default();
        return Ok(Outcome::Accepted { words: if id.is_empty() { "200".to_owned() } else { format!("200 apns-id {id}") } });
    }
    let words = match reason {
        Some(reason) => format!("{} {reason}", answer.status),
        None => format!("{} without a reason", answer.status),
    };
    let wait = |span: Span| Some(answer.retry_after.unwrap_or(span));
    if let Some(down) = reason.and_then(|r| credentials_or_configuration(r, &words)) {
        return Err(down);
    }
    match (answer.status, reason) {
        (410, _) => Ok(dead(match answer.timestamp_ms {
            Some(ms) => format!("{words}: the token is dead since {}", from_millis(ms).format("%Y-%m-%d %H:%M:%S UTC")),
            None => words,
        })),
        (400, Some("BadDeviceToken")) => {
            Ok(dead(format!("{words}: no token of this environment (production or development) and topic")))
        }
        (400, Some("DeviceTokenNotForTopic")) => {
            Ok(refused(format!("{words}: the token belongs to another app or MDM certificate")))
        }
        (400, Some("IdleTimeout")) => Ok(Outcome::Deferred { retry_after: answer.retry_after, words }),
        (429, Some("TooManyProviderTokenUpdates")) => Err(down(
            format!("APNs says the provider token is renewed too often ({words})"),
            "wait: nothing has to be renewed. If it stays, another program signs with the same key".to_owned(),
            wait(TOKEN_PACE),
        )),
        (429, _) => Ok(Outcome::Deferred { retry_after: wait(TOO_MANY_FOR_ONE_DEVICE), words }),
        (500..=599, _) => Ok(Outcome::Deferred { retry_after: wait(SERVER_TROUBLE), words }),
        // APNs gives a reason with every refusal. Without one, some other server answers, and a
        // queue must not be emptied into it.
        (_, None) => Err(down(
            format!("the push endpoint does not answer like APNs (HTTP {})", answer.status),
            "check push.endpoint in site.toml: https://api.push.apple.com:443 is Apple's".to_owned(),
            wait(SERVER_TROUBLE),
        )),
        (403, Some("Forbidden")) => Ok(refused(words)),
        // An unknown 403 is more likely about us than about the device: keep the notification.
        (403, Some(_)) => Ok(Outcome::Deferred { retry_after: wait(SERVER_TROUBLE), words }),
        (400..=499, Some(_)) => Ok(refused(words)),
        (_, Some(_)) => Ok(Outcome::Deferred { retry_after: wait(SERVER_TROUBLE), words }),
    }
}

/// The channel's own failure behind `reason`, if it is one: repeating any notification would meet it again.
pub(super) fn credentials_or_configuration(reason: &str, words: &str) -> Option<ChannelDown> {
    let (what, remedy) = match reason {
        "BadCertificate" => (
            "APNs refuses the push certificate",
            "renew it at identity.apple.com/pushcert with the same Apple Account (so that the topic stays), put it at push.certificate and restart",
        ),
        "BadCertificateEnvironment" => (
            "the push certificate is for the other environment",
            "use a production certificate with api.push.apple.com, or a development one with api.sandbox.push.apple.com (push.endpoint)",
        ),
        "BadTopic" | "MissingTopic" | "TopicDisallowed" => (
            "APNs does not take this topic from these credentials",
            "check that push.certificate (or push.key) belongs to the MDM server or app whose tokens the site holds",
        ),
        "MissingProviderToken" => (
            "APNs saw neither a client certificate nor a provider token",
            "check push.certificate, or push.key with key_id and team_id; a proxy that ends TLS in between also has this effect",
        ),
        "InvalidProviderToken" => (
            "APNs refuses the provider token",
            "check that push.key, key_id and team_id belong together and that the key is not revoked",
        ),
        "ExpiredProviderToken" => ("APNs finds the provider token too old, though it is new", "check this machine's clock"),
        "UnrelatedKeyIdInToken" => (
            "the key of the provider token is of another team or app than the connection's first one",
            "check push.key and key_id: they must belong to the team in team_id",
        ),
        "BadEnvironmentKeyIdInToken" => (
            "the push key is for the other environment",
            "use a key for production with api.push.apple.com, or one for the sandbox with api.sandbox.push.apple.com (push.endpoint)",
        ),
        _ => return None,
    };
    Some(down(format!("{what} ({words})"), remedy.to_owned(), None))
}

pub(super) fn down(what: String, remedy: String, retry_after: Option<Span>) -> ChannelDown {
    ChannelDown { what, remedy, retry_after }
}

fn dead(words: String) -> Outcome {
    Outcome::Rejected { why: Rejection::TargetDead, words }
}

fn refused(words: String) -> Outcome {
    Outcome::Rejected { why: Rejection::Refused, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row of Apple's table, then what Apple may say one day.
    const ROWS: &str = "\
200 - -> accepted, stands
400 BadDeviceToken -> target dead, stands
400 DeviceTokenNotForTopic -> refused, stands
400 BadTopic -> channel down until renewed, stands
400 MissingTopic -> channel down until renewed, stands
400 TopicDisallowed -> channel down until renewed, stands
400 BadCollapseId -> refused, stands
400 BadExpirationDate -> refused, stands
400 BadMessageId -> refused, stands
400 BadPriority -> refused, stands
400 DuplicateHeaders -> refused, stands
400 InvalidPushType -> refused, stands
400 MissingDeviceToken -> refused, stands
400 PayloadEmpty -> refused, stands
400 IdleTimeout -> deferred, resend
403 BadCertificate -> channel down until renewed, reconnect
403 BadCertificateEnvironment -> channel down until renewed, reconnect
403 Forbidden -> refused, stands
403 ExpiredProviderToken -> channel down until renewed, renewtoken
403 InvalidProviderToken -> channel down until renewed, stands
403 MissingProviderToken -> channel down until renewed, stands
403 UnrelatedKeyIdInToken -> channel down until renewed, reconnect
403 BadEnvironmentKeyIdInToken -> channel down until renewed, reconnect
404 BadPath -> refused, stands
405 MethodNotAllowed -> refused, stands
410 Unregistered -> target dead, stands
410 ExpiredToken -> target dead, stands
413 PayloadTooLarge -> refused, stands
429 TooManyRequests -> deferred 5 minutes, stands
429 TooManyProviderTokenUpdates -> channel down 20 minutes, stands
500 InternalServerError -> deferred 15 minutes, stands
503 ServiceUnavailable -> deferred 15 minutes, reconnect
503 Shutdown -> deferred 15 minutes, reconnect
400 NewReason -> refused, stands
403 NewReason -> deferred 15 minutes, stands
410 NewReason -> target dead, stands
429 NewReason -> deferred 5 minutes, stands
502 NewReason -> deferred 15 minutes, stands
302 NewReason -> deferred 15 minutes, stands
400 - -> channel down 15 minutes, stands
404 - -> channel down 15 minutes, stands
410 - -> target dead, stands
502 - -> deferred 15 minutes, stands
301 - -> channel down 15 minutes, stands
";

    fn say(handed: &Handed) -> String {
        let wait = |span: &Option<Span>| span.map(|s| format!(" {}", crate::domain::time::show_span(s))).unwrap_or_default();
        match handed {
            Ok(Outcome::Accepted { .. }) => "accepted".to_owned(),
            Ok(Outcome::Deferred { retry_after, .. }) => format!("deferred{}", wait(retry_after)),
            Ok(Outcome::Rejected { why: Rejection::TargetDead, .. }) => "target dead".to_owned(),
            Ok(Outcome::Rejected { why: Rejection::Refused, .. }) => "refused".to_owned(),
            Ok(Outcome::Doubtful { .. }) => "doubtful".to_owned(),
            Err(ChannelDown { retry_after: None, .. }) => "channel down until renewed".to_owned(),
            Err(ChannelDown { retry_after, .. }) => format!("channel down{}", wait(retry_after)),
        }
    }

    #[test]
    fn every_answer_of_apns_says_what_a_sender_must_do() {
        let mut table = String::new();
        for row in ROWS.lines() {
            let mut columns = row.split(' ');
            let status = columns.next().unwrap().parse().unwrap();
            let reason = columns.next().filter(|r| *r != "-").map(str::to_owned);
            let answer = Answer { status, reason: reason.clone(), ..Answer::default() };
            let next = format!("{:?}", next(&answer)).to_lowercase();
            table.push_str(&format!("{status} {} -> {}, {next}\n", reason.as_deref().unwrap_or("-"), say(&handed(&answer))));
        }
        assert_eq!(table, ROWS);
    }

    #[test]
    fn a_channel_that_is_down_says_what_to_do() {
        for row in ROWS.lines().filter(|r| r.contains("channel down")) {
            let mut columns = row.split(' ');
            let status = columns.next().unwrap().parse().unwrap();
            let reason = columns.next().filter(|r| *r != "-").map(str::to_owned);
            let down = handed(&Answer { status, reason, ..Answer::default() }).unwrap_err();
            assert!(down.remedy.len() > 20 && down.what.len() > 20, "{row}: {down:?}");
        }
    }

    #[test]
    fn a_dead_token_is_told_with_its_time() {
        let (reason, timestamp_ms) = read_body(br#"{"reason":"Unregistered","timestamp":1931000000000}"#);
        let answer = Answer { status: 410, reason, timestamp_ms, ..Answer::default() };
        let expect = "410 Unregistered: the token is dead since 2031-03-11 12:53:20 UTC".to_owned();
        assert_eq!(handed(&answer), Ok(Outcome::Rejected { why: Rejection::TargetDead, words: expect }));
    }

    #[test]
    fn retry_after_wins_over_our_own_delay() {
        for status in [429, 500, 503] {
            let answer =
                Answer { status, reason: Some("Anything".into()), retry_after: Some(Span::seconds(7)), ..Answer::default() };
            assert!(matches!(handed(&answer), Ok(Outcome::Deferred { retry_after: Some(s), .. }) if s == Span::seconds(7)));
        }
    }

    #[test]
    fn bodies_that_are_not_apples_give_no_reason() {
        for body in
            [&b""[..], b"<html>", b"{}", b"{\"reason\":3}", b"[\"reason\"]", b"{\"reason\":\"x\",\"timestamp\":\"y\"}", b"\xff"]
        {
            assert_eq!(read_body(body), (None, None), "{body:?}");
        }
        assert_eq!(read_body(b"{\"reason\":\"a\\u001b\\nb\"}").0.as_deref(), Some("a b"));
        // A clock of a thousand centuries is no reason to fall over.
        let (reason, timestamp_ms) = read_body(br#"{"reason":"Unregistered","timestamp":9223372036854775807}"#);
        assert!(handed(&Answer { status: 410, reason, timestamp_ms, ..Answer::default() }).is_ok());
    }
}
