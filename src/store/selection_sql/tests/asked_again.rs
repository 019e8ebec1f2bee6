//! What is asked again at the door, against the selection evaluated anew over the roster as it is then.

use proptest::prelude::*;
use rusqlite::{Connection, Transaction};

use super::evaluator::Roster;
use super::generated;
use crate::domain::grounds::Grounds;
use crate::domain::ids::{GroupId, UserId};
use crate::domain::selection::Select;
use crate::store::grounds::Kept;

fn store(roster: &Roster) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(include_str!("../../migrations/V1__site.sql")).unwrap();
    roster.fill(&connection);
    connection
}

/// Whether the guard lets something leave for a person. The condition comes out of the text that is kept.
fn passes(tx: &Transaction<'_>, grounds: &Grounds, text: Option<&str>, roster: &Roster, user: UserId) -> bool {
    let is_in = |group: i64| roster.is_member(GroupId(group), user);
    let in_group = grounds.group.is_none_or(|group| is_in(group.0));
    let broken = text.map(|text| Kept::read(text).unwrap().broken(tx, user, &mut |group| Ok(is_in(group))).unwrap());
    in_group && broken.flatten().is_none()
}

fn kept(tx: &Transaction<'_>, grounds: &Grounds) -> Option<String> {
    grounds.condition.as_ref().map(|condition| serde_json::to_string(&Kept::of(tx, condition).unwrap()).unwrap())
}

/// Whether nothing but the roster decides who is in it, for each by themselves.
fn is_plain(select: &Select) -> bool {
    match select {
        Select::All(_) | Select::Members(_) => true,
        Select::Ids(..) | Select::Limited { .. } | Select::Sampled { .. } => false,
        Select::Where(inner, _) | Select::Ordered { of: inner, .. } => is_plain(inner),
        Select::Union(a, b) | Select::Difference(a, b) | Select::Intersection(a, b) => is_plain(a) && is_plain(b),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_global_rejects: 40_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn who_is_still_selected_is_never_refused(roster in generated::roster(), select in generated::users()) {
        let mut connection = store(&roster);
        let tx = connection.transaction().unwrap();
        let grounds = Grounds::of(&select, &[]);
        let text = kept(&tx, &grounds);
        for id in roster.rows(&select) {
            prop_assert!(passes(&tx, &grounds, text.as_deref(), &roster, UserId(id)), "{id} of {select:?}: {grounds:?}");
        }
    }

    #[test]
    fn after_any_change_of_the_roster_the_guard_answers_as_the_selection_would(
        before in generated::roster(), after in generated::roster(), select in generated::users(),
    ) {
        let grounds = Grounds::of(&select, &[]);
        prop_assume!(grounds.unasked.is_empty() && is_plain(&select));
        let mut connection = store(&before);
        let text = kept(&connection.transaction().unwrap(), &grounds);
        let mut connection = store(&after);
        let tx = connection.transaction().unwrap();
        let selected = after.rows(&select);
        for user in after.visible_users() {
            let passes = passes(&tx, &grounds, text.as_deref(), &after, user.id);
            prop_assert_eq!(passes, selected.contains(&user.id.0), "{} of {:?}: {:?}", user.id, select, grounds);
        }
    }
}

#[test]
fn a_group_that_got_the_number_of_one_that_is_gone_is_another_group() {
    let mut roster = Roster { members: [(2, 1)].into(), ..Roster::default() };
    roster.add_plain_users(1);
    let mut connection = store(&roster);
    let tx = connection.transaction().unwrap();
    let two = std::sync::Arc::new(Select::Members(GroupId(2)));
    let grounds = Grounds::of(&Select::Union(two, std::sync::Arc::new(Select::Members(GroupId(3)))), &[]);
    let text = kept(&tx, &grounds).unwrap();
    let asked = |tx: &Transaction<'_>| Kept::read(&text).unwrap().broken(tx, UserId(1), &mut |group| Ok(group == 2)).unwrap();
    assert_eq!(asked(&tx), None);
    tx.execute("UPDATE groups SET name = 'Choir' WHERE id = 2", []).unwrap();
    assert_eq!(asked(&tx).unwrap(), r#"not selected any more: (u.in_group("group 2") || u.in_group("group 3")) does not hold"#);
}
