//! The limits that bound what runs do together: `[limits]`, as far as it is not about one person.

use super::read::{Section, Source};
use super::values::{self, DURATION};
use crate::domain::canary::Canary;
use crate::domain::limits::Limits;

/// How large a number of people can be.
const PEOPLE: std::ops::RangeInclusive<u64> = 1..=1_000_000;

/// What is not in the file stays as it is in `limits`.
pub(super) fn blast_radius(source: &mut Source<'_>, section: &mut Section<'_, '_>, limits: &mut Limits) {
    let to_u32 = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    for (key, limit) in [
        ("invitations_per_run", &mut limits.invitations_per_run),
        ("invitations_per_day", &mut limits.invitations_per_day),
        ("messages_per_run", &mut limits.messages_per_run),
    ] {
        if let Some(n) = section.number(source, key, PEOPLE) {
            *limit = to_u32(n);
        }
    }
    for (key, limit) in
        [("share_of_roster", &mut limits.share_of_roster), ("share_of_roster_per_day", &mut limits.share_of_roster_per_day)]
    {
        if let Some(share) = section.share(source, key) {
            *limit = share;
        }
    }
    let times = "a number from 1 to 1000; 3.0 is three times as many as last time";
    if let Some(growth) = section.decimal(source, "growth", times, |n| (1.0..=1_000.0).contains(&n)) {
        limits.growth = growth;
    }
    if let Some(held_for) = section.parsed(source, "held_for", DURATION, values::duration) {
        limits.held_for = held_for;
    }
    if let Some(section) = section.table(source, "canary") {
        limits.canary = canary(source, section);
    }
}

fn canary(source: &mut Source<'_>, mut section: Section<'_, '_>) -> Option<Canary> {
    section.require(source, "people", "how many people the first wave has, such as 10");
    let people = section.number(source, "people", PEOPLE);
    let wait = section.parsed(source, "wait", DURATION, values::duration);
    let share = "a share from 0 up to 1; 0.2 is a fifth of the first wave's deliveries";
    let failures = section.decimal(source, "failures", share, |n| (0.0..=1.0).contains(&n));
    section.done(source);
    let usual = Canary::default();
    Some(Canary {
        people: u32::try_from(people?).unwrap_or(u32::MAX),
        wait: wait.unwrap_or(usual.wait),
        failures: failures.unwrap_or(usual.failures),
    })
}
