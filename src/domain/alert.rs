//! What the people who look after a site have to know although nobody asked: kinds of trouble, and the letter.

use super::time::{Span, Timestamp, show};
use chrono_tz::Tz;

/// What is wrong. Together with what it is about it names an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlertKind {
    /// A schedule's moment has passed and nothing happened.
    NothingFired,
    /// Deliveries are due, their channel works, and none leaves.
    NothingLeaves,
    /// A schedule that used to choose people chose nobody.
    NobodyChosen,
    /// A schedule's script ended with an error.
    ScheduleFailed,
    /// A run is over a limit and waits for a person.
    RunHeld,
    /// A changed file of the site is broken: the version before it goes on.
    BrokenReload,
    /// A channel, or Apple, could not be used for a while.
    ChannelDown,
    /// A token or certificate ends soon.
    Expiring,
    /// A part of `beckon serve` itself fails again and again.
    ChoreFailed,
}

impl AlertKind {
    pub const ALL: [Self; 9] = [
        Self::NothingFired,
        Self::NothingLeaves,
        Self::NobodyChosen,
        Self::ScheduleFailed,
        Self::RunHeld,
        Self::BrokenReload,
        Self::ChannelDown,
        Self::Expiring,
        Self::ChoreFailed,
    ];

    /// The word in the store, in logs and in metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NothingFired => "nothing-fired",
            Self::NothingLeaves => "nothing-leaves",
            Self::NobodyChosen => "nobody-chosen",
            Self::ScheduleFailed => "schedule-failed",
            Self::RunHeld => "run-held",
            Self::BrokenReload => "broken-reload",
            Self::ChannelDown => "channel-down",
            Self::Expiring => "expiring",
            Self::ChoreFailed => "chore-failed",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// How long after it was told an alert that still holds is told again; `None` when once is enough.
    #[must_use]
    pub fn told_again_after(self) -> Option<Span> {
        match self {
            // The next threshold is an alert of its own, and a held run doesn't become worse.
            Self::Expiring | Self::RunHeld => None,
            _ => Some(Span::days(1)),
        }
    }
}

/// Something that is wrong, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub kind: AlertKind,
    /// A channel, a schedule, a run, a file.
    pub subject: String,
    /// Sentences for a person, without secrets: what happened, and what to do about it.
    pub words: String,
    pub raised_at: Timestamp,
}

/// The subject line and the text of the letter about these alerts, of which there is at least one.
#[must_use]
pub fn letter(alerts: &[Alert], site: &str, zone: Tz) -> (String, String) {
    let subject = match alerts {
        [one] => format!("beckon: {}: {}", site, one.subject),
        more => format!("beckon: {}: {} alerts", site, more.len()),
    };
    let told = alerts.iter().map(|alert| format!("{} (since {})\n{}", alert.subject, show(alert.raised_at, zone), alert.words));
    (subject, told.collect::<Vec<_>>().join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_millis;

    #[test]
    fn words_go_both_ways() {
        for kind in AlertKind::ALL {
            assert_eq!(AlertKind::from_word(kind.word()), Some(kind));
        }
    }

    #[test]
    fn a_letter_names_each_alert_once_with_its_time_in_the_sites_zone() {
        let alert = |kind, subject: &str, words: &str| Alert {
            kind,
            subject: subject.to_owned(),
            words: words.to_owned(),
            raised_at: from_millis(1_796_111_100_000),
        };
        let mail = alert(AlertKind::ChannelDown, "mail", "the relay refuses the login: check mail.password");
        let (subject, text) = letter(std::slice::from_ref(&mail), "Sunnyside School", chrono_tz::Europe::Amsterdam);
        assert_eq!(subject, "beckon: Sunnyside School: mail");
        assert_eq!(text, "mail (since 2026-12-01 08:45)\nthe relay refuses the login: check mail.password");
        let held = alert(AlertKind::RunHeld, "run 17", "it would invite 900 people");
        let (subject, text) = letter(&[mail, held], "Sunnyside School", chrono_tz::UTC);
        assert_eq!(subject, "beckon: Sunnyside School: 2 alerts");
        assert!(text.contains("mail (since 2026-12-01 07:45)") && text.contains("\n\nrun 17 (since"), "{text}");
    }
}
