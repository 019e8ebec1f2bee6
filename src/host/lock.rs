//! One dispatcher a site: whoever holds the lock hands deliveries over, everybody else only commits.
//! And one `beckon serve` a site that does what becomes due by itself.
//!
//! The kernel drops a lock when its holder dies, however it dies. So whoever gets the dispatch lock
//! knows that nobody is handing anything over, and that what the store shows as being sent was left
//! behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::HostError;

/// Held for as long as this process hands deliveries over.
pub struct DispatchLock {
    _file: File,
}

impl DispatchLock {
    /// Takes the lock of the store at `store`, or answers `None` while another process has it.
    ///
    /// # Errors
    /// The lock file can't be made.
    pub fn try_take(store: &Path) -> Result<Option<Self>, HostError> {
        Ok(try_take(&store.with_extension("lock"), "outbox")?.map(|file| Self { _file: file }))
    }
}

/// Held for as long as this process serves the site. It is not the dispatch lock, because a long
/// `beckon run` must not keep schedules from running.
pub struct ServeLock {
    _file: File,
}

impl ServeLock {
    /// Takes the lock of the store at `store`, or answers `None` while another process has it.
    ///
    /// # Errors
    /// The lock file can't be made.
    pub fn try_take(store: &Path) -> Result<Option<Self>, HostError> {
        Ok(try_take(&store.with_extension("serve.lock"), "service")?.map(|file| Self { _file: file }))
    }
}

fn try_take(path: &PathBuf, what: &str) -> Result<Option<File>, HostError> {
    let fail = |e: std::io::Error| {
        HostError::site(
            format!("can't lock the site's {what} at {}: {e}", path.display()),
            "check that the folder can be written by this user",
        )
    };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(fail(e)),
    }
}
