//! The machine's clock: the only file that reads it.

use std::time::Duration;

use crate::domain::time::{Span, Timestamp, from_millis};
use crate::ports::Answer;
use crate::ports::clock::Clock;

/// Real time. It may jump when the machine's time is set; whoever measures spans has to bear that.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The longest single sleep. A machine that slept or whose time was set is noticed after that.
const NAP: Duration = Duration::from_secs(60);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
    fn now(&self) -> Timestamp {
        // A timestamp is whole milliseconds, so that what is stored compares equal to what was read.
        from_millis(chrono::Utc::now().timestamp_millis())
    }

    fn wait_until(&self, until: Timestamp) -> Answer<'_, ()> {
        Box::pin(async move {
            loop {
                let left = until.signed_duration_since(self.now());
                if left <= Span::zero() {
                    return;
                }
                nap(left.to_std().unwrap_or(NAP).min(NAP)).await;
            }
        })
    }

    fn wait_for(&self, span: Span) -> Answer<'_, ()> {
        Box::pin(nap(span.to_std().unwrap_or_default()))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where waiting is done")]
async fn nap(span: Duration) {
    tokio::time::sleep(span).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn never_wakes_early_and_never_waits_for_the_past() {
        let clock = SystemClock;
        let until = clock.now() + Span::milliseconds(3);
        clock.wait_until(until).await;
        assert!(clock.now() >= until);
        clock.wait_until(clock.now() - Span::days(1)).await;
    }

    #[test]
    fn its_times_are_whole_milliseconds() {
        let now = SystemClock.now();
        assert_eq!(now, from_millis(now.timestamp_millis()));
    }
}
