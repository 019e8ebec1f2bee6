//! The port to Apple's Apps and Books, at the simulated world's in-process door and through the real
//! client over the world's wire.

mod licences;
mod notifications;
mod promises;
mod troubles;

use std::sync::Arc;

use beckon::channels::apps_and_books::{AppsAndBooksClient, Config};
use beckon::domain::content_token::ContentToken;
use beckon::domain::time::{Span, Timestamp, from_millis};
use beckon::ports::apps_and_books::{AppsAndBooks, EventState, EventStatus, Owner, UserQuery, UserRecord, UserRequest};
use beckon::ports::clock::Clock as _;
use beckon::sim::apple::{AppleConfig, UnitConfig};
use beckon::sim::school::content_token;
use beckon::sim::wire::{Running, ServeConfig, serve};
use beckon::sim::{Doors, SharedWorld, VirtualClock, World, WorldConfig, lock};
use secrecy::ExposeSecret as _;

/// How many rows Apple puts on a page here: few, so that small lists have several.
const PAGE: usize = 3;

/// One side of the port, with the world that is behind it.
struct Side {
    port: Box<dyn AppsAndBooks>,
    world: SharedWorld,
    clock: Arc<VirtualClock>,
    _running: Option<Running>,
}

/// The sides, each in a world of its own.
async fn sides() -> [(&'static str, Side); 2] {
    [("in-process", in_process()), ("over the wire", over_the_wire().await)]
}

fn in_process() -> Side {
    let (world, clock) = (world(), clock());
    let port = Box::new(Doors::new(world.clone(), clock.clone()).apps_and_books(&token()));
    Side { port, world, clock, _running: None }
}

async fn over_the_wire() -> Side {
    // As the program does first of all; another test may have been earlier.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (world, clock) = (world(), clock());
    let served = ServeConfig { steps_by_itself: false, ..ServeConfig::new(world.clone()) };
    let running = serve(served, clock.clone()).await.unwrap();
    let config = Config {
        base_url: running.apps_and_books_url.clone(),
        bearer: token().bearer().clone(),
        extra_ca: None,
        user_agent: "beckon".to_owned(),
    };
    let port = Box::new(AppsAndBooksClient::new(&config, clock.clone()).unwrap());
    Side { port, world, clock, _running: Some(running) }
}

fn start() -> Timestamp {
    from_millis(1_796_000_000_000)
}

fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::new(start()))
}

fn token() -> ContentToken {
    ContentToken::parse(content_token(1, "Sunnyside School", start() + Span::days(10)).as_bytes()).unwrap()
}

fn world() -> SharedWorld {
    let second = Span::seconds(1);
    let apple = AppleConfig { event_takes: (second, second), page_size: PAGE, ..AppleConfig::default() };
    let mut world = World::new(WorldConfig { apple, ..WorldConfig::seeded(1) });
    let bearer = token().bearer().expose_secret().to_owned();
    world.apple.add_unit(UnitConfig::school(bearer, start() + Span::days(10)));
    world.shared()
}

fn owner(name: &str) -> Owner {
    Owner { id: format!("{name}-id"), name: name.to_owned(), metadata: String::new() }
}

fn user(id: &str) -> UserRequest {
    UserRequest { client_user_id: id.to_owned(), email: Some(format!("{id}@sunnyside.example")), managed_apple_id: None }
}

impl Side {
    /// Looks at an event after as long as Apple wants one to wait.
    async fn ended(&self, event: String) -> EventStatus {
        self.clock.advance(Span::seconds(31));
        self.port.event(event).await.unwrap()
    }

    /// Makes records for these users, who are new.
    async fn register(&self, ids: &[&str]) {
        let event = self.port.create_users(ids.iter().map(|id| user(id)).collect()).await.unwrap();
        assert_eq!(self.ended(event).await, EventStatus { state: EventState::Complete, failures: Vec::new() });
    }

    /// The records under this id, retired ones too.
    async fn records(&self, id: &str) -> Vec<UserRecord> {
        let query = UserQuery { client_user_id: Some(id.to_owned()), ..UserQuery::default() };
        self.port.users(query).await.unwrap().users
    }

    /// Every record on every page, and the version of the list.
    async fn walk(&self, query: UserQuery) -> (Vec<String>, String) {
        let mut ids = Vec::new();
        let mut page = None;
        loop {
            let answer = self.port.users(UserQuery { page, ..query.clone() }).await.unwrap();
            assert!(answer.users.len() <= PAGE);
            ids.extend(answer.users.into_iter().map(|user| user.client_user_id));
            page = answer.next_page;
            if page.is_none() {
                return (ids, answer.version);
            }
        }
    }

    /// How many requests Apple has seen.
    fn requests(&self) -> u64 {
        lock(&self.world).apple.requests()
    }

    fn accept(&self, code: &str) -> String {
        lock(&self.world).accept(self.clock.now(), code, "ana@private.example").unwrap()
    }

    fn assert_well_behaved(&self, side: &str) {
        assert_eq!(lock(&self.world).breaches(), [], "{side}: Apple's rules of conduct");
    }
}
