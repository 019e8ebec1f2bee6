//! A mail address that is safe to put into an envelope and a header.

use std::fmt;

/// An address of one mailbox: `local@domain`, both parts possibly in Unicode (RFC 6531).
///
/// Whoever holds one knows that it has exactly one separating `@`, no control characters, white
/// space, angle brackets, commas or quotes that could end a header or start a second recipient,
/// and lengths that SMTP allows (RFC 5321 4.5.3.1: 64 and 255 octets).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct MailAddress(String);

/// Why a text is not a mail address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    #[error("it is empty")]
    Empty,
    #[error("it has no @")]
    NoAt,
    #[error("the part before the @ is empty or longer than 64 bytes")]
    Local,
    #[error("the part after the @ is not a host name")]
    Domain,
    #[error("it holds the character {0:?}, which no mail address may")]
    Character(char),
}

impl<'de> serde::Deserialize<'de> for MailAddress {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

impl MailAddress {
    /// Takes a mailbox as a person writes it, without display name; surrounding white space is dropped.
    ///
    /// # Errors
    /// What is wrong with it, in words that can follow "because".
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NotAnAddress::Empty);
        }
        if let Some(bad) = text.chars().find(|c| forbidden(*c)) {
            return Err(NotAnAddress::Character(bad));
        }
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnAddress::NoAt)?;
        if local.contains('@') {
            return Err(NotAnAddress::Character('@'));
        }
        let dots_well_placed = |s: &str| !s.starts_with('.') && !s.ends_with('.') && !s.contains("..");
        if local.is_empty() || local.len() > 64 || !dots_well_placed(local) {
            return Err(NotAnAddress::Local);
        }
        let labels_fine = domain.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-' || !c.is_ascii())
        });
        if domain.len() > 255 || !labels_fine {
            return Err(NotAnAddress::Domain);
        }
        Ok(Self(text.to_owned()))
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the `@`, as written.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Whether the part before the `@` needs SMTPUTF8 at the server (RFC 6531).
    #[must_use]
    pub fn local_is_international(&self) -> bool {
        self.0.rsplit_once('@').is_some_and(|(local, _)| !local.is_ascii())
    }

    /// What two spellings of one mailbox share. The domain never minds case (RFC 1035), and no mail
    /// system in use gives two people boxes that differ only in case.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

/// Characters that could end a header, start another recipient, or hide in a display. Unicode's
/// direction controls are among them: they make one address look like another.
fn forbidden(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | ':' | '"' | '\\')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_ordinary_and_international_addresses() {
        for good in ["ana@sunnyside.example", " o'brien+x@a-b.example ", "jos\u{e9}@b\u{fc}cher.example"] {
            assert!(MailAddress::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn refuses_what_could_reach_a_header_or_a_second_person() {
        for bad in [
            "",
            "ana",
            "a@b@c",
            "ana@x.example\r\nBcc: all@x.example",
            "a b@x.example",
            "<a@x.example>",
            "a@x.example,b@x.example",
            "a..b@x.example",
            "a@-x.example",
            "a@x..example",
            "a@[127.0.0.1]",
            "a\u{202e}@x.example",
            "@x.example",
            "a@",
        ] {
            assert!(MailAddress::parse(bad).is_err(), "{bad:?}");
        }
    }
}
