//! Asking Apple to make, associate or retire records, in batches.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::{AT_ONCE, HostError, Known, ONE_BY_ONE_MAX, Registrar, Stopped};
use crate::domain::time::Span;
use crate::ports::apps_and_books::{CallError, CallErrorKind, RecordStatus, UserRecord, UserRequest};
use crate::store::{AppleItem, AppleProgress, AppleTask};

/// How many items one round takes up.
const ROUND: usize = 20_000;

/// After so many requests for records, one look at what the earlier ones have become: deliveries start
/// while later records are still being asked for.
const ASKS_PER_LOOK: usize = 5;

/// An ask is given up after so many tries.
const TRIES_MAX: u32 = 5;

/// Apple works on an ask for a moment; the first look is no use earlier.
const FIRST_LOOK: Span = Span::seconds(2);

enum Job {
    Ask(Verb, Vec<AppleItem>),
    Look,
}

/// What Apple is asked to do with a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    /// An open record that is to be associated by its Managed Apple Account.
    Update,
    Retire,
}

impl Registrar {
    /// Asks for everything due that has not been asked for. Answers whether there was anything.
    pub(super) async fn ask_for_due(&self) -> Result<bool, Stopped> {
        let now = self.clock.now();
        if self.is_stopped()? {
            return Ok(false);
        }
        let mut items = self.store.apple_work(now, ROUND).map_err(HostError::from)?;
        items.retain(|item| item.event_id.is_none());
        if items.is_empty() {
            return Ok(false);
        }
        let items = self.without_known(items).await?;
        let items = self.without_hopeless(items)?;
        if items.is_empty() {
            return Ok(true);
        }
        let limits = self.apple.limits().await?;
        let mut jobs = Vec::new();
        let mut asks = 0;
        for verb in [Verb::Retire, Verb::Update, Verb::Create] {
            let alike: Vec<AppleItem> = items.iter().filter(|item| self.verb(item) == verb).cloned().collect();
            for batch in alike.chunks(limits.users_per_request.max(1)) {
                jobs.push(Job::Ask(verb, batch.to_vec()));
                asks += 1;
                if asks % ASKS_PER_LOOK == 0 && asks > ASKS_PER_LOOK {
                    jobs.push(Job::Look);
                }
            }
        }
        self.run_jobs(jobs).await?;
        Ok(true)
    }

    pub(super) fn is_stopped(&self) -> Result<bool, Stopped> {
        Ok(self.store.sending_stopped().map_err(HostError::from)?.is_some())
    }

    fn verb(&self, item: &AppleItem) -> Verb {
        match item.task {
            AppleTask::Retire => Verb::Retire,
            AppleTask::Associate if self.state().known.get(&item.client_user_id).is_some_and(is_active) => Verb::Update,
            AppleTask::Associate | AppleTask::Register => Verb::Create,
        }
    }

    async fn run_jobs(&self, jobs: Vec<Job>) -> Result<(), Stopped> {
        let mut waiting = jobs.into_iter();
        let mut running = FuturesUnordered::new();
        let mut first_trouble = None;
        loop {
            while first_trouble.is_none() && running.len() < AT_ONCE {
                let Some(job) = waiting.next() else { break };
                running.push(self.run_job(job));
            }
            match running.next().await {
                None => break,
                Some(Ok(())) => {}
                // What is under way is finished and written down before we stop.
                Some(Err(trouble)) => first_trouble = first_trouble.or(Some(trouble)),
            }
        }
        first_trouble.map_or(Ok(()), Err)
    }

    async fn run_job(&self, job: Job) -> Result<(), Stopped> {
        match job {
            Job::Look => match self.looking.try_lock() {
                Ok(_looking) => self.read_changes().await,
                // Two looks at once would read the same pages; the one under way or the next one sees it all.
                Err(_) => Ok(()),
            },
            Job::Ask(verb, batch) => self.ask(verb, batch).await,
        }
    }

    /// Sends one batch. A refusal of the whole batch for the sake of one user is narrowed down by halves.
    async fn ask(&self, verb: Verb, batch: Vec<AppleItem>) -> Result<(), Stopped> {
        let mut stack = vec![batch];
        while let Some(mut batch) = stack.pop() {
            // Looked at before each request; what is not asked for stays due.
            if self.is_stopped()? {
                return Ok(());
            }
            let requests = batch.iter().map(request).collect();
            let answer = match verb {
                Verb::Retire => self.apple.retire_users(requests).await,
                Verb::Update => self.apple.update_users(requests).await,
                Verb::Create => self.apple.create_users(requests).await,
            };
            let now = self.clock.now();
            match answer {
                Ok(event_id) => {
                    let check_at = now + FIRST_LOOK;
                    let asked: Vec<_> = batch
                        .iter()
                        .map(|item| (item.invitation, AppleProgress::Asked { event_id: event_id.clone(), check_at }))
                        .collect();
                    self.store.apple_progress(&asked, now).map_err(HostError::from)?;
                }
                Err(CallError { kind: CallErrorKind::TooMany, .. }) if batch.len() > 1 => {
                    let rest = batch.split_off(batch.len() / 2);
                    stack.extend([batch, rest]);
                }
                Err(error @ CallError { kind: CallErrorKind::Refused, .. }) => {
                    if let [only] = batch.as_slice() {
                        let failed = AppleProgress::Failed { words: error.words };
                        self.store.apple_progress(&[(only.invitation, failed)], now).map_err(HostError::from)?;
                    } else {
                        let rest = batch.split_off(batch.len() / 2);
                        stack.extend([batch, rest]);
                    }
                }
                Err(error @ CallError { kind: CallErrorKind::Unknown, .. }) => {
                    // It may have been acted on: nothing is asked again before the records were read.
                    self.state().unsure.extend(batch.iter().map(|item| item.client_user_id.clone()));
                    return Err(Stopped::Apple(error));
                }
                Err(error) => return Err(Stopped::Apple(error)),
            }
        }
        Ok(())
    }

    /// Leaves out whom Apple has already: an active record is used again, never made twice.
    async fn without_known(&self, items: Vec<AppleItem>) -> Result<Vec<AppleItem>, Stopped> {
        let to_read: Vec<String> = {
            let state = self.state();
            items
                .iter()
                .filter(|item| item.task != AppleTask::Retire)
                .filter(|item| {
                    state.unsure.contains(&item.client_user_id)
                        || (item.read_first && !state.known.contains_key(&item.client_user_id))
                })
                .map(|item| item.client_user_id.clone())
                .collect()
        };
        if to_read.len() > ONE_BY_ONE_MAX {
            self.walk().await?;
            self.state().unsure.clear();
        } else {
            self.read_one_by_one(to_read).await?;
        }
        let mut there = Vec::new();
        let mut rest = Vec::new();
        {
            let state = self.state();
            for item in items {
                let known = state.known.get(&item.client_user_id);
                match known {
                    Some(known) if item.task == AppleTask::Register && is_active(known) => there.push(record(&item, known)),
                    Some(known) if item.task == AppleTask::Associate && known.status == RecordStatus::Associated => {
                        there.push(record(&item, known))
                    }
                    _ => rest.push(item),
                }
            }
        }
        if !there.is_empty() {
            self.store.take_records(&there, None, self.clock.now()).map_err(HostError::from)?;
            self.progress.notify_one();
        }
        Ok(rest)
    }

    fn without_hopeless(&self, items: Vec<AppleItem>) -> Result<Vec<AppleItem>, Stopped> {
        let (hopeless, rest): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| item.tries >= TRIES_MAX);
        if !hopeless.is_empty() {
            let words = format!("Apple took the request {TRIES_MAX} times and made no record");
            let failed: Vec<_> =
                hopeless.iter().map(|item| (item.invitation, AppleProgress::Failed { words: words.clone() })).collect();
            self.store.apple_progress(&failed, self.clock.now()).map_err(HostError::from)?;
        }
        Ok(rest)
    }
}

fn is_active(known: &Known) -> bool {
    matches!(known.status, RecordStatus::Registered | RecordStatus::Associated)
}

fn record(item: &AppleItem, known: &Known) -> UserRecord {
    UserRecord {
        client_user_id: item.client_user_id.clone(),
        email: None,
        status: known.status.clone(),
        invite_code: known.code.clone(),
        id_hash: None,
    }
}

fn request(item: &AppleItem) -> UserRequest {
    let retire = item.task == AppleTask::Retire;
    UserRequest {
        client_user_id: item.client_user_id.clone(),
        email: item.mail.clone().filter(|_| !retire),
        managed_apple_id: item.managed_account.clone().filter(|_| item.task == AppleTask::Associate),
    }
}
