//! Asking a served site over HTTP, as a supervisor does.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// `GET path`; `None` where nobody answers.
pub fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    ask(address, &format!("GET {path} HTTP/1.1\r\n"), "")
}

/// `POST path` with a bearer token, where there is one.
pub fn post(address: SocketAddr, path: &str, bearer: Option<&str>, body: &str) -> Option<Answer> {
    let bearer = bearer.map(|token| format!("Authorization: Bearer {}\r\n", token.trim())).unwrap_or_default();
    ask(address, &format!("POST {path} HTTP/1.1\r\n{bearer}Content-Length: {}\r\n", body.len()), body)
}

fn ask(address: SocketAddr, head: &str, body: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    write!(stream, "{head}Host: x\r\nConnection: close\r\n\r\n{body}").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let (_, body) = text.split_once("\r\n\r\n")?;
    Some(Answer { status, body: body.to_owned() })
}

/// `/healthz` as data, with its status.
pub fn health(address: SocketAddr) -> (u16, serde_json::Value) {
    let answer = get(address, "/healthz").expect("the service answers");
    let body = serde_json::from_str(&answer.body).unwrap_or_else(|e| panic!("{e}: {}", answer.body));
    (answer.status, body)
}

/// The value of one metric, with its labels as they are written.
pub fn metric(address: SocketAddr, name: &str) -> Option<f64> {
    let page = get(address, "/metrics")?.body;
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

/// Waits until it is so; `or` says what there is to see when it never becomes so.
pub fn until(holds: impl Fn() -> bool, or: impl Fn() -> String) {
    // Nobody ever sends here: looking again after a moment is all that can be done about a store.
    let (_never, moment) = std::sync::mpsc::channel::<()>();
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        let _ = moment.recv_timeout(Duration::from_millis(20));
    }
    panic!("it never became so:\n{}", or());
}
