//! Which chores there are. A new one is one line here.

use std::sync::Arc;

use super::Around;
use super::chore::{Chore, Stepping};
use super::heartbeat::Heartbeat;
use super::watchman::Watchman;
use crate::domain::time::Timestamp;
use crate::host::Ports;
use crate::host::site::Site;

/// Every chore under its name: `"name": Type = how it is made`, with `around` for what it may need.
macro_rules! chores {
    ($around:ident; $($name:literal: $chore:ty = $made:expr,)*) => {
        pub(super) fn all($around: &Around) -> Vec<(&'static str, Box<dyn Chore>)> {
            vec![$(($name, Box::new($made)),)*]
        }

        $(impl Chore for $chore {
            fn step<'a>(&'a mut self, site: &'a Arc<Site>, ports: &'a Ports, now: Timestamp) -> Stepping<'a> {
                Box::pin(<$chore>::step(self, site, ports, now))
            }
        })*
    };
}

chores! { around;
    "heartbeat": Heartbeat = Heartbeat::default(),
    "watchman": Watchman = Watchman::new(&around.serving),
}
