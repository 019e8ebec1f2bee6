//! What is wrong with a site file: where, what, and what would be right.

use std::fmt;
use std::path::{Path, PathBuf};

/// One error in `site.toml`, or in a file or variable that it refers to. Values of secrets are never in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub file: PathBuf,
    /// From 1; 0 when the error is the whole file's.
    pub line: u32,
    /// From 1, in characters; 0 when the error is the whole file's.
    pub column: u32,
    /// The key's path, such as `mail.relay`; empty when the error is no key's.
    pub key: String,
    pub what: String,
    /// What is allowed, or what to do.
    pub hint: Option<String>,
}

impl ConfigError {
    pub(super) fn of_file(file: &Path, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0, key: String::new(), what: what.into(), hint: None }
    }

    pub(super) fn at(mut self, line: u32, column: u32) -> Self {
        (self.line, self.column) = (line, column);
        self
    }

    pub(super) fn key(mut self, key: &str) -> Self {
        key.clone_into(&mut self.key);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        f.write_str(": ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}
