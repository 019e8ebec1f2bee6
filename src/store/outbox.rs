//! The outbox: which deliveries leave next, and the guard that each must pass just before.

use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::journal::{self, Entry};
use super::outcomes::{self, Recorded};
use super::{Store, StoreError};
use crate::domain::delivery::{Channel, Step};
use crate::domain::device::{Device, Enrollment, Platform};
use crate::domain::ids::{DeviceId, RunId, UserId};
use crate::domain::limits::QuietHours;
use crate::domain::mail_address::MailAddress;
use crate::domain::time::{Timestamp, from_millis};

/// A delivery that is now in our hands, with everything that handing it over needs.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub id: i64,
    pub run: RunId,
    pub number: u32,
    pub channel: Channel,
    pub step: Step,
    pub user: Option<ClaimedUser>,
    pub device: Option<Device>,
    /// Of somebody who is not of the roster, or the user's own.
    pub address: Option<MailAddress>,
    pub app_token: Option<(String, String)>,
    /// Names of the user's devices, for the text of a letter.
    pub device_names: Vec<String>,
    pub invitation: Option<ClaimedInvitation>,
    /// The template, or the webhook's name.
    pub template: String,
    pub data: serde_json::Value,
    pub far_id: String,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct ClaimedUser {
    pub id: UserId,
    pub client_user_id: String,
    pub username: String,
    pub full_name: String,
    pub language: Option<String>,
}

#[derive(Clone, Debug)]
pub struct ClaimedInvitation {
    pub id: i64,
    pub expires_at: Option<Timestamp>,
}

/// The site's rules that hold at the moment of leaving.
#[derive(Clone, Debug)]
pub struct DepartureRules {
    pub quiet_hours: Option<QuietHours>,
    pub site_zone: chrono_tz::Tz,
    /// A doubtful mail is sent again by itself.
    pub resend_doubtful: bool,
}

/// What one turn of the outbox did.
#[derive(Debug, Default)]
pub struct Turn {
    pub claimed: Vec<Claimed>,
    /// When the next delivery of any of the asked channels is due, where one waits.
    pub next_due: Option<Timestamp>,
    /// Deliveries that the guard ended or put off, by run: the figures of a run change by them.
    pub guarded: u32,
}

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
        rules: &DepartureRules,
        now: Timestamp,
    ) -> Result<Turn, StoreError> {
        self.transaction("record outcomes in", |tx| {
            for recorded in outcomes {
                outcomes::record(tx, recorded, rules, now)?;
            }
            let mut turn = Turn::default();
            for (channel, want) in wants {
                claim(tx, *channel, *want, rules, now, &mut turn)?;
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

fn claim(
    tx: &Transaction<'_>,
    channel: Channel,
    want: usize,
    rules: &DepartureRules,
    now: Timestamp,
    turn: &mut Turn,
) -> rusqlite::Result<()> {
    let mut left = want;
    while left > 0 {
        let ids: Vec<i64> = tx
            .prepare_cached(
                "SELECT id FROM deliveries WHERE channel = ?1 AND state IN ('pending', 'deferred') AND due <= ?2 ORDER BY due, id LIMIT ?3",
            )?
            .query_map(params![channel.word(), now.timestamp_millis(), i64::try_from(left).unwrap_or(i64::MAX)], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        if ids.is_empty() {
            break;
        }
        for id in ids {
            let (claimed, facts) = load(tx, id)?;
            match guard(tx, &claimed, &facts, rules, now)? {
                Verdict::Go => {
                    tx.prepare_cached(
                        "UPDATE deliveries SET state = 'sending', attempts = attempts + 1, first_try = COALESCE(first_try, ?2) WHERE id = ?1",
                    )?
                    .execute(params![id, now.timestamp_millis()])?;
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
            && !has_distribution(tx, user.id)?
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

/// Whether managed distribution is enabled for the user or for a group that they are in, nested groups included.
fn has_distribution(tx: &Transaction<'_>, user: UserId) -> rusqlite::Result<bool> {
    tx.prepare_cached(
        "WITH RECURSIVE up (id) AS (
             SELECT group_id FROM group_users WHERE user_id = ?1
             UNION SELECT g.parent_id FROM group_groups g JOIN up ON g.child_id = up.id)
         SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1 AND distribution = 1)
             OR EXISTS (SELECT 1 FROM up JOIN groups ON groups.id = up.id WHERE groups.distribution = 1)",
    )?
    .query_row([user.0], |row| row.get(0))
}

fn load(tx: &Transaction<'_>, id: i64) -> rusqlite::Result<(Claimed, Facts)> {
    let (mut claimed, facts, device) = tx
        .prepare_cached(
            "SELECT d.run_id, d.number, d.channel, d.step, d.far_id, d.created_at, d.address,
                    m.template, m.data,
                    u.id, u.client_user_id, u.username, u.full_name, u.language, u.mail, u.enabled, u.status, u.timezone,
                    u.mail_dead IS NOT NULL, u.left_at IS NULL,
                    i.id, i.state, i.expires_at, d.device_id, d.user_id IS NOT NULL
             FROM deliveries d JOIN messages m ON m.id = d.message_id
             LEFT JOIN users u ON u.id = d.user_id LEFT JOIN invitations i ON i.id = d.invitation_id
             WHERE d.id = ?1",
        )?
        .query_row([id], |row| read_claimed(id, row))?;
    if let Some(device) = device {
        claimed.device = load_device(tx, device)?;
        if claimed.channel == Channel::Push {
            claimed.app_token = tx
                .prepare_cached(
                    "SELECT topic, token FROM app_tokens WHERE device_id = ?1 AND dead_at IS NULL ORDER BY topic LIMIT 1",
                )?
                .query_row([device], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
        }
    }
    if claimed.channel == Channel::Mail
        && let Some(user) = &claimed.user
    {
        claimed.device_names = tx
            .prepare_cached("SELECT name FROM devices WHERE user_id = ?1 ORDER BY name LIMIT 20")?
            .query_map([user.id.0], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
    }
    Ok((claimed, facts))
}

fn read_claimed(id: i64, row: &Row<'_>) -> rusqlite::Result<(Claimed, Facts, Option<i64>)> {
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
    let own: Option<String> = row.get(14)?;
    let foreign: Option<String> = row.get(6)?;
    let invitation: Option<i64> = row.get(20)?;
    let expires: Option<i64> = row.get(22)?;
    let channel: String = row.get(2)?;
    let step: String = row.get(3)?;
    let data: String = row.get(8)?;
    let claimed = Claimed {
        id,
        run: RunId(row.get(0)?),
        number: row.get(1)?,
        channel: Channel::from_word(&channel).unwrap_or(Channel::Webhook),
        step: Step::from_word(&step).unwrap_or(Step::Message),
        user,
        device: None,
        address: foreign.or(own).and_then(|text| MailAddress::parse(&text).ok()),
        app_token: None,
        device_names: Vec::new(),
        invitation: invitation.map(|id| ClaimedInvitation { id, expires_at: expires.map(from_millis) }),
        template: row.get(7)?,
        data: serde_json::from_str(&data).unwrap_or(serde_json::Value::Null),
        far_id: row.get(4)?,
        created_at: from_millis(row.get(5)?),
    };
    let facts = Facts {
        enabled: row.get::<_, Option<bool>>(15)?.unwrap_or(false),
        status: row.get::<_, Option<String>>(16)?.unwrap_or_default(),
        timezone: row.get(17)?,
        mail_dead: row.get(18)?,
        roster_user: user_id.is_some() && row.get::<_, bool>(19)?,
        invitation_state: row.get(21)?,
        wants_user: row.get(24)?,
    };
    Ok((claimed, facts, row.get(23)?))
}

fn load_device(tx: &Transaction<'_>, id: i64) -> rusqlite::Result<Option<Device>> {
    tx.prepare_cached(
        "SELECT serial, udid, name, platform, os_version, model, user_id, managed, enrollment, user_channel, last_seen FROM devices WHERE id = ?1",
    )?
    .query_row([id], |row| {
        let platform: String = row.get(3)?;
        let enrollment: String = row.get(8)?;
        Ok(Device {
            id: DeviceId(id),
            serial: row.get(0)?,
            udid: row.get(1)?,
            name: row.get(2)?,
            platform: Platform::from_word(&platform).unwrap_or(Platform::Watchos),
            os_version: row.get(4)?,
            model: row.get(5)?,
            user: row.get::<_, Option<i64>>(6)?.map(UserId),
            managed: row.get(7)?,
            enrollment: Enrollment::from_word(&enrollment).unwrap_or_default(),
            user_channel: row.get(9)?,
            last_seen: row.get::<_, Option<i64>>(10)?.map(from_millis),
        })
    })
    .optional()
}
