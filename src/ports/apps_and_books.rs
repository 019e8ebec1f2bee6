//! Apple's App and Book Management API, version 2, one method a request.
//!
//! The adapter keeps the rules that hold for every request (pace, `Retry-After`, limits and URLs from
//! `service/config`, errors inside HTTP 200, the ownership check in every answer); the host decides
//! what to ask and when.

use secrecy::SecretString;

use super::Answer;
use crate::domain::time::{Span, Timestamp};

/// A user to be made, changed or retired at Apple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRequest {
    pub client_user_id: String,
    pub email: Option<String>,
    pub managed_apple_id: Option<String>,
}

/// One of Apple's user records.
#[derive(Clone, Debug)]
pub struct UserRecord {
    pub client_user_id: String,
    pub email: Option<String>,
    pub status: RecordStatus,
    /// Lets its holder tie their Apple Account to the record.
    pub invite_code: Option<SecretString>,
    pub id_hash: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordStatus {
    Registered,
    Associated,
    Retired,
    /// `Deleted`, or a word that Apple invents later: never acted on.
    Other(String),
}

/// Which users to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserQuery {
    pub client_user_id: Option<String>,
    pub active_only: bool,
    /// Only records changed since this version of the list.
    pub since_version: Option<String>,
    pub page: Option<u32>,
}

#[derive(Clone, Debug)]
pub struct UserPage {
    pub users: Vec<UserRecord>,
    pub next_page: Option<u32>,
    pub total_pages: u32,
    pub version: String,
    /// Apple's id of the library whose users these are, where the answer names it.
    pub unit: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventStatus {
    pub state: EventState,
    pub failures: Vec<EventFailure>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventState {
    Pending,
    Complete,
    /// May be partial: who isn't named in a failure may have succeeded.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFailure {
    pub number: i32,
    pub message: String,
    pub client_user_ids: Vec<String>,
}

/// What `client/config` says of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Apple's id of the library, the same for renewed tokens.
    pub u_id: String,
    pub location: String,
    pub country: Option<String>,
    pub school: bool,
    pub owner: Option<Owner>,
    pub token_expires: Option<Timestamp>,
    /// Where Apple posts notifications about the unit.
    pub notification_url: Option<String>,
}

/// `mdmInfo`: which service says that it drives the unit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Owner {
    pub id: String,
    pub name: String,
    pub metadata: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    pub adam_id: String,
    pub pricing: String,
    pub kind: String,
    pub available: u32,
    pub assigned: u32,
    pub total: u32,
}

#[derive(Clone, Debug)]
pub struct AssetPage {
    pub assets: Vec<Asset>,
    pub next_page: Option<u32>,
}

/// Licences of one asset for these people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOut {
    pub adam_id: String,
    pub pricing: String,
    pub client_user_ids: Vec<String>,
}

/// Which licences in use to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssignmentQuery {
    pub adam_id: Option<String>,
    pub client_user_id: Option<String>,
    pub page: Option<u32>,
}

/// One licence that a person holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    pub adam_id: String,
    pub client_user_id: String,
}

#[derive(Clone, Debug)]
pub struct AssignmentPage {
    /// Licences that devices hold are left out.
    pub assignments: Vec<Assignment>,
    pub next_page: Option<u32>,
}

/// Where Apple is to post what changes, and the secret that it shows when it does.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// `https`, without a query.
    pub url: String,
    pub token: SecretString,
}

/// What is subscribed to: everything that this program has a use for.
pub const NOTIFICATION_TYPES: [&str; 4] = ["USER_MANAGEMENT", "USER_ASSOCIATED", "ASSET_MANAGEMENT", "ASSET_COUNT"];

/// That something has changed at Apple. It never says what: notifications get lost, come twice and in any
/// order, so what is true now is read from Apple itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Apple's id of it, the same when it is sent again.
    pub id: String,
    pub about: About,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// Apple tries whether anybody listens.
    Test,
    /// Records of users.
    Users,
    /// An event about licences has ended.
    Licences { event_id: String },
    /// How many licences there are.
    AssetCount,
    /// Something that is new since this was written.
    Unknown,
}

/// The limits that bound one request (`service/config`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLimits {
    pub users_per_request: usize,
    /// People who can be given licences in one request.
    pub holders_per_request: usize,
    pub requests_per_second: u32,
}

/// Why a request brought no answer. `words` are Apple's own where there are some; secrets are
/// never in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct CallError {
    pub kind: CallErrorKind,
    /// Apple's error number.
    pub number: Option<i32>,
    pub words: String,
    /// `clientUserIds` that Apple named.
    pub client_user_ids: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallErrorKind {
    /// The token is expired, revoked or unknown: stop, and ask for a new one.
    TokenDead,
    /// Another service drives this unit now: stop until somebody decides.
    NotOurs(Owner),
    /// Apple asks to wait; no request goes out before the time has passed.
    Busy { retry_after: Span },
    /// The request can't have been acted on: it is safe to send it again.
    Unreachable,
    /// The request went out and its answer was lost: read before writing again.
    Unknown,
    /// Too many rows for one request: limits have been read again, split and send.
    TooMany,
    /// The page or version is not valid any more: start the walk over.
    StaleCursor,
    /// Apple doesn't know the event.
    UnknownEvent,
    /// Refused for what it asks: repeating it brings the same answer.
    Refused,
}

pub type Called<T> = Result<T, CallError>;

pub trait AppsAndBooks: Send + Sync {
    /// The limits in force; read from Apple when older than five minutes.
    fn limits(&self) -> Answer<'_, Called<ServiceLimits>>;

    /// Who owns the unit, and what it is called.
    fn unit(&self) -> Answer<'_, Called<Unit>>;

    /// Writes `owner` as the unit's owner; later answers that name another one are `NotOurs`.
    fn claim(&self, owner: Owner) -> Answer<'_, Called<Unit>>;

    /// Takes `owner` as who we are, without asking Apple: for a unit claimed earlier.
    fn expect_owner(&self, owner: Owner);

    /// Asks for records to be made; the event's id comes back, the codes never do.
    fn create_users(&self, users: Vec<UserRequest>) -> Answer<'_, Called<String>>;
    fn update_users(&self, users: Vec<UserRequest>) -> Answer<'_, Called<String>>;
    fn retire_users(&self, users: Vec<UserRequest>) -> Answer<'_, Called<String>>;
    fn event(&self, event_id: String) -> Answer<'_, Called<EventStatus>>;
    fn users(&self, query: UserQuery) -> Answer<'_, Called<UserPage>>;
    fn assets(&self, page: Option<u32>) -> Answer<'_, Called<AssetPage>>;

    /// How far Apple's clock was ahead of ours in its last answer; negative when behind, `None` before there was one.
    fn ahead(&self) -> Option<Span>;

    /// Asks for licences to be handed out; the event's id comes back. Who holds one already keeps it.
    fn hand_out(&self, what: HandOut) -> Answer<'_, Called<String>>;
    fn assignments(&self, query: AssignmentQuery) -> Answer<'_, Called<AssignmentPage>>;

    /// Has notifications posted to `to`. Apple tries the address before it takes it, so somebody must
    /// listen there already; `Refused` with 9728 means that it was not reached.
    fn subscribe(&self, to: Subscription) -> Answer<'_, Called<()>>;

    /// The URL that invites the holder of `code`.
    fn invitation_url(&self, code: &SecretString) -> Answer<'_, Called<SecretString>>;
}
