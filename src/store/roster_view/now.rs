//! The roster as far as a kept plan names it, for comparing the two.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::{candidates, devices, groups};
use crate::domain::approval::RosterNow;
use crate::domain::canary::Kept;
use crate::domain::ids::{DeviceId, UserId};
use crate::domain::intent::{DistributionTarget, Intent, MailTo};
use crate::domain::roster::Read;
use crate::store::selection_sql::id_list;

const LEFT: &str = "SELECT u.id FROM json_each(?1) wanted CROSS JOIN users u ON u.id = wanted.value WHERE u.left_at IS NOT NULL";

/// Everything that the plan names and that is still there.
pub(in crate::store) fn of(connection: &Connection, kept: &[Kept]) -> Read<RosterNow> {
    let (users, named) = named(kept);
    let people = candidates::of(connection, &users)?;
    let ids: Vec<i64> = named.iter().map(|device| device.0).collect();
    Ok(RosterNow {
        people: people.into_iter().map(|candidate| (candidate.user, candidate)).collect(),
        left: connection
            .prepare_cached(LEFT)?
            .query_map([id_list(users.iter().copied())], |row| row.get(0).map(UserId))?
            .collect::<rusqlite::Result<_>>()?,
        devices: devices::with_ids(connection, None, &ids)?.iter().map(|device| (device.id, device.user)).collect(),
        alertable: devices::app_tokens(connection, &named)?.into_iter().map(|token| token.device).collect(),
        groups: groups::all(connection, None)?.into_iter().map(|group| group.id).collect(),
        apps: groups::apps(connection)?.into_iter().map(|app| app.adam_id).collect(),
    })
}

/// The users, and the devices that are more than a way to one of them, each once and in order.
fn named(kept: &[Kept]) -> (Vec<i64>, Vec<DeviceId>) {
    let (mut users, mut devices) = (BTreeSet::new(), BTreeSet::new());
    for (_, ask) in kept {
        match &ask.intent {
            Intent::Invite(invite) => users.extend(invite.lines().iter().map(|line| line.user.0)),
            Intent::Withdraw { users: people } => users.extend(people.iter().map(|person| person.user.0)),
            Intent::Mail(mail) => {
                if let MailTo::People(people) = &mail.to {
                    users.extend(people.iter().map(|person| person.user.0));
                }
            }
            Intent::Push(push) => {
                users.extend(push.to.iter().map(|(person, _)| person.user.0));
                devices.extend(push.to.iter().map(|(_, device)| *device));
            }
            Intent::AssignDevice { device, to, .. } => {
                users.extend(to.iter().map(|person| person.user.0));
                devices.insert(*device);
            }
            Intent::Distribution { target: DistributionTarget::User(user), .. } => {
                users.insert(user.0);
            }
            _ => {}
        }
    }
    (users.into_iter().collect(), devices.into_iter().collect())
}
