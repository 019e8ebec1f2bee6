//! How a command is stopped, and what it waits with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::exit::Exit;
use crate::domain::time::{Span, Timestamp};
use crate::ports::Answer;
use crate::ports::clock::Clock;

/// What stops a command. The first time lets what is in hand be finished and written down; the second
/// doesn't wait.
pub(super) struct Stopper {
    pub(super) stop: Arc<AtomicBool>,
    pub(super) stopped: Arc<Notify>,
}

impl Stopper {
    pub(super) fn is_set(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) {
        if self.stop.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(Exit::Stopped.code()));
        }
        self.stopped.notify_waiters();
    }
}

/// A clock whose waits end at once when a person stops the command: whoever waited looks at the flag
/// and writes down what there is.
pub(super) struct Interruptible {
    pub(super) inner: Arc<dyn Clock>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) stopped: Arc<Notify>,
}

impl Clock for Interruptible {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn wait_until(&self, until: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.unless_stopped(self.inner.wait_until(until)))
    }

    fn wait_for(&self, span: Span) -> Answer<'_, ()> {
        Box::pin(self.unless_stopped(self.inner.wait_for(span)))
    }
}

impl Interruptible {
    async fn unless_stopped(&self, wait: Answer<'_, ()>) {
        // Made before the flag is looked at, so that a stop in between is heard.
        let stopped = self.stopped.notified();
        if self.stop.load(Ordering::Relaxed) {
            return;
        }
        tokio::select! {
            () = stopped => {}
            () = wait => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that nobody outlives.
    struct Endless;

    impl Clock for Endless {
        fn now(&self) -> Timestamp {
            crate::domain::time::from_millis(0)
        }

        fn wait_until(&self, _: Timestamp) -> Answer<'_, ()> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn a_stop_ends_a_wait_and_every_later_one() {
        let (stop, stopped) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let clock = Interruptible { inner: Arc::new(Endless), stop: Arc::clone(&stop), stopped: Arc::clone(&stopped) };
        let until = clock.now() + Span::days(1);
        tokio::join!(clock.wait_until(until), async {
            stop.store(true, Ordering::Relaxed);
            stopped.notify_waiters();
        });
        clock.wait_until(until).await;
    }
}
