//! Whatever changes the roster, its past is what was seen then.

use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::params;

use super::again::incoming;
use super::{ImportOptions, Site};
use crate::domain::device::Device;
use crate::domain::group::{Enrolment, Group};
use crate::domain::ids::{DeviceId, GroupId, UserId};
use crate::domain::intent::{Asked, DistributionTarget, Intent, Origin, Person};
use crate::domain::roster::{AsOf, RosterView};
use crate::domain::roster_change::Incoming;
use crate::domain::selection::{Condition, Field, Of, Select};
use crate::domain::time::{Timestamp, from_millis};
use crate::domain::user::{Status, User};
use crate::ports::apps_and_books::{RecordStatus, UserRecord};
use crate::ports::mdm::{DeviceReport, UserChannel};
use crate::store::{RunRecord, RunState, past};

/// Something that changes the roster.
#[derive(Clone, Debug)]
enum Step {
    Take(Box<Incoming>, bool),
    Distribute(DistributionTarget, bool),
    Assign(i64, Option<i64>),
    Report(DeviceReport),
    Invited(i64),
    Record(i64, RecordStatus),
    Bounced(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let id = || 1..7_i64;
    let udid = || (1..4_u8).prop_map(|n| format!("u{n}"));
    let target = prop_oneof![
        id().prop_map(|n| DistributionTarget::User(UserId(n))),
        id().prop_map(|n| DistributionTarget::Group(GroupId(n)))
    ];
    let channel = UserChannel { id: "501".to_owned(), short_name: Some("ana".to_owned()) };
    let report = prop_oneof![
        udid().prop_map(|udid| DeviceReport::Enrolled { udid, user_channel: None }),
        udid().prop_map(move |udid| DeviceReport::Enrolled { udid, user_channel: Some(channel.clone()) }),
        udid().prop_map(|udid| DeviceReport::Left { udid }),
        udid().prop_map(|udid| DeviceReport::Idle { udid }),
        (udid(), 1..5_u8).prop_map(|(udid, n)| DeviceReport::Reset {
            udid,
            serial: Some(format!("S{n}")),
            name: None,
            model: None,
            os_version: None
        }),
    ];
    let record = prop_oneof![Just(RecordStatus::Associated), Just(RecordStatus::Retired)];
    prop_oneof![
        6 => (incoming(), any::<bool>()).prop_map(|(incoming, directory)| Step::Take(Box::new(incoming), directory)),
        2 => (target, any::<bool>()).prop_map(|(target, on)| Step::Distribute(target, on)),
        2 => (id(), proptest::option::of(id())).prop_map(|(device, user)| Step::Assign(device, user)),
        2 => report.prop_map(Step::Report),
        3 => id().prop_map(Step::Invited),
        3 => (id(), record).prop_map(|(user, status)| Step::Record(user, status)),
        1 => id().prop_map(Step::Bounced),
    ]
}

impl Site {
    fn carry_out(&mut self, step: &Step, now: Timestamp) {
        match step {
            Step::Take(incoming, directory) => {
                let source = if *directory { "directory" } else { "files" }.to_owned();
                let options = ImportOptions { source, keep_missing: false };
                let drawn = &mut self.drawn;
                let mut draw = || {
                    *drawn += 1;
                    format!("client-{drawn}")
                };
                self.store.take_roster((**incoming).clone(), &options, now, &mut draw).unwrap();
            }
            Step::Distribute(target, on) => {
                self.ask(Intent::Distribution { target: *target, name: "x".to_owned(), on: *on }, now);
            }
            Step::Assign(device, to) => {
                let known = |table: &str, id: &i64| self.one(&format!("SELECT COUNT(*) FROM {table} WHERE id = {id}")) != "0";
                if to.is_none_or(|user| known("users", &user)) && known("devices", device) {
                    let to = to.map(|user| Person { user: UserId(user), username: "x".to_owned(), full_name: "x".to_owned() });
                    self.ask(Intent::AssignDevice { device: DeviceId(*device), serial: "S".to_owned(), to }, now);
                }
            }
            Step::Report(report) => {
                self.store.take_report(report, now).unwrap();
            }
            // As the outcome of a delivery does it.
            Step::Invited(user) => self.execute(&format!(
                "UPDATE users SET last_contact = {0}, invited_at = COALESCE(invited_at, {0}),
                    status = CASE WHEN status IN ('none', 'retired') THEN 'invited' ELSE status END WHERE id = {user}",
                now.timestamp_millis()
            )),
            Step::Record(user, status) => {
                let client = self.one(&format!("SELECT MAX(client_user_id) FROM users WHERE id = {user}"));
                let record =
                    UserRecord { client_user_id: client, email: None, status: status.clone(), invite_code: None, id_hash: None };
                self.store.take_records(&[record], None, now).unwrap();
            }
            // As letters do it that all came back.
            Step::Bounced(user) => self
                .store
                .transaction("write", |tx| {
                    let sql = "SELECT COUNT(*) FROM users WHERE id = ?1 AND status = 'invited'";
                    if tx.query_row(sql, params![user], |row| row.get::<_, i64>(0))? > 0 {
                        past::keep_standing(tx, *user, Status::None, now)?;
                        tx.execute("UPDATE users SET status = 'none', invited_at = NULL WHERE id = ?1", [user])?;
                    }
                    Ok(())
                })
                .unwrap(),
        }
    }

    fn ask(&self, intent: Intent, now: Timestamp) {
        let record = RunRecord {
            script: "s".to_owned(),
            script_hash: String::new(),
            trigger: "runbook".to_owned(),
            actor: "kim".to_owned(),
            params: serde_json::Value::Null,
            started_at: now,
            ended_at: now,
            state: RunState::Committed,
            summary: String::new(),
            output: String::new(),
            saw_run: 0,
        };
        self.store.commit_run(&record, &[Asked { intent, origin: Origin::default() }], now).unwrap();
    }
}

/// All that a script can see of a roster.
#[derive(Debug, PartialEq)]
struct Seen {
    users: Vec<(User, Vec<Group>, Vec<Device>)>,
    devices: Vec<Device>,
    groups: Vec<(Group, Enrolment, Vec<i64>)>,
    /// What conditions say of it.
    counts: Vec<u64>,
}

fn seen(view: &dyn RosterView) -> Seen {
    // When a device was last heard from, and whom something was last sent, is not known of the past for certain.
    let device = |device: &Device| Device { as_of: None, last_seen: None, ..device.clone() };
    let group = |group: &Group| Group { as_of: None, ..group.clone() };
    let all = |of| view.ids(&Select::All(of)).unwrap();
    let users = view.users(&all(Of::Users)).unwrap();
    let groups = view.groups().unwrap();
    let of_user = |user: &User| {
        let groups = view.groups_of(user.id).unwrap().iter().map(group).collect();
        let devices = view.devices_of(user.id).unwrap().iter().map(|d| device(d)).collect();
        (User { as_of: None, last_contact: None, ..user.clone() }, groups, devices)
    };
    let of_group = |one: &Group| {
        let enrolment = view.enrolment(&Select::Members(one.id)).unwrap();
        (group(one), enrolment, view.ids(&Select::Members(one.id)).unwrap())
    };
    let fields = [Field::Enrolled, Field::Invited, Field::Enabled];
    let conditions = fields.map(|field| Select::Where(Select::All(Of::Users).into(), Condition::Is(field)));
    let with_device = Condition::AnyDevice(Box::new(Condition::Is(Field::Managed)));
    let more = [
        Select::Where(Select::All(Of::Users).into(), with_device),
        Select::Where(Select::All(Of::Devices).into(), Condition::InGroup(GroupId(1))),
    ];
    Seen {
        users: users.iter().map(|user| of_user(user)).collect(),
        devices: view.devices(&all(Of::Devices)).unwrap().iter().map(|d| device(d)).collect(),
        groups: groups.iter().map(of_group).collect(),
        counts: conditions.iter().chain(&more).map(|select| view.count(select).unwrap()).collect(),
    }
}

fn past_of(present: &dyn RosterView, when: Timestamp) -> Box<dyn RosterView> {
    match present.as_of(when).unwrap() {
        AsOf::Known(view) => view,
        AsOf::Before(begins) => panic!("{when} lies before {begins:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_past_is_what_was_seen_then(first in incoming(), steps in vec((step(), 1..3_i64), 1..14), kept in 0..14_usize) {
        let mut site = Site::new();
        site.execute("PRAGMA synchronous = OFF");
        let mut now = from_millis(1_000_000);
        let begins = now;
        let mut moments = Vec::new();
        let first = (Step::Take(Box::new(first), false), 0);
        for (step, later) in std::iter::once(&first).chain(&steps) {
            now += crate::domain::time::Span::milliseconds(*later * 500);
            site.carry_out(step, now);
            moments.push((now, seen(&site.store.roster().unwrap()), step));
        }
        let present = site.store.roster().unwrap();
        let mut until = now + crate::domain::time::Span::days(1);
        for (at, then, step) in moments.iter().rev() {
            for when in [*at, until - crate::domain::time::Span::milliseconds(1)] {
                prop_assert_eq!(&seen(past_of(&present, when).as_ref()), then, "at {} after {:?}", when, step);
            }
            until = *at;
        }
        let before = begins - crate::domain::time::Span::milliseconds(1);
        prop_assert!(matches!(present.as_of(before).unwrap(), AsOf::Before(Some(known)) if known == begins));
        prop_assert_eq!(site.one("SELECT COUNT(*) FROM pragma_foreign_key_check"), "0");
        // What is older than its time goes, and what is younger stays as it was.
        let (from, ..) = &moments[kept % moments.len()];
        let mut walk = crate::store::OldRows::default();
        while site.store.erase_before(*from, &mut walk, 100, now).unwrap() {}
        let present = site.store.roster().unwrap();
        for (at, then, step) in moments.iter().filter(|(at, ..)| at >= from) {
            prop_assert_eq!(&seen(past_of(&present, *at).as_ref()), then, "kept from {}, at {} after {:?}", from, at, step);
        }
    }
}

#[test]
fn a_first_import_writes_no_past() {
    let mut site = Site::new();
    let incoming = Incoming {
        users: vec![super::user(1, "ana", "Ana Ruiz")],
        groups: vec![super::group(1, "Grade 5")],
        memberships: vec![super::member(1, "ana", "Grade 5")],
        devices: vec![super::device(1, "S1", Some("ana"))],
        ..Incoming::default()
    };
    site.carry_out(&Step::Take(Box::new(incoming.clone()), false), from_millis(5));
    site.carry_out(&Step::Take(Box::new(incoming), false), from_millis(9));
    let tables = ["users", "groups", "group_users", "group_groups", "devices", "standings"];
    for table in tables {
        assert_eq!(site.one(&format!("SELECT COUNT(*) FROM past_{table}")), "0", "{table}");
    }
    assert_eq!(site.one("SELECT group_concat(at) FROM roster_changes"), "5", "the second one changed nothing");
}
