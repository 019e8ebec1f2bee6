//! A mail server that takes everything, but for the mailboxes that are told to behave badly.

use std::collections::HashMap;

use super::faults::MailFaults;
use super::letter;
use super::seed::Seed;
use crate::domain::time::Timestamp;

/// How one mailbox treats mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MailboxConduct {
    #[default]
    Accepts,
    /// The next `times` recipients are answered 451.
    Greylists { times: u32 },
    /// Every recipient is answered with this 5xx reply.
    Refuses { code: u16, text: String },
    /// The next `times` messages lose their line in the middle of the data.
    DropsInData { times: u32 },
    /// The next `times` messages are taken, and the line drops before the answer.
    DropsAfterDot { times: u32 },
    /// The next `times` recipients are answered 421, and the connection is closed.
    Busy { times: u32 },
}

impl MailboxConduct {
    /// The usual refusal of a mailbox that doesn't exist.
    #[must_use]
    pub fn no_such_user() -> Self {
        Self::Refuses { code: 550, text: "5.1.1 No such user here".to_owned() }
    }
}

/// A reply line. 421 closes the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    pub text: String,
}

impl Reply {
    #[must_use]
    pub fn new(code: u16, text: &str) -> Self {
        Self { code, text: text.to_owned() }
    }

    /// As a client quotes it.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} {}", self.code, self.text)
    }
}

/// A whole message as it arrived, and what its reader sees in it. Reading takes a while: do it before
/// locking a world.
pub struct ArrivedMail {
    from: String,
    pub(super) to: Vec<String>,
    raw: Vec<u8>,
    message_id: String,
    pub(super) invite_codes: Vec<String>,
}

impl ArrivedMail {
    #[must_use]
    pub fn read(from: &str, to: Vec<String>, raw: Vec<u8>) -> Self {
        let message_id = letter::header(&raw, "message-id").unwrap_or_default();
        Self {
            from: from.to_owned(),
            to,
            message_id: message_id.trim().trim_matches(['<', '>']).to_owned(),
            invite_codes: letter::invite_codes(&letter::decoded(&raw)),
            raw,
        }
    }

    /// A message in which nothing is encoded: its reader sees it as it stands.
    #[must_use]
    pub fn plain(from: &str, to: Vec<String>, message_id: &str, raw: String) -> Self {
        let (message_id, invite_codes) = (message_id.to_owned(), letter::invite_codes(&raw));
        Self { from: from.to_owned(), to, message_id, invite_codes, raw: raw.into_bytes() }
    }
}

/// What becomes of a message whose recipients were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFate {
    Taken,
    DropsInData,
    DropsAfterDot,
}

/// A message that was taken. It may hold an invitation link: `Debug` shows where it went only.
#[derive(Clone)]
pub struct StoredMail {
    pub at: Timestamp,
    pub from: String,
    pub to: Vec<String>,
    /// Without angle brackets; empty where there was none.
    pub message_id: String,
    pub size: usize,
    /// The whole message with its headers; empty where bodies aren't kept.
    pub raw: Vec<u8>,
}

impl std::fmt::Debug for StoredMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredMail").field("to", &self.to).field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

impl StoredMail {
    /// A header's value, unfolded, as it went over the line.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        letter::header(&self.raw, name)
    }

    /// The message with quoted-printable and Base64 undone: for looking for words in it.
    #[must_use]
    pub fn decoded(&self) -> String {
        letter::decoded(&self.raw)
    }
}

/// The mail server.
pub struct Mailboxes {
    pub faults: MailFaults,
    /// Whether messages are kept whole; their envelopes always are.
    pub keep_bodies: bool,
    /// Recipients outside these domains are answered 550 5.7.1; empty for "everybody is welcome".
    pub domains: Vec<String>,
    conduct: HashMap<String, MailboxConduct>,
    /// For mailboxes of which nothing is said.
    pub default_conduct: MailboxConduct,
    stored: Vec<StoredMail>,
    seed: u64,
}

impl Mailboxes {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            faults: MailFaults::default(),
            keep_bodies: true,
            domains: Vec::new(),
            conduct: HashMap::new(),
            default_conduct: MailboxConduct::Accepts,
            stored: Vec::new(),
            seed,
        }
    }

    /// From now on the mailbox behaves like that; its address in any case.
    pub fn behave(&mut self, address: &str, conduct: MailboxConduct) {
        self.conduct.insert(address.to_lowercase(), conduct);
    }

    /// `RCPT TO`.
    pub fn recipient(&mut self, address: &str) -> Reply {
        let folded = address.to_lowercase();
        let domain = folded.rsplit_once('@').map_or("", |(_, domain)| domain);
        if !self.domains.is_empty() && !self.domains.iter().any(|d| d.eq_ignore_ascii_case(domain)) {
            return Reply::new(550, "5.7.1 Relaying denied");
        }
        let fine = Reply::new(250, "2.1.5 Ok");
        match self.conduct_of(&folded) {
            Some(MailboxConduct::Greylists { times }) if *times > 0 => {
                *times -= 1;
                Reply::new(451, "4.7.1 Greylisted, please try again")
            }
            Some(MailboxConduct::Busy { times }) if *times > 0 => {
                *times -= 1;
                Reply::new(421, "4.3.2 Too busy, try again later")
            }
            Some(MailboxConduct::Refuses { code, text }) => Reply::new(*code, &text.clone()),
            _ => fine,
        }
    }

    /// What will become of the data of a message to these recipients; counts down their faults.
    pub fn data_fate(&mut self, recipients: &[String]) -> DataFate {
        for address in recipients {
            match self.conduct_of(&address.to_lowercase()) {
                Some(MailboxConduct::DropsInData { times }) if *times > 0 => {
                    *times -= 1;
                    return DataFate::DropsInData;
                }
                Some(MailboxConduct::DropsAfterDot { times }) if *times > 0 => {
                    *times -= 1;
                    return DataFate::DropsAfterDot;
                }
                _ => {}
            }
        }
        DataFate::Taken
    }

    /// The behaviour of one mailbox, with a counter of its own where it counts anything.
    fn conduct_of(&mut self, folded: &str) -> Option<&mut MailboxConduct> {
        if !self.conduct.contains_key(folded) {
            if self.default_conduct == MailboxConduct::Accepts {
                return None;
            }
            self.conduct.insert(folded.to_owned(), self.default_conduct.clone());
        }
        self.conduct.get_mut(folded)
    }

    /// Keeps a message and gives the answer to its final dot.
    pub(super) fn store(&mut self, now: Timestamp, mail: ArrivedMail) -> Reply {
        let number = self.stored.len().to_string();
        let queue_id = Seed::named(self.seed, &["queue id", &number]).hex(5).to_uppercase();
        self.stored.push(StoredMail {
            at: now,
            from: mail.from,
            to: mail.to,
            message_id: mail.message_id,
            size: mail.raw.len(),
            raw: if self.keep_bodies { mail.raw } else { Vec::new() },
        });
        Reply::new(250, &format!("2.0.0 Ok: queued as {queue_id}"))
    }

    /// Everything that was taken, in order.
    #[must_use]
    pub fn stored(&self) -> &[StoredMail] {
        &self.stored
    }

    /// The messages to one address, whatever its case.
    #[must_use]
    pub fn to(&self, address: &str) -> Vec<&StoredMail> {
        self.stored.iter().filter(|m| m.to.iter().any(|to| to.to_lowercase() == address.to_lowercase())).collect()
    }

    /// Message-IDs that were taken more than once, with their counts.
    #[must_use]
    pub fn duplicates(&self) -> Vec<(String, usize)> {
        let mut counts: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
        for mail in &self.stored {
            *counts.entry(&mail.message_id).or_default() += 1;
        }
        counts.into_iter().filter(|(_, n)| *n > 1).map(|(id, n)| (id.to_owned(), n)).collect()
    }

    /// Forgets what was taken, for a bench that wants to begin anew.
    pub fn clear(&mut self) {
        self.stored.clear();
    }
}
