//! Apple's App and Book Management API as a model: units, user records, events and licences, with the
//! rules that Apple sets its callers. Nothing in here knows HTTP or who accepts an invitation.

mod assets;
mod error;
mod events;
mod gate;
mod notify;
mod unit;
mod users;

use std::collections::HashMap;

pub use assets::{Assignment, Holders};
pub use error::{AppleError, RetryAfter, TABLE};
pub use events::{EventKind, EventView};
pub use gate::{Call, Fate, Refusal};
pub(in crate::sim) use notify::user_json;
pub use notify::{AppleNotification, Subscription};
pub use unit::{Unit, UnitConfig, UnitView};
pub use users::{CannotAccept, Record};

use super::agenda::Agenda;
use super::breach::{Breach, Rule};
use super::faults::AppleFaults;
use crate::domain::time::{Span, Timestamp};

/// The limits of `service/config`. They may be changed while the world runs, as Apple does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub max_users: usize,
    pub max_assets: usize,
    pub max_client_user_ids: usize,
    pub max_serial_numbers: usize,
    pub max_requests_per_second: usize,
    pub max_mdm_id: usize,
    pub max_mdm_name: usize,
    pub max_mdm_metadata: usize,
    pub max_notification: usize,
}

impl Default for Limits {
    /// What Apple's own sample shows.
    fn default() -> Self {
        Self {
            max_users: 100,
            max_assets: 25,
            max_client_user_ids: 1000,
            max_serial_numbers: 1000,
            max_requests_per_second: 15,
            max_mdm_id: 100,
            max_mdm_name: 100,
            max_mdm_metadata: 255,
            max_notification: 512,
        }
    }
}

/// How Apple behaves when nothing is wrong.
#[derive(Clone, Debug)]
pub struct AppleConfig {
    pub limits: Limits,
    /// How long an event takes from the request to its end, from and to.
    pub event_takes: (Span, Span),
    /// Records on a page of users or assignments.
    pub page_size: usize,
    /// Managed Apple Accounts of these domains exist; all others are 9635.
    pub known_domains: Vec<String>,
    /// Whether a request above the pace is also refused with 9646, or only reported.
    pub refuse_above_pace: bool,
    /// How much shorter than a second the window for the pace may be judged: none in-process, some on a
    /// wire, where two requests sent a window apart arrive a little less apart.
    pub pace_tolerance: Span,
    /// `urls.invitationEmail` of `service/config`.
    pub invitation_url: String,
    /// Where this API is served; the other `urls` of `service/config` start with it.
    pub base_url: String,
}

impl Default for AppleConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            event_takes: (Span::milliseconds(500), Span::seconds(2)),
            page_size: 500,
            known_domains: vec!["appleid.sunnyside.example".to_owned()],
            refuse_above_pace: true,
            pace_tolerance: Span::zero(),
            invitation_url: INVITATION_URL.to_owned(),
            base_url: "https://vpp.itunes.apple.com/mdm/v2".to_owned(),
        }
    }
}

/// Apple's own template, with the placeholder in its percent-encoded form.
pub const INVITATION_URL: &str =
    "https://buy.itunes.apple.com/WebObjects/MZFinance.woa/wa/associateVPPUserWithITSAccount?inviteCode=%25inviteCode%25&mt=8";

/// All of it.
pub struct Apple {
    pub config: AppleConfig,
    pub faults: AppleFaults,
    seed: u64,
    units: Vec<Unit>,
    /// The whole text of a content token to its unit and expiry.
    tokens: HashMap<String, (usize, Timestamp)>,
    events: HashMap<String, events::Event>,
    pub(super) agenda: Agenda<String>,
    breaches: Vec<Breach>,
    in_flight_max: usize,
    requests: u64,
    /// Users ever asked for, for the fault that refuses each n-th.
    asked_for: u32,
    outgoing: Vec<AppleNotification>,
    notified: u64,
}

impl Apple {
    #[must_use]
    pub fn new(seed: u64, config: AppleConfig) -> Self {
        Self {
            config,
            faults: AppleFaults::default(),
            seed,
            units: Vec::new(),
            tokens: HashMap::new(),
            events: HashMap::new(),
            agenda: Agenda::default(),
            breaches: Vec::new(),
            in_flight_max: 0,
            requests: 0,
            asked_for: 0,
            outgoing: Vec::new(),
            notified: 0,
        }
    }

    /// The rules broken so far.
    #[must_use]
    pub fn breaches(&self) -> &[Breach] {
        &self.breaches
    }

    /// Requests that came in, refused ones included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// The most requests that one unit had under way at once.
    #[must_use]
    pub fn in_flight_max(&self) -> usize {
        self.in_flight_max
    }

    /// Notifications are waiting to be posted.
    pub(super) fn has_outgoing(&self) -> bool {
        !self.outgoing.is_empty()
    }

    fn breach(&mut self, at: Timestamp, rule: Rule, detail: String) {
        self.breaches.push(Breach { at, rule, detail });
    }
}
