//! Where Apple's notifications arrive: each rings once, and what has changed is then read from Apple itself.
//!
//! No record is ever taken from a notification. It may be late, so that it would undo something newer, and
//! who has stolen the token could write what they like; a look at Apple's list can't be wrong in either way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::HostError;
use crate::ports::apps_and_books::{About, Notification};
use crate::ports::clock::Clock;
use crate::store::Store;

/// The inbox of one site. The follower answers it.
pub struct AppleInbox {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    rung: Mutex<Rung>,
    /// Woken by each notification that says something new: the follower is to be called.
    pub wake: Notify,
}

/// What has been rung for since the follower looked. A process that ends forgets it: the next one looks at
/// everything when it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rung {
    pub users: bool,
    pub licences: bool,
    pub assets: bool,
}

/// An inbox as a listener wants it.
pub type Door = Arc<dyn Fn(Notification) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

impl AppleInbox {
    #[must_use]
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, rung: Mutex::default(), wake: Notify::new() }
    }

    /// Takes a notification. One that was taken before changes nothing.
    ///
    /// # Errors
    /// The store's; Apple sends it again when it is told so.
    pub fn take(&self, notification: &Notification) -> Result<(), HostError> {
        let now = self.clock.now();
        if matches!(notification.about, About::Test | About::Unknown) || !self.store.take_notification(&notification.id, now)? {
            return Ok(());
        }
        if let About::Licences { event_id } = &notification.about {
            self.store.licence_event_ended(event_id, now)?;
        }
        let mut rung = self.rung();
        match notification.about {
            About::Users => rung.users = true,
            About::Licences { .. } => rung.licences = true,
            About::AssetCount => rung.assets = true,
            About::Test | About::Unknown => {}
        }
        drop(rung);
        self.wake.notify_one();
        Ok(())
    }

    /// What has been rung for, without answering it.
    #[must_use]
    pub fn heard(&self) -> Rung {
        *self.rung()
    }

    /// Answers what has been rung for: it is looked at now.
    pub fn answer(&self, what: fn(&mut Rung) -> &mut bool) {
        *what(&mut self.rung()) = false;
    }

    fn rung(&self) -> MutexGuard<'_, Rung> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writing may wait for the disk, so it has a thread of its own.
    #[must_use]
    pub fn door(self: Arc<Self>) -> Door {
        Arc::new(move |notification| {
            let inbox = Arc::clone(&self);
            Box::pin(async move {
                let taken = tokio::task::spawn_blocking(move || inbox.take(&notification)).await;
                taken.map_err(|e| e.to_string())?.map_err(|e| e.to_string())
            })
        })
    }
}
