//! A delivery in our hands, and what a turn of the outbox is asked and answers.

use crate::domain::delivery::{Channel, Step};
use crate::domain::departure::Departure;
use crate::domain::device::Device;
use crate::domain::ids::{RunId, UserId};
use crate::domain::mail_address::MailAddress;
use crate::domain::time::Timestamp;

/// A delivery that is now in our hands, with everything that handing it over needs.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub id: i64,
    pub run: RunId,
    pub number: u32,
    pub channel: Channel,
    pub step: Step,
    pub user: Option<ClaimedUser>,
    pub device: Option<Device>,
    /// Of somebody who is not of the roster, or the user's own.
    pub address: Option<MailAddress>,
    pub app_token: Option<(String, String)>,
    /// Names of the user's devices, for the text of a letter.
    pub device_names: Vec<String>,
    pub invitation: Option<ClaimedInvitation>,
    /// The template, or the webhook's name.
    pub template: String,
    pub data: serde_json::Value,
    pub far_id: String,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct ClaimedUser {
    pub id: UserId,
    pub client_user_id: String,
    pub username: String,
    pub full_name: String,
    pub language: Option<String>,
}

#[derive(Clone, Debug)]
pub struct ClaimedInvitation {
    pub id: i64,
    pub expires_at: Option<Timestamp>,
}

/// The site's rules that hold at the moment of leaving.
#[derive(Clone, Debug)]
pub struct DepartureRules {
    pub departure: Departure,
    /// A doubtful mail is sent again by itself.
    pub resend_doubtful: bool,
}

/// Which deliveries of invitations a turn claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invitations {
    All,
    /// Only to people whose record at Apple was read since the store was opened: the list is being
    /// read, and nobody else's invite code can be known.
    OfRead,
}

/// What one turn of the outbox did.
#[derive(Debug, Default)]
pub struct Turn {
    pub claimed: Vec<Claimed>,
    /// When the next delivery of any of the asked channels is due, where one waits.
    pub next_due: Option<Timestamp>,
    /// Deliveries that the guard ended or put off, by run: the figures of a run change by them.
    pub guarded: u32,
}
