//! A multipart body cut at its boundary (RFC 2046 5.1.1), each part with what its own header says.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{MessageParser, MimeHeaders as _};

/// A report has three parts.
const PARTS_MAX: usize = 20;

/// One part, its body as it was sent.
pub(super) struct Part<'a> {
    kind: String,
    subtype: String,
    encoding: String,
    body: &'a [u8],
}

impl Part<'_> {
    pub fn is(&self, kind: &str, subtypes: &[&str]) -> bool {
        self.kind == kind && subtypes.contains(&self.subtype.as_str())
    }

    /// The body without its transfer encoding; one that can't be decoded is taken as it is.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        let decoded = match self.encoding.as_str() {
            "base64" => base64_decode(self.body),
            "quoted-printable" => quoted_printable_decode(self.body),
            _ => None,
        };
        decoded.map_or(Cow::Borrowed(self.body), Cow::Owned)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}

/// The parts, in their order. What isn't closed ends with the message.
pub(super) fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    let mut start = None;
    let mut at = 0;
    for line in body.split_inclusive(|b| *b == b'\n') {
        let after = line.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary.as_bytes())).map(<[u8]>::trim_ascii);
        if let Some(after) = after.filter(|after| after.is_empty() || *after == b"--") {
            if let Some(part) = start.and_then(|from| body.get(from..at)) {
                parts.push(read(part));
            }
            start = after.is_empty().then_some(at + line.len());
            if start.is_none() || parts.len() >= PARTS_MAX {
                return parts;
            }
        }
        at += line.len();
    }
    if let Some(part) = start.and_then(|from| body.get(from..)) {
        parts.push(read(part));
    }
    parts
}

/// A message's header and its body: what stands before and after the first empty line.
pub(super) fn head_and_body(message: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    for line in message.split_inclusive(|b| *b == b'\n') {
        if matches!(line, b"\n" | b"\r\n") {
            let (head, rest) = message.split_at(at);
            return (head, rest.get(line.len()..).unwrap_or_default());
        }
        at += line.len();
    }
    (message, &[])
}

fn read(part: &[u8]) -> Part<'_> {
    let (head, body) = head_and_body(part);
    let plain = || Part { kind: "text".to_owned(), subtype: "plain".to_owned(), encoding: String::new(), body };
    let Some(head) = MessageParser::new().parse_headers(head) else { return plain() };
    let Some(kind) = head.content_type() else { return plain() };
    Part {
        kind: kind.ctype().to_ascii_lowercase(),
        subtype: kind.subtype().unwrap_or_default().to_ascii_lowercase(),
        encoding: head.content_transfer_encoding().unwrap_or_default().trim().to_ascii_lowercase(),
        body,
    }
}
