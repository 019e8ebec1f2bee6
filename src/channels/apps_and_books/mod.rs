//! Apple's Apps and Books over HTTPS: the rules that hold for every request, and one method a request.
//! What to ask and what an answer means for an invitation is never decided here.
//!
//! The rules are in this file, the requests in `port.rs`.

mod bodies;
mod error;
mod invitation_link;
mod licences;
mod owner;
mod pace;
mod port;
mod queue;
mod requests;
mod retry_after;
mod service_config;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use reqwest::Url;
use secrecy::SecretString;

use self::error::Verdict;
use self::owner::{Ownership, Session, Whose};
use self::pace::{FlightId, RESENDS_MAX, SLOW_APART};
use self::queue::Queue;
pub use self::service_config::NotABase;
use self::service_config::{Base, Endpoint, SAMPLE, ServiceConfig};
pub use self::wire::NotUsable;
use self::wire::{Patience, Raw, Request, Wire};
use crate::domain::time::{Span, Timestamp};
use crate::ports::apps_and_books::{CallError, CallErrorKind, Called};
use crate::ports::clock::Clock;

/// Limits and addresses are read again when they are older (service-config: "refresh every 5 minutes").
const CONFIG_FRESH: Span = Span::minutes(5);

/// When reading them fails, old ones serve, and the next try is so much later.
const CONFIG_RETRY: Span = Span::minutes(1);

/// What a client needs to know.
pub struct Config {
    /// `https://vpp.itunes.apple.com/mdm/v2`, or a model of it.
    pub base_url: String,
    /// The whole Base64 text of the content token.
    pub bearer: SecretString,
    /// PEM certificates to trust beside the system's.
    pub extra_ca: Option<Vec<u8>>,
    pub user_agent: String,
}

/// One content token's door to Apps and Books. Make one for each token: the queue is the token's.
pub struct AppsAndBooksClient {
    base: Base,
    bearer: SecretString,
    wire: Wire,
    queue: Queue,
    clock: Arc<dyn Clock>,
    owner: Ownership,
    service: RwLock<Option<Known>>,
    /// Held by who reads `service/config`; the others wait for what it brings. In it is when that
    /// failed last, so that a crowd in front of a dead server waits for one time-out, not for many.
    reading: tokio::sync::Mutex<Option<(Timestamp, CallError)>>,
    ahead: Mutex<Option<Span>>,
}

/// What `service/config` said, and until when that is good enough.
#[derive(Clone)]
struct Known {
    config: Arc<ServiceConfig>,
    told_at: Timestamp,
    good_for: Span,
}

/// A request that brought no result, and whether there is something to try before telling.
struct Failure {
    error: CallError,
    remedy: Remedy,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Remedy {
    None,
    SendAgain,
    ReadLimits,
    ReadAddresses,
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self { error, remedy: Remedy::None }
    }
}

impl AppsAndBooksClient {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// What of `config` can't be used.
    pub fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, NotUsable> {
        Self::with_patience(config, clock, Patience::default())
    }

    fn with_patience(config: &Config, clock: Arc<dyn Clock>, patience: Patience) -> Result<Self, NotUsable> {
        let base = Base::parse(&config.base_url)?;
        Ok(Self {
            wire: Wire::new(config, &base, patience)?,
            base,
            bearer: config.bearer.clone(),
            queue: Queue::new(Arc::clone(&clock), SAMPLE.requests_per_second),
            clock,
            owner: Ownership::default(),
            service: RwLock::new(None),
            reading: tokio::sync::Mutex::new(None),
            ahead: Mutex::new(None),
        })
    }

    /// Asks `endpoint`, with what the rules allow to be tried again tried again.
    async fn ask<T>(&self, endpoint: Endpoint, request: Request, read: impl Fn(&[u8]) -> Option<T> + Sync) -> Called<T> {
        self.owner.pass()?;
        self.ask_as(Whose::Ours, endpoint, request, read).await
    }

    async fn ask_as<T>(
        &self,
        whose: Whose,
        endpoint: Endpoint,
        request: Request,
        read: impl Fn(&[u8]) -> Option<T> + Sync,
    ) -> Called<T> {
        let mut looked_again = false;
        loop {
            let url = self.service().await?.url(endpoint).clone();
            let failure = match self.persist(url.clone(), &request, whose, &read).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            match failure.remedy {
                Remedy::ReadLimits => {
                    // Old limits serve on when this fails; the caller splits its rows either way.
                    let _ = self.read_service(self.clock.now()).await;
                    return Err(failure.error);
                }
                Remedy::ReadAddresses if !looked_again => {
                    looked_again = true;
                    let moved = self.read_service(self.clock.now()).await.is_ok_and(|config| *config.url(endpoint) != url);
                    if !moved {
                        return Err(failure.error);
                    }
                }
                Remedy::ReadAddresses | Remedy::SendAgain | Remedy::None => return Err(failure.error),
            }
        }
    }

    /// Attempts until there is another answer than "I was slow", a few times.
    async fn persist<T>(
        &self,
        url: Url,
        request: &Request,
        whose: Whose,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<T, Failure> {
        for _ in 0..RESENDS_MAX {
            match self.attempt(url.clone(), request, whose, &read).await {
                Err(failure) if failure.remedy == Remedy::SendAgain => {}
                other => return other,
            }
        }
        self.attempt(url, request, whose, &read).await.map_err(|mut failure| {
            if failure.remedy == Remedy::SendAgain {
                let retry_after = self.queue.with(|pace, now| pace.block(now, SLOW_APART));
                failure.error.kind = CallErrorKind::Busy { retry_after };
            }
            failure
        })
    }

    /// One exchange, judged.
    async fn attempt<T>(
        &self,
        url: Url,
        request: &Request,
        whose: Whose,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<T, Failure> {
        let leave = if whose == Whose::Nobodys { self.queue.aside() } else { self.queue.turn().await };
        let flight = leave.map_err(error::still_blocked)?;
        // The owner may have changed while this one waited for its turn.
        let session = if whose == Whose::Ours { Some(self.owner.pass()?) } else { None };
        let outcome = self.wire.exchange(url, request, whose != Whose::Nobodys).await;
        let id = flight.land();
        match outcome {
            Ok(raw) => {
                if let Some(theirs) = raw.date {
                    *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(theirs - self.clock.now());
                }
                self.judge(id, session, request.writes(), raw, read)
            }
            Err(lost) => {
                let kind = error::transport_kind(lost.transport, request.writes());
                Err(error::of(kind, error::clean(&lost.words, &self.bearer)).into())
            }
        }
    }

    /// Body first: an error can come with HTTP 200.
    fn judge<T>(
        &self,
        id: FlightId,
        session: Option<Session>,
        writes: bool,
        raw: Raw,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<T, Failure> {
        let common = bodies::common(&raw.body);
        let found = common.as_ref().and_then(bodies::Common::owner);
        let ours = session.zip(found).map_or(Ok(()), |(session, found)| self.owner.judge(session, &found));
        let number = common.as_ref().and_then(bodies::Common::number);
        let message = common.as_ref().and_then(bodies::Common::message);
        let clean_http = (200..300).contains(&raw.http) && number.is_none();
        if clean_http && let Some(answer) = common.as_ref().and_then(|_| read(&raw.body)) {
            self.queue.with(|pace, _| pace.succeeded(id));
            return Ok(ours.map(|()| answer)?);
        }
        let verdict = if clean_http && message.is_some() { Verdict::Refused } else { error::verdict(number, raw.http) };
        let (verdict, wait) = self.hold_back(id, verdict, &raw);
        ours?;
        let error = CallError {
            kind: error::kind(verdict, writes, wait.unwrap_or(SLOW_APART)),
            number,
            words: error::words(number, raw.http, message, &self.bearer),
            client_user_ids: common.map(bodies::Common::client_user_ids).unwrap_or_default(),
        };
        let remedy = match verdict {
            Verdict::Slow if wait.is_none() => Remedy::SendAgain,
            Verdict::TooMany => Remedy::ReadLimits,
            Verdict::Moved => Remedy::ReadAddresses,
            _ => Remedy::None,
        };
        Err(Failure { error, remedy })
    }

    /// Closes the token's queue where the answer asks for it, and says for how long.
    fn hold_back(&self, id: FlightId, verdict: Verdict, raw: &Raw) -> (Verdict, Option<Span>) {
        let speaks_of_speed = raw.http == 429 || raw.http >= 500 || matches!(verdict, Verdict::Slow | Verdict::Busy);
        let header = raw.retry_after.as_deref().filter(|_| speaks_of_speed);
        self.queue.with(|pace, now| match (verdict, header.and_then(|text| retry_after::parse(text, now))) {
            (Verdict::Slow | Verdict::Busy | Verdict::Broken, Some(asked)) => (Verdict::Busy, Some(pace.block(now, asked))),
            (_, Some(asked)) => (verdict, Some(pace.block(now, asked))),
            (Verdict::Slow, None) => (verdict, pace.slow(now)),
            (Verdict::Busy | Verdict::Broken, None) => (verdict, Some(pace.back_off(id, now))),
            (Verdict::Lost, None) => (verdict, None),
            (_, None) => {
                pace.succeeded(id);
                (verdict, None)
            }
        })
    }

    /// Limits and addresses, read again when they are too old.
    async fn service(&self) -> Called<Arc<ServiceConfig>> {
        let now = self.clock.now();
        match self.known() {
            // A clock that was set back makes the age negative; then they are read again, too.
            Some(known) if (Span::zero()..known.good_for).contains(&now.signed_duration_since(known.told_at)) => Ok(known.config),
            _ => self.read_service(now).await,
        }
    }

    /// Reads limits and addresses, unless somebody else has since `asked_at`.
    async fn read_service(&self, asked_at: Timestamp) -> Called<Arc<ServiceConfig>> {
        let told_before = self.known().map(|known| known.told_at);
        let mut failed = self.reading.lock().await;
        if let Some((_, error)) = failed.as_ref().filter(|(at, _)| *at > asked_at) {
            return self.known().map(|old| old.config).ok_or_else(|| error.clone());
        }
        let known = self.known();
        if let Some(fresh) = known.as_ref().filter(|known| known.told_at >= asked_at && Some(known.told_at) != told_before) {
            return Ok(Arc::clone(&fresh.config));
        }
        let read = |body: &[u8]| ServiceConfig::read(body, &self.base);
        let answer = self.persist(self.base.join("service/config"), &Request::Get(Vec::new()), Whose::Nobodys, read).await;
        *failed = answer.as_ref().err().map(|failure| (self.clock.now(), failure.error.clone()));
        let (config, good_for) = match (answer, known) {
            (Ok(config), _) => (Arc::new(config), CONFIG_FRESH),
            (Err(failure), Some(old)) => {
                tracing::warn!(words = %failure.error, "service/config could not be read again; the old limits and addresses are kept");
                (old.config, CONFIG_RETRY)
            }
            (Err(failure), None) => return Err(failure.error),
        };
        self.queue.with(|pace, _| pace.set_rate(config.limits.requests_per_second));
        let known = Known { config: Arc::clone(&config), told_at: self.clock.now(), good_for };
        *self.service.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok(config)
    }

    fn known(&self) -> Option<Known> {
        self.service.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whose token it is stays unsaid.
impl fmt::Debug for AppsAndBooksClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppsAndBooksClient").field("host", &self.base.host()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not even the address: a mistaken one may hold a password.
        f.debug_struct("Config").finish_non_exhaustive()
    }
}
