//! Our sender against nghttp2's server: an HTTP/2 that others wrote, with its limits on streams and its
//! goodbyes. It serves a file for each device that it "knows".

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use futures_util::future::join_all;
use tempfile::TempDir;

use super::*;
use crate::contract::peers::{Peer, at_hand, free_port, listens};

struct Nghttpd {
    folder: TempDir,
    port: u16,
    streams: usize,
    ca_pem: String,
    key_pem: String,
    /// `None` while it is stopped.
    peer: Option<Peer>,
}

impl Nghttpd {
    /// One that knows `devices` tokens and takes so many streams at once.
    fn start(devices: usize, streams: usize) -> Self {
        let folder = tempfile::tempdir().expect("a place for temporary files");
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let known = folder.path().join("3/device");
        fs::create_dir_all(&known).unwrap();
        for n in 0..devices {
            fs::write(known.join(token(n)), "").unwrap();
        }
        fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        let key_pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let mut server = Self { folder, port: free_port(), streams, ca_pem: made.cert.pem(), key_pem, peer: None };
        server.run();
        server
    }

    fn run(&mut self) {
        let path = |name: &str| Path::join(self.folder.path(), name);
        let child = Command::new("nghttpd")
            .args(["--verbose", "--address", "127.0.0.1", "--max-concurrent-streams", &self.streams.to_string()])
            .arg("--htdocs")
            .arg(self.folder.path())
            .arg(self.port.to_string())
            .args([path("key.pem"), path("cert.pem")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("BECKON_REAL_PEERS promises nghttpd");
        let peer = Peer::watch_both(child);
        assert!(listens(self.port), "nghttpd doesn't listen on {}", self.port);
        self.peer = Some(peer);
    }

    fn channel(&self) -> PushChannel {
        channel(&format!("https://localhost:{}", self.port), &self.ca_pem, provider_key(&self.key_pem))
    }

    fn said(&self) -> &crate::contract::peers::Said {
        &self.peer.as_ref().expect("it runs").said
    }
}

#[tokio::test]
async fn one_connection_carries_a_crowd_within_the_servers_limit_if_at_hand() {
    if !at_hand("pushes to nghttpd") {
        return;
    }
    for streams in [1, 10, 100] {
        let server = Nghttpd::start(300, streams);
        let push = server.channel();
        let handed = join_all((0..300).map(|n| push.send(wake(n)))).await;
        for (n, handed) in handed.iter().enumerate() {
            assert_eq!(word(handed), "accepted", "device {n}, {streams} streams: {handed:?}");
        }
        let said = server.said();
        // What it saw of the first and of every request.
        for part in [format!(":path: /3/device/{}", token(299)), "apns-push-type: mdm".to_owned(), format!("apns-topic: {TOPIC}")]
        {
            said.wait_for(&[&part]).unwrap();
        }
        assert_eq!(said.count(&[":method: POST"]), 300, "each went out once");
        assert_eq!(said.count(&["RST_STREAM"]), 0, "no stream was refused for want of room");
        // It numbers its connections; looking whether it listens was one, too.
        let connections = (1..=9).filter(|n| said.count(&[&format!("[id={n}]"), ":method: POST"]) > 0).count();
        assert_eq!(connections, 1, "{streams} streams");
    }
}

#[tokio::test]
async fn a_server_that_goes_and_comes_back_costs_no_notification_if_at_hand() {
    if !at_hand("pushes to an nghttpd that is stopped and started") {
        return;
    }
    let mut server = Nghttpd::start(3, 100);
    let push = server.channel();
    assert_eq!(word(&push.send(wake(0)).await), "accepted");
    server.peer = None;
    let handed = push.send(wake(1)).await;
    assert!(matches!(word(&handed), "down" | "deferred"), "{handed:?}");
    server.run();
    let handed = push.send(wake(1)).await;
    assert_eq!(word(&handed), "accepted", "{handed:?}");
    // The line is dead before the next one begins, and that may not be known yet: then the notification
    // is deferred, never doubtful and never lost.
    server.peer = None;
    server.run();
    let handed = push.send(wake(2)).await;
    assert!(matches!(word(&handed), "accepted" | "deferred"), "{handed:?}");
    let handed = push.send(wake(2)).await;
    assert_eq!(word(&handed), "accepted", "{handed:?}");
}

#[tokio::test]
async fn a_server_that_is_no_apns_does_not_empty_the_queue_if_at_hand() {
    if !at_hand("pushes to an nghttpd that knows no device") {
        return;
    }
    let server = Nghttpd::start(0, 100);
    let down = server.channel().send(wake(1)).await.unwrap_err();
    assert!(down.what.contains("404") && down.remedy.contains("push.endpoint"), "{down:?}");
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    let endpoint = format!("https://localhost:{}", server.port);
    let down = channel(&endpoint, &stranger, provider_key(&server.key_pem)).send(wake(1)).await.unwrap_err();
    assert!(down.remedy.contains("push.ca") || down.remedy.contains("CA"), "{down:?}");
}
