//! What mail servers report later about a letter that one of them had taken (RFC 3464), and what it means.

use std::fmt;

/// What a report says of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// Of the letter that it is about, without angle brackets.
    pub message_id: String,
    /// The mailbox as the reporting server knows it, and as the sender wrote it where the report has that.
    pub recipients: Vec<String>,
    pub action: Action,
    pub status: Status,
    /// The last server's own words: one line, without links.
    pub words: String,
}

/// What became of the letter (RFC 3464 2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Failed,
    /// The server goes on trying.
    Delayed,
    /// Delivered, relayed, expanded: nothing is wrong.
    Fine,
}

impl Action {
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "failed" => Self::Failed,
            "delayed" => Self::Delayed,
            "delivered" | "relayed" | "expanded" => Self::Fine,
            _ => return None,
        })
    }

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Fine => "fine",
        }
    }
}

/// An enhanced status code (RFC 3463): class, subject, detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u16, pub u16, pub u16);

impl Status {
    /// `5.1.1`, at the beginning of a text; what follows it doesn't matter.
    #[must_use]
    pub fn at_start(text: &str) -> Option<Self> {
        let code = text.split_whitespace().next()?.trim_end_matches([',', ';', ':', ')']);
        let mut numbers = code.split('.').map(|part| {
            let digits = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            if digits { part.parse::<u16>().ok() } else { None }
        });
        let status = Self(numbers.next()??, numbers.next()??, numbers.next()??);
        (numbers.next().is_none() && matches!(status.0, 2 | 4 | 5)).then_some(status)
    }

    /// Whether it says no more than that something went wrong: servers that know no better write 5.0.0.
    #[must_use]
    pub fn is_vague(self) -> bool {
        self.1 == 0 && self.2 == 0
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// What a report means for the letter and for its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The letter did not arrive, and no other one would.
    AddressDead,
    /// The letter did not arrive; another one may.
    LetterLost,
    /// Nothing has ended.
    Nothing,
}

impl Bounce {
    /// Judges by the status code; a text is never read for its meaning.
    ///
    /// An address is dead where the code says that it isn't one, or not any more: no such mailbox (5.1.1), no
    /// such system (5.1.2), no valid address (5.1.3), moved away (5.1.6), a domain that takes no mail (5.1.10),
    /// a mailbox that is switched off (5.2.1). Full mailboxes (5.2.2), sizes, routes, networks, content and
    /// policy (5.7.x) end this letter only. A server that has given up after days of trying says `failed` with
    /// a code of class 4: the letter is lost, too.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        match (self.action, self.status) {
            (Action::Delayed | Action::Fine, _) | (Action::Failed, Status(2, ..)) => Meaning::Nothing,
            (Action::Failed, Status(5, 1, 1 | 2 | 3 | 6 | 10) | Status(5, 2, 1)) => Meaning::AddressDead,
            (Action::Failed, _) => Meaning::LetterLost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_meaning() {
        let meaning = |action, code| {
            let status = Status::at_start(code).unwrap();
            let bounce = Bounce { message_id: String::new(), recipients: vec![], action, status, words: String::new() };
            bounce.meaning()
        };
        for dead in ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"] {
            assert_eq!(meaning(Action::Failed, dead), Meaning::AddressDead, "{dead}");
            assert_eq!(meaning(Action::Delayed, dead), Meaning::Nothing, "{dead}");
        }
        for lost in [
            "5.0.0", "5.1.0", "5.1.7", "5.1.8", "5.2.2", "5.2.3", "5.3.4", "5.4.1", "5.4.4", "5.6.1", "5.7.1", "5.7.26", "4.4.1",
            "4.4.7",
        ] {
            assert_eq!(meaning(Action::Failed, lost), Meaning::LetterLost, "{lost}");
        }
        assert_eq!(meaning(Action::Failed, "2.0.0"), Meaning::Nothing);
        assert_eq!(meaning(Action::Fine, "2.1.5"), Meaning::Nothing);
        assert_eq!(meaning(Action::Delayed, "4.4.1"), Meaning::Nothing);
    }

    #[test]
    fn codes_are_read_strictly() {
        assert_eq!(Status::at_start("5.1.1 (bad destination mailbox address)"), Some(Status(5, 1, 1)));
        assert_eq!(Status::at_start("5.7.26: no"), Some(Status(5, 7, 26)));
        for bad in ["", "5", "5.1", "5.1.1.1", "3.1.1", "9.1.1", "5.1.1234", "5.+1.1", "550 5.1.1", "5..1", "x5.1.1"] {
            assert_eq!(Status::at_start(bad), None, "{bad}");
        }
    }
}
