//! One attempt path of an invitation or message to one device or mailbox, over one channel.

use serde::{Deserialize, Serialize};

use super::time::{Span, Timestamp};

/// What carries a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Mdm,
    Mail,
    Push,
    Webhook,
}

impl Channel {
    pub const ALL: [Self; 4] = [Self::Mdm, Self::Mail, Self::Push, Self::Webhook];

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Mdm => "mdm",
            Self::Mail => "mail",
            Self::Push => "push",
            Self::Webhook => "webhook",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.word() == word)
    }

    /// Whether the far side recognises a delivery that reaches it twice: MDM by its `CommandUUID`,
    /// APNs by the collapse id. Mail and webhooks have no such promise.
    #[must_use]
    pub fn knows_our_ids(self) -> bool {
        matches!(self, Self::Mdm | Self::Push)
    }
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeliveryState {
    /// Waits for the user's registration at Apple.
    Blocked,
    /// Due at its time.
    Pending,
    /// Being handed over now, or found so after a crash.
    Sending,
    /// The MDM server has the command; the device has not answered.
    Queued,
    /// The device answered NotNow and will come back.
    NotNow,
    /// The far side took it.
    Accepted,
    /// An attempt failed; due again at its time.
    Deferred,
    /// The far side will never take it.
    Rejected,
    /// Attempts or age ran out.
    Expired,
    /// Its reason went away before it left.
    Cancelled,
    /// It may or may not have arrived.
    Doubtful,
}

impl DeliveryState {
    pub const ALL: [Self; 11] = [
        Self::Blocked,
        Self::Pending,
        Self::Sending,
        Self::Queued,
        Self::NotNow,
        Self::Accepted,
        Self::Deferred,
        Self::Rejected,
        Self::Expired,
        Self::Cancelled,
        Self::Doubtful,
    ];

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Queued => "queued",
            Self::NotNow => "notnow",
            Self::Accepted => "accepted",
            Self::Deferred => "deferred",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Doubtful => "doubtful",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }

    /// Whether nothing more happens to it by itself.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Accepted | Self::Rejected | Self::Expired | Self::Cancelled | Self::Doubtful)
    }
}

/// Which message of an invitation's life a delivery carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The invitation itself.
    Invite,
    /// The n-th reminder, from 1.
    Remind(u16),
    /// A message that has nothing to do with an invitation.
    Message,
}

impl Step {
    /// The word in the store and in keys: `invite`, `remind-2`, `message`.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Invite => "invite".to_owned(),
            Self::Remind(n) => format!("remind-{n}"),
            Self::Message => "message".to_owned(),
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "invite" => Some(Self::Invite),
            "message" => Some(Self::Message),
            other => other.strip_prefix("remind-")?.parse().ok().map(Self::Remind),
        }
    }
}

/// How often and how long a delivery is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    pub attempts_max: u32,
    pub age_max: Span,
}

impl Default for Patience {
    /// Five days is what mail servers give up after (RFC 5321 4.5.4.1: "at least 4-5 days").
    fn default() -> Self {
        Self { attempts_max: 40, age_max: Span::days(5) }
    }
}

impl Patience {
    /// When to try again after the `attempts`-th attempt failed at `now`, or `None` when it is over.
    ///
    /// One minute, doubling up to four hours, each shifted by up to a quarter either way so that a
    /// thousand deferred mails don't come back in one second; `jitter` is any number, the same
    /// number gives the same time. What the far side asked for wins where it is later.
    #[must_use]
    pub fn next_try(
        &self,
        now: Timestamp,
        first: Timestamp,
        attempts: u32,
        asked: Option<Span>,
        jitter: u64,
    ) -> Option<Timestamp> {
        if attempts >= self.attempts_max || now - first >= self.age_max {
            return None;
        }
        let base_ms = 60_000_i64.saturating_mul(1 << attempts.saturating_sub(1).min(8)).min(4 * 3_600_000);
        let spread = base_ms / 2;
        let shifted = base_ms - base_ms / 4 + i64::try_from(jitter % u64::try_from(spread).unwrap_or(1)).unwrap_or(0);
        let wait = Span::milliseconds(shifted).max(asked.unwrap_or_else(Span::zero));
        Some(now + wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_millis;

    #[test]
    fn words_go_both_ways() {
        for state in DeliveryState::ALL {
            assert_eq!(DeliveryState::from_word(state.word()), Some(state));
        }
        for step in [Step::Invite, Step::Remind(2), Step::Message] {
            assert_eq!(Step::from_word(&step.word()), Some(step));
        }
    }

    #[test]
    fn back_off_grows_ends_and_respects_the_far_side() {
        let patience = Patience::default();
        let first = from_millis(0);
        let wait = |attempts, asked| patience.next_try(first, first, attempts, asked, 7).map(|t| (t - first).num_seconds());
        assert!((45..75).contains(&wait(1, None).unwrap()));
        assert!((90..150).contains(&wait(2, None).unwrap()));
        assert!(wait(30, None).unwrap() <= 5 * 3600);
        assert_eq!(wait(1, Some(Span::minutes(20))), Some(1200));
        assert_eq!(wait(40, None), None);
        assert_eq!(patience.next_try(first + Span::days(5), first, 2, None, 7), None);
    }
}
