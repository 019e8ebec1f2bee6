//! How a site's mail leaves: the settings of the channel, checked once.

use std::time::Duration;

use secrecy::SecretString;

use crate::domain::mail_address::MailAddress;

/// Everything the mail channel needs to know; fixed for its life.
#[derive(Debug)]
pub struct MailConfig {
    pub route: Route,
    /// One more certificate authority to trust, PEM (one or more certificates) or DER.
    pub extra_ca: Option<Vec<u8>>,
    /// How many connections may be open for letters at the same time, at least 1.
    pub connections: usize,
    /// The envelope's sender, to whom servers report; `None`: the letter's own.
    pub bounces_to: Option<MailAddress>,
    /// The name we give in EHLO; empty: this machine's name.
    pub hello: String,
    pub timeouts: MailTimeouts,
}

/// Where letters are handed over.
#[derive(Debug)]
pub enum Route {
    /// Everything goes to one server, which takes it from there.
    Relay { host: String, port: u16, security: Security, login: Option<(String, SecretString)> },
    /// Each letter goes to its recipient's own mail exchanger. The port is 25 outside of tests.
    Direct { port: u16 },
}

/// How a relay's line is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// STARTTLS with a certificate we trust, or nothing is sent.
    StartTlsRequired,
    /// STARTTLS where it is offered. Without a login any certificate will do, since the alternative
    /// is no encryption at all; with one, the certificate must be trusted.
    StartTlsOpportunistic,
    /// TLS from the first byte (port 465), with a certificate we trust.
    ImplicitTls,
    None,
}

/// How long each kind of answer may take. The defaults are those of RFC 5321 4.5.3.2, a little
/// tightened where an answer takes no work at the far side.
#[derive(Clone, Copy, Debug)]
pub struct MailTimeouts {
    /// For a TCP connection, each address.
    pub connect: Duration,
    /// For the greeting, the TLS handshake and the reply to a command.
    pub reply: Duration,
    /// For the message to leave.
    pub data: Duration,
    /// For the reply to the final dot. Long, because giving up early makes a letter doubtful.
    pub accept: Duration,
    /// For NOOP and QUIT, where nothing is at stake.
    pub probe: Duration,
}

impl Default for MailTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            reply: Duration::from_secs(300),
            data: Duration::from_secs(600),
            accept: Duration::from_secs(600),
            probe: Duration::from_secs(5),
        }
    }
}

/// Why a channel can't be made from its settings, in words for the site's operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnusableConfig(pub(super) String);
