//! The second opinion: plain values and plain loops.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use crate::domain::device::Device;
use crate::domain::group::Enrolment;
use crate::domain::ids::{GroupId, UserId};
use crate::domain::selection::{Comparison, Condition, Field, Of, Operand, Select, Value};
use crate::domain::user::{Status, User};
use crate::store::selection_sql::sample_rank;

#[derive(Clone, Debug, Default)]
pub struct Roster {
    /// A user, and whether nobody sees them.
    pub users: Vec<(User, bool)>,
    /// A device, and whether it has gone.
    pub devices: Vec<(Device, bool)>,
    pub members: BTreeSet<(i64, i64)>,
    pub nested: BTreeSet<(i64, i64)>,
}

pub const GROUPS: i64 = 4;

#[derive(Clone, Copy)]
enum Row<'a> {
    User(&'a User),
    Device(&'a Device),
}

impl Roster {
    pub fn add_plain_users(&mut self, count: i64) {
        for n in 0..count {
            self.users.push((super::generated::plain_user(n), false));
        }
    }

    pub fn visible_users(&self) -> Vec<User> {
        self.users.iter().filter(|(_, hidden)| !hidden).map(|(user, _)| user.clone()).collect()
    }

    /// A hidden user is nobody's user.
    pub fn visible_devices(&self) -> Vec<Device> {
        let hidden: Vec<UserId> = self.users.iter().filter(|(_, hidden)| *hidden).map(|(user, _)| user.id).collect();
        let there = self.devices.iter().filter(|(_, gone)| !gone).map(|(device, _)| device.clone());
        there.map(|d| Device { user: d.user.filter(|id| !hidden.contains(id)), ..d }).collect()
    }

    pub fn is_member(&self, group: GroupId, user: UserId) -> bool {
        let mut inside = BTreeSet::from([group.0]);
        loop {
            let more: Vec<i64> =
                self.nested.iter().filter(|(p, c)| inside.contains(p) && !inside.contains(c)).map(|(_, c)| *c).collect();
            if more.is_empty() {
                break;
            }
            inside.extend(more);
        }
        inside.iter().any(|g| self.members.contains(&(*g, user.0)))
    }

    pub fn enrolment(&self, group: GroupId) -> Enrolment {
        let mut figures = Enrolment::default();
        for user in self.visible_users().iter().filter(|user| self.is_member(group, user.id)) {
            figures.users += 1;
            figures.enrolled += u64::from(user.status == Status::Enrolled);
            figures.open += u64::from(user.status == Status::Invited);
            figures.retired += u64::from(user.status == Status::Retired);
            figures.devices += self.visible_devices().iter().filter(|device| device.user == Some(user.id)).count() as u64;
        }
        figures
    }

    /// The rows of a selection in its order.
    pub fn rows(&self, select: &Select) -> Vec<i64> {
        let (users, devices) = (self.visible_users(), self.visible_devices());
        let all = |of| match of {
            Of::Users => users.iter().map(|u| u.id.0).collect::<Vec<_>>(),
            Of::Devices => devices.iter().map(|d| d.id.0).collect(),
        };
        let of = select.of();
        let row = |id: i64| match of {
            Of::Users => Row::User(users.iter().find(|u| u.id.0 == id).unwrap()),
            Of::Devices => Row::Device(devices.iter().find(|d| d.id.0 == id).unwrap()),
        };
        match select {
            Select::All(of) => all(*of),
            Select::Members(group) => users.iter().filter(|u| self.is_member(*group, u.id)).map(|u| u.id.0).collect(),
            Select::Ids(of, ids) => {
                let there = all(*of);
                let mut seen = BTreeSet::new();
                ids.iter().copied().filter(|id| there.contains(id) && seen.insert(*id)).collect()
            }
            Select::Where(inner, condition) => {
                self.rows(inner).into_iter().filter(|id| self.holds(condition, &[row(*id)])).collect()
            }
            Select::Union(a, b) => {
                let set: BTreeSet<i64> = self.rows(a).into_iter().chain(self.rows(b)).collect();
                set.into_iter().collect()
            }
            Select::Difference(a, b) => {
                let without = self.rows(b);
                self.rows(a).into_iter().filter(|id| !without.contains(id)).collect()
            }
            Select::Intersection(a, b) => {
                let with = self.rows(b);
                self.rows(a).into_iter().filter(|id| with.contains(id)).collect()
            }
            Select::Ordered { of, by, descending } => {
                let mut rows = self.rows(of);
                rows.sort_by(|a, b| {
                    let (a, b) = (value(by, &[row(*a)]), value(by, &[row(*b)]));
                    match (a == Value::Nothing, b == Value::Nothing) {
                        (false, false) if *descending => order(&b, &a).unwrap(),
                        (false, false) => order(&a, &b).unwrap(),
                        (a, b) => a.cmp(&b),
                    }
                });
                rows
            }
            Select::Limited { of, rows } => {
                let mut ids = self.rows(of);
                ids.truncate(usize::try_from(*rows).unwrap_or(usize::MAX));
                ids
            }
            Select::Sampled { of, rows, seed } => {
                let ids = self.rows(of);
                let mut ranked: Vec<(i64, i64)> = ids.iter().map(|id| (sample_rank(*id, *seed), *id)).collect();
                ranked.sort_unstable();
                ranked.truncate(usize::try_from(*rows).unwrap_or(usize::MAX));
                ids.into_iter().filter(|id| ranked.iter().any(|(_, chosen)| chosen == id)).collect()
            }
        }
    }

    fn holds(&self, condition: &Condition, scopes: &[Row<'_>]) -> bool {
        let text_pair = |text: &Operand, part: &Operand, test: fn(&str, &str) -> bool| match (of(text, scopes), of(part, scopes))
        {
            (Value::Text(text), Value::Text(part)) => test(&text, &part),
            _ => false,
        };
        match condition {
            Condition::And(a, b) => self.holds(a, scopes) && self.holds(b, scopes),
            Condition::Or(a, b) => self.holds(a, scopes) || self.holds(b, scopes),
            Condition::Not(a) => !self.holds(a, scopes),
            Condition::Always(yes) => *yes,
            Condition::Is(field) => value(field, scopes) == Value::Bool(true),
            Condition::Compare { left, is, right } => compare(&of(left, scopes), *is, &of(right, scopes)),
            Condition::Contains { text, part } => text_pair(text, part, |t, p| t.contains(p)),
            Condition::StartsWith { text, part } => text_pair(text, part, |t, p| t.starts_with(p)),
            Condition::EndsWith { text, part } => text_pair(text, part, |t, p| t.ends_with(p)),
            Condition::InGroup(group) => match scopes.last().unwrap() {
                Row::User(user) => self.is_member(*group, user.id),
                Row::Device(device) => device.user.is_some_and(|user| self.is_member(*group, user)),
            },
            Condition::AnyDevice(inner) => {
                let deeper = |row| [scopes, &[row]].concat();
                match scopes.last().unwrap() {
                    Row::User(user) => self
                        .visible_devices()
                        .iter()
                        .any(|d| d.user == Some(user.id) && self.holds(inner, &deeper(Row::Device(d)))),
                    Row::Device(device) => {
                        self.visible_users().iter().any(|u| device.user == Some(u.id) && self.holds(inner, &deeper(Row::User(u))))
                    }
                }
            }
        }
    }

    pub fn fill(&self, connection: &Connection) {
        let insert = |sql: &str, values: &[&dyn rusqlite::ToSql]| assert_eq!(connection.execute(sql, values).unwrap(), 1);
        for group in 1..=GROUPS {
            insert("INSERT INTO groups (id, name, source) VALUES (?1, 'group ' || ?1, 'test')", params![group]);
        }
        let ms = |at: Option<crate::domain::time::Timestamp>| at.map(|at| at.timestamp_millis());
        for (u, hidden) in &self.users {
            insert(
                "INSERT INTO users (id, username, full_name, mail, language, timezone, department, title, enabled, managed_account,
                                    attributes, distribution, client_user_id, status, invited_at, enrolled_at, reminders, last_contact,
                                    hidden, source)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, 'test')",
                params![
                    u.id.0,
                    u.username,
                    u.full_name,
                    u.mail.as_ref().map(|m| m.as_str()),
                    u.language,
                    u.timezone,
                    u.department,
                    u.title,
                    u.enabled,
                    u.managed_account,
                    serde_json::to_string(&u.attributes).unwrap(),
                    u.distribution,
                    u.client_user_id,
                    u.status.word(),
                    ms(u.invited_at),
                    ms(u.enrolled_at),
                    u.reminders,
                    ms(u.last_contact),
                    hidden
                ],
            );
        }
        for (d, gone) in &self.devices {
            insert(
                "INSERT INTO devices (id, serial, udid, name, platform, os_version, model, user_id, managed, enrollment, user_channel,
                                      last_seen, gone_at, source)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 'test')",
                params![
                    d.id.0,
                    d.serial,
                    d.udid,
                    d.name,
                    d.platform.word(),
                    d.os_version,
                    d.model,
                    d.user.map(|u| u.0),
                    d.managed,
                    d.enrollment.word(),
                    d.user_channel,
                    ms(d.last_seen),
                    gone.then_some(1)
                ],
            );
        }
        for (group, user) in &self.members {
            insert("INSERT INTO group_users (group_id, user_id, source) VALUES (?1, ?2, 'test')", params![group, user]);
        }
        for (parent, child) in &self.nested {
            insert("INSERT INTO group_groups (parent_id, child_id, source) VALUES (?1, ?2, 'test')", params![parent, child]);
        }
    }
}

fn of(operand: &Operand, scopes: &[Row<'_>]) -> Value {
    match operand {
        Operand::Value(value) => value.clone(),
        Operand::Field(field) => value(field, scopes),
    }
}

fn order(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn compare(a: &Value, is: Comparison, b: &Value) -> bool {
    use Comparison as C;
    match is {
        C::Equal => a == b,
        C::NotEqual => a != b,
        C::Less => order(a, b).is_some_and(|o| o.is_lt()),
        C::LessOrEqual => order(a, b).is_some_and(|o| o.is_le()),
        C::Greater => order(a, b).is_some_and(|o| o.is_gt()),
        C::GreaterOrEqual => order(a, b).is_some_and(|o| o.is_ge()),
    }
}

fn value(field: &Field, scopes: &[Row<'_>]) -> Value {
    scopes.iter().rev().find_map(|row| field_of(field, *row)).unwrap()
}

/// `None` when rows of that kind have no such field.
fn field_of(field: &Field, row: Row<'_>) -> Option<Value> {
    let text = |t: &Option<String>| t.clone().map_or(Value::Nothing, Value::Text);
    let time = |t: Option<crate::domain::time::Timestamp>| t.map_or(Value::Nothing, Value::Time);
    Some(match (field, row) {
        (Field::Username, Row::User(u)) => Value::Text(u.username.clone()),
        (Field::FullName, Row::User(u)) => Value::Text(u.full_name.clone()),
        (Field::Mail, Row::User(u)) => text(&u.mail.as_ref().map(|m| m.as_str().to_owned())),
        (Field::Language, Row::User(u)) => text(&u.language),
        (Field::Timezone, Row::User(u)) => text(&u.timezone),
        (Field::Department, Row::User(u)) => text(&u.department),
        (Field::Title, Row::User(u)) => text(&u.title),
        (Field::Enabled, Row::User(u)) => Value::Bool(u.enabled),
        (Field::ManagedAccount, Row::User(u)) => text(&u.managed_account),
        (Field::Status, Row::User(u)) => Value::Text(u.status.word().to_owned()),
        (Field::Invited, Row::User(u)) => Value::Bool(u.invited_at.is_some()),
        (Field::Enrolled, Row::User(u)) => Value::Bool(u.status == Status::Enrolled),
        (Field::InvitedAt, Row::User(u)) => time(u.invited_at),
        (Field::EnrolledAt, Row::User(u)) => time(u.enrolled_at),
        (Field::Reminders, Row::User(u)) => Value::Int(i64::from(u.reminders)),
        (Field::LastContact, Row::User(u)) => time(u.last_contact),
        (Field::Attribute(key), Row::User(u)) => text(&u.attributes.get(key).cloned()),
        (Field::Serial, Row::Device(d)) => Value::Text(d.serial.clone()),
        (Field::Udid, Row::Device(d)) => text(&d.udid),
        (Field::DeviceName, Row::Device(d)) => Value::Text(d.name.clone()),
        (Field::Platform, Row::Device(d)) => Value::Text(d.platform.word().to_owned()),
        (Field::OsVersion, Row::Device(d)) => text(&d.os_version),
        (Field::Model, Row::Device(d)) => text(&d.model),
        (Field::Managed, Row::Device(d)) => Value::Bool(d.managed),
        (Field::LastSeen, Row::Device(d)) => time(d.last_seen),
        (Field::CanBeInvited, Row::Device(d)) => Value::Bool(d.mdm_target().is_ok()),
        _ => return None,
    })
}
