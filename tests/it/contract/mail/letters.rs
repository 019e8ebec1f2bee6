//! The letters that the promises are tried with, and reading them again where they arrived.

use beckon::domain::mail_address::MailAddress;
use beckon::domain::outcome::{Handed, Outcome};
use beckon::domain::time::{Timestamp, from_millis};
use beckon::ports::mail::{Letter, Sender};
use beckon::sim::letter as reading;

/// Mailboxes that every world has, and how it treats them.
pub mod mailbox {
    pub const ANA: &str = "ana@sunnyside.example";
    pub const BO: &str = "bo@sunnyside.example";
    /// Doesn't exist: 550 5.1.1.
    pub const NOBODY: &str = "nobody@sunnyside.example";
    /// Takes no mail from us: 554 5.7.1.
    pub const CLOSED: &str = "closed@sunnyside.example";
    /// Takes a letter when it comes a second time: 450 4.7.1 at first.
    pub const GREY: &str = "grey@sunnyside.example";
    /// Where reports about mail go that did not arrive.
    pub const BOUNCES: &str = "bounces@sunnyside.example";
    /// `pupil0` to `pupil39` take everything.
    pub const PUPILS: usize = 40;

    pub fn pupil(n: usize) -> String {
        format!("pupil{n}@sunnyside.example")
    }
}

/// 1 December 2026, eight in the morning in Amsterdam.
pub fn morning() -> Timestamp {
    from_millis(1_796_108_400_000)
}

pub fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap()
}

/// The letter of delivery `number`.
pub fn letter(to: &str, number: usize) -> Letter {
    Letter {
        from: Sender { name: "IT Sunnyside".into(), address: address("it@sunnyside.example") },
        to: address(to),
        to_name: "Ana Pires".to_owned(),
        subject: "Your apps are ready".to_owned(),
        text: format!("Hello Ana, this is letter {number}."),
        html: Some(format!("<p>Hello Ana, this is <b>letter {number}</b>.</p>")),
        message_id: message_id(number),
        date: morning(),
        language: "nl".to_owned(),
    }
}

pub fn message_id(number: usize) -> String {
    format!("17.{number}.beckon@sunnyside.example")
}

/// The outcome's word and the far side's own words.
pub fn told(handed: Handed) -> (&'static str, String) {
    match handed {
        Ok(Outcome::Accepted { words }) => ("accepted", words),
        Ok(Outcome::Deferred { words, .. }) => ("deferred", words),
        Ok(Outcome::Rejected { words, .. }) => ("rejected", words),
        Ok(Outcome::Doubtful { words }) => ("doubtful", words),
        Err(down) => ("down", down.what),
    }
}

/// A message as it lies in a mailbox.
pub struct Arrived(pub Vec<u8>);

impl Arrived {
    /// The first header of that name, unfolded.
    pub fn header(&self, name: &str) -> String {
        reading::header(&self.0, name).unwrap_or_default()
    }

    /// How many headers have that name.
    pub fn count(&self, name: &str) -> usize {
        let text = String::from_utf8_lossy(&self.0).replace("\r\n", "\n");
        let head = text.split("\n\n").next().unwrap_or_default();
        let begins = |line: &&str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        head.lines().filter(begins).count()
    }

    /// With every part's encoding undone and lines ended by LF.
    pub fn words(&self) -> String {
        reading::decoded(&self.0).replace("\r\n", "\n")
    }

    pub fn message_id(&self) -> String {
        self.header("Message-ID").trim_matches(['<', '>']).to_owned()
    }
}
