//! The channel against a scripted server: every stage's refusals, every way to lose a line.

mod direct;
mod secured;
mod server;

use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::domain::mail_address::MailAddress;
use crate::domain::outcome::ChannelDown;
use crate::domain::time::{Span, Timestamp, from_millis};
use crate::ports::mail::Sender;
use server::{Drop, Hold, Say, SayThenDrop, Script, Server, Silence};

/// A clock that stands still until a test moves it.
struct Hands(Mutex<Timestamp>);

impl Hands {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(from_millis(1_796_112_000_000))))
    }

    fn forward(&self, span: Span) {
        *self.0.lock().unwrap() += span;
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn wait_until(&self, _until: Timestamp) -> Answer<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

fn letter(n: usize) -> Letter {
    Letter {
        from: Sender { name: "IT Sunnyside".into(), address: MailAddress::parse("it@sunnyside.example").unwrap() },
        to: MailAddress::parse("ana@sunnyside.example").unwrap(),
        to_name: "Ana Pires".to_owned(),
        subject: "Your apps".to_owned(),
        text: "Hello Ana".to_owned(),
        html: Some("<p>Hello Ana</p>".to_owned()),
        message_id: format!("17.{n}@sunnyside.example"),
        date: from_millis(1_796_112_000_000),
        language: "nl".to_owned(),
    }
}

fn letter_to(to: &str) -> Letter {
    Letter { to: MailAddress::parse(to).unwrap(), ..letter(1) }
}

fn quick() -> MailTimeouts {
    let soon = Duration::from_millis(400);
    MailTimeouts { connect: Duration::from_secs(5), reply: soon, data: soon, accept: soon, probe: soon }
}

fn to_relay(server: &Server, security: Security, connections: usize) -> MailConfig {
    MailConfig {
        route: Route::Relay { host: "127.0.0.1".to_owned(), port: server.address.port(), security, login: None },
        extra_ca: None,
        connections,
        bounces_to: None,
        hello: "beckon.sunnyside.example".to_owned(),
        timeouts: MailTimeouts { reply: Duration::from_secs(20), accept: Duration::from_secs(20), ..quick() },
    }
}

fn channel(server: &Server) -> MailChannel {
    MailChannel::new(to_relay(server, Security::None, 2), Hands::new()).unwrap()
}

/// What became of one letter, in a word and the words.
async fn outcome(script: impl FnOnce(&mut Script)) -> (&'static str, String, Server) {
    let server = Server::start(script).await;
    let handed = channel(&server).send(letter(1)).await;
    let (word, words) = word(handed);
    (word, words, server)
}

fn word(handed: Handed) -> (&'static str, String) {
    match handed {
        Ok(Outcome::Accepted { words }) => ("accepted", words),
        Ok(Outcome::Deferred { words, .. }) => ("deferred", words),
        Ok(Outcome::Rejected { why: Rejection::TargetDead, words }) => ("dead", words),
        Ok(Outcome::Rejected { why: Rejection::Refused, words }) => ("refused", words),
        Ok(Outcome::Doubtful { words }) => ("doubtful", words),
        Err(ChannelDown { what, .. }) => ("down", what),
    }
}

const PIPELINING: [&[&str]; 2] = [&[], &["PIPELINING", "8BITMIME", "SIZE 100000"]];

#[tokio::test]
async fn a_letter_is_taken_with_the_servers_words() {
    for offers in PIPELINING {
        let (word, words, server) = outcome(|s| {
            s.offer(offers);
        })
        .await;
        assert_eq!((word, words.as_str()), ("accepted", "250 2.0.0 Ok: queued as 4F1"));
        let body = server.with(|seen| String::from_utf8(seen.bodies[0].clone()).unwrap());
        assert!(body.contains("Subject: Your apps\r\n") && body.contains("Message-ID: <17.1@sunnyside.example>\r\n"));
        let sent = server.commands();
        assert_eq!(sent[0], "EHLO beckon.sunnyside.example");
        assert!(sent[1].starts_with("MAIL FROM:<it@sunnyside.example>"));
        assert_eq!(sent[1].contains("SIZE="), !offers.is_empty());
        assert_eq!(&sent[2..], ["RCPT TO:<ana@sunnyside.example>", "DATA", "."]);
    }
}

#[tokio::test]
async fn commands_go_together_only_where_the_server_offers_it() {
    let (_, _, server) = outcome(|s| {
        s.offer(&["PIPELINING"]);
    })
    .await;
    assert_eq!(server.with(|seen| seen.ahead), 2, "RCPT and DATA came with MAIL");
    let (_, _, server) = outcome(|_| {}).await;
    assert_eq!(server.with(|seen| seen.ahead), 0);
}

#[tokio::test]
async fn every_stage_can_refuse_or_drop_the_line() {
    let table = [
        ("greeting", Say("421 4.3.2 busy"), "deferred"),
        ("greeting", Say("554 5.7.1 go away"), "down"),
        ("greeting", Drop, "down"),
        ("greeting", Say("SSH-2.0-OpenSSH"), "down"),
        ("EHLO", Say("550 5.7.1 who are you"), "down"),
        ("EHLO", Drop, "down"),
        ("MAIL", Say("451 4.3.0 later"), "deferred"),
        ("MAIL", Say("552 5.3.4 too big"), "refused"),
        ("MAIL", Say("550 5.7.60 not your sender"), "down"),
        ("MAIL", SayThenDrop("421 4.7.0 closing"), "deferred"),
        ("MAIL", Drop, "deferred"),
        ("RCPT", Say("450 4.2.0 greylisted"), "deferred"),
        ("RCPT", Say("550 5.1.1 no such user"), "dead"),
        ("RCPT", Say("550 no such user"), "dead"),
        ("RCPT", Say("554 5.7.1 policy"), "refused"),
        ("RCPT", SayThenDrop("421 4.7.0 closing"), "deferred"),
        ("RCPT", SayThenDrop("550 5.1.1 no such user"), "dead"),
        ("RCPT", Drop, "deferred"),
        ("DATA", Say("451 4.3.0 later"), "deferred"),
        ("DATA", Say("554 5.5.1 no"), "refused"),
        ("DATA", Drop, "deferred"),
        (".", Say("451 4.7.1 later"), "deferred"),
        (".", Say("554 5.7.1 spam"), "refused"),
        (".", SayThenDrop("421 4.7.0 closing"), "deferred"),
        (".", Drop, "doubtful"),
        (".", Say("bogus"), "doubtful"),
    ];
    for offers in PIPELINING {
        for (stage, act, expected) in &table {
            let (word, words, server) = outcome(|s| {
                s.offer(offers).on(stage, [act.clone()]);
            })
            .await;
            assert_eq!(word, *expected, "{stage} {act:?} {offers:?}: {words}");
            let taken = server.with(|seen| seen.bodies.iter().filter(|b| !b.is_empty()).count());
            assert_eq!(taken, usize::from(*stage == "."), "{stage} {act:?} {offers:?}");
        }
    }
}

#[tokio::test]
async fn a_line_cut_within_the_body_is_deferred_and_nothing_is_taken() {
    let server = Server::start(|s| {
        s.offer(&["PIPELINING"]).body_max = Some(1_000);
    })
    .await;
    // More than two socket buffers can hold, so that the final dot can't have left.
    let big = Letter { text: "x".repeat(20_000_000), ..letter(1) };
    let mut config = to_relay(&server, Security::None, 1);
    config.timeouts.data = Duration::from_secs(60);
    let (word, words) = word(MailChannel::new(config, Hands::new()).unwrap().send(big).await);
    assert_eq!(word, "deferred", "{words}");
}

#[tokio::test]
async fn silence_ends_in_time() {
    for (stage, expected) in [("greeting", "down"), ("MAIL", "deferred"), ("DATA", "deferred"), (".", "doubtful")] {
        let server = Server::start(|s| {
            s.on(stage, [Silence]);
        })
        .await;
        let config = MailConfig { timeouts: quick(), ..to_relay(&server, Security::None, 1) };
        let (word, words) = word(MailChannel::new(config, Hands::new()).unwrap().send(letter(1)).await);
        assert_eq!(word, expected, "{stage}: {words}");
    }
}

#[tokio::test]
async fn one_bad_recipient_costs_neither_the_line_nor_the_next_letter() {
    for offers in PIPELINING {
        let server = Server::start(|s| {
            s.offer(offers).on("RCPT", [Say("550 5.1.1 no such user")]);
        })
        .await;
        let channel = channel(&server);
        assert_eq!(word(channel.send(letter(1)).await).0, "dead");
        assert_eq!(word(channel.send(letter(2)).await).0, "accepted");
        assert_eq!(server.with(|seen| seen.connections), 1);
        assert_eq!(server.count("RSET"), 1);
        assert_eq!(word(channel.send(letter(3)).await).0, "accepted");
        assert_eq!(server.count("RSET"), 1, "only after an unfinished transaction");
    }
}

#[tokio::test]
async fn data_taken_without_a_recipient_is_ended_with_an_empty_message() {
    let server = Server::start(|s| {
        s.offer(&["PIPELINING"]).on("RCPT", [Say("550 5.1.1 no such user")]).on("DATA", [Say("354 go ahead anyway")]);
        s.on(".", [Say("554 5.5.1 no valid recipients")]);
    })
    .await;
    let channel = channel(&server);
    assert_eq!(word(channel.send(letter(1)).await).0, "dead");
    assert_eq!(server.with(|seen| seen.bodies.clone()), [Vec::<u8>::new()], "the letter itself stays here");
    assert_eq!(word(channel.send(letter(2)).await).0, "accepted");
    assert_eq!(server.with(|seen| seen.connections), 1);
}

#[tokio::test]
async fn greylisting_defers_with_the_time_the_server_names() {
    let server = Server::start(|s| {
        s.on("RCPT", [Say("450 4.2.0 Greylisted, try again in 300 seconds")]);
    })
    .await;
    let channel = channel(&server);
    let Ok(Outcome::Deferred { retry_after, words }) = channel.send(letter(1)).await else { panic!("not deferred") };
    assert_eq!(retry_after, Some(Span::minutes(5)));
    assert!(words.contains("Greylisted"));
    assert_eq!(word(channel.send(letter(1)).await).0, "accepted");
}

#[tokio::test]
async fn a_line_that_died_between_letters_is_replaced_without_a_word() {
    for act in [Drop, Say("421 4.4.2 idle too long")] {
        for offers in PIPELINING {
            let server = Server::start(|s| {
                s.offer(offers).on("idle", [act.clone()]);
            })
            .await;
            let channel = channel(&server);
            assert_eq!(word(channel.send(letter(1)).await).0, "accepted");
            assert_eq!(word(channel.send(letter(2)).await).0, "accepted");
            assert_eq!(server.with(|seen| (seen.connections, seen.bodies.len())), (2, 2));
        }
    }
}

#[tokio::test]
async fn a_dead_line_is_replaced_once_and_then_reported() {
    let server = Server::start(|s| {
        s.on("idle", [Drop]).on("MAIL", [Say("250 ok"), Drop]);
    })
    .await;
    let channel = channel(&server);
    assert_eq!(word(channel.send(letter(1)).await).0, "accepted");
    assert_eq!(word(channel.send(letter(2)).await).0, "deferred");
    assert_eq!(server.with(|seen| seen.connections), 2);
}

#[tokio::test]
async fn a_line_is_asked_for_life_only_after_idle_seconds_and_ended_when_old() {
    let server = Server::start(|_| {}).await;
    let hands = Hands::new();
    let channel = MailChannel::new(to_relay(&server, Security::None, 1), Arc::clone(&hands) as Arc<dyn Clock>).unwrap();
    for n in 0..3 {
        assert_eq!(word(channel.send(letter(n)).await).0, "accepted");
    }
    assert_eq!((server.count("NOOP"), server.with(|seen| seen.connections)), (0, 1));
    hands.forward(Span::seconds(60));
    assert_eq!(word(channel.send(letter(4)).await).0, "accepted");
    assert_eq!((server.count("NOOP"), server.with(|seen| seen.connections)), (1, 1));
    hands.forward(Span::minutes(5));
    assert_eq!(word(channel.send(letter(5)).await).0, "accepted");
    assert_eq!(server.with(|seen| seen.connections), 2);
    channel.close().await;
    assert!(server.count("QUIT") >= 1);
    assert_eq!(word(channel.send(letter(6)).await).0, "accepted", "closing is not the end");
}

#[tokio::test]
async fn no_more_connections_than_allowed() {
    let server = Server::start(|s| {
        s.offer(&["PIPELINING"]).on(".", std::iter::repeat_n(Hold, 12));
    })
    .await;
    let channel = Arc::new(MailChannel::new(to_relay(&server, Security::None, 3), Hands::new()).unwrap());
    assert_eq!(channel.at_once(), 3);
    let sending: Vec<_> = (0..12)
        .map(|n| {
            let channel = Arc::clone(&channel);
            tokio::spawn(async move { channel.send(letter(n)).await })
        })
        .collect();
    server.release.add_permits(12);
    for task in sending {
        assert_eq!(word(task.await.unwrap()).0, "accepted");
    }
    assert_eq!(server.with(|seen| (seen.connections, seen.open_max, seen.bodies.len())), (3, 3, 12));
}

#[tokio::test]
async fn an_abandoned_letter_takes_its_line_along() {
    let server = Server::start(|s| {
        s.on("DATA", [Silence]);
    })
    .await;
    let channel = channel(&server);
    let abandoned = tokio::time::timeout(Duration::from_millis(100), channel.send(letter(1))).await;
    assert!(abandoned.is_err());
    assert_eq!(word(channel.send(letter(2)).await).0, "accepted");
    assert_eq!(server.with(|seen| seen.connections), 2);
}

#[tokio::test]
async fn an_address_outside_ascii_needs_a_server_that_takes_it() {
    let to = "jos\u{e9}@b\u{fc}cher.example";
    let server = Server::start(|_| {}).await;
    let (word_, words) = word(channel(&server).send(letter_to(to)).await);
    assert_eq!(word_, "refused");
    assert!(words.contains("SMTPUTF8"), "{words}");
    assert_eq!(server.count("MAIL"), 0);

    let server = Server::start(|s| {
        s.offer(&["SMTPUTF8", "8BITMIME"]);
    })
    .await;
    assert_eq!(word(channel(&server).send(letter_to(to)).await).0, "accepted");
    let sent = server.commands();
    assert_eq!(sent[1], "MAIL FROM:<it@sunnyside.example> SMTPUTF8 BODY=8BITMIME");
    assert_eq!(sent[2], "RCPT TO:<jos\u{e9}@xn--bcher-kva.example>");

    let server = Server::start(|_| {}).await;
    assert_eq!(word(channel(&server).send(letter_to("ana@b\u{fc}cher.example")).await).0, "accepted");
    assert_eq!(server.commands()[2], "RCPT TO:<ana@xn--bcher-kva.example>");
}

#[tokio::test]
async fn a_letter_larger_than_the_server_takes_is_refused_here() {
    let (word, words, server) = outcome(|s| {
        s.offer(&["SIZE 100"]);
    })
    .await;
    assert_eq!(word, "refused");
    assert!(words.contains("at most 100"), "{words}");
    assert_eq!(server.count("MAIL"), 0);
}

#[tokio::test]
async fn a_relay_that_is_not_there_pauses_the_channel() {
    let server = Server::start(|_| {}).await;
    let mut config = to_relay(&server, Security::None, 1);
    std::mem::drop(server);
    // The listener's task is aborted, not yet gone: a port that nobody ever had is certain.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    config.route = Route::Relay { host: "127.0.0.1".into(), port: free, security: Security::None, login: None };
    let down = MailChannel::new(config, Hands::new()).unwrap().send(letter(1)).await.unwrap_err();
    assert_eq!(down.retry_after, Some(Span::minutes(1)));
    assert!(down.what.contains("refused") && down.remedy.contains("relay"), "{down:?}");
}

#[tokio::test]
async fn a_relay_that_dns_does_not_know_pauses_the_channel() {
    let server = Server::start(|_| {}).await;
    let mut config = to_relay(&server, Security::None, 1);
    config.route = Route::Relay { host: "no-such-host.invalid".into(), port: 25, security: Security::None, login: None };
    let down = MailChannel::new(config, Hands::new()).unwrap().send(letter(1)).await.unwrap_err();
    assert!(down.what.contains("can't be found"), "{down:?}");
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    let config = |connections, hello: &str, host: &str| MailConfig {
        route: Route::Relay { host: host.into(), port: 25, security: Security::None, login: None },
        extra_ca: None,
        connections,
        bounces_to: None,
        hello: hello.to_owned(),
        timeouts: MailTimeouts::default(),
    };
    assert!(MailChannel::new(config(1, "", "mail.example"), Hands::new()).is_ok());
    assert!(MailChannel::new(config(0, "", "mail.example"), Hands::new()).is_err());
    assert!(MailChannel::new(config(1, "a\r\nMAIL", "mail.example"), Hands::new()).is_err());
    assert!(MailChannel::new(config(1, "", ""), Hands::new()).is_err());
}
