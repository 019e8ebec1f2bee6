//! The rules of the model, one by one, and what both doors have in common.

mod apple;
mod devices;
mod people;
mod school;

use std::sync::Arc;

use crate::domain::content_token::ContentToken;
use crate::domain::time::{Span, Timestamp, from_millis};
use crate::ports::apps_and_books::UserRequest;
use crate::sim::apple::{AppleConfig, UnitConfig};
use crate::sim::school::content_token;
use crate::sim::{Doors, VirtualClock, World, WorldConfig, lock};

/// A Monday morning.
fn start() -> Timestamp {
    from_millis(1_796_000_000_000)
}

fn token() -> ContentToken {
    ContentToken::parse(content_token(1, "Sunnyside School", start() + Span::days(300)).as_bytes()).unwrap()
}

fn user(id: &str) -> UserRequest {
    UserRequest { client_user_id: id.to_owned(), email: Some(format!("{id}@sunnyside.example")), managed_apple_id: None }
}

/// A world with one unit, where every event takes a second.
fn small_world() -> World {
    let second = Span::seconds(1);
    let apple = AppleConfig { event_takes: (second, second), page_size: 3, ..AppleConfig::default() };
    let mut world = World::new(WorldConfig { apple, ..WorldConfig::seeded(1) });
    let text = content_token(1, "Sunnyside School", start() + Span::days(300));
    world.apple.add_unit(UnitConfig::school(text, start() + Span::days(300)));
    world
}

/// The in-process door into a world.
fn inside(world: World) -> (Doors, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::new(start()));
    (Doors::new(world.shared(), clock.clone()), clock)
}

fn breaches(doors: &Doors) -> Vec<String> {
    lock(doors.world()).breaches().iter().map(ToString::to_string).collect()
}
