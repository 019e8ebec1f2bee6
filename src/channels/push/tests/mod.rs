//! The sender against a well-behaved server (hyper's) on loopback. `player` has one that isn't.
//! Nothing here reaches beyond this machine.

mod player;

use std::collections::HashSet;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::tests::{Ca, TOPIC, ca, modern};
use super::provider_token::tests::p8;
use super::*;
use crate::domain::outcome::Rejection;
use crate::domain::time::from_millis;
use crate::ports::push::NotificationKind;

/// A clock that only moves when told to.
struct Stopped(Mutex<Timestamp>);

impl Stopped {
    fn new() -> Arc<Self> {
        // 22 November 2026.
        Arc::new(Self(Mutex::new(from_millis(1_795_340_000_000))))
    }

    fn advance(&self, span: Span) {
        *self.0.lock().unwrap() += span;
    }
}

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn wait_until(&self, _: Timestamp) -> Answer<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

fn acceptor(ca: &Ca, clients: Option<&Ca>) -> TlsAcceptor {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &ca.issuer).unwrap();
    let builder = rustls::ServerConfig::builder_with_provider(trust::provider()).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            roots.add(ca.certificate.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), trust::provider()).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(acceptor: &TlsAcceptor, tcp: TcpStream) -> Option<TlsStream<TcpStream>> {
    match acceptor.accept(tcp).into_fallible().await {
        Ok(stream) => Some(stream),
        Err((_, mut tcp)) => {
            // Closing with unread bytes would reset the connection and swallow the alert.
            let _ = tcp.read_to_end(&mut Vec::new()).await;
            None
        }
    }
}

fn channel(port: u16, trusted: &Ca, credentials: Credentials, clock: Arc<Stopped>) -> PushChannel {
    let config = PushConfig {
        endpoint: format!("https://127.0.0.1:{port}"),
        extra_ca: Some(trusted.certificate.pem().into_bytes()),
        credentials,
    };
    PushChannel::new(config, clock).unwrap()
}

fn by_token() -> Credentials {
    Credentials::Token { p8: p8(), key_id: "ABC123DEFG".into(), team_id: "TEAM123456".into() }
}

fn wake(n: u32) -> Notification {
    Notification {
        token: format!("{n:08x}"),
        topic: TOPIC.into(),
        kind: NotificationKind::MdmWake { push_magic: "5C0E7B0B".into() },
        id: format!("1b6f6f4e-0a1b-4c2d-8e3f-{n:012x}"),
        expires: None,
        collapse_id: None,
    }
}

/// What the well-behaved server saw of one request.
#[derive(Clone)]
struct Seen {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Default)]
struct Counters {
    connections: AtomicUsize,
    in_flight: AtomicUsize,
    in_flight_max: AtomicUsize,
    seen: Mutex<Vec<Seen>>,
}

type Judge = Arc<dyn Fn(&Seen, usize) -> Response<Full<Bytes>> + Send + Sync>;

fn said(status: u16, body: &str) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(Bytes::from(body.to_owned()))).unwrap()
}

/// Starts a server that answers as `judge` says; its second argument counts requests from 0.
async fn server(ca: &Ca, clients: Option<&Ca>, judge: Judge) -> (u16, Arc<Counters>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (acceptor, counters) = (acceptor(ca, clients), Arc::new(Counters::default()));
    let shared = Arc::clone(&counters);
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let (acceptor, counters, judge) = (acceptor.clone(), Arc::clone(&shared), Arc::clone(&judge));
            tokio::spawn(async move {
                let Some(tls) = accept(&acceptor, tcp).await else { return };
                counters.connections.fetch_add(1, Ordering::SeqCst);
                let service = service_fn(move |request: Request<Incoming>| {
                    let (counters, judge) = (Arc::clone(&counters), Arc::clone(&judge));
                    async move {
                        let now = counters.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
                        counters.in_flight_max.fetch_max(now, Ordering::SeqCst);
                        let (head, body) = request.into_parts();
                        let body = body.collect().await?.to_bytes();
                        let seen = Seen { path: head.uri.path().to_owned(), headers: head.headers, body };
                        let number = {
                            let mut all = counters.seen.lock().unwrap();
                            all.push(seen.clone());
                            all.len() - 1
                        };
                        counters.in_flight.fetch_sub(1, Ordering::SeqCst);
                        Ok::<_, hyper::Error>(judge(&seen, number))
                    }
                });
                let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let _ = builder.max_concurrent_streams(50).serve_connection(TokioIo::new(tls), service).await;
            });
        }
    });
    (port, counters)
}

fn takes_all() -> Judge {
    Arc::new(|seen, _| {
        let mut response = said(200, "");
        response.headers_mut().insert("apns-id", seen.headers["apns-id"].clone());
        response
    })
}

#[tokio::test]
async fn a_thousand_pushes_share_one_connection() {
    let ca = ca("Test CA");
    let (port, counters) = server(&ca, None, takes_all()).await;
    let channel = channel(port, &ca, by_token(), Stopped::new());
    let outcomes = join_all((0..1000).map(|n| channel.send(wake(n)))).await;
    for (n, outcome) in (0..).zip(outcomes) {
        assert_eq!(outcome, Ok(Outcome::Accepted { words: format!("200 apns-id {}", wake(n).id) }));
    }
    let seen = counters.seen.lock().unwrap();
    let paths: HashSet<&str> = seen.iter().map(|s| s.path.as_str()).collect();
    assert_eq!((seen.len(), paths.len()), (1000, 1000), "each went out once");
    assert_eq!(seen[0].body, r#"{"mdm":"5C0E7B0B"}"#);
    assert_eq!(counters.connections.load(Ordering::SeqCst), 1);
    assert!(counters.in_flight_max.load(Ordering::SeqCst) <= 50, "the server's SETTINGS are obeyed");
    let writes = channel.in_use().unwrap().fate.writes.load(Ordering::SeqCst);
    assert!(writes < 250, "pushes gather: {writes} writes for 1000");
}

#[tokio::test]
async fn apples_answers_arrive_as_outcomes() {
    let ca = ca("Test CA");
    let judge: Judge = Arc::new(|seen, _| match seen.path.as_str() {
        "/3/device/00000001" => said(410, r#"{"reason":"Unregistered","timestamp":1931000000000}"#),
        "/3/device/00000002" => said(400, r#"{"reason":"BadDeviceToken"}"#),
        "/3/device/00000003" => {
            let mut busy = said(429, r#"{"reason":"TooManyRequests"}"#);
            busy.headers_mut().insert("retry-after", "90".parse().unwrap());
            busy
        }
        "/3/device/00000004" => said(403, r#"{"reason":"BadCertificate"}"#),
        "/3/device/00000005" => said(500, &format!(r#"{{"reason":"{}"}}"#, "x".repeat(100_000))),
        _ => said(200, "no APNs id, and a body that nobody asked for"),
    });
    let (port, _) = server(&ca, None, judge).await;
    let channel = channel(port, &ca, by_token(), Stopped::new());
    let sent = join_all((1..=6).map(|n| channel.send(wake(n)))).await;
    assert!(
        matches!(&sent[0], Ok(Outcome::Rejected { why: Rejection::TargetDead, words }) if words.contains("2031-03-11")),
        "{:?}",
        sent[0]
    );
    assert!(matches!(&sent[1], Ok(Outcome::Rejected { why: Rejection::TargetDead, .. })));
    assert!(matches!(&sent[2], Ok(Outcome::Deferred { retry_after: Some(s), .. }) if *s == Span::seconds(90)));
    assert!(matches!(&sent[3], Err(down) if down.remedy.contains("identity.apple.com")));
    assert!(matches!(&sent[4], Ok(Outcome::Deferred { words, .. }) if words.len() < 300));
    assert_eq!(sent[5], Ok(Outcome::Accepted { words: "200".into() }));
}

#[tokio::test]
async fn what_apns_did_not_look_at_is_sent_again_over_a_new_connection() {
    let ca = ca("Test CA");
    let judge: Judge = Arc::new(|_, number| if number == 0 { said(400, r#"{"reason":"IdleTimeout"}"#) } else { said(200, "") });
    let (port, counters) = server(&ca, None, judge).await;
    let channel = channel(port, &ca, by_token(), Stopped::new());
    assert!(matches!(channel.send(wake(1)).await, Ok(Outcome::Accepted { .. })));
    assert_eq!(counters.connections.load(Ordering::SeqCst), 2);
    assert_eq!(counters.seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_server_that_shuts_down_is_left_and_the_answer_stands() {
    let ca = ca("Test CA");
    let judge: Judge = Arc::new(|_, number| if number == 0 { said(503, r#"{"reason":"Shutdown"}"#) } else { said(200, "") });
    let (port, counters) = server(&ca, None, judge).await;
    let channel = channel(port, &ca, by_token(), Stopped::new());
    assert!(matches!(channel.send(wake(1)).await, Ok(Outcome::Deferred { retry_after: Some(_), .. })));
    assert!(matches!(channel.send(wake(1)).await, Ok(Outcome::Accepted { .. })));
    assert_eq!(counters.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_provider_token_is_renewed_by_the_clock_and_when_refused() {
    let ca = ca("Test CA");
    let judge: Judge =
        Arc::new(
            |_, number| {
                if matches!(number, 3 | 5 | 6) { said(403, r#"{"reason":"ExpiredProviderToken"}"#) } else { said(200, "") }
            },
        );
    let (port, counters) = server(&ca, None, judge).await;
    let clock = Stopped::new();
    let channel = channel(port, &ca, by_token(), Arc::clone(&clock));
    channel.send(wake(0)).await.unwrap();
    clock.advance(Span::minutes(39));
    channel.send(wake(1)).await.unwrap();
    clock.advance(Span::minutes(2));
    channel.send(wake(2)).await.unwrap();
    clock.advance(Span::minutes(30));
    assert!(matches!(channel.send(wake(3)).await, Ok(Outcome::Accepted { .. })), "3 is refused, 4 goes with a new token");
    clock.advance(Span::minutes(30));
    let down = channel.send(wake(5)).await.unwrap_err();
    assert!(down.remedy.contains("clock"), "a new token is refused as well: {down:?}");
    let seen = counters.seen.lock().unwrap();
    let bearers: Vec<&str> = seen.iter().map(|s| s.headers["authorization"].to_str().unwrap()).collect();
    assert!(bearers.iter().all(|b| b.starts_with("bearer ey")));
    let same: Vec<bool> = bearers.windows(2).map(|pair| pair[0] == pair[1]).collect();
    assert_eq!(same, [true, false, true, false, true, false]);
}

#[tokio::test]
async fn the_client_certificate_is_presented() {
    let (server_ca, client_ca) = (ca("Server CA"), ca("Client CA"));
    let (port, counters) = server(&server_ca, Some(&client_ca), takes_all()).await;
    let by = |ca: &Ca| Credentials::Certificate { p12: modern(ca, "secret", 3000), password: "secret".into() };
    let ours = channel(port, &server_ca, by(&client_ca), Stopped::new());
    assert!(matches!(ours.send(wake(1)).await, Ok(Outcome::Accepted { .. })));
    assert!(!counters.seen.lock().unwrap()[0].headers.contains_key("authorization"));
    assert!(matches!(ours.describe(), CredentialsShown::Certificate { topic: Some(topic), .. } if topic == TOPIC));
    let shown = format!("{ours:?}");
    assert!(shown.contains(TOPIC) && !shown.contains("secret"), "{shown}");

    let foreign = channel(port, &server_ca, by(&ca("Other CA")), Stopped::new());
    let down = foreign.send(wake(2)).await.unwrap_err();
    assert!(down.what.contains("does not take the push certificate") && down.retry_after.is_none(), "{down:?}");
    let none = channel(port, &server_ca, by_token(), Stopped::new());
    assert!(none.send(wake(3)).await.is_err());
    assert_eq!(counters.seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_expired_certificate_sends_nothing() {
    let ca = ca("Test CA");
    let (port, counters) = server(&ca, None, takes_all()).await;
    let clock = Stopped::new();
    let credentials = Credentials::Certificate { p12: modern(&ca, "x", 2027), password: "x".into() };
    let channel = channel(port, &ca, credentials, Arc::clone(&clock));
    channel.send(wake(1)).await.unwrap();
    clock.advance(Span::days(60));
    let down = channel.send(wake(2)).await.unwrap_err();
    assert_eq!(down.what, "the push certificate expired on 2027-01-01");
    assert_eq!(counters.seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_of_an_unknown_ca_is_not_trusted() {
    let (theirs, ours) = (ca("Their CA"), ca("Our CA"));
    let (port, counters) = server(&theirs, None, takes_all()).await;
    let channel = channel(port, &ours, by_token(), Stopped::new());
    let down = channel.send(wake(1)).await.unwrap_err();
    assert!(down.what.contains("not trusted") && down.remedy.contains("push.ca"), "{down:?}");
    assert_eq!(counters.seen.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn many_that_wait_for_a_dead_server_knock_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let channel = channel(port, &ca("Test CA"), by_token(), Stopped::new());
    let outcomes = join_all((0..100).map(|n| channel.send(wake(n)))).await;
    for outcome in outcomes {
        let down = outcome.unwrap_err();
        assert_eq!(down.retry_after, Some(Span::minutes(1)));
        assert!(down.what.contains("refused"), "{down:?}");
    }
    assert_eq!(channel.attempts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_hand_over_that_is_dropped_frees_its_place() {
    let ca = ca("Test CA");
    let arrived = Arc::new(Notify::new());
    let signal = Arc::clone(&arrived);
    let (port, _) = server(
        &ca,
        None,
        Arc::new(move |_, _| {
            signal.notify_one();
            said(200, "")
        }),
    )
    .await;
    let channel = channel(port, &ca, by_token(), Stopped::new());
    {
        let mut sending = channel.send(wake(1));
        tokio::select! {
            _ = &mut sending => {}
            () = arrived.notified() => {}
        }
    }
    assert_eq!(channel.permits.available_permits(), AT_ONCE);
    assert!(matches!(channel.send(wake(2)).await, Ok(Outcome::Accepted { .. })));
}

#[test]
fn a_configuration_that_can_not_work_says_what_to_do() {
    let ca = ca("Test CA");
    let new = |endpoint: &str, extra_ca: Option<&[u8]>, credentials| {
        let config = PushConfig { endpoint: endpoint.into(), extra_ca: extra_ca.map(<[u8]>::to_vec), credentials };
        PushChannel::new(config, Stopped::new()).err().unwrap()
    };
    assert!(new("api.push.apple.com", None, by_token()).what.contains("push.endpoint"));
    assert!(new(PRODUCTION, Some(b"no"), by_token()).what.contains("CA"));
    let wrong = Credentials::Certificate { p12: modern(&ca, "right", 2031), password: "wrong".into() };
    assert!(new(PRODUCTION, None, wrong).remedy.contains("push.password"));
}
