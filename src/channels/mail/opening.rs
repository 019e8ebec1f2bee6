//! From an address to a session: connection, greeting, EHLO, TLS, login.

use std::io;
use std::net::SocketAddr;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::commands::{Auth, Ehlo, Starttls};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;

use super::abilities::Abilities;
use super::config::MailTimeouts;
use super::reply::Reply;
use super::session::{Session, line_words};
use super::tls::{Tls, Trust};
use super::wire::{Stream, Wire, in_time};
use crate::domain::time::Timestamp;

/// What protects a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    None,
    /// STARTTLS where it is offered.
    Offered(Trust),
    /// STARTTLS or nothing.
    Required,
    /// TLS from the first byte.
    Implicit,
}

/// What every connection of a channel is opened with.
pub(super) struct Opening<'a> {
    pub tls: &'a Tls,
    pub hello: &'a ClientId,
    pub credentials: Option<&'a Credentials>,
    pub timeouts: MailTimeouts,
}

/// Why no session came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OpenFault {
    /// No TCP connection.
    Connect(String),
    /// The line was lost, or spoke something else than SMTP, before the session was ready.
    Lost(String),
    /// The greeting or EHLO was refused.
    Refused(Reply),
    /// STARTTLS was demanded and not offered.
    TlsNotOffered,
    Tls(String),
    /// The login would travel in the clear, to another machine.
    LoginInTheClear,
    /// No way to log in that both sides know.
    LoginNotOffered,
    LoginRefused(Reply),
}

impl Session {
    /// Connects, and gets a line ready for letters.
    ///
    /// # Errors
    /// The first thing that stood in the way; the line is closed.
    pub async fn open(
        host: &str,
        address: SocketAddr,
        protection: Protection,
        with: &Opening<'_>,
        now: Timestamp,
    ) -> Result<Self, OpenFault> {
        let tcp = in_time(with.timeouts.connect, TcpStream::connect(address))
            .await
            .map_err(|e| OpenFault::Connect(connect_words(&e)))?;
        // Without it a small last packet waits for the far side's acknowledgement of the one before:
        // 40 ms a letter, measured.
        tcp.set_nodelay(true).map_err(|e| OpenFault::Connect(e.to_string()))?;
        let reply_time = with.timeouts.reply;

        let mut secure = false;
        let mut wire = if protection == Protection::Implicit {
            secure = true;
            Wire::new(with.tls.wrap(tcp, host, Trust::Verified, reply_time).await.map_err(OpenFault::Tls)?)
        } else {
            Wire::new(Stream::Plain(tcp))
        };
        let greeting = wire.reply(reply_time).await.map_err(lost)?;
        if greeting.code != 220 {
            return Err(OpenFault::Refused(greeting));
        }
        let mut able = hello(&mut wire, with).await?;

        let trust = match protection {
            Protection::None | Protection::Implicit => None,
            Protection::Offered(trust) => able.starttls.then_some(trust),
            Protection::Required if able.starttls => Some(Trust::Verified),
            Protection::Required => return Err(OpenFault::TlsNotOffered),
        };
        if let Some(trust) = trust {
            let reply = ask(&mut wire, &Starttls.to_string(), with).await?;
            if reply.code != 220 {
                return Err(OpenFault::Tls(reply.words()));
            }
            let tcp = wire.into_plain().ok_or_else(|| OpenFault::Tls("bytes came before the TLS handshake".to_owned()))?;
            wire = Wire::new(with.tls.wrap(tcp, host, trust, reply_time).await.map_err(OpenFault::Tls)?);
            secure = true;
            able = hello(&mut wire, with).await?;
        }
        if let Some(credentials) = with.credentials {
            if !secure && !address.ip().is_loopback() {
                return Err(OpenFault::LoginInTheClear);
            }
            log_in(&mut wire, &able, credentials, with).await?;
        }
        Ok(Self::new(host, wire, able, with.timeouts, now))
    }
}

async fn hello(wire: &mut Wire, with: &Opening<'_>) -> Result<Abilities, OpenFault> {
    let reply = ask(wire, &Ehlo::new(with.hello.clone()).to_string(), with).await?;
    if reply.class() == 2 {
        return Ok(Abilities::read(&reply));
    }
    if !matches!(reply.code, 500 | 501 | 502 | 504) {
        return Err(OpenFault::Refused(reply));
    }
    // A server from before 1995, or one behind a firewall that plays one.
    let reply = ask(wire, &format!("HELO {}\r\n", with.hello), with).await?;
    if reply.class() == 2 { Ok(Abilities::default()) } else { Err(OpenFault::Refused(reply)) }
}

async fn log_in(wire: &mut Wire, able: &Abilities, credentials: &Credentials, with: &Opening<'_>) -> Result<(), OpenFault> {
    let known = [Mechanism::Plain, Mechanism::Login];
    let mechanism = known.into_iter().find(|m| able.mechanisms.contains(m)).ok_or(OpenFault::LoginNotOffered)?;
    let not_understood = |_| OpenFault::LoginNotOffered;
    let mut command = Auth::new(mechanism, credentials.clone(), None).map_err(not_understood)?;
    // LOGIN asks twice; anything that asks more often is not a login.
    for _ in 0..4 {
        let reply = ask(wire, &command.to_string(), with).await?;
        match (reply.class(), reply.as_challenge()) {
            (2, _) => return Ok(()),
            (_, Some(challenge)) => {
                command = Auth::new_from_response(mechanism, credentials.clone(), &challenge).map_err(not_understood)?;
            }
            _ => return Err(OpenFault::LoginRefused(reply)),
        }
    }
    Err(OpenFault::LoginNotOffered)
}

async fn ask(wire: &mut Wire, command: &str, with: &Opening<'_>) -> Result<Reply, OpenFault> {
    wire.write(command.as_bytes(), with.timeouts.reply).await.map_err(lost)?;
    wire.reply(with.timeouts.reply).await.map_err(lost)
}

fn lost(e: io::Error) -> OpenFault {
    OpenFault::Lost(line_words(&e))
}

fn connect_words(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
        io::ErrorKind::TimedOut => "nobody answered".to_owned(),
        _ => e.to_string(),
    }
}
