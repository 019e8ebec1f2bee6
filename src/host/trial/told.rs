//! What came of a run, in the words that a test compares.

use std::collections::HashSet;

use crate::domain::intent::{Intent, MailTo};
use crate::host::run::{Evaluated, summary};
use crate::script::trial::TrialRun;

/// What came of a script, for the test that ran it.
pub fn told(evaluated: &Evaluated, printed: String) -> TrialRun {
    let mut run = TrialRun {
        plan: summary(&evaluated.asked),
        printed,
        value: evaluated.value.clone(),
        held: evaluated.exceeded.iter().map(|over| over.what.clone()).collect(),
        ..TrialRun::default()
    };
    for asked in &evaluated.asked {
        match &asked.intent {
            Intent::Invite(invite) => {
                run.invited.extend(invite.plan.lines.iter().map(|line| line.username.clone()));
                let left = invite.plan.left_out.iter().map(|left| (left.username.clone(), left.reason.to_string()));
                run.left_out.extend(left);
            }
            Intent::Mail(mail) => {
                match &mail.to {
                    MailTo::People(people) => run.written_to.extend(people.iter().map(|p| p.username.clone())),
                    MailTo::Address(address) => run.written_to.push(address.as_str().to_owned()),
                }
                run.left_out.extend(mail.left_out.iter().map(|(who, why)| (who.username.clone(), why.to_string())));
            }
            Intent::Push(push) => {
                run.written_to.extend(push.to.iter().map(|(who, _)| who.username.clone()));
                run.left_out.extend(push.left_out.iter().map(|(who, why)| (who.username.clone(), why.to_string())));
            }
            _ => {}
        }
    }
    for names in [&mut run.invited, &mut run.written_to] {
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
    }
    run
}
