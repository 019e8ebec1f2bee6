//! One open connection to a mail server: greeting, EHLO, TLS, login, then letters one after another.
//!
//! lettre's own connection is not used for this: it writes body and final dot apart and waits for
//! every reply, quits after one bad recipient, can't say whether a lost line had carried the final
//! dot, and logs whole messages and passwords at debug level. Its commands, parameters and login
//! mechanisms are.

use std::io;
use std::net::SocketAddr;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::commands::{Auth, Data, Ehlo, Mail, Noop, Quit, Rcpt, Rset, Starttls};
use lettre::transport::smtp::extension::{ClientId, MailBodyParameter, MailParameter};
use tokio::net::TcpStream;

use super::config::MailTimeouts;
use super::envelope::Envelope;
use super::reply::Reply;
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

/// How far a transaction got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Mail,
    Rcpt,
    Data,
    Dot,
}

/// When a line was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// No reply to MAIL: this line may have been dead for a while.
    BeforeMail,
    /// The final dot had not left: the server can't have the letter.
    BeforeDot,
    /// The final dot had left: the server may have the letter.
    AfterDot,
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The reply that decided: the first refusal, or the one to the final dot.
    Answered(Stage, Reply),
    Lost(Moment, String),
}

/// What the server says it can do (EHLO's lines).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Abilities {
    pub pipelining: bool,
    pub starttls: bool,
    pub smtputf8: bool,
    /// The largest message in bytes, where the server names one.
    pub size: Option<Option<u64>>,
    pub mechanisms: Vec<Mechanism>,
}

impl Abilities {
    fn read(reply: &Reply) -> Self {
        let mut able = Self::default();
        for line in reply.lines.iter().skip(1) {
            let mut words = line.split_ascii_whitespace();
            match words.next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "PIPELINING" => able.pipelining = true,
                "STARTTLS" => able.starttls = true,
                "SMTPUTF8" => able.smtputf8 = true,
                // "SIZE 0" and "SIZE" both mean: no fixed limit (RFC 1870 4).
                "SIZE" => able.size = Some(words.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0)),
                "AUTH" => {
                    able.mechanisms.extend(words.filter_map(|word| match word.to_ascii_uppercase().as_str() {
                        "PLAIN" => Some(Mechanism::Plain),
                        "LOGIN" => Some(Mechanism::Login),
                        _ => None,
                    }));
                }
                _ => {}
            }
        }
        able
    }
}

pub(super) struct Session {
    wire: Wire,
    timeouts: MailTimeouts,
    pub able: Abilities,
    /// Whether another letter may go over this line.
    pub usable: bool,
    /// A transaction is open at the server: RSET goes ahead of the next one, in the same packet
    /// where it can.
    unfinished: bool,
    /// The host as it was asked for, to name it.
    pub host: String,
    pub opened: Timestamp,
    pub last_used: Timestamp,
    pub letters: u32,
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
        Ok(Self {
            wire,
            timeouts: with.timeouts,
            able,
            usable: true,
            unfinished: false,
            host: host.to_owned(),
            opened: now,
            last_used: now,
            letters: 0,
        })
    }

    /// Hands one letter over. `message` ends with the final dot and is dot-stuffed.
    ///
    /// Where the server offers PIPELINING (RFC 2920), MAIL, RCPT and DATA go in one write: two
    /// waits a letter instead of four.
    pub async fn hand_over(&mut self, envelope: &Envelope, message: &[u8]) -> Ended {
        self.letters = self.letters.saturating_add(1);
        let mail = Mail::new(Some(envelope.from.clone()), self.parameters(envelope, message)).to_string();
        let rcpt = Rcpt::new(envelope.to.clone(), Vec::new()).to_string();
        let data = Data.to_string();
        let reset = if self.unfinished { Rset.to_string() } else { String::new() };
        let ended = if self.able.pipelining {
            self.in_one_write(&[&reset, &mail, &rcpt, &data]).await
        } else {
            self.one_by_one(&reset, &[(Stage::Mail, &mail), (Stage::Rcpt, &rcpt), (Stage::Data, &data)]).await
        };
        let ended = match ended {
            Some(ended) => ended,
            None => self.body(message).await,
        };
        self.unfinished = !matches!(&ended, Ended::Answered(Stage::Dot, _));
        match &ended {
            Ended::Lost(..) => self.usable = false,
            // 421: the server is about to close (RFC 5321 3.8).
            Ended::Answered(_, reply) if reply.code == 421 => self.usable = false,
            Ended::Answered(..) => {}
        }
        // Something unasked for is a reply to nothing: every later one would be taken for another.
        if self.wire.has_unread() {
            self.usable = false;
        }
        ended
    }

    /// Whether the far side still answers.
    pub async fn answers(&mut self) -> bool {
        let within = self.timeouts.probe;
        let sent = self.wire.write(Noop.to_string().as_bytes(), within).await;
        sent.is_ok() && self.wire.reply(within).await.is_ok_and(|reply| reply.class() == 2) && !self.wire.has_unread()
    }

    /// Says goodbye. Failing at it changes nothing.
    pub async fn quit(mut self) {
        let within = self.timeouts.probe;
        if self.wire.write(Quit.to_string().as_bytes(), within).await.is_ok() {
            let _goodbye = self.wire.reply(within).await;
        }
    }

    fn parameters(&self, envelope: &Envelope, message: &[u8]) -> Vec<MailParameter> {
        let mut parameters = Vec::new();
        if self.able.size.is_some() {
            parameters.push(MailParameter::Size(message.len()));
        }
        if envelope.international {
            // The addresses in the header are then in Unicode too (RFC 6531 3.4).
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        parameters
    }

    /// RSET, MAIL, RCPT and DATA together; `None` when the body may follow.
    async fn in_one_write(&mut self, commands: &[&str; 4]) -> Option<Ended> {
        let [reset, ..] = commands;
        if let Err(e) = self.wire.write(commands.concat().as_bytes(), self.timeouts.reply).await {
            return Some(Ended::Lost(Moment::BeforeMail, line_words(&e)));
        }
        if !reset.is_empty()
            && let Some(ended) = self.reset_reply().await
        {
            return Some(ended);
        }
        let mut refused = None;
        for (stage, good) in [(Stage::Mail, 2), (Stage::Rcpt, 2), (Stage::Data, 3)] {
            let moment = if stage == Stage::Mail { Moment::BeforeMail } else { Moment::BeforeDot };
            let reply = match self.wire.reply(self.timeouts.reply).await {
                Ok(reply) => reply,
                Err(e) => {
                    // What was refused stays refused, whatever became of the line afterwards.
                    self.usable = false;
                    return refused.or(Some(Ended::Lost(moment, line_words(&e))));
                }
            };
            let waits_for_body = stage == Stage::Data && reply.class() == 3;
            let closes = reply.code == 421;
            if refused.is_none() && reply.class() != good {
                refused = Some(Ended::Answered(stage, reply));
            }
            if closes {
                self.usable = false;
                return refused;
            }
            if waits_for_body && refused.is_some() {
                // DATA was taken although nobody is left to send to: an empty message ends it
                // (RFC 2920 3.1), and its reply says nothing about the letter.
                let ended = self.wire.write(b".\r\n", self.timeouts.reply).await;
                if ended.is_err() || self.wire.reply(self.timeouts.accept).await.is_err() {
                    self.usable = false;
                }
            }
        }
        refused
    }

    /// The same without PIPELINING: each command waits for its reply.
    async fn one_by_one(&mut self, reset: &str, commands: &[(Stage, &String); 3]) -> Option<Ended> {
        let within = self.timeouts.reply;
        if !reset.is_empty() {
            if let Err(e) = self.wire.write(reset.as_bytes(), within).await {
                return Some(Ended::Lost(Moment::BeforeMail, line_words(&e)));
            }
            if let Some(ended) = self.reset_reply().await {
                return Some(ended);
            }
        }
        for (stage, command) in commands {
            let moment = if *stage == Stage::Mail { Moment::BeforeMail } else { Moment::BeforeDot };
            let good = if *stage == Stage::Data { 3 } else { 2 };
            let reply = match self.wire.write(command.as_bytes(), within).await {
                Ok(()) => self.wire.reply(within).await,
                Err(e) => Err(e),
            };
            match reply {
                Err(e) => return Some(Ended::Lost(moment, line_words(&e))),
                Ok(reply) if reply.class() != good => return Some(Ended::Answered(*stage, reply)),
                Ok(_) => {}
            }
        }
        None
    }

    async fn reset_reply(&mut self) -> Option<Ended> {
        match self.wire.reply(self.timeouts.reply).await {
            Ok(reply) if reply.code == 421 => Some(Ended::Answered(Stage::Mail, reply)),
            Ok(_) => None,
            Err(e) => Some(Ended::Lost(Moment::BeforeMail, line_words(&e))),
        }
    }

    async fn body(&mut self, message: &[u8]) -> Ended {
        if let Err(e) = self.wire.write(message, self.timeouts.data).await {
            return Ended::Lost(Moment::BeforeDot, line_words(&e));
        }
        match self.wire.reply(self.timeouts.accept).await {
            Ok(reply) => Ended::Answered(Stage::Dot, reply),
            Err(e) => Ended::Lost(Moment::AfterDot, line_words(&e)),
        }
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

fn line_words(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::TimedOut => e.to_string(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "the line was closed".to_owned(),
        _ => format!("the line was lost: {e}"),
    }
}

fn connect_words(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
        io::ErrorKind::TimedOut => "nobody answered".to_owned(),
        _ => e.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abilities_are_read_whatever_their_case() {
        let reply = Reply {
            code: 250,
            lines: ["mail.example PIPELINING", "pipelining", "Size 1000", "AUTH login PLAIN CRAM-MD5", "SMTPUTF8", ""]
                .map(str::to_owned)
                .to_vec(),
        };
        let able = Abilities::read(&reply);
        assert!(able.pipelining && able.smtputf8 && !able.starttls);
        assert_eq!(able.size, Some(Some(1000)));
        assert_eq!(able.mechanisms, [Mechanism::Login, Mechanism::Plain]);
        let first_line_only = Abilities::read(&Reply { code: 250, lines: vec!["PIPELINING".into()] });
        assert!(!first_line_only.pipelining);
    }
}
