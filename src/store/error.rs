//! Why the store couldn't do something, with what to do about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// An operation of the store that failed; nothing of it was kept.
#[derive(Debug, thiserror::Error)]
#[error("can't {operation} the store {}: {what}", path.display())]
pub struct StoreError {
    operation: &'static str,
    path: PathBuf,
    what: String,
    pub kind: StoreErrorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// The disk is full, or a write was cut short.
    NoSpace,
    /// Another process held the store for too long.
    Busy,
    /// Not a store, or damaged.
    Damaged,
    /// Made by a newer beckon.
    Newer,
    Other,
}

impl StoreError {
    pub(super) fn new(operation: &'static str, path: &Path, error: rusqlite::Error) -> Self {
        let kind = kind(&error);
        Self { operation, path: path.to_owned(), what: what(kind, &error), kind }
    }

    pub(super) fn newer(path: &Path) -> Self {
        let what = "it was made by a newer version of beckon".to_owned();
        Self { operation: "open", path: path.to_owned(), what, kind: StoreErrorKind::Newer }
    }

    pub(super) fn migration(path: &Path, error: &refinery::Error) -> Self {
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(this) = cause {
            if let Some(sqlite) = this.downcast_ref::<rusqlite::Error>() {
                let kind = kind(sqlite);
                // Of other faults SQLite quotes the whole migration.
                if kind != StoreErrorKind::Other {
                    return Self { operation: "migrate", path: path.to_owned(), what: what(kind, sqlite), kind };
                }
            }
            cause = this.source();
        }
        Self { operation: "migrate", path: path.to_owned(), what: error.to_string(), kind: StoreErrorKind::Other }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self.kind {
            StoreErrorKind::NoSpace => "free some space and run it again: what was not committed has not happened",
            StoreErrorKind::Busy => "see whether another beckon is working on this site, and run it again",
            StoreErrorKind::Damaged => "restore the file from a backup; `site.toml` names it under [store]",
            StoreErrorKind::Newer => "use the newer beckon, or restore the store from before the upgrade",
            StoreErrorKind::Other => "check that the file and its folder can be read and written by this user",
        }
    }
}

fn kind(error: &rusqlite::Error) -> StoreErrorKind {
    // The index of the log is a file of its own: where there is no room for it, SQLite says "I/O error".
    if let rusqlite::Error::SqliteFailure(failure, _) = error
        && failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
    {
        return StoreErrorKind::NoSpace;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreErrorKind::NoSpace,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreErrorKind::Busy,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreErrorKind::Damaged,
        _ => StoreErrorKind::Other,
    }
}

fn what(kind: StoreErrorKind, error: &rusqlite::Error) -> String {
    match kind {
        StoreErrorKind::NoSpace => "the disk is full".to_owned(),
        StoreErrorKind::Busy => "another process kept it busy for 15 seconds".to_owned(),
        StoreErrorKind::Damaged => "the file is damaged, or is not a beckon store".to_owned(),
        StoreErrorKind::Newer | StoreErrorKind::Other => error.to_string(),
    }
}
