//! The values that scripts hold: users, devices, groups, instants and spans.

use std::borrow::Cow;
use std::sync::Arc;

use rhai::Dynamic;

use super::selection::Selection;
use crate::domain::device::Device as DeviceRecord;
use crate::domain::group::Group as GroupRecord;
use crate::domain::intent::Person;
use crate::domain::selection::{Field, Of};
use crate::domain::time::{Span as TimeSpan, Timestamp};
use crate::domain::user::User as UserRecord;

/// A user, as of the run's start.
#[derive(Clone, Debug)]
pub struct User(pub Arc<UserRecord>);

/// A device, as of the run's start.
#[derive(Clone, Debug)]
pub struct Device(pub Arc<DeviceRecord>);

/// `u.attributes`: what the roster says of a user beyond the plain fields.
#[derive(Clone, Debug)]
pub struct Attributes(pub Arc<UserRecord>);

/// An instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub TimeSpan);

/// A group: one of the roster, or a rule of this run.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub kind: GroupKind,
}

#[derive(Clone, Debug)]
pub enum GroupKind {
    Roster(GroupRecord),
    Rule(Selection),
}

impl Group {
    /// The instant as of which it was read; `None` for the present roster.
    pub fn as_of(&self) -> Option<Timestamp> {
        match &self.kind {
            GroupKind::Roster(record) => record.as_of,
            GroupKind::Rule(members) => members.run().as_of(),
        }
    }
}

impl User {
    pub fn person(&self) -> Person {
        Person { user: self.0.id, username: self.0.username.clone(), full_name: self.0.full_name.clone() }
    }

    /// The value of a plain field, `()` where it holds none.
    pub fn field(&self, field: &Field) -> Dynamic {
        let u = &*self.0;
        match field {
            Field::Username => text(&u.username),
            Field::FullName => text(&u.full_name),
            Field::Mail => maybe(u.mail.as_ref(), |m| text(m.as_str())),
            Field::Language => maybe(u.language.as_ref(), |t| text(t)),
            Field::Timezone => maybe(u.timezone.as_ref(), |t| text(t)),
            Field::Department => maybe(u.department.as_ref(), |t| text(t)),
            Field::Title => maybe(u.title.as_ref(), |t| text(t)),
            Field::Enabled => u.enabled.into(),
            Field::ManagedAccount => maybe(u.managed_account.as_ref(), |t| text(t)),
            Field::Status => text(u.status.word()),
            Field::Invited => u.invited().into(),
            Field::Enrolled => u.enrolled().into(),
            Field::InvitedAt => maybe(u.invited_at, time),
            Field::EnrolledAt => maybe(u.enrolled_at, time),
            Field::Reminders => i64::from(u.reminders).into(),
            Field::LastContact => maybe(u.last_contact, time),
            Field::Attribute(key) => maybe(u.attributes.get(key), |t| text(t)),
            _ => Dynamic::UNIT,
        }
    }
}

impl Device {
    /// The value of a plain field, `()` where it holds none.
    pub fn field(&self, field: &Field) -> Dynamic {
        let d = &*self.0;
        match field {
            Field::Serial => text(&d.serial),
            Field::Udid => maybe(d.udid.as_ref(), |t| text(t)),
            Field::DeviceName => text(&d.name),
            Field::Platform => text(d.platform.word()),
            Field::OsVersion => maybe(d.os_version.as_ref(), |t| text(t)),
            Field::Model => maybe(d.model.as_ref(), |t| text(t)),
            Field::Managed => d.managed.into(),
            Field::LastSeen => maybe(d.last_seen, time),
            Field::CanBeInvited => d.mdm_target().is_ok().into(),
            _ => Dynamic::UNIT,
        }
    }
}

/// A row of a selection, as scripts meet it, or its plain field.
#[derive(Clone, Debug)]
pub enum Row {
    User(User),
    Device(Device),
}

impl Row {
    pub fn field(&self, field: &Field) -> Dynamic {
        match self {
            Self::User(u) => u.field(field),
            Self::Device(d) => d.field(field),
        }
    }

    pub fn show(&self) -> String {
        match self {
            Self::User(User(u)) => format!("{} ({})", u.full_name, u.username),
            Self::Device(Device(d)) => format!("{} ({})", d.name, d.serial),
        }
    }

    pub fn into_dynamic(self) -> Dynamic {
        match self {
            Self::User(u) => Dynamic::from(u),
            Self::Device(d) => Dynamic::from(d),
        }
    }
}

/// What rows of this kind are called.
pub fn noun(of: Of) -> &'static str {
    match of {
        Of::Users => "user",
        Of::Devices => "device",
    }
}

/// The value itself where closures share it. One that nobody shares is not copied: an array may hold arrays as deep
/// as memory allows, and whoever goes through it with a copy of each level takes the square of that.
pub fn unshared(value: &Dynamic) -> Cow<'_, Dynamic> {
    if value.is_shared() { Cow::Owned(value.flatten_clone()) } else { Cow::Borrowed(value) }
}

fn text(s: &str) -> Dynamic {
    s.into()
}

fn time(at: Timestamp) -> Dynamic {
    Dynamic::from(Time(at))
}

fn maybe<T>(value: Option<T>, into: impl FnOnce(T) -> Dynamic) -> Dynamic {
    value.map_or(Dynamic::UNIT, into)
}
