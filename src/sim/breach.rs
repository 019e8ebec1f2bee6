//! Apple's rules of conduct, and who broke them. The simulator reports a breach even where Apple would
//! only answer more slowly: a test asserts that the list is empty.

use std::fmt;

use crate::domain::time::Timestamp;

/// One rule broken once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    pub at: Timestamp,
    pub rule: Rule,
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// No more than `maxRequestPerSecond` requests in any second, for one unit.
    Pace,
    /// At most five requests at once.
    Parallel,
    /// No more rows in one request than `service/config` allows.
    RowsPerRequest,
    /// Thirty seconds between two looks at an event that was pending.
    PollSpacing,
    /// No request before a `Retry-After` has passed.
    RetryAfter,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: {}", self.at.to_rfc3339(), self.rule, self.detail)
    }
}
