//! Requests that Apple answers with an event id and finishes later.

use super::assets::Job;
use super::users::check_batch;
use super::{Apple, AppleError, Call, Rule};
use crate::domain::time::{Span, Timestamp};
use crate::ports::apps_and_books::{EventFailure, EventState, EventStatus, UserRequest};
use crate::sim::faults::spend;
use crate::sim::seed::Seed;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    Create,
    Update,
    Retire,
    Associate,
    Disassociate,
    Revoke,
}

impl EventKind {
    /// The word in `eventType` and in notifications.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Retire => "RETIRE",
            Self::Associate => "ASSOCIATE",
            Self::Disassociate => "DISASSOCIATE",
            Self::Revoke => "REVOKE",
        }
    }
}

pub(super) struct Event {
    kind: EventKind,
    unit: usize,
    work: Work,
    asked: usize,
    completed: usize,
    state: EventState,
    failures: Vec<EventFailure>,
    seen_pending: Option<Timestamp>,
}

pub(super) enum Work {
    Users(Vec<UserRequest>),
    Licences(Job),
}

/// What `status` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventView {
    pub kind: EventKind,
    pub asked: usize,
    pub completed: usize,
    pub status: EventStatus,
}

/// How long one has to wait between two looks at a pending event.
const POLL_SPACING: Span = Span::seconds(30);

impl Apple {
    /// `POST users/create`, `users/update` and `users/retire`: the event's id.
    ///
    /// # Errors
    /// What Apple checks at once; then nothing is queued at all.
    pub fn change_users(
        &mut self,
        now: Timestamp,
        call: &Call,
        kind: EventKind,
        users: Vec<UserRequest>,
    ) -> Result<String, AppleError> {
        let limit = self.config.limits.max_users;
        if users.len() > limit {
            self.breach(now, Rule::RowsPerRequest, format!("{} users in one request, {limit} are allowed", users.len()));
        }
        check_batch(&users, limit)?;
        let asked = users.len();
        Ok(self.queue(now, call, kind, asked, Work::Users(users)))
    }

    pub(super) fn queue(&mut self, now: Timestamp, call: &Call, kind: EventKind, asked: usize, work: Work) -> String {
        let mut seed = Seed::named(self.seed, &["event", &self.events.len().to_string()]);
        let id = seed.uuid();
        let event = Event {
            kind,
            unit: call.unit,
            work,
            asked,
            completed: 0,
            state: EventState::Pending,
            failures: Vec::new(),
            seen_pending: None,
        };
        self.events.insert(id.clone(), event);
        if !spend(&mut self.faults.lose_events) {
            self.agenda.add(now + seed.between(self.config.event_takes), id.clone());
        }
        id
    }

    /// `GET status`.
    ///
    /// # Errors
    /// 9708 for an event that this unit doesn't have.
    pub fn status(&mut self, now: Timestamp, call: &Call, event_id: &str) -> Result<EventView, AppleError> {
        let event = self.events.get_mut(event_id).filter(|e| e.unit == call.unit).ok_or(AppleError::new(9708))?;
        let early = event.seen_pending.map(|last| now - last).filter(|waited| *waited < POLL_SPACING);
        event.seen_pending = (event.state == EventState::Pending).then_some(now);
        let view = EventView {
            kind: event.kind,
            asked: event.asked,
            completed: event.completed,
            status: EventStatus { state: event.state.clone(), failures: event.failures.clone() },
        };
        if let Some(waited) = early {
            let ms = waited.num_milliseconds();
            self.breach(now, Rule::PollSpacing, format!("an event was asked for again {ms} ms after it was pending"));
        }
        Ok(view)
    }

    /// Does what an event asks; called when it is due.
    pub(in crate::sim) fn finish(&mut self, now: Timestamp, event_id: &str) {
        let Some(mut event) = self.events.remove(event_id) else { return };
        let mut done = Vec::new();
        match &event.work {
            Work::Users(users) => {
                for user in users {
                    match self.finish_user(event.unit, event.kind, user) {
                        Ok(at) => done.push(at),
                        Err(number) => add_failure(&mut event.failures, number, &user.client_user_id),
                    }
                }
                event.completed = done.len();
            }
            Work::Licences(job) => {
                let unit = self.units.get_mut(event.unit);
                let (completed, failures) = unit.map_or((0, Vec::new()), |unit| unit.shelf.run(job, &unit.users));
                event.completed = completed;
                event.failures = failures;
            }
        }
        event.state = if event.failures.is_empty() { EventState::Complete } else { EventState::Failed };
        match &event.work {
            Work::Users(_) => self.notify_management(now, event.unit, event_id, event.kind, &done, &event.failures),
            Work::Licences(job) => self.notify_licences(now, event.unit, event_id, job, &event.failures),
        }
        self.events.insert(event_id.to_owned(), event);
    }

    fn finish_user(&mut self, unit: usize, kind: EventKind, user: &UserRequest) -> Result<usize, i32> {
        self.asked_for = self.asked_for.saturating_add(1);
        if let Some(number) = self.faults.refuse_users.get(&user.client_user_id) {
            return Err(*number);
        }
        if let Some((_, number)) = self.faults.refuse_each.filter(|(each, _)| *each > 0 && self.asked_for.is_multiple_of(*each)) {
            return Err(number);
        }
        let unit = self.units.get_mut(unit).ok_or(9603)?;
        match kind {
            EventKind::Create => unit.users.create(self.seed, &self.config.known_domains, user),
            EventKind::Update => unit.users.update(&self.config.known_domains, user),
            _ => {
                unit.shelf.free_user(&user.client_user_id);
                unit.users.retire(&user.client_user_id)
            }
        }
    }
}

/// Apple gathers the users of one error number in one failure.
pub(super) fn add_failure(failures: &mut Vec<EventFailure>, number: i32, client_user_id: &str) {
    match failures.iter_mut().find(|f| f.number == number) {
        Some(failure) => failure.client_user_ids.push(client_user_id.to_owned()),
        None => failures.push(EventFailure {
            number,
            message: AppleError::new(number).message.to_owned(),
            client_user_ids: vec![client_user_id.to_owned()],
        }),
    }
}
