//! Which chores there are. A new one is one line here.

use std::sync::{Arc, Weak};

use futures_util::future::BoxFuture;

use super::Around;
use super::chore::{Chore, Stepping};
use super::heartbeat::Heartbeat;
use super::watchman::Watchman;
use crate::domain::time::Timestamp;
use crate::host::bounces::Bounces;
use crate::host::canary::Canary;
use crate::host::follower::Follower;
use crate::host::retention::Retention;
use crate::host::scheduler::Scheduler;
use crate::host::site::Site;
use crate::host::{HostError, Ports};

/// Every chore under its name: `"name": Type = how it is made`, with `around` for what it may need.
/// With `, stops` at its end, its `stop` is called as well.
macro_rules! chores {
    ($around:ident; $($name:literal: $chore:ty = $made:expr $(, $stops:ident)?;)*) => {
        pub(super) fn all($around: &Around) -> Vec<(&'static str, Box<dyn Chore>)> {
            vec![$(($name, Box::new($made)),)*]
        }

        $(impl Chore for $chore {
            fn step<'a>(&'a mut self, site: &'a Arc<Site>, ports: &'a Ports, now: Timestamp) -> Stepping<'a> {
                Box::pin(<$chore>::step(self, site, ports, now))
            }
            $(fn $stops<'a>(&'a mut self, now: Timestamp) -> BoxFuture<'a, Result<(), HostError>> {
                Box::pin(<$chore>::$stops(self, now))
            })?
        })*
    };
}

chores! { around;
    "follower": Follower =
        Follower::new(Box::new(Weak::clone(&around.serving)), Arc::clone(&around.apple_inbox), Arc::clone(&around.tally));
    "bounces": Bounces = Bounces::default();
    "heartbeat": Heartbeat = Heartbeat::default();
    "watchman": Watchman = Watchman::new(&around.serving);
    "scheduler": Scheduler = around.scheduler(), stop;
    "canary": Canary = Canary;
    "retention": Retention = Retention::default();
}
