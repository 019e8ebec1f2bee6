//! A user's info card, as Profile Manager's tab "Info" had one.

use super::card::Card;
use crate::domain::invite_plan::{Candidate, Choice, InvitePlan};
use crate::domain::reason::LeftOut;
use crate::domain::selection::{Of, Select};
use crate::domain::time::show;
use crate::domain::user::{Status, User as Record};
use crate::script::api::plan_options::plan_options;
use crate::script::problem::Problem;
use crate::script::run_context::Run;
use crate::script::values::User;

/// Account, groups, devices, and how far the invitation is.
///
/// # Errors
/// The roster's.
pub fn card(run: &Run, user: &User) -> Result<Card, Problem> {
    let u = &*user.0;
    let run = &run.at(u.as_of);
    let mut card = Card::titled(format!("{} ({})", u.full_name, u.username));
    card.as_of(run);
    if !u.enabled {
        card.text_line("enabled", "no: the account is disabled");
    }
    card.text_line("mail", u.mail.as_ref().map_or("none", |mail| mail.as_str()));
    let known = [
        ("department", &u.department),
        ("title", &u.title),
        ("account", &u.managed_account),
        ("language", &u.language),
        ("zone", &u.timezone),
    ];
    for (label, value) in known {
        if let Some(value) = value {
            card.text_line(label, value);
        }
    }
    card.list("groups", run.read(|view| view.groups_of(u.id))?.into_iter().map(|group| group.name));
    let devices = run.read(|view| view.devices_of(u.id))?;
    card.list("devices", devices.iter().map(|device| format!("{} ({})", device.name, device.platform.noun())));
    card.text_line("status", &status(u, run));
    if u.reminders > 0 {
        card.text_line("reminders", &u.reminders.to_string());
    }
    if let Some(at) = u.last_contact {
        card.text_line("last contact", &show(at, run.site.zone));
    }
    let one = Select::Ids(Of::Users, [u.id.0].into());
    if let Some(candidate) = run.read(|view| view.candidates(&one))?.pop() {
        card.text_line("distribution", distribution(u, &candidate));
        // Nobody can be invited in the past.
        if u.as_of.is_none()
            && let Some(reason) = left_out(run, candidate)
        {
            card.text_line("invitation", &format!("none can be sent: {reason}"));
        }
    }
    Ok(card)
}

fn status(u: &Record, run: &Run) -> String {
    let at = |word: &str, at| format!("{word} {}", show(at, run.site.zone));
    let invited = u.invited_at.map(|since| at("invited", since));
    match (u.status, invited) {
        (Status::None, None) => u.status.shown().to_owned(),
        (Status::None | Status::Invited, Some(invited)) => invited,
        (Status::Enrolled, invited) => {
            let enrolled = u.enrolled_at.map_or_else(|| "enrolled".to_owned(), |since| at("enrolled since", since));
            [Some(enrolled), invited].into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        (status, invited) => [Some(status.shown().to_owned()), invited].into_iter().flatten().collect::<Vec<_>>().join(", "),
    }
}

fn distribution(u: &Record, candidate: &Candidate) -> &'static str {
    match (u.distribution, candidate.distribution) {
        (true, _) => "enabled",
        (false, true) => "enabled through a group",
        (false, false) => "not enabled",
    }
}

/// Why no invitation could be sent though somebody wanted to; enrolled people need none.
fn left_out(run: &Run, candidate: Candidate) -> Option<LeftOut> {
    let options = plan_options(run, Choice::Everyone);
    let plan = InvitePlan::make(String::new(), String::new(), vec![candidate], &options, run.now());
    plan.left_out.first().map(|left| left.reason).filter(|reason| *reason != LeftOut::AlreadyEnrolled)
}
