//! A person who is erased is nowhere in the store any more, and the journal is whole.

use super::*;
use crate::domain::ids::RunId;
use crate::domain::time::{Span, from_millis};
use crate::store::journal::{self, Entry};

fn store(dir: &tempfile::TempDir) -> Store {
    let store = Store::open(&dir.path().join("beckon.db")).unwrap();
    store
        .transaction("write", |tx| {
            tx.execute_batch(
                "INSERT INTO users (id, username, full_name, mail, client_user_id, source, left_at, status) VALUES
                     (1, 'zoe', 'Zoe Zander', 'zoe@x.example', 'c1', 'import', 5000, 'retired'),
                     (2, 'ben', 'Ben Berg', 'ben@x.example', 'c2', 'import', 5000, 'enrolled');
                 INSERT INTO runs (id, script, script_hash, trigger, actor, params, started_at, ended_at, state, summary, output) VALUES
                     (1, 's', '', 'runbook', 'a', '{\"who\":\"zoe\"}', 1000, 1000, 'committed', 'Mail zoe', 'hello zoe'),
                     (2, 's', '', 'runbook', 'a', 'null', 9000, 9000, 'committed', 'Mail ben', '');
                 INSERT INTO messages (id, run_id, template, data) VALUES (1, 1, 'message', '{\"text\":\"Dear zoe\"}');
                 INSERT INTO decisions VALUES (1, 1, 0, 1, 'zoe is chosen'), (1, 2, 0, 1, 'zoe again'), (2, 2, 0, 0, 'no');
                 INSERT INTO deliveries (id, run_id, number, key, message_id, user_id, channel, step, state, due, created_at, ended_at, far_id, words)
                     VALUES (1, 1, 1, 'run-1/user-1', 1, 1, 'mail', 'message', 'accepted', 1000, 1000, 2000, 'f', '250 zoe@x.example');",
            )?;
            let note = |at, user: Option<i64>, delivery, words: &str| {
                let entry = Entry { at: from_millis(at), kind: "mail", run: Some(RunId(1)), user: user.map(UserId), delivery, words };
                journal::append(tx, &entry)
            };
            note(1000, Some(1), Some(1), "to zoe")?;
            note(1000, None, Some(1), "zoe@x.example asked again")?;
            note(1000, None, None, "scripts/s: 1 intent")?;
            note(9000, Some(1), None, "zoe again")
        })
        .unwrap();
    store
}

/// Every text in the store.
fn texts(store: &Store) -> String {
    let reader = store.connect_reader().unwrap();
    let mut all = String::new();
    for table in ["users", "runs", "messages", "decisions", "deliveries", "journal", "invitations"] {
        let mut query = reader.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = query.column_count();
        let mut rows = query.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                if let Ok(text) = row.get_ref(column).unwrap().as_str() {
                    all.push_str(&format!("{table}: {text}\n"));
                }
            }
        }
    }
    all
}

fn erase_all(store: &Store, before: i64) -> u32 {
    let (mut walk, mut turns) = (OldRows::default(), 0);
    while store.erase_before(from_millis(before), &mut walk, 1, from_millis(20_000)).unwrap() {
        turns += 1;
        assert!(turns < 100, "it ends");
    }
    turns
}

#[test]
fn what_is_old_goes_and_what_is_young_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    erase_all(&store, 8_000);
    let left: Vec<String> =
        texts(&store).lines().filter(|line| line.contains("zoe") && !line.starts_with("users")).map(str::to_owned).collect();
    assert_eq!(left, ["decisions: zoe again", "journal: zoe again"]);
    assert!(texts(&store).contains("scripts/s: 1 intent"), "what is about nobody stays");
    assert!(texts(&store).contains("Mail ben"));
    let check = store.check_journal(None).unwrap();
    assert_eq!((check.erased, check.faults), (2, vec![]));
    erase_all(&store, 8_000);
    assert_eq!(store.check_journal(None).unwrap().rows, check.rows, "a second look writes nothing");
}

#[test]
fn deliveries_of_an_open_invitation_wait_for_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    let state = |state: &str| {
        let sql = "INSERT INTO invitations (id, user_id, run_id, state, queued_at) VALUES (1, 1, 1, ?1, 0)
                   ON CONFLICT (id) DO UPDATE SET state = ?1";
        store
            .transaction("write", |tx| {
                tx.execute(sql, [state])?;
                tx.execute("UPDATE deliveries SET invitation_id = 1", [])
            })
            .unwrap();
    };
    state("delivered");
    erase_all(&store, 8_000);
    assert!(texts(&store).contains("250 zoe@x.example"));
    state("accepted");
    erase_all(&store, 8_000);
    assert!(!texts(&store).contains("250 zoe@x.example"));
}

#[test]
fn a_person_is_forgotten_unless_apple_knows_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    let now = from_millis(20_000);
    assert_eq!(store.leavers(from_millis(6_000), 9).unwrap(), [UserId(1)], "Ben has a record at Apple");
    assert_eq!(store.traces(UserId(2)).unwrap().held_by, Some("Apple has an active record of this person"));
    assert_eq!(store.forget(UserId(2), "asked for", now).unwrap(), None);
    let traces = Traces { journal: 3, decisions: 2, deliveries: 1, held_by: None };
    assert_eq!(store.forget(UserId(1), "asked for", now).unwrap(), Some(traces));
    let left: Vec<String> = texts(&store).lines().filter(|line| line.to_lowercase().contains("zoe")).map(str::to_owned).collect();
    // What a run said of itself goes when its time is over.
    assert_eq!(left, ["runs: {\"who\":\"zoe\"}", "runs: Mail zoe", "runs: hello zoe", "messages: {\"text\":\"Dear zoe\"}"]);
    assert_eq!(store.check_journal(None).unwrap().faults, []);
    assert_eq!(store.leavers(now - Span::zero(), 9).unwrap(), [], "nobody is forgotten twice");
}
