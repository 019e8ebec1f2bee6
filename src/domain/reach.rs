//! How many people a plan reaches, and which limits that breaks, alone and together with earlier runs.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::ids::UserId;
use super::intent::{Asked, Intent, MailTo};
use super::limits::Limits;

/// A share of the roster is judged from so many people on: one of three is no mass mailing.
const SHARE_FROM: u32 = 10;

/// Growth is judged from so many people on: from two to seven is no accident.
const GROWTH_FROM: u32 = 20;

/// The people whom a plan reaches, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    pub invited: HashSet<UserId>,
    /// Who gets a message that is no invitation.
    pub written_to: HashSet<Recipient>,
}

/// Somebody of the roster, or a mailbox that is nobody's of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Recipient {
    User(UserId),
    Address(String),
}

impl Reach {
    #[must_use]
    pub fn of<'a>(asked: impl IntoIterator<Item = &'a Asked>) -> Self {
        let mut reach = Self::default();
        for ask in asked {
            match &ask.intent {
                Intent::Invite(invite) => reach.invited.extend(invite.lines().iter().map(|line| line.user)),
                Intent::Mail(mail) => match &mail.to {
                    MailTo::People(people) => reach.written_to.extend(people.iter().map(|p| Recipient::User(p.user))),
                    MailTo::Address(address) => {
                        reach.written_to.insert(Recipient::Address(address.folded()));
                    }
                },
                Intent::Push(push) => reach.written_to.extend(push.to.iter().map(|(person, _)| Recipient::User(person.user))),
                _ => {}
            }
        }
        reach
    }

    /// Everybody it reaches, whichever way.
    #[must_use]
    pub fn people(&self) -> u32 {
        let written_to = self.written_to.iter().filter(|to| match to {
            Recipient::User(user) => !self.invited.contains(user),
            Recipient::Address(_) => true,
        });
        count(self.invited.len() + written_to.count())
    }
}

/// What was before a plan, as far as limits look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// How many users the roster has.
    pub users: u64,
    /// Whom runs have invited within the last 24 hours.
    pub invited_today: HashSet<UserId>,
    /// How many people the last run of the same script with the same parameters reached, of those
    /// that reached anybody.
    pub last_time: Option<u32>,
    /// Nobody has looked at the plan: a schedule started the run.
    pub unattended: bool,
}

/// A limit that a run would break, with the setting that raises it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exceeded {
    pub what: String,
    pub setting: String,
}

impl Limits {
    /// Every limit that a plan breaks.
    #[must_use]
    pub fn exceeded(&self, reach: &Reach, before: &Before) -> Vec<Exceeded> {
        let mut broken = Vec::new();
        let mut over = |is: bool, setting: &str, what: String| {
            if is {
                broken.push(Exceeded { what, setting: format!("limits.{setting}") });
            }
        };
        let invited = count(reach.invited.len());
        over(
            invited > self.invitations_per_run,
            "invitations_per_run",
            format!("it would invite {invited} users, and a run may invite {}", self.invitations_per_run),
        );
        let share = share(invited, before.users);
        over(
            invited >= SHARE_FROM && share > self.share_of_roster,
            "share_of_roster",
            format!(
                "it would invite {:.0} % of the roster, and a run may invite {:.0} %",
                share * 100.0,
                self.share_of_roster * 100.0
            ),
        );
        let written_to = count(reach.written_to.len());
        over(
            written_to > self.messages_per_run,
            "messages_per_run",
            format!("it would write to {written_to} people, and a run may write to {}", self.messages_per_run),
        );
        if let Some(last) = before.last_time.filter(|last| before.unattended && self.has_grown(reach, *last)) {
            let what = format!(
                "it would reach {} people and reached {last} last time, and a schedule may reach {} times as many",
                reach.people(),
                self.growth
            );
            over(true, "growth", what);
        }
        // Where nobody else was invited, the day says nothing that the run alone hasn't said.
        if broken.is_empty() || !before.invited_today.is_empty() {
            broken.extend(self.exceeded_today(reach, before));
        }
        broken
    }

    /// The limits that count what other runs did within the last 24 hours.
    #[must_use]
    pub fn exceeded_today(&self, reach: &Reach, before: &Before) -> Vec<Exceeded> {
        let mut broken = Vec::new();
        let new = reach.invited.difference(&before.invited_today).count();
        let today = count(before.invited_today.len() + new);
        // Whoever was invited within the day already doesn't make it more.
        if new == 0 {
            return broken;
        }
        if today > self.invitations_per_day {
            broken.push(Exceeded {
                what: format!(
                    "with it, {today} users would be invited within 24 hours, and all runs together may invite {}",
                    self.invitations_per_day
                ),
                setting: "limits.invitations_per_day".to_owned(),
            });
        }
        let share = share(today, before.users);
        if today >= SHARE_FROM && share > self.share_of_roster_per_day {
            broken.push(Exceeded {
                what: format!(
                    "with it, {:.0} % of the roster would be invited within 24 hours, and all runs together may invite {:.0} %",
                    share * 100.0,
                    self.share_of_roster_per_day * 100.0
                ),
                setting: "limits.share_of_roster_per_day".to_owned(),
            });
        }
        broken
    }

    /// What a person should see in the plan although it breaks no limit of theirs.
    #[must_use]
    pub fn remark(&self, reach: &Reach, before: &Before) -> Option<String> {
        let last = before.last_time.filter(|last| !before.unattended && self.has_grown(reach, *last))?;
        Some(format!("it reaches far more people than the last run of this script: last time {last}, now {}", reach.people()))
    }

    fn has_grown(&self, reach: &Reach, last: u32) -> bool {
        let now = reach.people();
        now >= GROWTH_FROM && f64::from(now) > self.growth * f64::from(last)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a roster is far smaller than 2^52")]
fn share(n: u32, of: u64) -> f64 {
    f64::from(n) / of.max(1) as f64
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(invited: std::ops::Range<i64>, written_to: std::ops::Range<i64>) -> Reach {
        Reach { invited: invited.map(UserId).collect(), written_to: written_to.map(UserId).map(Recipient::User).collect() }
    }

    fn before(users: u64, today: std::ops::Range<i64>) -> Before {
        Before { users, invited_today: today.map(UserId).collect(), ..Before::default() }
    }

    /// The settings whose limits are broken.
    fn broken(reach: &Reach, before: &Before) -> String {
        let limits = Limits {
            invitations_per_run: 30,
            invitations_per_day: 50,
            share_of_roster: 0.25,
            share_of_roster_per_day: 0.5,
            messages_per_run: 40,
            ..Limits::default()
        };
        let settings = limits.exceeded(reach, before).into_iter().map(|e| e.setting.replace("limits.", ""));
        settings.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_limit_is_broken_by_one_more_than_it_allows() {
        let many = before(1_000, 0..0);
        assert_eq!(broken(&reach(0..30, 0..0), &many), "");
        assert_eq!(broken(&reach(0..31, 0..0), &many), "invitations_per_run");
        assert_eq!(broken(&reach(0..0, 0..40), &many), "");
        assert_eq!(broken(&reach(0..0, 0..41), &many), "messages_per_run");
        assert_eq!(broken(&reach(0..25, 0..0), &before(100, 0..0)), "");
        assert_eq!(broken(&reach(0..26, 0..0), &before(100, 0..0)), "share_of_roster");
    }

    #[test]
    fn a_day_adds_up_and_counts_everybody_once() {
        let today = before(1_000, 0..40);
        assert_eq!(broken(&reach(40..50, 0..0), &today), "");
        assert_eq!(broken(&reach(40..51, 0..0), &today), "invitations_per_day");
        assert_eq!(broken(&reach(30..50, 0..0), &today), "", "ten of them were invited today already");
        assert_eq!(broken(&reach(0..30, 0..0), &before(1_000, 0..60)), "", "nobody new is invited");
        assert_eq!(broken(&reach(20..30, 0..0), &before(50, 0..20)), "share_of_roster_per_day");
        assert_eq!(broken(&reach(20..25, 0..0), &before(50, 0..20)), "");
    }

    #[test]
    fn a_few_people_of_a_small_roster_are_no_mass_mailing() {
        assert_eq!(broken(&reach(0..9, 0..0), &before(9, 0..0)), "");
        assert_eq!(broken(&reach(0..10, 0..0), &before(10, 0..0)), "share_of_roster");
    }

    #[test]
    fn growth_holds_schedules_and_is_shown_to_people() {
        let limits = Limits::default();
        let last = |n, unattended| Before { users: 10_000, last_time: Some(n), unattended, ..Before::default() };
        let held = |now, n| !limits.exceeded(&reach(0..now, 0..0), &last(n, true)).is_empty();
        assert!(!held(36, 12));
        assert!(held(37, 12));
        assert!(!held(19, 1), "judged from twenty people on");
        assert!(held(20, 1));
        let people = reach(0..200, 200..240);
        assert_eq!(limits.exceeded(&people, &last(12, false)), []);
        let remark = limits.remark(&people, &last(12, false)).unwrap();
        assert_eq!(remark, "it reaches far more people than the last run of this script: last time 12, now 240");
        assert_eq!(limits.remark(&people, &last(100, false)), None);
        assert_eq!(limits.exceeded(&people, &Before { unattended: true, ..before(10_000, 0..0) }), [], "the first run of all");
    }

    #[test]
    fn who_is_invited_and_written_to_is_one_person() {
        assert_eq!(reach(0..10, 5..15).people(), 15);
    }
}
