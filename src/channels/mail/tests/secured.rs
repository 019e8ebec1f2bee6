//! TLS and login.

use secrecy::SecretString;

use super::server::certificate;
use super::*;

const PASSWORD: &str = "correct horse";

struct Site {
    server: Server,
    ca: Vec<u8>,
}

async fn site(write: impl FnOnce(&mut Script)) -> Site {
    let (acceptor, ca) = certificate();
    let server = Server::start(|s| {
        s.tls = Some(acceptor);
        write(s);
    })
    .await;
    Site { server, ca }
}

impl Site {
    async fn send(&self, security: Security, trusted: bool, login: bool) -> Handed {
        let mut config = to_relay(&self.server, security, 1);
        config.extra_ca = trusted.then(|| self.ca.clone());
        if let Route::Relay { login: l, .. } = &mut config.route {
            *l = login.then(|| ("beckon".to_owned(), SecretString::from(PASSWORD)));
        }
        assert!(!format!("{config:?}").contains(PASSWORD));
        MailChannel::new(config, Hands::new()).unwrap().send(letter(1)).await
    }
}

fn starttls(s: &mut Script) {
    s.offer(&["PIPELINING", "STARTTLS"]);
}

#[tokio::test]
async fn a_trusted_certificate_is_taken() {
    let site = site(starttls).await;
    assert_eq!(word(site.send(Security::StartTlsRequired, true, false).await).0, "accepted");
    assert_eq!(site.server.count("EHLO"), 2, "what was said before TLS is forgotten");
}

#[tokio::test]
async fn an_unknown_certificate_pauses_the_channel_where_tls_is_required() {
    let site = site(starttls).await;
    let down = site.send(Security::StartTlsRequired, false, false).await.unwrap_err();
    assert!(down.remedy.contains("`ca`"), "{down:?}");
    assert_eq!(site.server.count("MAIL"), 0);
}

#[tokio::test]
async fn an_unknown_certificate_will_do_where_tls_is_a_bonus() {
    let site = site(starttls).await;
    assert_eq!(word(site.send(Security::StartTlsOpportunistic, false, false).await).0, "accepted");
    assert_eq!(site.server.count("STARTTLS"), 1);
}

#[tokio::test]
async fn tls_that_fails_is_done_without_where_it_is_a_bonus() {
    let server = Server::start(|s| {
        s.offer(&["STARTTLS"]).on("STARTTLS", [Say("454 4.7.0 no TLS today")]);
    })
    .await;
    let channel = MailChannel::new(to_relay(&server, Security::StartTlsOpportunistic, 1), Hands::new()).unwrap();
    assert_eq!(word(channel.send(letter(1)).await).0, "accepted");
    assert_eq!(server.with(|seen| seen.connections), 2);
}

#[tokio::test]
async fn a_server_without_starttls_gets_nothing_where_it_is_required() {
    let server = Server::start(|_| {}).await;
    let down = MailChannel::new(to_relay(&server, Security::StartTlsRequired, 1), Hands::new())
        .unwrap()
        .send(letter(1))
        .await
        .unwrap_err();
    assert!(down.what.contains("STARTTLS"), "{down:?}");
    assert_eq!(server.count("MAIL"), 0);
}

#[tokio::test]
async fn words_slipped_in_before_the_handshake_end_the_line() {
    let site = site(|s| {
        s.offer(&["STARTTLS"]).on("STARTTLS", [Say("220 go ahead\r\n250 injected")]);
    })
    .await;
    let (word, words) = word(site.send(Security::StartTlsRequired, true, false).await);
    assert_eq!(word, "down");
    assert!(words.contains("before the TLS handshake") || words.contains("no TLS"), "{words}");
    assert_eq!(site.server.count("MAIL"), 0);
}

#[tokio::test]
async fn tls_from_the_first_byte() {
    let site = site(|s| s.implicit_tls = true).await;
    assert_eq!(word(site.send(Security::ImplicitTls, true, false).await).0, "accepted");
    assert_eq!(word(site.send(Security::ImplicitTls, false, false).await).0, "down");
}

#[tokio::test]
async fn logs_in_plain_or_in_two_questions() {
    let site = site(|s| {
        starttls(s);
        s.offers_under_tls = Some(vec!["AUTH PLAIN LOGIN"]);
    })
    .await;
    assert_eq!(word(site.send(Security::StartTlsRequired, true, true).await).0, "accepted");
    // base64 of "\0beckon\0correct horse"
    assert!(site.server.commands().contains(&"AUTH PLAIN AGJlY2tvbgBjb3JyZWN0IGhvcnNl".to_owned()));

    let site = self::site(|s| {
        starttls(s);
        s.offers_under_tls = Some(vec!["AUTH LOGIN"]);
        // "Username:", then "Password:".
        s.on("AUTH", [Say("334 VXNlcm5hbWU6")]).on("else", [Say("334 UGFzc3dvcmQ6"), Say("235 2.7.0 welcome")]);
    })
    .await;
    assert_eq!(word(site.send(Security::StartTlsRequired, true, true).await).0, "accepted");
    let said = site.server.commands();
    let at = said.iter().position(|c| c == "AUTH LOGIN").unwrap();
    assert_eq!(&said[at + 1..at + 3], ["YmVja29u", "Y29ycmVjdCBob3JzZQ=="]);
}

#[tokio::test]
async fn a_refused_login_pauses_the_channel_and_names_no_password() {
    for (answer, waits) in [("535 5.7.8 bad credentials", None), ("454 4.7.0 later", Some(Span::minutes(1)))] {
        let site = site(|s| {
            starttls(s);
            s.offers_under_tls = Some(vec!["AUTH PLAIN"]);
            s.on("AUTH", [Say(answer)]);
        })
        .await;
        let down = site.send(Security::StartTlsRequired, true, true).await.unwrap_err();
        assert_eq!(down.retry_after, waits);
        assert!(down.remedy.contains("password"));
        let shown = format!("{down:?}");
        assert!(!shown.contains(PASSWORD) && !shown.contains("AGJlY2tvbg"), "{shown}");
    }
}

#[tokio::test]
async fn a_server_that_offers_no_known_login_pauses_the_channel() {
    let site = site(|s| {
        starttls(s);
        s.offers_under_tls = Some(vec!["AUTH CRAM-MD5"]);
    })
    .await;
    assert_eq!(word(site.send(Security::StartTlsRequired, true, true).await).0, "down");
    assert_eq!(site.server.count("AUTH"), 0);
}

#[tokio::test]
async fn with_a_login_a_bonus_certificate_must_be_trusted() {
    let site = site(starttls).await;
    assert_eq!(word(site.send(Security::StartTlsOpportunistic, false, true).await).0, "down");
    assert_eq!(site.server.count("AUTH"), 0);
}

#[tokio::test]
async fn on_loopback_a_login_may_go_without_tls() {
    let site = site(|s| {
        s.offer(&["AUTH PLAIN"]);
    })
    .await;
    assert_eq!(word(site.send(Security::None, false, true).await).0, "accepted");
    assert_eq!(site.server.count("AUTH"), 1);
}
