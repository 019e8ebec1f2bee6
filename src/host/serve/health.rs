//! Is the site being looked after? In plain words, without secrets and without names of people.

use std::sync::Arc;

use serde::Serialize;

use super::state::OutboxState;
use super::{Serving, watch};
use crate::domain::time::{Span, Timestamp, show_span};
use crate::host::dispatch::channel_name;

/// A delivery that has been due for so long, over a channel that works, stands for a dispatcher that doesn't.
const STALLED: Span = Span::minutes(10);

/// The answer of `/healthz`.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// `ok`; `degraded`: something needs a person, and the rest goes on; `failing`: restart it or look now.
    pub status: &'static str,
    pub reasons: Vec<Reason>,
    pub version: &'static str,
    pub started: String,
    /// When the scheduler last proved that it lives.
    pub last_beat: Option<String>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What is wrong and what to do.
    pub what: String,
    /// The file that is to be mended, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The site can't be looked after while this lasts.
    pub fails: bool,
}

impl Reason {
    fn failing(what: impl Into<String>) -> Self {
        Self { what: what.into(), file: None, line: None, fails: true }
    }

    fn degraded(what: impl Into<String>) -> Self {
        Self { what: what.into(), file: None, line: None, fails: false }
    }
}

impl Health {
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.status == "failing"
    }
}

impl Serving {
    /// How the site stands. Reads the store, so it may wait for the disk.
    #[must_use]
    pub fn health(self: &Arc<Self>) -> Health {
        let now = self.clock.now();
        let mut reasons = Vec::new();
        let last_beat = match self.store.last_beat() {
            Ok(last) => last,
            Err(error) => {
                reasons.push(Reason::failing(format!("the store can't be read: {error}; {}", error.remedy())));
                None
            }
        };
        let silent = self.state.silent_ticks();
        if silent >= watch::SILENT_MAX {
            let long = show_span(super::TICK * i32::try_from(silent).unwrap_or(i32::MAX));
            reasons.push(Reason::failing(format!("the scheduler's heart stands still: no row for {long}")));
        }
        for name in self.state.ended() {
            reasons.push(Reason::failing(format!("{name} has ended by itself: restart beckon serve, and report its log")));
        }
        for (name, chore) in self.state.chores() {
            let Some(failing) = chore.failing else { continue };
            let what = format!("{name} has failed for {}: {}", show_span(now - failing.since), failing.words);
            // The heart's failure is that the store can't be written.
            reasons.push(if name == "heartbeat" { Reason::failing(what) } else { Reason::degraded(what) });
        }
        match self.state.outbox() {
            OutboxState::Failing(failing) => {
                let long = show_span(now - failing.since);
                reasons.push(Reason::failing(format!("nothing has left for {long}: {}", failing.words)));
            }
            OutboxState::Ours => reasons.extend(self.stalled(now).into_iter().map(Reason::failing)),
            OutboxState::Elsewhere => {}
        }
        if let Ok(Some(stopped)) = self.store.sending_stopped() {
            let long = show_span(now - stopped.at);
            reasons.push(Reason::degraded(format!("sending was stopped {long} ago; `beckon resume-sending` lets it go on")));
        }
        if let Some(why) = self.state.deaf() {
            reasons.push(Reason::degraded(why));
        }
        reasons.extend(self.state.faults().into_iter().map(|fault| Reason {
            what: format!("{}; {}", fault.what, self.meanwhile()),
            line: (fault.line > 0).then_some(fault.line),
            file: Some(fault.file),
            fails: false,
        }));
        for (name, down) in self.tally.now().down {
            let since = show_span(now - down.since);
            reasons.push(Reason::degraded(format!("{name} has been down for {since}: {}; {}", down.why.what, down.why.remedy)));
        }
        let status = match &reasons[..] {
            [] => "ok",
            some if some.iter().any(|reason| reason.fails) => "failing",
            _ => "degraded",
        };
        Health {
            status,
            reasons,
            version: env!("CARGO_PKG_VERSION"),
            started: self.state.started.to_rfc3339(),
            last_beat: last_beat.map(|at| at.to_rfc3339()),
        }
    }

    /// What has been due for long over channels that work, in words.
    pub(super) fn stalled(&self, now: Timestamp) -> Vec<String> {
        let down = self.tally.now().down;
        let ports = &self.current().ports;
        if self.store.sending_stopped().is_ok_and(|stopped| stopped.is_some()) {
            return Vec::new();
        }
        let Ok(first) = self.store.first_due() else { return Vec::new() };
        let stalled = first
            .into_iter()
            .filter(|(channel, due)| now - *due > STALLED && ports.has(*channel) && !down.contains_key(channel_name(*channel)));
        stalled
            .map(|(channel, due)| {
                format!("what goes by {} has been due for {} and does not leave", channel_name(channel), show_span(now - due))
            })
            .collect()
    }
}
