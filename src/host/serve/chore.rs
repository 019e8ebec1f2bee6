//! A chore's loop: one step at a time, in a thread of its own, so that a long step holds up nobody.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::Serving;
use crate::domain::time::{Span, Timestamp};
use crate::host::site::Site;
use crate::host::{HostError, Ports};

/// A step that failed is tried again after this: whatever was wrong is seldom over sooner.
const AGAIN: Span = Span::seconds(60);

/// Something that `beckon serve` looks after by itself.
pub trait Chore: Send {
    /// Does everything that is due at `now`, never waits for time, and answers when it wants to be
    /// called next; `None` when only something else can make it due. It is also called whenever
    /// anything was committed to the store, so a step with nothing to do must write nothing.
    fn step<'a>(&'a mut self, site: &'a Arc<Site>, ports: &'a Ports, now: Timestamp) -> Stepping<'a>;

    /// Ends what a step has left running beside it; called once, after the last step.
    fn stop<'a>(&'a mut self, now: Timestamp) -> BoxFuture<'a, Result<(), HostError>> {
        let _ = now;
        Box::pin(async { Ok(()) })
    }
}

pub type Stepping<'a> = BoxFuture<'a, Result<Option<Timestamp>, HostError>>;

/// Starts a chore's loop. Its thread is not one of the runtime's, which must stay free to wait.
pub(super) fn start(serving: Arc<Serving>, name: &'static str, chore: Box<dyn Chore>, wake: Arc<Notify>) -> JoinHandle<()> {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(keep(serving, name, chore, wake)))
}

async fn keep(serving: Arc<Serving>, name: &'static str, mut chore: Box<dyn Chore>, wake: Arc<Notify>) {
    while !serving.stopping() {
        let next = turn(&serving, name, chore.as_mut()).await;
        serving.wait(next, &wake).await;
    }
    if let Err(error) = chore.stop(serving.clock.now()).await {
        tracing::error!(chore = name, %error, "it could not be stopped in order");
    }
}

/// One step with everything around it. Answers when the next one is due.
pub(super) async fn turn(serving: &Serving, name: &'static str, chore: &mut dyn Chore) -> Option<Timestamp> {
    let current = serving.current();
    let now = serving.clock.now();
    serving.state.step_begins(name, now);
    // A chore keeps what matters in the store, where a transaction is whole or not there: after a
    // panic the next step finds it as after a crash.
    let step = AssertUnwindSafe(chore.step(&current.site, &current.ports, now)).catch_unwind().await;
    let words = match step {
        Ok(Ok(next)) => {
            if serving.state.step_ended(name) {
                tracing::info!(chore = name, "it works again");
            }
            return next;
        }
        Ok(Err(error)) => format!("{error}; {}", error.remedy()),
        Err(_) => "it ended in a panic, which is a fault of beckon: please report it with the log".to_owned(),
    };
    if serving.state.step_failed(name, &words, now) {
        tracing::error!(chore = name, %words, "a chore failed; it is tried again every minute");
    }
    Some(now + AGAIN)
}
