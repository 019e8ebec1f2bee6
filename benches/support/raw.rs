//! Raw limits that no tool has: the bench's own executable does them in another mode, as a process
//! of its own. Each does the least that the work itself needs.

use std::path::Path;
use std::process::{Command, ExitCode};

use rusqlite::Connection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Does what the arguments ask for, where they ask for a raw limit.
pub fn mode() -> Option<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["--raw-minimal", store] => minimal(Path::new(store)),
        ["--raw-mdm", address, authorization, connections, commands] => {
            mdm(address, authorization, connections.parse().unwrap_or(1), Path::new(commands));
        }
        ["--raw-records", store, mails, devices] => {
            records(Path::new(store), mails.parse().unwrap_or(0), devices.parse().unwrap_or(0));
        }
        _ => return None,
    }
    Some(ExitCode::SUCCESS)
}

/// This executable in such a mode.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a running program has a path"));
    command.args(args);
    command
}

/// The least program that could answer anything: a Rhai engine, the store, one query.
fn minimal(store: &Path) {
    let engine = rhai::Engine::new();
    let connection = Connection::open(store).expect("the store is there");
    let users: i64 = connection.query_row("SELECT COUNT(*) FROM users", [], |row| row.get(0)).expect("it has users");
    let twice: i64 = engine.eval(&format!("{users} * 2")).expect("a number doubles");
    println!("{twice}");
}

/// Puts every command to its device over kept connections, with bodies that lie ready.
fn mdm(address: &str, authorization: &str, connections: usize, commands: &Path) {
    let text = std::fs::read_to_string(commands).expect("the commands were written");
    let requests: Vec<Vec<u8>> = text
        .lines()
        .map(|line| {
            let (id, uuid) = line.split_once(' ').unwrap_or((line, ""));
            let body = super::world::command_plist(
                uuid,
                "https://buy.itunes.apple.com/x?inviteCode=0123456789abcdef0123456789abcdef&mt=8",
            );
            format!(
                "PUT /v1/enqueue/{id} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {authorization}\r\n\
                 Content-Type: application/xml\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        })
        .collect();
    let share = requests.len().div_ceil(connections.max(1)).max(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let taken: usize = runtime.block_on(async {
        let lines = requests.chunks(share).map(|share| one_line(address, share));
        futures_util::future::join_all(lines).await.into_iter().sum()
    });
    println!("{taken}");
}

async fn one_line(address: &str, requests: &[Vec<u8>]) -> usize {
    let mut stream = TcpStream::connect(address).await.expect("the MDM server listens");
    stream.set_nodelay(true).expect("a TCP option");
    let mut answer = vec![0; 16 * 1024];
    let mut taken = 0;
    for request in requests {
        stream.write_all(request).await.expect("the line holds");
        let mut got = 0;
        loop {
            got += match stream.read(&mut answer[got..]).await.expect("the line holds") {
                0 => panic!("the MDM server closed the line"),
                n => n,
            };
            if whole(&answer[..got]) {
                break;
            }
        }
        taken += usize::from(answer.starts_with(b"HTTP/1.1 200"));
    }
    taken
}

/// Whether an answer with a `Content-Length` is all there.
fn whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse::<usize>()));
    matches!(length, Some(Ok(length)) if body.len() >= length)
}

/// How many outcomes one commit takes.
const GROUP: i64 = 512;

/// The rows that a fan-out leaves, by hand: one statement for all deliveries, then groups of them into
/// our hands and out again, each group one fully synced commit.
fn records(store: &Path, mails: i64, devices: i64) {
    let mut connection = Connection::open(store).expect("the store is there");
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;").expect("pragmas");
    let tx = connection.transaction().expect("a transaction");
    tx.execute_batch(
        "INSERT INTO runs (script, script_hash, trigger, actor, params, started_at, ended_at, state, summary, output)
         VALUES ('raw', '', 'runbook', 'raw', '{}', 0, 0, 'committed', '', '');
         INSERT INTO messages (run_id, template, data) VALUES (last_insert_rowid(), 'raw', '{}');
         CREATE TEMP TABLE raw AS SELECT MAX(id) AS run, (SELECT MAX(id) FROM messages) AS message FROM runs;",
    )
    .expect("a run");
    let decisions = "INSERT INTO decisions SELECT id, (SELECT run FROM raw), 0, 1, 'of Everybody, by mail' FROM users";
    tx.execute(decisions, []).expect("decisions");
    let to = |kind: &str, device: &str, from: &str, limit: i64| {
        let sql = format!(
            "INSERT INTO deliveries (run_id, number, key, invitation_id, message_id, user_id, device_id, channel, step, state, due, created_at, far_id)
             SELECT run, t.id, 'raw/' || run || '/{kind}/' || t.id, i.id, message, i.user_id, {device}, '{kind}', 'invite', 'pending', 0, 0, lower(hex(randomblob(16)))
             FROM raw, {from} LIMIT {limit}"
        );
        tx.execute(&sql, []).expect("deliveries")
    };
    let made = to("mail", "NULL", "users t JOIN invitations i ON i.user_id = t.id", mails)
        + to("mdm", "t.id", "devices t JOIN invitations i ON i.user_id = t.user_id", devices);
    let (first, last): (i64, i64) = tx
        .query_row("SELECT MIN(id), MAX(id) FROM deliveries WHERE run_id = (SELECT run FROM raw)", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("a range");
    tx.commit().expect("a commit");
    let mut from = first;
    while from <= last {
        let tx = connection.transaction().expect("a transaction");
        let to = from + GROUP - 1;
        for sql in [
            "UPDATE deliveries SET state = 'accepted', words = '250 2.0.0 Ok', ended_at = 1 WHERE id BETWEEN ?1 - 512 AND ?2 - 512 AND state = 'sending'",
            "UPDATE deliveries SET state = 'sending', attempts = 1, first_try = 1 WHERE id BETWEEN ?1 AND ?2",
            // Not chained: as many bytes as a chained row has.
            "INSERT INTO journal (at, kind, run_id, user_id, delivery_id, words, salt, hash)
             SELECT 1, 'accepted', run_id, user_id, id, 'invite by mail: 250 2.0.0 Ok', zeroblob(16), zeroblob(32)
             FROM deliveries WHERE id BETWEEN ?1 AND ?2",
            "UPDATE users SET last_contact = 1 WHERE id IN (SELECT user_id FROM deliveries WHERE id BETWEEN ?1 AND ?2)",
        ] {
            tx.execute(sql, [from, to]).expect("a group");
        }
        tx.commit().expect("a commit");
        from += GROUP;
    }
    connection
        .execute(
            "UPDATE deliveries SET state = 'accepted', ended_at = 1 WHERE id BETWEEN ?1 AND ?2 AND state = 'sending'",
            [first, last],
        )
        .expect("the last group");
    println!("{made}");
}
