//! A group's info card, with its enrolment figures as a bar.

use super::bar::Bar;
use super::card::{Card, Value};
use crate::domain::invite_plan::counted;
use crate::script::api::groups::enrolment;
use crate::script::problem::RhaiResultOf;
use crate::script::run_context::Run;
use crate::script::values::{Group, GroupKind};

/// Managed distribution, the groups inside, and how far it has come.
///
/// # Errors
/// The roster's, and those of a rule's closure.
pub fn card(run: &Run, group: &Group) -> RhaiResultOf<Card> {
    let run = &run.at(group.as_of());
    let figures = enrolment(run, group)?;
    let mut card = Card::titled(group.name.clone());
    card.as_of(run);
    card.text_line(
        "",
        match &group.kind {
            GroupKind::Roster(record) if record.distribution => "managed distribution enabled",
            GroupKind::Roster(_) => "managed distribution not enabled: nobody is invited through this group",
            GroupKind::Rule(_) => "a rule of this run",
        },
    );
    if let GroupKind::Roster(record) = &group.kind {
        let inside = run.read(|view| view.subgroups(record.id))?;
        if !inside.is_empty() {
            card.list("groups inside", inside.into_iter().map(|group| group.name));
        }
    }
    let n = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    card.text_line("", &format!("{}, {}", counted(n(figures.users), "user"), counted(n(figures.devices), "device")));
    if figures.users > 0 {
        card.add("", Value::Bar(Bar::of(&figures)));
    }
    Ok(card)
}
