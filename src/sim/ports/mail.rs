//! Mail in-process: a letter is written out plainly and given to the mail server.

use super::Doors;
use crate::domain::outcome::{ChannelDown, Handed, Outcome, Rejection};
use crate::domain::time::Span;
use crate::ports::Answer;
use crate::ports::look::{Found, Looked};
use crate::ports::mail::{Letter, Mail};
use crate::sim::faults::spend;
use crate::sim::mailboxes::{ArrivedMail, DataFate, Mailboxes, Reply};

/// The mail server, without a line in between.
pub struct SimMail {
    doors: Doors,
}

impl SimMail {
    pub(super) fn new(doors: Doors) -> Self {
        Self { doors }
    }

    fn hand_over(&self, letter: &Letter) -> Handed {
        let to = letter.to.as_str().to_owned();
        let arrived = ArrivedMail::plain(letter.from.address.as_str(), vec![to.clone()], &letter.message_id, written(letter));
        self.doors.at_now(|world, now| {
            reachable(&world.mail)?;
            if spend(&mut world.mail.faults.busy) {
                return Ok(outcome(&Reply::new(421, "4.3.2 Too busy, try again later")));
            }
            let reply = world.mail.recipient(&to);
            if reply.code != 250 {
                return Ok(outcome(&reply));
            }
            Ok(match world.mail.data_fate(std::slice::from_ref(&to)) {
                DataFate::Taken => outcome(&world.take_mail(now, arrived)),
                DataFate::DropsInData => {
                    let words = "the line dropped before the whole message had gone out".to_owned();
                    Outcome::Deferred { retry_after: None, words }
                }
                DataFate::DropsAfterDot => {
                    world.take_mail(now, arrived);
                    Outcome::Doubtful { words: "the line dropped before the server answered".to_owned() }
                }
            })
        })
    }
}

impl Mail for SimMail {
    fn send(&self, letter: Letter) -> Answer<'_, Handed> {
        Box::pin(async move { self.hand_over(&letter) })
    }

    fn at_once(&self) -> usize {
        8
    }

    fn look<'a>(&'a self, _: &'a str) -> Answer<'a, Looked> {
        let looked = self.doors.at_now(|world, _| reachable(&world.mail));
        let found = Found { words: "the mail server answers".to_owned(), ..Found::default() };
        Box::pin(std::future::ready(looked.map(|()| found)))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

fn reachable(server: &Mailboxes) -> Result<(), ChannelDown> {
    if !server.faults.down {
        return Ok(());
    }
    Err(ChannelDown {
        what: "the mail server can't be reached".to_owned(),
        remedy: "check [mail] relay in site.toml".to_owned(),
        retry_after: Some(Span::minutes(1)),
    })
}

/// What a client makes of a reply: some enhanced codes (RFC 3463) end the address, every other 5xx
/// only this message.
fn outcome(reply: &Reply) -> Outcome {
    let words = reply.words();
    match reply.code {
        200..=399 => Outcome::Accepted { words },
        500..=599 => {
            let of_address = ["5.1.1 ", "5.1.6 ", "5.1.10 ", "5.2.1 "].iter().any(|code| reply.text.starts_with(code));
            let why = if of_address { Rejection::TargetDead } else { Rejection::Refused };
            Outcome::Rejected { why, words }
        }
        _ => Outcome::Deferred { retry_after: None, words },
    }
}

/// The letter as one plain message; enough for a reader, never sent over a line.
fn written(letter: &Letter) -> String {
    let name = &letter.from.name;
    format!(
        "From: {name} <{}>\r\nTo: {} <{}>\r\nSubject: {}\r\nMessage-ID: <{}>\r\nDate: {}\r\nContent-Language: {}\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}\r\n{}\r\n",
        letter.from.address,
        letter.to_name,
        letter.to,
        letter.subject,
        letter.message_id,
        letter.date.to_rfc2822(),
        letter.language,
        letter.text,
        letter.html.as_deref().unwrap_or_default(),
    )
}
