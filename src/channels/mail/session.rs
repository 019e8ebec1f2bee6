//! One open connection to a mail server, and letters over it, one after another.
//!
//! lettre's own connection is not used for this: it writes body and final dot apart and waits for
//! every reply, quits after one bad recipient, can't say whether a lost line had carried the final
//! dot, and logs whole messages and passwords at debug level. Its commands, parameters and login
//! mechanisms are.

use std::io;

use lettre::transport::smtp::commands::{Data, Mail, Noop, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter};

use super::abilities::Abilities;
use super::config::MailTimeouts;
use super::envelope::Envelope;
use super::reply::Reply;
use super::wire::Wire;
use crate::domain::time::Timestamp;

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
    /// A line that is ready for letters.
    pub fn new(host: &str, wire: Wire, able: Abilities, timeouts: MailTimeouts, now: Timestamp) -> Self {
        Self {
            wire,
            timeouts,
            able,
            usable: true,
            unfinished: false,
            host: host.to_owned(),
            opened: now,
            last_used: now,
            letters: 0,
        }
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

pub(super) fn line_words(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::TimedOut => e.to_string(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "the line was closed".to_owned(),
        _ => format!("the line was lost: {e}"),
    }
}
