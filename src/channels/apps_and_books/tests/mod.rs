//! The client against a scripted Apple on loopback, on a clock that jumps.

mod calls;
mod faults;
mod limits;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, Request as HttpRequest, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::domain::time::from_millis;
use crate::ports::Answer;
use crate::ports::apps_and_books::{AppsAndBooks as _, Owner, UserPage, UserQuery, UserRequest};

pub const BEARER: &str = "eyJ0b2tlbiI6ImV4YW1wbGUi+/==";

/// Jumps to where it is asked to wait.
pub struct Jumping(Mutex<Timestamp>);

impl Jumping {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(from_millis(1_790_000_000_000))))
    }

    pub fn advance(&self, span: Span) {
        *self.0.lock().unwrap() += span;
    }
}

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn wait_until(&self, until: Timestamp) -> Answer<'_, ()> {
        let mut now = self.0.lock().unwrap();
        *now = until.max(*now);
        Box::pin(async {})
    }
}

/// One request, as the server saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub call: String,
    pub authorization: Option<String>,
    pub content_type: Option<String>,
    pub user_agent: Option<String>,
    pub body: String,
    pub at: Timestamp,
}

/// What the server says next.
pub enum Say {
    Json(u16, Value),
    With(u16, Vec<(&'static str, String)>, String),
    Bytes(usize),
    Nothing,
}

#[derive(Default)]
struct Script {
    says: HashMap<String, VecDeque<Say>>,
    seen: Vec<Seen>,
}

/// Answers by script; what isn't scripted is refused loudly, but for a plain `service/config`.
#[derive(Clone)]
pub struct Apple {
    pub addr: SocketAddr,
    script: Arc<Mutex<Script>>,
    pub clock: Arc<Jumping>,
    flying: Arc<AtomicUsize>,
    pub most_flying: Arc<AtomicUsize>,
}

impl Apple {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let apple = Self {
            addr: listener.local_addr().unwrap(),
            script: Arc::default(),
            clock: Jumping::new(),
            flying: Arc::default(),
            most_flying: Arc::default(),
        };
        let router = axum::Router::new().fallback(answer).with_state(apple.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        apple
    }

    /// Scripts the next answer to `call`, such as `GET /mdm/v2/users`.
    pub fn say(&self, call: &str, say: Say) -> &Self {
        self.script.lock().unwrap().says.entry(call.to_owned()).or_default().push_back(say);
        self
    }

    pub fn json(&self, call: &str, http: u16, body: Value) -> &Self {
        self.say(call, Say::Json(http, body))
    }

    /// All but reads of `service/config`.
    pub fn seen(&self) -> Vec<Seen> {
        self.all_seen().into_iter().filter(|seen| seen.call != CONFIG).collect()
    }

    pub fn calls(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.call).collect()
    }

    pub fn all_seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().seen.clone()
    }

    pub fn config_reads(&self) -> usize {
        self.all_seen().iter().filter(|seen| seen.call == CONFIG).count()
    }

    pub fn client(&self) -> AppsAndBooksClient {
        client(&format!("http://{}/mdm/v2", self.addr), Arc::clone(&self.clock), None)
    }
}

pub const CONFIG: &str = "GET /mdm/v2/service/config";
pub const USERS: &str = "GET /mdm/v2/users";
pub const STATUS: &str = "GET /mdm/v2/status";
pub const CREATE: &str = "POST /mdm/v2/users/create";
pub const CLAIM: &str = "POST /mdm/v2/client/config";
pub const UNIT: &str = "GET /mdm/v2/client/config";

pub fn client(base_url: &str, clock: Arc<Jumping>, extra_ca: Option<Vec<u8>>) -> AppsAndBooksClient {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = Config {
        base_url: base_url.to_owned(),
        bearer: SecretString::from(BEARER),
        extra_ca,
        user_agent: "beckon/test".to_owned(),
    };
    let patience = Patience { connect: Duration::from_secs(5), answer: Duration::from_secs(5) };
    AppsAndBooksClient::with_patience(&config, clock, patience).unwrap()
}

pub fn service_config() -> Value {
    json!({
        "limits": { "maxUsers": 3, "maxRequestPerSecond": 15 },
        "urls": { "invitationEmail": "https://buy.itunes.apple.com/wa/associate?inviteCode=%25inviteCode%25&mt=8" },
    })
}

async fn answer(State(apple): State<Apple>, request: HttpRequest<Body>) -> Response<Body> {
    let now_flying = apple.flying.fetch_add(1, Ordering::SeqCst) + 1;
    apple.most_flying.fetch_max(now_flying, Ordering::SeqCst);
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    // Others get their chance to arrive while this one is being answered.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    let header = |name: &str| head.headers.get(name).map(|v| v.to_str().unwrap().to_owned());
    let path = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let say = {
        let mut script = apple.script.lock().unwrap();
        script.seen.push(Seen {
            call: format!("{} {path}", head.method),
            authorization: header("authorization"),
            content_type: header("content-type"),
            user_agent: header("user-agent"),
            body: String::from_utf8(body.to_vec()).unwrap(),
            at: apple.clock.now(),
        });
        let key = format!("{} {}", head.method, head.uri.path());
        script.says.get_mut(&key).and_then(VecDeque::pop_front)
    };
    let default = || match (&head.method, head.uri.path()) {
        (&Method::GET, "/mdm/v2/service/config") => Say::Json(200, service_config()),
        (method, path) => {
            Say::Json(400, json!({ "errorNumber": 9602, "errorMessage": format!("not scripted: {method} {path}") }))
        }
    };
    let response = |http: u16, headers: Vec<(&'static str, String)>, body: Body| {
        let builder = headers.into_iter().fold(Response::builder().status(http), |b, (name, value)| b.header(name, value));
        builder.body(body).unwrap()
    };
    let response = match say.unwrap_or_else(default) {
        Say::Json(http, body) => response(http, Vec::new(), Body::from(body.to_string())),
        Say::With(http, headers, body) => response(http, headers, Body::from(body)),
        Say::Bytes(megabytes) => {
            let chunks = (0..megabytes).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1 << 20])));
            response(200, Vec::new(), Body::from_stream(futures_util::stream::iter(chunks)))
        }
        Say::Nothing => std::future::pending().await,
    };
    apple.flying.fetch_sub(1, Ordering::SeqCst);
    response
}

/// Serves `service/config`, and hangs up on everything else once it has all of the request.
pub async fn hang_up<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let mut got = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let n = stream.read(&mut chunk).await.unwrap_or(0);
        got.extend_from_slice(&chunk[..n]);
        let text = String::from_utf8_lossy(&got).to_ascii_lowercase();
        let length =
            text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()).map_or(0, |n| n.parse().unwrap());
        let whole = text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length);
        if n == 0 || whole {
            break;
        }
    }
    if got.starts_with(b"GET /mdm/v2/service/config") {
        let body = service_config().to_string();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    }
}

pub fn user(id: &str) -> UserRequest {
    UserRequest { client_user_id: id.to_owned(), email: Some(format!("{id}@orchard.example")), managed_apple_id: None }
}

pub fn us() -> Owner {
    Owner { id: "6a0a4d1c".to_owned(), name: "beckon".to_owned(), metadata: "orchard".to_owned() }
}

pub fn page() -> Value {
    json!({ "users": [], "totalPages": 1, "versionId": "v1" })
}
