//! A letter as it travels: headers by lettre, bodies in quoted-printable, ready for DATA.
//!
//! A letter gives the same bytes at every attempt, so that a second copy can be recognised. What
//! doesn't change from letter to letter (the sender's header) is encoded once.

use std::sync::Mutex;

use lettre::message::header::{From, Headers, Subject, To};
use lettre::message::{Mailbox, Mailboxes};
use sha2::{Digest, Sha256};

use super::envelope::{Envelope, for_wire};
use super::quoted_printable;
use crate::domain::words;
use crate::ports::mail::{Letter, Sender};

/// Longer ones are cut: no subject or name that a person reads comes near, and a header line may
/// have 998 bytes (RFC 5322 2.1.1) when it can't be folded.
const SUBJECT_MAX: usize = 250;
const NAME_MAX: usize = 120;
const MESSAGE_ID_MAX: usize = 200;

/// Headers that every letter has. They ask machines not to answer (RFC 3834 5; the second is
/// Exchange's), but not to hold back bounces.
const FIXED: &[u8] = b"MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: OOF, AutoReply\r\n";

/// Builds letters, remembering what the last one had in common with the next.
#[derive(Default)]
pub(super) struct Builder {
    from: Mutex<Option<(Sender, String)>>,
}

impl Builder {
    /// The message with its final dot, dot-stuffed, lines ending in CRLF.
    pub fn build(&self, letter: &Letter, envelope: &Envelope) -> Vec<u8> {
        let size = letter.text.len() + letter.html.as_ref().map_or(0, String::len);
        let mut out = Vec::with_capacity(size + size / 8 + 1_536);
        let mut line = |name: &str, value: &str| {
            for part in [name, ": ", value, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        };
        line("Date", &letter.date.to_rfc2822());
        let message_id: String = letter.message_id.chars().filter(|c| in_message_id(*c)).take(MESSAGE_ID_MAX).collect();
        line("Message-ID", &format!("<{message_id}>"));
        let language: String = letter.language.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(35).collect();
        if !language.is_empty() {
            line("Content-Language", &language);
        }
        out.extend_from_slice(self.sender_header(&letter.from, envelope).as_bytes());
        let to = Mailbox::new(display_name(&letter.to_name), envelope.to.clone());
        let mut headers = Headers::with_capacity(2);
        headers.set(To::from(Mailboxes::from(to)));
        headers.set(Subject::from(one_line(&letter.subject, SUBJECT_MAX)));
        out.extend_from_slice(headers.to_string().as_bytes());
        out.extend_from_slice(FIXED);
        match &letter.html {
            None => part(&mut out, "text/plain", &letter.text),
            Some(html) => {
                let boundary = boundary(&letter.message_id);
                let alternatives =
                    format!("Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n");
                out.extend_from_slice(alternatives.as_bytes());
                part(&mut out, "text/plain", &letter.text);
                out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
                part(&mut out, "text/html", html);
                out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
            }
        }
        for_data(out)
    }

    fn sender_header(&self, sender: &Sender, envelope: &Envelope) -> String {
        let mut last = self.from.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((known, header)) = last.as_ref()
            && known.name == sender.name
            && known.address == sender.address
        {
            return header.clone();
        }
        let address = for_wire(&sender.address).unwrap_or_else(|_| envelope.from.clone());
        let mut headers = Headers::with_capacity(1);
        headers.set(From::from(Mailboxes::from(Mailbox::new(display_name(&sender.name), address))));
        let header = headers.to_string();
        *last = Some((sender.clone(), header.clone()));
        header
    }
}

fn part(out: &mut Vec<u8>, kind: &str, text: &str) {
    for piece in ["Content-Type: ", kind, "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
    quoted_printable::encode(text, out);
}

/// `=_` can't occur in quoted-printable (RFC 2045 6.7), so no body can hold it.
fn boundary(message_id: &str) -> String {
    let digest = Sha256::digest(message_id.as_bytes());
    digest.iter().take(12).fold(String::from("=_"), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

fn in_message_id(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | '\\' | ',' | ';' | ':' | '"')
}

fn display_name(name: &str) -> Option<String> {
    let clean = one_line(name, NAME_MAX);
    (!clean.is_empty()).then_some(clean)
}

/// A text that stays one header, whatever it is: control characters (CR and LF among them) and line
/// separators become spaces, direction controls go, and it is cut to `max` characters. lettre
/// encodes what isn't ASCII; it panics on line breaks in names, so they may not reach it.
fn one_line(text: &str, max: usize) -> String {
    let mut line = String::with_capacity(text.len().min(4 * max));
    let mut count = 0;
    for c in text.chars() {
        if words::turns(c) {
            continue;
        }
        let c = if c.is_control() || c.is_whitespace() { ' ' } else { c };
        if c == ' ' && (line.is_empty() || line.ends_with(' ')) {
            continue;
        }
        if count + 1 >= max {
            line.push('\u{2026}');
            break;
        }
        line.push(c);
        count += 1;
    }
    line.truncate(line.trim_end().len());
    line
}

/// Dot-stuffing and the final dot (RFC 5321 4.5.2). Our own bodies need none of the stuffing; it is
/// done all the same where a line begins with a dot, because what follows one ends the letter.
fn for_data(mut message: Vec<u8>) -> Vec<u8> {
    let begins = message.first() == Some(&b'.') || message.windows(2).any(|two| two == b"\n.");
    if begins {
        let mut stuffed = Vec::with_capacity(message.len() + 64);
        for line in message.split_inclusive(|b| *b == b'\n') {
            if line.first() == Some(&b'.') {
                stuffed.push(b'.');
            }
            stuffed.extend_from_slice(line);
        }
        message = stuffed;
    }
    if !message.ends_with(b"\r\n") {
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(b".\r\n");
    message
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
