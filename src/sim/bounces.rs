//! The mailbox into which mail servers report: a letter that was taken comes back later.

use std::collections::BTreeMap;

/// Reports that wait to be read, in the order they came.
#[derive(Default)]
pub struct BounceMailbox {
    letters: BTreeMap<String, Vec<u8>>,
    count: u32,
    /// Reading fails with these words.
    pub broken: Option<String>,
}

impl BounceMailbox {
    /// Any mail arrives.
    pub fn arrive(&mut self, message: impl Into<Vec<u8>>) {
        self.count += 1;
        self.letters.insert(format!("new/{:06}", self.count), message.into());
    }

    /// A server reports about the letter with this `Message-ID`, as RFC 3464 has it.
    pub fn report(&mut self, message_id: &str, recipient: &str, action: &str, status: &str, words: &str) {
        self.arrive(report(message_id, recipient, action, status, words));
    }

    pub(super) fn letters(&self, most: usize) -> Result<Vec<(String, Vec<u8>)>, String> {
        match &self.broken {
            Some(words) => Err(words.clone()),
            None => Ok(self.letters.iter().take(most).map(|(name, bytes)| (name.clone(), bytes.clone())).collect()),
        }
    }

    pub(super) fn done(&mut self, name: &str) {
        self.letters.remove(name);
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.letters.len()
    }
}

/// A report as Postfix writes it, without its prose.
#[must_use]
pub fn report(message_id: &str, recipient: &str, action: &str, status: &str, words: &str) -> String {
    format!(
        "From: MAILER-DAEMON@relay.example (Mail Delivery System)\r\nSubject: Undelivered Mail Returned to Sender\r\n\
         To: bounces@sunnyside.example\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"3F1B01A1.1/relay.example\"\r\n\r\n\
         --3F1B01A1.1/relay.example\r\nContent-Type: text/plain\r\n\r\nI'm sorry.\r\n\r\n\
         --3F1B01A1.1/relay.example\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; relay.example\r\n\r\n\
         Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; {words}\r\n\r\n\
         --3F1B01A1.1/relay.example\r\nContent-Type: text/rfc822-headers\r\n\r\n\
         Message-ID: <{message_id}>\r\nSubject: Your apps\r\n\r\n--3F1B01A1.1/relay.example--\r\n"
    )
}
