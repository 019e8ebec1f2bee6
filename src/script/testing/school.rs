//! The school itself: its people, and what is true of them.

mod view;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::now;
use crate::domain::app::App;
use crate::domain::delivery::Channel;
use crate::domain::device::{Device, Enrollment, Platform};
use crate::domain::group::Group;
use crate::domain::ids::{DeliveryId, DeviceId, GroupId, RunId, UserId};
use crate::domain::mail_address::MailAddress;
use crate::domain::selection::{Comparison, Condition, Field, Of, Operand, Select, Value};
use crate::domain::task::{Task, Waiting};
use crate::domain::time::{Span, Timestamp};
use crate::domain::user::{Status, User};

/// The roster, in memory.
#[derive(Clone, Default)]
pub struct School {
    pub users: Vec<Arc<User>>,
    pub devices: Vec<Arc<Device>>,
    pub groups: Vec<Group>,
    pub members: Vec<(GroupId, UserId)>,
    /// The group, and one that is nested in it; its members are named twice.
    pub nested: Vec<(GroupId, GroupId)>,
    pub tasks: Vec<Task>,
    pub apps: Vec<App>,
    /// What it was from these instants on.
    pub past: BTreeMap<Timestamp, School>,
    /// How often `candidates` was asked.
    pub candidates_asked: Arc<AtomicUsize>,
}

impl School {
    /// Ana (enrolled), Ben (invited ten days ago), Chloe (fresh), Dev (no mail, no device), Eva (staff, German, a Mac).
    pub fn sunnyside() -> Self {
        let mut school = Self::default();
        let ana = school.user("ana", "Ana Ruiz");
        let ben = school.user("ben", "Ben Ito");
        let chloe = school.user("chloe", "Chloe Lee");
        let dev = school.user("dev", "Dev Patel");
        let eva = school.user("eva", "Eva Maier");
        school.change(ana, |u| {
            u.status = Status::Enrolled;
            u.invited_at = Some(now() - Span::days(20));
            u.enrolled_at = Some(now() - Span::days(19));
            u.last_contact = Some(now() - Span::days(20));
            u.attributes.insert("house".into(), "red".into());
        });
        school.change(ben, |u| {
            u.status = Status::Invited;
            u.invited_at = Some(now() - Span::days(10));
            u.last_contact = Some(now() - Span::days(10));
            u.reminders = 1;
        });
        school.change(dev, |u| u.mail = None);
        school.change(eva, |u| {
            u.department = Some("Music".into());
            u.language = Some("de".into());
            u.title = Some("Teacher".into());
        });
        let grade = school.group("Grade 5", true);
        let staff = school.group("Staff", false);
        school.members.extend([ana, ben, chloe, dev].map(|u| (grade, u)));
        school.members.push((staff, eva));
        let choir = school.group("Choir", false);
        school.group("Grade 6", true);
        school.members.push((choir, ana));
        school.device("C02X1", "Ana's iPad", Platform::Ipados, Some(ana));
        school.device("C02BEN", "Ben's iPad", Platform::Ipados, Some(ben));
        school.device("C02CHL", "Chloe's iPad", Platform::Ipados, Some(chloe));
        school.device("C02EVA", "Eva's Mac", Platform::Macos, Some(eva));
        school.device("C02TV", "Hall TV", Platform::Tvos, None);
        school.apps = vec![app("361285480", "Keynote", 60), app("361309726", "Pages", 10)];
        school.tasks = vec![task(1, ben, "Ben Ito")];
        // Sixty days ago Chloe was not in Grade 5, Ana was in the music department, Ben's iPad was Dev's.
        let mut before = school.clone();
        before.members.retain(|member| *member != (grade, chloe));
        before.change(ana, |u| {
            (u.status, u.enrolled_at, u.department) = (Status::Invited, None, Some("Music".into()));
            u.invited_at = Some(now() - Span::days(70));
            u.last_contact = u.invited_at;
        });
        before.devices.iter_mut().filter(|d| d.user == Some(ben)).for_each(|d| Arc::make_mut(d).user = Some(dev));
        school.past.insert(now() - Span::days(60), before);
        school
    }

    /// The same, read as of an instant.
    fn dated(mut self, when: Timestamp) -> Self {
        self.users.iter_mut().for_each(|u| Arc::make_mut(u).as_of = Some(when));
        self.devices.iter_mut().for_each(|d| Arc::make_mut(d).as_of = Some(when));
        self.groups.iter_mut().for_each(|g| g.as_of = Some(when));
        self
    }

    /// `n` users called `user1`, `user2`, … in the group Everybody, each with an iPad.
    pub fn large(n: i64) -> Self {
        let mut school = Self::default();
        let everybody = school.group("Everybody", true);
        for i in 1..=n {
            let user = school.user(&format!("user{i}"), &format!("User {i}"));
            school.members.push((everybody, user));
            school.device(&format!("S{i}"), &format!("iPad {i}"), Platform::Ipados, Some(user));
        }
        school
    }

    pub fn user(&mut self, username: &str, full_name: &str) -> UserId {
        let id = UserId(self.users.len() as i64 + 1);
        self.users.push(Arc::new(User {
            id,
            username: username.into(),
            full_name: full_name.into(),
            mail: MailAddress::parse(&format!("{username}@sunnyside.example")).ok(),
            language: None,
            timezone: None,
            department: None,
            title: None,
            enabled: true,
            managed_account: None,
            attributes: BTreeMap::new(),
            distribution: false,
            client_user_id: format!("00000000-0000-4000-8000-{:012}", id.0),
            status: Status::None,
            invited_at: None,
            enrolled_at: None,
            reminders: 0,
            last_contact: None,
            as_of: None,
        }));
        id
    }

    pub fn change(&mut self, id: UserId, change: impl FnOnce(&mut User)) {
        change(Arc::make_mut(&mut self.users[id.0 as usize - 1]));
    }

    pub fn group(&mut self, name: &str, distribution: bool) -> GroupId {
        let id = GroupId(self.groups.len() as i64 + 1);
        self.groups.push(Group { id, name: name.into(), distribution, as_of: None });
        id
    }

    pub fn device(&mut self, serial: &str, name: &str, platform: Platform, user: Option<UserId>) -> DeviceId {
        let id = DeviceId(self.devices.len() as i64 + 1);
        self.devices.push(Arc::new(Device {
            id,
            serial: serial.into(),
            udid: Some(format!("UDID-{serial}")),
            name: name.into(),
            platform,
            os_version: Some("26.1".into()),
            model: None,
            user,
            managed: true,
            enrollment: Enrollment::Device,
            user_channel: None,
            last_seen: Some(now() - Span::hours(1)),
            as_of: None,
        }));
        id
    }

    fn all(&self, of: Of) -> Vec<i64> {
        match of {
            Of::Users => self.users.iter().map(|u| u.id.0).collect(),
            Of::Devices => self.devices.iter().map(|d| d.id.0).collect(),
        }
    }

    fn select(&self, select: &Select) -> Vec<i64> {
        let inner = |s: &Select| self.select(s);
        match select {
            Select::All(of) => self.all(*of),
            Select::Members(group) => self.members.iter().filter(|(g, _)| g == group).map(|(_, u)| u.0).collect(),
            Select::Ids(of, ids) => {
                let known: HashSet<i64> = self.all(*of).into_iter().collect();
                ids.iter().copied().filter(|id| known.contains(id)).collect()
            }
            Select::Where(of, condition) => inner(of).into_iter().filter(|id| self.holds(of.of(), *id, condition)).collect(),
            Select::Union(a, b) => {
                let mut ids = inner(a);
                let seen: HashSet<i64> = ids.iter().copied().collect();
                ids.extend(inner(b).into_iter().filter(|id| !seen.contains(id)));
                ids
            }
            Select::Difference(a, b) => {
                let not: HashSet<i64> = inner(b).into_iter().collect();
                inner(a).into_iter().filter(|id| !not.contains(id)).collect()
            }
            Select::Intersection(a, b) => {
                let also: HashSet<i64> = inner(b).into_iter().collect();
                inner(a).into_iter().filter(|id| also.contains(id)).collect()
            }
            Select::Ordered { of, by, descending } => {
                let mut ids = inner(of);
                ids.sort_by_key(|id| format!("{:?}", self.value(of.of(), *id, by)));
                if *descending {
                    ids.reverse();
                }
                ids
            }
            Select::Limited { of, rows } => inner(of).into_iter().take(*rows as usize).collect(),
            Select::Sampled { of, rows, seed } => {
                let mut ids = inner(of);
                ids.sort_by_key(|id| (id ^ seed).wrapping_mul(2_654_435_761) & 0xffff);
                ids.into_iter().take(*rows as usize).collect()
            }
        }
    }

    fn value(&self, of: Of, id: i64, field: &Field) -> Value {
        let text = |t: &Option<String>| t.clone().map_or(Value::Nothing, Value::Text);
        let time = |t: Option<Timestamp>| t.map_or(Value::Nothing, Value::Time);
        if of == Of::Devices {
            let d = &self.devices[id as usize - 1];
            return match field {
                Field::Serial => Value::Text(d.serial.clone()),
                Field::Udid => text(&d.udid),
                Field::DeviceName => Value::Text(d.name.clone()),
                Field::Platform => Value::Text(d.platform.word().into()),
                Field::OsVersion => text(&d.os_version),
                Field::Model => text(&d.model),
                Field::Managed => Value::Bool(d.managed),
                Field::LastSeen => time(d.last_seen),
                Field::CanBeInvited => Value::Bool(d.mdm_target().is_ok()),
                other => panic!("a device has no {other:?}"),
            };
        }
        let u = &self.users[id as usize - 1];
        match field {
            Field::Username => Value::Text(u.username.clone()),
            Field::FullName => Value::Text(u.full_name.clone()),
            Field::Mail => u.mail.as_ref().map_or(Value::Nothing, |m| Value::Text(m.to_string())),
            Field::Language => text(&u.language),
            Field::Timezone => text(&u.timezone),
            Field::Department => text(&u.department),
            Field::Title => text(&u.title),
            Field::Enabled => Value::Bool(u.enabled),
            Field::ManagedAccount => text(&u.managed_account),
            Field::Status => Value::Text(u.status.word().into()),
            Field::Invited => Value::Bool(u.invited()),
            Field::Enrolled => Value::Bool(u.enrolled()),
            Field::InvitedAt => time(u.invited_at),
            Field::EnrolledAt => time(u.enrolled_at),
            Field::Reminders => Value::Int(i64::from(u.reminders)),
            Field::LastContact => time(u.last_contact),
            Field::Attribute(key) => u.attributes.get(key).cloned().map_or(Value::Nothing, Value::Text),
            other => panic!("a user has no {other:?}"),
        }
    }

    fn holds(&self, of: Of, id: i64, condition: &Condition) -> bool {
        let value = |operand: &Operand| match operand {
            Operand::Field(field) => self.value(of, id, field),
            Operand::Value(value) => value.clone(),
        };
        let texts = |text: &Operand, part: &Operand, holds: fn(&str, &str) -> bool| match (value(text), value(part)) {
            (Value::Text(text), Value::Text(part)) => holds(&text, &part),
            _ => false,
        };
        match condition {
            Condition::And(a, b) => self.holds(of, id, a) && self.holds(of, id, b),
            Condition::Or(a, b) => self.holds(of, id, a) || self.holds(of, id, b),
            Condition::Not(a) => !self.holds(of, id, a),
            Condition::Is(field) => self.value(of, id, field) == Value::Bool(true),
            Condition::Always(answer) => *answer,
            Condition::InGroup(group) if of == Of::Users => self.members.contains(&(*group, UserId(id))),
            Condition::InGroup(group) => {
                self.devices[id as usize - 1].user.is_some_and(|user| self.members.contains(&(*group, user)))
            }
            Condition::AnyDevice(inner) if of == Of::Users => {
                self.devices.iter().any(|d| d.user == Some(UserId(id)) && self.holds(Of::Devices, d.id.0, inner))
            }
            Condition::AnyDevice(inner) => {
                self.devices[id as usize - 1].user.is_some_and(|user| self.holds(Of::Users, user.0, inner))
            }
            Condition::Contains { text, part } => texts(text, part, |t, p| t.contains(p)),
            Condition::StartsWith { text, part } => texts(text, part, |t, p| t.starts_with(p)),
            Condition::EndsWith { text, part } => texts(text, part, |t, p| t.ends_with(p)),
            Condition::Compare { left, is, right } => {
                let (left, right) = (value(left), value(right));
                let order = match (&left, &right) {
                    (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
                    (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
                    (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
                    _ => None,
                };
                match is {
                    Comparison::Equal => left == right,
                    Comparison::NotEqual => left != right,
                    Comparison::Less => order.is_some_and(std::cmp::Ordering::is_lt),
                    Comparison::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
                    Comparison::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
                    Comparison::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
                }
            }
        }
    }
}

fn app(adam_id: &str, name: &str, total: u32) -> App {
    App {
        adam_id: adam_id.into(),
        name: name.into(),
        kind: "App".into(),
        pricing: "STDQ".into(),
        available: total,
        assigned: 0,
        total,
    }
}

fn task(delivery: i64, user: UserId, full_name: &str) -> Task {
    Task {
        delivery: Some(DeliveryId(delivery)),
        run: RunId(17),
        number: 3,
        user: Some(user),
        username: "ben".into(),
        full_name: full_name.into(),
        device: Some("Ben's iPad".into()),
        channel: Some(Channel::Mdm),
        what: "invitation".into(),
        waiting_for: Waiting::Acceptance,
        since: now() - Span::days(1),
        next: None,
        attempts: 1,
        words: None,
    }
}
