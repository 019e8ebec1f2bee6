//! One HTTP exchange: the request out, a bounded answer in, and what went wrong in words without
//! addresses or secrets.

use std::error::Error as _;
use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Response, Url};
use secrecy::{ExposeSecret as _, SecretString};

use super::Config;
use super::error::Transport;
use super::service_config::{Base, NotABase};
use crate::domain::time::Timestamp;

/// A page of a thousand users is a quarter of a megabyte.
const BODY_MAX: usize = 16 * 1024 * 1024;

/// How long is waited for what. Implementations in the field wait 5 to 10 seconds.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub connect: Duration,
    /// For the whole exchange.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), answer: Duration::from_secs(10) }
    }
}

/// Why a client can't be made. Secrets are not quoted.
#[derive(Debug, thiserror::Error)]
pub enum NotUsable {
    #[error("apps_and_books.base_url can't be used: {0}")]
    Base(#[from] NotABase),
    #[error("the content token holds characters that no token has; download it again")]
    Bearer,
    #[error("the extra certificate authority (ca) is not a PEM file with certificates")]
    Ca,
    #[error("TLS has no crypto provider; main installs one before anything connects")]
    NoProvider,
    #[error("the HTTPS client can't be set up: {0}")]
    Client(String),
}

pub enum Request {
    Get(Vec<(&'static str, String)>),
    /// A JSON body.
    Post(Vec<u8>),
}

impl Request {
    pub fn writes(&self) -> bool {
        matches!(self, Self::Post(_))
    }
}

/// An answer, not judged yet. It may hold invite codes.
pub struct Raw {
    pub http: u16,
    pub retry_after: Option<String>,
    /// When Apple says that it answered, to the second.
    pub date: Option<Timestamp>,
    pub body: Vec<u8>,
}

/// No answer, and why, in words.
pub struct NoRaw {
    pub transport: Transport,
    pub words: String,
}

pub struct Wire {
    http: Client,
    authorization: HeaderValue,
    patience: Patience,
}

impl Wire {
    pub fn new(config: &Config, base: &Base, patience: Patience) -> Result<Self, NotUsable> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(NotUsable::NoProvider);
        }
        let mut builder = Client::builder()
            .user_agent(config.user_agent.as_str())
            .connect_timeout(patience.connect)
            .timeout(patience.answer)
            // Shorter than servers keep idle connections, so that few requests meet one that is closing.
            .pool_idle_timeout(Duration::from_secs(30))
            // A redirect would carry the token along, and a resend would pass by the queue.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false);
        builder = if base.is_loopback() { builder.no_proxy() } else { builder.https_only(true) };
        if let Some(pem) = &config.extra_ca {
            let certificates = Certificate::from_pem_bundle(pem).map_err(|_| NotUsable::Ca)?;
            if certificates.is_empty() {
                return Err(NotUsable::Ca);
            }
            builder = builder.tls_certs_merge(certificates);
        }
        let http = builder.build().map_err(|e| NotUsable::Client(cause(&e)))?;
        Ok(Self { http, authorization: authorization(&config.bearer)?, patience })
    }

    /// Sends `request` to `url`, with the token when `authorized`.
    pub async fn exchange(&self, mut url: Url, request: &Request, authorized: bool) -> Result<Raw, NoRaw> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let builder = match request {
            Request::Get(query) => {
                if !query.is_empty() {
                    url.query_pairs_mut().extend_pairs(query);
                }
                self.http.get(url)
            }
            Request::Post(body) => self.http.post(url).header(CONTENT_TYPE, "application/json").body(body.clone()),
        };
        let builder = if authorized { builder.header(AUTHORIZATION, self.authorization.clone()) } else { builder };
        let response = builder.send().await.map_err(|e| self.no_raw(&e, &host))?;
        let http = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let date = response.headers().get(DATE).and_then(|v| v.to_str().ok()).and_then(|v| DateTime::parse_from_rfc2822(v).ok());
        let date = date.map(|date| date.to_utc());
        let succeeded = response.status().is_success();
        match self.read(response, &host).await {
            Ok(body) => Ok(Raw { http, retry_after, date, body }),
            Err(failed) if succeeded => Err(failed),
            // Its status says enough.
            Err(_) => Ok(Raw { http, retry_after, date, body: Vec::new() }),
        }
    }

    async fn read(&self, mut response: Response, host: &str) -> Result<Vec<u8>, NoRaw> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.no_raw(&e, host))? {
            if body.len() + chunk.len() > BODY_MAX {
                let words = format!("{host} answered more than {} MB, which no answer of Apple's has", BODY_MAX / 1024 / 1024);
                return Err(NoRaw { transport: Transport::TooBig, words });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn no_raw(&self, error: &reqwest::Error, host: &str) -> NoRaw {
        let (transport, words) = if error.is_connect() {
            (Transport::NotConnected, format!("can't connect to {host}: {}", cause(error)))
        } else if error.is_builder() {
            (Transport::NotSent, "the request could not be built".to_owned())
        } else if error.is_timeout() {
            (Transport::NoAnswer, format!("{host} gave no answer within {} seconds", self.patience.answer.as_secs()))
        } else {
            (Transport::NoAnswer, format!("the connection to {host} broke before the answer: {}", cause(error)))
        };
        NoRaw { transport, words }
    }
}

/// The whole token file's text is the bearer; `set_sensitive` keeps it out of every `Debug`.
fn authorization(bearer: &SecretString) -> Result<HeaderValue, NotUsable> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", bearer.expose_secret())).map_err(|_| NotUsable::Bearer)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The innermost cause: "Connection refused". The layers around it repeat addresses with their queries.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost = error.source();
    while let Some(next) = innermost.and_then(std::error::Error::source) {
        innermost = Some(next);
    }
    let words = innermost.map_or_else(|| "no reason given".to_owned(), ToString::to_string);
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}
