//! A kept plan without a person who is to be forgotten.

use std::sync::Arc;

use super::canary::Kept;
use super::ids::UserId;
use super::intent::{Asked, DistributionTarget, Intent, Invite, MailMessage, MailTo, Person, PushMessage};
use super::invite_plan::InvitePlan;

/// Whether a plan has something for a person, or says why it has not.
#[must_use]
pub fn is_in(kept: &[Kept], user: UserId) -> bool {
    take_out(kept, user) != kept
}

/// The plan without the person. Nobody else gets more or less by it; an intent that was about nobody else
/// is gone. What texts say stays.
#[must_use]
pub fn take_out(kept: &[Kept], user: UserId) -> Vec<Kept> {
    let without = |(index, ask): &Kept| {
        let intent = without(&ask.intent, user)?;
        Some((*index, Asked { intent, origin: ask.origin.clone() }))
    };
    kept.iter().filter_map(without).collect()
}

fn without(intent: &Intent, user: UserId) -> Option<Intent> {
    let others = |people: &[Person]| people.iter().filter(|person| person.user != user).cloned().collect::<Vec<_>>();
    // Who was in it, and how many of them are others.
    let left = |before: usize, now: usize, intent: Intent| (now > 0 || before == 0).then_some(intent);
    match intent {
        Intent::Invite(Invite { plan, options }) => {
            let lines: Vec<_> = plan.lines.iter().filter(|line| line.user != user).cloned().collect();
            let left_out: Vec<_> = plan.left_out.iter().filter(|left| left.user != user).cloned().collect();
            let (before, now) = (plan.lines.len(), lines.len());
            // Which platforms the others' devices are is counted when it leaves.
            let plan = if now == before { plan.clone() } else { plan.with_lines(lines) };
            let plan = InvitePlan { left_out: Arc::new(left_out), ..plan };
            left(before, now, Intent::Invite(Invite { plan, options: options.clone() }))
        }
        Intent::Withdraw { users } => left(users.len(), others(users).len(), Intent::Withdraw { users: others(users) }),
        Intent::Mail(mail) => {
            let left_out = mail.left_out.iter().filter(|(person, _)| person.user != user).cloned().collect();
            match &mail.to {
                MailTo::Address(_) => Some(Intent::Mail(MailMessage { left_out, ..mail.clone() })),
                MailTo::People(people) => {
                    let to = others(people);
                    let now = to.len();
                    left(people.len(), now, Intent::Mail(MailMessage { to: MailTo::People(to), left_out, ..mail.clone() }))
                }
            }
        }
        Intent::Push(push) => {
            let to: Vec<_> = push.to.iter().filter(|(person, _)| person.user != user).cloned().collect();
            let left_out = push.left_out.iter().filter(|(person, _)| person.user != user).cloned().collect();
            left(push.to.len(), to.len(), Intent::Push(PushMessage { to, left_out, ..push.clone() }))
        }
        Intent::AssignDevice { to: Some(person), .. } if person.user == user => None,
        Intent::Distribution { target: DistributionTarget::User(of), .. } if *of == user => None,
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::grounds::Grounds;
    use crate::domain::intent::Origin;
    use serde_json::json;

    fn person(n: i64) -> Person {
        Person { user: UserId(n), username: format!("user{n}"), full_name: format!("User {n}") }
    }

    fn kept(intents: Vec<Intent>) -> Vec<Kept> {
        (0..).zip(intents).map(|(n, intent)| (n, Asked { intent, origin: Origin::default() })).collect()
    }

    fn mail(to: MailTo) -> Intent {
        Intent::Mail(MailMessage {
            template: "message".to_owned(),
            data: json!({}),
            to,
            left_out: Vec::new(),
            grounds: Grounds::default(),
        })
    }

    #[test]
    fn a_person_is_in_no_intent_any_more() {
        let plan = kept(vec![
            Intent::Withdraw { users: vec![person(1), person(2)] },
            Intent::Withdraw { users: vec![person(1)] },
            mail(MailTo::People(vec![person(2), person(1)])),
            Intent::Distribution { target: DistributionTarget::User(UserId(1)), name: "User 1".to_owned(), on: true },
            Intent::Webhook { endpoint: "hook".to_owned(), body: json!({}) },
            mail(MailTo::People(Vec::new())),
        ]);
        assert!(is_in(&plan, UserId(1)) && !is_in(&plan, UserId(3)));
        let left = take_out(&plan, UserId(1));
        assert!(!serde_json::to_string(&left).unwrap().contains("user1"));
        assert_eq!(
            left.iter().map(|(index, _)| *index).collect::<Vec<_>>(),
            [0, 2, 4, 5],
            "places stay, and what was empty before"
        );
        assert!(is_in(&left, UserId(2)));
    }
}
