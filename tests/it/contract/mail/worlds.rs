//! The promises in the simulated world, through both of its doors.

use std::sync::Arc;
use std::time::Duration;

use beckon::channels::mail::{MailChannel, MailConfig, MailTimeouts, Route, Security};
use beckon::ports::mail::Mail;
use beckon::sim::mailboxes::MailboxConduct;
use beckon::sim::wire::{Running, ServeConfig, serve};
use beckon::sim::{Doors, SharedWorld, VirtualClock, World, WorldConfig, lock};

use super::letters::{Arrived, mailbox, morning};
use super::promises::{self, PostOffice};

/// Settings for a relay on loopback, patient enough for a busy machine.
pub fn to_relay(port: u16, security: Security) -> MailConfig {
    let patience = Duration::from_secs(60);
    MailConfig {
        route: Route::Relay { host: "127.0.0.1".to_owned(), port, security, login: None },
        extra_ca: None,
        connections: 6,
        bounces_to: None,
        hello: "beckon.sunnyside.example".to_owned(),
        timeouts: MailTimeouts { connect: patience, reply: patience, data: patience, accept: patience, probe: patience },
    }
}

pub fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::new(morning()))
}

fn world() -> SharedWorld {
    let mut world = World::new(WorldConfig::seeded(1));
    let refuses = |code, text: &str| MailboxConduct::Refuses { code, text: text.to_owned() };
    world.mail.behave(mailbox::NOBODY, MailboxConduct::no_such_user());
    world.mail.behave(mailbox::CLOSED, refuses(554, "5.7.1 We take no mail from you"));
    world.mail.behave(mailbox::GREY, MailboxConduct::Greylists { times: 1 });
    world.shared()
}

struct SimulatedPost<M> {
    mail: M,
    world: SharedWorld,
    /// What serves the world, where it is served.
    _running: Option<Running>,
}

impl<M: Mail> PostOffice for SimulatedPost<M> {
    fn mail(&self) -> &dyn Mail {
        &self.mail
    }

    fn holds(&self, address: &str, _accepted: &[String]) -> Vec<Arrived> {
        lock(&self.world).mail.to(address).iter().map(|mail| Arrived(mail.raw.clone())).collect()
    }
}

async fn served() -> (Running, Arc<VirtualClock>) {
    let clock = clock();
    let config = ServeConfig { steps_by_itself: false, ..ServeConfig::new(world()) };
    (serve(config, clock.clone()).await.unwrap(), clock)
}

#[tokio::test]
async fn the_in_process_door_keeps_its_promises() {
    let world = world();
    let mail = Doors::new(world.clone(), clock()).mail();
    promises::are_kept(&SimulatedPost { mail, world, _running: None }).await;
}

#[tokio::test]
async fn the_channel_keeps_its_promises_over_the_simulated_worlds_wire() {
    let (running, clock) = served().await;
    let mail = MailChannel::new(to_relay(running.smtp_addr.port(), Security::None), clock).unwrap();
    let office = SimulatedPost { mail, world: running.world.clone(), _running: Some(running) };
    promises::are_kept(&office).await;
}

#[tokio::test]
async fn the_channel_keeps_its_promises_over_the_simulated_worlds_wire_with_tls() {
    let (running, clock) = served().await;
    for (port, security) in
        [(running.smtp_addr.port(), Security::StartTlsRequired), (running.smtps_addr.port(), Security::ImplicitTls)]
    {
        let mut config = to_relay(port, security);
        config.extra_ca = Some(running.ca_pem.clone().into_bytes());
        let office = SimulatedPost {
            mail: MailChannel::new(config, clock.clone()).unwrap(),
            world: running.world.clone(),
            _running: None,
        };
        {
            let mut world = lock(&running.world);
            world.mail.clear();
            world.mail.behave(mailbox::GREY, MailboxConduct::Greylists { times: 1 });
        }
        promises::are_kept(&office).await;
    }
}
