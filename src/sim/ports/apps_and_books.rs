//! Apps and Books in-process, keeping the rules that an adapter keeps: pace, `Retry-After`, the resend
//! of 9603, the owner in every answer.

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use super::Doors;
use crate::domain::time::{Span, Timestamp};
use crate::ports::Answer;
use crate::ports::apps_and_books::{
    AppsAndBooks, AssetPage, Assignment, AssignmentPage, AssignmentQuery, CallError, CallErrorKind, Called, EventStatus, HandOut,
    NOTIFICATION_TYPES, Owner, ServiceLimits, Subscription, Unit, UserPage, UserQuery, UserRequest,
};
use crate::sim::apple::{
    AppleError, Assignment as InUse, Call, EventKind, Fate, Holders, Refusal, RetryAfter, Subscription as SubscribedAt, UnitView,
};
use crate::sim::world::World;

/// One token's queue.
pub struct SimAppsAndBooks {
    doors: Doors,
    token: String,
    /// Held for a whole call: one token is one queue.
    queue: Mutex<Queue>,
    /// Apart from the queue, because it is set without waiting.
    expected: std::sync::Mutex<Expected>,
}

#[derive(Default)]
struct Queue {
    next_slot: Option<Timestamp>,
    blocked_until: Option<Timestamp>,
    back_offs: u32,
    /// Limits, URL template and when they were read.
    config: Option<(ServiceLimits, String, Timestamp)>,
}

#[derive(Default)]
struct Expected {
    owner: Option<Owner>,
    rival: Option<Owner>,
}

/// Whether a call may go on although somebody else owns the unit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ownership {
    Checked,
    Ignored,
}

/// Why one try brought nothing.
enum Failed {
    Apple(AppleError),
    Lost,
    NotSent,
}

/// Apple: resend at once, up to five times; after that, minutes apart.
const RESENDS_MAX: u32 = 5;
const AFTER_RESENDS: Span = Span::minutes(2);
const BACK_OFF_MAX: Span = Span::minutes(5);
const CONFIG_AGE_MAX: Span = Span::minutes(5);

impl SimAppsAndBooks {
    pub(super) fn new(doors: Doors, token: String) -> Self {
        Self { doors, token, queue: Mutex::default(), expected: std::sync::Mutex::default() }
    }

    fn expected(&self) -> std::sync::MutexGuard<'_, Expected> {
        self.expected.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn ask<T: Send>(
        &self,
        writes: bool,
        ownership: Ownership,
        act: impl Fn(&mut World, Timestamp, &Call) -> Result<T, AppleError> + Send + Sync,
    ) -> Called<(T, UnitView)> {
        let mut queue = self.queue.lock().await;
        if let (Ownership::Checked, Some(rival)) = (ownership, self.expected().rival.clone()) {
            return Err(not_ours(rival));
        }
        let now = self.doors.clock.now();
        if let Some(until) = queue.blocked_until.filter(|until| now < *until) {
            return Err(busy(until - now, "Apple asked to wait", None));
        }
        let mut resends = 0;
        loop {
            let limit = self.read_config(&mut queue).0.requests_per_second;
            // A slot that is further away was taken before the clock was set back.
            let apart = Span::seconds(1) + Span::milliseconds(1);
            if let Some(slot) = queue.next_slot.filter(|slot| *slot - self.doors.clock.now() <= apart) {
                self.doors.clock.wait_until(slot).await;
            }
            let now = self.doors.clock.now();
            queue.next_slot = Some(now + Span::milliseconds(1000_i64.div_euclid(i64::from(limit.max(1))) + 1));
            match self.try_once(now, writes, &act).await {
                Ok((value, view)) => {
                    queue.back_offs = 0;
                    return match self.rival_in(&view).filter(|_| ownership == Ownership::Checked) {
                        Some(rival) => Err(not_ours(rival)),
                        None => Ok((value, view)),
                    };
                }
                Err(Failed::Apple(error)) if error.number == 9603 && resends < RESENDS_MAX => resends += 1,
                Err(failed) => return Err(self.explain(&mut queue, now, failed)),
            }
        }
    }

    async fn try_once<T: Send>(
        &self,
        now: Timestamp,
        writes: bool,
        act: &(impl Fn(&mut World, Timestamp, &Call) -> Result<T, AppleError> + Sync),
    ) -> Result<(T, UnitView), Failed> {
        let (call, result, view) = self.doors.at_now(|world, _| {
            let call = world.apple.enter(now, &self.token, writes).map_err(|refusal| match refusal {
                Refusal::Answer(error) => Failed::Apple(error),
                Refusal::LineDrops => Failed::NotSent,
            })?;
            let result = act(world, now, &call);
            let view = world.apple.view(now, &call);
            Ok::<_, Failed>((call, result, view))
        })?;
        let fate = call.fate;
        if let Some(slow) = call.slow {
            self.doors.clock.wait_until(now + slow).await;
        }
        drop(call);
        match (fate, result) {
            (Fate::LineDrops, _) => Err(Failed::Lost),
            (Fate::Answered, Ok(value)) => Ok((value, view)),
            (Fate::Answered, Err(error)) => Err(Failed::Apple(error)),
        }
    }

    /// Another owner than the expected one; remembered, so that nothing more is asked.
    fn rival_in(&self, view: &UnitView) -> Option<Owner> {
        let mut expected = self.expected();
        let ours = expected.owner.as_ref()?.id.clone();
        let rival = view.owner.clone().filter(|owner| owner.id != ours)?;
        expected.rival = Some(rival.clone());
        Some(rival)
    }

    fn explain(&self, queue: &mut Queue, now: Timestamp, failed: Failed) -> CallError {
        let error = match failed {
            Failed::Apple(error) => error,
            Failed::Lost => return transport(CallErrorKind::Unknown, "the line dropped before the answer came"),
            Failed::NotSent => return transport(CallErrorKind::Unreachable, "the connection failed"),
        };
        let kind = match error.number {
            9601 | 9621 | 9622 | 9625 => CallErrorKind::TokenDead,
            9603 | 9644 | 9646 | 9729 => {
                let wait = match error.retry_after {
                    Some(RetryAfter::Seconds(n)) => Span::seconds(n),
                    Some(RetryAfter::Date(at)) => at - now,
                    None if error.number == 9603 => AFTER_RESENDS,
                    None => {
                        queue.back_offs += 1;
                        Span::seconds(5 << queue.back_offs.min(7).saturating_sub(1)).min(BACK_OFF_MAX)
                    }
                };
                queue.blocked_until = Some(now + wait);
                return busy(wait, error.message, Some(error.number));
            }
            9700..=9702 | 9714 => {
                queue.config = None;
                CallErrorKind::TooMany
            }
            9650 | 9721 => CallErrorKind::StaleCursor,
            9708 => CallErrorKind::UnknownEvent,
            _ => CallErrorKind::Refused,
        };
        CallError { kind, number: Some(error.number), words: error.message.to_owned(), client_user_ids: error.client_user_ids }
    }

    /// `service/config` needs no token and counts against no unit's pace.
    fn read_config(&self, queue: &mut Queue) -> (ServiceLimits, String) {
        let now = self.doors.clock.now();
        if let Some((limits, url, read)) = &queue.config
            && now - *read < CONFIG_AGE_MAX
        {
            return (*limits, url.clone());
        }
        let (limits, url) = self.doors.at_now(|world, _| (world.apple.config.limits, world.apple.config.invitation_url.clone()));
        let limits = ServiceLimits {
            users_per_request: limits.max_users,
            holders_per_request: limits.max_client_user_ids,
            requests_per_second: u32::try_from(limits.max_requests_per_second).unwrap_or(u32::MAX),
        };
        queue.config = Some((limits, url.clone(), now));
        (limits, url)
    }

    async fn change(&self, kind: EventKind, users: Vec<UserRequest>) -> Called<String> {
        let most = self.read_config(&mut *self.queue.lock().await).0.users_per_request;
        if users.len() > most {
            let words = format!("{} users are too many for one request; Apple takes {most}", users.len());
            return Err(transport(CallErrorKind::TooMany, &words));
        }
        let act = |world: &mut World, now, call: &Call| world.apple.change_users(now, call, kind, users.clone());
        self.ask(true, Ownership::Checked, act).await.map(|(id, _)| id)
    }
}

impl AppsAndBooks for SimAppsAndBooks {
    fn limits(&self) -> Answer<'_, Called<ServiceLimits>> {
        Box::pin(async move { Ok(self.read_config(&mut *self.queue.lock().await).0) })
    }

    fn unit(&self) -> Answer<'_, Called<Unit>> {
        Box::pin(async move {
            let ((), view) = self.ask(false, Ownership::Checked, |_, _, _| Ok(())).await?;
            Ok(unit(view))
        })
    }

    fn claim(&self, owner: Owner) -> Answer<'_, Called<Unit>> {
        Box::pin(async move {
            let act = |world: &mut World, _, call: &Call| world.apple.claim(call, owner.clone());
            let ((), view) = self.ask(true, Ownership::Ignored, act).await?;
            self.expect_owner(owner);
            Ok(unit(view))
        })
    }

    fn expect_owner(&self, owner: Owner) {
        *self.expected() = Expected { owner: Some(owner), rival: None };
    }

    fn create_users(&self, users: Vec<UserRequest>) -> Answer<'_, Called<String>> {
        Box::pin(self.change(EventKind::Create, users))
    }

    fn update_users(&self, users: Vec<UserRequest>) -> Answer<'_, Called<String>> {
        Box::pin(self.change(EventKind::Update, users))
    }

    fn retire_users(&self, users: Vec<UserRequest>) -> Answer<'_, Called<String>> {
        Box::pin(self.change(EventKind::Retire, users))
    }

    fn event(&self, event_id: String) -> Answer<'_, Called<EventStatus>> {
        Box::pin(async move {
            let act = |world: &mut World, now, call: &Call| world.apple.status(now, call, &event_id);
            self.ask(false, Ownership::Checked, act).await.map(|(view, _)| view.status)
        })
    }

    fn users(&self, query: UserQuery) -> Answer<'_, Called<UserPage>> {
        Box::pin(async move {
            let act = |world: &mut World, _, call: &Call| world.apple.users(call, &query, false);
            self.ask(false, Ownership::Checked, act).await.map(|(page, _)| page)
        })
    }

    fn ahead(&self) -> Option<Span> {
        // It lives on the same clock.
        Some(Span::zero())
    }

    fn assets(&self, page: Option<u32>) -> Answer<'_, Called<AssetPage>> {
        Box::pin(async move {
            let act = |world: &mut World, _, call: &Call| world.apple.assets(call, page.unwrap_or(0));
            self.ask(false, Ownership::Checked, act).await.map(|(page, _)| page)
        })
    }

    fn hand_out(&self, what: HandOut) -> Answer<'_, Called<String>> {
        Box::pin(async move {
            let most = self.read_config(&mut *self.queue.lock().await).0.holders_per_request;
            if what.client_user_ids.len() > most {
                let words = format!("{} people are too many for one request; Apple takes {most}", what.client_user_ids.len());
                return Err(transport(CallErrorKind::TooMany, &words));
            }
            let holders = Holders { client_user_ids: what.client_user_ids, serial_numbers: Vec::new() };
            let act = |world: &mut World, now, call: &Call| {
                world.apple.change_licences(now, call, EventKind::Associate, vec![what.adam_id.clone()], holders.clone())
            };
            self.ask(true, Ownership::Checked, act).await.map(|(id, _)| id)
        })
    }

    fn assignments(&self, query: AssignmentQuery) -> Answer<'_, Called<AssignmentPage>> {
        Box::pin(async move {
            let act = |world: &mut World, _, call: &Call| {
                let page = query.page.unwrap_or(0);
                world.apple.assignments(call, query.adam_id.as_deref(), query.client_user_id.as_deref(), page)
            };
            let ((held, next_page), _) = self.ask(false, Ownership::Checked, act).await?;
            let of_person = |a: InUse| Some(Assignment { adam_id: a.adam_id, client_user_id: a.client_user_id? });
            Ok(AssignmentPage { assignments: held.into_iter().filter_map(of_person).collect(), next_page })
        })
    }

    /// In-process nobody is called: whether the address can be reached is the fault that says so.
    fn subscribe(&self, to: Subscription) -> Answer<'_, Called<()>> {
        Box::pin(async move {
            let to = SubscribedAt {
                url: to.url,
                auth_token: to.token.expose_secret().to_owned(),
                types: NOTIFICATION_TYPES.map(str::to_owned).to_vec(),
            };
            let act = |world: &mut World, _, call: &Call| {
                world.apple.check_subscription(Some(&to.url), Some(&to.auth_token))?;
                if world.apple.faults.subscriber_unreachable {
                    return Err(AppleError::new(9728));
                }
                world.apple.subscribe(call, to.clone());
                Ok(())
            };
            self.ask(true, Ownership::Checked, act).await.map(|((), _)| ())
        })
    }

    fn invitation_url(&self, code: &SecretString) -> Answer<'_, Called<SecretString>> {
        let code = code.clone();
        Box::pin(async move {
            let (_, template) = self.read_config(&mut *self.queue.lock().await);
            let url = ["%25inviteCode%25", "%inviteCode%"]
                .into_iter()
                .find_map(|place| template.contains(place).then(|| template.replace(place, code.expose_secret())));
            url.map(SecretString::from)
                .ok_or_else(|| transport(CallErrorKind::Refused, "Apple's invitation URL has no place for the invite code"))
        })
    }
}

fn unit(view: UnitView) -> Unit {
    Unit {
        u_id: view.u_id,
        location: view.location,
        country: view.country,
        school: view.school,
        owner: view.owner,
        token_expires: view.token_expires,
        notification_url: view.subscription.map(|to| to.url),
    }
}

fn transport(kind: CallErrorKind, words: &str) -> CallError {
    CallError { kind, number: None, words: words.to_owned(), client_user_ids: Vec::new() }
}

fn busy(retry_after: Span, words: &str, number: Option<i32>) -> CallError {
    CallError { number, ..transport(CallErrorKind::Busy { retry_after }, words) }
}

fn not_ours(owner: Owner) -> CallError {
    let words = format!("the unit is now driven by {}", owner.name);
    transport(CallErrorKind::NotOurs(owner), &words)
}
