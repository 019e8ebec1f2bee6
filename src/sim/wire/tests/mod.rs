//! The servers, as their clients meet them.

mod apns;
mod apps_and_books;
mod nanomdm;
mod smtp;

use std::sync::Arc;

use secrecy::ExposeSecret as _;

use crate::domain::content_token::ContentToken;
use crate::domain::time::{Span, Timestamp, from_millis};
use crate::sim::apple::{AppleConfig, UnitConfig};
use crate::sim::school::content_token;
use crate::sim::wire::{Running, ServeConfig, serve};
use crate::sim::{VirtualClock, World, WorldConfig};

fn start() -> Timestamp {
    from_millis(1_796_000_000_000)
}

fn token() -> ContentToken {
    ContentToken::parse(content_token(1, "Sunnyside School", start() + Span::days(300)).as_bytes()).unwrap()
}

fn world() -> World {
    let second = Span::seconds(1);
    let apple = AppleConfig { event_takes: (second, second), page_size: 3, ..AppleConfig::default() };
    let mut world = World::new(WorldConfig { apple, ..WorldConfig::seeded(1) });
    let token = token().bearer().expose_secret().to_owned();
    world.apple.add_unit(UnitConfig::school(token, start() + Span::days(300)));
    world
}

/// A world being served on a clock that the test moves.
async fn served(world: World, change: impl FnOnce(&mut ServeConfig)) -> (Running, Arc<VirtualClock>) {
    // Another test may have been first: all install the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Arc::new(VirtualClock::new(start()));
    let mut config = ServeConfig { steps_by_itself: false, ..ServeConfig::new(world.shared()) };
    change(&mut config);
    (serve(config, clock.clone()).await.unwrap(), clock)
}
