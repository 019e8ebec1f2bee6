//! Handing out licences to who has enrolled: first come, first served, never more than there are.
//!
//! A request is written down before it leaves, and Apple's list of licences in use is read before one whose
//! end is not known is made again. So a crash costs a look, and nobody gets two.

use std::collections::HashSet;

use super::HostError;
use super::registrar::{Registrar, Stopped};
use crate::domain::ids::UserId;
use crate::domain::time::{Span, Timestamp};
use crate::ports::apps_and_books::{AppsAndBooks, AssignmentQuery, CallError, CallErrorKind, EventFailure, EventState, HandOut};
use crate::ports::clock::Clock;
use crate::store::{LicenceEvent, LicenceProgress as Progress, LicenceQueue, Store};

/// Apple asks for at least this between two looks at one event.
const POLL_GAP: Span = Span::seconds(30);

/// An event still pending after this is lost: the request is made again.
const LOST: Span = Span::minutes(10);

/// Up to so many people's licences are read one by one; more are cheaper by the asset's whole list.
const ONE_BY_ONE_MAX: usize = 10;

/// Works out who is to have which licence, and asks Apple for what there is, once. For sites where nobody
/// serves; Apple's figures have just been read.
///
/// # Errors
/// The store's. What Apple can't do now is kept for the next time.
pub async fn hand_out_once(
    store: &Store,
    apple: &dyn AppsAndBooks,
    registrar: &Registrar,
    clock: &dyn Clock,
) -> Result<(), HostError> {
    let work = Licences { store, apple, clock };
    if registrar.settled(work.check().await)? {
        store.plan_licences(clock.now())?;
        registrar.settled(work.ask(false).await)?;
    }
    Ok(())
}

/// Hands out licences, one request at a time.
pub(super) struct Licences<'a> {
    pub store: &'a Store,
    pub apple: &'a dyn AppsAndBooks,
    pub clock: &'a dyn Clock,
}

impl Licences<'_> {
    /// Finds out what became of the requests that are due for a look.
    pub async fn check(&self) -> Result<(), Stopped> {
        for event in self.store.licences_in_flight(self.clock.now()).map_err(HostError::from)? {
            let now = self.clock.now();
            let Some(event_id) = event.event_id.clone() else {
                self.read_and_ask_again(&event).await?;
                continue;
            };
            match self.apple.event(event_id).await {
                Ok(status) => match status.state {
                    EventState::Pending if now - event.asked_at >= LOST => self.read_and_ask_again(&event).await?,
                    EventState::Pending => self.note(&event, Progress::Later { check_at: now + POLL_GAP })?,
                    EventState::Complete => self.note(&event, Progress::Held)?,
                    EventState::Failed => self.partly(&event, &status.failures)?,
                },
                Err(CallError { kind: CallErrorKind::UnknownEvent, .. }) => self.read_and_ask_again(&event).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Asks for what there is, in the order of enrolment. Apple's figures have just been read.
    pub async fn ask(&self, fresh_only: bool) -> Result<(), Stopped> {
        let queues = self.store.licences_wanted(self.clock.now(), fresh_only).map_err(HostError::from)?;
        if queues.is_empty() {
            return Ok(());
        }
        let most = self.apple.limits().await?.holders_per_request.max(1);
        for queue in queues {
            // What was asked for and is not known to be done may or may not be in Apple's figure: it is not
            // given to somebody else.
            let left = usize::try_from(queue.available.saturating_sub(queue.in_flight)).unwrap_or(usize::MAX);
            let (lucky, rest) = queue.people.split_at(left.min(queue.people.len()));
            for people in lucky.chunks(most) {
                self.hand_out(&queue, people.to_vec()).await?;
            }
            self.put(&queue.adam_id, ids(rest), &Progress::Waiting { words: none_left(&queue) })?;
        }
        Ok(())
    }

    /// One batch. A refusal for the sake of one person is narrowed down by halves.
    async fn hand_out(&self, queue: &LicenceQueue, people: Vec<(UserId, String)>) -> Result<(), Stopped> {
        let adam_id = queue.adam_id.as_str();
        let mut stack = vec![people];
        while let Some(mut people) = stack.pop() {
            // Looked at before each request; what is not asked for stays due.
            if self.store.sending_stopped().map_err(HostError::from)?.is_some() {
                return Ok(());
            }
            self.put(adam_id, ids(&people), &Progress::Asking)?;
            let what = HandOut {
                adam_id: adam_id.to_owned(),
                pricing: queue.pricing.clone(),
                client_user_ids: people.iter().map(|(_, client)| client.clone()).collect(),
            };
            let answer = self.apple.hand_out(what).await;
            let now = self.clock.now();
            match answer {
                Ok(event_id) => self.put(adam_id, ids(&people), &Progress::Asked { event_id, check_at: now + POLL_GAP })?,
                Err(CallError { kind: CallErrorKind::TooMany | CallErrorKind::Refused, .. }) if people.len() > 1 => {
                    let rest = people.split_off(people.len() / 2);
                    stack.extend([rest, people]);
                }
                Err(error @ CallError { kind: CallErrorKind::Refused, .. }) => {
                    let progress = meaning(error.number.unwrap_or(0), &error.words, queue, now);
                    self.put(adam_id, ids(&people), &progress)?;
                }
                // It may have been acted on: it stays as it is, and Apple's list is read before it is asked again.
                Err(error @ CallError { kind: CallErrorKind::Unknown, .. }) => return Err(error.into()),
                Err(error) => {
                    self.put(adam_id, ids(&people), &Progress::AskAgain { at: now })?;
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// Apple's list says who has theirs; for the others it is asked again.
    async fn read_and_ask_again(&self, event: &LicenceEvent) -> Result<(), Stopped> {
        let holders = self.holders(event).await?;
        let (held, open): (Vec<_>, Vec<_>) = event.people.iter().cloned().partition(|(_, client)| holders.contains(client));
        self.put(&event.adam_id, ids(&held), &Progress::Held)?;
        self.put(&event.adam_id, ids(&open), &Progress::AskAgain { at: self.clock.now() })
    }

    async fn holders(&self, event: &LicenceEvent) -> Result<HashSet<String>, Stopped> {
        let of_asset = AssignmentQuery { adam_id: Some(event.adam_id.clone()), ..AssignmentQuery::default() };
        let queries: Vec<AssignmentQuery> = if event.people.len() > ONE_BY_ONE_MAX {
            vec![of_asset]
        } else {
            let one =
                |(_, client): &(UserId, String)| AssignmentQuery { client_user_id: Some(client.clone()), ..of_asset.clone() };
            event.people.iter().map(one).collect()
        };
        let mut holders = HashSet::new();
        for mut query in queries {
            loop {
                let page = self.apple.assignments(query.clone()).await?;
                holders.extend(page.assignments.into_iter().filter(|a| a.adam_id == event.adam_id).map(|a| a.client_user_id));
                if page.next_page.is_none() {
                    break;
                }
                query.page = page.next_page;
            }
        }
        Ok(holders)
    }

    /// Who isn't named in a failure has theirs; a failure that names nobody means everybody.
    fn partly(&self, event: &LicenceEvent, failures: &[EventFailure]) -> Result<(), Stopped> {
        let now = self.clock.now();
        let queue = LicenceQueue {
            adam_id: event.adam_id.clone(),
            pricing: String::new(),
            name: String::new(),
            available: 0,
            total: 0,
            in_flight: 0,
            people: Vec::new(),
        };
        for (user, client) in &event.people {
            let failure = failures
                .iter()
                .find(|f| f.client_user_ids.contains(client))
                .or_else(|| failures.iter().find(|f| f.client_user_ids.is_empty()));
            let progress = failure.map_or(Progress::Held, |f| meaning(f.number, &f.message, &queue, now));
            self.put(&event.adam_id, vec![*user], &progress)?;
        }
        Ok(())
    }

    fn note(&self, event: &LicenceEvent, progress: Progress) -> Result<(), Stopped> {
        self.put(&event.adam_id, ids(&event.people), &progress)
    }

    fn put(&self, adam_id: &str, people: Vec<UserId>, progress: &Progress) -> Result<(), Stopped> {
        if !people.is_empty() {
            self.store.licence_progress(adam_id, &people, progress, self.clock.now()).map_err(HostError::from)?;
        }
        Ok(())
    }
}

fn ids(people: &[(UserId, String)]) -> Vec<UserId> {
    people.iter().map(|(user, _)| *user).collect()
}

fn none_left(queue: &LicenceQueue) -> String {
    if queue.total == 0 {
        return "the content token has no licences of it".to_owned();
    }
    format!("waits for a licence: none of the {} is free", queue.total)
}

/// What an error number means for one person's licence, as the reference's table has them.
fn meaning(number: i32, message: &str, queue: &LicenceQueue, now: Timestamp) -> Progress {
    match number {
        9709 if queue.total == 0 => Progress::Waiting { words: "waits for a licence: none is free".to_owned() },
        9709 => Progress::Waiting { words: none_left(queue) },
        // The first version's number for a licence that somebody holds already.
        9616 => Progress::Held,
        9603 => Progress::AskAgain { at: now + Span::minutes(1) },
        9644 => Progress::AskAgain { at: now + Span::minutes(5) },
        _ => Progress::Failed { words: format!("{message} (Apple's error {number})") },
    }
}
