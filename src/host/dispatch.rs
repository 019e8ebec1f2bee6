//! The dispatcher: hands due deliveries to channels and writes down how each ended.
//!
//! Read `step` from top to bottom: it is the flow. One transaction a turn records what has come back
//! and claims what leaves next; while it runs, hand-overs go on.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use super::handover::{HandedOver, Hands};
use super::registrar::Registrar;
use super::tally::Tally;
use super::{HostError, Ports};
use crate::domain::delivery::Channel;
use crate::domain::outcome::ChannelDown;
use crate::domain::time::{Span, Timestamp};
use crate::store::{DepartureRules, HandOver, Invitations, Recorded, Store};

/// A channel that is down for no stated time is tried again after this, when the process lives that long.
const DOWN_FOR: Span = Span::minutes(15);

/// How many deliveries of one channel may be in our hands: what a crash leaves doubtful at most.
const WINDOW_MAX: usize = 512;

/// Hands over what is due. Only the holder of the site's dispatch lock makes one.
pub struct Dispatcher {
    store: Arc<Store>,
    ports: Ports,
    hands: Arc<Hands>,
    registrar: Option<Arc<Registrar>>,
    rules: DepartureRules,
    paused: HashMap<Channel, (Timestamp, ChannelDown)>,
    windows: HashMap<Channel, usize>,
    gates: HashMap<Channel, Arc<Semaphore>>,
    stop: Stopping,
    news: Arc<Notify>,
    tally: Arc<Tally>,
    /// What far sides have answered and the store does not have yet; between two steps only after a failure.
    came_back: Vec<Recorded>,
    /// The last step failed.
    failed: bool,
}

/// Asked before anything is claimed: whether what is in hand is to be the last.
pub type Stopping = Arc<dyn Fn() -> bool + Send + Sync>;

/// What a dispatcher works on and with.
pub struct Dispatching {
    pub store: Arc<Store>,
    pub ports: Ports,
    pub hands: Arc<Hands>,
    pub registrar: Option<Arc<Registrar>>,
    pub rules: DepartureRules,
    pub stop: Stopping,
    /// Wakes a step that waits for something to come back: there may be more to hand over.
    pub news: Arc<Notify>,
    pub tally: Arc<Tally>,
}

/// What one step came to.
#[derive(Clone, Debug, Default)]
pub struct Stepped {
    /// When something is due next.
    pub next_wake: Option<Timestamp>,
    /// A person asked to stop; what was in our hands has been finished and written down.
    pub stopped: bool,
}

impl Dispatcher {
    /// Takes over what a dead process left in its hands, and is ready for steps. Answers, too, how many
    /// deliveries are repeated and how many became doubtful.
    ///
    /// # Errors
    /// The store's.
    pub fn take_over(work: Dispatching) -> Result<(Self, (u32, u32)), HostError> {
        let Dispatching { store, ports, hands, registrar, rules, stop, news, tally } = work;
        let taken = store.take_over(&rules, ports.clock.now())?;
        // One letter is written while another one travels; more would only lie in memory.
        let gates = at_once(&ports).map(|(channel, n)| (channel, Arc::new(Semaphore::new(n.saturating_mul(2))))).collect();
        let (paused, windows) = (HashMap::new(), HashMap::new());
        let (came_back, failed) = (Vec::new(), false);
        let dispatcher =
            Self { store, ports, hands, registrar, rules, paused, windows, gates, stop, news, tally, came_back, failed };
        Ok((dispatcher, taken))
    }

    /// Does everything that is due at the clock's time, calling `watch` after each turn, and answers
    /// when there is more to do.
    ///
    /// # Errors
    /// The store's. What was handed over by then is written down by the next step; where there is none, because
    /// the process ends, the next process finds it in hand.
    pub async fn step(&mut self, watch: &mut (dyn FnMut() + Send)) -> Result<Stepped, HostError> {
        self.recover().await?;
        let mut in_hand: JoinSet<HandedOver> = JoinSet::new();
        let stepped = self.go_on(&mut in_hand, watch).await;
        if stepped.is_err() {
            self.failed = true;
            while let Some(handed) = in_hand.join_next().await {
                // One that panicked stays in hand, and is found there.
                if let Ok(handed) = handed {
                    let recorded = self.recorded(handed);
                    self.came_back.push(recorded);
                }
            }
        }
        stepped
    }

    /// After a failure, what is known is written down first; what is in hand then is nobody's any more.
    async fn recover(&mut self) -> Result<(), HostError> {
        if !self.failed {
            return Ok(());
        }
        let now = self.ports.clock.now();
        self.turn(Vec::new(), now).await?;
        tell_taken_over(self.store.take_over(&self.rules, now)?);
        self.failed = false;
        Ok(())
    }

    async fn go_on(&mut self, in_hand: &mut JoinSet<HandedOver>, watch: &mut (dyn FnMut() + Send)) -> Result<Stepped, HostError> {
        let mut held: HashMap<Channel, usize> = HashMap::new();
        let mut at_apple: JoinSet<Result<(), HostError>> = JoinSet::new();
        loop {
            let now = self.ports.clock.now();
            let stopping = (self.stop)();
            let apple_next = self.look_after_apple(now, stopping, &mut at_apple)?;
            self.paused.retain(|_, (until, _)| *until > now);
            let wants = if stopping { Vec::new() } else { self.wants(&held) };

            let turn = self.turn(wants, now).await?;
            watch();
            // What the guard put off leaves room for more that is due.
            let idle = turn.claimed.is_empty() && turn.guarded == 0;
            for delivery in turn.claimed {
                *held.entry(delivery.channel).or_default() += 1;
                let hands = Arc::clone(&self.hands);
                let gate = self.gates.get(&delivery.channel).cloned();
                in_hand.spawn(async move {
                    let _place = match &gate {
                        // Never closed, so never an error; a closed one would only lift the bound.
                        Some(gate) => gate.acquire().await.ok(),
                        None => None,
                    };
                    hands.hand_over(delivery).await
                });
            }
            if in_hand.is_empty() && at_apple.is_empty() {
                if idle {
                    let paused = self.paused.values().map(|(until, _)| *until).min();
                    let next_wake = [turn.next_due, apple_next, paused].into_iter().flatten().min();
                    return Ok(Stepped { next_wake, stopped: stopping });
                }
                continue;
            }
            self.wait_for_news(in_hand, &mut at_apple, &mut held).await?;
        }
    }

    /// Starts the registrar where it has work, one at a time. Answers when it has some later.
    fn look_after_apple(
        &self,
        now: Timestamp,
        stopping: bool,
        at_apple: &mut JoinSet<Result<(), HostError>>,
    ) -> Result<Option<Timestamp>, HostError> {
        let Some(registrar) = &self.registrar else { return Ok(None) };
        if !at_apple.is_empty() || stopping {
            return Ok(None);
        }
        let next = registrar.next_work(now)?;
        if next.is_some_and(|at| at <= now) {
            let registrar = Arc::clone(registrar);
            at_apple.spawn(async move { registrar.work().await });
            return Ok(None);
        }
        Ok(next)
    }

    /// How many more deliveries each channel can take.
    fn wants(&self, held: &HashMap<Channel, usize>) -> Vec<(Channel, usize)> {
        at_once(&self.ports)
            .filter(|(channel, _)| !self.paused.contains_key(channel))
            .map(|(channel, at_once)| {
                // As many as came back during the last turn keep the connections busy during the
                // next one; more would only be more that a crash leaves doubtful.
                let recent = self.windows.get(&channel).copied().unwrap_or(0);
                let window = (at_once * 2 + recent * 2).clamp(8, WINDOW_MAX);
                (channel, window.saturating_sub(held.get(&channel).copied().unwrap_or(0)))
            })
            .collect()
    }

    async fn turn(&mut self, wants: Vec<(Channel, usize)>, now: Timestamp) -> Result<crate::store::Turn, HostError> {
        let outcomes = std::mem::take(&mut self.came_back);
        let store = Arc::clone(&self.store);
        let rules = self.rules.clone();
        let invitations = self.registrar.as_ref().map_or(Invitations::All, |registrar| registrar.claimable(now));
        let done = tokio::task::spawn_blocking(move || {
            let turn = store.turn(&outcomes, &wants, invitations, &rules, now);
            (turn, outcomes)
        });
        let (turn, outcomes) = done.await.map_err(|e| HostError::Internal(e.to_string()))?;
        if turn.is_err() {
            self.came_back = outcomes;
        }
        Ok(turn?)
    }

    /// Waits until something comes back or the registrar has written something, then takes all that is there.
    async fn wait_for_news(
        &mut self,
        in_hand: &mut JoinSet<HandedOver>,
        at_apple: &mut JoinSet<Result<(), HostError>>,
        held: &mut HashMap<Channel, usize>,
    ) -> Result<(), HostError> {
        let progress = async {
            match &self.registrar {
                Some(registrar) => registrar.progress.notified().await,
                None => std::future::pending().await,
            }
        };
        let mut back = Vec::new();
        tokio::select! {
            Some(handed) = in_hand.join_next() => back.push(handed),
            Some(done) = at_apple.join_next() => {
                done.map_err(|e| HostError::Internal(e.to_string()))??;
                let trouble = self.registrar.as_ref().and_then(|registrar| registrar.last_trouble());
                self.tally.apple(trouble.as_ref(), self.ports.clock.now());
            }
            () = progress => {}
            () = self.news.notified() => {}
        }
        while let Some(handed) = in_hand.try_join_next() {
            back.push(handed);
        }
        if !back.is_empty() {
            self.windows.clear();
        }
        let mut panicked = None;
        for handed in back {
            match handed {
                Ok(handed) => {
                    *held.entry(handed.channel).or_default() -= 1;
                    *self.windows.entry(handed.channel).or_default() += 1;
                    let recorded = self.recorded(handed);
                    self.came_back.push(recorded);
                }
                Err(error) => panicked = Some(HostError::Internal(error.to_string())),
            }
        }
        panicked.map_or(Ok(()), Err)
    }

    /// A channel that is down keeps its queue: nothing more is handed to it for a while.
    fn recorded(&mut self, handed: HandedOver) -> Recorded {
        let name = channel_name(handed.channel);
        let result = match handed.result {
            Ok(result) => {
                let outcome = match &result {
                    HandOver::Ended(outcome) => {
                        self.tally.is_up(name);
                        Some(outcome)
                    }
                    HandOver::NotTried { .. } => None,
                };
                self.tally.hand_over(handed.channel, outcome);
                result
            }
            Err(down) => {
                self.tally.hand_over(handed.channel, None);
                self.tally.is_down(name, &down, self.ports.clock.now());
                let until = self.ports.clock.now() + down.retry_after.unwrap_or(DOWN_FOR);
                let words = down.what.clone();
                self.paused.insert(handed.channel, (until, down));
                HandOver::NotTried { until, words }
            }
        };
        Recorded { delivery: handed.delivery, result }
    }

    /// Channels that are down, with what to do about it.
    #[must_use]
    pub fn down(&self) -> Vec<(Channel, ChannelDown)> {
        let mut down: Vec<_> = self.paused.iter().map(|(channel, (_, down))| (*channel, down.clone())).collect();
        down.sort_by_key(|(channel, _)| *channel);
        down
    }
}

/// Says in the log what was found in hand.
pub(super) fn tell_taken_over((again, doubtful): (u32, u32)) {
    if again + doubtful > 0 {
        tracing::warn!(again, doubtful, "found in hand after a stop: `beckon tasks --failed` names the doubtful ones");
    }
}

/// What people call a channel.
#[must_use]
pub fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Mdm => "MDM",
        Channel::Mail => "mail",
        Channel::Push => "push",
        Channel::Webhook => "webhooks",
    }
}

/// How many hand-overs each of the site's channels does at the same time.
fn at_once(ports: &Ports) -> impl Iterator<Item = (Channel, usize)> {
    let at_once = [
        (Channel::Mdm, ports.mdm.as_ref().map(|p| p.at_once())),
        (Channel::Mail, ports.mail.as_ref().map(|p| p.at_once())),
        (Channel::Push, ports.push.as_ref().map(|p| p.at_once())),
        (Channel::Webhook, ports.webhook.as_ref().map(|_| 4)),
    ];
    at_once.into_iter().filter_map(|(channel, at_once)| at_once.map(|n| (channel, n)))
}
