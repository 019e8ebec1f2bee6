//! Mail over SMTP (lettre): to a relay, or straight to each recipient's mail exchanger.
//! Nothing here decides who gets a letter, writes its text, or tries again later.

mod abilities;
mod config;
mod envelope;
mod exchangers;
mod look;
mod message;
mod opening;
mod pool;
mod quoted_printable;
mod reply;
mod resolve;
mod session;
mod tls;
mod verdict;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::join_all;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret;

pub use self::config::{MailConfig, MailTimeouts, Route, Security, UnusableConfig};
pub use self::resolve::{Exchanger, LookupFault, Resolve, SystemResolver};

use self::envelope::Envelope;
use self::message::Builder;
use self::opening::{OpenFault, Opening, Protection};
use self::pool::Pool;
use self::session::{Ended, Moment, Session, Stage};
use self::tls::{Tls, Trust};
use crate::domain::outcome::{Handed, Outcome, Rejection};
use crate::ports::Answer;
use crate::ports::clock::Clock;
use crate::ports::look::Looked;
use crate::ports::mail::{Letter, Mail};

/// How many of a host's addresses are tried.
const ADDRESSES_MAX: usize = 8;

/// The mail port over SMTP.
pub struct MailChannel {
    route: Route,
    credentials: Option<Credentials>,
    hello: ClientId,
    timeouts: MailTimeouts,
    connections: usize,
    bounces_to: Option<crate::domain::mail_address::MailAddress>,
    tls: Tls,
    resolver: Arc<dyn Resolve>,
    clock: Arc<dyn Clock>,
    pool: Pool,
    builder: Builder,
}

impl MailChannel {
    /// A channel for these settings; nothing is opened before the first letter.
    ///
    /// # Errors
    /// What in the settings can't work.
    pub fn new(config: MailConfig, clock: Arc<dyn Clock>) -> Result<Self, UnusableConfig> {
        Self::with_resolver(config, clock, Arc::new(SystemResolver::default()))
    }

    /// The same with another way to look up mail exchangers.
    ///
    /// # Errors
    /// What in the settings can't work.
    pub fn with_resolver(config: MailConfig, clock: Arc<dyn Clock>, resolver: Arc<dyn Resolve>) -> Result<Self, UnusableConfig> {
        let MailConfig { route, extra_ca, connections, bounces_to, hello, timeouts } = config;
        if connections == 0 {
            return Err(UnusableConfig("`connections` must be at least 1".to_owned()));
        }
        let hello = hello.trim();
        if !hello.chars().all(|c| c.is_ascii_graphic()) || hello.len() > 255 {
            return Err(UnusableConfig(format!("{hello:?} is not a host name for EHLO")));
        }
        let hello = if hello.is_empty() { ClientId::default() } else { ClientId::Domain(hello.to_owned()) };
        let credentials = match &route {
            Route::Relay { host, login, .. } => {
                if host.is_empty() || !host.chars().all(|c| c.is_ascii_graphic()) {
                    return Err(UnusableConfig(format!("{host:?} is not a host name for the relay")));
                }
                login.as_ref().map(|(name, word)| Credentials::new(name.clone(), word.expose_secret().to_owned()))
            }
            Route::Direct { .. } => None,
        };
        let keyed = matches!(route, Route::Direct { .. });
        Ok(Self {
            route,
            credentials,
            hello,
            timeouts,
            connections,
            bounces_to,
            tls: Tls::new(extra_ca.as_deref())?,
            resolver,
            clock,
            pool: Pool::new(connections, keyed),
            builder: Builder::default(),
        })
    }

    async fn deliver(&self, letter: Letter) -> Handed {
        let envelope = match Envelope::of(&letter, self.bounces_to.as_ref()) {
            Ok(envelope) => envelope,
            Err(words) => return refused(words),
        };
        let relay = matches!(self.route, Route::Relay { .. });
        let key = if relay { String::new() } else { envelope.domain() };
        let _place = self.pool.place(&key).await;
        let message = self.builder.build(&letter, &envelope);

        if let Some(mut session) = self.pool.take(&key, self.clock.now()).await {
            if let Some(no) = cannot_take(&session, &envelope, message.len(), &letter) {
                self.pool.put(&key, session, self.clock.now());
                return no;
            }
            let ended = session.hand_over(&envelope, &message).await;
            if !was_stale(&ended) {
                self.pool.put(&key, session, self.clock.now());
                return verdict::of_transaction(&ended, relay);
            }
            // The line had died between letters, and the server has seen nothing of this one: a
            // fresh line answers for it.
        }
        self.pool.make_room();
        let mut session = match self.open(&envelope, &letter.message_id).await {
            Ok(session) => session,
            Err(instead) => return instead,
        };
        if let Some(no) = cannot_take(&session, &envelope, message.len(), &letter) {
            self.pool.put(&key, session, self.clock.now());
            return no;
        }
        let ended = session.hand_over(&envelope, &message).await;
        self.pool.put(&key, session, self.clock.now());
        verdict::of_transaction(&ended, relay)
    }

    /// A fresh connection, or the answer that takes its place.
    async fn open(&self, envelope: &Envelope, message_id: &str) -> Result<Session, Handed> {
        match &self.route {
            Route::Relay { host, port, security, .. } => self.open_relay(host, *port, *security).await,
            Route::Direct { port } => self.open_exchanger(&envelope.domain(), *port, message_id).await.map_err(Ok),
        }
    }

    async fn open_relay(&self, host: &str, port: u16, security: Security) -> Result<Session, Handed> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = tokio::time::timeout(self.timeouts.connect, tokio::net::lookup_host((bare, port))).await;
        let addresses: Vec<SocketAddr> = match found {
            Ok(Ok(found)) => found.take(ADDRESSES_MAX).collect(),
            Ok(Err(e)) => return Err(verdict::of_relay_lookup(host, &e.to_string())),
            Err(_) => return Err(verdict::of_relay_lookup(host, "DNS didn't answer")),
        };
        let protection = match security {
            Security::None => Protection::None,
            Security::StartTlsRequired => Protection::Required,
            Security::ImplicitTls => Protection::Implicit,
            Security::StartTlsOpportunistic if self.credentials.is_some() => Protection::Offered(Trust::Verified),
            Security::StartTlsOpportunistic => Protection::Offered(Trust::Anybody),
        };
        self.open_any(bare, &addresses, protection).await.map_err(|fault| verdict::of_relay_fault(host, port, &fault))
    }

    /// The first of a host's addresses that gives a session; where none does, the last one's fault.
    async fn open_any(&self, host: &str, addresses: &[SocketAddr], protection: Protection) -> Result<Session, OpenFault> {
        let with =
            Opening { tls: &self.tls, hello: &self.hello, credentials: self.credentials.as_ref(), timeouts: self.timeouts };
        let mut last = OpenFault::Connect("it has no address".to_owned());
        for address in addresses {
            let mut opened = Session::open(host, *address, protection, &with, self.clock.now()).await;
            if matches!((&opened, protection), (Err(OpenFault::Tls(_)), Protection::Offered(Trust::Anybody))) {
                // TLS that doesn't work is no better than none where none would have been taken.
                opened = Session::open(host, *address, Protection::None, &with, self.clock.now()).await;
            }
            match opened {
                Err(OpenFault::Connect(words)) => last = OpenFault::Connect(words),
                other => return other,
            }
        }
        Err(last)
    }
}

impl Mail for MailChannel {
    fn send(&self, letter: Letter) -> Answer<'_, Handed> {
        Box::pin(self.deliver(letter))
    }

    fn at_once(&self) -> usize {
        self.connections
    }

    fn look<'a>(&'a self, domain: &'a str) -> Answer<'a, Looked> {
        Box::pin(self.look_at(domain))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            join_all(self.pool.drain().into_iter().map(Session::quit)).await;
        })
    }
}

/// Whether a kept line turned out to be dead, or about to be, before the letter began.
fn was_stale(ended: &Ended) -> bool {
    match ended {
        Ended::Lost(moment, _) => *moment == Moment::BeforeMail,
        Ended::Answered(stage, reply) => *stage == Stage::Mail && reply.code == 421,
    }
}

/// What this server has said beforehand that it can't take.
fn cannot_take(session: &Session, envelope: &Envelope, size: usize, letter: &Letter) -> Option<Handed> {
    if envelope.international && !session.able.smtputf8 {
        return Some(refused(format!(
            "{} or {} has letters outside ASCII before the @, and {} doesn't offer SMTPUTF8",
            letter.to, letter.from.address, session.host
        )));
    }
    let limit = session.able.size.flatten()?;
    (u64::try_from(size).unwrap_or(u64::MAX) > limit)
        .then(|| refused(format!("the letter has {size} bytes, and {} takes at most {limit}", session.host)))
}

fn refused(words: String) -> Handed {
    Ok(Outcome::Rejected { why: Rejection::Refused, words: reply::show_words(&words) })
}

#[cfg(test)]
mod tests;
