//! Why the host couldn't do what was asked of it.

use crate::domain::outcome::ChannelDown;
use crate::store::StoreError;

/// Everything that can end a command. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Apple can't be asked now.
    #[error("{0}")]
    Apple(ChannelDown),
    /// A file of the site, or the site itself.
    #[error("{what}")]
    Site { what: String, remedy: String },
    /// The program ended inside itself; the site is unharmed.
    #[error("beckon stopped inside itself: {0}")]
    Internal(String),
}

impl HostError {
    pub fn site(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Site { what: what.into(), remedy: remedy.into() }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Store(error) => error.remedy().to_owned(),
            Self::Apple(down) => down.remedy.clone(),
            Self::Site { remedy, .. } => remedy.clone(),
            Self::Internal(_) => "run it again; if it stays, report it with the message above".to_owned(),
        }
    }
}
