//! A person who is erased is nowhere in the store any more, and the journal is whole.

use super::*;
use crate::domain::grounds::Grounds;
use crate::domain::ids::RunId;
use crate::domain::intent::{Asked, Intent, MailMessage, MailTo, Origin, Person};
use crate::domain::time::{Span, from_millis};
use crate::store::journal::{self, Entry};
use crate::store::kept;

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

/// What stands about Zoe in the tables that hold no person's row: a wave, a bounce, a licence, alerts.
const ELSEWHERE: &str = r#"
    INSERT INTO devices (id, serial, name, platform, user_id, source) VALUES
        (1, 'S1', 'Zoe Zander''s iPad', 'ipados', 1, 'import'), (2, 'S2', 'zoe''s old one', 'ipados', NULL, 'import');
    UPDATE deliveries SET device_id = 2;
    INSERT INTO messages (id, run_id, template, data) VALUES (2, 2, 'message', '{"text":"Zoe Zander and Ben Berg"}');
    INSERT INTO deliveries (id, run_id, number, key, message_id, address, channel, step, state, due, created_at, ended_at, far_id)
        VALUES (2, 2, 1, 'run-2/mail/zoe@x.example', 2, 'zoe@x.example', 'mail', 'message', 'accepted', 1000, 1000, 2000, 'g');
    INSERT INTO bounces VALUES (1, 'failed', '5.1.1', 2500, '<zoe@x.example>: no such user');
    INSERT INTO apps (adam_id, name, source) VALUES ('1', 'Maps', 'import');
    INSERT INTO licences (adam_id, user_id, state, enrolled_at, words) VALUES ('1', 1, 'failed', 1, 'Zoe Zander has none');
    INSERT INTO invitations (user_id, run_id, state, queued_at, ended_at, words) VALUES (1, 1, 'failed', 1, 2, 'zoe@x.example is refused');
    INSERT INTO invited_lately VALUES (1000, 1, 1);
    INSERT INTO alerts (kind, subject, words, raised_at, resolved_at) VALUES
        ('run-held', 'run 1', 'it would write to zoe', 1000, NULL), ('broken-reload', 'zoe', 'x', 1000, 1000);
    INSERT INTO moments (schedule, at, state, words, ended_at) VALUES ('weekly', 1000, 'failed', 'no user Zoe Zander', 2000);
"#;

/// A plan that waits for a person, with something for these.
fn hold(store: &Store, run: i64, people: &[i64], text: &str) {
    let users = people.iter().map(|user| Person { user: UserId(*user), username: name(*user), full_name: name(*user) }).collect();
    let data = serde_json::json!({ "text": text });
    let mail = MailMessage {
        template: "message".to_owned(),
        data,
        to: MailTo::People(users),
        left_out: Vec::new(),
        grounds: Grounds::default(),
    };
    let kept = vec![(0, Asked { intent: Intent::Mail(mail), origin: Origin::default() })];
    store
        .transaction("write", |tx| {
            kept::keep(tx, RunId(run), &kept, &kept::Keep::Held(&[], from_millis(90_000)), from_millis(1_000)).map(drop)
        })
        .unwrap();
}

fn name(user: i64) -> String {
    if user == 1 { "zoe" } else { "ben" }.to_owned()
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
    assert_eq!(store.traces(UserId(2)).unwrap().held_by, Some(Held::AtApple));
    assert_eq!(store.forget(UserId(2), "asked for", now).unwrap(), None);
    let traces = Traces { journal: 3, decisions: 2, deliveries: 1, texts: 2, ..Traces::default() };
    assert_eq!(store.forget(UserId(1), "asked for", now).unwrap(), Some(traces));
    let left: Vec<String> = texts(&store).lines().filter(|line| line.to_lowercase().contains("zoe")).map(str::to_owned).collect();
    assert_eq!(left, Vec::<String>::new());
    assert!(texts(&store).contains("runs: {\"who\":\"[erased]\"}") && texts(&store).contains("runs: Mail [erased]"));
    assert_eq!(store.check_journal(None).unwrap().faults, []);
    assert_eq!(store.leavers(now - Span::zero(), 9).unwrap(), [], "nobody is forgotten twice");
}

#[test]
fn no_byte_of_a_forgotten_person_is_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    store
        .transaction("write", |tx| {
            tx.execute_batch(ELSEWHERE)?;
            let words = "run 1: it would write to zoe";
            journal::append(tx, &Entry { at: from_millis(1), kind: "alert", run: None, user: None, delivery: None, words })
        })
        .unwrap();
    hold(&store, 1, &[1, 2], "Dear all");
    hold(&store, 2, &[1], "Dear all");
    let found = store.forget(UserId(1), "asked for", from_millis(20_000)).unwrap().unwrap();
    assert_eq!((found.plans, found.licences, found.deliveries), (2, 1, 2));
    store.compact().unwrap();
    let bytes = std::fs::read(store.path()).unwrap();
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    for name in ["zoe", "zander"] {
        let around = text
            .find(name)
            .map(|at| text.chars().skip(text[..at].chars().count().saturating_sub(60)).take(140).collect::<String>());
        assert_eq!(around, None, "{name} is still in the file");
    }
    // What is about others is there.
    let kept = store.kept_runs().unwrap();
    assert_eq!(kept.iter().map(|row| (row.run, row.people, row.deliveries)).collect::<Vec<_>>(), [(1, 1, 1), (2, 0, 0)]);
    assert!(text.contains("[erased] and ben berg") && text.contains("it would write to [erased]"));
    assert_eq!(store.damages(true).unwrap(), Vec::<String>::new());
    assert_eq!(store.check_journal(None).unwrap().faults, []);
}

#[test]
fn a_text_that_waits_and_names_a_person_holds_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    let now = from_millis(20_000);
    hold(&store, 2, &[2], "zoe has not accepted");
    assert_eq!(store.traces(UserId(1)).unwrap().held_by, Some(Held::Plan));
    assert_eq!(store.forget(UserId(1), "asked for", now).unwrap(), None);
    store.reject(2, "kim", now).unwrap();
    assert!(store.forget(UserId(1), "asked for", now).unwrap().is_some());
}

#[test]
fn a_text_on_its_way_to_others_is_not_changed() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    let way = "INSERT INTO messages (id, run_id, template, data) VALUES (2, 2, 'message', '{\"text\":\"zoe is new\"}');
               INSERT INTO deliveries (id, run_id, number, key, message_id, user_id, channel, step, state, due, created_at, far_id)
                   VALUES (2, 2, 1, 'k', 2, 2, 'mail', 'message', 'pending', 1000, 1000, 'g');";
    store.transaction("write", |tx| tx.execute_batch(way)).unwrap();
    store.forget(UserId(1), "asked for", from_millis(20_000)).unwrap().unwrap();
    assert!(texts(&store).contains("zoe is new"));
}

#[test]
fn reports_alerts_and_moments_lose_their_words_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    store.transaction("write", |tx| tx.execute_batch(ELSEWHERE)).unwrap();
    erase_all(&store, 8_000);
    let reader = store.connect_reader().unwrap();
    let text = |sql: &str| reader.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("SELECT words FROM bounces"), "");
    assert_eq!(text("SELECT words FROM moments"), "");
    assert_eq!(text("SELECT group_concat(subject) FROM alerts"), "run 1", "what lasts stays");
    assert_eq!(
        reader.query_row("SELECT COUNT(*) FROM invited_lately", [], |row| row.get::<_, i64>(0)).unwrap(),
        1,
        "it is of today"
    );
}
