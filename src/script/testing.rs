//! A small school that everybody knows by name, in memory, for tests of the script host.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::domain::app::App;
use crate::domain::delivery::Channel;
use crate::domain::departure::Departure;
use crate::domain::device::{Device, Enrollment, Platform};
use crate::domain::group::{Enrolment, Group};
use crate::domain::ids::{DeliveryId, DeviceId, GroupId, RunId, UserId};
use crate::domain::invite_plan::{Candidate, CandidateDevice};
use crate::domain::limits::{Limits, ScriptLimits};
use crate::domain::mail_address::MailAddress;
use crate::domain::roster::{AppToken, AsOf, Read, RosterView};
use crate::domain::schedule::cron::Cron;
use crate::domain::schedule::timing::Timing;
use crate::domain::schedule::{Fold, Gap, Missed, Overlap, Schedule};
use crate::domain::selection::{Comparison, Condition, Field, Of, Operand, Select, Value};
use crate::domain::task::{Future, FutureTask, Page, Task, Waiting};
use crate::domain::time::{Span, Timestamp};
use crate::domain::user::{Status, User};
use crate::script::names::nearest_few;
use crate::script::{
    ParamAbort, ParamDecl, ParamSource, RunInput, RunOutput, ScheduleBook, ScriptError, ScriptHost, ScriptSource, SiteFacts,
    TemplateCheck, Turn,
};

/// Tuesday, 1 December 2026, 08:00 in Amsterdam.
pub fn now() -> Timestamp {
    chrono::DateTime::parse_from_rfc3339("2026-12-01T07:00:00Z").unwrap().to_utc()
}

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

impl RosterView for School {
    fn ids(&self, select: &Select) -> Read<Vec<i64>> {
        Ok(self.select(select))
    }
    fn count(&self, select: &Select) -> Read<u64> {
        Ok(self.select(select).len() as u64)
    }
    fn explain(&self, select: &Select) -> Read<String> {
        Ok(format!("query: {select:?}"))
    }
    fn users(&self, ids: &[i64]) -> Read<Vec<Arc<User>>> {
        Ok(ids.iter().filter_map(|id| self.users.get(*id as usize - 1)).cloned().collect())
    }
    fn devices(&self, ids: &[i64]) -> Read<Vec<Arc<Device>>> {
        Ok(ids.iter().filter_map(|id| self.devices.get(*id as usize - 1)).cloned().collect())
    }
    fn user_by_username(&self, username: &str) -> Read<Option<Arc<User>>> {
        Ok(self.users.iter().find(|u| u.username == username).cloned())
    }
    fn find_device(&self, name: &str) -> Read<Option<Arc<Device>>> {
        Ok(self.devices.iter().find(|d| d.serial == name || d.name == name).cloned())
    }
    fn group_by_name(&self, name: &str) -> Read<Option<Group>> {
        Ok(self.groups.iter().find(|g| g.name == name).cloned())
    }
    fn groups(&self) -> Read<Vec<Group>> {
        Ok(self.groups.clone())
    }
    fn groups_of(&self, user: UserId) -> Read<Vec<Group>> {
        Ok(self.groups.iter().filter(|g| self.members.contains(&(g.id, user))).cloned().collect())
    }
    fn devices_of(&self, user: UserId) -> Read<Vec<Arc<Device>>> {
        Ok(self.devices.iter().filter(|d| d.user == Some(user)).cloned().collect())
    }
    fn is_member(&self, group: GroupId, user: UserId) -> Read<bool> {
        Ok(self.members.contains(&(group, user)))
    }
    fn subgroups(&self, group: GroupId) -> Read<Vec<Group>> {
        Ok(self.groups.iter().filter(|g| self.nested.contains(&(group, g.id))).cloned().collect())
    }
    fn enrolment(&self, group: GroupId) -> Read<Enrolment> {
        let members: Vec<&Arc<User>> = self.users.iter().filter(|u| self.members.contains(&(group, u.id))).collect();
        let with = |status| members.iter().filter(|u| u.status == status).count() as u64;
        let devices = self.devices.iter().filter(|d| d.user.is_some_and(|u| self.members.contains(&(group, u)))).count() as u64;
        Ok(Enrolment {
            users: members.len() as u64,
            enrolled: with(Status::Enrolled),
            open: with(Status::Invited),
            retired: with(Status::Retired),
            devices,
        })
    }
    fn app_tokens(&self, devices: &[DeviceId]) -> Read<Vec<AppToken>> {
        let has = |d: &&DeviceId| d.0 == 2;
        Ok(devices.iter().filter(has).map(|d| AppToken { device: *d, topic: "example.app".into(), token: "aa".into() }).collect())
    }
    fn candidates(&self, users: &Select) -> Read<Vec<Candidate>> {
        self.candidates_asked.fetch_add(1, Ordering::Relaxed);
        let mut devices: BTreeMap<UserId, Vec<CandidateDevice>> = BTreeMap::new();
        for d in &self.devices {
            if let Some(user) = d.user {
                devices.entry(user).or_default().push(CandidateDevice {
                    device: d.id,
                    name: d.name.clone(),
                    platform: d.platform,
                    not_invitable: d.mdm_target().err(),
                });
            }
        }
        let enabled: HashSet<UserId> =
            self.members.iter().filter(|(g, _)| self.groups[g.0 as usize - 1].distribution).map(|(_, u)| *u).collect();
        let users = self.users(&self.select(users))?;
        Ok(users
            .into_iter()
            .map(|u| Candidate {
                user: u.id,
                username: u.username.clone(),
                full_name: u.full_name.clone(),
                enabled: u.enabled,
                status: u.status,
                invited_at: u.invited_at,
                last_contact: u.last_contact,
                has_mail: u.mail.is_some(),
                mail_dead: false,
                managed_account: u.managed_account.is_some(),
                distribution: u.distribution || enabled.contains(&u.id),
                under_way: false,
                doubtful: false,
                devices: devices.remove(&u.id).unwrap_or_default(),
            })
            .collect())
    }
    fn active_tasks(&self) -> Read<Vec<Task>> {
        Ok(self.tasks.clone())
    }
    fn future_tasks(&self, rules: &Departure, now: Timestamp, page: Page) -> Read<Future> {
        let later = |task: &&Task| task.next.is_some_and(|at| at > now);
        let tasks = self.tasks.iter().filter(later).map(|task| FutureTask {
            task: task.clone(),
            zone: rules.site_zone,
            leaves: task.next.unwrap_or(now),
            because: String::new(),
        });
        let tasks: Vec<FutureTask> = tasks.collect();
        let total = tasks.len() as u64;
        Ok(Future { total, tasks: tasks.into_iter().skip(page.from as usize).take(page.rows as usize).collect() })
    }
    fn failed_tasks(&self) -> Read<Vec<Task>> {
        Ok(Vec::new())
    }
    fn apps(&self) -> Read<Vec<App>> {
        Ok(self.apps.clone())
    }
    fn as_of(&self, when: Timestamp) -> Read<AsOf> {
        Ok(match self.past.range(..=when).next_back() {
            Some((_, school)) => AsOf::Known(Box::new(school.clone().dated(when))),
            None => AsOf::Before(self.past.keys().next().copied()),
        })
    }
    fn similar_usernames(&self, wanted: &str) -> Read<Vec<String>> {
        Ok(nearest_few(wanted, self.users.iter().map(|u| u.username.as_str()), 3).into_iter().map(str::to_owned).collect())
    }
    fn similar_devices(&self, wanted: &str) -> Read<Vec<String>> {
        Ok(nearest_few(wanted, self.devices.iter().map(|d| d.serial.as_str()), 3).into_iter().map(str::to_owned).collect())
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

struct Templates;

impl TemplateCheck for Templates {
    fn names(&self) -> Vec<String> {
        ["invitation", "last-call", "reminder", "report", "welcome"].map(str::to_owned).to_vec()
    }
    fn check_data(&self, name: &str, data: &serde_json::Value) -> Result<(), String> {
        let data = data.as_object().cloned().unwrap_or_default();
        self.check_keys(name, &data.keys().map(String::as_str).collect::<Vec<_>>())
    }
    fn check_keys(&self, name: &str, keys: &[&str]) -> Result<(), String> {
        if name == "report" && !keys.contains(&"enrolled") {
            return Err("it needs `enrolled`".into());
        }
        Ok(())
    }
}

pub fn site() -> SiteFacts {
    SiteFacts {
        name: "Sunnyside School".into(),
        zone: chrono_tz::Europe::Amsterdam,
        language: "nl".into(),
        contact: "it@sunnyside.example".into(),
        settings: serde_json::json!({ "helpdesk": "https://help.sunnyside.example", "days": 3 }).as_object().unwrap().clone(),
        limits: Limits::default(),
        channels: vec![Channel::Mdm, Channel::Mail],
        webhooks: vec!["staff-chat".into()],
        templates: Arc::new(Templates),
        schedules: Arc::new(Schedules([schedule().into()])),
    }
}

/// One schedule, which is not paused.
struct Schedules([Arc<Schedule>; 1]);

impl ScheduleBook for Schedules {
    fn all(&self) -> &[Arc<Schedule>] {
        &self.0
    }

    fn paused(&self) -> Read<BTreeSet<String>> {
        Ok(BTreeSet::new())
    }
}

fn schedule() -> Schedule {
    Schedule {
        name: "weekly-reminder".into(),
        script: "weekly-reminder.rhai".into(),
        timing: Timing {
            cron: Cron::parse("0 8 * * MON").unwrap(),
            zone: chrono_tz::Europe::Amsterdam,
            gap: Gap::NextValid,
            fold: Fold::First,
        },
        missed: Missed::RunOnce,
        max_late: Span::hours(6),
        overlap: Overlap::Skip,
        params: BTreeMap::new(),
    }
}

/// Parameters as the command line gives them.
#[derive(Default)]
pub struct Given(pub BTreeMap<String, String>);

impl ParamSource for Given {
    fn value(&self, decl: &ParamDecl) -> Result<Option<String>, ParamAbort> {
        Ok(self.0.get(&decl.name).cloned())
    }
}

/// A run in the making, and the lines that it printed.
pub struct Trial {
    pub input: RunInput,
    pub printed: Arc<Mutex<Vec<String>>>,
}

/// A run of `text` at Sunnyside School.
pub fn trial(text: &str) -> Trial {
    trial_in(School::sunnyside(), text)
}

pub fn trial_in(school: School, text: &str) -> Trial {
    let printed = Arc::new(Mutex::new(Vec::new()));
    let lines = printed.clone();
    let input = RunInput {
        script: ScriptSource { name: "scripts/test.rhai".into(), text: text.into(), folder: None, held: None },
        turn: Turn {
            view: Box::new(school),
            now: now(),
            params: Arc::new(Given::default()),
            stop: Arc::new(|| None),
            print: Arc::new(move |line| lines.lock().unwrap().push(line.to_owned())),
            asked_before: 0,
            debugger: None,
        },
        site: Arc::new(site()),
        trigger: "runbook".into(),
        dry_run: false,
        data: false,
        limits: ScriptLimits::default(),
    };
    Trial { input, printed }
}

impl Trial {
    pub fn with(mut self, change: impl FnOnce(&mut RunInput)) -> Self {
        change(&mut self.input);
        self
    }

    pub fn given(self, params: &[(&str, &str)]) -> Self {
        let given = params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        self.with(|input| input.turn.params = Arc::new(Given(given)))
    }

    /// Whatever runs without an error must pass the check without one.
    pub fn run(self) -> Result<RunOutput, ScriptError> {
        let (name, text) = (self.input.script.name.clone(), self.input.script.text.clone());
        let output = host().run(self.input)?;
        let errors: Vec<String> = host().check(&name, &text).iter().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "it runs, and the check says: {}", errors.join("\n"));
        Ok(output)
    }

    /// What it printed, and its last value.
    pub fn output(self) -> String {
        let printed = self.printed.clone();
        let output = self.run().unwrap_or_else(|error| panic!("{error}"));
        let mut lines = printed.lock().unwrap().clone();
        lines.extend(output.value);
        lines.join("\n")
    }

    /// The error's text.
    pub fn error(self) -> String {
        match self.run() {
            Ok(output) => panic!("it ran: {output:?}"),
            Err(error) => error.render(false),
        }
    }

    /// What it asked for, as a person confirms it.
    pub fn asked(self) -> String {
        let output = self.run().unwrap_or_else(|error| panic!("{error}"));
        let asked = output.asked.iter().map(|a| format!("{}:{} {}", a.origin.line, a.origin.column, a.intent.summary()));
        asked.collect::<Vec<_>>().join("\n")
    }
}

/// One host for all tests: its modules are shared.
pub fn host() -> &'static ScriptHost {
    static HOST: std::sync::OnceLock<ScriptHost> = std::sync::OnceLock::new();
    HOST.get_or_init(ScriptHost::new)
}
