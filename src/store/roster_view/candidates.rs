//! What decides about an invitation, for a whole audience at once.
//!
//! Five statements for any number of people: one for each kind of fact, all over the same list of ids.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::rows::{instant, word};
use crate::domain::device::{Device, Enrollment, NotInvitable, Platform};
use crate::domain::ids::{DeviceId, UserId};
use crate::domain::invite_plan::{Candidate, CandidateDevice};
use crate::domain::roster::Read;
use crate::domain::user::Status;
use crate::store::selection_sql::id_list;

/// The groups in which managed distribution is enabled, with all that is nested in them.
pub(in crate::store) const ENABLED_GROUPS: &str = "WITH RECURSIVE enabled (id) AS (
    SELECT id FROM groups WHERE distribution = 1
    UNION SELECT n.child_id FROM enabled JOIN group_groups n ON n.parent_id = enabled.id)
    SELECT id FROM enabled";

const USERS: &str = "SELECT u.id, u.username, u.full_name, u.enabled, u.status, u.invited_at, u.last_contact, u.mail IS NOT NULL,
        u.mail_dead IS NOT NULL, u.managed_account IS NOT NULL, u.distribution
    FROM json_each(?1) wanted CROSS JOIN users u ON u.id = wanted.value AND u.hidden = 0 ORDER BY wanted.key";

const MEMBERSHIPS: &str = "SELECT m.user_id, m.group_id
    FROM json_each(?1) wanted CROSS JOIN group_users m ON m.user_id = wanted.value";

const DEVICES: &str =
    "SELECT d.user_id, d.id, d.name, d.platform, d.managed, d.enrollment, d.udid IS NOT NULL, d.user_channel IS NOT NULL
    FROM json_each(?1) wanted CROSS JOIN devices d ON d.user_id = wanted.value AND d.gone_at IS NULL ORDER BY wanted.key, d.id";

/// Only an open invitation can be under way: whatever closes one cancels what still waits. Reminders
/// that wait for their day don't count, else nobody who has any could be invited again.
const UNDER_WAY: &str = "SELECT i.user_id FROM json_each(?1) wanted CROSS JOIN invitations i ON i.user_id = wanted.value
    WHERE i.state IN ('queued', 'registering', 'registered', 'delivered', 'doubtful')
      AND (i.state IN ('queued', 'registering') OR EXISTS (
          SELECT 1 FROM deliveries d WHERE d.invitation_id = i.id
            AND d.state IN ('blocked', 'pending', 'sending', 'deferred', 'queued', 'notnow')
            AND (d.step = 'invite' OR (d.step LIKE 'remind-%' AND d.state = 'sending'))))";

/// A mail that may have arrived is nobody's but a person's to send again.
const DOUBTFUL: &str = "SELECT i.user_id FROM json_each(?1) wanted CROSS JOIN invitations i ON i.user_id = wanted.value
    WHERE i.state IN ('registered', 'doubtful')
      AND EXISTS (SELECT 1 FROM deliveries d WHERE d.invitation_id = i.id AND d.step = 'invite' AND d.state = 'doubtful')";

/// A candidate for each of these users, in this order.
pub(super) fn of(connection: &Connection, users: &[i64]) -> Read<Vec<Candidate>> {
    let wanted = id_list(users.iter().copied());
    let enabled: HashSet<i64> =
        connection.prepare_cached(ENABLED_GROUPS)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut candidates = Vec::with_capacity(users.len());
    let mut places = HashMap::with_capacity(users.len());

    let mut prepared = connection.prepare_cached(USERS)?;
    let mut rows = prepared.query([&wanted])?;
    while let Some(row) = rows.next()? {
        let user: i64 = row.get(0)?;
        places.insert(user, candidates.len());
        candidates.push(Candidate {
            user: UserId(user),
            username: row.get(1)?,
            full_name: row.get(2)?,
            enabled: row.get(3)?,
            status: word(row, 4, Status::from_word)?,
            invited_at: instant(row, 5)?,
            last_contact: instant(row, 6)?,
            has_mail: row.get(7)?,
            mail_dead: row.get(8)?,
            managed_account: row.get(9)?,
            distribution: row.get(10)?,
            under_way: false,
            doubtful: false,
            devices: Vec::new(),
        });
    }

    let mut prepared = connection.prepare_cached(MEMBERSHIPS)?;
    let mut rows = prepared.query([&wanted])?;
    while let Some(row) = rows.next()? {
        if !enabled.contains(&row.get(1)?) {
            continue;
        }
        if let Some(candidate) = places.get(&row.get(0)?).and_then(|place| candidates.get_mut(*place)) {
            candidate.distribution = true;
        }
    }

    let mut prepared = connection.prepare_cached(DEVICES)?;
    let mut rows = prepared.query([&wanted])?;
    while let Some(row) = rows.next()? {
        if let Some(candidate) = places.get(&row.get(0)?).and_then(|place| candidates.get_mut(*place)) {
            candidate.devices.push(device(row)?);
        }
    }

    let mut prepared = connection.prepare_cached(UNDER_WAY)?;
    let mut rows = prepared.query([&wanted])?;
    while let Some(row) = rows.next()? {
        if let Some(candidate) = places.get(&row.get(0)?).and_then(|place| candidates.get_mut(*place)) {
            candidate.under_way = true;
        }
    }

    let mut prepared = connection.prepare_cached(DOUBTFUL)?;
    let mut rows = prepared.query([&wanted])?;
    while let Some(row) = rows.next()? {
        if let Some(candidate) = places.get(&row.get(0)?).and_then(|place| candidates.get_mut(*place)) {
            candidate.doubtful = true;
        }
    }
    Ok(candidates)
}

/// The rule of who can be invited stands once, on `Device`; it only asks whether the texts are there.
fn device(row: &rusqlite::Row<'_>) -> rusqlite::Result<CandidateDevice> {
    let there = |column| Ok::<_, rusqlite::Error>(row.get::<_, bool>(column)?.then(String::new));
    let platform = word(row, 3, Platform::from_word)?;
    let device = Device {
        id: DeviceId(row.get(1)?),
        serial: String::new(),
        udid: there(6)?,
        name: row.get(2)?,
        platform,
        os_version: None,
        model: None,
        user: Some(UserId(row.get(0)?)),
        managed: row.get(4)?,
        enrollment: word(row, 5, Enrollment::from_word)?,
        user_channel: there(7)?,
        last_seen: None,
        as_of: None,
    };
    let not_invitable: Option<NotInvitable> = device.mdm_target().err();
    Ok(CandidateDevice { device: device.id, name: device.name, platform, not_invitable })
}
