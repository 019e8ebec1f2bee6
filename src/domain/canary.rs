//! A canary wave: the first people of a run go ahead, and what becomes of them decides about the rest.

use std::collections::HashSet;

use super::ids::UserId;
use super::intent::{Asked, Intent, Invite, MailMessage, MailTo, PushMessage};
use super::invite_plan::{InvitePlan, Line};
use super::time::{Span, Timestamp};

/// `limits.canary`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Canary {
    /// How many people the first wave has.
    pub people: u32,
    /// How long nothing more happens after the wave has ended: devices and mail servers may need a
    /// while to say no.
    pub wait: Span,
    /// Between 0 and 1: the share of the wave's deliveries that may fail.
    pub failures: f64,
}

/// One intent of a kept plan, with its place in the run's list.
pub type Kept = (u32, Asked);

/// How far a first wave is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wave {
    /// What has not ended yet: waits for Apple, its turn or another try.
    pub open: u32,
    /// Handed over, to a mailbox, a device or the MDM server.
    pub good: u32,
    /// Rejected, expired, doubtful, or not registered by Apple.
    pub failed: u32,
    /// When the last of them ended.
    pub ended_at: Timestamp,
}

/// What a first wave means for the rest of its run.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It has not ended.
    Wait,
    /// It has ended well so far: look again then.
    WaitUntil(Timestamp),
    Release,
    /// Too much of it failed: the words say how much.
    Hold(String),
}

impl Default for Canary {
    fn default() -> Self {
        Self { people: 10, wait: Span::minutes(15), failures: 0.2 }
    }
}

impl Canary {
    /// The wave of one run: the site's, with as few people as a plan of the run asks for.
    #[must_use]
    pub fn of(site: Option<Self>, asked: &[Asked]) -> Option<Self> {
        let own = asked.iter().filter_map(|ask| match &ask.intent {
            Intent::Invite(invite) => invite.options.canary,
            _ => None,
        });
        match own.min() {
            Some(people) => Some(Self { people, ..site.unwrap_or_default() }),
            None => site,
        }
    }

    /// What is to be done with the rest at `now`.
    #[must_use]
    pub fn verdict(&self, wave: &Wave, now: Timestamp) -> Verdict {
        if wave.open > 0 {
            return Verdict::Wait;
        }
        let all = wave.good + wave.failed;
        let share = f64::from(wave.failed) / f64::from(all.max(1));
        if share > self.failures {
            return Verdict::Hold(format!(
                "{} of the {all} deliveries of its first wave failed, and {:.0} % of them may",
                wave.failed,
                self.failures * 100.0
            ));
        }
        let over = wave.ended_at + self.wait;
        if now < over { Verdict::WaitUntil(over) } else { Verdict::Release }
    }

    /// Splits a plan into its first wave and the rest; `None` where everybody fits into the wave. What
    /// is not about a person's messages belongs to the wave.
    #[must_use]
    pub fn split(&self, asked: &[Asked]) -> Option<(Vec<Kept>, Vec<Kept>)> {
        let mut first = HashSet::new();
        let most = usize::try_from(self.people).unwrap_or(usize::MAX);
        let mut belongs = |user: UserId| first.contains(&user) || (first.len() < most && first.insert(user));
        let (mut wave, mut rest) = (Vec::new(), Vec::new());
        for (index, ask) in asked.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let of = |intent| (index, Asked { intent, origin: ask.origin.clone() });
            let (ahead, later) = match &ask.intent {
                Intent::Invite(invite) => {
                    let (ahead, later): (Vec<Line>, Vec<Line>) =
                        invite.lines().iter().cloned().partition(|line| belongs(line.user));
                    let options = invite.options.clone();
                    // What was left out is told once, with the wave.
                    let rest = InvitePlan { left_out: std::sync::Arc::default(), ..invite.plan.with_lines(later) };
                    let ahead = Invite { plan: invite.plan.with_lines(ahead), options: options.clone() };
                    let later = (!rest.lines.is_empty()).then_some(Intent::Invite(Invite { plan: rest, options }));
                    (Intent::Invite(ahead), later)
                }
                Intent::Mail(MailMessage { template, data, to: MailTo::People(people), left_out, grounds }) => {
                    let (ahead, later): (Vec<_>, Vec<_>) = people.iter().cloned().partition(|person| belongs(person.user));
                    let mail = |people, left_out| {
                        Intent::Mail(MailMessage {
                            template: template.clone(),
                            data: data.clone(),
                            to: MailTo::People(people),
                            left_out,
                            grounds: grounds.clone(),
                        })
                    };
                    let later = (!later.is_empty()).then(|| mail(later, Vec::new()));
                    (mail(ahead, left_out.clone()), later)
                }
                Intent::Push(push) => {
                    let (ahead, later): (Vec<_>, Vec<_>) = push.to.iter().cloned().partition(|(person, _)| belongs(person.user));
                    let later = (!later.is_empty())
                        .then(|| Intent::Push(PushMessage { to: later, left_out: Vec::new(), ..push.clone() }));
                    (Intent::Push(PushMessage { to: ahead, ..push.clone() }), later)
                }
                other => (other.clone(), None),
            };
            wave.push(of(ahead));
            rest.extend(later.map(of));
        }
        (!rest.is_empty()).then_some((wave, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_millis;

    fn verdict(open: u32, good: u32, failed: u32, minutes: i64) -> Verdict {
        let canary = Canary { people: 10, wait: Span::minutes(15), failures: 0.2 };
        let wave = Wave { open, good, failed, ended_at: from_millis(0) };
        canary.verdict(&wave, from_millis(minutes * 60_000))
    }

    #[test]
    fn the_rest_waits_for_the_end_and_then_for_the_wait() {
        assert_eq!(verdict(1, 9, 0, 60), Verdict::Wait);
        assert_eq!(verdict(0, 10, 0, 14), Verdict::WaitUntil(from_millis(15 * 60_000)));
        assert_eq!(verdict(0, 10, 0, 15), Verdict::Release);
        assert_eq!(verdict(0, 0, 0, 15), Verdict::Release, "everybody of it had accepted meanwhile");
    }

    #[test]
    fn too_many_failures_hold_the_rest_at_once() {
        assert_eq!(verdict(0, 8, 2, 15), Verdict::Release);
        let words = "3 of the 10 deliveries of its first wave failed, and 20 % of them may";
        assert_eq!(verdict(0, 7, 3, 0), Verdict::Hold(words.to_owned()));
        assert_eq!(verdict(1, 6, 3, 0), Verdict::Wait, "it may still get better");
    }
}
