//! Whom the rules of the site make wait for what a run asks: said with the plan, before anybody agrees to it.

use std::collections::{BTreeMap, BTreeSet};

use super::HostError;
use super::site::Site;
use crate::domain::departure::{About, PutOff};
use crate::domain::ids::UserId;
use crate::domain::intent::{Asked, Intent, MailTo};
use crate::domain::time::Timestamp;

/// People of one intent who wait for the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    /// The intent's number within the run, from 0.
    pub intent: usize,
    pub people: usize,
    /// Of how many.
    pub of: usize,
    pub why: Vec<PutOff>,
    /// When the first and the last of them are free, each on their own clock: `2026-12-02 07:00`.
    pub first: String,
    pub last: String,
}

impl Waits {
    /// In a line: `12 of 42 wait for the end of quiet hours at 07:00`.
    #[must_use]
    pub fn words(&self) -> String {
        let who = format!("{} of {} {}", self.people, self.of, if self.people == 1 { "waits" } else { "wait" });
        if self.why == [PutOff::QuietHours] {
            let end = self.first.split_once(' ').map_or(self.first.as_str(), |(_, time)| time);
            return format!("{who} for the end of quiet hours at {end}");
        }
        let why: Vec<String> = self.why.iter().map(ToString::to_string).collect();
        let until = if self.first == self.last { self.first.clone() } else { format!("{} to {}", self.first, self.last) };
        format!("{who}: {}, until {until}", why.join(", "))
    }
}

/// Whom the rules of the site make wait, were all of it sent at `now`. An earlier intent of the run takes its
/// place in a person's budget before a later one.
///
/// # Errors
/// The store's.
pub fn waits(site: &Site, asked: &[Asked], now: Timestamp) -> Result<Vec<Waits>, HostError> {
    let rules = site.departure();
    let everybody: BTreeSet<UserId> = asked.iter().flat_map(|ask| people(&ask.intent)).collect();
    if !rules.puts_off() || everybody.is_empty() {
        return Ok(Vec::new());
    }
    let mut contacts = site.store.contacts(&everybody, rules.budget.is_set(), now)?;
    let mut waits = Vec::new();
    for (intent, ask) in asked.iter().enumerate() {
        let people = people(&ask.intent);
        let mut groups: BTreeMap<Vec<PutOff>, (usize, String, String)> = BTreeMap::new();
        for user in &people {
            let Some(person) = contacts.get_mut(user) else { continue };
            let zone = rules.zone_of(person.timezone.as_deref());
            let allowed = rules.first_allowed(now, &About { zone, contacts: Some(&person.at), policy: None, last: None });
            person.at.push(allowed.at);
            if allowed.put_off.is_empty() {
                continue;
            }
            let local = crate::domain::time::show(allowed.at, zone);
            let (n, first, last) = groups.entry(allowed.put_off).or_insert_with(|| (0, local.clone(), local.clone()));
            *n += 1;
            if local < *first {
                first.clone_from(&local);
            }
            if local > *last {
                *last = local;
            }
        }
        let of = people.len();
        waits.extend(groups.into_iter().map(|(why, (people, first, last))| Waits { intent, people, of, why, first, last }));
    }
    Ok(waits)
}

/// To whom an intent sends something.
fn people(intent: &Intent) -> BTreeSet<UserId> {
    match intent {
        Intent::Invite(invite) => invite.lines().iter().filter(|line| !line.associate).map(|line| line.user).collect(),
        Intent::Mail(mail) => match &mail.to {
            MailTo::People(people) => people.iter().map(|person| person.user).collect(),
            MailTo::Address(_) => BTreeSet::new(),
        },
        Intent::Push(push) => push.to.iter().map(|(person, _)| person.user).collect(),
        _ => BTreeSet::new(),
    }
}
