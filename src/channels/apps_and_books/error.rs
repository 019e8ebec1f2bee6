//! What Apple's refusals mean: a pure table from error number and HTTP status to what a caller does.
//!
//! Only the number counts where there is one; Apple's texts differ between pages for one number
//! (handling-error-responses). The words are for people, and hold no secret.

use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::time::{Span, show_span};
use crate::ports::apps_and_books::{CallError, CallErrorKind, Owner};

/// What an answer means for the request and for the token's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    TokenDead,
    /// 9603: Apple was slow; send again, a few times at once.
    Slow,
    /// Too fast, or an outage: wait, and for longer each time where Apple names no time.
    Busy,
    /// A server failed in the middle, without saying whether it acted.
    Broken,
    TooMany,
    StaleCursor,
    UnknownEvent,
    /// The endpoint has gone: `service/config` may know where.
    Moved,
    Refused,
    /// There is no answer that can be read.
    Lost,
}

/// Judges an answer that is an error by its number, where it has one, or by its HTTP status.
#[must_use]
pub fn verdict(number: Option<i32>, http: u16) -> Verdict {
    match number {
        Some(9601 | 9621 | 9622 | 9625) => Verdict::TokenDead,
        Some(9603) => Verdict::Slow,
        Some(9644 | 9646 | 9729) => Verdict::Busy,
        Some(9700..=9702 | 9714) => Verdict::TooMany,
        Some(9650 | 9721) => Verdict::StaleCursor,
        Some(9708) => Verdict::UnknownEvent,
        Some(9634) => Verdict::Moved,
        Some(n) if meaning(n).is_some() => Verdict::Refused,
        // A number that Apple has invented since.
        Some(_) => match http {
            401 => Verdict::TokenDead,
            429 | 500..=599 => Verdict::Busy,
            _ => Verdict::Refused,
        },
        None => match http {
            401 => Verdict::TokenDead,
            429 | 503 => Verdict::Busy,
            410 => Verdict::Moved,
            408 | 500..=599 => Verdict::Broken,
            300..=499 => Verdict::Refused,
            _ => Verdict::Lost,
        },
    }
}

/// What the caller is told. `wait` is how long the token's queue is closed now; `writes` is whether
/// the request would have changed something at Apple.
#[must_use]
pub fn kind(verdict: Verdict, writes: bool, wait: Span) -> CallErrorKind {
    match verdict {
        Verdict::TokenDead => CallErrorKind::TokenDead,
        Verdict::Slow | Verdict::Busy => CallErrorKind::Busy { retry_after: wait },
        Verdict::Broken if writes => CallErrorKind::Unknown,
        Verdict::Broken => CallErrorKind::Busy { retry_after: wait },
        Verdict::TooMany => CallErrorKind::TooMany,
        Verdict::StaleCursor => CallErrorKind::StaleCursor,
        Verdict::UnknownEvent => CallErrorKind::UnknownEvent,
        Verdict::Moved | Verdict::Refused => CallErrorKind::Refused,
        Verdict::Lost if writes => CallErrorKind::Unknown,
        Verdict::Lost => CallErrorKind::Unreachable,
    }
}

/// How a request ended that brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// There was no connection: nothing of the request has left.
    NotConnected,
    /// The request left, at least in part, and no whole answer came.
    NoAnswer,
    /// The answer was longer than any answer of Apple's.
    TooBig,
    /// The request could not be built.
    NotSent,
}

/// What the caller of a request without an answer is told.
#[must_use]
pub fn transport_kind(transport: Transport, writes: bool) -> CallErrorKind {
    match (transport, writes) {
        (Transport::NotConnected, _) | (Transport::NoAnswer, false) => CallErrorKind::Unreachable,
        (Transport::NoAnswer | Transport::TooBig, true) => CallErrorKind::Unknown,
        (Transport::TooBig, false) | (Transport::NotSent, _) => CallErrorKind::Refused,
    }
}

/// What a synchronous error number means, in our words.
fn meaning(number: i32) -> Option<&'static str> {
    Some(match number {
        9601 => "Apple asks for a content token that it knows",
        9602 => "Apple found an argument invalid",
        9603 => "Apple had an internal error",
        9609 => "Apple knows no such user",
        9621 => "the content token has expired",
        9622 => "Apple doesn't accept the content token",
        9623 => "Apple found a push token invalid",
        9625 => "the content token was revoked",
        9634 => "this service of Apple's has gone",
        9635 => "this Managed Apple Account can't be associated: it is unknown, or another organisation's",
        9637 => "Apple doesn't allow it for this kind of account",
        9641 => "this Apple Account is tied to another user",
        9644 => "Apple's service is in maintenance",
        9646 => "Apple had too many requests for this organisation",
        9647 => "Apple wants a content token of an organisational unit, not a legacy one",
        9650 => "Apple has no such page any more",
        9700..=9702 | 9714 => "there were too many rows for one request",
        9703..=9705 | 9715 => "the same row was in one request twice",
        9706 => "the asset can't be revoked",
        9707 => "the asset can't be assigned to devices",
        9708 => "Apple doesn't know the event",
        9709 => "there are not enough licences",
        9710..=9712 => "Apple refused the notification URL or its token",
        9713 | 9724 | 9725 => "the owner's id, name or metadata is too long for Apple",
        9716 => "a user with that clientUserId exists already",
        9717 => "Apple found a mail address invalid",
        9718..=9720 => "the request named no asset, user or device",
        9721 => "Apple doesn't know the version of the list",
        9722 => "Apple couldn't read the Authorization header",
        9723 => "the owner's id, name and metadata must come together",
        9726 => "Apple doesn't take this method here",
        9727 => "Apple doesn't take this content type",
        9728 => "Apple couldn't reach the notification URL",
        9729 => "Apple's service is unavailable for now",
        9811..=9818 => "Apple refused a subscription request",
        _ => return None,
    })
}

/// What `http` says where Apple's body says nothing.
fn http_words(http: u16) -> &'static str {
    match http {
        300..=399 => "it redirects to another address, which is never followed",
        401 => "the content token is not accepted",
        403 => "it is forbidden",
        404 | 410 => "there is nothing at this address",
        429 => "there were too many requests",
        500..=599 => "the server failed",
        _ => "the answer can't be read",
    }
}

/// Ours first, then Apple's own message in quotes where there is one.
#[must_use]
pub fn words(number: Option<i32>, http: u16, message: Option<&str>, bearer: &SecretString) -> String {
    let ours = match number {
        Some(n) => format!("{} (error {n})", meaning(n).unwrap_or("Apple answered an error that beckon doesn't know")),
        None => format!("Apps and Books answered HTTP {http}: {}", http_words(http)),
    };
    match message.map(|m| clean(m, bearer)).filter(|m| !m.is_empty()) {
        Some(theirs) => format!("{ours}: \"{theirs}\""),
        None => ours,
    }
}

/// Apple asked to wait, and `left` of it is left.
#[must_use]
pub fn still_blocked(left: Span) -> CallError {
    let whole_seconds = Span::seconds(left.num_seconds().saturating_add(1));
    CallError {
        kind: CallErrorKind::Busy { retry_after: left },
        number: None,
        words: format!("Apple asked to wait; nothing is sent for another {}", show_span(whole_seconds)),
        client_user_ids: Vec::new(),
    }
}

#[must_use]
pub fn not_ours(owner: &Owner) -> CallError {
    let name = if owner.name.is_empty() { &owner.id } else { &owner.name };
    CallError {
        kind: CallErrorKind::NotOurs(owner.clone()),
        number: None,
        words: format!("the unit is driven by \"{name}\" now, according to Apple"),
        client_user_ids: Vec::new(),
    }
}

/// Something that we refuse to send, or to believe.
#[must_use]
pub fn of(kind: CallErrorKind, words: impl Into<String>) -> CallError {
    CallError { kind, number: None, words: words.into(), client_user_ids: Vec::new() }
}

/// Foreign words fit for a log: bounded, on one line, and without anything that looks like a
/// secret. Tokens and codes are runs of 24 or more letters and digits; words and UUIDs are not.
#[must_use]
pub fn clean(text: &str, bearer: &SecretString) -> String {
    let start: String = text.chars().take(2_000).collect();
    let mut out = String::new();
    let mut run = String::new();
    for c in start.replace(bearer.expose_secret(), "…").chars().chain(std::iter::once(' ')) {
        if c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=') {
            run.push(c);
            continue;
        }
        if run.len() >= 24 {
            out.push('…');
        } else {
            out.push_str(&run);
        }
        run.clear();
        out.push(if c.is_control() || c.is_whitespace() { ' ' } else { c });
    }
    let words: Vec<&str> = out.split_whitespace().collect();
    words.join(" ").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row of the documented table, and the HTTP status that Apple documents for it.
    const TABLE: &[(i32, u16, Verdict)] = &[
        (9601, 401, Verdict::TokenDead),
        (9602, 400, Verdict::Refused),
        (9603, 500, Verdict::Slow),
        (9609, 400, Verdict::Refused),
        (9621, 401, Verdict::TokenDead),
        (9622, 401, Verdict::TokenDead),
        (9623, 400, Verdict::Refused),
        (9625, 401, Verdict::TokenDead),
        (9634, 410, Verdict::Moved),
        (9637, 403, Verdict::Refused),
        (9646, 429, Verdict::Busy),
        (9647, 403, Verdict::Refused),
        (9650, 400, Verdict::StaleCursor),
        (9700, 400, Verdict::TooMany),
        (9701, 400, Verdict::TooMany),
        (9702, 400, Verdict::TooMany),
        (9703, 400, Verdict::Refused),
        (9704, 400, Verdict::Refused),
        (9705, 400, Verdict::Refused),
        (9706, 400, Verdict::Refused),
        (9707, 400, Verdict::Refused),
        (9708, 400, Verdict::UnknownEvent),
        (9710, 400, Verdict::Refused),
        (9711, 400, Verdict::Refused),
        (9712, 400, Verdict::Refused),
        (9713, 400, Verdict::Refused),
        (9714, 400, Verdict::TooMany),
        (9715, 400, Verdict::Refused),
        (9717, 400, Verdict::Refused),
        (9718, 400, Verdict::Refused),
        (9719, 400, Verdict::Refused),
        (9720, 400, Verdict::Refused),
        (9721, 400, Verdict::StaleCursor),
        (9722, 401, Verdict::Refused),
        (9723, 400, Verdict::Refused),
        (9724, 400, Verdict::Refused),
        (9725, 400, Verdict::Refused),
        (9726, 405, Verdict::Refused),
        (9727, 415, Verdict::Refused),
        (9728, 400, Verdict::Refused),
        (9729, 503, Verdict::Busy),
        (9811, 400, Verdict::Refused),
        (9818, 400, Verdict::Refused),
        // Asynchronous in Apple's table; the same numbers in an answer mean the same.
        (9635, 400, Verdict::Refused),
        (9641, 400, Verdict::Refused),
        (9644, 503, Verdict::Busy),
        (9709, 400, Verdict::Refused),
        (9716, 400, Verdict::Refused),
    ];

    #[test]
    fn every_documented_number_also_inside_http_200() {
        for &(number, http, expected) in TABLE {
            assert_eq!(verdict(Some(number), http), expected, "{number} with HTTP {http}");
            assert_eq!(verdict(Some(number), 200), expected, "{number} inside HTTP 200");
            assert!(meaning(number).is_some(), "{number} has no words");
        }
    }

    #[test]
    fn without_a_number_the_http_status_decides() {
        for (http, expected) in [
            (200, Verdict::Lost),
            (204, Verdict::Lost),
            (301, Verdict::Refused),
            (307, Verdict::Refused),
            (400, Verdict::Refused),
            (401, Verdict::TokenDead),
            (403, Verdict::Refused),
            (404, Verdict::Refused),
            (408, Verdict::Broken),
            (410, Verdict::Moved),
            (429, Verdict::Busy),
            (500, Verdict::Broken),
            (502, Verdict::Broken),
            (503, Verdict::Busy),
            (504, Verdict::Broken),
        ] {
            assert_eq!(verdict(None, http), expected, "HTTP {http}");
        }
    }

    #[test]
    fn a_number_of_tomorrow_is_judged_by_its_http_status() {
        for (http, expected) in [
            (200, Verdict::Refused),
            (400, Verdict::Refused),
            (401, Verdict::TokenDead),
            (429, Verdict::Busy),
            (500, Verdict::Busy),
        ] {
            assert_eq!(verdict(Some(9999), http), expected, "HTTP {http}");
        }
    }

    #[test]
    fn what_reading_and_writing_are_told() {
        let wait = Span::seconds(5);
        let busy = CallErrorKind::Busy { retry_after: wait };
        for (verdict, reads, writes) in [
            (Verdict::TokenDead, CallErrorKind::TokenDead, CallErrorKind::TokenDead),
            (Verdict::Slow, busy.clone(), busy.clone()),
            (Verdict::Busy, busy.clone(), busy.clone()),
            (Verdict::Broken, busy, CallErrorKind::Unknown),
            (Verdict::TooMany, CallErrorKind::TooMany, CallErrorKind::TooMany),
            (Verdict::StaleCursor, CallErrorKind::StaleCursor, CallErrorKind::StaleCursor),
            (Verdict::UnknownEvent, CallErrorKind::UnknownEvent, CallErrorKind::UnknownEvent),
            (Verdict::Moved, CallErrorKind::Refused, CallErrorKind::Refused),
            (Verdict::Refused, CallErrorKind::Refused, CallErrorKind::Refused),
            (Verdict::Lost, CallErrorKind::Unreachable, CallErrorKind::Unknown),
        ] {
            assert_eq!(kind(verdict, false, wait), reads, "{verdict:?} of a read");
            assert_eq!(kind(verdict, true, wait), writes, "{verdict:?} of a write");
        }
    }

    #[test]
    fn a_lost_answer_is_unknown_only_to_who_writes() {
        for (transport, reads, writes) in [
            (Transport::NotConnected, CallErrorKind::Unreachable, CallErrorKind::Unreachable),
            (Transport::NoAnswer, CallErrorKind::Unreachable, CallErrorKind::Unknown),
            (Transport::TooBig, CallErrorKind::Refused, CallErrorKind::Unknown),
            (Transport::NotSent, CallErrorKind::Refused, CallErrorKind::Refused),
        ] {
            assert_eq!(transport_kind(transport, false), reads, "{transport:?} of a read");
            assert_eq!(transport_kind(transport, true), writes, "{transport:?} of a write");
        }
    }

    #[test]
    fn words_are_ours_then_apples() {
        let bearer = SecretString::from("tok");
        assert_eq!(
            words(Some(9621), 401, Some("Expired sToken."), &bearer),
            "the content token has expired (error 9621): \"Expired sToken.\""
        );
        assert_eq!(words(None, 502, None, &bearer), "Apps and Books answered HTTP 502: the server failed");
        assert_eq!(words(Some(1), 200, Some(" "), &bearer), "Apple answered an error that beckon doesn't know (error 1)");
    }

    #[test]
    fn foreign_words_lose_secrets_controls_and_length() {
        let bearer = SecretString::from("ab+cd==");
        for (given, kept) in [
            ("token ab+cd== is bad", "token … is bad"),
            ("code 0b7d1f5c2e9a4c66b1d0a87e54f3c912 again", "code … again"),
            ("see https://x.example/?inviteCode=0b7d1f5c2e9a4c66b1d0a87e54f3c912&mt=8", "see https://x.example/?…&mt=8"),
            ("user 9c1f6f7e-8a3e-4f0b-a6a2-0f9a3f7d0001", "user 9c1f6f7e-8a3e-4f0b-a6a2-0f9a3f7d0001"),
            ("a\r\nb\u{1b}[31m", "a b [31m"),
        ] {
            assert_eq!(clean(given, &bearer), kept);
        }
        assert_eq!(clean(&"é ".repeat(5_000), &bearer).chars().count(), 300);
    }
}
