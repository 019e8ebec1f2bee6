//! Telling a test what happens on the wire, at the moment it happens: so that it can act in between.

use std::fmt;
use std::sync::Arc;

/// One moment of an exchange. The server waits until its watcher has returned, so what a watcher does
/// has happened before the server goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WireEvent {
    /// A whole request is here; nothing has been done about it.
    Asked(Server),
    /// A request has been acted on; nothing of its answer has left.
    Acted(Server),
    Smtp(SmtpMoment),
}

/// A server that speaks HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Server {
    AppsAndBooks,
    NanoMdm,
    Apns,
}

/// A moment of an SMTP session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SmtpMoment {
    /// A connection was taken; the greeting has not left.
    Opened,
    /// EHLO or HELO is here, and has not been answered. So with the next three.
    Hello,
    Mail,
    Rcpt,
    Data,
    /// The client has been told to go ahead, and nothing of the message has been read.
    GoAhead,
    /// The final dot is here; the message has not been kept.
    Dot,
    /// The message has been kept; the reply has not left.
    Kept,
    /// The reply to the final dot has left.
    Replied,
    /// QUIT is here, and has not been answered.
    Quit,
}

/// Who watches, if anybody.
#[derive(Clone, Default)]
pub struct Watch(Option<Arc<dyn Fn(WireEvent) + Send + Sync>>);

impl Watch {
    /// `tell` is called from the servers' own tasks, and from several of them at once.
    #[must_use]
    pub fn new(tell: impl Fn(WireEvent) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(super) fn tell(&self, event: WireEvent) {
        if let Some(tell) = &self.0 {
            tell(event);
        }
    }

    pub(super) fn smtp(&self, moment: SmtpMoment) {
        self.tell(WireEvent::Smtp(moment));
    }

    pub(super) fn is_there(&self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_there() { "Watch(somebody)" } else { "Watch(nobody)" })
    }
}
