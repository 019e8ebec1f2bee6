//! What is in flight, and what has failed.

use rusqlite::{Connection, Row};

use super::rows::{instant, small, word};
use crate::domain::delivery::{Channel, DeliveryState, Step};
use crate::domain::ids::{DeliveryId, RunId, UserId};
use crate::domain::invitation::InvitationState;
use crate::domain::roster::Read;
use crate::domain::task::{Task, Waiting};
use crate::domain::time::from_millis;
use crate::store::figures::BLOCKED;

/// A delivery with everything that a line says about it.
pub(super) const DELIVERY: &str =
    "SELECT d.id, d.run_id, d.number, d.user_id, u.username, u.full_name, v.name, d.channel, d.step, d.state, d.due, d.created_at,
            d.first_try, d.ended_at, d.attempts, d.words, d.address, i.state, m.template, d.waits_since IS NOT NULL, u.timezone
     FROM deliveries d JOIN messages m ON m.id = d.message_id
     LEFT JOIN invitations i ON i.id = d.invitation_id
     LEFT JOIN users u ON u.id = d.user_id
     LEFT JOIN devices v ON v.id = d.device_id
     WHERE (d.user_id IS NULL OR u.hidden = 0)";

/// Each arm is answered by a small partial index, however long the outbox has become; [`BLOCKED`] is the
/// last. A reminder whose day has not come is planned, not in flight.
const NOT_ENDED: &str = "d.id IN (
    SELECT id FROM deliveries WHERE state IN ('pending', 'deferred')
       AND NOT (state = 'pending' AND step LIKE 'remind%' AND attempts = 0 AND due > created_at)
    UNION ALL SELECT id FROM deliveries WHERE state = 'sending'
    UNION ALL SELECT id FROM deliveries WHERE state IN ('queued', 'notnow')
    UNION ALL SELECT b.id";

/// What a person has been handed last, on each device and in the mailbox, of an invitation that waits for them.
const HANDED_OVER: &str = "d.id IN (
    SELECT MAX(a.id) FROM invitations o CROSS JOIN deliveries a ON a.invitation_id = o.id
    WHERE (o.state = 'queued' OR o.state = 'registering' OR o.state = 'registered' OR o.state = 'delivered' OR o.state = 'doubtful') AND a.state = 'accepted'
    GROUP BY a.invitation_id, a.channel, a.device_id)";

/// Failed, and nothing of its kind has been made for the person on that way since, which for a message is
/// the same text; a failure on the way to somebody who has accepted or was withdrawn needs nobody's care any more.
const FAILED: &str = "(d.state = 'rejected' OR d.state = 'expired' OR d.state = 'doubtful')
    AND (i.state IS NULL OR i.state NOT IN ('accepted', 'withdrawn'))
    AND NOT EXISTS (
        SELECT 1 FROM deliveries n JOIN messages nm ON nm.id = n.message_id
        WHERE n.user_id = d.user_id AND n.id > d.id AND n.channel = d.channel AND n.device_id IS d.device_id AND n.step = d.step
          AND (n.step <> 'message' OR (nm.template = m.template AND nm.data = m.data)))";

/// An invitation for which there is no delivery to show.
const INVITATION: &str =
    "SELECT i.run_id, i.user_id, u.username, u.full_name, i.task, i.state, i.queued_at, i.due, i.tries, i.words, i.ended_at
     FROM invitations i JOIN users u ON u.id = i.user_id AND u.hidden = 0";

/// A licence on its way to somebody, or one that Apple refuses. It belongs to the run that assigned the app.
const LICENCE: &str =
    "SELECT COALESCE((SELECT MIN(g.run_id) FROM app_groups g WHERE g.adam_id = l.adam_id), 0), l.user_id, u.username, u.full_name, a.name,
            l.state, COALESCE(l.asked_at, l.enrolled_at), l.due, l.words
     FROM licences l JOIN users u ON u.id = l.user_id AND u.hidden = 0 JOIN apps a ON a.adam_id = l.adam_id";

pub(super) fn active(connection: &Connection) -> Read<Vec<Task>> {
    let mut tasks = deliveries(connection, &format!("{NOT_ENDED} {BLOCKED})"))?;
    tasks.extend(deliveries(connection, HANDED_OVER)?);
    tasks.extend(invitations(
        connection,
        "WHERE (i.state = 'queued' OR i.state = 'registering' OR i.state = 'registered' OR i.state = 'delivered' OR i.state = 'doubtful') AND i.task <> 'retire'
           AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.invitation_id = i.id AND d.state NOT IN ('rejected', 'expired', 'cancelled'))",
    )?);
    tasks.extend(invitations(connection, "WHERE i.due IS NOT NULL AND i.task = 'retire'")?);
    tasks.extend(licences(connection, "l.state = 'asking' OR l.state = 'asked'")?);
    tasks.extend(licences(connection, "l.state = 'wanted' OR l.state = 'waiting'")?);
    tasks.sort_by_key(|task| (task.since, task.run, task.number));
    Ok(tasks)
}

pub(super) fn failed(connection: &Connection) -> Read<Vec<Task>> {
    let mut tasks = deliveries(connection, FAILED)?;
    tasks.extend(invitations(
        connection,
        "WHERE i.state = 'failed' AND NOT EXISTS (SELECT 1 FROM invitations n WHERE n.user_id = i.user_id AND n.id > i.id)
           AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.invitation_id = i.id AND d.state IN ('rejected', 'expired', 'doubtful'))",
    )?);
    tasks.extend(licences(connection, "l.state = 'failed'")?);
    tasks.sort_by_key(|task| (task.since, task.run, task.number));
    Ok(tasks)
}

fn licences(connection: &Connection, condition: &str) -> Read<Vec<Task>> {
    let mut prepared = connection.prepare_cached(&format!("{LICENCE} WHERE {condition} ORDER BY l.enrolled_at, l.user_id"))?;
    let rows = prepared.query_map([], licence)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn licence(row: &Row<'_>) -> rusqlite::Result<Task> {
    let (app, state): (String, String) = (row.get(4)?, row.get(5)?);
    let waiting_for = match state.as_str() {
        "waiting" => Waiting::Licence,
        "failed" => Waiting::Nothing,
        _ => Waiting::HandOut,
    };
    Ok(Task { words: row.get(8)?, ..of_person(row, &format!("licence of {app}"), waiting_for)? })
}

/// A task that is nobody's delivery, from the columns that all such rows begin with: run, person, and as the
/// seventh and eighth since when and when next.
fn of_person(row: &Row<'_>, what: &str, waiting_for: Waiting) -> rusqlite::Result<Task> {
    Ok(Task {
        delivery: None,
        run: RunId(row.get(0)?),
        number: 0,
        user: Some(UserId(row.get(1)?)),
        username: row.get(2)?,
        full_name: row.get(3)?,
        device: None,
        channel: None,
        what: what.to_owned(),
        waiting_for,
        since: from_millis(row.get(6)?),
        next: instant(row, 7)?,
        attempts: 0,
        words: None,
    })
}

fn deliveries(connection: &Connection, condition: &str) -> Read<Vec<Task>> {
    let mut prepared = connection.prepare_cached(&format!("{DELIVERY} AND {condition} ORDER BY d.id"))?;
    let rows = prepared.query_map([], delivery)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn invitations(connection: &Connection, condition: &str) -> Read<Vec<Task>> {
    // The plus: SQLite would go through all of them in their order rather than sort a few.
    let mut prepared = connection.prepare_cached(&format!("{INVITATION} {condition} ORDER BY +i.id"))?;
    let rows = prepared.query_map([], invitation)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn delivery(row: &Row<'_>) -> rusqlite::Result<Task> {
    let channel = word(row, 7, Channel::from_word)?;
    let step = word(row, 8, Step::from_word)?;
    let state = word(row, 9, DeliveryState::from_word)?;
    let invitation = match row.get_ref(17)?.as_str_or_null()? {
        Some(_) => Some(word(row, 17, InvitationState::from_word)?),
        None => None,
    };
    let user: Option<i64> = row.get(3)?;
    let address: Option<String> = row.get(16)?;
    let template: String = row.get(18)?;
    let what = match (step, channel) {
        (Step::Invite, _) => "invitation".to_owned(),
        (Step::Remind(n), _) => format!("reminder {n}"),
        (Step::Message, Channel::Mail) => format!("mail \"{template}\""),
        (Step::Message, Channel::Webhook) => format!("webhook \"{template}\""),
        (Step::Message, Channel::Push | Channel::Mdm) => channel.word().to_owned(),
    };
    let created = from_millis(row.get(11)?);
    let since = instant(row, 13)?.or(instant(row, 12)?).unwrap_or(created);
    let next = matches!(state, DeliveryState::Pending | DeliveryState::Deferred).then(|| row.get(10)).transpose()?;
    let words: Option<String> = row.get(15)?;
    Ok(Task {
        delivery: Some(DeliveryId(row.get(0)?)),
        run: RunId(row.get(1)?),
        number: small(row, 2)?,
        user: user.map(UserId),
        username: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
        full_name: row.get::<_, Option<String>>(5)?.or(address).unwrap_or_default(),
        device: row.get(6)?,
        channel: Some(channel),
        what,
        waiting_for: match Waiting::of(state, words.as_deref().unwrap_or_default(), invitation) {
            Waiting::NextTry if row.get(19)? => Waiting::Rules,
            waiting => waiting,
        },
        since,
        next: next.map(from_millis),
        attempts: small(row, 14)?,
        words,
    })
}

fn invitation(row: &Row<'_>) -> rusqlite::Result<Task> {
    let state = word(row, 5, InvitationState::from_word)?;
    let task: String = row.get(4)?;
    let attempts = small(row, 8)?;
    let (what, waiting_for) = match (task.as_str(), state) {
        ("retire", _) => ("withdrawal", if attempts == 0 { Waiting::Turn } else { Waiting::NextTry }),
        (_, InvitationState::Failed) => ("invitation", Waiting::Nothing),
        ("associate", _) => ("association of the managed account", Waiting::Registration),
        (_, InvitationState::Queued | InvitationState::Registering) => ("invitation", Waiting::Registration),
        (_, InvitationState::Doubtful) => ("invitation", Waiting::Decision),
        _ => ("invitation", Waiting::Acceptance),
    };
    let task = of_person(row, what, waiting_for)?;
    Ok(Task { since: instant(row, 10)?.unwrap_or(task.since), attempts, words: row.get(9)?, ..task })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// A plan that goes through a whole table of those that only grow says so.
    #[test]
    fn no_task_is_looked_for_in_the_whole_outbox() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("beckon.db")).unwrap();
        let reader = store.connect_reader().unwrap();
        for sql in [
            format!("{DELIVERY} AND {NOT_ENDED} {BLOCKED})"),
            format!("{DELIVERY} AND {HANDED_OVER}"),
            format!("{DELIVERY} AND {FAILED}"),
        ] {
            let mut query = reader.prepare(&format!("EXPLAIN QUERY PLAN {sql} ORDER BY d.id")).unwrap();
            let plan: Vec<String> = query.query_map([], |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap();
            let whole = |step: &&String| {
                let Some(scan) = step.strip_prefix("SCAN ") else { return false };
                let small =
                    ["deliveries_due", "deliveries_sending", "deliveries_on_devices", "deliveries_failed", "one_open_invitation"];
                !small.iter().any(|index| scan.ends_with(index)) && !scan.starts_with("CONSTANT")
            };
            assert_eq!(plan.iter().find(whole), None, "{sql}: {plan:#?}");
        }
        assert!(active(&reader).is_ok_and(|tasks| tasks.is_empty()) && failed(&reader).is_ok_and(|tasks| tasks.is_empty()));
    }
}
