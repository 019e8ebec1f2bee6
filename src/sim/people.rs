//! People: who they are, and whether and when they accept an invitation that reached them.

use std::collections::HashMap;

use super::agenda::Agenda;
use super::seed::Seed;
use crate::domain::time::{Span, Timestamp};

/// What people are like.
#[derive(Clone, Debug)]
pub struct Habits {
    /// The probability that a message makes its reader accept (0 to 1); each message is a new chance.
    pub accepts: f64,
    /// How long they take from reading to accepting, from and to.
    pub takes: (Span, Span),
    /// Addresses and devices of people nobody introduced belong to somebody all the same.
    pub strangers: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self { accepts: 0.6, takes: (Span::minutes(5), Span::days(2)), strangers: true }
    }
}

/// One person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub username: String,
    pub mail: Option<String>,
    /// Their own Apple Account.
    pub account: String,
    pub conduct: PersonConduct,
}

impl Person {
    /// Somebody who behaves as the habits say.
    #[must_use]
    pub fn new(username: &str, mail: Option<&str>) -> Self {
        Self {
            username: username.to_owned(),
            mail: mail.map(str::to_owned),
            account: format!("{username}@private.example"),
            conduct: PersonConduct::Drawn,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PersonConduct {
    /// As the habits and the seed say.
    #[default]
    Drawn,
    /// Accepts that long after the first message.
    AcceptsAfter(Span),
    Ignores,
}

/// By which way an invitation reached somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    Mail,
    Device,
}

/// Somebody is going to accept.
pub(super) struct Decision {
    pub person: usize,
    pub code: String,
    pub via: Via,
}

struct Known {
    person: Person,
    /// Messages that reached them.
    reached: u32,
    /// The code they are going to accept, or accepted.
    decided: Option<String>,
    last_code: Option<String>,
}

/// Everybody.
pub struct People {
    pub habits: Habits,
    seed: u64,
    known: Vec<Known>,
    by_username: HashMap<String, usize>,
    by_mail: HashMap<String, usize>,
    pub(super) agenda: Agenda<Decision>,
}

impl People {
    #[must_use]
    pub fn new(seed: u64, habits: Habits) -> Self {
        Self { habits, seed, known: Vec::new(), by_username: HashMap::new(), by_mail: HashMap::new(), agenda: Agenda::default() }
    }

    /// Introduces somebody; a second one of that username takes the first one's place. Where two
    /// people share a mail address, the first one reads it.
    pub fn add(&mut self, person: Person) {
        if let Some(known) = self.by_username.get(&person.username).and_then(|at| self.known.get_mut(*at)) {
            known.person = person;
            return;
        }
        let at = self.known.len();
        self.by_username.insert(person.username.clone(), at);
        if let Some(mail) = &person.mail {
            self.by_mail.entry(mail.to_lowercase()).or_insert(at);
        }
        self.known.push(Known { person, reached: 0, decided: None, last_code: None });
    }

    #[must_use]
    pub fn person(&self, username: &str) -> Option<&Person> {
        self.by_username.get(username).and_then(|at| self.known.get(*at)).map(|k| &k.person)
    }

    /// From now on this person behaves like that; what they have decided already stays.
    pub fn behave(&mut self, username: &str, conduct: PersonConduct) {
        if let Some(known) = self.by_username.get(username).and_then(|at| self.known.get_mut(*at)) {
            known.person.conduct = conduct;
        }
    }

    /// How many messages with an invitation have reached this person.
    #[must_use]
    pub fn reached(&self, username: &str) -> u32 {
        self.by_username.get(username).and_then(|at| self.known.get(*at)).map_or(0, |k| k.reached)
    }

    /// The code of the latest invitation that reached this person.
    #[must_use]
    pub fn latest_code(&self, username: &str) -> Option<&str> {
        self.by_username.get(username).and_then(|at| self.known.get(*at)).and_then(|k| k.last_code.as_deref())
    }

    /// An invitation came to a mailbox.
    pub(super) fn reach_by_mail(&mut self, now: Timestamp, address: &str, code: &str) {
        let folded = address.to_lowercase();
        if !self.by_mail.contains_key(&folded) && self.habits.strangers {
            self.add(Person::new(&folded, Some(&folded)));
        }
        if let Some(at) = self.by_mail.get(&folded).copied() {
            self.reach(now, at, code, Via::Mail);
        }
    }

    /// An invitation came up on somebody's device.
    pub(super) fn reach_on_device(&mut self, now: Timestamp, username: &str, code: &str) {
        if !self.by_username.contains_key(username) && self.habits.strangers {
            self.add(Person::new(username, None));
        }
        if let Some(at) = self.by_username.get(username).copied() {
            self.reach(now, at, code, Via::Device);
        }
    }

    fn reach(&mut self, now: Timestamp, at: usize, code: &str, via: Via) {
        let (seed, takes, chance) = (self.seed, self.habits.takes, self.habits.accepts);
        let Some(known) = self.known.get_mut(at) else { return };
        known.reached = known.reached.saturating_add(1);
        known.last_code = Some(code.to_owned());
        if known.decided.as_deref() == Some(code) {
            return;
        }
        let mut drawn = Seed::named(seed, &["person", &known.person.username, &known.reached.to_string()]);
        let wait = match known.person.conduct {
            PersonConduct::Ignores => None,
            PersonConduct::AcceptsAfter(span) => Some(span),
            PersonConduct::Drawn => drawn.chance(chance).then(|| drawn.between(takes)),
        };
        if let Some(wait) = wait {
            known.decided = Some(code.to_owned());
            self.agenda.add(now + wait, Decision { person: at, code: code.to_owned(), via });
        }
    }

    /// Somebody by their number.
    pub(super) fn numbered(&self, at: usize) -> Option<&Person> {
        self.known.get(at).map(|k| &k.person)
    }
}
