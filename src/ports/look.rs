//! Looking at a far side without asking anything of it: whether it is there, knows us, and what time it has.

use crate::domain::outcome::ChannelDown;
use crate::domain::time::{Span, Timestamp};

/// A far side that answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Who answered, and as whom we are known there: one line for a person.
    pub words: String,
    /// How far its clock is ahead of ours, where it told its time; negative when it is behind.
    pub ahead: Option<Span>,
    /// When what we show of ourselves ends: the content token, the push certificate.
    pub expires: Option<Timestamp>,
}

/// What looking came to. Every adapter gives up by itself within half a minute, and nothing is sent,
/// changed or woken at the far side.
pub type Looked = Result<Found, ChannelDown>;
