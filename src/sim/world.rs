//! The simulated world as a whole: what one part does to another, and what happens next.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::apns::Apns;
use super::apple::{Apple, AppleConfig, CannotAccept};
use super::bounces::BounceMailbox;
use super::breach::Breach;
use super::hooks::Hooks;
use super::letter;
use super::mailboxes::{ArrivedMail, Mailboxes, Reply};
use super::mdm::{MdmConfig, MdmServer};
use super::people::{Habits, People, Via};
use crate::domain::time::Timestamp;

/// How a world behaves when nothing is wrong.
#[derive(Clone, Debug, Default)]
pub struct WorldConfig {
    pub seed: u64,
    pub apple: AppleConfig,
    pub mdm: MdmConfig,
    pub habits: Habits,
}

impl WorldConfig {
    /// The defaults under another seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}

/// Something that happened by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorldEvent {
    /// Apple finished an event.
    AppleFinished { at: Timestamp, event_id: String },
    /// A device came by at the MDM server and showed that many prompts.
    DeviceCame { at: Timestamp, enrollment_id: String, prompts: usize },
    /// Somebody accepted.
    Accepted { at: Timestamp, username: String, client_user_id: String, via: Via },
    /// Somebody tried to accept, in vain.
    CouldNotAccept { at: Timestamp, username: String, why: CannotAccept },
}

/// The world. Share it as a [`SharedWorld`]; both doors lead into the same one.
pub struct World {
    pub apple: Apple,
    pub mdm: MdmServer,
    pub mail: Mailboxes,
    pub bounces: BounceMailbox,
    pub people: People,
    pub apns: Apns,
    pub hooks: Hooks,
    happened: Vec<WorldEvent>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

/// A world that several tasks look at.
pub type SharedWorld = Arc<Mutex<World>>;

/// Locks a shared world; a test that panicked inside leaves it usable. Not re-entrant: two of these in
/// one statement wait for each other for ever, so hold one guard and ask it twice.
pub fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    #[must_use]
    pub fn new(config: WorldConfig) -> Self {
        let seed = config.seed;
        Self {
            apple: Apple::new(seed, config.apple),
            mdm: MdmServer::new(seed, config.mdm),
            mail: Mailboxes::new(seed),
            bounces: BounceMailbox::default(),
            people: People::new(seed, config.habits),
            apns: Apns::default(),
            hooks: Hooks::default(),
            happened: Vec::new(),
        }
    }

    /// For both doors at once.
    #[must_use]
    pub fn shared(self) -> SharedWorld {
        Arc::new(Mutex::new(self))
    }

    /// Does everything that is due until `now`, each thing at its own time, and tells what has happened
    /// since the last call.
    pub fn step(&mut self, now: Timestamp) -> Vec<WorldEvent> {
        self.catch_up(now);
        std::mem::take(&mut self.happened)
    }

    /// When something happens by itself next.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        [self.apple.agenda.next(), self.mdm.agenda.next(), self.people.agenda.next()].into_iter().flatten().min()
    }

    /// Apple's rules of conduct that were broken so far.
    #[must_use]
    pub fn breaches(&self) -> &[Breach] {
        self.apple.breaches()
    }

    /// Something waits to be posted to a webhook or a subscriber.
    pub(super) fn has_post(&self) -> bool {
        self.apple.has_outgoing() || self.mdm.has_reports()
    }

    /// Like [`World::step`], but what happened stays to be told by it: for the doors.
    pub(super) fn catch_up(&mut self, now: Timestamp) {
        while let Some(due) = self.next_wake().filter(|at| *at <= now) {
            if self.apple.agenda.next() == Some(due) {
                self.apple_finishes();
            } else if self.mdm.agenda.next() == Some(due) {
                self.device_comes();
            } else {
                self.person_decides();
            }
        }
    }

    fn apple_finishes(&mut self) {
        let Some((at, event_id)) = self.apple.agenda.take() else { return };
        self.apple.finish(at, &event_id);
        self.happened.push(WorldEvent::AppleFinished { at, event_id });
    }

    fn device_comes(&mut self) {
        let Some((at, id)) = self.mdm.agenda.take() else { return };
        let shown = self.mdm.visit(at, &id);
        self.happened.push(WorldEvent::DeviceCame { at, enrollment_id: id.0, prompts: shown.len() });
        for prompt in shown {
            for code in letter::invite_codes(&prompt.invitation_url) {
                self.people.reach_on_device(prompt.at, &prompt.user, &code);
            }
        }
    }

    fn person_decides(&mut self) {
        let Some((at, decision)) = self.people.agenda.take() else { return };
        let Some(person) = self.people.numbered(decision.person).cloned() else { return };
        let event = match self.apple.accept(at, &decision.code, &person.account) {
            Ok(client_user_id) => WorldEvent::Accepted { at, username: person.username, client_user_id, via: decision.via },
            Err(why) => WorldEvent::CouldNotAccept { at, username: person.username, why },
        };
        self.happened.push(event);
    }

    /// A whole message arrived at the mail server: it is kept, and its readers read it.
    pub fn take_mail(&mut self, now: Timestamp, mail: ArrivedMail) -> Reply {
        for address in &mail.to {
            for code in &mail.invite_codes {
                self.people.reach_by_mail(now, address, code);
            }
        }
        self.mail.store(now, mail)
    }

    /// This person accepts the latest invitation that reached them, at once.
    ///
    /// # Errors
    /// Why they can't; `UnknownCode` when none has reached them.
    pub fn person_accepts(&mut self, now: Timestamp, username: &str) -> Result<String, CannotAccept> {
        let code = self.people.latest_code(username).map(str::to_owned).ok_or(CannotAccept::UnknownCode)?;
        let account = self.people.person(username).map(|p| p.account.clone()).unwrap_or_default();
        self.accept(now, &code, &account)
    }

    /// Whoever holds `code` accepts with this Apple Account, at once.
    ///
    /// # Errors
    /// Why the code is no good, or no good any more.
    pub fn accept(&mut self, now: Timestamp, code: &str, account: &str) -> Result<String, CannotAccept> {
        self.catch_up(now);
        self.apple.accept(now, code, account)
    }
}
