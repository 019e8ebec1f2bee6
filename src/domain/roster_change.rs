//! What a roster file says, and what taking it would change.

use std::collections::BTreeMap;

use super::device::{Enrollment, Platform};
use super::mail_address::MailAddress;
use super::time::Timestamp;

/// The content of one or more roster files, checked row by row. Rows that could not be used are in
/// `rejected`; everything else refers to users by username, groups by name, devices by serial number.
///
/// `None` in an optional field means that the file doesn't have the column: what the roster holds
/// stays. `Some(None)` means that the cell is empty: the value is taken away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Incoming {
    pub users: Vec<IncomingUser>,
    pub groups: Vec<IncomingGroup>,
    pub memberships: Vec<Membership>,
    pub nested: Vec<Nesting>,
    pub devices: Vec<IncomingDevice>,
    pub apps: Vec<IncomingApp>,
    pub app_tokens: Vec<IncomingAppToken>,
    pub rejected: Vec<Rejected>,
    /// What a person should know about the files themselves, such as columns that were ignored.
    pub warnings: Vec<String>,
    /// Which kinds of row the files held: only these can have rows that are gone.
    pub covers: Vec<RowKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowKind {
    User,
    Group,
    Membership,
    Nesting,
    Device,
    App,
    AppToken,
}

impl RowKind {
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Membership => "membership",
            Self::Nesting => "nested group",
            Self::Device => "device",
            Self::App => "app",
            Self::AppToken => "app token",
        }
    }
}

/// Where a row stood, for messages.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Place {
    pub file: String,
    /// From 1; 0 where the form has no lines.
    pub line: u64,
}

/// An optional cell: absent column, empty cell, or a value.
pub type Cell<T> = Option<Option<T>>;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncomingUser {
    pub place: Place,
    pub username: String,
    pub full_name: Option<String>,
    pub mail: Cell<MailAddress>,
    pub language: Cell<String>,
    pub timezone: Cell<String>,
    pub department: Cell<String>,
    pub title: Cell<String>,
    pub enabled: Option<bool>,
    pub managed_account: Cell<String>,
    /// Only the attributes that the file names are touched.
    pub attributes: BTreeMap<String, String>,
    /// Groups named in the row itself.
    pub groups: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncomingGroup {
    pub place: Place,
    pub name: String,
    /// Managed distribution; untouched when the file doesn't say.
    pub distribution: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    pub place: Place,
    pub group: String,
    pub username: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Nesting {
    pub place: Place,
    pub group: String,
    pub within: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct IncomingDevice {
    pub place: Place,
    pub serial: String,
    pub udid: Cell<String>,
    pub name: Option<String>,
    pub platform: Option<Platform>,
    pub os_version: Cell<String>,
    pub model: Cell<String>,
    /// The assigned user's username.
    pub user: Cell<String>,
    pub managed: Option<bool>,
    pub enrollment: Option<Enrollment>,
    pub user_channel: Cell<String>,
    pub last_seen: Cell<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct IncomingApp {
    pub place: Place,
    pub adam_id: String,
    pub name: String,
    pub kind: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct IncomingAppToken {
    pub place: Place,
    pub serial: String,
    /// The app's bundle id.
    pub topic: String,
    /// Lowercase hex.
    pub token: String,
}

/// A row that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    pub place: Place,
    /// What the row seems to be about, such as a username; empty when even that is unclear.
    pub about: String,
    pub reason: String,
}

/// What taking an `Incoming` changes, or changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub changes: Vec<Change>,
    pub rejected: Vec<Rejected>,
    /// Things that are fine to take and that a person should know, such as a mail address that two
    /// users share or a cycle among groups.
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: RowKind,
    pub name: String,
    pub what: ChangeKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Added,
    /// The changed fields: name, before, after.
    Changed(Vec<(String, String, String)>),
    Removed,
}

impl Difference {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Added, changed and removed rows of one kind.
    #[must_use]
    pub fn counts(&self, kind: RowKind) -> (usize, usize, usize) {
        self.changes.iter().filter(|c| c.kind == kind).fold((0, 0, 0), |(a, c, r), change| match change.what {
            ChangeKind::Added => (a + 1, c, r),
            ChangeKind::Changed(_) => (a, c + 1, r),
            ChangeKind::Removed => (a, c, r + 1),
        })
    }
}
