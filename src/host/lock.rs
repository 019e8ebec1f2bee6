//! One dispatcher a site: whoever holds the lock hands deliveries over, everybody else only commits.
//!
//! The kernel drops the lock when its holder dies, however it dies. So whoever gets it knows that
//! nobody is handing anything over, and that what the store shows as being sent was left behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

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
        let path = store.with_extension("lock");
        let fail = |e: std::io::Error| {
            HostError::site(
                format!("can't lock the site's outbox at {}: {e}", path.display()),
                "check that the folder can be written by this user",
            )
        };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(fail(e)),
        }
    }
}
