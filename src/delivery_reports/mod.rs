//! Delivery reports (RFC 3464) into what they say of each recipient: hostile mail in, checked values out.
//! Nothing here decides whether a report is believed, and nothing here reads a mailbox.

mod fields;
mod parts;
#[cfg(test)]
mod tests;

use mail_parser::{Message, MessageParser};

use self::fields::groups;
use self::parts::{Part, head_and_body, parts};
use crate::domain::bounce::{Action, Bounce, Status};
use crate::domain::words::{foreign_without_urls, without_secrets};

/// A report quotes the letter that it is about, and our letters are small.
pub const LETTER_BYTES_MAX: usize = 1024 * 1024;

/// Our letters have one recipient; a report about more quotes somebody's list.
const RECIPIENTS_MAX: usize = 50;

/// The longest address or id that is one (RFC 5321 4.5.3.1, with room).
const NAME_MAX: usize = 512;

/// Why a message is no report that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAReport {
    #[error("it is larger than a report about our letters")]
    TooLarge,
    #[error("it is no mail")]
    NoMail,
    #[error("it is no delivery report (RFC 3464)")]
    OtherMail,
    #[error("it is a delivery report that names no recipient")]
    NoRecipient,
    #[error("it is a delivery report that names no Message-ID")]
    NoMessageId,
}

/// Reads a whole message. It is never parsed as a tree, so nesting costs nothing.
///
/// # Errors
/// Why it is none.
pub fn read(message: &[u8]) -> Result<Vec<Bounce>, NotAReport> {
    if message.len() > LETTER_BYTES_MAX {
        return Err(NotAReport::TooLarge);
    }
    let (head, body) = head_and_body(message);
    let head = MessageParser::new().parse_headers(head).ok_or(NotAReport::NoMail)?;
    let boundary = report_boundary(&head).ok_or(NotAReport::OtherMail)?;
    let parts = parts(body, &boundary);
    let status =
        parts.iter().find(|p| p.is("message", &["delivery-status", "global-delivery-status"])).ok_or(NotAReport::OtherMail)?;
    let message_id = returned_id(&parts).or_else(|| answered_id(&head)).ok_or(NotAReport::NoMessageId)?;
    // The first group is about the report as a whole.
    let bounces: Vec<Bounce> =
        groups(&status.text()).into_iter().filter_map(|group| bounce(&group, &message_id)).take(RECIPIENTS_MAX).collect();
    if bounces.is_empty() { Err(NotAReport::NoRecipient) } else { Ok(bounces) }
}

fn report_boundary(head: &Message<'_>) -> Option<String> {
    use mail_parser::MimeHeaders as _;
    let kind = head.content_type()?;
    let report = kind.ctype().eq_ignore_ascii_case("multipart") && kind.subtype()?.eq_ignore_ascii_case("report");
    let about_delivery = kind.attribute("report-type").is_none_or(|t| t.eq_ignore_ascii_case("delivery-status"));
    let boundary = kind.attribute("boundary").filter(|b| !b.is_empty() && b.len() <= 200)?;
    (report && about_delivery).then(|| boundary.to_owned())
}

/// The letter's own id, from what the report quotes of it.
fn returned_id(parts: &[Part<'_>]) -> Option<String> {
    let quoted = parts
        .iter()
        .find(|part| part.is("message", &["rfc822", "global", "global-headers"]) || part.is("text", &["rfc822-headers"]))?;
    let decoded = quoted.bytes();
    let head = MessageParser::new().parse_headers(head_and_body(&decoded).0)?;
    usable(head.message_id()?)
}

/// Servers that quote nothing still say what they answer.
fn answered_id(head: &Message<'_>) -> Option<String> {
    let answered = head.in_reply_to();
    let id = answered.as_text().or_else(|| answered.as_text_list().and_then(|list| list.first()).map(AsRef::as_ref))?;
    usable(id)
}

fn usable(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('<').trim_end_matches('>');
    let fine = !text.is_empty() && text.len() <= NAME_MAX && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    fine.then(|| text.to_owned())
}

fn bounce(group: &fields::Group, message_id: &str) -> Option<Bounce> {
    let mut recipients: Vec<String> = Vec::new();
    for field in ["final-recipient", "original-recipient"] {
        if let Some(address) = group.get(field).and_then(address)
            && !recipients.contains(&address)
        {
            recipients.push(address);
        }
    }
    if recipients.is_empty() {
        return None;
    }
    let action = group.get("action").and_then(|word| Action::from_word(word.split_whitespace().next()?))?;
    let diagnostic = group.get("diagnostic-code").map(diagnostic).unwrap_or_default();
    let said = group.get("status").and_then(Status::at_start);
    // Exim and others write 5.0.0 and leave the far server's code in its words.
    let status = match said.filter(|status| !status.is_vague()).or_else(|| code_in(&diagnostic)).or(said) {
        Some(status) => status,
        None if action == Action::Failed => Status(5, 0, 0),
        None => Status(4, 0, 0),
    };
    let words: Vec<String> = foreign_without_urls(&diagnostic).split_whitespace().map(without_secrets).collect();
    let words = if words.is_empty() { format!("status {status}") } else { words.join(" ") };
    Some(Bounce { message_id: message_id.to_owned(), recipients, action, status, words })
}

/// `rfc822; ana@school.example`, with or without what servers put around the address.
fn address(field: &str) -> Option<String> {
    let address = field.split_once(';').map_or(field, |(_, address)| address);
    usable(address).filter(|address| address.contains('@'))
}

/// `smtp; 550 5.1.1 …` without its type.
fn diagnostic(field: &str) -> String {
    let typed = field.split_once(';').filter(|(kind, _)| kind.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    typed.map_or(field, |(_, words)| words).trim().to_owned()
}

/// The enhanced code after an SMTP reply's number: `550 5.1.1 …`, `550-5.1.1 …`.
fn code_in(diagnostic: &str) -> Option<Status> {
    let (number, rest) = diagnostic.split_at_checked(3)?;
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let rest = rest.trim_start_matches([' ', '-', '#']);
    Status::at_start(rest).filter(|status| number.starts_with(&status.0.to_string()))
}
