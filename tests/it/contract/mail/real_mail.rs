//! The channel against a real Postfix: the port's promises, and what only a real mailbox can tell.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use beckon::channels::mail::{Exchanger, LookupFault, MailChannel, Resolve, Route, Security};
use beckon::domain::outcome::{Outcome, Rejection};
use beckon::domain::time::Span;
use beckon::ports::Answer;
use beckon::ports::mail::Mail as _;

use super::letters::{letter, mailbox, message_id, told};
use super::postfix::{GREY_MINUTES, Postfix, PostfixOffice, SIZE_MAX};
use super::promises::{self, accepted};
use super::worlds::{clock, to_relay};
use crate::contract::peers::at_hand;

fn relay(postfix: &Postfix, security: Security, trusted: bool) -> MailChannel {
    let port = if security == Security::ImplicitTls { postfix.tls_port } else { postfix.port };
    let mut config = to_relay(port, security);
    config.extra_ca = trusted.then(|| postfix.ca_pem.clone().into_bytes());
    MailChannel::new(config, clock()).unwrap()
}

#[tokio::test]
async fn a_relay_keeps_the_promises_if_at_hand() {
    if !at_hand("mail through a Postfix relay") {
        return;
    }
    for (security, tls) in [(Security::None, false), (Security::StartTlsRequired, true), (Security::ImplicitTls, true)] {
        let postfix = Postfix::start();
        let office = PostfixOffice { postfix: &postfix, mail: relay(&postfix, security, true) };
        promises::are_kept(&office).await;
        let words = accepted(&office, letter("pupil7@sunnyside.example", 900)).await;
        let received = postfix.holds("pupil7@sunnyside.example", &words)[0].header("Received");
        assert_eq!(received.contains("using TLSv1."), tls, "{security:?}: {received}");
        assert_eq!(received.contains("with ESMTPS"), tls, "{security:?}: {received}");
    }
}

/// DNS as the test says: one exchanger that nobody answers at, and the one that runs.
struct Exchangers;

impl Resolve for Exchangers {
    fn exchangers(&self, domain: String) -> Answer<'_, Result<Vec<Exchanger>, LookupFault>> {
        Box::pin(async move {
            match domain.as_str() {
                "sunnyside.example" => Ok(vec![
                    Exchanger { preference: 20, host: "mail.sunnyside.example".to_owned() },
                    Exchanger { preference: 10, host: "gone.sunnyside.example".to_owned() },
                ]),
                _ => Err(LookupFault::NoSuchName),
            }
        })
    }

    fn addresses(&self, host: String) -> Answer<'_, Result<Vec<IpAddr>, LookupFault>> {
        // 127.0.0.2 is this machine too, and nobody listens there.
        let last = if host.starts_with("gone") { 2 } else { 1 };
        Box::pin(async move { Ok(vec![IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))]) })
    }
}

#[tokio::test]
async fn an_exchanger_keeps_the_promises_if_at_hand() {
    if !at_hand("mail straight to a Postfix exchanger") {
        return;
    }
    let postfix = Postfix::start();
    let mut config = to_relay(0, Security::None);
    config.route = Route::Direct { port: postfix.port };
    let mail = MailChannel::with_resolver(config, clock(), Arc::new(Exchangers)).unwrap();
    let office = PostfixOffice { postfix: &postfix, mail };
    promises::are_kept(&office).await;
    // Its certificate is nobody's, and encryption to anybody is better than none.
    let words = accepted(&office, letter("pupil7@sunnyside.example", 900)).await;
    let received = postfix.holds("pupil7@sunnyside.example", &words)[0].header("Received");
    assert!(received.contains("using TLSv1."), "{received}");
    let (word, words) = told(office.mail.send(letter("ana@nowhere.example", 901)).await);
    assert_eq!(word, "rejected", "{words}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_stops_the_channel_if_at_hand() {
    if !at_hand("Postfix with a certificate of its own") {
        return;
    }
    let postfix = Postfix::start();
    for security in [Security::StartTlsRequired, Security::ImplicitTls] {
        let down = relay(&postfix, security, false).send(letter(mailbox::ANA, 1)).await.unwrap_err();
        assert!(down.remedy.contains("`ca`"), "{down:?}");
    }
    assert_eq!(postfix.holds(mailbox::ANA, &[]).len(), 0);
    let office = PostfixOffice { postfix: &postfix, mail: relay(&postfix, Security::StartTlsOpportunistic, false) };
    let words = accepted(&office, letter(mailbox::ANA, 2)).await;
    assert!(postfix.holds(mailbox::ANA, &words)[0].header("Received").contains("using TLSv1."));
}

#[tokio::test]
async fn a_letter_reads_as_it_was_written_if_at_hand() {
    if !at_hand("a letter in a Postfix mailbox") {
        return;
    }
    let postfix = Postfix::start();
    let office = PostfixOffice { postfix: &postfix, mail: relay(&postfix, Security::None, false) };
    let mut sent = letter(mailbox::ANA, 1);
    sent.to_name = "Ana \"Nina\" P\u{ed}res, 5b".to_owned();
    sent.subject = "Uw apps staan klaar \u{2014} \u{1f34f}\r\nBcc: bo@sunnyside.example".to_owned();
    sent.text = format!(
        "Dag Ana,\n\n.\n..\n.een punt vooraan\nFrom here on: se\u{f1}or =3D \u{20ac}5\n{}\ntot ziens ",
        "zeer lang ".repeat(200)
    );
    sent.html = Some("<p style=\"color: #333\">Dag Ana</p>\n.\n<p>tot ziens</p>".to_owned());
    let words = accepted(&office, sent.clone()).await;
    let held = office.postfix.holds(mailbox::ANA, &words);
    assert_eq!(held.len(), 1);
    let arrived = &held[0];

    for once in ["Message-ID", "Subject", "From", "To", "Date", "MIME-Version", "Content-Type", "Auto-Submitted"] {
        assert_eq!(arrived.count(once), 1, "{once}");
    }
    assert_eq!(arrived.count("Bcc"), 0, "a subject is one header, whatever is in it");
    assert_eq!(postfix.holds(mailbox::BO, &[]).len(), 0);
    assert_eq!(arrived.header("Return-Path"), "<it@sunnyside.example>", "bounces come back to the sender");
    assert_eq!(arrived.message_id(), message_id(1));
    assert_eq!(arrived.header("Auto-Submitted"), "auto-generated");
    assert_eq!(arrived.header("Content-Language"), "nl");
    let date = chrono::DateTime::parse_from_rfc2822(&arrived.header("Date")).unwrap();
    assert_eq!(date, sent.date);
    assert_eq!(arrived.header("Subject"), "Uw apps staan klaar =?utf-8?b?4oCUIPCfjY8=?= Bcc: bo@sunnyside.example");
    assert!(arrived.0.split(|b| *b == b'\n').all(|line| line.len() <= 998 && line.is_ascii()), "safe for any server on the way");

    let kind = arrived.header("Content-Type");
    assert!(kind.starts_with("multipart/alternative"), "{kind}");
    let words = arrived.words();
    let text_at = words.find("text/plain").expect("a text part");
    let html_at = words.find("text/html").expect("an HTML part");
    assert!(text_at < html_at, "the richest part comes last (RFC 2046 5.1.4)");
    assert!(words.contains(&sent.text), "{words}");
    assert!(words.contains(sent.html.as_deref().unwrap()), "{words}");
}

#[tokio::test]
async fn addresses_beyond_ascii_arrive_if_at_hand() {
    if !at_hand("international addresses at Postfix") {
        return;
    }
    let postfix = Postfix::start();
    let office = PostfixOffice { postfix: &postfix, mail: relay(&postfix, Security::None, false) };
    for (n, to) in ["jos\u{e9}@sunnyside.example", "chef@b\u{fc}cher.example"].into_iter().enumerate() {
        let words = accepted(&office, letter(to, n)).await;
        let held = postfix.holds(to, &words);
        assert_eq!(held.len(), 1, "{to}");
        assert_eq!(held[0].message_id(), message_id(n), "{to}");
    }
}

#[tokio::test]
async fn what_the_server_says_is_understood_if_at_hand() {
    if !at_hand("Postfix's greylisting, sizes and refusals") {
        return;
    }
    let postfix = Postfix::start();
    let mail = relay(&postfix, Security::None, false);
    match mail.send(letter(mailbox::GREY, 1)).await {
        Ok(Outcome::Deferred { retry_after, .. }) => assert_eq!(retry_after, Some(Span::minutes(GREY_MINUTES))),
        other => panic!("{other:?}"),
    }
    let mut large = letter(mailbox::ANA, 2);
    large.text = "a very long letter\n".repeat(SIZE_MAX / 19 + 1);
    match mail.send(large).await {
        Ok(Outcome::Rejected { why: Rejection::Refused, words }) => assert!(words.contains(&SIZE_MAX.to_string()), "{words}"),
        other => panic!("{other:?}"),
    }
    match mail.send(letter("ana@elsewhere.example", 3)).await {
        Ok(Outcome::Rejected { why: Rejection::Refused, words }) => assert!(words.contains("Relay access denied"), "{words}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_goes_and_comes_back_costs_no_letter_if_at_hand() {
    if !at_hand("a Postfix that is stopped and started") {
        return;
    }
    let mut postfix = Postfix::start();
    let mail = relay(&postfix, Security::None, false);
    let (word, first) = told(mail.send(letter(mailbox::ANA, 1)).await);
    assert_eq!(word, "accepted", "{first}");
    assert_eq!(postfix.holds(mailbox::ANA, &[first]).len(), 1);

    postfix.stop();
    let down = mail.send(letter(mailbox::ANA, 2)).await.unwrap_err();
    assert!(down.retry_after.is_some(), "a server may come back by itself: {down:?}");

    postfix.start_again();
    let (word, again) = told(mail.send(letter(mailbox::ANA, 2)).await);
    assert_eq!(word, "accepted", "{again}");
    let held: Vec<String> = postfix.holds(mailbox::ANA, &[again]).iter().map(|m| m.message_id()).collect();
    assert_eq!(held, [message_id(1), message_id(2)]);

    // The line that was kept is dead, and the letter must not notice.
    postfix.stop();
    postfix.start_again();
    let (word, words) = told(mail.send(letter(mailbox::ANA, 3)).await);
    assert_eq!(word, "accepted", "{words}");
}
