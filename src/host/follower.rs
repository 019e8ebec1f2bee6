//! Follows what happens at Apple: who has accepted, which licences there are, and what was asked of Apple to
//! tell us of its own accord. A chore of `beckon serve`.

use std::sync::Arc;

use super::apple_inbox::AppleInbox;
use super::licences::Licences;
use super::notification_token::notification_token;
use super::registrar::Registrar;
use super::site::Site;
use super::sync::read_assets;
use super::tally::Tally;
use super::{HostError, Ports};
use crate::domain::time::{Span, Timestamp};
use crate::ports::apps_and_books::{AppsAndBooks, CallErrorKind, Subscription};

/// The path below `http.public_url` that Apple posts to.
pub const NOTIFY_PATH: &str = "/apple/notify";

/// How soon after a look another notification is answered: a crowd that accepts in one minute is a few looks.
const TOGETHER: Span = Span::seconds(2);

/// A look that a notification asked for is repeated once, in case Apple's list was slower than its notification.
const ONCE_MORE: Span = Span::minutes(1);

/// Notifications get lost: with them, the list is read this often all the same.
const SAFETY: Span = Span::hours(1);

/// Assets are read this often, and more often while somebody waits for a licence.
const ASSETS_EVERY: Span = Span::days(1);
const ASSETS_WHEN_WAITED_FOR: Span = Span::hours(1);

/// A subscription is looked at this often, and tried again this often when it could not be had.
const SUBSCRIPTION_EVERY: Span = Span::days(1);
const SUBSCRIBE_AGAIN: Span = Span::hours(1);

/// While sending is stopped, what would change something at Apple is looked at again after this. Who lets it go
/// on wakes us.
const STOPPED_LOOK: Span = Span::minutes(1);

/// How soon it is looked again whether somebody listens.
const LISTENS_AGAIN: Span = Span::seconds(5);

/// The process around the follower, as it is now: a reload of the site's file changes it.
pub trait Surroundings: Send {
    /// The dispatcher's registrar: what one of them learns of Apple, the other one knows.
    fn registrar(&self) -> Option<Arc<Registrar>>;

    /// Whether somebody listens at `http.listen`, so that Apple can be asked to post there.
    fn listens(&self) -> bool;

    /// Random text for the secret that Apple shows.
    fn draw(&self) -> String;
}

/// The chore. Make one for the life of the process.
pub struct Follower {
    around: Box<dyn Surroundings>,
    inbox: Arc<AppleInbox>,
    tally: Arc<Tally>,
    registrar: Option<Arc<Registrar>>,
    stepped_at: Option<Timestamp>,
    /// Sending is stopped: nothing is changed at Apple, and everything is read.
    stopped: bool,
    looked_at: Option<Timestamp>,
    once_more_at: Option<Timestamp>,
    assets_at: Option<Timestamp>,
    subscribed: Option<Subscribed>,
}

/// How asking for notifications went.
struct Subscribed {
    url: String,
    works: bool,
    again_at: Timestamp,
}

impl Follower {
    #[must_use]
    pub fn new(around: Box<dyn Surroundings>, inbox: Arc<AppleInbox>, tally: Arc<Tally>) -> Self {
        let registrar = None;
        Self {
            around,
            inbox,
            tally,
            registrar,
            stepped_at: None,
            stopped: false,
            looked_at: None,
            once_more_at: None,
            assets_at: None,
            subscribed: None,
        }
    }

    /// Looks at everything anew where what was known means nothing any more: another content token or other
    /// settings, or times that were noted before the clock was set back.
    fn keep_up(&mut self, site: &Site, now: Timestamp) -> Result<(), HostError> {
        let registrar = self.around.registrar();
        let same = match (&registrar, &self.registrar) {
            (Some(new), Some(old)) => Arc::ptr_eq(new, old),
            (new, old) => new.is_none() && old.is_none(),
        };
        if !same || self.stepped_at.is_some_and(|at| at > now) {
            (self.looked_at, self.once_more_at, self.assets_at, self.subscribed) = (None, None, None, None);
        }
        self.registrar = registrar;
        self.stepped_at = Some(now);
        if std::mem::replace(&mut self.stopped, site.store.sending_stopped()?.is_some()) && !self.stopped {
            // The unit may have to be claimed, and people wait for licences that there are.
            (self.looked_at, self.assets_at) = (None, None);
        }
        Ok(())
    }

    /// Whether Apple tells us of its own accord.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.subscribed.as_ref().is_some_and(|s| s.works)
    }

    /// Does everything that is due at `now`, at Apple's pace, and answers when there is more. `None`: nothing
    /// before the inbox wakes us, or never while Apple refuses us.
    ///
    /// # Errors
    /// The store's. That Apple can't be asked now is no error: the registrar's `trouble` says why.
    pub async fn step(&mut self, site: &Arc<Site>, ports: &Ports, now: Timestamp) -> Result<Option<Timestamp>, HostError> {
        self.keep_up(site, now)?;
        let done = match (self.registrar.clone(), ports.apps_and_books.clone()) {
            (Some(registrar), Some(apple)) => self.follow(site, ports, &registrar, apple.as_ref(), now).await,
            _ => Ok(None),
        };
        let trouble = self.registrar.as_ref().and_then(|registrar| registrar.last_trouble());
        self.tally.apple(trouble.as_ref(), now);
        done
    }

    async fn follow(
        &mut self,
        site: &Arc<Site>,
        ports: &Ports,
        registrar: &Registrar,
        apple: &dyn AppsAndBooks,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, HostError> {
        if registrar.trouble(now).is_some() {
            return Ok(registrar.resumes_at());
        }
        // The first look also checks whose unit it is: nothing is written at Apple before it.
        if self.look_is_due(site, now) && !self.look(registrar, now).await? {
            return Ok(registrar.resumes_at());
        }
        self.subscribe(site, registrar, apple, now).await?;
        if registrar.trouble(now).is_some() || !self.licences(site, registrar, ports, apple, now).await? {
            return Ok(registrar.resumes_at());
        }
        self.next(site, now).map(Some)
    }

    async fn look(&mut self, registrar: &Registrar, now: Timestamp) -> Result<bool, HostError> {
        let rung = self.inbox.heard().users;
        // Answered before it is read: what rings meanwhile is looked at again.
        self.inbox.answer(|rung| &mut rung.users);
        let read = registrar.look().await?;
        self.tally.apple_poll(read, now);
        // What rang and could not be answered is due as soon as Apple's work goes on.
        self.looked_at = read.then_some(now);
        self.once_more_at = (read && rung).then(|| now + ONCE_MORE);
        Ok(read)
    }

    fn look_is_due(&self, site: &Site, now: Timestamp) -> bool {
        self.next_look(site).is_none_or(|at| at <= now)
    }

    /// `None`: at once.
    fn next_look(&self, site: &Site) -> Option<Timestamp> {
        let looked_at = self.looked_at?;
        if self.inbox.heard().users {
            return Some(looked_at + TOGETHER);
        }
        let every = site.config.apps_and_books.as_ref().map_or(SAFETY, |section| section.every);
        let every = if self.is_told() { every.max(SAFETY) } else { every };
        let regular = looked_at + every;
        Some(self.once_more_at.map_or(regular, |at| at.min(regular)))
    }

    fn next(&self, site: &Site, now: Timestamp) -> Result<Timestamp, HostError> {
        let (licences, waited_for) = site.store.next_licence_work()?;
        let heard = self.inbox.heard();
        let at_once = (heard.licences || heard.assets).then_some(now + TOGETHER);
        let held = |at: Timestamp| if self.stopped { at.max(now + STOPPED_LOOK) } else { at };
        let times = [
            self.next_look(site),
            licences.map(held),
            at_once.map(held),
            self.assets_at.map(|at| at + assets_every(waited_for)),
            self.subscribed.as_ref().map(|s| s.again_at),
        ];
        // What fell due during this step is done in the next one, a moment later.
        Ok(times.into_iter().flatten().min().unwrap_or(now + SAFETY).max(now + Span::seconds(1)))
    }

    /// Who has enrolled gets what is assigned to their groups. Answers whether Apple could be asked.
    async fn licences(
        &mut self,
        site: &Site,
        registrar: &Registrar,
        ports: &Ports,
        apple: &dyn AppsAndBooks,
        now: Timestamp,
    ) -> Result<bool, HostError> {
        self.inbox.answer(|rung| &mut rung.licences);
        let work = Licences { store: &site.store, apple, clock: ports.clock.as_ref() };
        if !registrar.settled(work.check().await)? {
            return Ok(false);
        }
        let changed = !self.stopped && site.store.plan_licences(now)?;
        let (_, waited_for) = site.store.next_licence_work()?;
        let due = self.assets_at.is_none_or(|at| at + assets_every(waited_for) <= now);
        // Somebody who was retired has freed licences.
        let all = due || self.inbox.heard().assets || (changed && waited_for);
        if self.stopped && !due || !all && site.store.licences_wanted(now, true)?.is_empty() {
            return Ok(true);
        }
        self.inbox.answer(|rung| &mut rung.assets);
        let read = registrar.settled(read_assets(&site.store, apple).await.map(drop))?;
        self.assets_at = read.then_some(now);
        if !read {
            return Ok(false);
        }
        if self.stopped {
            return Ok(true);
        }
        registrar.settled(work.ask(!all).await)
    }

    /// Has Apple tell us, where it can reach us. Without it we look more often.
    async fn subscribe(
        &mut self,
        site: &Site,
        registrar: &Registrar,
        apple: &dyn AppsAndBooks,
        now: Timestamp,
    ) -> Result<(), HostError> {
        let Some(public) = &site.config.http.public_url else {
            self.subscribed = None;
            return Ok(());
        };
        let url = format!("{public}{NOTIFY_PATH}");
        let known = self.subscribed.as_ref().filter(|s| s.url == url);
        if known.is_some_and(|s| s.again_at > now) {
            return Ok(());
        }
        if !self.around.listens() {
            self.subscribed = Some(Subscribed { url: String::new(), works: false, again_at: now + LISTENS_AGAIN });
            return Ok(());
        }
        // From time to time: does Apple still post to us? Another address there is a subscription to be made again.
        if known.is_some_and(|s| s.works) {
            match apple.unit().await {
                Ok(unit) if unit.notification_url.as_deref() == Some(url.as_str()) => {
                    self.subscribed = Some(Subscribed { url, works: true, again_at: now + SUBSCRIPTION_EVERY });
                    return Ok(());
                }
                Ok(_) => {}
                Err(error) => return registrar.settled(Err(error.into())).map(drop),
            }
        }
        if self.stopped {
            self.subscribed = Some(Subscribed { url: String::new(), works: false, again_at: now + STOPPED_LOOK });
            return Ok(());
        }
        let token = match notification_token(&site.config, &|| self.around.draw()) {
            Ok(token) => token,
            Err(error) => {
                self.subscribed = Some(Subscribed { url, works: false, again_at: now + SUBSCRIBE_AGAIN });
                return self.say(site, &format!("Apple can't be asked for notifications: {error}"), now);
            }
        };
        let done = apple.subscribe(Subscription { url: url.clone(), token }).await;
        let works = done.is_ok();
        let again_at = now + if works { SUBSCRIPTION_EVERY } else { SUBSCRIBE_AGAIN };
        self.subscribed = Some(Subscribed { works, again_at, url: url.clone() });
        match done {
            Ok(()) => self.say(site, &format!("Apple posts notifications to {url}"), now),
            Err(error) if error.kind == CallErrorKind::Refused => {
                let why = if error.number == Some(9728) { "Apple can't reach it" } else { error.words.as_str() };
                self.say(site, &format!("Apple posts no notifications to {url}, so its list is read instead: {why}"), now)
            }
            Err(error) => {
                // Tried again as soon as Apple's work goes on.
                self.subscribed = None;
                registrar.settled(Err(error.into())).map(drop)
            }
        }
    }

    fn say(&self, site: &Site, words: &str, now: Timestamp) -> Result<(), HostError> {
        if self.is_told() {
            tracing::info!("{words}")
        } else {
            tracing::warn!("{words}")
        }
        Ok(site.store.note_about_apple(words, now)?)
    }
}

fn assets_every(waited_for: bool) -> Span {
    if waited_for { ASSETS_WHEN_WAITED_FOR } else { ASSETS_EVERY }
}
