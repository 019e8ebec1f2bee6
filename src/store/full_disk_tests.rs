//! A store that may not grow, as on a full disk: a commit or a turn is taken whole or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{DepartureRules, HandOver, Invitations, Recorded, RunRecord, RunState, Store, StoreErrorKind};
use crate::domain::delivery::Channel;
use crate::domain::departure::Departure;
use crate::domain::grounds::Grounds;
use crate::domain::ids::{DeviceId, UserId};
use crate::domain::intent::{Asked, Intent, Invite, InviteOptions, Origin};
use crate::domain::invite_plan::{InvitePlan, Line};
use crate::domain::outcome::Outcome;
use crate::domain::time::{Span, Timestamp, from_millis};
use crate::ports::apps_and_books::{RecordStatus, UserRecord};

const PEOPLE: i64 = 60;

fn now() -> Timestamp {
    from_millis(1_796_111_100_000)
}

/// Sixty people with a mailbox and an iPad.
fn school(folder: &tempfile::TempDir) -> Store {
    let store = Store::open(&folder.path().join("beckon.db")).unwrap();
    for id in 1..=PEOPLE {
        let sql = format!(
            "INSERT INTO users (id, username, full_name, mail, client_user_id, source, distribution)
                 VALUES ({id}, 'u{id}', 'User {id}', 'u{id}@sunnyside.example', 'client-{id}', 'files', 1);
             INSERT INTO devices (id, serial, udid, name, platform, user_id, managed, source)
                 VALUES ({id}, 'S{id}', 'udid-{id}', 'iPad {id}', 'ipados', {id}, 1, 'files');"
        );
        store.writer().execute_batch(&sql).unwrap();
    }
    store
}

fn everybody() -> Vec<Asked> {
    let line = |id| Line {
        user: UserId(id),
        username: format!("u{id}"),
        full_name: format!("User {id}"),
        devices: vec![DeviceId(id)],
        mail: true,
        associate: false,
        again: false,
    };
    let plan = InvitePlan {
        grounds: Grounds::default(),
        audience: "everybody".to_owned(),
        site: "Sunnyside School".to_owned(),
        lines: Arc::new((1..=PEOPLE).map(line).collect()),
        left_out: Arc::default(),
        platforms: BTreeMap::new(),
        mails: 60,
        associated: 0,
    };
    let options = InviteOptions {
        channels: vec![Channel::Mdm, Channel::Mail],
        template: "invitation".to_owned(),
        remind: vec![Span::days(3)].into(),
        expires: None,
        canary: None,
    };
    vec![Asked { intent: Intent::Invite(Invite { plan, options }), origin: Origin::default() }]
}

fn record() -> RunRecord {
    RunRecord {
        script: "scripts/invite-group.rhai".to_owned(),
        script_hash: String::new(),
        trigger: "test".to_owned(),
        actor: "test".to_owned(),
        params: serde_json::Value::Null,
        started_at: now(),
        ended_at: now(),
        state: RunState::Committed,
        summary: "everybody".to_owned(),
        output: String::new(),
        saw_run: 0,
    }
}

fn rules() -> DepartureRules {
    DepartureRules { departure: Departure::at_any_time(chrono_tz::Europe::Amsterdam), resend_doubtful: false }
}

/// Everything that is in the store.
fn content(store: &Store) -> String {
    let writer = store.writer();
    let mut tables = writer.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let mut text = String::new();
    for table in tables {
        let mut rows = writer.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<_> = (0..columns).map(|at| row.get::<_, rusqlite::types::Value>(at).unwrap()).collect();
            text.push_str(&format!("{table} {values:?}\n"));
        }
    }
    text
}

fn count(store: &Store, sql: &str) -> i64 {
    store.writer().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Tries `work` with one page of room more each time until it is done; in between, the store must be
/// exactly as it was. Answers how often it was refused.
fn until_there_is_room<T>(store: &Store, work: impl Fn() -> Result<T, super::StoreError>) -> (T, i64) {
    let before = content(store);
    for pages in 0..200 {
        store.leave_room(pages);
        match work() {
            Ok(done) => {
                store.leave_room(100_000);
                return (done, pages);
            }
            Err(error) => {
                assert_eq!(error.kind, StoreErrorKind::NoSpace, "{error}");
                assert!(error.to_string().contains("the disk is full"), "{error}");
                assert!(error.remedy().contains("free some space"));
                assert_eq!(content(store), before, "with room for {pages} pages");
            }
        }
    }
    panic!("it needs more than 200 pages");
}

#[test]
fn a_run_is_committed_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = school(&folder);
    let (committed, refused) = until_there_is_room(&store, || store.commit_run(&record(), &everybody(), now()));
    assert!(refused > 3, "refused {refused} times");
    assert_eq!((committed.run, committed.deliveries, committed.skipped.len()), (1, 180, 0));
    assert_eq!(count(&store, "SELECT COUNT(*) FROM deliveries"), 180);
    assert_eq!(count(&store, "SELECT COUNT(*) FROM decisions WHERE chosen = 1"), PEOPLE);
}

#[test]
fn outcomes_that_could_not_be_written_down_are_written_down_later_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = school(&folder);
    store.commit_run(&record(), &everybody(), now()).unwrap();
    let open = |id| UserRecord {
        client_user_id: format!("client-{id}"),
        email: None,
        status: RecordStatus::Registered,
        invite_code: None,
        id_hash: None,
    };
    let records: Vec<UserRecord> = (1..=PEOPLE).map(open).collect();
    let (changed, _) = until_there_is_room(&store, || store.take_records(&records, Some("1"), now()));
    assert_eq!(i64::from(changed), PEOPLE);

    let wants = [(Channel::Mail, 1_000), (Channel::Mdm, 1_000)];
    let (turn, _) = until_there_is_room(&store, || store.turn(&[], &wants, Invitations::All, &rules(), now()));
    assert_eq!(turn.claimed.len(), 120);
    let words = "250 2.0.0 Ok: queued as 0123456789, and more words to fill a page with".to_owned();
    let outcomes: Vec<Recorded> = turn
        .claimed
        .iter()
        .map(|claimed| Recorded { delivery: claimed.id, result: HandOver::Ended(Outcome::Accepted { words: words.clone() }) })
        .collect();
    let (turn, refused) = until_there_is_room(&store, || store.turn(&outcomes, &wants, Invitations::All, &rules(), now()));
    assert!(refused > 0, "it was never refused");
    assert_eq!(turn.claimed.len(), 0);
    assert_eq!(count(&store, "SELECT COUNT(*) FROM deliveries WHERE state IN ('accepted', 'queued')"), 120);
    assert_eq!(count(&store, "SELECT COUNT(*) FROM journal WHERE kind = 'accepted'"), PEOPLE);
    assert_eq!(count(&store, "SELECT COUNT(*) FROM users WHERE status = 'invited'"), PEOPLE);
}
