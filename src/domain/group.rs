//! A group of the roster.

use super::ids::GroupId;
use super::time::Timestamp;

/// A named set of users and of other groups; membership through nested groups counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    /// Managed distribution is enabled: its members may be invited.
    pub distribution: bool,
    /// The instant as of which it was read; `None` for the present roster.
    pub as_of: Option<Timestamp>,
}

/// How far a group has come, as its info card shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enrolment {
    pub users: u64,
    pub enrolled: u64,
    /// Invited and not enrolled.
    pub open: u64,
    /// Apple's record of them was retired.
    pub retired: u64,
    pub devices: u64,
}

impl Enrolment {
    /// Those whom nobody has invited.
    #[must_use]
    pub fn untouched(&self) -> u64 {
        self.users.saturating_sub(self.enrolled + self.open + self.retired)
    }
}
