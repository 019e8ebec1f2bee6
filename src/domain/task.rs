//! What is in flight, as Profile Manager's "Active Tasks" showed it: whose, on which device, waiting
//! for what, since when.

use chrono_tz::Tz;

use super::delivery::{Channel, DeliveryState};
use super::ids::{DeliveryId, RunId, UserId};
use super::invitation::InvitationState;
use super::time::Timestamp;

/// One line of the task list.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub delivery: Option<DeliveryId>,
    pub run: RunId,
    /// The delivery's number within its run: people say `17.3`.
    pub number: u32,
    pub user: Option<UserId>,
    pub username: String,
    pub full_name: String,
    /// The device's name; `None` for a mailbox.
    pub device: Option<String>,
    pub channel: Option<Channel>,
    pub what: String,
    pub waiting_for: Waiting,
    pub since: Timestamp,
    /// When the next attempt is due, where one is.
    pub next: Option<Timestamp>,
    pub attempts: u32,
    /// The far side's last words.
    pub words: Option<String>,
}

impl Task {
    /// What people call it: `17.3`; `run 17` where there is no delivery yet.
    #[must_use]
    pub fn name(&self) -> String {
        match self.delivery {
            Some(_) => format!("{}.{}", self.run, self.number),
            None => format!("run {}", self.run),
        }
    }
}

/// How the words begin of a command that an MDM server holds for a device that it could not wake; the
/// reason follows.
pub const NOT_WOKEN: &str = "queued; the wake-up failed";

/// What will leave later, in order of when it is due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Future {
    /// How many there are in all.
    pub total: u64,
    /// Those of the page that was asked for.
    pub tasks: Vec<FutureTask>,
}

/// A delivery that will leave later, unless its reason goes away before.
#[derive(Clone, Debug, PartialEq)]
pub struct FutureTask {
    pub task: Task,
    /// The zone of its person, the site's where they have none.
    pub zone: Tz,
    /// The first moment that every rule allows, as things stand now.
    pub leaves: Timestamp,
    /// Why that is later than it is due, or why it waits at all; nothing where only its day has not come.
    pub because: String,
}

/// A part of a long list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many are passed over.
    pub from: u64,
    pub rows: u64,
}

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Apple has to register the user first.
    Registration,
    /// Its turn in the outbox.
    Turn,
    /// The next attempt.
    NextTry,
    /// A moment at which the rules of the site allow it.
    Rules,
    /// The MDM server has the command, and the device has not answered yet.
    Device,
    /// The same, and the device could not be woken for it: it takes the command when it next comes by.
    DeviceNotWoken,
    /// The device answered NotNow: it will come back by itself.
    DeviceBusy,
    /// The person has to accept.
    Acceptance,
    /// Apple has to hand out the licence.
    HandOut,
    /// A licence has to become free, or to be bought.
    Licence,
    /// A person has to decide whether to send it again.
    Decision,
    /// Nothing: it has ended.
    Nothing,
}

impl Waiting {
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Registration => "Apple to register the user",
            Self::Turn => "its turn",
            Self::NextTry => "the next try",
            Self::Rules => "an allowed time (beckon tasks --future)",
            Self::Device => "the device's answer",
            Self::DeviceNotWoken => "the device to come by itself (it could not be woken)",
            Self::DeviceBusy => "the device (busy: NotNow)",
            Self::Acceptance => "acceptance",
            Self::HandOut => "Apple to hand out the licence",
            Self::Licence => "a free licence",
            Self::Decision => "your decision (beckon tasks --failed)",
            Self::Nothing => "nothing",
        }
    }

    /// What a delivery in this state and with these last words, of an invitation in that state, waits for.
    #[must_use]
    pub fn of(delivery: DeliveryState, words: &str, invitation: Option<InvitationState>) -> Self {
        use InvitationState as I;
        match (delivery, invitation) {
            (DeliveryState::Blocked, _) | (DeliveryState::Pending, Some(I::Queued | I::Registering)) => Self::Registration,
            (DeliveryState::Pending | DeliveryState::Sending, _) => Self::Turn,
            (DeliveryState::Deferred, _) => Self::NextTry,
            (DeliveryState::Queued, _) if words.starts_with(NOT_WOKEN) => Self::DeviceNotWoken,
            (DeliveryState::Queued, _) => Self::Device,
            (DeliveryState::NotNow, _) => Self::DeviceBusy,
            (DeliveryState::Accepted, Some(i)) if i.is_open() => Self::Acceptance,
            (DeliveryState::Doubtful, _) => Self::Decision,
            _ => Self::Nothing,
        }
    }
}
