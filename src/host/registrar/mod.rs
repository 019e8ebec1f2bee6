//! The work at Apple: records asked for, watched and read, invite codes kept in memory only.
//!
//! The registrar never decides who is invited; it does what invitations in the store wait for, at
//! Apple's pace, and writes each answer down before it goes on.

mod asking;
mod checking;
mod looking;
mod pause;
mod reading;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;
use tokio::sync::Notify;

use super::HostError;
use crate::domain::outcome::ChannelDown;
use crate::domain::time::{Span, Timestamp, show_span};
use crate::ports::apps_and_books::{AppsAndBooks, CallError, CallErrorKind, Owner, RecordStatus};
use crate::ports::clock::Clock;
use crate::store::{Invitations, Store};

/// A code is read again before it is used when the last look at its record, or at what has changed in
/// the whole list, is older than this.
const FRESH: Span = Span::seconds(60);

/// Up to so many records are read one by one; more are cheaper by walking the whole list.
const ONE_BY_ONE_MAX: usize = 10;

/// How many requests are under way at the same time. Apple's bound for parallel reads is 5.
const AT_ONCE: usize = 5;

/// While sending is stopped, work at Apple is looked at again after this.
const STOPPED_LOOK: Span = Span::seconds(1);

/// Does the site's work at Apple. Shared: the dispatcher drives it and asks it for URLs.
pub struct Registrar {
    store: Arc<Store>,
    apple: Arc<dyn AppsAndBooks>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Held while Apple's list is read between requests for records.
    looking: tokio::sync::Mutex<()>,
    /// Woken whenever something was written that may let deliveries leave.
    pub progress: Notify,
}

#[derive(Default)]
struct State {
    session: bool,
    known: HashMap<String, Known>,
    /// When Apple's list was last read to its end.
    read_at: Option<Timestamp>,
    walked: bool,
    /// Whether this process has looked how many codes it needs at its start.
    counted: bool,
    /// The list is read, or will be next, for the sake of many codes.
    codes_coming: bool,
    /// Codes that a delivery asked for and that are not known.
    wanted: HashSet<String>,
    /// Client ids of requests whose answer was lost: read before asking again.
    unsure: HashSet<String>,
    pause: Option<Pause>,
    failures: u32,
}

struct Known {
    read_at: Timestamp,
    status: RecordStatus,
    code: Option<SecretString>,
}

/// Why nothing is asked of Apple for now.
#[derive(Clone, Debug)]
struct Pause {
    until: Option<Timestamp>,
    down: ChannelDown,
}

/// How asking for an invitation URL ended.
pub enum Link {
    Ready(SecretString),
    /// Not known yet: the registrar will read it.
    Wanted,
    /// Apple's record is not open for this person.
    NotOpen,
    Broken(String),
}

impl Registrar {
    #[must_use]
    pub fn new(store: Arc<Store>, apple: Arc<dyn AppsAndBooks>, clock: Arc<dyn Clock>) -> Self {
        let state = Mutex::new(State { pause: Pause::remembered(&store, clock.now()), ..State::default() });
        Self { store, apple, clock, state, looking: tokio::sync::Mutex::default(), progress: Notify::new() }
    }

    /// State changes are single assignments, so one that a panic interrupted is still whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When there is work to do next: `Some(now)` or earlier when there is now, `None` when there is none.
    ///
    /// # Errors
    /// The store's.
    pub fn next_work(&self, now: Timestamp) -> Result<Option<Timestamp>, HostError> {
        let next = self.store.next_apple_work()?;
        if self.store.sending_stopped()?.is_some() {
            return Ok(next.map(|at| at.max(now + STOPPED_LOOK)));
        }
        self.count_codes(now)?;
        let state = self.state();
        let next = if state.wanted.is_empty() && !state.codes_coming { next } else { Some(now) };
        let Some(at) = next else { return Ok(None) };
        Ok(match &state.pause {
            None => Some(at),
            Some(Pause { until: Some(until), .. }) => Some(at.max(*until)),
            Some(Pause { until: None, .. }) => None,
        })
    }

    /// What keeps Apple's work waiting at `now`, where something does.
    #[must_use]
    pub fn trouble(&self, now: Timestamp) -> Option<ChannelDown> {
        let state = self.state();
        let pause = state.pause.as_ref()?;
        pause.until.is_none_or(|until| until > now).then(|| pause.down.clone())
    }

    /// A new process knows no codes. Where it needs many, reading the list is the first thing to do:
    /// nobody has to find out one by one.
    fn count_codes(&self, now: Timestamp) -> Result<(), HostError> {
        if self.state().counted {
            return Ok(());
        }
        let many = self.store.more_codes_needed_than(ONE_BY_ONE_MAX, now)?;
        let mut state = self.state();
        state.counted = true;
        state.codes_coming = many && !state.session;
        Ok(())
    }

    /// Which deliveries of invitations can leave now: while the list is being read for its codes, those
    /// whose page has come.
    #[must_use]
    pub fn claimable(&self, now: Timestamp) -> Invitations {
        // With Apple in trouble no page comes; then each of them is put off, and says why.
        let coming = self.state().codes_coming && self.trouble(now).is_none();
        if coming { Invitations::OfRead } else { Invitations::All }
    }

    /// The URL that invites this person, from what was read of Apple's list a moment ago.
    pub async fn link(&self, client_user_id: &str) -> Link {
        let now = self.clock.now();
        let code = {
            let mut state = self.state();
            let list_read_at = state.read_at;
            let is_fresh = |known: &&Known| now - list_read_at.map_or(known.read_at, |at| at.max(known.read_at)) < FRESH;
            let looked_up = match state.known.get(client_user_id).filter(is_fresh) {
                Some(Known { status: RecordStatus::Registered, code: Some(code), .. }) => Some(Ok(code.clone())),
                Some(Known { status: RecordStatus::Associated | RecordStatus::Retired, .. }) => Some(Err(())),
                _ => None,
            };
            match looked_up {
                Some(Ok(code)) => code,
                Some(Err(())) => return Link::NotOpen,
                None => {
                    state.wanted.insert(client_user_id.to_owned());
                    return Link::Wanted;
                }
            }
        };
        match self.apple.invitation_url(&code).await {
            Ok(url) => Link::Ready(url),
            Err(error) => Link::Broken(error.words),
        }
    }

    /// Does everything that is due at Apple. What can't be done now is kept, with the reason in
    /// `trouble`.
    ///
    /// # Errors
    /// The store's, which ends the dispatcher's step.
    pub async fn work(&self) -> Result<(), HostError> {
        if self.trouble(self.clock.now()).is_some() {
            return Ok(());
        }
        self.settled(self.work_through().await).map(drop)
    }

    async fn work_through(&self) -> Result<(), Stopped> {
        self.open_session().await?;
        // Sending was stopped before the unit was ours.
        if !self.state().session {
            return Ok(());
        }
        // Each round can make the next one possible; a bound keeps a confused far side from
        // holding us here, and what is left stays due.
        for _ in 0..50 {
            self.read_wanted().await?;
            let asked = self.ask_for_due().await?;
            let checked = self.check_due().await?;
            if !asked && !checked && self.state().wanted.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Once a process: is the unit ours, and what has changed since we last looked?
    async fn open_session(&self) -> Result<(), Stopped> {
        if self.state().session {
            return Ok(());
        }
        let seen_before = self.store.fact("apple_version").map_err(HostError::from)?.is_some();
        let codes_coming = self.state().codes_coming;
        let ours = if codes_coming && seen_before {
            // Reading changes nothing at Apple, and each page says whose unit it is: the pages need not
            // wait until the check has been answered.
            self.apple.expect_owner(self.owner()?);
            futures_util::future::try_join(self.walk(), self.take_unit()).await?.1
        } else {
            let ours = self.take_unit().await?;
            if seen_before {
                self.read_changes().await?
            } else {
                self.walk().await?
            }
            ours
        };
        let mut state = self.state();
        state.session = ours;
        state.codes_coming = false;
        Ok(())
    }

    fn owner(&self) -> Result<Owner, HostError> {
        Ok(owner(&self.store.fact("site_id")?.unwrap_or_default()))
    }

    /// Nothing is taken from a unit that isn't the one this site is about.
    fn expect_unit(&self, found: &str, called: &str) -> Result<(), Stopped> {
        match self.store.fact("unit").map_err(HostError::from)? {
            Some(expected) if expected != found => Err(Stopped::Apple(CallError {
                kind: CallErrorKind::TokenDead,
                number: None,
                words: format!(
                    "the content token is for another unit ({called}); this site works with the unit of its first token"
                ),
                client_user_ids: Vec::new(),
            })),
            _ => Ok(()),
        }
    }

    /// Checks that the token opens the unit that this site is about, and that nobody else drives it. Answers
    /// whether it is ours: while sending is stopped, nobody's unit is read and not claimed.
    async fn take_unit(&self) -> Result<bool, Stopped> {
        let ours = self.owner()?;
        let mut is_ours = true;
        let unit = self.apple.unit().await?;
        self.expect_unit(&unit.u_id, &unit.location)?;
        match unit.owner {
            Some(owner) if owner.id == ours.id => self.apple.expect_owner(ours),
            Some(other) => {
                return Err(Stopped::Apple(CallError {
                    kind: CallErrorKind::NotOurs(other),
                    number: None,
                    words: "another service drives this unit".to_owned(),
                    client_user_ids: Vec::new(),
                }));
            }
            None if self.is_stopped()? => is_ours = false,
            None => {
                self.apple.claim(ours).await?;
            }
        }
        self.store.set_facts(&[("unit", &unit.u_id), ("unit_name", &unit.location)]).map_err(HostError::from)?;
        Ok(is_ours)
    }

    fn pause(&self, error: &CallError) {
        let now = self.clock.now();
        let mut state = self.state();
        state.failures += 1;
        let again_in = Span::seconds(30) * (1 << state.failures.min(4));
        let (until, what, remedy) = match &error.kind {
            CallErrorKind::TokenDead => (
                None,
                error.words.clone(),
                "download a new content token from Apple School Manager or Apple Business and run `beckon token install FILE`"
                    .to_owned(),
            ),
            CallErrorKind::NotOurs(other) => (
                None,
                format!("the unit is driven by another service: {} ({})", other.name, other.metadata),
                "let only one service manage a unit: stop the other one, then run `beckon token install FILE --take-over`"
                    .to_owned(),
            ),
            CallErrorKind::Busy { retry_after } => (
                Some(now + *retry_after),
                format!("Apple asks to wait {}: {}", show_span(*retry_after), error.words),
                "it goes on when the time has come: `beckon deliver --wait 1h` waits for it".to_owned(),
            ),
            CallErrorKind::Unreachable | CallErrorKind::Unknown => (
                Some(now + again_in),
                format!("Apple can't be reached: {}", error.words),
                "check this machine's way to the internet; `beckon serve` and `beckon deliver` try again".to_owned(),
            ),
            _ => (
                Some(now + again_in),
                format!("Apple refused: {}", error.words),
                "`beckon serve` and `beckon deliver` try again; if it stays, see `beckon doctor`".to_owned(),
            ),
        };
        if let (CallErrorKind::Busy { .. }, Some(until)) = (&error.kind, until) {
            Pause::remember(&self.store, until);
        }
        let retry_after = until.map(|until| until - now);
        state.pause = Some(Pause { until, down: ChannelDown { what, remedy, retry_after } });
    }
}

/// Who we are at Apple: the same for a site's whole life.
#[must_use]
pub fn owner(site_id: &str) -> Owner {
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, site_id.as_bytes()).to_string();
    Owner { id, name: "beckon".to_owned(), metadata: env!("CARGO_PKG_VERSION").to_owned() }
}

/// Why a round of work ended early.
pub(super) enum Stopped {
    Host(HostError),
    Apple(CallError),
}

impl From<HostError> for Stopped {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl From<CallError> for Stopped {
    fn from(error: CallError) -> Self {
        Self::Apple(error)
    }
}
