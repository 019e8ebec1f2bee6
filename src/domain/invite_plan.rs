//! Who would be invited, how, and who not and why. Pure: candidates in, plan out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::delivery::Channel;
use super::device::{NotInvitable, Platform};
use super::grounds::Grounds;
use super::ids::{DeviceId, UserId};
use super::reason::LeftOut;
use super::time::{Span, Timestamp};
use super::user::Status;

/// What decides about one user.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub user: UserId,
    pub username: String,
    pub full_name: String,
    pub enabled: bool,
    pub status: Status,
    pub invited_at: Option<Timestamp>,
    pub last_contact: Option<Timestamp>,
    pub has_mail: bool,
    /// The address turned mail away for good.
    pub mail_dead: bool,
    pub managed_account: bool,
    /// Managed distribution is enabled for the user or one of their groups, nested ones included.
    pub distribution: bool,
    /// A delivery of this user's invitation waits or is being handed over.
    pub under_way: bool,
    /// Nothing has reached this user for certain, and an invitation may have.
    pub doubtful: bool,
    pub devices: Vec<CandidateDevice>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CandidateDevice {
    pub device: DeviceId,
    pub name: String,
    pub platform: Platform,
    pub not_invitable: Option<NotInvitable>,
}

/// Profile Manager's two choices, and everybody who has not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Nobody who was ever sent an invitation.
    NotInvited,
    /// Everybody whom Apple does not show as associated, but not those reminded a moment ago.
    NotEnrolled,
    /// The same without regard to how recently they were reminded.
    Everyone,
}

impl Choice {
    pub const WORDS: [&'static str; 3] = ["not-invited", "not-enrolled", "everyone"];

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "not-invited" => Some(Self::NotInvited),
            "not-enrolled" => Some(Self::NotEnrolled),
            "everyone" => Some(Self::Everyone),
            _ => None,
        }
    }
}

/// How a plan is to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanOptions {
    pub choice: Choice,
    pub channels: Vec<Channel>,
    /// Who was contacted less than this ago is left out.
    pub gap: Span,
    /// Only these devices, for `invite.device(d)`.
    pub only_devices: Option<Vec<DeviceId>>,
}

/// One user's line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub user: UserId,
    pub username: String,
    pub full_name: String,
    pub devices: Vec<DeviceId>,
    pub mail: bool,
    /// A Managed Apple Account: associated by Apple at once, nothing is delivered.
    pub associate: bool,
    /// An invitation went out before; this sends the same one again.
    pub again: bool,
}

/// A user who is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Left {
    pub user: UserId,
    pub username: String,
    pub full_name: String,
    pub reason: LeftOut,
}

impl Left {
    fn words(&self) -> String {
        format!("{} is left out: {}", self.full_name, self.reason)
    }
}

/// The plan of one invitation intent, with exact figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvitePlan {
    /// What the audience is called: a group's name, `ana`, `6 users`.
    pub audience: String,
    /// What is asked of everybody again when something leaves for them.
    #[serde(flatten)]
    pub grounds: Grounds,
    pub site: String,
    #[serde(with = "shared")]
    pub lines: Arc<Vec<Line>>,
    #[serde(with = "shared")]
    pub left_out: Arc<Vec<Left>>,
    /// Devices by platform.
    pub platforms: BTreeMap<Platform, u32>,
    pub mails: u32,
    pub associated: u32,
}

impl InvitePlan {
    /// Decides about every candidate, in their order.
    #[must_use]
    pub fn make(audience: String, site: String, candidates: Vec<Candidate>, options: &PlanOptions, now: Timestamp) -> Self {
        let mut plan = Self {
            audience,
            grounds: Grounds::default(),
            site,
            lines: Arc::default(),
            left_out: Arc::default(),
            platforms: BTreeMap::new(),
            mails: 0,
            associated: 0,
        };
        let mut lines = Vec::with_capacity(candidates.len());
        let mut left_out = Vec::new();
        for candidate in candidates {
            match decide(&candidate, options, now) {
                Ok(route) => {
                    for (_, platform) in &route.devices {
                        *plan.platforms.entry(*platform).or_default() += 1;
                    }
                    plan.mails += u32::from(route.mail);
                    plan.associated += u32::from(route.associate);
                    lines.push(Line {
                        user: candidate.user,
                        username: candidate.username,
                        full_name: candidate.full_name,
                        devices: route.devices.into_iter().map(|(id, _)| id).collect(),
                        mail: route.mail,
                        associate: route.associate,
                        again: candidate.invited_at.is_some(),
                    });
                }
                Err(reason) => left_out.push(Left {
                    user: candidate.user,
                    username: candidate.username,
                    full_name: candidate.full_name,
                    reason,
                }),
            }
        }
        plan.lines = Arc::new(lines);
        plan.left_out = Arc::new(left_out);
        plan
    }

    /// The same plan for these people only. Which platforms their devices are is not known here, so the
    /// figures by platform are empty.
    #[must_use]
    pub fn with_lines(&self, lines: Vec<Line>) -> Self {
        let count = |is: fn(&&Line) -> bool| u32::try_from(lines.iter().filter(is).count()).unwrap_or(u32::MAX);
        Self {
            mails: count(|line| line.mail),
            associated: count(|line| line.associate),
            platforms: BTreeMap::new(),
            lines: Arc::new(lines),
            ..self.clone()
        }
    }

    #[must_use]
    pub fn devices(&self) -> u32 {
        self.platforms.values().sum()
    }

    /// The summary, and what was decided about each: the first `shown` of those who are in it, then of the others.
    #[must_use]
    pub fn decisions(&self, shown: usize) -> String {
        let lines = self.lines.iter().map(describe_line).collect();
        let left_out = self.left_out.iter().map(Left::words).collect();
        let mut text = self.summary();
        for all in [lines, left_out] as [Vec<String>; 2] {
            for words in all.iter().take(shown) {
                let _ = write!(text, "\n  {words}");
            }
            if all.len() > shown {
                let _ = write!(text, "\n  and {} more: `plan.why(username)` tells of each", all.len() - shown);
            }
        }
        text
    }

    /// Why a user is or isn't in the plan, in one sentence; `None` for somebody who is not of the audience.
    #[must_use]
    pub fn why(&self, username: &str) -> Option<String> {
        if let Some(line) = self.lines.iter().find(|l| l.username == username) {
            return Some(describe_line(line));
        }
        let left = self.left_out.iter().find(|l| l.username == username)?;
        Some(left.words())
    }

    /// How many were left out for each reason, in the reasons' order.
    #[must_use]
    pub fn left_out_counts(&self) -> BTreeMap<LeftOut, u32> {
        let mut counts = BTreeMap::new();
        for left in self.left_out.iter() {
            *counts.entry(left.reason).or_default() += 1;
        }
        counts
    }

    /// The summary a person confirms.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = format!("Invite {} to managed distribution ({})\n", self.audience, self.site);
        let audience = self.lines.len() + self.left_out.len();
        if audience == 0 {
            text.push_str("  nobody: the audience is empty");
            return text;
        }
        let _ = write!(text, "  {} of {}", self.lines.len(), counted(audience, "user"));
        if self.devices() > 0 {
            let list: Vec<String> = self.platforms.iter().map(|(p, n)| format!("{n} {}", p.noun())).collect();
            let _ = write!(text, ", {}: {}", counted(self.devices() as usize, "device"), list.join(", "));
        }
        if self.mails > 0 {
            let _ = write!(text, "; {}", counted(self.mails as usize, "mail"));
        }
        if self.associated > 0 {
            let _ = write!(text, "\n  {} of them by Managed Apple Account, without an invitation", self.associated);
        }
        if !self.left_out.is_empty() {
            let list: Vec<String> = self.left_out_counts().iter().map(|(reason, n)| format!("{n} {reason}")).collect();
            let _ = write!(text, "\n  left out: {}", list.join(", "));
        }
        text
    }
}

/// Shared lists are written as what they hold.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(list: &Arc<Vec<T>>, to: S) -> Result<S::Ok, S::Error> {
        list.as_slice().serialize(to)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Arc<Vec<T>>, D::Error> {
        Vec::deserialize(from).map(Arc::new)
    }
}

struct Route {
    devices: Vec<(DeviceId, Platform)>,
    mail: bool,
    associate: bool,
}

/// The rules, in the order a person would ask them.
fn decide(candidate: &Candidate, options: &PlanOptions, now: Timestamp) -> Result<Route, LeftOut> {
    if !candidate.enabled {
        return Err(LeftOut::AccountDisabled);
    }
    if candidate.status == Status::Enrolled {
        return Err(LeftOut::AlreadyEnrolled);
    }
    if !candidate.distribution {
        return Err(LeftOut::DistributionOff);
    }
    if candidate.under_way {
        return Err(LeftOut::UnderWay);
    }
    if candidate.doubtful && options.choice == Choice::NotInvited {
        return Err(LeftOut::Doubtful);
    }
    if candidate.managed_account {
        return Ok(Route { devices: Vec::new(), mail: false, associate: true });
    }
    if options.choice == Choice::NotInvited && candidate.invited_at.is_some() && candidate.status != Status::Retired {
        return Err(LeftOut::AlreadyInvited);
    }
    let recent = candidate.last_contact.is_some_and(|at| now - at < options.gap);
    if options.choice != Choice::Everyone && candidate.invited_at.is_some() && recent {
        return Err(LeftOut::ContactedWithin(u16::try_from(options.gap.num_days().max(1)).unwrap_or(u16::MAX)));
    }
    let devices: Vec<_> = candidate
        .devices
        .iter()
        .filter(|d| options.channels.contains(&Channel::Mdm) && d.not_invitable.is_none())
        .filter(|d| options.only_devices.as_ref().is_none_or(|only| only.contains(&d.device)))
        .map(|d| (d.device, d.platform))
        .collect();
    let mail = options.channels.contains(&Channel::Mail) && candidate.has_mail && !candidate.mail_dead;
    let mail = mail && (options.only_devices.is_none() || devices.is_empty());
    if devices.is_empty() && !mail {
        return Err(if candidate.mail_dead { LeftOut::AddressDead } else { LeftOut::Unreachable });
    }
    Ok(Route { devices, mail, associate: false })
}

fn describe_line(line: &Line) -> String {
    if line.associate {
        return format!("{} is associated by Managed Apple Account, without an invitation", line.full_name);
    }
    let mut ways = Vec::new();
    if !line.devices.is_empty() {
        ways.push(format!("on {}", counted(line.devices.len(), "device")));
    }
    if line.mail {
        ways.push("by mail".to_owned());
    }
    let again = if line.again { " again" } else { "" };
    format!("{} is invited{again} {}", line.full_name, ways.join(" and "))
}

/// `1 user`, `2 users`.
#[must_use]
pub fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
