//! A user, with the state of their invitation.

use std::collections::BTreeMap;

use super::ids::UserId;
use super::mail_address::MailAddress;
use super::time::Timestamp;

/// A person of the roster, as a script sees them.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub id: UserId,
    pub username: String,
    pub full_name: String,
    pub mail: Option<MailAddress>,
    /// A language tag such as `nl` or `de-CH`; the site's language stands in for `None`.
    pub language: Option<String>,
    /// An IANA zone name; the site's zone stands in for `None`.
    pub timezone: Option<String>,
    pub department: Option<String>,
    pub title: Option<String>,
    pub enabled: bool,
    /// The Managed Apple Account: its owner is associated without an invitation.
    pub managed_account: Option<String>,
    pub attributes: BTreeMap<String, String>,
    /// Managed distribution enabled for this user alone; a group's switch is the group's.
    pub distribution: bool,
    /// Our name for this user at Apple: a lowercase UUID, chosen once.
    pub client_user_id: String,
    pub status: Status,
    pub invited_at: Option<Timestamp>,
    pub enrolled_at: Option<Timestamp>,
    /// How many reminders of the open invitation have been handed over.
    pub reminders: u32,
    /// When a message was last handed over for this person, over any channel.
    pub last_contact: Option<Timestamp>,
    /// The instant as of which the row was read; `None` for the present roster.
    pub as_of: Option<Timestamp>,
}

/// Where a user stands with managed distribution. Only Apple's record makes somebody `Enrolled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Status {
    /// Never invited.
    #[default]
    None,
    /// An invitation has gone out, Apple's record is not associated.
    Invited,
    /// Apple's record says `Associated`.
    Enrolled,
    /// Apple's record was retired: by us, or by somebody else.
    Retired,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::None, Self::Invited, Self::Enrolled, Self::Retired];

    /// The word a script compares with.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Invited => "invited",
            Self::Enrolled => "enrolled",
            Self::Retired => "retired",
        }
    }

    /// What people are told.
    #[must_use]
    pub fn shown(self) -> &'static str {
        match self {
            Self::None => "not invited",
            status => status.word(),
        }
    }

    /// The status with that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }
}

impl User {
    /// Whether an invitation has ever gone out.
    #[must_use]
    pub fn invited(&self) -> bool {
        self.invited_at.is_some()
    }

    #[must_use]
    pub fn enrolled(&self) -> bool {
        self.status == Status::Enrolled
    }
}
