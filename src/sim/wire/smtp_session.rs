//! One SMTP session: commands in, replies out (RFC 5321, with 1870, 2920, 3207, 4954, 6152 and 6531).

use std::io;

use base64::Engine as _;
use tokio::io::{AsyncRead, AsyncWrite};

use super::smtp::{Line, SmtpServer};
use super::watch::SmtpMoment;
use crate::sim::mailboxes::{ArrivedMail, DataFate};

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Politely, or with 421.
    Quit,
    /// Without another word.
    LineDrops,
    /// The client may begin a handshake.
    StartTls,
}

const RECIPIENTS_MAX: usize = 100;

pub(super) struct Session<'a> {
    server: &'a SmtpServer,
    offers_tls: bool,
    greeted: bool,
    logged_in: bool,
    envelope: Option<Envelope>,
}

struct Envelope {
    from: String,
    international: bool,
    to: Vec<String>,
}

impl<'a> Session<'a> {
    pub fn new(server: &'a SmtpServer, offers_tls: bool) -> Self {
        Self { server, offers_tls, greeted: false, logged_in: server.config.login.is_none(), envelope: None }
    }

    /// Talks until one side ends it.
    ///
    /// # Errors
    /// The line broke.
    pub async fn run<S: AsyncRead + AsyncWrite + Unpin>(mut self, line: &mut Line<S>) -> io::Result<Ended> {
        loop {
            let Some(command) = line.command().await? else {
                line.say(500, "5.5.2 Line too long");
                continue;
            };
            let (verb, rest) = command.split_once(' ').unwrap_or((&command, ""));
            let verb = verb.to_ascii_uppercase();
            if let Some(moment) = moment(&verb) {
                self.server.shared.watch.smtp(moment);
            }
            match verb.as_str() {
                "EHLO" => self.ehlo(line),
                "HELO" => {
                    self.greeted = true;
                    line.say(250, "mail.sunnyside.example");
                }
                "MAIL" => self.mail(line, rest),
                "RCPT" => {
                    if self.recipient(line, rest) {
                        return Ok(Ended::Quit);
                    }
                }
                "DATA" => {
                    if self.data(line).await? {
                        return Ok(Ended::LineDrops);
                    }
                }
                "RSET" => {
                    self.envelope = None;
                    line.say(250, "2.0.0 Ok");
                }
                "NOOP" => line.say(250, "2.0.0 Ok"),
                "VRFY" => line.say(252, "2.1.5 Send some mail, and we shall see"),
                "AUTH" => self.auth(line, rest).await?,
                "STARTTLS" if self.offers_tls => {
                    line.say(220, "2.0.0 Go ahead");
                    line.flush().await?;
                    return Ok(Ended::StartTls);
                }
                "QUIT" => {
                    line.say(221, "2.0.0 Bye");
                    return Ok(Ended::Quit);
                }
                _ => line.say(502, "5.5.1 Command not implemented"),
            }
        }
    }

    fn ehlo<S: AsyncRead + AsyncWrite + Unpin>(&mut self, line: &mut Line<S>) {
        self.greeted = true;
        self.envelope = None;
        let config = &self.server.config;
        let mut offers = vec!["mail.sunnyside.example".to_owned()];
        let mut offer = |text: &str| offers.push(text.to_owned());
        if config.pipelining {
            offer("PIPELINING");
        }
        offer(&format!("SIZE {}", config.message_bytes_max));
        if self.offers_tls {
            offer("STARTTLS");
        }
        if config.login.is_some() {
            offer("AUTH PLAIN LOGIN");
        }
        offer("8BITMIME");
        if config.smtputf8 {
            offer("SMTPUTF8");
        }
        offer("ENHANCEDSTATUSCODES");
        line.say_all(250, &offers);
    }

    fn mail<S: AsyncRead + AsyncWrite + Unpin>(&mut self, line: &mut Line<S>, rest: &str) {
        if !self.greeted {
            return line.say(503, "5.5.1 Say EHLO first");
        }
        if !self.logged_in {
            return line.say(530, "5.7.0 Authentication required");
        }
        if self.envelope.is_some() {
            return line.say(503, "5.5.1 Nested MAIL command");
        }
        let Some((from, parameters)) = path(rest, "FROM:") else {
            return line.say(501, "5.5.4 Syntax: MAIL FROM:<address>");
        };
        let parameters: Vec<String> = parameters.split_whitespace().map(str::to_ascii_uppercase).collect();
        let size = parameters.iter().find_map(|p| p.strip_prefix("SIZE=")).and_then(|n| n.parse::<usize>().ok());
        if size.is_some_and(|n| n > self.server.config.message_bytes_max) {
            return line.say(552, "5.3.4 Message too big");
        }
        let international = self.server.config.smtputf8 && parameters.iter().any(|p| p == "SMTPUTF8");
        if !from.is_ascii() && !international {
            return line.say(553, "5.6.7 International address without SMTPUTF8");
        }
        self.envelope = Some(Envelope { from, international, to: Vec::new() });
        line.say(250, "2.1.0 Ok");
    }

    /// True when the session is over.
    fn recipient<S: AsyncRead + AsyncWrite + Unpin>(&mut self, line: &mut Line<S>, rest: &str) -> bool {
        let Some(envelope) = &mut self.envelope else {
            line.say(503, "5.5.1 Need MAIL command");
            return false;
        };
        let Some((to, _)) = path(rest, "TO:").filter(|(to, _)| to.contains('@')) else {
            line.say(501, "5.1.3 Syntax: RCPT TO:<address>");
            return false;
        };
        if !to.is_ascii() && !envelope.international {
            line.say(553, "5.6.7 International address without SMTPUTF8");
            return false;
        }
        if envelope.to.len() >= RECIPIENTS_MAX {
            line.say(452, "4.5.3 Too many recipients");
            return false;
        }
        let reply = self.server.shared.at_now(|world, _| world.mail.recipient(&to));
        if reply.code == 250 {
            envelope.to.push(to);
        }
        line.say(reply.code, &reply.text);
        reply.code == 421
    }

    /// True when the line is to drop.
    async fn data<S: AsyncRead + AsyncWrite + Unpin>(&mut self, line: &mut Line<S>) -> io::Result<bool> {
        let Some(envelope) = self.envelope.take_if(|e| !e.to.is_empty()) else {
            line.say(503, "5.5.1 No valid recipients");
            return Ok(false);
        };
        let fate = self.server.shared.at_now(|world, _| world.mail.data_fate(&envelope.to));
        line.say(354, "End data with <CR><LF>.<CR><LF>");
        if fate == DataFate::DropsInData {
            // Some of the message has to be on its way, or the client could tell that nothing was taken.
            line.more().await?;
            return Ok(true);
        }
        let watch = &self.server.shared.watch;
        if watch.is_there() {
            line.flush().await?;
            watch.smtp(SmtpMoment::GoAhead);
        }
        let Some(raw) = line.message(self.server.config.message_bytes_max).await? else {
            line.say(552, "5.3.4 Message too big");
            return Ok(false);
        };
        watch.smtp(SmtpMoment::Dot);
        let arrived = ArrivedMail::read(&envelope.from, envelope.to, raw);
        let reply = self.server.shared.at_now(|world, now| world.take_mail(now, arrived));
        if fate == DataFate::DropsAfterDot {
            return Ok(true);
        }
        watch.smtp(SmtpMoment::Kept);
        line.say(reply.code, &reply.text);
        if watch.is_there() {
            line.flush().await?;
            watch.smtp(SmtpMoment::Replied);
        }
        Ok(false)
    }

    async fn auth<S: AsyncRead + AsyncWrite + Unpin>(&mut self, line: &mut Line<S>, rest: &str) -> io::Result<()> {
        let Some((user, password)) = self.server.config.login.clone() else {
            line.say(503, "5.5.1 No login needed");
            return Ok(());
        };
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let given = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let response = if initial.is_empty() { challenge(line, "").await? } else { initial.to_owned() };
                let parts = decoded(&response);
                let mut parts = parts.split('\0').skip(1).map(str::to_owned);
                (parts.next(), parts.next())
            }
            "LOGIN" => {
                let name = if initial.is_empty() { challenge(line, "VXNlcm5hbWU6").await? } else { initial.to_owned() };
                let word = challenge(line, "UGFzc3dvcmQ6").await?;
                (Some(decoded(&name)), Some(decoded(&word)))
            }
            _ => {
                line.say(504, "5.5.4 Unknown mechanism");
                return Ok(());
            }
        };
        if given == (Some(user), Some(password)) {
            self.logged_in = true;
            line.say(235, "2.7.0 Welcome");
        } else {
            line.say(535, "5.7.8 Authentication credentials invalid");
        }
        Ok(())
    }
}

/// The moment that a command is for whoever watches.
fn moment(verb: &str) -> Option<SmtpMoment> {
    match verb {
        "EHLO" | "HELO" => Some(SmtpMoment::Hello),
        "MAIL" => Some(SmtpMoment::Mail),
        "RCPT" => Some(SmtpMoment::Rcpt),
        "DATA" => Some(SmtpMoment::Data),
        "QUIT" => Some(SmtpMoment::Quit),
        _ => None,
    }
}

async fn challenge<S: AsyncRead + AsyncWrite + Unpin>(line: &mut Line<S>, text: &str) -> io::Result<String> {
    line.say(334, text);
    Ok(line.command().await?.unwrap_or_default())
}

fn decoded(base64: &str) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64.trim()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The address in `FROM:<address> PARAMETERS` or `TO:<address>`, and the parameters.
fn path<'t>(text: &'t str, keyword: &str) -> Option<(String, &'t str)> {
    let head = text.get(..keyword.len())?;
    if !head.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let rest = text.get(keyword.len()..)?.trim_start().strip_prefix('<')?;
    let (address, parameters) = rest.split_once('>')?;
    Some((address.to_owned(), parameters))
}
