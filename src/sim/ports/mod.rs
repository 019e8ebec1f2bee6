//! Door one: the world behind `crate::ports`, in-process, on whatever clock it is given.
//! Each port does what a careful adapter does with the same answers; nothing here opens a socket.

mod apps_and_books;
mod bounces;
mod mail;
mod mdm;
mod notifications;
mod push;
mod webhook;

use std::sync::Arc;

use secrecy::ExposeSecret as _;

pub use apps_and_books::SimAppsAndBooks;
pub use bounces::SimBounces;
pub use mail::SimMail;
pub use mdm::{SimMdm, device_report};
pub use push::SimPush;
pub use webhook::SimWebhook;

use super::world::{SharedWorld, World, WorldEvent, lock};
use crate::domain::content_token::ContentToken;
use crate::domain::time::Timestamp;
use crate::ports::clock::Clock;
use crate::ports::mdm::DeviceReport;

/// The way in. Cheap to clone; all clones lead to the same world.
#[derive(Clone)]
pub struct Doors {
    world: SharedWorld,
    clock: Arc<dyn Clock>,
}

impl Doors {
    #[must_use]
    pub fn new(world: SharedWorld, clock: Arc<dyn Clock>) -> Self {
        Self { world, clock }
    }

    #[must_use]
    pub fn world(&self) -> &SharedWorld {
        &self.world
    }

    /// Apps and Books with this token. Make one for each token: it keeps the token's pace.
    #[must_use]
    pub fn apps_and_books(&self, token: &ContentToken) -> SimAppsAndBooks {
        SimAppsAndBooks::new(self.clone(), token.bearer().expose_secret().to_owned())
    }

    #[must_use]
    pub fn mail(&self) -> SimMail {
        SimMail::new(self.clone())
    }

    #[must_use]
    pub fn mdm(&self) -> SimMdm {
        SimMdm::new(self.clone())
    }

    #[must_use]
    pub fn push(&self) -> SimPush {
        SimPush::new(self.clone())
    }

    #[must_use]
    pub fn webhook(&self) -> SimWebhook {
        SimWebhook::new(self.clone())
    }

    /// Brings the world to the clock's time and tells what has happened since the last call.
    pub fn step(&self) -> Vec<WorldEvent> {
        lock(&self.world).step(self.clock.now())
    }

    /// When the world does something by itself next.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        lock(&self.world).next_wake()
    }

    /// What devices have said until now, as an MDM webhook would have passed it on.
    pub fn drain_reports(&self) -> Vec<DeviceReport> {
        self.at_now(|world, _| world.mdm.take_reports().iter().filter_map(device_report).collect())
    }

    /// Runs `act` on the world as it is now.
    fn at_now<T>(&self, act: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        let now = self.clock.now();
        let mut world = lock(&self.world);
        world.catch_up(now);
        act(&mut world, now)
    }
}
