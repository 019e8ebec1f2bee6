//! Looking at Apple's list because somebody asks: a person, or the follower.

use super::{HostError, Pause, Registrar, Stopped};
use crate::domain::outcome::ChannelDown;
use crate::domain::time::Timestamp;

impl Registrar {
    /// Reads the whole list now, for `beckon sync`.
    ///
    /// # Errors
    /// The store's, or that Apple can't be asked now.
    pub async fn sync(&self) -> Result<(), HostError> {
        // A dead token may have been replaced; a time that Apple named holds for everybody.
        if let Some(Pause { until: Some(until), down }) = self.state().pause.clone()
            && until > self.clock.now()
        {
            return Err(HostError::Apple(down));
        }
        let result = async { if self.state().session { self.read_changes().await } else { self.open_session().await } };
        match result.await {
            Ok(()) => Ok(()),
            Err(Stopped::Host(error)) => Err(error),
            Err(Stopped::Apple(error)) => {
                self.pause(&error);
                Err(HostError::Apple(self.trouble(self.clock.now()).unwrap_or_else(|| ChannelDown {
                    what: error.words,
                    remedy: "try again in a few minutes".to_owned(),
                    retry_after: None,
                })))
            }
        }
    }

    /// Reads what has changed at Apple since the last look, unless Apple's work has to wait. Answers whether it
    /// was read; what kept it is in `trouble`.
    ///
    /// # Errors
    /// The store's.
    pub async fn look(&self) -> Result<bool, HostError> {
        if self.trouble(self.clock.now()).is_some() {
            return Ok(false);
        }
        // The dispatcher may be looking now: the pages are not read twice at the same time.
        let _looking = self.looking.lock().await;
        let opened = self.state().session;
        let looked = if opened { self.read_changes().await } else { self.open_session().await };
        self.settled(looked)
    }

    /// Whether work at Apple went through; what stopped it makes everybody wait.
    pub(in crate::host) fn settled(&self, result: Result<(), Stopped>) -> Result<bool, HostError> {
        match result {
            Ok(()) => {
                let now = self.clock.now();
                let mut state = self.state();
                state.failures = 0;
                // A pause that began meanwhile holds.
                state.pause.take_if(|pause| pause.until.is_some_and(|until| until <= now));
                Ok(true)
            }
            Err(Stopped::Host(error)) => Err(error),
            Err(Stopped::Apple(error)) => {
                self.pause(&error);
                Ok(false)
            }
        }
    }

    /// What stopped Apple's work the last time, also while it is tried again: until something has gone through.
    #[must_use]
    pub fn last_trouble(&self) -> Option<ChannelDown> {
        self.state().pause.as_ref().map(|pause| pause.down.clone())
    }

    /// When Apple's work goes on by itself, where something keeps it waiting.
    #[must_use]
    pub fn resumes_at(&self) -> Option<Timestamp> {
        self.state().pause.as_ref().and_then(|pause| pause.until)
    }
}
