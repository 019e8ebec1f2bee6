//! The other deliveries of a reminder's invitation: what it merges with, and what has gone out before it.

use std::collections::BTreeSet;

use rusqlite::Transaction;

use super::claimed::Claimed;
use crate::domain::delivery::{DeliveryState, Step};
use crate::domain::ids::RunId;
use crate::domain::reminder::ReminderPolicy;
use crate::domain::time::{Timestamp, from_millis};

/// Reminders in their order: those of a later run come after all of an earlier one.
type Place = (RunId, u16);

/// What a reminder has to know of the others of its invitation.
#[derive(Debug, Default)]
pub(super) struct Siblings {
    /// It has gone out on another way already.
    pub gone: bool,
    /// Earlier reminders that still wait: they become one with this one.
    pub merge: Vec<i64>,
    /// Since when the longest waiting of those could have left.
    pub waits_since: Option<Timestamp>,
    /// A later reminder is due as well: this one becomes one with it.
    later: Option<Place>,
    /// The invitation itself has not left yet.
    invitation_waits: bool,
    /// When the person got a message of the invitation.
    pub last: Option<Timestamp>,
    /// How many other reminders have gone out.
    others: usize,
    place: Option<Place>,
}

pub(super) fn of(tx: &Transaction<'_>, invitation: i64, place: Place, now: Timestamp) -> rusqlite::Result<Siblings> {
    let mut siblings = Siblings { place: Some(place), ..Siblings::default() };
    let mut invited = false;
    let mut reminded = BTreeSet::new();
    let mut query = tx
        .prepare_cached("SELECT id, run_id, step, state, due, handed_at, waits_since FROM deliveries WHERE invitation_id = ?1")?;
    let mut rows = query.query([invitation])?;
    while let Some(row) = rows.next()? {
        let state = DeliveryState::from_word(row.get_ref(3)?.as_str()?);
        let waits = matches!(state, Some(DeliveryState::Blocked | DeliveryState::Pending | DeliveryState::Deferred));
        let handed = row.get::<_, Option<i64>>(5)?.map(from_millis);
        match Step::from_word(row.get_ref(2)?.as_str()?) {
            Some(Step::Invite) => {
                let in_hand = state == Some(DeliveryState::Sending);
                invited |= handed.is_some() && !in_hand;
                siblings.invitation_waits |= waits || in_hand;
                siblings.last = siblings.last.max(handed);
            }
            Some(Step::Remind(number)) => {
                let other = (RunId(row.get(1)?), number);
                if other == place {
                    siblings.gone |= handed.is_some();
                } else if handed.is_some() {
                    reminded.insert(other);
                    siblings.last = siblings.last.max(handed);
                } else if waits {
                    let since = row.get::<_, Option<i64>>(6)?.map(from_millis);
                    let due = from_millis(row.get(4)?) <= now;
                    let held_up = due || since.is_some() || state == Some(DeliveryState::Deferred);
                    if other < place && held_up {
                        siblings.merge.push(row.get(0)?);
                        siblings.waits_since = [siblings.waits_since, since].into_iter().flatten().min();
                    } else if other > place && due {
                        siblings.later = siblings.later.max(Some(other));
                    }
                }
            }
            _ => {}
        }
    }
    siblings.invitation_waits &= !invited;
    siblings.others = reminded.len();
    Ok(siblings)
}

impl Siblings {
    /// Why the reminder is not needed any more, in words.
    pub fn makes_void(&self, policy: Option<&ReminderPolicy>) -> Option<String> {
        if self.gone {
            return None;
        }
        if self.invitation_waits {
            return Some("merged with the invitation, which has not left yet".to_owned());
        }
        if let Some(later) = self.later {
            return Some(self.words(later));
        }
        let most = policy.and_then(|policy| policy.most)?;
        let counted = crate::domain::invite_plan::counted(usize::from(most), "reminder");
        (self.others >= usize::from(most))
            .then(|| format!("{counted} of this invitation went out before, and its policy allows no more"))
    }

    /// What becomes of the earlier ones that `claimed` takes in.
    pub fn merged_words(&self, claimed: &Claimed) -> String {
        let number = if let Step::Remind(number) = claimed.step { number } else { 0 };
        format!(
            "merged with reminder {number}{}",
            if self.place.is_some_and(|p| p.0 == claimed.run) { String::new() } else { format!(" of run {}", claimed.run) }
        )
    }

    fn words(&self, (run, number): Place) -> String {
        let elsewhere = self.place.is_some_and(|(own, _)| own != run);
        format!("merged with reminder {number}{}", if elsewhere { format!(" of run {run}") } else { String::new() })
    }
}
