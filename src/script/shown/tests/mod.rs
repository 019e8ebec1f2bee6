//! What values look like, as data.

use super::{Shown, Table};
use crate::script::testing::{School, trial, trial_in};

fn shown(script: &str) -> Shown {
    trial(script).run().unwrap_or_else(|error| panic!("{error}")).shown
}

fn table(script: &str) -> Table {
    match shown(script) {
        Shown::Table(table) => table,
        other => panic!("no table: {other:?}"),
    }
}

fn headings(table: &Table) -> Vec<&str> {
    table.columns.iter().map(|column| column.heading.as_str()).collect()
}

#[test]
fn selections_are_tables_of_which_one_page_is_read() {
    let users = table("users.where(|u| u.enrolled)");
    assert_eq!(headings(&users), ["username", "name", "status", "mail", "groups", "department", "last contact"]);
    let row = ["ana", "Ana Ruiz", "enrolled", "ana@sunnyside.example", "Grade 5, Choir", "", "2026-11-11 08:00"];
    assert_eq!(users.rows, [row]);
    assert_eq!((users.noun.as_str(), users.total), ("user", 1));

    let school = trial_in(School::large(3_000), "users").run().unwrap().shown;
    let Shown::Table(many) = school else { panic!("{school:?}") };
    assert_eq!((many.rows.len(), many.from, many.total), (100, 0, 3_000));
    assert_eq!(table("groups[\"Grade 5\"].members").title.as_deref(), Some("Grade 5"));
}
