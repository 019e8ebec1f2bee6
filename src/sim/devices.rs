//! Devices that behave like devices: which MDM channels they have, and how they answer a command.

use crate::domain::device::{Enrollment, Platform};
use crate::domain::time::{Span, Timestamp};

/// A device of the simulated world. `enrollment_id` and `user_channel` are what an MDM server calls it.
#[derive(Clone, Debug, PartialEq)]
pub struct SimDevice {
    pub serial: String,
    /// The UDID, or the `EnrollmentID` under User Enrollment.
    pub udid: String,
    pub name: String,
    pub platform: Platform,
    pub os_version: String,
    pub model: String,
    /// Who uses it: a person's username.
    pub user: Option<String>,
    pub enrollment: Enrollment,
    /// The Mac user's `UserID`, or the short name on Shared iPad.
    pub user_channel: Option<String>,
    pub conduct: DeviceConduct,
}

/// How a device answers invitations.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum DeviceConduct {
    /// Shows the prompt when it is woken.
    #[default]
    Obliging,
    /// Answers NotNow `times` times, coming back by itself after `back_after`, and then shows the prompt.
    NotNow { times: u32, back_after: Span },
    /// Refuses with this ErrorChain entry.
    Error { code: i64, domain: String, text: String },
    /// Switched off: pushes are taken, and nobody comes.
    NeverSeen,
    /// The profile was removed: pushes are answered 410.
    Gone,
}

/// Whose queue a command stands in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EnrollmentId(pub String);

impl EnrollmentId {
    /// The UDID, and what follows it for a user channel.
    #[must_use]
    pub fn parts(&self) -> (&str, Option<&str>) {
        match self.0.split_once(':') {
            Some((udid, user)) => (udid, Some(user)),
            None => (&self.0, None),
        }
    }
}

/// What a device told the MDM server.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceSays {
    pub at: Timestamp,
    /// The `EnrollmentID` under User Enrollment.
    pub udid: String,
    pub enrollment: Enrollment,
    pub enrollment_id: EnrollmentId,
    /// On a user channel.
    pub user: Option<ChannelUser>,
    pub said: Said,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelUser {
    /// `UserID`: a GUID on a Mac, all F on Shared iPad.
    pub id: String,
    pub short_name: String,
    pub shared_ipad: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    Idle,
    /// `InvitationResult` decides whether it is good news.
    Acknowledged {
        command_uuid: String,
        invitation_result: String,
    },
    NotNow {
        command_uuid: String,
    },
    Error {
        command_uuid: String,
        code: i64,
        domain: String,
        text: String,
    },
    Authenticate {
        serial: String,
        name: String,
        model: String,
        os_version: String,
    },
    TokenUpdate {
        user_channel: bool,
    },
    CheckOut,
}

/// What a device does with one `InviteToProgram` on one channel.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reaction {
    Shows,
    NotNow { back_after: Span },
    Refuses { code: i64, domain: String, text: String },
    InvalidProgram,
    InvalidUrl,
}

impl SimDevice {
    /// The channel's enrolment id at an MDM server where invitations can work, by Apple's rules.
    #[must_use]
    pub fn invitable_id(&self) -> Option<EnrollmentId> {
        let on_user_channel = self.platform == Platform::Macos || self.enrollment == Enrollment::SharedIpad;
        match (&self.user_channel, on_user_channel) {
            (Some(user), true) => Some(EnrollmentId(format!("{}:{user}", self.udid))),
            (None, true) => None,
            (_, false) => Some(EnrollmentId(self.udid.clone())),
        }
    }

    pub(super) fn react(&self, on_user_channel: bool, not_nows: u32, program: &str, url: &str) -> Reaction {
        let refuses =
            |code: i64, text: &str| Reaction::Refuses { code, domain: "MCMDMErrorDomain".to_owned(), text: text.to_owned() };
        if !matches!(self.platform, Platform::Ios | Platform::Ipados | Platform::Macos) {
            return refuses(12021, "InviteToProgram is not a supported command");
        }
        if matches!(self.enrollment, Enrollment::User | Enrollment::AccountDriven) {
            return refuses(12021, "InviteToProgram is not allowed under this enrollment");
        }
        if (self.platform == Platform::Macos || self.enrollment == Enrollment::SharedIpad) != on_user_channel {
            return refuses(12021, "InviteToProgram is not supported on this channel");
        }
        match &self.conduct {
            DeviceConduct::NotNow { times, back_after } if not_nows < *times => {
                return Reaction::NotNow { back_after: *back_after };
            }
            DeviceConduct::Error { code, domain, text } => {
                return Reaction::Refuses { code: *code, domain: domain.clone(), text: text.clone() };
            }
            _ => {}
        }
        if program != "com.apple.cloudvpp" {
            return Reaction::InvalidProgram;
        }
        if !url.starts_with("https://") && !url.starts_with("http://127.0.0.1") {
            return Reaction::InvalidUrl;
        }
        Reaction::Shows
    }
}
