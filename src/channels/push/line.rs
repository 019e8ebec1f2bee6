//! One HTTP/2 connection to APNs: made, asked, and lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::{AlertDescription, CertificateError, ClientConfig};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::PushConfigError;
use super::answers::{self, Answer, down};
use super::gather::{Fate, Gather};
use crate::channels::{answer, trust};
use crate::domain::outcome::ChannelDown;
use crate::domain::time::Span;
use crate::domain::words::foreign;

/// APNs' error bodies are below a hundred bytes.
const BODY_BYTES_MAX: usize = 4096;
/// A name with more addresses than this is not tried to the end.
const ADDRESSES_MAX: usize = 8;

const RETRY_CONNECT: Span = Span::minutes(1);
const RETRY_TRUST: Span = Span::minutes(15);

/// Where APNs is.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    host: String,
    port: u16,
    pub authority: Authority,
    name: ServerName<'static>,
}

impl Endpoint {
    /// # Errors
    /// Not `https://host[:port]`.
    pub fn parse(text: &str) -> Result<Self, PushConfigError> {
        let bad = || {
            PushConfigError::new(
                "push.endpoint is not an address of the form https://host:port".to_owned(),
                "Apple's is https://api.push.apple.com:443".to_owned(),
            )
        };
        let uri: Uri = text.trim().parse().map_err(|_| bad())?;
        let authority = uri.authority().ok_or_else(bad)?.clone();
        if uri.scheme_str() != Some("https")
            || authority.as_str().contains('@')
            || !matches!(uri.path(), "" | "/")
            || uri.query().is_some()
        {
            return Err(bad());
        }
        // Brackets belong to the address' text form, not to the address.
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|_| bad())?;
        let port = authority.port_u16().unwrap_or(443);
        Ok(Self { host, port, authority, name })
    }
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// For one address: connecting, TLS and the HTTP/2 preface.
    pub connect: Duration,
    /// For one notification.
    pub answer: Duration,
    pub ping_every: Duration,
    pub ping_answer: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        // A ping a minute notices a dead connection before a queue is poured into it, and keeps the
        // path through address translators open; Apple wants one an hour at least.
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            ping_every: Duration::from_secs(60),
            ping_answer: Duration::from_secs(15),
        }
    }
}

/// How asking ended.
#[derive(Debug)]
pub(super) enum Asked {
    Answered(Answer),
    /// APNs can't have acted on it: it is safe to send it again.
    NotProcessed {
        words: String,
        at_once: bool,
    },
    /// It may have been acted on.
    Lost {
        words: String,
    },
    /// The connection ended for a reason that the next one would meet as well.
    Down(ChannelDown),
}

/// A connection, shared by all streams on it.
#[derive(Clone)]
pub(super) struct Line {
    /// Tells this connection from the one that replaces it.
    pub number: u64,
    sender: SendRequest<Full<Bytes>>,
    pub fate: Arc<Fate>,
}

impl Line {
    /// Connects, with the host's addresses as the resolver gives them now.
    ///
    /// # Errors
    /// No address answers, or none that can be trusted.
    pub async fn open(number: u64, endpoint: &Endpoint, tls: Arc<ClientConfig>, timing: Timing) -> Result<Self, ChannelDown> {
        let host = &endpoint.host;
        let addresses: Vec<SocketAddr> =
            match timeout(timing.connect, tokio::net::lookup_host((host.as_str(), endpoint.port))).await {
                Ok(Ok(found)) => found.take(ADDRESSES_MAX).collect(),
                Ok(Err(error)) => return Err(unreachable(host, &answer::cause(&error))),
                Err(_) => return Err(unreachable(host, "the name server does not answer")),
            };
        let mut failed = unreachable(host, "its name has no address");
        for address in addresses {
            match timeout(timing.connect, Self::open_at(number, address, endpoint, Arc::clone(&tls), timing)).await {
                Ok(Ok(line)) => return Ok(line),
                Ok(Err(error)) => failed = error,
                Err(_) => failed = unreachable(host, "no answer while connecting"),
            }
        }
        Err(failed)
    }

    async fn open_at(
        number: u64,
        address: SocketAddr,
        endpoint: &Endpoint,
        tls: Arc<ClientConfig>,
        timing: Timing,
    ) -> Result<Self, ChannelDown> {
        let host = &endpoint.host;
        let tcp = TcpStream::connect(address).await.map_err(|e| unreachable(host, &answer::cause(&e)))?;
        // Without it, small writes wait for the other side's acknowledgement: 23 pushes a second.
        tcp.set_nodelay(true).map_err(|e| unreachable(host, &answer::cause(&e)))?;
        let stream =
            TlsConnector::from(tls).connect(endpoint.name.clone(), tcp).await.map_err(|error| {
                match trust::tls_cause(&error) {
                    Some(tls) => tls_down(host, tls),
                    None => unreachable(host, &answer::cause(&error)),
                }
            })?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(down(
                format!("{host} does not speak HTTP/2"),
                "check push.endpoint in site.toml; a proxy that ends TLS in between also has this effect".to_owned(),
                Some(RETRY_TRUST),
            ));
        }
        let fate = Arc::new(Fate::default());
        let io = TokioIo::new(Gather::new(stream, Arc::clone(&fate)));
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            // One stream until the server's SETTINGS say how many it takes: more would be refused.
            .initial_max_send_streams(1)
            .keep_alive_interval(timing.ping_every)
            .keep_alive_timeout(timing.ping_answer)
            .keep_alive_while_idle(true);
        let (sender, connection) = builder.handshake(io).await.map_err(|e| unreachable(host, &answer::cause(&e)))?;
        tokio::spawn(async move {
            // Those who wait for an answer are told by their own streams.
            if let Err(error) = connection.await {
                tracing::debug!(connection = number, cause = %answer::cause(&error), "a connection to APNs ended");
            }
        });
        Ok(Self { number, sender, fate })
    }

    /// Whether it is known to be gone.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends one notification and waits for the answer, at most `timing.answer`.
    pub async fn ask(&self, request: Request<Full<Bytes>>, host: &str, limit: Duration) -> Asked {
        let mut sender = self.sender.clone();
        let exchange = async {
            let response = match sender.try_send_request(request).await {
                Ok(response) => response,
                Err(mut error) => {
                    let unsent = error.take_message().is_some();
                    return Err((error.into_error(), unsent));
                }
            };
            read(response).await.map_err(|e| (e, false))
        };
        match timeout(limit, exchange).await {
            Ok(Ok(answer)) => Asked::Answered(answer),
            Ok(Err((error, unsent))) => self.failed(&error, unsent, host),
            Err(_) => Asked::Lost { words: format!("no answer from APNs within {} seconds", limit.as_secs()) },
        }
    }

    fn failed(&self, error: &hyper::Error, unsent: bool, host: &str) -> Asked {
        if let Some(tls) = self.fate.tls() {
            return Asked::Down(tls_down(host, tls));
        }
        let words = answer::cause(error);
        if unsent {
            return Asked::NotProcessed { words, at_once: true };
        }
        let h2 = std::error::Error::source(error).and_then(|e| e.downcast_ref::<h2::Error>());
        match h2 {
            // A stream only ends with the server's GOAWAY when it is above the last one that the
            // server looked at (RFC 9113, 6.8).
            Some(e) if e.is_go_away() && e.is_remote() => {
                if let Some(down) = debug_reason(&words).and_then(|r| answers::credentials_or_configuration(&r, &words)) {
                    return Asked::Down(down);
                }
                Asked::NotProcessed { words, at_once: e.reason() == Some(h2::Reason::NO_ERROR) }
            }
            Some(e) if e.is_reset() && e.is_remote() && e.reason() == Some(h2::Reason::REFUSED_STREAM) => {
                Asked::NotProcessed { words, at_once: true }
            }
            _ => Asked::Lost { words: format!("the connection ended before the answer: {words}") },
        }
    }
}

async fn read(response: Response<Incoming>) -> hyper::Result<Answer> {
    let (head, body) = response.into_parts();
    let mut answer = Answer {
        status: head.status.as_u16(),
        retry_after: answer::retry_after(&head.headers),
        apns_id: head.headers.get("apns-id").and_then(|v: &HeaderValue| v.to_str().ok()).map(foreign),
        ..Answer::default()
    };
    if !body.is_end_stream() {
        match Limited::new(body, BODY_BYTES_MAX).collect().await {
            Ok(body) => (answer.reason, answer.timestamp_ms) = answers::read_body(&body.to_bytes()),
            // The status is an answer; a body that is too long or breaks off adds nothing we need
            // for 200, and a refusal without its reason is judged by its status.
            Err(error) => {
                if let Ok(error) = error.downcast::<hyper::Error>()
                    && answer.status != 200
                {
                    return Err(*error);
                }
            }
        }
    }
    Ok(answer)
}

/// The reason in a GOAWAY's debug data, which HTTP/2 shows as `… (b"{\"reason\":\"BadCertificate\"}")`.
fn debug_reason(words: &str) -> Option<String> {
    let plain = words.replace('\\', "");
    let (_, rest) = plain.split_once('{')?;
    let (inner, _) = rest.rsplit_once('}')?;
    answers::read_body(format!("{{{inner}}}").as_bytes()).0
}

fn unreachable(host: &str, why: &str) -> ChannelDown {
    down(
        format!("{host} can't be reached: {why}"),
        "check the network, and that the firewall lets port 443 or 2197 out to push.endpoint".to_owned(),
        Some(RETRY_CONNECT),
    )
}

/// A TLS failure: theirs when their certificate isn't trusted, ours when an alert speaks of ours.
fn tls_down(host: &str, error: &rustls::Error) -> ChannelDown {
    use AlertDescription as A;
    let said = foreign(&error.to_string());
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => down(
            format!("the certificate of {host} has expired, by this machine's clock"),
            "check this machine's clock; if it is right, wait for the other side to renew".to_owned(),
            Some(RETRY_TRUST),
        ),
        rustls::Error::InvalidCertificate(_) => down(
            format!("{host} shows a certificate that is not trusted: {said}"),
            "if a proxy inspects TLS, let APNs pass; for a server of your own, name its CA in push.ca".to_owned(),
            Some(RETRY_TRUST),
        ),
        rustls::Error::AlertReceived(A::CertificateExpired) => {
            down(format!("{host} says that the push certificate has expired"), RENEW.to_owned(), None)
        }
        rustls::Error::AlertReceived(A::CertificateRevoked) => {
            down(format!("{host} says that the push certificate is revoked"), RENEW.to_owned(), None)
        }
        rustls::Error::AlertReceived(
            A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
            | A::CertificateRequired,
        ) => down(
            format!("{host} does not take the push certificate: {said}"),
            "check that push.certificate is the certificate of the Apple Push Certificates Portal for this site".to_owned(),
            None,
        ),
        _ => down(
            format!("no secure connection to {host}: {said}"),
            "check push.endpoint and the network in between".to_owned(),
            Some(RETRY_CONNECT),
        ),
    }
}

const RENEW: &str = "renew it at identity.apple.com/pushcert with the same Apple Account, put it at push.certificate and restart";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_hosts_with_https() {
        let good = [
            ("https://api.push.apple.com:443", "api.push.apple.com", 443),
            ("https://api.push.apple.com", "api.push.apple.com", 443),
            ("https://api.push.apple.com:2197/", "api.push.apple.com", 2197),
            ("https://127.0.0.1:8443", "127.0.0.1", 8443),
            ("https://[::1]:8443", "::1", 8443),
        ];
        for (text, host, port) in good {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!((endpoint.host.as_str(), endpoint.port), (host, port));
        }
        for bad in [
            "",
            "api.push.apple.com",
            "http://api.push.apple.com",
            "https://",
            "https://a/3/device",
            "https://u:p@a",
            "https://a?b",
            "https://exa mple",
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_reason_in_a_goaways_debug_data_is_found() {
        let words = r#"connection error received: not a result of an error (b"{\"reason\":\"BadCertificate\"}")"#;
        assert_eq!(debug_reason(words).as_deref(), Some("BadCertificate"));
        for none in ["", "connection error received", "}{", "{}", r#"(b"{\"re"#] {
            assert_eq!(debug_reason(none), None, "{none}");
        }
    }

    #[test]
    fn alerts_about_our_certificate_ask_for_another_one() {
        for alert in [AlertDescription::CertificateExpired, AlertDescription::CertificateRevoked, AlertDescription::UnknownCA] {
            let down = tls_down("apns.test", &rustls::Error::AlertReceived(alert));
            assert!(down.retry_after.is_none() && down.remedy.contains("push.certificate"), "{down:?}");
        }
        assert!(tls_down("apns.test", &rustls::Error::AlertReceived(AlertDescription::InternalError)).retry_after.is_some());
    }
}
