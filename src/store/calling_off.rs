//! Calling off what has not left: every delivery that ends so says why, and so does the journal.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::journal::{self, Entry};
use super::outcomes::end;
use super::roster_view::AROUND;
use crate::domain::ids::{RunId, UserId};
use crate::domain::time::Timestamp;

/// A delivery with its run and its person.
pub(super) type Waiting = (i64, RunId, Option<UserId>);

/// Calls one delivery off.
pub(super) fn one(tx: &Transaction<'_>, (id, run, user): Waiting, words: &str, now: Timestamp) -> rusqlite::Result<()> {
    end(tx, id, "cancelled", words, now)?;
    journal::append(tx, &Entry { at: now, kind: "cancelled", run: Some(run), user, delivery: Some(id), words })
}

/// Calls off everything of an invitation that has not left.
pub(super) fn of_invitation(tx: &Transaction<'_>, invitation: i64, words: &str, now: Timestamp) -> rusqlite::Result<()> {
    let waiting = tx
        .prepare_cached(
            "SELECT id, run_id, user_id FROM deliveries WHERE invitation_id = ?1 AND state IN ('blocked', 'pending', 'deferred')",
        )?
        .query_map([invitation], |row| Ok((row.get(0)?, RunId(row.get(1)?), row.get::<_, Option<i64>>(2)?.map(UserId))))?
        .collect::<rusqlite::Result<Vec<Waiting>>>()?;
    waiting.into_iter().try_for_each(|delivery| one(tx, delivery, words, now))
}

/// What waits for a person, and the group that it was for.
struct ForSomebody {
    delivery: i64,
    run: RunId,
    /// The group's name when the plan was made; `None` where no group chose the person.
    audience: Option<String>,
    /// `None` where there is no such group any more.
    group: Option<i64>,
}

fn of_user(tx: &Transaction<'_>, user: i64) -> rusqlite::Result<Vec<ForSomebody>> {
    tx.prepare_cached(
        "SELECT d.id, d.run_id, m.audience, m.group_id FROM deliveries d JOIN messages m ON m.id = d.message_id
         WHERE d.user_id = ?1 AND d.state IN ('blocked', 'pending', 'deferred')",
    )?
    .query_map([user], |row| {
        Ok(ForSomebody { delivery: row.get(0)?, run: RunId(row.get(1)?), audience: row.get(2)?, group: row.get(3)? })
    })?
    .collect()
}

/// The roster has changed: calls off what waits for these people where they have left, are disabled, or are
/// not in the group any more that it was for.
pub(super) fn after_roster_change(tx: &Transaction<'_>, people: &[i64], now: Timestamp) -> rusqlite::Result<()> {
    for person in people {
        let known: Option<(bool, bool)> = tx
            .prepare_cached("SELECT enabled, left_at IS NOT NULL FROM users WHERE id = ?1")?
            .query_row([person], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((enabled, left)) = known else { continue };
        let waiting = of_user(tx, *person)?;
        if waiting.is_empty() {
            continue;
        }
        for ForSomebody { delivery, run, audience, group } in waiting {
            let words = match audience {
                _ if left => HAS_LEFT.to_owned(),
                _ if !enabled => DISABLED.to_owned(),
                Some(name) if !is_member(tx, group, *person)? => left_group(&name),
                _ => continue,
            };
            one(tx, (delivery, run, Some(UserId(*person))), &words, now)?;
        }
    }
    Ok(())
}

pub(super) const HAS_LEFT: &str = "the person has left the roster";
pub(super) const DISABLED: &str = "the account was disabled in the meantime";

/// Why somebody who is not in the group any more gets nothing.
pub(super) fn left_group(name: &str) -> String {
    format!("not in {name} any more")
}

/// Everybody for whom something waits because they were in some group.
pub(super) fn in_groups(tx: &Transaction<'_>) -> rusqlite::Result<Vec<i64>> {
    // Blocked ones are found through their invitations, the others by a small index.
    tx.prepare(
        "SELECT DISTINCT d.user_id FROM deliveries d JOIN messages m ON m.id = d.message_id AND m.audience IS NOT NULL
         WHERE d.user_id IS NOT NULL AND d.id IN (
             SELECT id FROM deliveries WHERE state IN ('pending', 'deferred')
             UNION ALL SELECT b.id FROM invitations o JOIN deliveries b ON b.invitation_id = o.id
                 WHERE o.state IN ('queued', 'registering', 'registered', 'delivered', 'doubtful') AND b.state = 'blocked')",
    )?
    .query_map([], |row| row.get(0))?
    .collect()
}

fn is_member(tx: &Transaction<'_>, group: Option<i64>, user: i64) -> rusqlite::Result<bool> {
    let Some(group) = group else { return Ok(false) };
    tx.prepare_cached(&format!("{AROUND} SELECT EXISTS (SELECT 1 FROM around WHERE id = ?2)"))?
        .query_row(params![user, group], |row| row.get(0))
}
