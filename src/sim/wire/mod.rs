//! Door two: the world on loopback, over the protocols that the real services speak.
//! Everything here translates; what is answered is decided in the model.

mod apns;
mod apple;
mod apple_json;
mod envelope;
mod http;
mod nanomdm;
mod site_files;
mod smtp;
mod smtp_session;
mod stepper;
mod tls;
mod watch;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::seed::Seed;
use super::world::{SharedWorld, lock};
use crate::domain::time::Span;
use crate::ports::clock::Clock;

pub use site_files::{SiteFiles, write_private};
pub use tls::Identity;
pub use watch::{Server, SmtpMoment, Watch, WireEvent};

/// What to serve, and how strictly.
#[derive(Clone)]
pub struct ServeConfig {
    pub world: SharedWorld,
    /// Ports on 127.0.0.1; 0 lets the system choose.
    pub ports: Ports,
    /// The MDM server's API key.
    pub nanomdm_api_key: String,
    /// Where device reports are posted to.
    pub webhook: Option<WebhookTarget>,
    pub smtp: SmtpConfig,
    pub apns_auth: ApnsAuth,
    /// How much less than a second the window for Apple's pace is: two requests that left a second
    /// apart may arrive a little closer on a busy machine.
    pub pace_tolerance: Span,
    /// Whether a task steps the world with the clock. Without it, the world moves when it is asked
    /// something, or by [`Running::step`].
    pub steps_by_itself: bool,
    /// Told about every moment of every exchange.
    pub watch: Watch,
}

impl ServeConfig {
    /// Everything on ports of the system's choice, with no login and no webhook.
    #[must_use]
    pub fn new(world: SharedWorld) -> Self {
        Self {
            world,
            ports: Ports::default(),
            nanomdm_api_key: Seed::named(0, &["api key"]).hex(12),
            webhook: None,
            smtp: SmtpConfig::default(),
            apns_auth: ApnsAuth::Open,
            pace_tolerance: Span::milliseconds(30),
            steps_by_itself: true,
            watch: Watch::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    pub apps_and_books: u16,
    pub nanomdm: u16,
    pub smtp: u16,
    pub smtps: u16,
    pub apns: u16,
}

/// An MDM webhook's receiver.
#[derive(Clone)]
pub struct WebhookTarget {
    pub url: String,
    /// For `X-Hmac-Signature`.
    pub hmac_key: Option<Vec<u8>>,
}

/// What the mail server offers and asks for.
#[derive(Clone)]
pub struct SmtpConfig {
    pub pipelining: bool,
    pub starttls: bool,
    pub smtputf8: bool,
    /// Nothing is taken from who hasn't logged in with these.
    pub login: Option<(String, String)>,
    /// `SIZE`.
    pub message_bytes_max: usize,
}

impl Default for SmtpConfig {
    fn default() -> Self {
        Self { pipelining: true, starttls: true, smtputf8: true, login: None, message_bytes_max: 10 * 1024 * 1024 }
    }
}

/// Who may push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApnsAuth {
    Open,
    /// A client certificate that the simulation's own authority has signed ([`Running::client_identity`]).
    Certificate,
    /// `authorization: bearer` with something of a JWT's form.
    ProviderToken,
}

/// A world being served. Dropping it ends everything.
pub struct Running {
    /// Without a slash at the end.
    pub apps_and_books_url: String,
    pub nanomdm_url: String,
    pub nanomdm_api_key: String,
    /// Plain, with STARTTLS where that is on.
    pub smtp_addr: SocketAddr,
    /// Implicit TLS.
    pub smtps_addr: SocketAddr,
    pub apns_url: String,
    /// The authority that has signed every certificate here, PEM.
    pub ca_pem: String,
    /// A client certificate that APNs takes here, PEM.
    pub client_identity: Identity,
    pub world: SharedWorld,
    poke: Arc<Notify>,
    stepper: Arc<stepper::Stepper>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Tells the stepping task that the world has been changed by hand.
    pub fn poke(&self) {
        self.poke.notify_one();
    }

    /// Brings the world to the clock's time, posts what has to be posted, and tells what has happened
    /// since the last call, whoever made the world go on.
    pub async fn step(&self) -> Vec<super::WorldEvent> {
        self.stepper.step().await
    }

    /// Ends everything; connections drop.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Serves a world until what is returned is dropped. Posting webhooks needs rustls' process-wide
/// provider, which the caller installs.
///
/// # Errors
/// A port that is taken, or certificates that can't be made.
pub async fn serve(config: ServeConfig, clock: Arc<dyn Clock>) -> io::Result<Running> {
    let authority = tls::Authority::make().map_err(io::Error::other)?;
    let apple_listener = bind(config.ports.apps_and_books).await?;
    let mdm_listener = bind(config.ports.nanomdm).await?;
    let smtp_listener = bind(config.ports.smtp).await?;
    let smtps_listener = bind(config.ports.smtps).await?;
    let apns_listener = bind(config.ports.apns).await?;

    let apps_and_books_url = format!("http://{}/mdm/v2", apple_listener.local_addr()?);
    let nanomdm_url = format!("http://{}", mdm_listener.local_addr()?);
    let apns_url = format!("https://localhost:{}", apns_listener.local_addr()?.port());
    let (smtp_addr, smtps_addr) = (smtp_listener.local_addr()?, smtps_listener.local_addr()?);
    {
        let mut world = lock(&config.world);
        world.apple.config.base_url.clone_from(&apps_and_books_url);
        world.apple.config.pace_tolerance = config.pace_tolerance;
    }

    let poke = Arc::new(Notify::new());
    let shared = Shared { world: config.world.clone(), clock, poke: poke.clone(), watch: config.watch.clone() };
    let stepper = Arc::new(stepper::Stepper::new(shared.clone(), config.webhook.clone()));
    let smtp_tls = authority.acceptor(&[], tls::Clients::Anybody).map_err(io::Error::other)?;
    let apns_clients = if config.apns_auth == ApnsAuth::Certificate { tls::Clients::Asked } else { tls::Clients::Anybody };
    let apns_tls = authority.acceptor(&[b"h2"], apns_clients).map_err(io::Error::other)?;

    let apple = Arc::new(apple::AppleHttp::new(shared.clone()));
    let mdm = Arc::new(nanomdm::NanoMdmHttp::new(shared.clone(), config.nanomdm_api_key.clone()));
    let push = Arc::new(apns::ApnsHttp::new(shared.clone(), config.apns_auth));
    let mail = Arc::new(smtp::SmtpServer::new(shared.clone(), config.smtp.clone(), smtp_tls));
    let seen = |server| http::Seen { server, watch: config.watch.clone() };
    let mut tasks = vec![
        tokio::spawn(http::serve_plain(apple_listener, apple, seen(Server::AppsAndBooks))),
        tokio::spawn(http::serve_plain(mdm_listener, mdm, seen(Server::NanoMdm))),
        tokio::spawn(http::serve_h2(apns_listener, apns_tls, push, seen(Server::Apns))),
        tokio::spawn(mail.clone().listen(smtp_listener, false)),
        tokio::spawn(mail.listen(smtps_listener, true)),
    ];
    if config.steps_by_itself {
        tasks.push(tokio::spawn(stepper.clone().run()));
    }
    Ok(Running {
        apps_and_books_url,
        nanomdm_url,
        nanomdm_api_key: config.nanomdm_api_key,
        smtp_addr,
        smtps_addr,
        apns_url,
        ca_pem: authority.ca_pem(),
        client_identity: authority.client_identity().map_err(io::Error::other)?,
        world: config.world,
        poke,
        stepper,
        tasks,
    })
}

/// What every server here needs.
#[derive(Clone)]
struct Shared {
    world: SharedWorld,
    clock: Arc<dyn Clock>,
    poke: Arc<Notify>,
    watch: Watch,
}

impl Shared {
    /// Runs `act` on the world as it is now; the stepping task looks again when something new is due.
    fn at_now<T>(&self, act: impl FnOnce(&mut super::World, crate::domain::time::Timestamp) -> T) -> T {
        let mut world = lock(&self.world);
        // Read under the lock: two requests must not be judged in another order than their times'.
        let now = self.clock.now();
        world.catch_up(now);
        let due = world.next_wake();
        let answer = act(&mut world, now);
        if world.next_wake() != due || world.has_post() {
            self.poke.notify_one();
        }
        answer
    }
}

async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

#[cfg(test)]
mod tests;
