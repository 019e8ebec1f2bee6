//! What we remember: the site's database.
//! SQL and rows stay inside; whatever must be atomic is one method.

mod alerts;
mod apple_records;
mod apple_work;
mod assets;
mod bounces;
mod calling_off;
mod change_watch;
mod claimed;
mod commit;
mod contacts;
mod error;
mod figures;
#[cfg(test)]
mod full_disk_tests;
mod gauges;
mod grounds;
mod guard;
mod health;
mod heartbeats;
mod history;
mod journal;
mod kept;
mod licences;
mod limits;
mod live_names;
#[cfg(test)]
mod looked_into;
#[cfg(test)]
mod migration_tests;
mod near_names;
mod notifications;
mod outbox;
mod outcomes;
mod past;
mod readers;
mod retention;
mod roster_change;
mod roster_view;
mod schedules;
mod selection_sql;
mod sending;
mod sent;
mod siblings;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use readers::{ReadConnection, Readers};

pub use apple_work::{AppleItem, AppleProgress, AppleTask};
pub use bounces::SentLetter;
pub use change_watch::ChangeWatch;
pub use claimed::{Claimed, ClaimedInvitation, ClaimedUser, DepartureRules, Invitations, Turn};
pub use commit::{Committed, RunRecord, RunState};
pub use contacts::Contacts;
pub use error::{StoreError, StoreErrorKind};
pub use figures::{AppleRefusal, Decision, RunFigures, Trouble, TroubledDelivery};
pub use gauges::{Gauges, HeldRuns};
pub use health::Stuck;
pub use heartbeats::{Before, GAP};
pub use history::{Happening, RunDelivery, RunFilter, RunLine, RunStory, Timeline};
pub use journal::{JournalCheck, JournalFault};
pub use kept::{Decided, KeptRun, KeptState, Waves};
pub use licences::{LicenceEvent, LicenceLine, LicenceProgress, LicenceQueue};
pub use limits::Judged;
pub use live_names::LiveNames;
#[cfg(test)]
pub use looked_into::SeenDelivery;
pub use outcomes::{HandOver, Recorded};
pub use retention::{Held, OldRows, Traces};
pub use roster_change::ImportOptions;
pub use roster_view::Reader;
pub use schedules::{
    Accounted, Accounting, Claim, EndedMoment, Moment, MomentEnd, MomentRun, MomentState, PastRun, ScheduleState, TakenOver,
};
pub use sent::{FailedMoment, SentInvitation, SentMessage};

mod migrations {
    refinery::embed_migrations!("src/store/migrations");
}

/// The schema's version, kept in SQLite's `user_version` so that opening an up-to-date store costs one read.
const SCHEMA_VERSION: i64 = 11;

/// How long a process waits for another one's commit before it says that the store is busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(15);

/// The site's database: one writing connection, and a reading one for each view.
pub struct Store {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Readers,
}

/// A log up to this many bytes is left to the next process, which reads it within a millisecond.
const LOG_LEFT: u64 = 1024 * 1024;

impl Store {
    /// Opens the store, making or migrating it where needed.
    ///
    /// # Errors
    /// The file can't be opened, is no store, or comes from a newer beckon.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_synced(path, "FULL")
    }

    /// Opens a store that nobody needs any more after a crash: nothing waits for the disk.
    ///
    /// # Errors
    /// The same as of [`Store::open`].
    pub fn open_for_a_while(path: &Path) -> Result<Self, StoreError> {
        Self::open_synced(path, "OFF")
    }

    fn open_synced(path: &Path, synchronous: &str) -> Result<Self, StoreError> {
        let fail = |e| StoreError::new("open", path, e);
        make_private(path);
        let mut writer = Connection::open(path).map_err(fail)?;
        writer.busy_timeout(BUSY_TIMEOUT).map_err(fail)?;
        // Two processes must not make or migrate one store at the same time.
        let alone = if version(&writer).map_err(fail)? < SCHEMA_VERSION { lock_folder(path) } else { None };
        // Full sync: a commit that promises something must survive a power cut.
        writer
            .execute_batch(&format!(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
            ))
            .map_err(fail)?;
        // A turn of the outbox touches hundreds of pages all over the file: they have to fit, or they
        // are written and read again before the commit; and a log of 16 MiB is taken over once for
        // what would be done ten times otherwise.
        writer.execute_batch("PRAGMA cache_size = -8000; PRAGMA wal_autocheckpoint = 4000;").map_err(fail)?;
        // What is erased is overwritten where that costs no more writing. Older copies of a row can stand in
        // unused parts of the file for longer: `compact` is for those.
        writer.execute_batch("PRAGMA secure_delete = FAST;").map_err(fail)?;
        // Whose records at Apple this process has read; it ends with the process, as invite codes do.
        writer.execute_batch("CREATE TEMP TABLE read_at_apple (user_id INTEGER PRIMARY KEY) STRICT;").map_err(fail)?;
        keep_plans(&writer).map_err(fail)?;
        writer.set_prepared_statement_cache_capacity(128);
        let version = version(&writer).map_err(fail)?;
        if version > SCHEMA_VERSION {
            return Err(StoreError::newer(path));
        }
        if version < SCHEMA_VERSION {
            // Grouped: a migration and the note that it was done are one transaction.
            let runner = migrations::migrations::runner().set_grouped(true);
            runner.run(&mut writer).map_err(|e| StoreError::migration(path, &e))?;
            journal::take_unchained(&mut writer).map_err(fail)?;
            // Drawn once: what makes this site's ids at the far sides differ from another site's.
            let draw = "INSERT OR IGNORE INTO facts (name, value) VALUES ('site_id', lower(hex(randomblob(16))))";
            writer.execute(draw, []).map_err(fail)?;
            // Last of all: whoever dies before this leaves a store that the next one finishes.
            writer.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(fail)?;
        }
        drop(alone);
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), readers: Readers::default() })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A read-only connection of its own; readers never wait for the writer, nor it for them.
    fn connect_reader(&self) -> Result<ReadConnection, StoreError> {
        self.readers.take(&self.path).map_err(|e| StoreError::new("open for reading", &self.path, e))
    }

    /// The writing connection. A panic elsewhere can't leave it half changed: every change is a
    /// transaction, which rolls back when dropped, so a poisoned lock is taken as it is.
    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in one immediate transaction and commits it.
    fn transaction<T>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let fail = |e| StoreError::new(operation, &self.path, e);
        let mut writer = self.writer();
        let tx = writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(fail)?;
        let value = work(&tx).map_err(fail)?;
        tx.commit().map_err(fail)?;
        Ok(value)
    }
}

impl Drop for Store {
    /// A log that stays is read from its beginning by every process that opens the store next: that of an import
    /// costs each of them some tens of milliseconds. It is taken over now, unless somebody else is using it; a short
    /// one is not, because that waits for the disk.
    fn drop(&mut self) {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        if std::fs::metadata(log).is_ok_and(|log| log.len() > LOG_LEFT) {
            let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner);
            let take_over = || {
                writer.busy_timeout(Duration::ZERO)?;
                writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            };
            // Nothing is lost where it can't: whoever comes next does it.
            let _ = take_over();
        }
    }
}

/// A new store is its owner's alone: it holds names and addresses. SQLite gives its log the same mode.
/// Where the file can't be made, opening it says why.
fn make_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let _ = File::options().write(true).create_new(true).mode(0o600).open(path);
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// A prepared statement stays as it was planned. Otherwise SQLite compiles one anew for each new value
/// of a parameter that could decide about a partial index, which here is most of the outbox's work;
/// no statement of ours relies on it.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Waits for the lock of the store's folder; the kernel drops it with its holder. The store's own file
/// can't be locked by anybody but SQLite. Where folders can't be locked, nobody is kept out.
fn lock_folder(path: &Path) -> Option<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = File::open(folder).ok()?;
    folder.lock().ok()?;
    Some(folder)
}
