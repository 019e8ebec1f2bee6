//! Recording how hand-overs ended, and what follows from it, in the same transaction.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::StoreError;
use super::claimed::DepartureRules;
use super::journal::{self, Entry};
use super::past;
use crate::domain::delivery::{Channel, Patience, Step};
use crate::domain::ids::{RunId, UserId};
use crate::domain::invitation::{InvitationEvent, InvitationState};
use crate::domain::outcome::{Outcome, Rejection};
use crate::domain::time::{Span, Timestamp, from_millis};
use crate::ports::mdm::{CommandAnswer, DeviceReport, UserChannel};

/// What became of one claimed delivery.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub delivery: i64,
    pub result: HandOver,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandOver {
    Ended(Outcome),
    /// Nothing was tried: the channel is down, or the invite code has to be read first. Costs no attempt.
    NotTried {
        until: Timestamp,
        words: String,
    },
}

/// What the rows around a delivery say.
struct Around {
    id: i64,
    state: String,
    run: RunId,
    channel: Channel,
    step: Step,
    user: Option<UserId>,
    device: Option<i64>,
    invitation: Option<i64>,
    attempts: u32,
    first_try: Timestamp,
}

pub(super) fn record(tx: &Transaction<'_>, recorded: &Recorded, rules: &DepartureRules, now: Timestamp) -> rusqlite::Result<()> {
    let id = recorded.delivery;
    let around = around(tx, id, now)?;
    if around.state != "sending" {
        // A device can be faster than the server's answer to us: what it said stands.
        return Ok(());
    }
    match &recorded.result {
        HandOver::NotTried { until, words } => {
            tx.prepare_cached(
                "UPDATE deliveries SET state = 'deferred', due = ?2, attempts = MAX(attempts - 1, 0), words = ?3, handed_at = NULL WHERE id = ?1",
            )?
            .execute(params![id, until.timestamp_millis(), words])?;
            return Ok(());
        }
        HandOver::Ended(outcome) => match outcome {
            Outcome::Accepted { words } => {
                // An MDM server that holds a command is not yet a device that showed it.
                let state = if around.channel == Channel::Mdm { "queued" } else { "accepted" };
                end(tx, id, state, words, now)?;
                contacted(tx, &around, now)?;
                if around.channel != Channel::Mdm {
                    invitation_event(tx, around.invitation, InvitationEvent::HandedOver, "", now)?;
                }
                note(tx, id, &around, state, words, now)?;
            }
            Outcome::Deferred { retry_after, words } => {
                not_taken(tx, id)?;
                defer(tx, id, &around, *retry_after, words, now)?;
            }
            Outcome::Rejected { why, words } => {
                end(tx, id, "rejected", words, now)?;
                if *why == Rejection::TargetDead {
                    target_is_dead(tx, &around, words, now)?;
                }
                note(tx, id, &around, "rejected", words, now)?;
            }
            Outcome::Doubtful { words } if around.channel == Channel::Mail && rules.resend_doubtful => {
                defer(tx, id, &around, None, words, now)?;
            }
            Outcome::Doubtful { words } => {
                end(tx, id, "doubtful", words, now)?;
                note(tx, id, &around, "doubtful", words, now)?;
            }
        },
    }
    match &recorded.result {
        // Something has reached the person, or is on its way: the invitation lives.
        HandOver::Ended(Outcome::Accepted { .. }) | HandOver::NotTried { .. } => Ok(()),
        HandOver::Ended(_) => settle_invitation(tx, around.invitation, now),
    }
}

/// The far side has not taken a delivery: the person's budget is not touched by it.
fn not_taken(tx: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE deliveries SET handed_at = NULL WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// Ends a delivery, or hands it to the MDM server's queue.
pub(super) fn end(tx: &Transaction<'_>, id: i64, state: &str, words: &str, now: Timestamp) -> rusqlite::Result<()> {
    let ended = (state != "queued").then(|| now.timestamp_millis());
    tx.prepare_cached(
        "UPDATE deliveries SET state = ?2, words = ?3, ended_at = ?4, waits_since = NULL,
             handed_at = CASE WHEN ?2 = 'rejected' THEN NULL ELSE handed_at END
         WHERE id = ?1",
    )?
    .execute(params![id, state, words, ended])?;
    Ok(())
}

fn defer(
    tx: &Transaction<'_>,
    id: i64,
    around: &Around,
    asked: Option<Span>,
    words: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    // The id spreads retries of one batch; it needs no more randomness than that.
    let jitter = u64::try_from(id).unwrap_or(0).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16;
    match Patience::default().next_try(now, around.first_try, around.attempts, asked, jitter) {
        Some(due) => {
            tx.prepare_cached("UPDATE deliveries SET state = 'deferred', due = ?2, words = ?3 WHERE id = ?1")?
                .execute(params![id, due.timestamp_millis(), words])?;
            note(tx, id, around, "deferred", words, now)
        }
        None => {
            end(tx, id, "expired", words, now)?;
            note(tx, id, around, "expired", &format!("given up after {} attempts: {words}", around.attempts), now)
        }
    }
}

/// A message reached (or is on its way to) a person: it counts for "invited", "reminded", "last contact".
fn contacted(tx: &Transaction<'_>, around: &Around, now: Timestamp) -> rusqlite::Result<()> {
    let Some(user) = around.user else { return Ok(()) };
    let at = now.timestamp_millis();
    match around.step {
        Step::Message => tx.prepare_cached("UPDATE users SET last_contact = ?2 WHERE id = ?1")?.execute(params![user.0, at])?,
        Step::Invite => tx
            .prepare_cached(
                "UPDATE users SET last_contact = ?2, invited_at = COALESCE(invited_at, ?2),
                 status = CASE WHEN status IN ('none', 'retired') THEN 'invited' ELSE status END WHERE id = ?1",
            )?
            .execute(params![user.0, at])?,
        // A reminder on three devices and by mail is one reminder. The plus keeps SQLite from going through
        // all of the run's deliveries instead of the user's.
        Step::Remind(_) => tx
            .prepare_cached(
                "UPDATE users SET last_contact = ?2, reminders = reminders + NOT EXISTS (
                     SELECT 1 FROM deliveries d WHERE d.user_id = ?1 AND +d.run_id = ?3 AND d.step = ?4 AND d.id <> ?5
                       AND d.state IN ('accepted', 'queued', 'notnow'))
                 WHERE id = ?1",
            )?
            .execute(params![user.0, at, around.run.0, around.step.word(), around.id])?,
    };
    Ok(())
}

fn target_is_dead(tx: &Transaction<'_>, around: &Around, words: &str, now: Timestamp) -> rusqlite::Result<()> {
    match around.channel {
        Channel::Mail => tx
            .prepare_cached("UPDATE users SET mail_dead = ?2 WHERE id = ?1")?
            .execute(params![around.user.map(|u| u.0), words])?,
        Channel::Push => tx
            .prepare_cached("UPDATE app_tokens SET dead_at = ?2 WHERE device_id = ?1 AND dead_at IS NULL")?
            .execute(params![around.device, now.timestamp_millis()])?,
        Channel::Mdm | Channel::Webhook => 0,
    };
    Ok(())
}

/// Moves an invitation on; says so in the journal when that changes its state.
pub(super) fn invitation_event(
    tx: &Transaction<'_>,
    invitation: Option<i64>,
    event: InvitationEvent,
    words: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let Some(id) = invitation else { return Ok(()) };
    let (word, user, run): (String, i64, i64) = tx
        .prepare_cached("SELECT state, user_id, run_id FROM invitations WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let Some(state) = InvitationState::from_word(&word) else { return Ok(()) };
    let next = state.after(event);
    if next == state {
        return Ok(());
    }
    let at = now.timestamp_millis();
    tx.prepare_cached(
        "UPDATE invitations SET state = ?2,
            registered_at = CASE WHEN ?2 = 'registered' THEN ?3 ELSE registered_at END,
            delivered_at  = CASE WHEN ?2 = 'delivered' THEN ?3 ELSE delivered_at END,
            ended_at      = CASE WHEN ?4 THEN ended_at ELSE ?3 END,
            words         = CASE WHEN ?5 = '' THEN words ELSE ?5 END
         WHERE id = ?1",
    )?
    .execute(params![id, next.word(), at, next.is_open(), words])?;
    let text =
        if words.is_empty() { format!("invitation {}", next.word()) } else { format!("invitation {}: {words}", next.word()) };
    journal::append(
        tx,
        &Entry { at: now, kind: "invitation", run: Some(RunId(run)), user: Some(UserId(user)), delivery: None, words: &text },
    )
}

/// When every way to a person has ended without success, the invitation has, too.
pub(super) fn settle_invitation(tx: &Transaction<'_>, invitation: Option<i64>, now: Timestamp) -> rusqlite::Result<()> {
    let Some(id) = invitation else { return Ok(()) };
    let (open, good, doubtful, bad): (i64, i64, i64, i64) = tx
        .prepare_cached(
            "SELECT COALESCE(SUM(state IN ('blocked', 'pending', 'sending', 'deferred', 'queued', 'notnow')), 0),
                    COALESCE(SUM(state = 'accepted'), 0), COALESCE(SUM(state = 'doubtful'), 0),
                    COALESCE(SUM(state IN ('rejected', 'expired')), 0)
             FROM deliveries WHERE invitation_id = ?1 AND step = 'invite'",
        )?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    if open > 0 || good > 0 {
        return Ok(());
    }
    if doubtful > 0 {
        return invitation_event(tx, Some(id), InvitationEvent::AllDoubtful, "every hand-over was doubtful", now);
    }
    if bad > 0 {
        return invitation_event(tx, Some(id), InvitationEvent::AllRejected, "no way to the person worked", now);
    }
    Ok(())
}

/// Whether an invitation has reached the person over some way, or still may.
pub(super) fn is_reached(tx: &Transaction<'_>, invitation: i64) -> rusqlite::Result<bool> {
    tx.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM deliveries WHERE invitation_id = ?1 AND step = 'invite'
             AND state NOT IN ('rejected', 'expired', 'cancelled'))",
    )?
    .query_row([invitation], |row| row.get(0))
}

fn around(tx: &Transaction<'_>, id: i64, now: Timestamp) -> rusqlite::Result<Around> {
    tx.prepare_cached("SELECT run_id, channel, step, user_id, device_id, invitation_id, attempts, first_try, state FROM deliveries WHERE id = ?1")?
        .query_row([id], |row| {
            let channel: String = row.get(1)?;
            let step: String = row.get(2)?;
            Ok(Around {
                id,
                state: row.get(8)?,
                run: RunId(row.get(0)?),
                channel: Channel::from_word(&channel).unwrap_or(Channel::Webhook),
                step: Step::from_word(&step).unwrap_or(Step::Message),
                user: row.get::<_, Option<i64>>(3)?.map(UserId),
                device: row.get(4)?,
                invitation: row.get(5)?,
                attempts: row.get(6)?,
                first_try: row.get::<_, Option<i64>>(7)?.map_or(now, from_millis),
            })
        })
}

fn note(tx: &Transaction<'_>, id: i64, around: &Around, kind: &str, words: &str, now: Timestamp) -> rusqlite::Result<()> {
    let words = format!("{} by {}: {words}", around.step.word(), around.channel.word());
    journal::append(tx, &Entry { at: now, kind, run: Some(around.run), user: around.user, delivery: Some(id), words: &words })
}

impl super::Store {
    /// Takes what a device said. Answers whether it concerned a delivery of ours. The same report
    /// twice changes nothing the second time.
    ///
    /// # Errors
    /// The store's; then the report is not taken, and the MDM server should be told so.
    pub fn take_report(&self, report: &DeviceReport, now: Timestamp) -> Result<bool, StoreError> {
        self.transaction("record a device's report in", |tx| match report {
            DeviceReport::Answer { command_uuid, answer } => answer_arrived(tx, command_uuid, answer, now),
            DeviceReport::Enrolled { udid, user_channel } => {
                past::keep_devices_where(tx, "udid = ?1 AND managed = 0", [udid], now)?;
                tx.prepare_cached("UPDATE devices SET managed = 1, last_seen = ?2 WHERE udid = ?1")?
                    .execute(params![udid, now.timestamp_millis()])?;
                if let Some(channel) = user_channel {
                    logged_in(tx, udid, channel, now)?;
                }
                // What waited for this device to come back leaves now.
                tx.prepare_cached(
                    "UPDATE deliveries SET due = ?2 WHERE channel = 'mdm' AND state = 'deferred' AND words = ?3
                     AND device_id = (SELECT id FROM devices WHERE udid = ?1)",
                )?
                .execute(params![udid, now.timestamp_millis(), ENROLLING])?;
                Ok(false)
            }
            DeviceReport::Reset { udid, serial, .. } => reset(tx, udid, serial.as_deref(), now).map(|()| false),
            DeviceReport::Left { udid } => {
                left(tx, udid, now)?;
                let gone = waiting_on(tx, udid)?;
                for id in gone {
                    let around = around(tx, id, now)?;
                    end(tx, id, "rejected", "the device has left MDM", now)?;
                    note(tx, id, &around, "rejected", "the device has left MDM", now)?;
                    settle_invitation(tx, around.invitation, now)?;
                }
                Ok(false)
            }
            DeviceReport::Idle { udid } => {
                tx.prepare_cached("UPDATE devices SET last_seen = ?2 WHERE udid = ?1")?
                    .execute(params![udid, now.timestamp_millis()])?;
                Ok(false)
            }
        })
    }
}

/// A device is not managed any more, for good or until it has enrolled again.
fn left(tx: &Transaction<'_>, udid: &str, now: Timestamp) -> rusqlite::Result<()> {
    past::keep_devices_where(tx, "udid = ?1 AND (managed = 1 OR user_channel IS NOT NULL)", [udid], now)?;
    tx.prepare_cached("UPDATE devices SET managed = 0, user_channel = NULL WHERE udid = ?1")?.execute([udid])?;
    Ok(())
}

/// Somebody logged in on a Mac or Shared iPad. The channel is taken only when it is the assigned
/// user's own: an invitation must not come up on another person's screen.
fn logged_in(tx: &Transaction<'_>, udid: &str, channel: &UserChannel, now: Timestamp) -> rusqlite::Result<()> {
    let Some(name) = &channel.short_name else { return Ok(()) };
    let own = "udid = ?1 AND user_channel IS NOT ?2 AND user_id IN (
        SELECT id FROM users WHERE lower(username) = lower(?3) OR lower(managed_account) = lower(?3))";
    past::keep_devices_where(tx, own, params![udid, channel.id, name], now)?;
    tx.prepare_cached(&format!("UPDATE devices SET user_channel = ?2 WHERE {own}"))?.execute(params![udid, channel.id, name])?;
    Ok(())
}

/// The words of a delivery that waits until its device has enrolled again.
const ENROLLING: &str = "the device is enrolling again";

fn waiting_on(tx: &Transaction<'_>, udid: &str) -> rusqlite::Result<Vec<i64>> {
    tx.prepare_cached(
        "SELECT id FROM deliveries WHERE state IN ('queued', 'notnow') AND device_id = (SELECT id FROM devices WHERE udid = ?1)",
    )?
    .query_map([udid], |row| row.get(0))?
    .collect()
}

fn answer_arrived(tx: &Transaction<'_>, uuid: &str, answer: &CommandAnswer, now: Timestamp) -> rusqlite::Result<bool> {
    let found: Option<i64> = tx
        .prepare_cached("SELECT id FROM deliveries WHERE far_id = ?1 AND channel = 'mdm' AND state IN ('queued', 'notnow', 'sending', 'pending', 'deferred')")?
        .query_row([uuid.to_lowercase()], |row| row.get(0))
        .optional()?;
    let Some(id) = found else { return Ok(false) };
    let around = around(tx, id, now)?;
    match answer {
        CommandAnswer::Shown => {
            end(tx, id, "accepted", "the device showed the invitation", now)?;
            if !matches!(around.state.as_str(), "queued" | "notnow") {
                // The device was faster than the server's answer, which will count for nothing.
                contacted(tx, &around, now)?;
            }
            invitation_event(tx, around.invitation, InvitationEvent::HandedOver, "", now)?;
            note(tx, id, &around, "accepted", "the device showed the invitation", now)?;
        }
        CommandAnswer::NotNow => {
            tx.prepare_cached("UPDATE deliveries SET state = 'notnow', words = 'the device answered NotNow' WHERE id = ?1 AND state <> 'notnow'")?
                .execute([id])?;
        }
        CommandAnswer::Failed(words) => {
            end(tx, id, "rejected", words, now)?;
            note(tx, id, &around, "rejected", words, now)?;
            settle_invitation(tx, around.invitation, now)?;
        }
    }
    Ok(true)
}

/// A device that starts enrolling has lost its queue: what waited there goes out again, under a new
/// id because the server refuses one it has seen, once the device is back.
fn reset(tx: &Transaction<'_>, udid: &str, serial: Option<&str>, now: Timestamp) -> rusqlite::Result<()> {
    if let Some(serial) = serial {
        // A device keeps its serial number and may come with another UDID after a new enrolment kind.
        let renamed = "serial = ?2 AND udid IS NOT ?1 AND NOT EXISTS (SELECT 1 FROM devices WHERE udid = ?1)";
        past::keep_devices_where(tx, renamed, params![udid, serial], now)?;
        tx.prepare_cached(&format!("UPDATE devices SET udid = ?1 WHERE {renamed}"))?.execute(params![udid, serial])?;
    }
    left(tx, udid, now)?;
    let later = now + Span::days(30);
    for id in waiting_on(tx, udid)? {
        let old: String = tx.prepare_cached("SELECT far_id FROM deliveries WHERE id = ?1")?.query_row([id], |row| row.get(0))?;
        let far_id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, old.as_bytes()).to_string();
        tx.prepare_cached(
            "UPDATE deliveries SET state = 'deferred', due = ?2, far_id = ?3, words = ?4, handed_at = NULL WHERE id = ?1",
        )?
        .execute(params![id, later.timestamp_millis(), far_id, ENROLLING])?;
    }
    Ok(())
}
