//! A small school whose records have gaps, umlauts and look-alikes, and the script types to look at them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::{Dynamic, Engine, ImmutableString};

use crate::domain::ids::GroupId;
use crate::domain::selection::{Field, Of, Value};
use crate::domain::time::from_millis;

pub const NOW: i64 = 1_796_112_000_000;
const DAY: i64 = 86_400_000;

#[derive(Debug, Default)]
pub struct Record {
    fields: BTreeMap<String, Value>,
    attributes: BTreeMap<String, String>,
    /// Of a user: their groups, nested ones included.
    pub groups: Vec<GroupId>,
    /// Of a device: the number of its user.
    user: Option<usize>,
    number: usize,
}

#[derive(Clone, Debug)]
pub enum Row {
    User(Arc<Record>),
    Device(Arc<Record>),
}

#[derive(Clone, Copy, Debug)]
pub struct Rows(pub Of);

#[derive(Debug)]
pub struct School {
    users: Vec<Arc<Record>>,
    devices: Vec<Arc<Record>>,
}

/// The script's view of a user and of a device.
#[derive(Clone)]
struct Person(Arc<Record>);
#[derive(Clone)]
struct Gadget(Arc<Record>);
#[derive(Clone)]
struct Attributes(Arc<Record>);
/// An instant, in nanoseconds so that a script can have one between two milliseconds.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Moment(i64);
#[derive(Clone, Copy)]
struct Gap(i64);
/// A time type without comparisons.
#[derive(Clone, Copy)]
struct Mute;

const GROUPS: [&str; 3] = ["Grade 5", "Lehrkräfte", "School"];

fn text(words: &str) -> Value {
    Value::Text(words.to_owned())
}

fn some(words: &str) -> Value {
    if words == "-" { Value::Nothing } else { text(words) }
}

fn days_ago(days: Option<i64>) -> Value {
    days.map_or(Value::Nothing, |days| Value::Time(from_millis(NOW - days * DAY)))
}

/// Username, mail, department, title, status, enabled, days since the invitation and since the last contact,
/// reminders, groups, house.
type UserLine<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, bool, Option<i64>, Option<i64>, i64, &'a [i64], &'a str);
/// Serial, name, platform, system, managed, days since it was seen, number of its user.
type DeviceLine<'a> = (&'a str, &'a str, &'a str, &'a str, bool, Option<i64>, Option<usize>);

impl School {
    pub fn new() -> Arc<Self> {
        #[rustfmt::skip]
        let people: [UserLine<'_>; 12] = [
            ("ana",     "ana@school.example",  "Music",   "Ms",   "invited",  true,  Some(9),  Some(9),  1, &[0, 2], "red"),
            ("ben",     "-",                   "Music",   "-",    "none",     true,  None,     None,     0, &[0, 2], "-"),
            ("chloe",   "chloe@school.example","-",       "Ms",   "enrolled", true,  Some(30), Some(2),  2, &[2],    "blue"),
            ("dirk",    "dirk@SCHOOL.example", "music",   "Mr",   "invited",  false, Some(7),  Some(7),  5, &[],     "Red"),
            ("eve",     "",                    "",        "",     "retired",  true,  Some(90), Some(60), 0, &[1, 2], ""),
            ("fränzi",  "fränzi@schule.example","Müsik",  "Frau", "enrolled", true,  Some(8),  None,     3, &[1],    "grün"),
            ("\u{e9}a", "a\u{301}@x",          "Straße",  "-",    "none",     true,  None,     Some(0),  0, &[0],    "ß"),
            ("e\u{301}a","-",                  "STRASSE", "Dr",   "invited",  false, Some(0),  Some(7),  1, &[],     "ss"),
            ("\u{1f600}","\u{1f600}@x",        "\u{1f3b5}","-",   "none",     true,  None,     None,     0, &[2],    "-"),
            ("g%_o",    "100%@x_y",            "a\\b",    "'; --","invited",  true,  Some(6),  Some(1),  4, &[0, 1], "r_d"),
            ("hal",     "hal",                 "hal",     "hal",  "none",     false, None,     None,     0, &[],     "hal"),
            ("ida",     "-",                   "-",       "-",    "invited",  true,  Some(14), Some(14), 9, &[1],    "-"),
        ];
        let users = people.into_iter().enumerate().map(|(number, p)| {
            let mut fields = BTreeMap::new();
            let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
            set("username", text(p.0));
            set("full_name", text(&format!("{} van Dam", p.0)));
            set("mail", some(p.1));
            set("language", some(if number % 3 == 0 { "nl" } else { "-" }));
            set("timezone", some(if number % 4 == 0 { "Europe/Amsterdam" } else { "-" }));
            set("department", some(p.2));
            set("title", some(p.3));
            set("enabled", Value::Bool(p.5));
            set("managed_account", some(if number % 5 == 0 { "someone@appleid.example" } else { "-" }));
            set("status", text(p.4));
            set("invited", Value::Bool(p.6.is_some()));
            set("enrolled", Value::Bool(p.4 == "enrolled"));
            set("invited_at", days_ago(p.6));
            set("enrolled_at", days_ago(if p.4 == "enrolled" { p.7 } else { None }));
            set("reminders", Value::Int(p.8));
            set("last_contact", days_ago(p.7));
            let attributes = match p.10 {
                "-" => BTreeMap::new(),
                house => BTreeMap::from([("house".to_owned(), house.to_owned())]),
            };
            let groups = p.9.iter().map(|&g| GroupId(g)).collect();
            Arc::new(Record { fields, attributes, groups, user: None, number })
        });
        #[rustfmt::skip]
        let gadgets: [DeviceLine<'_>; 7] = [
            ("C01", "iPad of Ana",   "ipados", "18.1", true,  Some(1),  Some(0)),
            ("C02", "Mac van Ana",   "macos",  "15.2", true,  None,     Some(0)),
            ("C03", "Ben",           "ios",    "-",    false, Some(40), Some(1)),
            ("C04", "Fränzis Mac",   "macos",  "15.2", false, Some(3),  Some(5)),
            ("C05", "spare",         "ipados", "-",    false, None,     None),
            ("C06", "hall",          "tvos",   "18.0", true,  Some(0),  None),
            ("C07", "e\u{301}a",     "ipados", "17",   true,  Some(5),  Some(7)),
        ];
        let devices = gadgets.into_iter().enumerate().map(|(number, g)| {
            let mut fields = BTreeMap::new();
            let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
            set("serial", text(g.0));
            set("name", text(g.1));
            set("udid", some(if number % 2 == 0 { "00008" } else { "-" }));
            set("platform", text(g.2));
            set("os_version", some(g.3));
            set("model", some(if number == 3 { "Mac14,2" } else { "-" }));
            set("managed", Value::Bool(g.4));
            set("last_seen", days_ago(g.5));
            set("can_be_invited", Value::Bool(g.4 && g.6.is_some()));
            Arc::new(Record { fields, user: g.6, number, ..Record::default() })
        });
        Arc::new(Self { users: users.collect(), devices: devices.collect() })
    }

    pub fn rows(&self, of: Of) -> Vec<Row> {
        match of {
            Of::Users => self.users.iter().cloned().map(Row::User).collect(),
            Of::Devices => self.devices.iter().cloned().map(Row::Device).collect(),
        }
    }

    pub fn group(&self, name: &str) -> Option<GroupId> {
        GROUPS.iter().position(|g| *g == name).and_then(|n| i64::try_from(n).ok()).map(GroupId)
    }

    pub fn owner(&self, device: &Record) -> Option<&Arc<Record>> {
        device.user.map(|n| &self.users[n])
    }

    /// The devices of a user, the user of a device.
    pub fn others(&self, row: &Row) -> Vec<Row> {
        match row {
            Row::User(user) => self.devices.iter().filter(|d| d.user == Some(user.number)).cloned().map(Row::Device).collect(),
            Row::Device(device) => self.owner(device).cloned().map(Row::User).into_iter().collect(),
        }
    }
}

impl Row {
    fn record(&self) -> &Arc<Record> {
        match self {
            Self::User(record) | Self::Device(record) => record,
        }
    }

    pub fn value(&self, field: &Field) -> Value {
        match field {
            Field::Attribute(key) => self.record().attributes.get(key).map_or(Value::Nothing, |v| text(v)),
            plain => self.record().fields[&plain.name()].clone(),
        }
    }

    pub fn name(&self) -> String {
        let key = if matches!(self, Self::User(_)) { "username" } else { "serial" };
        format!("{:?}", self.record().fields[key])
    }

    pub fn to_dynamic(&self) -> Dynamic {
        match self.clone() {
            Self::User(record) => Dynamic::from(Person(record)),
            Self::Device(record) => Dynamic::from(Gadget(record)),
        }
    }
}

fn dynamic(value: &Value) -> Dynamic {
    match value {
        Value::Nothing => Dynamic::UNIT,
        Value::Bool(yes) => (*yes).into(),
        Value::Int(number) => (*number).into(),
        Value::Text(words) => words.into(),
        Value::Time(at) => Dynamic::from(Moment(at.timestamp_millis() * 1_000_000)),
    }
}

pub fn value_of(value: &Dynamic) -> Option<Value> {
    if value.is::<Mute>() {
        return Some(Value::Time(from_millis(NOW)));
    }
    value.clone().try_cast::<Moment>().map(|m| Value::Time(chrono::DateTime::from_timestamp_nanos(m.0)))
}

pub fn register(engine: &mut Engine, school: &Arc<School>) {
    engine.register_type_with_name::<Person>("User").register_type_with_name::<Gadget>("Device");
    for &(of, name, ..) in Field::PLAIN {
        match of {
            Of::Users => engine.register_get(name, move |p: &mut Person| dynamic(&p.0.fields[name])),
            Of::Devices => engine.register_get(name, move |g: &mut Gadget| dynamic(&g.0.fields[name])),
        };
    }
    engine.register_get("attributes", |p: &mut Person| Attributes(p.0.clone()));
    engine.register_indexer_get(|a: &mut Attributes, key: ImmutableString| -> Dynamic {
        a.0.attributes.get(key.as_str()).map_or(Dynamic::UNIT, Into::into)
    });
    let names =
        |groups: &[GroupId]| -> rhai::Array { groups.iter().map(|g| GROUPS[usize::try_from(g.0).unwrap()].into()).collect() };
    engine.register_get("groups", move |p: &mut Person| names(&p.0.groups));
    let world = school.clone();
    engine.register_fn("in_group", move |p: &mut Person, name: &str| world.group(name).is_some_and(|g| p.0.groups.contains(&g)));
    let world = school.clone();
    engine.register_get("devices", move |p: &mut Person| -> rhai::Array {
        world.others(&Row::User(p.0.clone())).iter().map(Row::to_dynamic).collect()
    });
    let world = school.clone();
    engine.register_get("user", move |g: &mut Gadget| {
        world.owner(&g.0).map_or(Dynamic::UNIT, |user| Dynamic::from(Person(user.clone())))
    });

    engine
        .register_type_with_name::<Moment>("Time")
        .register_fn("==", |a: Moment, b: Moment| a == b)
        .register_fn("!=", |a: Moment, b: Moment| a != b)
        .register_fn("<", |a: Moment, b: Moment| a < b)
        .register_fn("<=", |a: Moment, b: Moment| a <= b)
        .register_fn(">", |a: Moment, b: Moment| a > b)
        .register_fn(">=", |a: Moment, b: Moment| a >= b)
        .register_fn("-", |a: Moment, b: Gap| Moment(a.0 - b.0))
        .register_fn("+", |a: Moment, b: Gap| Moment(a.0 + b.0))
        .register_fn("+", |a: Gap, b: Gap| Gap(a.0 + b.0))
        .register_fn("days", |n: i64| Gap(n * DAY * 1_000_000))
        .register_fn("hours", |n: i64| Gap(n * DAY / 24 * 1_000_000))
        .register_fn("nanosecond", || Gap(1))
        .register_fn("mute", || Mute)
        .register_fn("now", || Moment(NOW * 1_000_000))
        .register_fn("date", |_: &str| -> Result<Moment, Box<rhai::EvalAltResult>> { Err("no such date".into()) });

    let mut globals = rhai::Module::new();
    for rows in Rows::all() {
        globals.set_var(if rows.0 == Of::Users { "users" } else { "devices" }, rows);
    }
    engine.register_global_module(globals.into());
}
