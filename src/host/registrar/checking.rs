//! Finding out what became of the asks.

use std::collections::BTreeMap;

use super::{HostError, Registrar, Stopped};
use crate::domain::time::{Span, Timestamp};
use crate::ports::apps_and_books::{CallError, CallErrorKind, EventFailure, EventState, EventStatus};
use crate::store::{AppleItem, AppleProgress, AppleTask};

/// Apple asks for at least this between two looks at one event (reference: events-status).
const POLL_GAP: Span = Span::seconds(30);

/// An event still pending after this is lost: the request is sent again.
const LOST: Span = Span::minutes(10);

impl Registrar {
    /// Looks after everything that was asked for and is due for a look. Answers whether there was anything.
    pub(super) async fn check_due(&self) -> Result<bool, Stopped> {
        if self.due_events()?.is_empty() {
            return Ok(false);
        }
        // The list answers for most of them at once, and is no status poll.
        self.read_changes().await?;
        let now = self.clock.now();
        let mut by_event: BTreeMap<String, Vec<AppleItem>> = BTreeMap::new();
        for item in self.due_events()? {
            by_event.entry(item.event_id.clone().unwrap_or_default()).or_default().push(item);
        }
        for (event_id, items) in by_event {
            let age = items.iter().filter_map(|item| item.asked_at).map(|at| now - at).min().unwrap_or(POLL_GAP);
            if age < POLL_GAP {
                let wait = age.max(Span::seconds(2)).min(POLL_GAP - age).max(Span::seconds(1));
                self.note(items.iter().map(|item| (item.invitation, AppleProgress::Later { check_at: now + wait })))?;
                continue;
            }
            match self.apple.event(event_id).await {
                Ok(status) => self.follow_event(&items, status, age).await?,
                Err(CallError { kind: CallErrorKind::UnknownEvent, .. }) => {
                    self.read_and_ask_again(&items, self.clock.now()).await?
                }
                Err(error) => return Err(Stopped::Apple(error)),
            }
        }
        Ok(true)
    }

    fn due_events(&self) -> Result<Vec<AppleItem>, Stopped> {
        let mut items = self.store.apple_work(self.clock.now(), usize::MAX >> 1).map_err(HostError::from)?;
        items.retain(|item| item.event_id.is_some());
        Ok(items)
    }

    async fn follow_event(&self, items: &[AppleItem], status: EventStatus, age: Span) -> Result<(), Stopped> {
        let now = self.clock.now();
        match status.state {
            EventState::Pending if age >= LOST => self.read_and_ask_again(items, now).await,
            EventState::Pending => {
                self.note(items.iter().map(|item| (item.invitation, AppleProgress::Later { check_at: now + POLL_GAP })))
            }
            EventState::Complete => self.done(items, now).await,
            EventState::Failed => {
                let mut rest = Vec::new();
                let mut progress = Vec::new();
                for item in items {
                    match failure_of(item, &status.failures) {
                        None => rest.push(item.clone()),
                        Some(failure) => match what_it_means(item, failure, now) {
                            Some(p) => progress.push((item.invitation, p)),
                            None => rest.push(item.clone()),
                        },
                    }
                }
                self.note(progress.into_iter())?;
                self.done(&rest, now).await
            }
        }
    }

    /// Apple says that these are done: the records must show it.
    async fn done(&self, items: &[AppleItem], now: Timestamp) -> Result<(), Stopped> {
        let (retired, made): (Vec<_>, Vec<_>) = items.iter().cloned().partition(|item| item.task == AppleTask::Retire);
        self.note(retired.iter().map(|item| (item.invitation, AppleProgress::Retired)))?;
        if made.is_empty() {
            return Ok(());
        }
        self.read_and_ask_again(&made, now).await
    }

    /// Reads the records one by one; whoever still has none is asked for again.
    async fn read_and_ask_again(&self, items: &[AppleItem], now: Timestamp) -> Result<(), Stopped> {
        let made: Vec<String> = items.iter().filter(|i| i.task != AppleTask::Retire).map(|i| i.client_user_id.clone()).collect();
        self.read_one_by_one(made).await?;
        // Items that the reading settled are no longer due; the note passes them over.
        self.note(items.iter().map(|item| (item.invitation, AppleProgress::AskAgain { at: now })))
    }

    fn note(&self, progress: impl Iterator<Item = (i64, AppleProgress)>) -> Result<(), Stopped> {
        let all: Vec<_> = progress.collect();
        if !all.is_empty() {
            self.store.apple_progress(&all, self.clock.now()).map_err(HostError::from)?;
        }
        Ok(())
    }
}

/// The failure that names the item, or one that names nobody and so means everybody.
fn failure_of<'a>(item: &AppleItem, failures: &'a [EventFailure]) -> Option<&'a EventFailure> {
    failures
        .iter()
        .find(|f| f.client_user_ids.contains(&item.client_user_id))
        .or_else(|| failures.iter().find(|f| f.client_user_ids.is_empty()))
}

/// Apple's asynchronous error numbers, as the reference's table has them. `None`: the record is there.
fn what_it_means(item: &AppleItem, failure: &EventFailure, now: Timestamp) -> Option<AppleProgress> {
    let words = &failure.message;
    match failure.number {
        9716 => None,
        9609 if item.task == AppleTask::Retire => Some(AppleProgress::Retired),
        9603 => Some(AppleProgress::AskAgain { at: now + Span::minutes(1) }),
        9644 => Some(AppleProgress::AskAgain { at: now + Span::minutes(5) }),
        9635 if item.task == AppleTask::Associate => Some(AppleProgress::InviteInstead {
            words: format!("the Managed Apple Account can't be associated, so an invitation goes out: {words}"),
        }),
        _ => Some(AppleProgress::Failed { words: words.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_millis;

    fn item(task: AppleTask) -> AppleItem {
        AppleItem {
            invitation: 1,
            task,
            client_user_id: "a".into(),
            mail: None,
            managed_account: None,
            event_id: None,
            asked_at: None,
            tries: 1,
            read_first: false,
        }
    }

    fn meaning(task: AppleTask, number: i32) -> Option<AppleProgress> {
        let failure = EventFailure { number, message: "m".into(), client_user_ids: vec![] };
        what_it_means(&item(task), &failure, from_millis(0))
    }

    #[test]
    fn every_asynchronous_error_has_its_meaning() {
        use AppleProgress as P;
        assert_eq!(meaning(AppleTask::Register, 9716), None);
        assert!(matches!(meaning(AppleTask::Associate, 9635), Some(P::InviteInstead { .. })));
        assert!(matches!(meaning(AppleTask::Register, 9635), Some(P::Failed { .. })));
        assert!(matches!(meaning(AppleTask::Register, 9641), Some(P::Failed { .. })));
        assert!(matches!(meaning(AppleTask::Register, 9603), Some(P::AskAgain { .. })));
        assert!(matches!(meaning(AppleTask::Register, 9644), Some(P::AskAgain { .. })));
        assert!(matches!(meaning(AppleTask::Retire, 9609), Some(P::Retired)));
        assert!(matches!(meaning(AppleTask::Register, 12345), Some(P::Failed { .. })));
    }

    #[test]
    fn a_failure_that_names_somebody_else_is_not_ours() {
        let failures = [EventFailure { number: 9641, message: "m".into(), client_user_ids: vec!["b".into()] }];
        assert_eq!(failure_of(&item(AppleTask::Register), &failures), None);
    }
}
