//! How a command ends: one place decides what the shell sees.

use std::process::ExitCode;

use crate::host::HostError;
use crate::host::config::ConfigError;
use crate::host::site::OpenError;

/// The end of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// Something was rejected, doubtful, or could not be tried.
    PartlyFailed,
    Usage,
    ScriptError,
    /// By a person, by a limit, or because nobody was there to confirm.
    Refused,
    Configuration,
    Failed,
    Stopped,
}

impl Exit {
    /// Every end that there is, by its code.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::PartlyFailed,
        Self::Usage,
        Self::ScriptError,
        Self::Refused,
        Self::Configuration,
        Self::Failed,
        Self::Stopped,
    ];

    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::PartlyFailed => 1,
            Self::Usage => 2,
            Self::ScriptError => 3,
            Self::Refused => 4,
            Self::Configuration => 5,
            Self::Failed => 6,
            Self::Stopped => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A command that ended with a message.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
    pub remedy: Option<String>,
    /// What is wrong with `site.toml`, where it is that: the message says it in words.
    pub settings: Vec<ConfigError>,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), remedy: None, settings: Vec::new() }
    }

    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let exit = match error {
            HostError::Site { .. } => Exit::Configuration,
            HostError::Apple(_) => Exit::PartlyFailed,
            HostError::Store(_) | HostError::Internal(_) => Exit::Failed,
        };
        Self::new(exit, error.to_string()).remedy(error.remedy())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Host(host) => host.into(),
            OpenError::NoSite(_) => Self::new(Exit::Configuration, error.to_string())
                .remedy("run `beckon init DIR` to make a site, or say where it is with --site DIR"),
            OpenError::Config(ref errors) => {
                let said = match errors.len() {
                    1 => error.to_string(),
                    n => format!("site.toml has {n} errors\n{error}"),
                };
                Self { settings: errors.clone(), ..Self::new(Exit::Configuration, said) }
            }
        }
    }
}

impl From<crate::store::StoreError> for Failure {
    fn from(error: crate::store::StoreError) -> Self {
        HostError::from(error).into()
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}
