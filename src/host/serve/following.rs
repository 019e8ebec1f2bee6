//! What the follower needs of the process that serves.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::Serving;
use crate::host::apple_inbox::AppleInbox;
use crate::host::follower::Surroundings;
use crate::host::registrar::Registrar;

impl Serving {
    /// Where Apple's notifications arrive.
    #[must_use]
    pub fn apple_inbox(&self) -> &Arc<AppleInbox> {
        &self.apple_inbox
    }

    /// Draws random text for secrets.
    #[must_use]
    pub fn draw(&self) -> String {
        (self.draw)()
    }
}

impl Surroundings for Weak<Serving> {
    fn registrar(&self) -> Option<Arc<Registrar>> {
        self.upgrade()?.current().registrar.clone()
    }

    fn listens(&self) -> bool {
        self.upgrade().is_some_and(|serving| serving.listens.load(Ordering::Relaxed))
    }

    fn draw(&self) -> String {
        self.upgrade().map(|serving| Serving::draw(&serving)).unwrap_or_default()
    }
}
