//! Asking an MDM server to show an invitation on a device.

use secrecy::SecretString;

use super::Answer;
use super::look::Looked;
use crate::domain::device::MdmTarget;
use crate::domain::outcome::{ChannelDown, Outcome};

/// One `InviteToProgram` for one enrolment.
#[derive(Clone, Debug)]
pub struct InviteCommand {
    /// Ours, and the same for every attempt: the server refuses a second one with the same id.
    pub command_uuid: String,
    pub target: MdmTarget,
    /// The filled-in invitation URL: whoever holds it can accept.
    pub invitation_url: SecretString,
}

pub trait Mdm: Send + Sync {
    /// Queues one command and wakes the device.
    ///
    /// `Accepted` means that the server holds the command, also when it held it already from an
    /// earlier attempt; whether the device showed it comes later, as a `DeviceReport`. A push that
    /// failed while the command was queued is `Accepted`, its words being `NOT_WOKEN` and the reason.
    fn invite(&self, command: InviteCommand) -> Answer<'_, Result<Outcome, ChannelDown>>;

    /// Wakes a device that may have commands waiting.
    fn wake(&self, target: MdmTarget) -> Answer<'_, Result<Outcome, ChannelDown>>;

    /// Whether the server is there and takes our key. No device is concerned.
    fn look(&self) -> Answer<'_, Looked>;

    /// How many commands can be under way at the same time.
    fn at_once(&self) -> usize;
}

/// What a device said, as an MDM server passes it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceReport {
    /// An answer to a command of ours.
    Answer { command_uuid: String, answer: CommandAnswer },
    /// The device enrolled or renewed its token: it is managed and reachable.
    Enrolled { udid: String, user_channel: Option<UserChannel> },
    /// The device started enrolling: its queue is gone, and commands of ours with it.
    Reset { udid: String, serial: Option<String>, name: Option<String>, model: Option<String>, os_version: Option<String> },
    /// The profile was removed.
    Left { udid: String },
    /// The device came by with nothing to report.
    Idle { udid: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserChannel {
    /// What enqueueing needs after the UDID: the `UserID`, or the short name on Shared iPad.
    pub id: String,
    pub short_name: Option<String>,
}

/// How a device answered `InviteToProgram` (Apple: `Status` and `InvitationResult` both decide).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandAnswer {
    /// The prompt was issued: both said `Acknowledged`.
    Shown,
    NotNow,
    /// The device can't or won't: its own words.
    Failed(String),
}
