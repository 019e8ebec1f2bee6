//! What a mail server says it can do.

use lettre::transport::smtp::authentication::Mechanism;

use super::reply::Reply;

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
    pub fn read(reply: &Reply) -> Self {
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
