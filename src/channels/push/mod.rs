//! Handing notifications to APNs: `a2`'s payloads over our own HTTP/2 sender, one connection with many streams.
//! Nothing here decides who is notified, and no token, magic or key is ever shown.

mod answers;
mod certificate;
mod gather;
mod line;
mod message;
mod provider_token;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use secrecy::SecretString;
use tokio::sync::Semaphore;

use self::answers::{Next, down};
use self::certificate::{ClientCertificate, Facts};
use self::line::{Asked, Endpoint, Line, Timing};
use self::message::Message;
use self::provider_token::ProviderTokens;
use super::trust;
use crate::domain::outcome::{ChannelDown, Handed, Outcome};
use crate::domain::time::{Span, Timestamp};
use crate::ports::Answer;
use crate::ports::clock::Clock;
use crate::ports::look::{Found, Looked};
use crate::ports::push::{Notification, Push};

/// Apple's own endpoint for devices in production; MDM only works there.
pub const PRODUCTION: &str = "https://api.push.apple.com:443";

/// Streams in flight: more gain nothing, and APNs' own SETTINGS may allow fewer.
const AT_ONCE: usize = 128;
/// How often one hand-over is tried when APNs certainly didn't look at it.
const ATTEMPTS_MAX: u32 = 4;

/// Where to push to, and who we are.
pub struct PushConfig {
    /// `https://host:port`.
    pub endpoint: String,
    /// One more trust anchor (PEM or DER), for a server that is not Apple's.
    pub extra_ca: Option<Vec<u8>>,
    pub credentials: Credentials,
}

pub enum Credentials {
    /// A PKCS#12 file: the MDM push certificate, or an app's.
    Certificate { p12: Vec<u8>, password: SecretString },
    /// The text of a `.p8` file with its ids: for apps only.
    Token { p8: SecretString, key_id: String, team_id: String },
}

/// What is wrong with the `[push]` section, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct PushConfigError {
    pub what: String,
    pub remedy: String,
}

impl PushConfigError {
    fn new(what: String, remedy: String) -> Self {
        Self { what, remedy }
    }
}

/// What may be shown of the credentials in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialsShown {
    Certificate { name: String, topic: Option<String>, not_before: Timestamp, expires: Timestamp },
    Token { key_id: String, team_id: String },
}

enum Auth {
    Certificate(Box<ClientCertificate>),
    Token(Box<ProviderTokens>),
}

/// The adapter for [`Push`].
pub struct PushChannel {
    endpoint: Endpoint,
    anchors: Vec<CertificateDer<'static>>,
    auth: Auth,
    clock: Arc<dyn Clock>,
    timing: Timing,
    permits: Semaphore,
    /// Made with the first connection: reading the machine's roots takes milliseconds.
    tls: OnceLock<Arc<ClientConfig>>,
    current: Mutex<Option<Line>>,
    /// Held while connecting, so that a thousand streams open one connection.
    connecting: tokio::sync::Mutex<Option<ChannelDown>>,
    /// Attempts to connect that have ended; also the number of the next connection.
    attempts: AtomicU64,
}

impl PushChannel {
    /// Reads endpoint and credentials; nothing is connected yet.
    ///
    /// # Errors
    /// What can't be read. An expired certificate is no error here: it is told for each hand-over,
    /// so that a site still opens with one.
    pub fn new(config: PushConfig, clock: Arc<dyn Clock>) -> Result<Self, PushConfigError> {
        let endpoint = Endpoint::parse(&config.endpoint)?;
        let anchors = match config.extra_ca.as_deref().map(trust::anchors) {
            Some(Err(error)) => {
                return Err(PushConfigError::new(error.to_string(), "push.ca takes PEM text or one DER certificate".to_owned()));
            }
            Some(Ok(anchors)) => anchors,
            None => Vec::new(),
        };
        let auth = match config.credentials {
            Credentials::Certificate { p12, password } => Auth::Certificate(Box::new(ClientCertificate::open(&p12, &password)?)),
            Credentials::Token { p8, key_id, team_id } => Auth::Token(Box::new(ProviderTokens::new(&p8, key_id, team_id)?)),
        };
        Ok(Self {
            endpoint,
            anchors,
            auth,
            clock,
            timing: Timing::default(),
            permits: Semaphore::new(AT_ONCE),
            tls: OnceLock::new(),
            current: Mutex::new(None),
            connecting: tokio::sync::Mutex::new(None),
            attempts: AtomicU64::new(0),
        })
    }

    /// The credentials in use, for `doctor` and the status page.
    #[must_use]
    pub fn describe(&self) -> CredentialsShown {
        match &self.auth {
            Auth::Certificate(certificate) => {
                let Facts { name, topic, not_before, not_after } = certificate.facts.clone();
                CredentialsShown::Certificate { name, topic, not_before, expires: not_after }
            }
            Auth::Token(tokens) => CredentialsShown::Token { key_id: tokens.key_id.clone(), team_id: tokens.team_id.clone() },
        }
    }

    async fn look_at(&self) -> Looked {
        let now = self.clock.now();
        let expires = match &self.auth {
            Auth::Certificate(certificate) => {
                certificate.facts.check(now)?;
                Some(certificate.facts.not_after)
            }
            Auth::Token(tokens) => {
                tokens.bearer(now)?;
                None
            }
        };
        self.line().await?;
        Ok(Found { words: format!("{} answers", self.endpoint.authority), expires, ahead: None })
    }

    async fn hand_over(&self, notification: &Notification) -> Handed {
        let message = match Message::of(notification, &self.endpoint.authority) {
            Ok(message) => message,
            Err(outcome) => return Ok(outcome),
        };
        // Never closed, so never an error; a closed one would only lift the bound.
        let _permit = self.permits.acquire().await.ok();
        let mut unprocessed = String::new();
        let mut renewed = false;
        for _ in 0..ATTEMPTS_MAX {
            let now = self.clock.now();
            let bearer = match &self.auth {
                Auth::Certificate(certificate) => {
                    certificate.facts.check(now)?;
                    None
                }
                Auth::Token(tokens) => Some(tokens.bearer(now)?),
            };
            let line = self.line().await?;
            match line.ask(message.request(bearer.clone()), self.endpoint.authority.host(), self.timing.answer).await {
                Asked::Answered(answer) => match answers::next(&answer) {
                    Next::Stands => return answers::handed(&answer),
                    Next::Reconnect => {
                        self.retire(line.number);
                        return answers::handed(&answer);
                    }
                    Next::Resend => {
                        self.retire(line.number);
                        unprocessed = answer.reason.unwrap_or_default();
                    }
                    Next::RenewToken => match (&self.auth, &bearer) {
                        (Auth::Token(tokens), Some(bearer)) if !renewed && tokens.replace(bearer, now) => {
                            renewed = true;
                            unprocessed = answer.reason.unwrap_or_default();
                        }
                        _ => return answers::handed(&answer),
                    },
                },
                Asked::NotProcessed { words, at_once } => {
                    self.retire(line.number);
                    unprocessed = words;
                    if !at_once {
                        break;
                    }
                }
                // APNs knows the id and the collapse id again, so a second copy does no harm.
                Asked::Lost { words } => {
                    self.retire(line.number);
                    return Ok(Outcome::Deferred { retry_after: None, words });
                }
                Asked::Down(down) => {
                    self.retire(line.number);
                    return Err(down);
                }
            }
        }
        Ok(Outcome::Deferred { retry_after: None, words: format!("APNs did not look at it: {unprocessed}") })
    }

    /// The connection in use, or a new one. Whoever waited while somebody else failed to connect
    /// shares that failure instead of knocking again.
    async fn line(&self) -> Result<Line, ChannelDown> {
        if let Some(line) = self.in_use() {
            return Ok(line);
        }
        let seen = self.attempts.load(Ordering::Acquire);
        let mut last_failure = self.connecting.lock().await;
        if let Some(line) = self.in_use() {
            return Ok(line);
        }
        if self.attempts.load(Ordering::Acquire) != seen
            && let Some(failure) = last_failure.as_ref()
        {
            return Err(failure.clone());
        }
        let number = self.attempts.load(Ordering::Acquire);
        let opened = match self.tls() {
            Ok(tls) => Line::open(number, &self.endpoint, tls, self.timing).await,
            Err(down) => Err(down),
        };
        self.attempts.fetch_add(1, Ordering::AcqRel);
        match opened {
            Ok(line) => {
                *last_failure = None;
                *self.lock_current() = Some(line.clone());
                Ok(line)
            }
            Err(failure) => {
                *last_failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    fn in_use(&self) -> Option<Line> {
        self.lock_current().as_ref().filter(|line| !line.is_closed()).cloned()
    }

    /// No new stream takes connection `number`; those on it end as they will.
    fn retire(&self, number: u64) {
        let mut current = self.lock_current();
        if current.as_ref().is_some_and(|line| line.number == number) {
            *current = None;
        }
    }

    fn lock_current(&self) -> std::sync::MutexGuard<'_, Option<Line>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, ChannelDown> {
        if let Some(tls) = self.tls.get() {
            return Ok(Arc::clone(tls));
        }
        let untrusting = |what: String| {
            down(
                what,
                "install the system's CA certificates (package ca-certificates), or name one in push.ca".to_owned(),
                Some(Span::minutes(15)),
            )
        };
        let builder = trust::client(self.anchors.iter().cloned()).map_err(|e| untrusting(e.to_string()))?;
        let mut config = match &self.auth {
            Auth::Certificate(certificate) => {
                builder.with_client_auth_cert(certificate.chain.clone(), certificate.key.clone_key()).map_err(|_| {
                    down(
                        "the push certificate's key is of a kind that TLS can't use".to_owned(),
                        "use an RSA or P-256 key".to_owned(),
                        None,
                    )
                })?
            }
            Auth::Token(_) => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::clone(self.tls.get_or_init(|| Arc::new(config))))
    }
}

impl Push for PushChannel {
    fn send(&self, notification: Notification) -> Answer<'_, Handed> {
        Box::pin(async move { self.hand_over(&notification).await })
    }

    fn look(&self) -> Answer<'_, Looked> {
        Box::pin(self.look_at())
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }

    fn certificate_expires(&self) -> Option<Timestamp> {
        match self.describe() {
            CredentialsShown::Certificate { expires, .. } => Some(expires),
            CredentialsShown::Token { .. } => None,
        }
    }
}

/// Keys and passwords stay out of logs.
impl std::fmt::Debug for PushChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushChannel")
            .field("endpoint", &self.endpoint.authority)
            .field("credentials", &self.describe())
            .finish_non_exhaustive()
    }
}
