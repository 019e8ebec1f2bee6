//! Selections against a second opinion: the same question asked of plain values, one row at a time.
//! No SQL here but what fills the tables.

mod asked_again;
mod evaluator;
mod generated;

use std::sync::Arc;

use proptest::prelude::*;
use rusqlite::Connection;

use self::evaluator::Roster;
use crate::domain::group::Enrolment;
use crate::domain::ids::GroupId;
use crate::domain::roster::RosterView as _;
use crate::domain::selection::{Comparison, Condition, Field, Of, Operand, Select, Value};
use crate::store::Reader;

fn reader(roster: &Roster) -> Reader {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(include_str!("../../migrations/V1__site.sql")).unwrap();
    roster.fill(&connection);
    Reader::over(connection)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sql_and_plain_values_agree(roster in generated::roster(), select in generated::select()) {
        let reader = reader(&roster);
        let wanted = roster.rows(&select);
        let found = reader.ids(&select).unwrap();
        prop_assert_eq!(&found, &wanted, "{}", reader.explain(&select).unwrap());
        prop_assert_eq!(reader.count(&select).unwrap(), wanted.len() as u64);
    }

    #[test]
    fn what_is_read_is_what_was_written(roster in generated::roster()) {
        let reader = reader(&roster);
        let users = roster.rows(&Select::All(Of::Users));
        prop_assert_eq!(reader.count(&Select::All(Of::Users)).unwrap(), users.len() as u64);
        let read = reader.users(&users).unwrap();
        prop_assert_eq!(read.iter().map(|u| (**u).clone()).collect::<Vec<_>>(), roster.visible_users());
        let devices = roster.rows(&Select::All(Of::Devices));
        prop_assert_eq!(reader.count(&Select::All(Of::Devices)).unwrap(), devices.len() as u64);
        let read = reader.devices(&devices).unwrap();
        prop_assert_eq!(read.iter().map(|d| (**d).clone()).collect::<Vec<_>>(), roster.visible_devices());
        for device in roster.visible_devices() {
            let found = reader.ids(&Select::Where(
                Arc::new(Select::Ids(Of::Devices, Arc::from([device.id.0]))),
                Condition::Is(Field::CanBeInvited),
            )).unwrap();
            prop_assert_eq!(!found.is_empty(), device.mdm_target().is_ok());
        }
    }

    #[test]
    fn the_figures_of_groups_are_those_of_their_members(roster in generated::roster(), order in generated::groups_in_any_order()) {
        let reader = reader(&roster);
        for group in order {
            let wanted = roster.enrolment(group);
            prop_assert_eq!(reader.enrolment(&Select::Members(group)).unwrap(), wanted);
            prop_assert_eq!(by_one_query(&reader, group), wanted);
            let members = roster.rows(&Select::Members(group)).into();
            prop_assert_eq!(reader.enrolment(&Select::Ids(Of::Users, members)).unwrap(), wanted);
        }
    }
}

/// What a group's figures are, for one group that is asked for once.
fn by_one_query(reader: &Reader, group: GroupId) -> Enrolment {
    let sql = "WITH RECURSIVE inside (id) AS (
            VALUES (?1) UNION SELECT n.child_id FROM inside JOIN group_groups n ON n.parent_id = inside.id),
        member (id, status) AS (
            SELECT DISTINCT u.id, u.status FROM inside JOIN group_users m ON m.group_id = inside.id
            JOIN users u ON u.id = m.user_id AND u.hidden = 0)
        SELECT COUNT(*), COALESCE(SUM(status = 'enrolled'), 0), COALESCE(SUM(status = 'invited'), 0),
               COALESCE(SUM(status = 'retired'), 0),
               (SELECT COUNT(*) FROM member JOIN devices d ON d.user_id = member.id AND d.gone_at IS NULL)
        FROM member";
    let figures = |row: &rusqlite::Row<'_>| {
        let n = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
        Ok(Enrolment { users: n(0)?, enrolled: n(1)?, open: n(2)?, retired: n(3)?, devices: n(4)? })
    };
    reader.connection().query_row(sql, [group.0], figures).unwrap()
}

fn text_is(field: Field, text: &str) -> Condition {
    Condition::Compare { left: Operand::Field(field), is: Comparison::Equal, right: Operand::Value(Value::Text(text.to_owned())) }
}

fn users(condition: Condition) -> Select {
    Select::Where(Arc::new(Select::All(Of::Users)), condition)
}

fn explained(select: &Select) -> String {
    let text = reader(&Roster::default()).explain(select).unwrap();
    text.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_query_reads_like_what_was_asked() {
    let music = users(text_is(Field::Department, "Music"));
    assert_eq!(explained(&music), "SELECT u1.id\nFROM users u1\nWHERE u1.hidden = 0 AND u1.department = 'Music'\nORDER BY u1.id");
    let not = users(Condition::Not(Box::new(text_is(Field::Department, "O'Brien\u{1b}[2J"))));
    assert_eq!(
        explained(&not),
        "SELECT u1.id\nFROM users u1\nWHERE u1.hidden = 0 AND NOT u1.department IS 'O''Brien\u{fffd}[2J'\nORDER BY u1.id"
    );
    let ordered = Select::Limited {
        of: Arc::new(Select::Ordered { of: Arc::new(Select::Members(GroupId(7))), by: Field::LastContact, descending: true }),
        rows: 10,
    };
    assert_eq!(
        explained(&ordered),
        "SELECT u1.id\nFROM users u1\nWHERE u1.hidden = 0 AND (u1.id IN (WITH RECURSIVE inside (id) AS (VALUES (7) UNION \
         SELECT n.child_id FROM inside JOIN group_groups n ON n.parent_id = inside.id) \
         SELECT m.user_id FROM inside JOIN group_users m ON m.group_id = inside.id))\n\
         ORDER BY u1.last_contact IS NULL, u1.last_contact DESC, u1.id\nLIMIT 10"
    );
}

#[test]
fn an_equal_comparison_can_use_an_index() {
    let plan = reader(&Roster::default()).explain(&users(text_is(Field::Username, "ana"))).unwrap();
    assert!(plan.contains("-- search u1 using index"), "{plan}");
}

#[test]
fn values_never_reach_the_text() {
    let hostile = "'; DROP TABLE users; --";
    let condition = Condition::Or(
        Box::new(text_is(Field::Attribute(hostile.to_owned()), hostile)),
        Box::new(text_is(Field::FullName, hostile)),
    );
    let statement = super::ids(&users(condition)).unwrap();
    assert!(!statement.text.contains("DROP"));
    assert!(reader(&Roster::default()).ids(&users(text_is(Field::Attribute(hostile.to_owned()), hostile))).unwrap().is_empty());
}

#[test]
fn thousands_of_rows_added_one_by_one_are_one_list() {
    let one = |id: i64| Select::Ids(Of::Users, Arc::from([id]));
    let mut union = one(1);
    let mut left = one(1);
    let mut without = Select::All(Of::Users);
    for id in 2..=10_000 {
        union = Select::Union(Arc::new(union), Arc::new(one(id)));
        left = Select::Union(Arc::new(one(id)), Arc::new(left));
        without = Select::Difference(Arc::new(without), Arc::new(one(id)));
    }
    let mut roster = Roster::default();
    roster.add_plain_users(3);
    let reader = reader(&roster);
    assert_eq!(reader.ids(&union).unwrap(), [1, 2, 3]);
    assert_eq!(reader.ids(&left).unwrap(), [1, 2, 3]);
    assert_eq!(reader.ids(&without).unwrap(), [1]);
}

#[test]
fn what_is_too_much_is_refused_in_words() {
    let reader = reader(&Roster::default());
    let mut wide = users(text_is(Field::Username, "u0"));
    for n in 1..10_000 {
        wide = Select::Union(Arc::new(wide), Arc::new(users(text_is(Field::Username, &format!("u{n}")))));
    }
    let error = reader.ids(&wide).unwrap_err().to_string();
    assert!(error.contains("more than 500 conditions and set operations"), "{error}");
    let mut deep = Select::All(Of::Users);
    for _ in 0..10_000 {
        deep = Select::Where(Arc::new(Select::Limited { of: Arc::new(deep), rows: 1 }), Condition::Always(true));
    }
    let error = reader.count(&deep).unwrap_err().to_string();
    assert!(error.contains("nested more than 60 deep"), "{error}");
    let mut condition = Condition::Always(true);
    for _ in 0..1_000 {
        condition = Condition::AnyDevice(Box::new(condition));
    }
    let error = reader.ids(&users(condition)).unwrap_err().to_string();
    assert!(error.contains("nested more than 60 deep"), "{error}");
}

#[test]
fn the_widest_and_deepest_that_is_taken_runs() {
    let mut roster = Roster::default();
    roster.add_plain_users(3);
    let reader = reader(&roster);
    let mut wide = users(text_is(Field::Username, "u0"));
    let mut narrow = Select::All(Of::Users);
    for n in 1..240 {
        wide = Select::Union(Arc::new(wide), Arc::new(users(text_is(Field::Username, &format!("u{n}")))));
        narrow = Select::Where(Arc::new(narrow), Condition::Not(Box::new(text_is(Field::Username, &format!("x{n}")))));
    }
    assert_eq!(reader.count(&wide).unwrap(), 3);
    assert_eq!(reader.count(&narrow).unwrap(), 3);
    let mut condition = Condition::Always(true);
    for _ in 0..7 {
        condition = Condition::Not(Box::new(Condition::AnyDevice(Box::new(condition))));
    }
    assert_eq!(reader.count(&users(condition)), Ok(3));
    let mut condition = text_is(Field::Department, "Music");
    for n in 0..27 {
        let other = Box::new(text_is(Field::Department, &format!("Music {n}")));
        condition = Condition::Not(Box::new(Condition::Or(other, Box::new(condition))));
    }
    assert_eq!(reader.count(&users(condition)), Ok(3));
    let mut select = Select::All(Of::Users);
    for _ in 0..15 {
        select = Select::Where(Arc::new(Select::Limited { of: Arc::new(select), rows: 5 }), Condition::Always(true));
    }
    assert_eq!(reader.count(&select), Ok(3));
}

#[test]
fn a_device_has_no_users_field() {
    let devices = Select::Where(Arc::new(Select::All(Of::Devices)), text_is(Field::Username, "ana"));
    let error = reader(&Roster::default()).ids(&devices).unwrap_err().to_string();
    assert!(error.ends_with("username is a field of users, and the condition is about devices"), "{error}");
    let mixed = Select::Union(Arc::new(Select::All(Of::Devices)), Arc::new(Select::All(Of::Users)));
    assert!(reader(&Roster::default()).ids(&mixed).unwrap_err().to_string().contains("can't be joined"));
}

#[test]
fn a_sample_is_the_same_for_the_same_seed() {
    let mut roster = Roster::default();
    roster.add_plain_users(100);
    let reader = reader(&roster);
    let sample = |seed| reader.ids(&Select::Sampled { of: Arc::new(Select::All(Of::Users)), rows: 5, seed }).unwrap();
    assert_eq!(sample(1), [3, 38, 49, 73, 89]);
    assert_eq!(sample(1), sample(1));
    assert_ne!(sample(1), sample(2));
}
