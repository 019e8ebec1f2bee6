//! The outbox: which deliveries leave next, and the guard that each must pass just before.

use std::collections::HashSet;

use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::apple_work;
use super::claimed::{Claimed, ClaimedInvitation, ClaimedUser, DepartureRules, Invitations, Turn};
use super::journal::{self, Entry};
use super::outcomes::{self, Recorded};
use super::roster_view::ENABLED_GROUPS;
use super::{Store, StoreError};
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
            let mut enabled = None;
            for (channel, want) in wants {
                claim(tx, (*channel, *want), invitations, rules, now, &mut enabled, &mut turn)?;
                let next: Option<i64> = tx
                    .prepare_cached("SELECT MIN(due) FROM deliveries WHERE channel = ?1 AND state IN ('pending', 'deferred')")?
                    .query_row([channel.word()], |row| row.get(0))?;
                turn.next_due = [turn.next_due, next.map(from_millis)].into_iter().flatten().min();
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

/// What the guard says about a due delivery.
enum Verdict {
    Go,
    Cancel(String),
    Wait { until: Timestamp, words: String },
}

/// The groups in which managed distribution is enabled, read when the first guard asks for them.
type EnabledGroups = Option<HashSet<i64>>;

fn claim(
    tx: &Transaction<'_>,
    (channel, want): (Channel, usize),
    invitations: Invitations,
    rules: &DepartureRules,
    now: Timestamp,
    enabled: &mut EnabledGroups,
    turn: &mut Turn,
) -> rusqlite::Result<()> {
    let mut sending = tx.prepare_cached(
        "UPDATE deliveries SET state = 'sending', attempts = attempts + 1, first_try = COALESCE(first_try, ?2) WHERE id = ?1",
    )?;
    let mut left = want;
    while left > 0 {
        let due = load_due(tx, (channel, left), invitations, now)?;
        if due.is_empty() {
            break;
        }
        for (claimed, facts) in due {
            let id = claimed.id;
            match guard(tx, &claimed, &facts, rules, now, enabled)? {
                Verdict::Go => {
                    sending.execute(params![id, now.timestamp_millis()])?;
                    turn.claimed.push(claimed);
                    left -= 1;
                }
                Verdict::Cancel(words) => {
                    outcomes::end(tx, id, "cancelled", &words, now)?;
                    let user = claimed.user.as_ref().map(|u| u.id);
                    journal::append(
                        tx,
                        &Entry { at: now, kind: "cancelled", run: Some(claimed.run), user, delivery: Some(id), words: &words },
                    )?;
                    turn.guarded += 1;
                }
                Verdict::Wait { until, words } => {
                    tx.prepare_cached("UPDATE deliveries SET state = 'deferred', due = ?2, words = ?3 WHERE id = ?1")?
                        .execute(params![id, until.timestamp_millis(), words])?;
                    turn.guarded += 1;
                }
            }
        }
    }
    Ok(())
}

/// What only the guard needs to know.
struct Facts {
    enabled: bool,
    /// Managed distribution is enabled for the user, whatever their groups say.
    distribution: bool,
    status: String,
    timezone: Option<String>,
    mail_dead: bool,
    invitation_state: Option<String>,
    wants_user: bool,
    roster_user: bool,
}

fn guard(
    tx: &Transaction<'_>,
    claimed: &Claimed,
    facts: &Facts,
    rules: &DepartureRules,
    now: Timestamp,
    enabled: &mut EnabledGroups,
) -> rusqlite::Result<Verdict> {
    let cancel = |words: &str| Ok(Verdict::Cancel(words.to_owned()));
    if facts.wants_user && !facts.roster_user {
        return cancel("the person has left the roster");
    }
    if facts.roster_user && !facts.enabled {
        return cancel("the account was disabled in the meantime");
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
            && !is_in_enabled_group(tx, user.id, enabled)?
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
    if facts.wants_user
        && let Some(quiet) = rules.quiet_hours
    {
        let zone = facts.timezone.as_deref().and_then(|name| name.parse().ok()).unwrap_or(rules.site_zone);
        let until = quiet.next_open(now, zone);
        if until > now {
            return Ok(Verdict::Wait { until, words: "quiet hours".to_owned() });
        }
    }
    Ok(Verdict::Go)
}

/// Whether the user is in a group in which managed distribution is enabled, or in one nested in such a group.
fn is_in_enabled_group(tx: &Transaction<'_>, user: UserId, enabled: &mut EnabledGroups) -> rusqlite::Result<bool> {
    let enabled = match enabled {
        Some(known) => known,
        None => {
            let read = tx.prepare_cached(ENABLED_GROUPS)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            enabled.insert(read)
        }
    };
    let mut groups = tx.prepare_cached("SELECT group_id FROM group_users WHERE user_id = ?1")?;
    let mut rows = groups.query([user.0])?;
    while let Some(row) = rows.next()? {
        if enabled.contains(&row.get(0)?) {
            return Ok(true);
        }
    }
    Ok(false)
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
                v.user_channel, v.last_seen
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
    }))
}
