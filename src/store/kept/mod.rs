//! What of a run is kept unsent: the rest behind its first wave, or all of it until a person decides.

mod decide;
mod forgetting;
mod wave;

use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

pub use decide::Decided;
pub(super) use forgetting::{naming, take_out};
pub use wave::Waves;
pub(super) use wave::wave_of;

use super::figures::RunFigures;
use super::roster_view;
use super::{Store, StoreError};
use crate::domain::approval::Difference;
use crate::domain::canary::{Canary, Kept};
use crate::domain::ids::RunId;
use crate::domain::reach::{Exceeded, Reach};
use crate::domain::time::{Timestamp, from_millis};

/// Where a kept plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptState {
    /// Waits until the first wave has ended well.
    Wave,
    /// Waits for a person.
    Held,
    /// The wave ended well, and it was let go.
    Released,
    Approved,
    Rejected,
    /// Nobody decided in time.
    Expired,
}

impl KeptState {
    /// The word in the store and in data.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Wave => "wave",
            Self::Held => "held",
            Self::Released => "released",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Wave, Self::Held, Self::Released, Self::Approved, Self::Rejected, Self::Expired];
        all.into_iter().find(|state| state.word() == word)
    }

    /// Whether it can still leave.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Wave | Self::Held)
    }
}

/// A kept plan, without its intents.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptRun {
    pub run: i64,
    pub script: String,
    pub trigger: String,
    pub actor: String,
    /// The plan of the whole run as it was shown.
    pub summary: String,
    pub state: KeptState,
    /// The limits that it is held for.
    pub reasons: Vec<Exceeded>,
    /// Whom it reaches, each once.
    pub people: u32,
    /// Deliveries that it makes at once.
    pub deliveries: u32,
    pub kept_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub ended_by: Option<String>,
    canary: Canary,
}

/// Why a plan is kept.
pub(super) enum Keep<'a> {
    Wave(Canary),
    /// For these limits, until then.
    Held(&'a [Exceeded], Timestamp),
}

const COLUMNS: &str =
    "SELECT k.run_id, r.script, r.trigger, r.actor, r.summary, k.state, k.reasons, k.people, k.deliveries, k.kept_at,
        k.expires_at, k.ended_at, k.ended_by, k.wait_ms, k.failures
    FROM kept_plans k JOIN runs r ON r.id = k.run_id";

impl Store {
    /// The plans that can still leave, oldest first.
    ///
    /// # Errors
    /// The store's.
    pub fn kept_runs(&self) -> Result<Vec<KeptRun>, StoreError> {
        let reader = self.connect_reader()?;
        open_rows(&reader).map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// What is or was kept of a run.
    ///
    /// # Errors
    /// The store's.
    pub fn kept_run(&self, run: i64) -> Result<Option<KeptRun>, StoreError> {
        let reader = self.connect_reader()?;
        row_of(&reader, run).map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// What a kept plan would still do now; `None` where nothing is kept any more.
    ///
    /// # Errors
    /// The store's.
    pub fn compare_kept(&self, run: i64) -> Result<Option<Difference>, StoreError> {
        let reader = self.connect_reader()?;
        let compare = || {
            let (Some(row), Some(kept)) = (row_of(&reader, run)?, plan_of(&reader, run)?) else { return Ok(None) };
            difference(&reader, &kept, row.kept_at).map(Some)
        };
        compare().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// What of a plan that nobody has stored yet would still happen now. Each ask with its place in the
    /// plan, and when the roster was read by which it was decided.
    ///
    /// # Errors
    /// The store's.
    pub fn compare_asked(&self, asked: &[(Kept, Timestamp)]) -> Result<Difference, StoreError> {
        let reader = self.connect_reader()?;
        let mut all = Difference::default();
        for together in asked.chunk_by(|(_, a), (_, b)| a == b) {
            let kept: Vec<Kept> = together.iter().map(|(kept, _)| kept.clone()).collect();
            let Some((_, read_at)) = together.first() else { continue };
            let now = difference(&reader, &kept, *read_at).map_err(|e| StoreError::new("read", self.path(), e))?;
            all.stays.extend(now.stays);
            all.gone.extend(now.gone);
            all.fewer.extend(now.fewer);
        }
        Ok(all)
    }
}

/// Keeps a plan. Answers how many deliveries that keeps back.
pub(super) fn keep(tx: &Transaction<'_>, run: RunId, kept: &[Kept], why: &Keep<'_>, now: Timestamp) -> rusqlite::Result<u32> {
    let (state, reasons, expires, canary) = match why {
        Keep::Wave(canary) => (KeptState::Wave, [].as_slice(), None, Some(canary)),
        Keep::Held(reasons, until) => (KeptState::Held, *reasons, Some(until.timestamp_millis()), None),
    };
    let deliveries = deliveries(kept);
    tx.prepare_cached(
        "INSERT INTO kept_plans (run_id, state, plan, reasons, people, deliveries, kept_at, expires_at, wait_ms, failures)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        run.0,
        state.word(),
        json(kept)?,
        json(reasons)?,
        people(kept),
        deliveries,
        now.timestamp_millis(),
        expires,
        canary.map_or(0, |c| c.wait.num_milliseconds()),
        canary.map_or(0.0, |c| c.failures),
    ])?;
    Ok(deliveries)
}

/// Adds what is kept of a run, or of all of them, to its figures.
pub(super) fn count(connection: &Connection, figures: &mut RunFigures, run: Option<RunId>) -> rusqlite::Result<()> {
    let mut query = connection.prepare_cached(
        "SELECT state, deliveries FROM kept_plans WHERE (state = 'wave' OR state = 'held') AND (?1 IS NULL OR run_id = ?1)",
    )?;
    let mut rows = query.query([run.map(|run| run.0)])?;
    while let Some(row) = rows.next()? {
        let deliveries: u32 = row.get(1)?;
        match row.get_ref(0)?.as_str()? {
            "wave" => figures.behind_wave += deliveries,
            _ => figures.held += deliveries,
        }
    }
    Ok(())
}

fn people(kept: &[Kept]) -> u32 {
    Reach::of(kept.iter().map(|(_, ask)| ask)).people()
}

fn deliveries(kept: &[Kept]) -> u32 {
    u32::try_from(kept.iter().map(|(_, ask)| ask.intent.deliveries()).sum::<usize>()).unwrap_or(u32::MAX)
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))
}

fn unreadable(what: impl std::fmt::Display) -> rusqlite::Error {
    FromSqlError::Other(format!("a kept plan can't be read: {what}").into()).into()
}

fn open_rows(connection: &Connection) -> rusqlite::Result<Vec<KeptRun>> {
    let query = format!("{COLUMNS} WHERE k.state = 'wave' OR k.state = 'held' ORDER BY k.run_id");
    connection.prepare_cached(&query)?.query_map([], read_row)?.collect()
}

pub(super) fn row_of(connection: &Connection, run: i64) -> rusqlite::Result<Option<KeptRun>> {
    connection.prepare_cached(&format!("{COLUMNS} WHERE k.run_id = ?1"))?.query_row([run], read_row).optional()
}

fn plan_of(connection: &Connection, run: i64) -> rusqlite::Result<Option<Vec<Kept>>> {
    let text: Option<Option<String>> = connection
        .prepare_cached("SELECT plan FROM kept_plans WHERE run_id = ?1")?
        .query_row([run], |row| row.get(0))
        .optional()?;
    text.flatten().map(|text| serde_json::from_str(&text).map_err(unreadable)).transpose()
}

fn difference(connection: &Connection, kept: &[Kept], since: Timestamp) -> rusqlite::Result<Difference> {
    let now = roster_view::now(connection, kept).map_err(unreadable)?;
    Ok(Difference::between(kept, since, &now))
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<KeptRun> {
    let word: String = row.get(5)?;
    let reasons: String = row.get(6)?;
    let instant = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(from_millis));
    Ok(KeptRun {
        run: row.get(0)?,
        script: row.get(1)?,
        trigger: row.get(2)?,
        actor: row.get(3)?,
        summary: row.get(4)?,
        state: KeptState::from_word(&word).ok_or_else(|| unreadable(word))?,
        reasons: serde_json::from_str(&reasons).map_err(unreadable)?,
        people: row.get(7)?,
        deliveries: row.get(8)?,
        kept_at: from_millis(row.get(9)?),
        expires_at: instant(10)?,
        ended_at: instant(11)?,
        ended_by: row.get(12)?,
        canary: Canary { people: 0, wait: crate::domain::time::Span::milliseconds(row.get(13)?), failures: row.get(14)? },
    })
}
