//! The mail server against lettre's transport and against a line typed by hand.

use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::*;
use crate::sim::lock;
use crate::sim::mailboxes::MailboxConduct;

/// A connection, and what it says line by line.
struct Typed {
    stream: BufReader<TcpStream>,
}

impl Typed {
    async fn new(running: &Running) -> Self {
        Self { stream: BufReader::new(TcpStream::connect(running.smtp_addr).await.unwrap()) }
    }

    async fn type_in(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The codes of the next replies; `-` when the line ended.
    async fn codes(&mut self, count: usize) -> Vec<String> {
        let mut codes = Vec::new();
        while codes.len() < count {
            let mut line = String::new();
            match self.stream.read_line(&mut line).await {
                Ok(n) if n > 0 => {
                    if line.as_bytes().get(3) == Some(&b' ') {
                        codes.push(line[..3].to_owned());
                    }
                }
                _ => {
                    codes.push("-".to_owned());
                    break;
                }
            }
        }
        codes
    }

    async fn asks(&mut self, text: &str) -> String {
        self.type_in(text).await;
        self.codes(1).await.remove(0)
    }
}

#[tokio::test]
async fn pipelined_commands_and_protected_dots() {
    let (running, _) = served(world(), |_| {}).await;
    let mut line = Typed::new(&running).await;
    line.type_in("EHLO x\r\n").await;
    assert_eq!(line.codes(2).await, ["220", "250"]);
    line.type_in(
        "MAIL FROM:<it@x.example> SIZE=10 BODY=8BITMIME\r\nRCPT TO:<Ana@x.example>\r\nRCPT TO:<bo@x.example>\r\nDATA\r\n",
    )
    .await;
    assert_eq!(line.codes(4).await, ["250", "250", "250", "354"]);
    // A dot that is doubled on the way, a bare ".\n" that ends nothing, and the next message in the same breath.
    line.type_in("Message-ID: <1@x>\r\n\r\n..hidden\r\nfoo\n.\nbar\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n")
        .await;
    assert_eq!(line.codes(4).await, ["250", "250", "250", "354"]);
    line.type_in("Subject: two\r\n").await;
    line.type_in("\r\nx\r\n.").await;
    line.type_in("\r\nQUIT\r\n").await;
    assert_eq!(line.codes(3).await, ["250", "221", "-"]);
    let world = lock(&running.world);
    let stored = world.mail.stored();
    assert_eq!(stored[0].to, ["Ana@x.example", "bo@x.example"]);
    assert_eq!(stored[0].message_id, "1@x");
    assert_eq!(stored[0].raw, b"Message-ID: <1@x>\r\n\r\n.hidden\r\nfoo\n.\nbar\r\n");
    assert_eq!(stored[1].raw, b"Subject: two\r\n\r\nx\r\n");
}

#[tokio::test]
async fn mailboxes_misbehave_on_the_wire() {
    let mut world = world();
    world.mail.behave("grey@x.example", MailboxConduct::Greylists { times: 1 });
    world.mail.behave("no@x.example", MailboxConduct::no_such_user());
    world.mail.behave("mid@x.example", MailboxConduct::DropsInData { times: 1 });
    world.mail.behave("dot@x.example", MailboxConduct::DropsAfterDot { times: 1 });
    world.mail.behave("busy@x.example", MailboxConduct::Busy { times: 1 });
    let (running, _) = served(world, |_| {}).await;
    for (to, expected) in [
        ("grey", "451"),
        ("grey", "354 250"),
        ("no", "550"),
        ("mid", "354 -"),
        ("mid", "354 250"),
        ("dot", "354 -"),
        ("dot", "354 250"),
        ("busy", "421 -"),
        ("busy", "354 250"),
    ] {
        let mut line = Typed::new(&running).await;
        line.type_in("EHLO x\r\nMAIL FROM:<it@x.example>\r\n").await;
        line.codes(3).await;
        let mut got = line.asks(&format!("RCPT TO:<{to}@x.example>\r\n")).await;
        if got == "250" {
            got = line.asks("DATA\r\n").await;
            got = format!("{got} {}", line.asks("Message-ID: <m@x>\r\n\r\nx\r\n.\r\n").await);
        } else if got == "421" {
            got = format!("{got} {}", line.codes(1).await[0]);
        }
        assert_eq!(got, expected, "{to}");
    }
    let world = lock(&running.world);
    assert_eq!(world.mail.stored().len(), 5);
    assert_eq!(world.mail.to("dot@x.example").len(), 2);
    assert_eq!(world.mail.to("mid@x.example").len(), 1);
}

#[tokio::test]
async fn commands_out_of_order_and_too_much_of_everything() {
    let (running, _) = served(world(), |config| config.smtp.message_bytes_max = 1000).await;
    let mut line = Typed::new(&running).await;
    line.codes(1).await;
    for (command, expected) in [
        ("MAIL FROM:<a@x.example>", "503"),
        ("HELO x", "250"),
        ("RCPT TO:<a@x.example>", "503"),
        ("DATA", "503"),
        ("MAIL FROM:a@x.example", "501"),
        ("MAIL FROM:<jos\u{e9}@x.example>", "553"),
        ("MAIL FROM:<jos\u{e9}@x.example> SMTPUTF8", "250"),
        ("MAIL FROM:<a@x.example>", "503"),
        ("RCPT TO:<nobody>", "501"),
        ("RSET", "250"),
        ("MAIL FROM:<a@x.example> SIZE=1001", "552"),
        ("AUTH PLAIN AGEAYg==", "503"),
        ("BANANA", "502"),
        ("NOOP", "250"),
    ] {
        assert_eq!(line.asks(&format!("{command}\r\n")).await, expected, "{command}");
    }
    assert_eq!(line.asks(&format!("NOOP {}\r\n", "x".repeat(100_000))).await, "500");
    line.type_in("MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n").await;
    assert_eq!(line.codes(3).await, ["250", "250", "354"]);
    line.type_in(&"y".repeat(200_000)).await;
    assert_eq!(line.asks("\r\n.\r\n").await, "552");
    assert_eq!(line.asks("NOOP\r\n").await, "250");
    assert_eq!(lock(&running.world).mail.stored().len(), 0);
}

fn message(to: &str) -> Message {
    let mailbox = |address: &str| address.parse::<Mailbox>().unwrap();
    let link = "https://x/?inviteCode=0b7d1f5c2e9a4c66b1d0a87e54f3c912&mt=8 voilà, a long line that has to be folded somewhere";
    let body = MultiPart::alternative_plain_html(link.to_owned(), format!("<p>{link}</p>"));
    Message::builder().from(mailbox("it@x.example")).to(mailbox(to)).subject("Apps").multipart(body).unwrap()
}

#[tokio::test]
async fn lettre_with_starttls_with_implicit_tls_and_with_a_login() {
    let login = Some(("beckon".to_owned(), "secret".to_owned()));
    let (running, _) = served(world(), |config| config.smtp.login = login).await;
    let tls = || {
        let ca = Certificate::from_pem(running.ca_pem.as_bytes()).unwrap();
        TlsParameters::builder("localhost".to_owned()).add_root_certificate(ca).build().unwrap()
    };
    let transport = |port, tls: Tls, password: &str| {
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("localhost")
            .port(port)
            .tls(tls)
            .credentials(Credentials::new("beckon".to_owned(), password.to_owned()))
            .build()
    };
    let (plain, secured) = (running.smtp_addr.port(), running.smtps_addr.port());
    transport(plain, Tls::Required(tls()), "secret").send(message("a@x.example")).await.unwrap();
    transport(secured, Tls::Wrapper(tls()), "secret").send(message("b@x.example")).await.unwrap();
    let refused = transport(secured, Tls::Wrapper(tls()), "wrong").send(message("c@x.example")).await.unwrap_err();
    assert_eq!(refused.status().map(u16::from), Some(535));
    let anonymous = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("localhost").port(plain).build();
    assert_eq!(anonymous.send(message("d@x.example")).await.unwrap_err().status().map(u16::from), Some(530));
    let world = lock(&running.world);
    assert_eq!(world.mail.stored().len(), 2);
    assert!(world.mail.stored()[0].decoded().contains("voilà"));
    assert_eq!(world.people.latest_code("a@x.example"), Some("0b7d1f5c2e9a4c66b1d0a87e54f3c912"));
}
