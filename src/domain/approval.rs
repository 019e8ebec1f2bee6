//! A plan that was kept, compared with the roster as it is now. It only ever becomes smaller.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use serde::Serialize;

use super::canary::Kept;
use super::delivery::Channel;
use super::device::Platform;
use super::ids::{DeviceId, GroupId, UserId};
use super::intent::{Asked, DistributionTarget, Intent, Invite, MailMessage, MailTo, Person, PushMessage};
use super::invite_plan::{Candidate, Line, counted};
use super::time::Timestamp;
use super::user::Status;

/// What the comparison has to know of the roster.
#[derive(Clone, Debug, Default)]
pub struct RosterNow {
    /// Of everybody whom the plan names and who is still there.
    pub people: HashMap<UserId, Candidate>,
    /// Who of them is only still known because Apple has a record of them.
    pub left: HashSet<UserId>,
    /// Of every device that the plan names and that is still there: whose it is.
    pub devices: HashMap<DeviceId, Option<UserId>>,
    /// Devices with a token for visible alerts.
    pub alertable: HashSet<DeviceId>,
    pub groups: HashSet<GroupId>,
    /// By App Store id.
    pub apps: HashSet<String>,
}

/// Why something of a kept plan does not happen any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    Accepted,
    Left,
    Disabled,
    DistributionOff,
    /// Another run has invited or reminded them.
    InvitedSince,
    /// No device and no mailbox of the plan can be reached any more.
    Unreachable,
    /// They have got, or lost, a Managed Apple Account.
    AccountChanged,
    DeviceGone,
    DeviceOfSomebodyElse,
    GroupGone,
    AppGone,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "accepted since",
            Self::Left => "left the roster since",
            Self::Disabled => "account disabled since",
            Self::DistributionOff => "managed distribution disabled since",
            Self::InvitedSince => "invited by another run since",
            Self::Unreachable => "no device and no mail address left",
            Self::AccountChanged => "Managed Apple Account changed since",
            Self::DeviceGone => "the device has gone since",
            Self::DeviceOfSomebodyElse => "the device is somebody else's now",
            Self::GroupGone => "the group has gone since",
            Self::AppGone => "the app has gone since",
        })
    }
}

/// One thing that is left out now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// The intent's place in the run.
    pub intent: u32,
    pub user: Option<UserId>,
    /// A full name; a serial number, group or app where it is no person.
    pub who: String,
    pub change: Change,
}

/// A kept plan as it would happen now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    pub stays: Vec<Kept>,
    pub gone: Vec<Gone>,
    /// Who stays with fewer devices, or without the mail: their name, and what is left.
    pub fewer: Vec<(String, String)>,
}

impl Difference {
    /// Compares a plan that was kept at `since`.
    #[must_use]
    pub fn between(kept: &[Kept], since: Timestamp, now: &RosterNow) -> Self {
        let mut difference = Self::default();
        for (index, ask) in kept {
            let stays = difference.intent(*index, &ask.intent, since, now);
            difference.stays.extend(stays.map(|intent| (*index, Asked { intent, origin: ask.origin.clone() })));
        }
        difference
    }

    /// Whether nothing is left to be done.
    #[must_use]
    pub fn is_void(&self) -> bool {
        self.stays.iter().all(|(_, ask)| ask.intent.is_void())
    }

    fn intent(&mut self, index: u32, intent: &Intent, since: Timestamp, now: &RosterNow) -> Option<Intent> {
        let thing = |who: &str, change| Gone { intent: index, user: None, who: who.to_owned(), change };
        Some(match intent {
            Intent::Invite(invite) => Intent::Invite(self.invite(index, invite, since, now)),
            Intent::Withdraw { users } => Intent::Withdraw { users: self.people(index, users, |p| is_there(now, p.user)) },
            Intent::Mail(mail) => Intent::Mail(self.mail(index, mail, now)),
            Intent::Push(push) => {
                let to = push.to.iter().filter(|(person, device)| {
                    let change = can_be_alerted(now, person.user, *device).err();
                    self.gone.extend(change.map(|change| gone(index, person, change)));
                    change.is_none()
                });
                Intent::Push(PushMessage { to: to.cloned().collect(), ..push.clone() })
            }
            Intent::AssignDevice { device, serial, to } => {
                let change = match to {
                    _ if !now.devices.contains_key(device) => Some(Change::DeviceGone),
                    Some(person) => is_there(now, person.user).err(),
                    None => None,
                };
                if let Some(change) = change {
                    self.gone.push(thing(serial, change));
                    return None;
                }
                intent.clone()
            }
            Intent::Distribution { target, name, .. } => {
                let change = match target {
                    DistributionTarget::Group(group) => (!now.groups.contains(group)).then_some(Change::GroupGone),
                    DistributionTarget::User(user) => (!now.people.contains_key(user)).then_some(Change::Left),
                };
                if let Some(change) = change {
                    self.gone.push(thing(name, change));
                    return None;
                }
                intent.clone()
            }
            Intent::AssignApp { adam_id, app, group, group_name } => {
                let group_gone = (!now.groups.contains(group)).then(|| thing(group_name, Change::GroupGone));
                let change = group_gone.or_else(|| (!now.apps.contains(adam_id)).then(|| thing(app, Change::AppGone)));
                if let Some(change) = change {
                    self.gone.push(change);
                    return None;
                }
                intent.clone()
            }
            // What has become of a delivery is looked at when it is committed.
            Intent::Webhook { .. } | Intent::Retry { .. } | Intent::Cancel { .. } => intent.clone(),
        })
    }

    fn invite(&mut self, index: u32, invite: &Invite, since: Timestamp, now: &RosterNow) -> Invite {
        let mut lines = Vec::with_capacity(invite.lines().len());
        let mut platforms = BTreeMap::<Platform, u32>::new();
        for line in invite.lines().iter() {
            let candidate = now.people.get(&line.user).filter(|_| !now.left.contains(&line.user));
            match candidate.ok_or(Change::Left).and_then(|c| line_now(line, c, since, &invite.options.channels)) {
                Ok(left) => {
                    let devices = candidate.into_iter().flat_map(|c| &c.devices).filter(|d| left.devices.contains(&d.device));
                    devices.for_each(|device| *platforms.entry(device.platform).or_default() += 1);
                    self.note_fewer(line, &left);
                    lines.push(left);
                }
                Err(change) => {
                    let (user, who) = (Some(line.user), line.full_name.clone());
                    self.gone.push(Gone { intent: index, user, who, change });
                }
            }
        }
        let mut plan = invite.plan.with_lines(lines);
        plan.platforms = platforms;
        Invite { plan, options: invite.options.clone() }
    }

    fn note_fewer(&mut self, before: &Line, now: &Line) {
        let mut words = Vec::new();
        if now.devices.len() < before.devices.len() {
            words.push(format!("on {} of {}", now.devices.len(), counted(before.devices.len(), "device")));
        }
        if before.mail && !now.mail {
            words.push("without the mail".to_owned());
        }
        if !words.is_empty() {
            self.fewer.push((before.full_name.clone(), words.join(", ")));
        }
    }

    fn mail(&mut self, index: u32, mail: &MailMessage, now: &RosterNow) -> MailMessage {
        let to = match &mail.to {
            MailTo::Address(address) => MailTo::Address(address.clone()),
            MailTo::People(people) => MailTo::People(self.people(index, people, |person| {
                let candidate = is_enabled(now, person.user)?;
                if candidate.has_mail && !candidate.mail_dead { Ok(()) } else { Err(Change::Unreachable) }
            })),
        };
        MailMessage { to, ..mail.clone() }
    }

    /// Those of whom `still` has nothing to say.
    fn people(&mut self, index: u32, people: &[Person], still: impl Fn(&Person) -> Result<(), Change>) -> Vec<Person> {
        let stay = people.iter().filter(|person| {
            let change = still(person).err();
            self.gone.extend(change.map(|change| gone(index, person, change)));
            change.is_none()
        });
        stay.cloned().collect()
    }
}

fn gone(intent: u32, person: &Person, change: Change) -> Gone {
    Gone { intent, user: Some(person.user), who: person.full_name.clone(), change }
}

fn is_there(now: &RosterNow, user: UserId) -> Result<(), Change> {
    if now.people.contains_key(&user) { Ok(()) } else { Err(Change::Left) }
}

fn is_enabled(now: &RosterNow, user: UserId) -> Result<&Candidate, Change> {
    let candidate = now.people.get(&user).filter(|_| !now.left.contains(&user)).ok_or(Change::Left)?;
    if candidate.enabled { Ok(candidate) } else { Err(Change::Disabled) }
}

fn can_be_alerted(now: &RosterNow, user: UserId, device: DeviceId) -> Result<(), Change> {
    is_enabled(now, user)?;
    match now.devices.get(&device) {
        None => Err(Change::DeviceGone),
        Some(owner) if *owner != Some(user) => Err(Change::DeviceOfSomebodyElse),
        Some(_) if !now.alertable.contains(&device) => Err(Change::Unreachable),
        Some(_) => Ok(()),
    }
}

/// What is left of a line, in the order in which a person would ask.
fn line_now(line: &Line, now: &Candidate, since: Timestamp, channels: &[Channel]) -> Result<Line, Change> {
    if now.status == Status::Enrolled {
        return Err(Change::Accepted);
    }
    if !now.enabled {
        return Err(Change::Disabled);
    }
    if !now.distribution {
        return Err(Change::DistributionOff);
    }
    let contacted = now.invited_at.is_some() && now.last_contact.is_some_and(|at| at > since);
    // Whoever was never invited when the plan was made, and is now, was by another run.
    if now.under_way || contacted || (!line.again && (now.invited_at.is_some() || now.doubtful)) {
        return Err(Change::InvitedSince);
    }
    if line.associate != now.managed_account {
        return Err(Change::AccountChanged);
    }
    let reachable = |device: &DeviceId| now.devices.iter().any(|d| d.device == *device && d.not_invitable.is_none());
    let devices: Vec<DeviceId> = line.devices.iter().copied().filter(reachable).collect();
    let mail = line.mail && now.has_mail && !now.mail_dead;
    let by_mail = mail && channels.contains(&Channel::Mail);
    if devices.is_empty() && !by_mail && !line.associate {
        return Err(Change::Unreachable);
    }
    Ok(Line { devices, mail, ..line.clone() })
}

#[cfg(test)]
#[path = "approval_tests.rs"]
mod tests;
