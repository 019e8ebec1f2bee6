//! A device, and by which channel its owner can be invited on it.

use std::fmt;

use super::ids::{DeviceId, UserId};
use super::time::Timestamp;

/// A device of the roster.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    pub id: DeviceId,
    pub serial: String,
    pub udid: Option<String>,
    pub name: String,
    pub platform: Platform,
    pub os_version: Option<String>,
    pub model: Option<String>,
    pub user: Option<UserId>,
    /// Enrolled in MDM.
    pub managed: bool,
    pub enrollment: Enrollment,
    /// The user channel's id at the MDM server, of the assigned user (Mac: the `UserID` GUID, Shared
    /// iPad: the short name).
    pub user_channel: Option<String>,
    pub last_seen: Option<Timestamp>,
    /// The instant as of which the row was read; `None` for the present roster.
    pub as_of: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Platform {
    Ios,
    Ipados,
    Macos,
    Tvos,
    Visionos,
    Watchos,
}

impl Platform {
    pub const ALL: [Self; 6] = [Self::Ios, Self::Ipados, Self::Macos, Self::Tvos, Self::Visionos, Self::Watchos];

    /// The word in scripts, files and the store.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Ipados => "ipados",
            Self::Macos => "macos",
            Self::Tvos => "tvos",
            Self::Visionos => "visionos",
            Self::Watchos => "watchos",
        }
    }

    /// What a person calls such a device, for the counts of a plan.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Ios => "iPhone",
            Self::Ipados => "iPad",
            Self::Macos => "Mac",
            Self::Tvos => "Apple TV",
            Self::Visionos => "Vision Pro",
            Self::Watchos => "Apple Watch",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.word() == word)
    }
}

/// How the device came under management; it decides what the protocol allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Enrollment {
    /// A profile or automated enrolment of the whole device.
    #[default]
    Device,
    /// User Enrollment (BYOD).
    User,
    /// Account-driven enrolment.
    AccountDriven,
    /// An iPad that several Managed Apple Accounts share.
    SharedIpad,
}

impl Enrollment {
    pub const ALL: [Self; 4] = [Self::Device, Self::User, Self::AccountDriven, Self::SharedIpad];

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::User => "user",
            Self::AccountDriven => "account-driven",
            Self::SharedIpad => "shared-ipad",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.word() == word)
    }
}

/// The MDM channel that can carry `InviteToProgram` to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MdmTarget {
    /// iPhone and iPad.
    DeviceChannel { udid: String },
    /// Mac and Shared iPad.
    UserChannel { udid: String, user: String },
}

/// Why a device can't be invited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NotInvitable {
    NoUser,
    NotManaged,
    NoUdid,
    Platform(Platform),
    UserEnrollment,
    AccountDriven,
    NoUserChannel(Platform),
}

impl fmt::Display for NotInvitable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUser => f.write_str("it is assigned to nobody"),
            Self::NotManaged => f.write_str("it is not enrolled in MDM"),
            Self::NoUdid => f.write_str("its UDID is not known yet"),
            Self::Platform(p) => write!(f, "Apple has no invitation command for {}", p.noun()),
            Self::UserEnrollment => f.write_str("User Enrollment forbids the command"),
            Self::AccountDriven => f.write_str("account-driven enrolment does not carry the command"),
            Self::NoUserChannel(p) => {
                write!(f, "a {} needs its user channel, and nobody has logged in to MDM on it yet", p.noun())
            }
        }
    }
}

impl Device {
    /// The channel that can carry an invitation to this device, by the protocol's own limits
    /// (Apple's command page for `InviteToProgram`: device channel on iOS and iPadOS, user channel on
    /// macOS and Shared iPad, forbidden under User Enrollment, absent elsewhere).
    ///
    /// # Errors
    /// Why there is none.
    pub fn mdm_target(&self) -> Result<MdmTarget, NotInvitable> {
        if self.user.is_none() {
            return Err(NotInvitable::NoUser);
        }
        if !matches!(self.platform, Platform::Ios | Platform::Ipados | Platform::Macos) {
            return Err(NotInvitable::Platform(self.platform));
        }
        if !self.managed {
            return Err(NotInvitable::NotManaged);
        }
        match self.enrollment {
            Enrollment::User => return Err(NotInvitable::UserEnrollment),
            Enrollment::AccountDriven => return Err(NotInvitable::AccountDriven),
            Enrollment::Device | Enrollment::SharedIpad => {}
        }
        let udid = self.udid.clone().ok_or(NotInvitable::NoUdid)?;
        if self.platform == Platform::Macos || self.enrollment == Enrollment::SharedIpad {
            let user = self.user_channel.clone().ok_or(NotInvitable::NoUserChannel(self.platform))?;
            return Ok(MdmTarget::UserChannel { udid, user });
        }
        Ok(MdmTarget::DeviceChannel { udid })
    }
}
