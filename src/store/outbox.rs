//! The outbox: which deliveries leave next. Each must pass the guard just before.

use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::apple_work;
use super::calling_off;
use super::claimed::{Claimed, ClaimedInvitation, ClaimedUser, DepartureRules, Invitations, Turn};
use super::guard::{Facts, Known, Verdict, guard};
use super::journal::{self, Entry};
use super::outcomes::{self, Recorded};
use super::{Store, StoreError, sending};
use crate::domain::delivery::{Channel, Step};
use crate::domain::device::{Device, Enrollment, Platform};
use crate::domain::ids::{DeviceId, RunId, UserId};
use crate::domain::mail_address::MailAddress;
use crate::domain::time::{Timestamp, from_millis};

impl Store {
    /// One turn: records `outcomes` and claims up to `wants` due deliveries for each channel, all in
    /// one transaction. Group commits are what makes full sync affordable.
    ///
    /// # Errors
    /// The store's; then the outcomes are not recorded and nothing was claimed.
    pub fn turn(
        &self,
        outcomes: &[Recorded],
        wants: &[(Channel, usize)],
        invitations: Invitations,
        rules: &DepartureRules,
        now: Timestamp,
    ) -> Result<Turn, StoreError> {
        self.transaction("record outcomes in", |tx| {
            for recorded in outcomes {
                outcomes::record(tx, recorded, rules, now)?;
            }
            apple_work::expire(tx, now)?;
            let mut turn = Turn::default();
            let mut known = Known::default();
            let stopped = sending::stopped(tx)?.is_some();
            for (channel, want) in wants {
                if !stopped {
                    claim(tx, (*channel, *want), invitations, rules, now, &mut known, &mut turn)?;
                }
                let next: Option<i64> = tx
                    .prepare_cached("SELECT MIN(due) FROM deliveries WHERE channel = ?1 AND state IN ('pending', 'deferred')")?
                    .query_row([channel.word()], |row| row.get(0))?;
                turn.next_due = [turn.next_due, next.map(from_millis)].into_iter().flatten().min();
            }
            if stopped {
                turn.next_due = turn.next_due.map(|due| due.max(now + sending::LOOK_AGAIN));
            }
            Ok(turn)
        })
    }

    /// Takes over after a process that died: what it held in its hands is repeated where the far side
    /// knows our id, and is doubtful where it doesn't. Answers both numbers.
    ///
    /// Only for whoever holds the site's dispatch lock.
    ///
    /// # Errors
    /// The store's.
    pub fn take_over(&self, rules: &DepartureRules, now: Timestamp) -> Result<(u32, u32), StoreError> {
        let open: bool = {
            let writer = self.writer();
            writer
                .query_row("SELECT EXISTS (SELECT 1 FROM deliveries WHERE state = 'sending')", [], |row| row.get(0))
                .map_err(|e| StoreError::new("read", self.path(), e))?
        };
        if !open {
            return Ok((0, 0));
        }
        self.transaction("take over", |tx| {
            let mut found =
                tx.prepare("SELECT id, channel, invitation_id FROM deliveries WHERE state = 'sending' ORDER BY id")?;
            let rows: Vec<(i64, String, Option<i64>)> =
                found.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect::<Result<_, _>>()?;
            let (mut again, mut doubtful) = (0, 0);
            for (id, channel, invitation) in rows {
                let safe = Channel::from_word(&channel).is_some_and(Channel::knows_our_ids);
                let resend = channel == "mail" && rules.resend_doubtful;
                if safe || resend {
                    tx.prepare_cached("UPDATE deliveries SET state = 'pending', due = ?2 WHERE id = ?1")?
                        .execute(params![id, now.timestamp_millis()])?;
                    again += 1;
                } else {
                    let words = "beckon stopped while this was being handed over; it may have arrived";
                    outcomes::end(tx, id, "doubtful", words, now)?;
                    outcomes::settle_invitation(tx, invitation, now)?;
                    doubtful += 1;
                }
                let words = if safe || resend {
                    "found in hand after a stop; sent again under the same id"
                } else {
                    "found in hand after a stop; doubtful"
                };
                journal::append(tx, &Entry { at: now, kind: "take-over", run: None, user: None, delivery: Some(id), words })?;
            }
            Ok((again, doubtful))
        })
    }
}

/// How many deliveries one turn ends or puts off over a channel: what a turn holds has a bound, however many
/// wait for one and the same end of quiet hours.
const GUARDED_MAX: u32 = 4_096;

fn claim(
    tx: &Transaction<'_>,
    (channel, want): (Channel, usize),
    invitations: Invitations,
    rules: &DepartureRules,
    now: Timestamp,
    known: &mut Known,
    turn: &mut Turn,
) -> rusqlite::Result<()> {
    let mut sending = tx.prepare_cached(
        "UPDATE deliveries SET state = 'sending', attempts = attempts + 1, first_try = COALESCE(first_try, ?2), handed_at = ?2, waits_since = NULL
         WHERE id = ?1",
    )?;
    let mut wait =
        tx.prepare_cached("UPDATE deliveries SET state = 'deferred', waits_since = ?4, due = ?2, words = ?3 WHERE id = ?1")?;
    let mut left = want;
    let most = turn.guarded + GUARDED_MAX;
    while left > 0 && turn.guarded < most {
        let due = load_due(tx, (channel, left), invitations, now)?;
        if due.is_empty() {
            break;
        }
        for (claimed, facts) in due {
            let id = claimed.id;
            if known.merged.remove(&id) {
                continue;
            }
            let user = claimed.user.as_ref().map(|u| u.id);
            match guard(tx, &claimed, &facts, rules, now, known)? {
                Verdict::Go => {
                    sending.execute(params![id, now.timestamp_millis()])?;
                    turn.claimed.push(claimed);
                    left -= 1;
                }
                Verdict::Cancel(words) => {
                    calling_off::one(tx, (id, claimed.run, user), &words, now)?;
                    turn.guarded += 1;
                }
                Verdict::Wait { until, since, words } => {
                    wait.execute(params![id, until.timestamp_millis(), words, since.timestamp_millis()])?;
                    let words = format!("{} by {} waits: {words}", claimed.step.word(), channel.word());
                    journal::append(
                        tx,
                        &Entry { at: now, kind: "put-off", run: Some(claimed.run), user, delivery: Some(id), words: &words },
                    )?;
                    turn.guarded += 1;
                }
            }
        }
    }
    Ok(())
}

/// What is due over a channel, at most `most`, the longest due first, with all that it needs.
fn load_due(
    tx: &Transaction<'_>,
    (channel, most): (Channel, usize),
    invitations: Invitations,
    now: Timestamp,
) -> rusqlite::Result<Vec<(Claimed, Facts)>> {
    let mut query = tx.prepare_cached(
        "SELECT d.run_id, d.number, d.id, d.step, d.far_id, d.created_at, d.address,
                m.template, m.data,
                u.id, u.client_user_id, u.username, u.full_name, u.language, u.mail, u.enabled, u.status, u.timezone,
                u.mail_dead IS NOT NULL, u.left_at IS NULL,
                i.id, i.state, i.expires_at, d.message_id, d.user_id IS NOT NULL, u.distribution,
                v.id, v.serial, v.udid, v.name, v.platform, v.os_version, v.model, v.user_id, v.managed, v.enrollment,
                v.user_channel, v.last_seen, m.policy, m.audience, m.group_id, d.due, d.waits_since, m.grounds
         FROM deliveries d CROSS JOIN messages m ON m.id = d.message_id
         LEFT JOIN users u ON u.id = d.user_id LEFT JOIN invitations i ON i.id = d.invitation_id
         LEFT JOIN devices v ON v.id = d.device_id
         WHERE d.channel = ?1 AND d.state IN ('pending', 'deferred') AND d.due <= ?2
           AND (?4 OR d.invitation_id IS NULL OR d.user_id IN (SELECT user_id FROM temp.read_at_apple))
         ORDER BY d.due, d.id LIMIT ?3",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut rows = query.query(params![channel.word(), now.timestamp_millis(), most, invitations == Invitations::All])?;
    let mut due = Vec::new();
    // Thousands share one message: its data is read once.
    let mut message: Option<(i64, serde_json::Value)> = None;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(23)?;
        let data = match &message {
            Some((last, data)) if *last == id => data.clone(),
            _ => {
                let data: serde_json::Value = serde_json::from_str(row.get_ref(8)?.as_str()?).unwrap_or_default();
                message = Some((id, data.clone()));
                data
            }
        };
        due.push(read_claimed(row, channel, data)?);
    }
    drop(rows);
    for (claimed, _) in &mut due {
        load_rest(tx, claimed)?;
    }
    Ok(due)
}

/// What there is no row for, or several.
fn load_rest(tx: &Transaction<'_>, claimed: &mut Claimed) -> rusqlite::Result<()> {
    match (claimed.channel, &claimed.user, &claimed.device) {
        (Channel::Push, _, Some(device)) => {
            claimed.app_token = tx
                .prepare_cached(
                    "SELECT topic, token FROM app_tokens WHERE device_id = ?1 AND dead_at IS NULL ORDER BY topic LIMIT 1",
                )?
                .query_row([device.id.0], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
        }
        (Channel::Mail, Some(user), _) => {
            // Put in order here: SQLite would make a table for it, each time.
            claimed.device_names = tx
                .prepare_cached("SELECT name FROM devices WHERE user_id = ?1 LIMIT 20")?
                .query_map([user.id.0], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            claimed.device_names.sort_unstable();
        }
        _ => {}
    }
    Ok(())
}

fn read_claimed(row: &Row<'_>, channel: Channel, data: serde_json::Value) -> rusqlite::Result<(Claimed, Facts)> {
    let user_id: Option<i64> = row.get(9)?;
    let user = match user_id {
        None => None,
        Some(user) => Some(ClaimedUser {
            id: UserId(user),
            client_user_id: row.get(10)?,
            username: row.get(11)?,
            full_name: row.get(12)?,
            language: row.get(13)?,
        }),
    };
    let address = match row.get_ref(6)?.as_str_or_null()? {
        Some(foreign) => Some(foreign),
        None => row.get_ref(14)?.as_str_or_null()?,
    };
    let invitation: Option<i64> = row.get(20)?;
    let expires: Option<i64> = row.get(22)?;
    let claimed = Claimed {
        id: row.get(2)?,
        run: RunId(row.get(0)?),
        number: row.get(1)?,
        channel,
        step: Step::from_word(row.get_ref(3)?.as_str()?).unwrap_or(Step::Message),
        user,
        device: read_device(row)?,
        address: address.and_then(|text| MailAddress::parse(text).ok()),
        app_token: None,
        device_names: Vec::new(),
        invitation: invitation.map(|id| ClaimedInvitation { id, expires_at: expires.map(from_millis) }),
        template: row.get(7)?,
        data,
        far_id: row.get(4)?,
        created_at: from_millis(row.get(5)?),
    };
    let facts = Facts {
        enabled: row.get::<_, Option<bool>>(15)?.unwrap_or(false),
        distribution: row.get::<_, Option<bool>>(25)?.unwrap_or(false),
        status: row.get::<_, Option<String>>(16)?.unwrap_or_default(),
        timezone: row.get(17)?,
        mail_dead: row.get(18)?,
        roster_user: user_id.is_some() && row.get::<_, bool>(19)?,
        invitation_state: row.get(21)?,
        wants_user: row.get(24)?,
        message: row.get(23)?,
        policy: row.get(38)?,
        audience: row.get(39)?,
        group: row.get(40)?,
        grounds: row.get(43)?,
        due: from_millis(row.get(41)?),
        waits_since: row.get::<_, Option<i64>>(42)?.map(from_millis),
    };
    Ok((claimed, facts))
}

fn read_device(row: &Row<'_>) -> rusqlite::Result<Option<Device>> {
    let Some(id) = row.get::<_, Option<i64>>(26)? else { return Ok(None) };
    Ok(Some(Device {
        id: DeviceId(id),
        serial: row.get(27)?,
        udid: row.get(28)?,
        name: row.get(29)?,
        platform: Platform::from_word(row.get_ref(30)?.as_str()?).unwrap_or(Platform::Watchos),
        os_version: row.get(31)?,
        model: row.get(32)?,
        user: row.get::<_, Option<i64>>(33)?.map(UserId),
        managed: row.get(34)?,
        enrollment: Enrollment::from_word(row.get_ref(35)?.as_str()?).unwrap_or_default(),
        user_channel: row.get(36)?,
        last_seen: row.get::<_, Option<i64>>(37)?.map(from_millis),
        as_of: None,
    }))
}
