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

#[test]
fn lists_of_one_kind_are_tables_and_short_ones_stand_on_a_line() {
    assert_eq!(headings(&table("groups")), ["name", "users", "enrolled", "open", "devices", "distribution"]);
    assert_eq!(table("groups").rows[0], ["Grade 5", "4", "1", "1", "3", "yes"]);
    assert_eq!(headings(&table("tasks.active()"))[..3], ["task", "who", "what"]);
    assert_eq!(headings(&table("apps")), ["name", "free", "assigned", "total", "kind", "number"]);
    assert_eq!(table("schedule").rows, [["weekly-reminder", "0 8 * * MON", "weekly-reminder.rhai", "Europe/Amsterdam", "no"]]);
    let left = table("invite.plan(users, \"not-invited\").left_out");
    assert_eq!((left.title.as_deref(), left.total), (Some("left out"), 4));
    let maps = table("[#{ house: \"red\", n: 12 }, #{ house: \"blue\" }]");
    assert_eq!((headings(&maps), maps.columns[1].figures), (vec!["house", "n"], true));
    assert_eq!(maps.rows, [["red", "12"], ["blue", ""]]);
    assert_eq!(shown("[1, 2, 3]"), Shown::Text("[1, 2, 3]".to_owned()));
    assert_eq!(table("let a = []; for i in 0..300 { a.push(i); } a").total, 300);
    assert_eq!(shown("[]"), Shown::Text("[]".to_owned()));
}

#[test]
fn what_stands_alone_is_as_it_is() {
    assert_eq!(shown("()"), Shown::Nothing);
    assert_eq!(shown("\"two\\nlines\""), Shown::Text("two\nlines".to_owned()));
    assert_eq!(shown("now()"), Shown::Text("2026-12-01 08:00".to_owned()));
    assert_eq!(shown("days(3)"), Shown::Text("3 days".to_owned()));
    assert_eq!(
        shown("let n = 2; let f = |u| u.reminders > n && (u.enabled); f"),
        Shown::Text("|u| u.reminders > n && (u.enabled)".to_owned())
    );
    assert_eq!(shown("let f = |u| {\n    u.enabled\n};\nf"), Shown::Text("|u| {\n    u.enabled\n}".to_owned()));
    assert!(matches!(shown("invite.plan(users, \"everyone\")"), Shown::Plan(text) if text.starts_with("Invite ")));
}
