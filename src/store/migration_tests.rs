//! Stores of every older version, with something in every table, are taken over with nothing lost.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::Connection;

use super::{ImportOptions, SCHEMA_VERSION, Store, journal, migrations};
use crate::domain::roster::{AsOf, RosterView as _};
use crate::domain::selection::{Of, Select};
use crate::domain::time::{Timestamp, from_millis};

/// What a store of the first version held: a roster, and a run whose invitation was delivered and whose reminder waits.
const FIRST: &str = "
    INSERT INTO facts VALUES ('site_id', '0011'), ('roster_version', '7');
    INSERT INTO users (id, username, full_name, mail, client_user_id, source, status, invited_at, enrolled_at, reminders, last_contact)
        VALUES (1, 'ana', 'Ana Ruiz', 'ana@school.example', 'c-1', 'import', 'enrolled', 1000, 2000, 1, 1500),
               (2, 'ben', 'Ben Ito', 'ben@school.example', 'c-2', 'import', 'invited', 1000, NULL, 0, 1000),
               (3, 'chloe', 'Chloé Martin', NULL, 'c-3', 'import', 'none', NULL, NULL, 0, NULL),
               (4, 'hal', 'Hal Öberg', NULL, 'c-4', 'import', 'retired', NULL, NULL, 0, 900);
    INSERT INTO groups VALUES (1, 'Grade 5', 1, 'import'), (2, 'Staff', 0, 'import');
    INSERT INTO group_users VALUES (1, 1, 'import'), (1, 2, 'import'), (2, 3, 'import');
    INSERT INTO group_groups VALUES (2, 1, 'import');
    INSERT INTO devices (id, serial, udid, name, platform, user_id, managed, last_seen, source)
        VALUES (1, 'F1ANA', 'UDID-ANA', 'iPad of Ana', 'ipados', 1, 1, 2500, 'import'),
               (2, 'F1OLD', NULL, 'spare', 'macos', NULL, 0, NULL, 'import');
    INSERT INTO app_tokens VALUES (1, 'com.example', 'aa', NULL, 'import');
    INSERT INTO apps VALUES ('361285480', 'Keynote', 'App', 'STDQ', 5, 1, 6, 'apple');
    INSERT INTO app_groups VALUES ('361285480', 1, 1);
    INSERT INTO runs VALUES (1, 'scripts/invite.rhai', 'hash', 'runbook', 'it', '{}', 990, 1000, 'committed', 'the plan', 'said');
    INSERT INTO decisions VALUES (1, 1, 0, 1, 'invited'), (4, 1, 0, 0, 'retired');
    INSERT INTO invitations (id, user_id, run_id, state, queued_at, registered_at, delivered_at, ended_at)
        VALUES (1, 1, 1, 'accepted', 1000, 1000, 1000, 2000), (2, 2, 1, 'delivered', 1000, 1000, 1000, NULL);
    INSERT INTO messages (id, run_id, template, data) VALUES (1, 1, 'invitation', '{\"a\":1}'), (2, 1, 'reminder', '{}');
    INSERT INTO deliveries (id, run_id, number, key, invitation_id, message_id, user_id, device_id, channel, step, state, due,
                            created_at, first_try, attempts, ended_at, far_id, words)
        VALUES (1, 1, 1, 'k1', 1, 1, 1, 1, 'mdm', 'invite', 'accepted', 1000, 1000, 1000, 1, 1000, 'f1', NULL),
               (2, 1, 2, 'k2', 2, 1, 2, NULL, 'mail', 'invite', 'accepted', 1000, 1000, 1000, 1, 1000, 'f2', NULL),
               (3, 1, 3, 'k3', 2, 2, 2, NULL, 'mail', 'remind-1', 'pending', 9000, 1000, NULL, 0, NULL, 'f3', NULL),
               (4, 1, 4, 'k4', NULL, 2, 3, NULL, 'mail', 'message', 'rejected', 1000, 1000, 1000, 1, 1000, 'f4', '550 no such user');
    INSERT INTO journal (id, at, kind, run_id, user_id, words) VALUES (1, 1000, 'run', 1, NULL, 'began'), (2, 1000, 'mail', 1, 2, 'sent');";

/// What each later version can hold beside that.
const LATER: [(i64, &str); 7] = [
    (
        3,
        "INSERT INTO schedules VALUES ('weekly', 'f', 1000, NULL, NULL, NULL), ('old', 'f', 900, 800, 'it', 950);
         INSERT INTO moments (schedule, at, state, run_id, words, started_at, ended_at) VALUES ('weekly', 1000, 'ran', 1, '', 990, 1000);",
    ),
    (
        4,
        "INSERT INTO invited_lately VALUES (1000, 1, 1), (1000, 1, 2);
         INSERT INTO run_reach VALUES (1, 2);
         INSERT INTO kept_plans VALUES (1, 'held', '{}', '[]', 3, 3, 1000, 99000, 0, 0.1, NULL, NULL);",
    ),
    (
        5,
        "UPDATE messages SET policy = '{}', audience = 'Grade 5', group_id = 1 WHERE id = 2;
         UPDATE deliveries SET handed_at = 1000 WHERE id IN (1, 2);
         UPDATE deliveries SET waits_since = 1001 WHERE id = 3;",
    ),
    (
        6,
        "INSERT INTO licences (adam_id, user_id, state, enrolled_at) VALUES ('361285480', 1, 'held', 2000);
         INSERT INTO notifications_seen VALUES ('n1', 1000);
         INSERT INTO bounces VALUES (4, 'failed', '5.1.1', 1001, 'no such user');
         INSERT INTO bounces_ignored VALUES ('unknown', 3, 1001);",
    ),
    (7, "INSERT INTO heartbeats VALUES (1, 1000); INSERT INTO alerts VALUES ('token', 'apple', 'it ends', 1000, NULL, 1000);"),
    (9, "UPDATE messages SET grounds = '{}' WHERE id = 2;"),
    (
        10,
        "INSERT INTO roster_changes VALUES (1, 3000), (2, 3500);
         INSERT INTO past_users (id, until, since, full_name, enabled, attributes, distribution, hidden)
             VALUES (2, 2, 0, 'Ben Old', 1, '{}', 0, 0);
         UPDATE users SET since = 2 WHERE id = 2;
         INSERT INTO past_groups VALUES (9, 2, 0, 'Old', 0);
         INSERT INTO past_group_users VALUES (9, 2, 2, 0);
         INSERT INTO past_group_groups VALUES (9, 1, 2, 0);
         INSERT INTO past_devices (id, until, since, name, platform, managed, enrollment) VALUES (2, 2, 0, 'old', 'macos', 0, 'device');
         UPDATE devices SET since = 2 WHERE id = 2;",
    ),
];

/// A store as that version of the schema left it.
fn older(path: &Path, schema: i64) {
    let mut old = Connection::open(path).unwrap();
    let run_to = |connection: &mut Connection, to: i64| {
        let target = refinery::Target::Version(i32::try_from(to).unwrap());
        migrations::migrations::runner().set_grouped(true).set_target(target).run(connection).unwrap();
    };
    run_to(&mut old, 1);
    old.execute_batch(FIRST).unwrap();
    if schema > 1 {
        run_to(&mut old, schema);
        journal::take_unchained(&mut old).unwrap();
    }
    LATER.iter().filter(|(since, _)| *since <= schema).for_each(|(_, more)| old.execute_batch(more).unwrap());
    old.pragma_update(None, "user_version", schema).unwrap();
}

/// The tables of a site's own, without the journal, which has a form of its own from its second version on.
fn tables(connection: &Connection) -> Vec<String> {
    let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'journal%'
                 AND name <> 'refinery_schema_history'";
    connection.prepare(names).unwrap().query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Every row of a table, written as SQL writes it.
fn rows(connection: &Connection, table: &str, columns: &[String]) -> BTreeSet<String> {
    let quoted: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
    let all = format!("SELECT {} FROM {table}", quoted.join(" || ', ' || "));
    connection.prepare(&all).unwrap().query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

type Held = BTreeMap<String, (Vec<String>, BTreeSet<String>)>;

fn held(connection: &Connection) -> Held {
    let columns = |table: &str| -> Vec<String> {
        let names = format!("SELECT name FROM pragma_table_info('{table}')");
        connection.prepare(&names).unwrap().query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let of = |table: String| {
        let columns = columns(&table);
        let rows = rows(connection, &table, &columns);
        (table, (columns, rows))
    };
    tables(connection).into_iter().map(of).collect()
}

fn usernames(view: &dyn crate::domain::roster::RosterView) -> Vec<String> {
    let users = view.users(&view.ids(&Select::All(Of::Users)).unwrap()).unwrap();
    users.iter().map(|user| format!("{} {} {}", user.username, user.full_name, user.status.word())).collect()
}

fn import(store: &Store, users: &str, now: Timestamp) {
    let mut reader = crate::roster_files::Reader::default();
    reader.file("users.csv", users.as_bytes()).unwrap();
    let options = ImportOptions { source: "import".to_owned(), keep_missing: true };
    let mut new_id = || "00000000-0000-4000-8000-000000000009".to_owned();
    store.take_roster(reader.finish().unwrap(), &options, now, &mut new_id).unwrap();
}

#[test]
fn a_store_of_every_older_version_is_taken_over_with_nothing_lost() {
    for schema in 1..SCHEMA_VERSION {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("beckon.db");
        older(&path, schema);
        let before = held(&Connection::open(&path).unwrap());
        assert!(before.values().all(|(_, rows)| !rows.is_empty()), "version {schema} has an empty table: {before:?}");

        let store = Store::open(&path).unwrap();
        let raw = Connection::open(&path).unwrap();
        for (table, (columns, rows_before)) in &before {
            assert_eq!(&rows(&raw, table, columns), rows_before, "version {schema}, {table}");
        }
        assert_eq!(store.journal_words(9).unwrap(), ["run: began", "mail ben: sent"], "version {schema}");
        let check = store.check_journal(None).unwrap();
        assert_eq!((check.rows, check.faults), (2, vec![]), "version {schema}");
        let fine: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        let broken: i64 = raw.query_row("SELECT COUNT(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
        assert_eq!((fine.as_str(), broken), ("ok", 0), "version {schema}");
        // What was handed over before a version knew when is known from how it ended.
        let contacts = "SELECT COUNT(*) FROM deliveries WHERE handed_at = 1000";
        assert_eq!(raw.query_row(contacts, [], |row| row.get::<_, i64>(0)).unwrap(), 2, "version {schema}");

        // It goes on: the past begins with the first change, and before that nobody knows.
        let people = ["ana Ana Ruiz enrolled", "ben Ben Ito invited", "chloe Chloé Martin none", "hal Hal Öberg retired"];
        assert_eq!(usernames(&store.roster().unwrap()), people, "version {schema}");
        import(
            &store,
            "username,full_name,mail\nana,Ana Ruiz,ana@school.example\nben,Ben Ito-Smith,ben@school.example\n",
            from_millis(5_000),
        );
        import(
            &store,
            "username,full_name,mail\nana,Ana Ruiz,ana@school.example\nben,Ben Smith,ben@school.example\n",
            from_millis(6_000),
        );
        let at = |ms| match store.roster().unwrap().as_of(from_millis(ms)).unwrap() {
            AsOf::Known(view) => usernames(view.as_ref()).join(", "),
            AsOf::Before(begins) => format!("unknown before {}", begins.map_or(0, |at| at.timestamp_millis())),
        };
        let begins = if schema < 10 { 5_000 } else { 3_000 };
        assert_eq!(at(begins - 1), format!("unknown before {begins}"), "version {schema}");
        assert!(at(5_500).contains("ben Ben Ito-Smith invited") && at(5_500).contains("hal Hal Öberg retired"), "{}", at(5_500));
        assert!(at(6_500).contains("ben Ben Smith invited"), "{}", at(6_500));
    }
}
