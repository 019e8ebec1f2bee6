//! A server that plays single frames, so that it can end connections at the wrong moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;

use super::{Stopped, accept, acceptor, by_token, channel, wake};
use crate::channels::push::ATTEMPTS_MAX;
use crate::channels::push::certificate::tests::{Ca, ca};
use crate::domain::outcome::Outcome;
use crate::ports::push::Push as _;

/// What the frame player does with one request.
#[derive(Clone, Copy, Debug)]
enum Act {
    Take,
    Refuse,
    GoAway {
        last: u32,
        code: u32,
        debug: &'static str,
    },
    /// GOAWAY that covers the stream, and then the end, without an answer.
    GoAwayAndHangUp {
        last: u32,
    },
    HangUp,
    /// No answer to anything any more, not even to a ping.
    Freeze,
}

#[derive(Default)]
struct Played {
    connections: AtomicUsize,
    requests: AtomicUsize,
    taken: AtomicUsize,
}

/// `act(connection, request)`: both count from 0, requests on each connection.
async fn player(ca: &Ca, act: impl Fn(usize, usize) -> Act + Copy + Send + Sync + 'static) -> (u16, Arc<Played>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (acceptor, played) = (acceptor(ca, None), Arc::new(Played::default()));
    let shared = Arc::clone(&played);
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let (acceptor, played) = (acceptor.clone(), Arc::clone(&shared));
            tokio::spawn(async move {
                let Some(mut tls) = accept(&acceptor, tcp).await else { return };
                let connection = played.connections.fetch_add(1, Ordering::SeqCst);
                // An error is the client hanging up.
                let _ = play(&mut tls, &played, |request| act(connection, request)).await;
            });
        }
    });
    (port, played)
}

async fn play(tls: &mut TlsStream<TcpStream>, played: &Played, act: impl Fn(usize) -> Act) -> std::io::Result<()> {
    const HEADERS: u8 = 1;
    const RST: u8 = 3;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const GOAWAY: u8 = 7;
    let mut preface = [0; 24];
    tls.read_exact(&mut preface).await?;
    write(tls, SETTINGS, 0, 0, &[]).await?;
    let mut requests = 0;
    loop {
        let mut head = [0; 9];
        tls.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; length];
        tls.read_exact(&mut payload).await?;
        match head[3] {
            SETTINGS if head[4] & 1 == 0 => write(tls, SETTINGS, 1, 0, &[]).await?,
            PING if head[4] & 1 == 0 => write(tls, PING, 1, 0, &payload).await?,
            HEADERS => {
                played.requests.fetch_add(1, Ordering::SeqCst);
                let goaway = |last: u32, code: u32, debug: &str| {
                    [&last.to_be_bytes()[..], &code.to_be_bytes()[..], debug.as_bytes()].concat()
                };
                match act(requests) {
                    Act::Take => {
                        played.taken.fetch_add(1, Ordering::SeqCst);
                        // `:status: 200` is entry 8 of HPACK's static table; END_STREAM and END_HEADERS.
                        write(tls, HEADERS, 5, stream, &[0x88]).await?;
                    }
                    Act::Refuse => write(tls, RST, 0, stream, &7_u32.to_be_bytes()).await?,
                    Act::GoAway { last, code, debug } => write(tls, GOAWAY, 0, 0, &goaway(last, code, debug)).await?,
                    Act::GoAwayAndHangUp { last } => {
                        write(tls, GOAWAY, 0, 0, &goaway(last, 0, "")).await?;
                        return Ok(());
                    }
                    Act::HangUp => return Ok(()),
                    Act::Freeze => std::future::pending().await,
                }
                requests += 1;
            }
            _ => {}
        }
    }
}

async fn write(tls: &mut TlsStream<TcpStream>, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    tls.write_all(&frame).await?;
    tls.flush().await
}

fn counts(played: &Played) -> (usize, usize, usize) {
    let get = |n: &AtomicUsize| n.load(Ordering::SeqCst);
    (get(&played.connections), get(&played.requests), get(&played.taken))
}

#[tokio::test]
async fn a_goaway_in_the_middle_loses_and_doubles_nothing() {
    let ca = ca("Test CA");
    // Streams are 1, 3, 5, …: the first five are taken, the sixth and all later ones are not looked at.
    let (port, played) = player(&ca, |connection, request| match (connection, request) {
        (0, 0..5) => Act::Take,
        (0, _) => Act::GoAway { last: 9, code: 0, debug: "" },
        _ => Act::Take,
    })
    .await;
    let channel = channel(port, &ca, by_token(), Stopped::new());
    let outcomes = join_all((0..40).map(|n| channel.send(wake(n)))).await;
    assert!(outcomes.iter().all(|o| matches!(o, Ok(Outcome::Accepted { .. }))), "{outcomes:?}");
    let (connections, _, taken) = counts(&played);
    assert_eq!((connections, taken), (2, 40));
}

#[tokio::test]
async fn a_refused_stream_is_sent_again() {
    let ca = ca("Test CA");
    let (port, played) = player(&ca, |connection, _| if connection == 0 { Act::Refuse } else { Act::Take }).await;
    let channel = channel(port, &ca, by_token(), Stopped::new());
    assert!(matches!(channel.send(wake(1)).await, Ok(Outcome::Accepted { .. })));
    assert_eq!(counts(&played), (2, 2, 1));
}

#[tokio::test]
async fn a_server_that_refuses_for_ever_is_not_asked_for_ever() {
    let ca = ca("Test CA");
    let (port, played) = player(&ca, |_, _| Act::Refuse).await;
    let channel = channel(port, &ca, by_token(), Stopped::new());
    let outcome = channel.send(wake(1)).await;
    assert!(matches!(&outcome, Ok(Outcome::Deferred { words, .. }) if words.contains("did not look at it")), "{outcome:?}");
    assert_eq!(counts(&played).1, ATTEMPTS_MAX as usize);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_not_taken_for_unprocessed() {
    let ca = ca("Test CA");
    for act in [Act::HangUp, Act::GoAwayAndHangUp { last: 1 }] {
        let (port, played) = player(&ca, move |connection, _| if connection == 0 { act } else { Act::Take }).await;
        let channel = channel(port, &ca, by_token(), Stopped::new());
        let outcome = channel.send(wake(1)).await;
        assert!(
            matches!(&outcome, Ok(Outcome::Deferred { words, .. }) if words.contains("before the answer")),
            "{act:?}: {outcome:?}"
        );
        assert_eq!(counts(&played).1, 1, "{act:?}: only the dispatcher decides to repeat it");
        assert!(matches!(channel.send(wake(1)).await, Ok(Outcome::Accepted { .. })), "the next one takes a new connection");
    }
}

#[tokio::test]
async fn a_goaway_that_names_our_certificate_stops_the_channel() {
    let ca = ca("Test CA");
    let (port, played) = player(&ca, |_, _| Act::GoAway { last: 0, code: 0, debug: r#"{"reason":"BadCertificate"}"# }).await;
    let channel = channel(port, &ca, by_token(), Stopped::new());
    let down = channel.send(wake(1)).await.unwrap_err();
    assert!(down.remedy.contains("identity.apple.com"), "{down:?}");
    assert_eq!(counts(&played).1, 1);
}

#[tokio::test]
async fn a_goaway_for_too_much_traffic_is_not_answered_with_more() {
    let ca = ca("Test CA");
    let (port, played) = player(&ca, |_, _| Act::GoAway { last: 0, code: 11, debug: "" }).await;
    let channel = channel(port, &ca, by_token(), Stopped::new());
    assert!(matches!(channel.send(wake(1)).await, Ok(Outcome::Deferred { .. })));
    assert_eq!(counts(&played).1, 1);
}

#[tokio::test]
async fn a_connection_that_died_silently_is_noticed_and_replaced() {
    let ca = ca("Test CA");
    let (port, played) = player(&ca, |connection, _| if connection == 0 { Act::Freeze } else { Act::Take }).await;
    let mut channel = channel(port, &ca, by_token(), Stopped::new());
    channel.timing.ping_every = Duration::from_millis(50);
    channel.timing.ping_answer = Duration::from_secs(1);
    let outcome = channel.send(wake(1)).await;
    assert!(matches!(outcome, Ok(Outcome::Deferred { .. })), "{outcome:?}");
    assert!(matches!(channel.send(wake(1)).await, Ok(Outcome::Accepted { .. })));
    assert_eq!(counts(&played), (2, 2, 1));
}
