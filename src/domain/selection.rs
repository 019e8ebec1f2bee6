//! A selection is data: what a script asked for, before anybody has read a row.
//!
//! The script layer builds one from globals, methods and closures; the store turns it into SQL.
//! Conditions are two-valued: a comparison with something absent, or between different kinds of
//! value, is false (and `!=` is true), just as the script engine has it. Two absent values are equal.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use super::ids::GroupId;
use super::time::Timestamp;

/// Which kind of row a selection yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Of {
    Users,
    Devices,
}

/// A lazy, immutable query. Both sides of a set operation are of the same kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Select {
    All(Of),
    /// Users who are in the group, directly or through nested groups. A cycle among groups is
    /// walked once.
    Members(GroupId),
    /// Exactly these rows, in this order; ids that have gone are passed over.
    Ids(Of, Arc<[i64]>),
    Where(Arc<Select>, Condition),
    Union(Arc<Select>, Arc<Select>),
    /// Keeps the order of its left side, as `Where` and `Intersection` do; a union has no order.
    Difference(Arc<Select>, Arc<Select>),
    Intersection(Arc<Select>, Arc<Select>),
    /// Rows without the value come last, either way; rows with equal values keep the order they had.
    Ordered {
        of: Arc<Select>,
        by: Field,
        descending: bool,
    },
    Limited {
        of: Arc<Select>,
        rows: u64,
    },
    /// `rows` of them, the same ones for the same seed and roster, in the order they had.
    Sampled {
        of: Arc<Select>,
        rows: u64,
        seed: i64,
    },
}

impl Select {
    #[must_use]
    pub fn of(&self) -> Of {
        // A loop: a script can stack thousands of set operations.
        let mut select = self;
        loop {
            match select {
                Self::All(of) | Self::Ids(of, _) => return *of,
                Self::Members(_) => return Of::Users,
                Self::Where(inner, _)
                | Self::Union(inner, _)
                | Self::Difference(inner, _)
                | Self::Intersection(inner, _)
                | Self::Ordered { of: inner, .. }
                | Self::Limited { of: inner, .. }
                | Self::Sampled { of: inner, .. } => select = inner,
            }
        }
    }
}

impl Select {
    /// A group that every row of the selection is in by the way it was made: however it was narrowed since, who
    /// leaves that group is not of the selection any more.
    #[must_use]
    pub fn within(&self) -> Option<GroupId> {
        let mut left = vec![self];
        while let Some(select) = left.pop() {
            match select {
                Self::Members(group) => return Some(*group),
                Self::All(_) | Self::Ids(..) | Self::Union(..) => {}
                Self::Where(inner, _)
                | Self::Difference(inner, _)
                | Self::Ordered { of: inner, .. }
                | Self::Limited { of: inner, .. }
                | Self::Sampled { of: inner, .. } => left.push(inner),
                Self::Intersection(one, other) => left.extend([&**other, &**one]),
            }
        }
        None
    }
}

/// Dropped one by one and not inside each other: a script may stack a hundred thousand operations,
/// and the stack of a thread is not that deep.
impl Drop for Select {
    fn drop(&mut self) {
        let mut left = Vec::new();
        self.give_up_inner(&mut left);
        while let Some(select) = left.pop() {
            if let Some(mut select) = Arc::into_inner(select) {
                select.give_up_inner(&mut left);
            }
        }
    }
}

impl Select {
    /// Moves the selections that this one is made of to `left`; something small stands in for them.
    fn give_up_inner(&mut self, left: &mut Vec<Arc<Self>>) {
        static NOTHING: LazyLock<Arc<Select>> = LazyLock::new(|| Arc::new(Select::All(Of::Users)));
        let mut give_up = |inner: &mut Arc<Self>| left.push(std::mem::replace(inner, NOTHING.clone()));
        match self {
            Self::All(_) | Self::Ids(..) | Self::Members(_) => {}
            Self::Where(inner, _)
            | Self::Ordered { of: inner, .. }
            | Self::Limited { of: inner, .. }
            | Self::Sampled { of: inner, .. } => give_up(inner),
            Self::Union(one, other) | Self::Difference(one, other) | Self::Intersection(one, other) => {
                give_up(one);
                give_up(other);
            }
        }
    }
}

/// A condition on one row. A message that waits keeps one as JSON: what is renamed here can't be read there any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare {
        left: Operand,
        is: Comparison,
        right: Operand,
    },
    /// A field that is a truth value.
    Is(Field),
    /// A user is in the group, nested groups included; a device's assigned user is.
    InGroup(GroupId),
    /// A user of the device selection's rows, or a device of the user selection's rows, satisfies it:
    /// `u.devices.some(|d| …)` is `AnyDevice`.
    AnyDevice(Box<Condition>),
    Contains {
        text: Operand,
        part: Operand,
    },
    StartsWith {
        text: Operand,
        part: Operand,
    },
    EndsWith {
        text: Operand,
        part: Operand,
    },
    Always(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Operand {
    Field(Field),
    Value(Value),
}

/// What a row's field holds and what a condition compares with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    Nothing,
    Bool(bool),
    Int(i64),
    Text(String),
    Time(Timestamp),
}

/// The kind of value that a field holds when it holds one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Int,
    Text,
    Time,
}

macro_rules! fields {
    ($($variant:ident $of:ident $name:literal $kind:ident;)*) => {
        /// The plain fields of a row that conditions and orderings may name.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Field {
            $($variant,)*
            /// `u.attributes["house"]`.
            Attribute(String),
        }

        impl Field {
            /// Every plain field: its kind of row, its name in scripts, its kind of value.
            pub const PLAIN: &'static [(Of, &'static str, Kind, Self)] = &[$((Of::$of, $name, Kind::$kind, Self::$variant),)*];
        }
    };
}

fields! {
    Username Users "username" Text;
    FullName Users "full_name" Text;
    Mail Users "mail" Text;
    Language Users "language" Text;
    Timezone Users "timezone" Text;
    Department Users "department" Text;
    Title Users "title" Text;
    Enabled Users "enabled" Bool;
    ManagedAccount Users "managed_account" Text;
    Status Users "status" Text;
    Invited Users "invited" Bool;
    Enrolled Users "enrolled" Bool;
    InvitedAt Users "invited_at" Time;
    EnrolledAt Users "enrolled_at" Time;
    Reminders Users "reminders" Int;
    LastContact Users "last_contact" Time;
    Serial Devices "serial" Text;
    Udid Devices "udid" Text;
    DeviceName Devices "name" Text;
    Platform Devices "platform" Text;
    OsVersion Devices "os_version" Text;
    Model Devices "model" Text;
    Managed Devices "managed" Bool;
    LastSeen Devices "last_seen" Time;
    CanBeInvited Devices "can_be_invited" Bool;
}

impl Field {
    /// The field of that name on rows of that kind.
    #[must_use]
    pub fn named(of: Of, name: &str) -> Option<Self> {
        Self::PLAIN.iter().find(|(o, n, ..)| *o == of && *n == name).map(|(.., field)| field.clone())
    }

    /// The kind of value it holds when it holds one.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Self::PLAIN.iter().find(|(.., field)| field == self).map_or(Kind::Text, |(_, _, kind, _)| *kind)
    }

    /// How a script names it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Attribute(key) => format!("attributes[{key:?}]"),
            plain => Self::PLAIN.iter().find(|(.., f)| f == plain).map_or_else(String::new, |(_, n, ..)| (*n).to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_narrowed_is_still_within_its_group() {
        let members = |id| Arc::new(Select::Members(GroupId(id)));
        let everybody = Arc::new(Select::All(Of::Users));
        let narrowed = Arc::new(Select::Where(members(1), Condition::Always(true)));
        assert_eq!(Select::Limited { of: narrowed.clone(), rows: 3 }.within(), Some(GroupId(1)));
        assert_eq!(Select::Difference(narrowed.clone(), members(2)).within(), Some(GroupId(1)));
        assert_eq!(Select::Intersection(everybody.clone(), members(2)).within(), Some(GroupId(2)));
        assert_eq!(Select::Difference(everybody, members(2)).within(), None);
        assert_eq!(Select::Union(narrowed, members(2)).within(), None);
    }

    #[test]
    fn a_hundred_thousand_operations_are_dropped_without_a_deep_stack() {
        let mut select = Select::All(Of::Users);
        for n in 0..100_000 {
            select = Select::Union(Arc::new(select), Arc::new(Select::Limited { of: Arc::new(Select::All(Of::Users)), rows: n }));
        }
        assert_eq!(select.of(), Of::Users);
        drop(select);
    }
}
