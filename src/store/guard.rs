//! The guard that each delivery must pass just before it leaves: is its reason still there, and is it allowed now?

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::Transaction;

use super::calling_off;
use super::claimed::{Claimed, DepartureRules};
use super::contacts::{self, Message};
use super::grounds::Kept;
use super::roster_view::{ENABLED_GROUPS, INSIDE};
use super::siblings::{self, Siblings};
use crate::domain::delivery::{Channel, Step};
use crate::domain::departure::About;
use crate::domain::ids::UserId;
use crate::domain::reminder::ReminderPolicy;
use crate::domain::time::Timestamp;

/// What the guard says about a due delivery.
pub(super) enum Verdict {
    Go,
    Cancel(String),
    /// `since`: when it could have left first.
    Wait {
        until: Timestamp,
        since: Timestamp,
        words: String,
    },
}

/// What only the guard needs to know.
pub(super) struct Facts {
    pub enabled: bool,
    /// Managed distribution is enabled for the user, whatever their groups say.
    pub distribution: bool,
    pub status: String,
    pub timezone: Option<String>,
    pub mail_dead: bool,
    pub invitation_state: Option<String>,
    pub wants_user: bool,
    pub roster_user: bool,
    pub message: i64,
    pub policy: Option<String>,
    /// The group that the plan was made for, by name and by row.
    pub audience: Option<String>,
    pub group: Option<i64>,
    /// What is asked of the person again beside the group.
    pub grounds: Option<String>,
    pub due: Timestamp,
    pub waits_since: Option<Timestamp>,
}

/// What a turn has read once for all its deliveries.
#[derive(Default)]
pub(super) struct Known {
    /// The groups in which managed distribution is enabled.
    enabled: Option<HashSet<i64>>,
    /// Groups with all that is nested in them.
    inside: HashMap<i64, HashSet<i64>>,
    policies: HashMap<i64, Option<Arc<ReminderPolicy>>>,
    grounds: HashMap<i64, Option<Arc<Kept>>>,
    /// Reminders that became one with a later one in this turn, and may have been loaded already.
    pub merged: HashSet<i64>,
}

pub(super) fn guard(
    tx: &Transaction<'_>,
    claimed: &Claimed,
    facts: &Facts,
    rules: &DepartureRules,
    now: Timestamp,
    known: &mut Known,
) -> rusqlite::Result<Verdict> {
    let cancel = |words: &str| Ok(Verdict::Cancel(words.to_owned()));
    if facts.wants_user && !facts.roster_user {
        return cancel(calling_off::HAS_LEFT);
    }
    if facts.roster_user && !facts.enabled {
        return cancel(calling_off::DISABLED);
    }
    if let Some(state) = &facts.invitation_state {
        match state.as_str() {
            "accepted" => return cancel("accepted in the meantime"),
            "withdrawn" => return cancel("the invitation was withdrawn"),
            "expired" => return cancel("the invitation has expired"),
            "failed" | "declined" => return cancel("the invitation has ended"),
            _ => {}
        }
        if facts.status == "enrolled" {
            return cancel("enrolled in the meantime");
        }
        if let Some(user) = &claimed.user
            && !facts.distribution
            && !known.is_enabled(tx, user.id)?
        {
            return cancel("managed distribution was disabled for this person in the meantime");
        }
    }
    match claimed.channel {
        Channel::Mail if claimed.address.is_none() => return cancel("there is no mail address any more"),
        Channel::Mail if facts.mail_dead => return cancel("the mail address refuses mail"),
        Channel::Mdm => match &claimed.device {
            None => return cancel("the device has left the roster"),
            Some(device) if device.user != claimed.user.as_ref().map(|u| u.id) => {
                return cancel("the device is assigned to somebody else now");
            }
            Some(device) => {
                if let Err(why) = device.mdm_target() {
                    return Ok(Verdict::Cancel(format!("the device can't be invited: {why}")));
                }
            }
        },
        Channel::Push if claimed.app_token.is_none() => return cancel("there is no app token for this device any more"),
        _ => {}
    }
    let Some(user) = claimed.user.as_ref().filter(|_| facts.wants_user) else { return Ok(Verdict::Go) };
    if let Some(audience) = &facts.audience
        && !known.is_within(tx, facts.group, user.id)?
    {
        return Ok(Verdict::Cancel(calling_off::left_group(audience)));
    }
    if let Some(grounds) = known.grounds(facts)
        && let Some(words) = grounds.broken(tx, user.id, &mut |group| known.is_within(tx, Some(group), user.id))?
    {
        return Ok(Verdict::Cancel(words));
    }
    let policy = known.policy(facts);
    let siblings = match (claimed.step, &claimed.invitation) {
        (Step::Remind(number), Some(invitation)) => siblings::of(tx, invitation.id, (claimed.run, number), now)?,
        _ => Siblings::default(),
    };
    if let Some(words) = siblings.makes_void(policy.as_deref()) {
        return Ok(Verdict::Cancel(words));
    }
    for earlier in &siblings.merge {
        calling_off::one(tx, (*earlier, claimed.run, Some(user.id)), &siblings.merged_words(claimed), now)?;
        known.merged.insert(*earlier);
    }
    departs(tx, user.id, claimed, facts, rules, now, (policy.as_deref(), &siblings))
}

/// Whether the rules of the site and of the reminder let it leave now.
fn departs(
    tx: &Transaction<'_>,
    user: UserId,
    claimed: &Claimed,
    facts: &Facts,
    rules: &DepartureRules,
    now: Timestamp,
    (policy, siblings): (Option<&ReminderPolicy>, &Siblings),
) -> rusqlite::Result<Verdict> {
    let departure = &rules.departure;
    // Another device of a reminder that has gone out is no further one.
    let policy = policy.filter(|_| claimed.step != Step::Invite && !siblings.gone);
    if !departure.puts_off() && policy.is_none() {
        return Ok(Verdict::Go);
    }
    let since = [facts.waits_since, siblings.waits_since, Some(facts.due)].into_iter().flatten().min().unwrap_or(facts.due);
    let contacts = if departure.budget.is_set() {
        let message = Message { delivery: claimed.id, message: facts.message, step: claimed.step, since };
        contacts::of(tx, user, &message, now)?
    } else {
        None
    };
    let about =
        About { zone: departure.zone_of(facts.timezone.as_deref()), contacts: contacts.as_deref(), policy, last: siblings.last };
    let allowed = departure.first_allowed(now, &about);
    if allowed.at > now {
        return Ok(Verdict::Wait { until: allowed.at, since, words: allowed.words() });
    }
    Ok(Verdict::Go)
}

impl Known {
    /// Whether the user is in a group in which managed distribution is enabled, or in one nested in such a group.
    fn is_enabled(&mut self, tx: &Transaction<'_>, user: UserId) -> rusqlite::Result<bool> {
        let enabled = match &mut self.enabled {
            Some(known) => known,
            None => {
                let read = tx.prepare_cached(ENABLED_GROUPS)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
                self.enabled.insert(read)
            }
        };
        is_in_one_of(tx, user, enabled)
    }

    /// Whether the user is in the group, or in one nested in it. A group that is gone has nobody.
    fn is_within(&mut self, tx: &Transaction<'_>, group: Option<i64>, user: UserId) -> rusqlite::Result<bool> {
        let Some(group) = group else { return Ok(false) };
        let inside = match self.inside.entry(group) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let sql = format!("{INSIDE} SELECT id FROM inside");
                let read = tx.prepare_cached(&sql)?.query_map([group], |row| row.get(0))?.collect::<Result<_, _>>()?;
                unknown.insert(read)
            }
        };
        is_in_one_of(tx, user, inside)
    }

    fn grounds(&mut self, facts: &Facts) -> Option<Arc<Kept>> {
        let text = facts.grounds.as_ref()?;
        self.grounds.entry(facts.message).or_insert_with(|| Kept::read(text)).clone()
    }

    fn policy(&mut self, facts: &Facts) -> Option<Arc<ReminderPolicy>> {
        let text = facts.policy.as_ref()?;
        // Written by us; a text that can't be read any more has no rules, and the reminder is not lost.
        let read = || serde_json::from_str(text).ok().map(Arc::new);
        self.policies.entry(facts.message).or_insert_with(read).clone()
    }
}

fn is_in_one_of(tx: &Transaction<'_>, user: UserId, wanted: &HashSet<i64>) -> rusqlite::Result<bool> {
    let mut groups = tx.prepare_cached("SELECT group_id FROM group_users WHERE user_id = ?1")?;
    let mut rows = groups.query([user.0])?;
    while let Some(row) = rows.next()? {
        if wanted.contains(&row.get(0)?) {
            return Ok(true);
        }
    }
    Ok(false)
}
