//! What happens to a request before anybody looks at what it asks: the token, the pace, the faults.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::RetryAfter;
use super::{Apple, AppleError, Rule};
use crate::domain::time::{Span, Timestamp};
use crate::sim::faults::{RetryAfterForm, TokenFault, spend};

/// A request that was let in. It counts as under way until this is dropped, which is when its answer
/// is on the way or its caller has given up.
#[must_use = "a call that is dropped at once is never under way"]
pub struct Call {
    pub(super) unit: usize,
    pub(super) token: String,
    pub fate: Fate,
    /// The answer takes that long.
    pub slow: Option<Span>,
    under_way: Arc<AtomicUsize>,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What becomes of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Answered,
    /// The request is acted on, and the line drops.
    LineDrops,
}

/// Why a request was not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Answer(AppleError),
    /// The line drops, and nothing has been done.
    LineDrops,
}

impl From<AppleError> for Refusal {
    fn from(error: AppleError) -> Self {
        Self::Answer(error)
    }
}

const PARALLEL_MAX: usize = 5;

impl Apple {
    /// Lets a request with this bearer token in, or not. `writes` says whether it changes anything.
    ///
    /// # Errors
    /// The refusal that Apple, or the fault that is switched on, has for it.
    pub fn enter(&mut self, now: Timestamp, token: &str, writes: bool) -> Result<Call, Refusal> {
        self.requests += 1;
        let Some(&(at, expires)) = self.tokens.get(token) else {
            let error = AppleError::new(9622);
            return Err(if self.faults.token == TokenFault::BadAs200 { error.as_200() } else { error }.into());
        };
        self.judge_pace(now, at)?;
        if spend(&mut self.faults.drop_before_acting) {
            return Err(Refusal::LineDrops);
        }
        if spend(&mut self.faults.too_many_requests) {
            return Err(AppleError::new(9646).into());
        }
        if let Some(outage) = self.faults.unavailable {
            if now < outage.until {
                if let Some(unit) = self.units.get_mut(at).filter(|_| outage.form != RetryAfterForm::Absent) {
                    unit.blocked_until = Some(outage.until);
                }
                return Err(busy(now, outage.until, outage.form).into());
            }
            self.faults.unavailable = None;
        }
        if spend(&mut self.faults.internal_errors) {
            return Err(AppleError::new(9603).into());
        }
        match self.faults.token {
            TokenFault::None => {}
            TokenFault::BadAs401 => return Err(AppleError::new(9622).into()),
            TokenFault::BadAs200 => return Err(AppleError::new(9622).as_200().into()),
            TokenFault::Expired => return Err(AppleError::new(9621).into()),
            TokenFault::Revoked => return Err(AppleError::new(9625).into()),
        }
        if now >= expires {
            return Err(AppleError::new(9621).into());
        }
        let fate = if writes && spend(&mut self.faults.drop_after_acting) { Fate::LineDrops } else { Fate::Answered };
        let under_way = self.units.get(at).map(|unit| unit.under_way.clone()).unwrap_or_default();
        let count = under_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.in_flight_max = self.in_flight_max.max(count);
        if count > PARALLEL_MAX {
            self.breach(now, Rule::Parallel, format!("{count} requests at once"));
        }
        Ok(Call { unit: at, token: token.to_owned(), fate, slow: self.faults.slow, under_way })
    }

    fn judge_pace(&mut self, now: Timestamp, at: usize) -> Result<(), Refusal> {
        let window = Span::seconds(1) - self.config.pace_tolerance;
        let limit = self.config.limits.max_requests_per_second;
        let Some(unit) = self.units.get_mut(at) else { return Ok(()) };
        // What came later than now came before the clock was set back.
        unit.window.retain(|at| (now - *at).abs() < window);
        unit.window.push_back(now);
        let count = unit.window.len();
        let blocked = unit.blocked_until;
        if let Some(until) = blocked.filter(|until| now < *until) {
            let early = (until - now).num_milliseconds();
            self.breach(now, Rule::RetryAfter, format!("a request came {early} ms before the time that was asked for"));
        }
        if count > limit {
            self.breach(now, Rule::Pace, format!("{count} requests within a second, {limit} are allowed"));
            if self.config.refuse_above_pace {
                return Err(AppleError::new(9646).into());
            }
        }
        Ok(())
    }
}

fn busy(now: Timestamp, until: Timestamp, form: RetryAfterForm) -> AppleError {
    let mut error = AppleError::new(9729);
    // Whole seconds only, rounded up: who waits as long as asked is never early.
    error.retry_after = match form {
        RetryAfterForm::Seconds => Some(RetryAfter::Seconds(ceil_seconds((until - now).num_milliseconds()))),
        RetryAfterForm::HttpDate => {
            let seconds = ceil_seconds(until.timestamp_millis());
            Some(RetryAfter::Date(chrono::DateTime::from_timestamp(seconds, 0).unwrap_or(until)))
        }
        RetryAfterForm::Absent => None,
    };
    error
}

fn ceil_seconds(ms: i64) -> i64 {
    ms.div_euclid(1000) + i64::from(ms.rem_euclid(1000) > 0)
}
