//! What can be made to go wrong in the simulated world. Everything here is off by default; tests and
//! the simulator's flags switch it on, and counted faults use themselves up.

use std::collections::BTreeMap;

use crate::domain::time::{Span, Timestamp};

/// Faults of Apple's App and Book Management API.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AppleFaults {
    /// The next n requests are answered 429 with 9646 and no `Retry-After`.
    pub too_many_requests: u32,
    /// Every request is answered 503 until then.
    pub unavailable: Option<Unavailable>,
    /// The next n requests are answered 9603 (HTTP 500).
    pub internal_errors: u32,
    pub token: TokenFault,
    /// The next n requests that write are acted on, and then the line drops without an answer.
    pub drop_after_acting: u32,
    /// The next n requests are dropped without being acted on.
    pub drop_before_acting: u32,
    /// Every answer takes that long.
    pub slow: Option<Span>,
    /// The next n events never leave PENDING, and nothing of them is done.
    pub lose_events: u32,
    /// These users fail in create, update and retire events, with that error number.
    pub refuse_users: BTreeMap<String, i32>,
    /// Of all users ever asked for, each n-th fails with that error number.
    pub refuse_each: Option<(u32, i32)>,
    /// The next n notifications get lost, or come twice.
    pub lose_notifications: u32,
    pub double_notifications: u32,
    /// In-process: nobody answers where notifications are to go. On the wire it is tried.
    pub subscriber_unreachable: bool,
}

/// How a token that should be good is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenFault {
    #[default]
    None,
    /// HTTP 401 with 9622.
    BadAs401,
    /// HTTP 200 with 9622 in the body, as seen in the field.
    BadAs200,
    /// 9621.
    Expired,
    /// 9625.
    Revoked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable {
    pub until: Timestamp,
    pub form: RetryAfterForm,
}

/// How `Retry-After` is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryAfterForm {
    #[default]
    Seconds,
    HttpDate,
    Absent,
}

/// Faults of the MDM server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MdmFaults {
    /// Nobody answers: in-process "unreachable", on the wire the line drops.
    pub down: bool,
    /// The next n enqueues fail as a whole (HTTP 500, nothing queued).
    pub refuse_commands: u32,
    /// The next n pushes fail while the command is queued.
    pub fail_pushes: u32,
    /// The next n enqueues are acted on, and then the line drops without an answer.
    pub drop_after_acting: u32,
    /// The API key is refused.
    pub refuse_key: bool,
    /// The next n reports get lost, or come twice.
    pub lose_reports: u32,
    pub double_reports: u32,
}

/// Faults of the mail server as a whole; single mailboxes have their own behaviour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailFaults {
    /// Nobody answers: in-process "unreachable", on the wire the line drops before the greeting.
    pub down: bool,
    /// The next n connections are greeted with 421 and closed.
    pub busy: u32,
}

/// Faults of APNs as a whole; single tokens have their own behaviour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApnsFaults {
    /// The next n notifications are answered 503 `ServiceUnavailable`.
    pub unavailable: u32,
    /// The next n notifications are answered 429 `TooManyRequests`.
    pub too_many_requests: u32,
    /// Every notification is answered 403 `BadCertificate`.
    pub bad_certificate: bool,
    /// The next n notifications are taken, and then the line drops without an answer.
    pub drop_after_acting: u32,
}

/// Takes one from a counted fault; true when there was one.
pub(super) fn spend(count: &mut u32) -> bool {
    let had = *count > 0;
    *count = count.saturating_sub(1);
    had
}
