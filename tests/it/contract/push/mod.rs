//! The push port: the simulated APNs in-process, and our own sender over HTTP/2 to the same APNs on
//! loopback, with a certificate and with a provider token.

mod nghttpd;
mod promises;

use std::sync::Arc;

use beckon::channels::push::{Credentials, PushChannel, PushConfig};
use beckon::domain::outcome::{Handed, Outcome, Rejection};
use beckon::domain::time::{Timestamp, from_millis};
use beckon::ports::push::{Notification, NotificationKind, Push};
use beckon::sim::wire::{ApnsAuth, Running, ServeConfig, serve};
use beckon::sim::{Doors, SharedWorld, VirtualClock, World, WorldConfig};
use secrecy::SecretString;

const TOPIC: &str = "com.apple.mgmt.External.0c4b7d2e";

/// One side of the port, with the world that is behind it.
struct Side {
    name: &'static str,
    port: Box<dyn Push>,
    world: SharedWorld,
    _running: Option<Running>,
}

async fn sides() -> [Side; 3] {
    [
        in_process(),
        served("with a certificate", ApnsAuth::Certificate).await,
        served("with a token", ApnsAuth::ProviderToken).await,
    ]
}

fn in_process() -> Side {
    let world = World::new(WorldConfig::seeded(1)).shared();
    let port = Box::new(Doors::new(world.clone(), clock()).push());
    Side { name: "in-process", port, world, _running: None }
}

async fn served(name: &'static str, apns_auth: ApnsAuth) -> Side {
    let world = World::new(WorldConfig::seeded(1)).shared();
    let config = ServeConfig { apns_auth, steps_by_itself: false, ..ServeConfig::new(world.clone()) };
    let running = serve(config, clock()).await.unwrap();
    let credentials = match apns_auth {
        ApnsAuth::ProviderToken => provider_key(&running.client_identity.key_pem),
        _ => certificate(running.client_identity.p12("word").unwrap()),
    };
    let port = channel(&running.apns_url, &running.ca_pem, credentials);
    Side { name, port: Box::new(port), world, _running: Some(running) }
}

fn channel(endpoint: &str, ca_pem: &str, credentials: Credentials) -> PushChannel {
    let extra_ca = Some(ca_pem.as_bytes().to_vec());
    PushChannel::new(PushConfig { endpoint: endpoint.to_owned(), extra_ca, credentials }, clock()).unwrap()
}

fn certificate(p12: Vec<u8>) -> Credentials {
    Credentials::Certificate { p12, password: SecretString::from("word") }
}

fn provider_key(p8: &str) -> Credentials {
    Credentials::Token { p8: SecretString::from(p8), key_id: "ABCDE12345".to_owned(), team_id: "TEAM123456".to_owned() }
}

fn start() -> Timestamp {
    from_millis(1_796_000_000_000)
}

fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::new(start()))
}

/// The token of device `n`.
fn token(n: usize) -> String {
    format!("{n:064x}")
}

/// The id of delivery `n`.
fn id(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012x}")
}

/// Wakes device `n` for delivery `n`.
fn wake(n: usize) -> Notification {
    Notification {
        token: token(n),
        topic: TOPIC.to_owned(),
        kind: NotificationKind::MdmWake { push_magic: format!("magic-{n}") },
        id: id(n),
        expires: None,
        collapse_id: None,
    }
}

/// What a hand-over came to, in one word.
fn word(handed: &Handed) -> &'static str {
    match handed {
        Ok(Outcome::Accepted { .. }) => "accepted",
        Ok(Outcome::Deferred { .. }) => "deferred",
        Ok(Outcome::Rejected { why: Rejection::TargetDead, .. }) => "dead",
        Ok(Outcome::Rejected { why: Rejection::Refused, .. }) => "refused",
        Ok(Outcome::Doubtful { .. }) => "doubtful",
        Err(_) => "down",
    }
}
