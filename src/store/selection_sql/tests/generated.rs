//! Small rosters and selections from few values, so that comparisons often hit.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::{btree_set, vec};
use proptest::option::of as maybe;
use proptest::prelude::*;
use proptest::sample::select as one_of;

use super::evaluator::{GROUPS, Roster};
use crate::domain::device::{Device, Enrollment, Platform};
use crate::domain::ids::{DeviceId, GroupId, UserId};
use crate::domain::mail_address::MailAddress;
use crate::domain::selection::{Comparison, Condition, Field, Of, Operand, Select, Value};
use crate::domain::time::{Timestamp, from_millis};
use crate::domain::user::{Status, User};

const TEXTS: &[&str] = &[
    "",
    "a",
    "A",
    "ab",
    "b",
    "ba",
    "\u{e9}",
    "e\u{301}",
    "\u{c9}",
    "\u{df}",
    "ss",
    "it's",
    "%",
    "_",
    "a%",
    "\0a",
    "a\0b",
    "\u{65e5}\u{672c}",
    "\u{1f600}",
    "\u{ffff}",
    "none",
    "invited",
    "ios",
    "macos",
    "u1",
    "?1",
    "10",
    "9",
];
const KEYS: &[&str] = &["house", "gr\u{f6}\u{df}e", "a\"b", "$.house", "", "[0]", "0", "a.b", "a\\b", "\u{1}", "it's", "house\""];
const USERS: i64 = 6;
const DEVICES: i64 = 6;

fn text() -> impl Strategy<Value = String> + Clone {
    one_of(TEXTS).prop_map(str::to_owned)
}

fn time() -> impl Strategy<Value = Timestamp> + Clone {
    (-2..4_i64).prop_map(from_millis)
}

pub fn plain_user(n: i64) -> User {
    User {
        id: UserId(n + 1),
        username: format!("u{n}"),
        full_name: String::new(),
        mail: None,
        language: None,
        timezone: None,
        department: None,
        title: None,
        enabled: true,
        managed_account: None,
        attributes: BTreeMap::new(),
        distribution: false,
        client_user_id: format!("client-{n}"),
        status: Status::None,
        invited_at: None,
        enrolled_at: None,
        reminders: 0,
        last_contact: None,
        as_of: None,
    }
}

fn user(n: i64) -> impl Strategy<Value = (User, bool)> {
    let texts = (maybe(text()), maybe(text()), maybe(text()), maybe(text()), maybe(text()), text());
    let mail = maybe(one_of(vec!["a@b.example", "A@b.example", "\u{e9}@b.example"]));
    let states = one_of(vec![Status::None, Status::Invited, Status::Enrolled, Status::Retired]);
    let times = (maybe(time()), maybe(time()), maybe(time()));
    // JSON can't carry a NUL through SQLite; the import refuses it.
    let value = text().prop_map(|t| t.replace('\0', ""));
    let attributes = proptest::collection::btree_map(one_of(KEYS).prop_map(str::to_owned), value, 0..4);
    let flags = (any::<bool>(), any::<bool>(), proptest::bool::weighted(0.15));
    (texts, mail, states, times, attributes, flags, 0..3_u32).prop_map(
        move |(
            (language, timezone, department, title, managed_account, full_name),
            mail,
            status,
            times,
            attributes,
            flags,
            reminders,
        )| {
            let user = User {
                full_name,
                mail: mail.map(|m| MailAddress::parse(m).unwrap()),
                language,
                timezone,
                department,
                title,
                enabled: flags.0,
                managed_account,
                attributes,
                distribution: flags.1,
                status,
                invited_at: times.0,
                enrolled_at: times.1,
                reminders,
                last_contact: times.2,
                ..plain_user(n)
            };
            (user, flags.2)
        },
    )
}

fn device(n: i64) -> impl Strategy<Value = (Device, bool)> {
    let texts = (text(), maybe(text()), maybe(text()), maybe(text()));
    let kinds = (one_of(&Platform::ALL[..]), one_of(&Enrollment::ALL[..]));
    let flags = (any::<bool>(), any::<bool>(), proptest::bool::weighted(0.15));
    (texts, kinds, flags, maybe(1..=USERS), maybe(time())).prop_map(
        move |((name, os_version, model, user_channel), (platform, enrollment), (managed, udid, gone), user, last_seen)| {
            let device = Device {
                id: DeviceId(n + 1),
                serial: format!("S{n}"),
                udid: udid.then(|| format!("udid-{n}")),
                name,
                platform,
                os_version,
                model,
                user: user.map(UserId),
                managed,
                enrollment,
                user_channel,
                last_seen,
                as_of: None,
            };
            (device, gone)
        },
    )
}

pub fn roster() -> impl Strategy<Value = Roster> {
    let users: Vec<_> = (0..USERS).map(user).collect();
    let devices: Vec<_> = (0..DEVICES).map(device).collect();
    let members = btree_set((1..=GROUPS, 1..=USERS), 0..8);
    let nested = btree_set((1..=GROUPS, 1..=GROUPS), 0..6);
    (users, devices, members, nested).prop_map(|(users, devices, members, nested)| Roster { users, devices, members, nested })
}

pub fn groups_in_any_order() -> impl Strategy<Value = Vec<GroupId>> {
    Just((1..=GROUPS).map(GroupId).collect::<Vec<_>>()).prop_shuffle()
}

fn field(of: Of) -> BoxedStrategy<Field> {
    let plain: Vec<Field> = Field::PLAIN.iter().filter(|(o, ..)| *o == of).map(|(.., f)| f.clone()).collect();
    match of {
        Of::Users => prop_oneof![4 => one_of(plain), 1 => one_of(KEYS).prop_map(|k| Field::Attribute(k.to_owned()))].boxed(),
        Of::Devices => one_of(plain).boxed(),
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Nothing),
        1 => any::<bool>().prop_map(Value::Bool),
        2 => (-1..4_i64).prop_map(Value::Int),
        5 => text().prop_map(Value::Text),
        2 => time().prop_map(Value::Time),
    ]
}

/// Fields of the given kinds of row: of more than one inside a condition about the other kind.
fn operand(scopes: &'static [Of]) -> BoxedStrategy<Operand> {
    let fields = one_of(scopes).prop_flat_map(field);
    prop_oneof![3 => fields.prop_map(Operand::Field), 2 => value().prop_map(Operand::Value)].boxed()
}

const BOTH: &[Of] = &[Of::Users, Of::Devices];

fn condition(of: Of, scopes: &'static [Of], depth: u32) -> BoxedStrategy<Condition> {
    let comparisons = vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ];
    let truths: Vec<Field> = Field::PLAIN
        .iter()
        .filter(|(o, _, kind, _)| scopes.contains(o) && *kind == crate::domain::selection::Kind::Bool)
        .map(|(.., f)| f.clone())
        .collect();
    let pair = || (operand(scopes), operand(scopes));
    let compare = (operand(scopes), one_of(comparisons), operand(scopes));
    let leaf = prop_oneof![
        6 => compare.prop_map(|(left, is, right)| Condition::Compare { left, is, right }),
        2 => one_of(truths).prop_map(Condition::Is),
        1 => (1..=GROUPS).prop_map(|g| Condition::InGroup(GroupId(g))),
        1 => pair().prop_map(|(text, part)| Condition::Contains { text, part }),
        1 => pair().prop_map(|(text, part)| Condition::StartsWith { text, part }),
        1 => pair().prop_map(|(text, part)| Condition::EndsWith { text, part }),
        1 => any::<bool>().prop_map(Condition::Always),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let other = if of == Of::Users { Of::Devices } else { Of::Users };
    let two = || (condition(of, scopes, depth - 1), condition(of, scopes, depth - 1));
    prop_oneof![
        3 => leaf,
        2 => condition(of, scopes, depth - 1).prop_map(|c| Condition::Not(Box::new(c))),
        1 => two().prop_map(|(a, b)| Condition::And(Box::new(a), Box::new(b))),
        1 => two().prop_map(|(a, b)| Condition::Or(Box::new(a), Box::new(b))),
        1 => condition(other, BOTH, depth - 1).prop_map(|c| Condition::AnyDevice(Box::new(c))),
    ]
    .boxed()
}

pub fn users() -> impl Strategy<Value = Select> {
    select_of(Of::Users, 3)
}

pub fn select() -> impl Strategy<Value = Select> {
    prop_oneof![2 => select_of(Of::Users, 3), 1 => select_of(Of::Devices, 3)]
}

fn select_of(of: Of, depth: u32) -> BoxedStrategy<Select> {
    let ids = vec(0..USERS + DEVICES, 0..8).prop_map(move |ids| Select::Ids(of, Arc::from(ids)));
    let base = match of {
        Of::Users => {
            prop_oneof![2 => Just(Select::All(of)), 2 => (1..=GROUPS).prop_map(|g| Select::Members(GroupId(g))), 1 => ids].boxed()
        }
        Of::Devices => prop_oneof![2 => Just(Select::All(of)), 1 => ids].boxed(),
    };
    if depth == 0 {
        return base;
    }
    let scopes: &'static [Of] = if of == Of::Users { &BOTH[..1] } else { &BOTH[1..] };
    let inner = || select_of(of, depth - 1).prop_map(Arc::new);
    prop_oneof![
        1 => base,
        4 => (inner(), condition(of, scopes, 3)).prop_map(|(inner, c)| Select::Where(inner, c)),
        1 => (inner(), inner()).prop_map(|(a, b)| Select::Union(a, b)),
        1 => (inner(), inner()).prop_map(|(a, b)| Select::Difference(a, b)),
        1 => (inner(), inner()).prop_map(|(a, b)| Select::Intersection(a, b)),
        1 => (inner(), field(of), any::<bool>()).prop_map(|(of, by, descending)| Select::Ordered { of, by, descending }),
        1 => (inner(), 0..5_u64).prop_map(|(of, rows)| Select::Limited { of, rows }),
        1 => (inner(), 0..5_u64, 0..3_i64).prop_map(|(of, rows, seed)| Select::Sampled { of, rows, seed }),
    ]
    .boxed()
}
