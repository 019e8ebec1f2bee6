//! Lines that drop: what was lost before the end of a letter is deferred, what was lost after it is
//! doubtful. Against the simulated world's doors, and against Postfix's `smtp-sink`, told to hang up.

use std::process::{Command, Stdio};
use std::sync::Arc;

use beckon::channels::mail::{MailChannel, Security};
use beckon::ports::mail::{Letter, Mail};
use beckon::sim::mailboxes::MailboxConduct;
use beckon::sim::wire::{ServeConfig, serve};
use beckon::sim::{Doors, World, WorldConfig, lock};

use super::letters::{letter, mailbox, told};
use super::worlds::{clock, to_relay};
use crate::contract::peers::{self, Peer};

/// A letter that no pair of socket buffers holds: a short one has left before its sender can know that
/// nobody reads on, and is doubtful with right.
async fn lost_in_the_middle(mail: &dyn Mail) {
    let text = "Hello Ana, this goes on.\n".repeat(340_000);
    let (word, words) = told(mail.send(Letter { text, html: None, ..letter(mailbox::ANA, 1) }).await);
    assert_eq!(word, "deferred", "{words}");
}

async fn lost_before_the_end(mail: &dyn Mail) {
    let (word, words) = told(mail.send(letter(mailbox::ANA, 1)).await);
    assert_eq!(word, "deferred", "{words}");
}

async fn lost_after_the_end(mail: &dyn Mail) {
    let (word, words) = told(mail.send(letter(mailbox::ANA, 1)).await);
    assert_eq!(word, "doubtful", "{words}");
}

fn world(conduct: MailboxConduct) -> beckon::sim::SharedWorld {
    let mut world = World::new(WorldConfig::seeded(1));
    world.mail.behave(mailbox::ANA, conduct);
    world.shared()
}

#[tokio::test]
async fn the_in_process_door_tells_them_apart() {
    let before = world(MailboxConduct::DropsInData { times: 1 });
    lost_in_the_middle(&Doors::new(before.clone(), clock()).mail()).await;
    assert_eq!(lock(&before).mail.stored().len(), 0);
    let after = world(MailboxConduct::DropsAfterDot { times: 1 });
    lost_after_the_end(&Doors::new(after.clone(), clock()).mail()).await;
    assert_eq!(lock(&after).mail.stored().len(), 1, "nobody but the server can know");
}

#[tokio::test]
async fn the_channel_tells_them_apart_over_the_simulated_worlds_wire() {
    for (conduct, stored) in [(MailboxConduct::DropsInData { times: 1 }, 0), (MailboxConduct::DropsAfterDot { times: 1 }, 1)] {
        let clock = clock();
        let running = serve(ServeConfig::new(world(conduct)), clock.clone()).await.unwrap();
        let mail = MailChannel::new(to_relay(running.smtp_addr.port(), Security::None), clock).unwrap();
        if stored == 0 {
            lost_in_the_middle(&mail).await;
        } else {
            lost_after_the_end(&mail).await;
        }
        assert_eq!(lock(&running.world).mail.stored().len(), stored);
    }
}

/// An `smtp-sink` that was told how to behave, and the channel that leads to it.
struct Sink {
    mail: MailChannel,
    _peer: Peer,
}

impl Sink {
    fn start(conduct: &[&str]) -> Self {
        let port = peers::free_port();
        let child = Command::new("smtp-sink")
            // As root it wants somebody else to be.
            .args(["-u", "nobody", "-4"])
            .args(conduct)
            .args([&format!("127.0.0.1:{port}"), "100"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("BECKON_REAL_PEERS promises smtp-sink");
        let peer = Peer::watch_both(child);
        assert!(peers::listens(port), "smtp-sink doesn't listen: {:?}", peer.said.wait_for(&["fatal"]));
        let mail = MailChannel::new(to_relay(port, Security::None), clock() as Arc<_>).unwrap();
        Self { mail, _peer: peer }
    }
}

#[tokio::test]
async fn the_channel_tells_them_apart_with_smtp_sink_if_at_hand() {
    if !peers::at_hand("lines that smtp-sink drops") {
        return;
    }
    for command in ["mail", "rcpt", "data"] {
        lost_before_the_end(&Sink::start(&["-q", command]).mail).await;
        lost_before_the_end(&Sink::start(&["-p", "-q", command]).mail).await;
        // 421 and gone.
        lost_before_the_end(&Sink::start(&["-Q", command]).mail).await;
    }
    lost_after_the_end(&Sink::start(&["-q", "."]).mail).await;
    // An answer is an answer, also one that ends the line.
    lost_before_the_end(&Sink::start(&["-Q", "."]).mail).await;
}

#[tokio::test]
async fn every_stage_can_refuse_with_smtp_sink_if_at_hand() {
    if !peers::at_hand("refusals of smtp-sink") {
        return;
    }
    for command in ["mail", "rcpt", "data", "."] {
        for (option, reply, expected) in [("-r", "450 4.3.0 later", "deferred"), ("-f", "552 5.2.2 never", "rejected")] {
            let sink = Sink::start(&[option, command, if option == "-r" { "-b" } else { "-B" }, reply]);
            let (word, words) = told(sink.mail.send(letter(mailbox::ANA, 1)).await);
            assert_eq!((word, words.as_str()), (expected, reply), "{command}");
        }
    }
    let (word, words) = told(Sink::start(&["-f", "connect"]).mail.send(letter(mailbox::ANA, 1)).await);
    assert_eq!(word, "down", "a server that turns us away at the door turns every letter away: {words}");
}
