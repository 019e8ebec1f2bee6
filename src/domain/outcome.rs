//! How a hand-over ended, whatever carried it.

use super::time::Span;

/// The end of one attempt to hand one delivery over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The far side took it. `words` are its own (`250 2.0.0 Ok: queued as 4F1`), for the record.
    Accepted { words: String },
    /// Not now: again later, after `retry_after` where the far side named a time.
    Deferred { retry_after: Option<Span>, words: String },
    /// Never: repeating it would get the same answer.
    Rejected { why: Rejection, words: String },
    /// It may or may not have arrived: the far side had all of it, and its answer was lost.
    Doubtful { words: String },
}

/// What kind of "never" it was; it decides what else ends with the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// The address or device token is dead: nothing more goes there.
    TargetDead,
    /// This message was refused; the target may be fine.
    Refused,
}

/// The channel as a whole can't work: its queue is kept and nothing is tried until `retry_after`
/// has passed or, where there is none, until somebody has done what `remedy` says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ChannelDown {
    pub what: String,
    pub remedy: String,
    pub retry_after: Option<Span>,
}

/// What a channel answers for one delivery.
pub type Handed = Result<Outcome, ChannelDown>;
