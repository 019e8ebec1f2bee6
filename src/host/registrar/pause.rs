//! Apple's `Retry-After`, kept over the end of a process: whoever comes next waits as long.

use super::Pause;
use crate::domain::outcome::ChannelDown;
use crate::domain::time::{Span, Timestamp, from_millis};
use crate::store::Store;

/// The fact that keeps it, in milliseconds.
const WAIT_UNTIL: &str = "apple_wait_until";

impl Pause {
    /// The wait that Apple asked an earlier process for, where it has not passed.
    pub(super) fn remembered(store: &Store, now: Timestamp) -> Option<Self> {
        // A store that can't be read now says so at the first thing that is done with it.
        let until = from_millis(store.fact(WAIT_UNTIL).ok()??.parse().ok()?);
        let left = until.signed_duration_since(now);
        // More than a day was not asked for: the clock was set back.
        let believed = left > Span::zero() && left <= Span::days(1);
        let down = ChannelDown {
            what: format!("Apple asks to wait until {} (UTC)", until.format("%Y-%m-%d %H:%M:%S")),
            remedy: "it goes on when the time has come: `beckon deliver --wait 1h` waits for it".to_owned(),
            retry_after: Some(left),
        };
        believed.then_some(Self { until: Some(until), down })
    }

    /// Writes the wait down. Where that fails, it holds for this process all the same.
    pub(super) fn remember(store: &Store, until: Timestamp) {
        let _ = store.set_facts(&[(WAIT_UNTIL, &until.timestamp_millis().to_string())]);
    }
}
