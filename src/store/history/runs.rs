//! The list of runs, and one run with its deliveries and its journal.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::domain::canary::Wave;
use crate::domain::delivery::Step;
use crate::domain::ids::RunId;
use crate::domain::time::{Timestamp, from_millis};
use crate::store::figures::{RunFigures, figures_of};
use crate::store::kept::{self, KeptRun, KeptState};
use crate::store::schedules::{self, Moment};
use crate::store::{Store, StoreError};

/// Which runs are listed.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// A part of the script's name.
    pub script: Option<String>,
    /// Failed scripts, and runs of which a delivery was rejected, given up or is doubtful.
    pub failed: bool,
    /// Waiting for approval, all of a run or the rest behind its first wave.
    pub held: bool,
    pub since: Option<Timestamp>,
    pub most: usize,
}

/// One run in the list.
#[derive(Clone, Debug)]
pub struct RunLine {
    pub run: RunId,
    pub script: String,
    pub trigger: String,
    pub actor: String,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// `committed`, `held`, `failed`: how it was recorded.
    pub state: String,
    /// What is, or was, kept of it unsent.
    pub kept: Option<KeptState>,
    /// How many people it had something for, or changed.
    pub people: u32,
    pub figures: RunFigures,
}

/// One run, told in full.
#[derive(Clone, Debug)]
pub struct RunStory {
    pub line: RunLine,
    /// What is, or was, kept of it unsent, and the limits that it was held for.
    pub kept: Option<KeptRun>,
    /// How far the first wave is that the rest waits for.
    pub wave: Option<Wave>,
    /// The schedule and its due moment that it was run for.
    pub moment: Option<(String, Moment)>,
    /// How many people it reached, for comparing its script's next run.
    pub reached: Option<u32>,
    pub script_hash: String,
    /// JSON, as recorded.
    pub params: serde_json::Value,
    /// The plan as it was shown, or the error.
    pub summary: String,
    pub output: String,
    pub deliveries: Vec<RunDelivery>,
    pub deliveries_in_all: u64,
    /// What the journal has beside its deliveries, as time, kind, username and words.
    pub journal: Vec<(Timestamp, String, Option<String>, String)>,
    pub journal_in_all: u64,
}

/// One delivery of a run, whatever became of it.
#[derive(Clone, Debug)]
pub struct RunDelivery {
    pub number: u32,
    pub who: String,
    /// The device, or the channel where there is none.
    pub place: String,
    /// `invitation`, `reminder 2`, or the message's template.
    pub what: String,
    pub state: String,
    pub attempts: u32,
    /// When it ended, or is due.
    pub at: Timestamp,
    pub words: String,
}

const LINE: &str = "SELECT r.id, r.script, r.trigger, r.actor, r.started_at, r.ended_at, r.state,
    (SELECT k.state FROM kept_plans k WHERE k.run_id = r.id) FROM runs r";

impl Store {
    /// The newest runs that the filter lets through, newest first.
    ///
    /// # Errors
    /// The store's.
    pub fn runs(&self, filter: &RunFilter, now: Timestamp) -> Result<Vec<RunLine>, StoreError> {
        let reader = self.connect_reader()?;
        let read = || -> rusqlite::Result<Vec<RunLine>> {
            let mut query = reader.prepare(&format!(
                "{LINE} WHERE (?1 IS NULL OR instr(r.script, ?1) > 0) AND (?2 IS NULL OR r.started_at >= ?2)
                   AND (?3 = 0 OR EXISTS (SELECT 1 FROM kept_plans k WHERE k.run_id = r.id AND k.state = 'held'))
                   AND (?4 = 0 OR r.state = 'failed' OR EXISTS (
                       SELECT 1 FROM deliveries d WHERE d.run_id = r.id AND d.state IN ('rejected', 'expired', 'doubtful')))
                 ORDER BY r.id DESC LIMIT ?5"
            ))?;
            let most = i64::try_from(filter.most).unwrap_or(i64::MAX);
            let since = filter.since.map(|at| at.timestamp_millis());
            let lines = query.query_map(params![filter.script, since, filter.held, filter.failed, most], line)?;
            let mut lines: Vec<RunLine> = lines.collect::<rusqlite::Result<_>>()?;
            for line in &mut lines {
                count(&reader, line, now)?;
            }
            Ok(lines)
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// One run with its deliveries and the rest of its journal, at most `most` of each; `None` where
    /// no run has that number.
    ///
    /// # Errors
    /// The store's.
    pub fn run_story(&self, run: RunId, most: usize, now: Timestamp) -> Result<Option<RunStory>, StoreError> {
        let reader = self.connect_reader()?;
        story(&reader, run, i64::try_from(most).unwrap_or(i64::MAX), now).map_err(|e| StoreError::new("read", self.path(), e))
    }
}

fn line(row: &Row<'_>) -> rusqlite::Result<RunLine> {
    Ok(RunLine {
        run: RunId(row.get(0)?),
        script: row.get(1)?,
        trigger: row.get(2)?,
        actor: row.get(3)?,
        started_at: from_millis(row.get(4)?),
        ended_at: from_millis(row.get(5)?),
        state: row.get(6)?,
        kept: row.get_ref(7)?.as_str_or_null()?.and_then(KeptState::from_word),
        people: 0,
        figures: RunFigures::default(),
    })
}

fn count(reader: &Connection, line: &mut RunLine, now: Timestamp) -> rusqlite::Result<()> {
    line.figures = figures_of(reader, line.run, now)?;
    let people = |sql: &str| -> rusqlite::Result<u32> { reader.prepare_cached(sql)?.query_row([line.run.0], |row| row.get(0)) };
    line.people = people("SELECT COUNT(DISTINCT user_id) FROM deliveries WHERE run_id = ?1")?;
    if line.people == 0 {
        // A withdrawal, or a change of the roster.
        line.people = people("SELECT COUNT(DISTINCT user_id) FROM journal WHERE run_id = ?1 AND user_id IS NOT NULL")?;
    }
    Ok(())
}

fn story(reader: &Connection, run: RunId, most: i64, now: Timestamp) -> rusqlite::Result<Option<RunStory>> {
    let tx = reader.unchecked_transaction()?;
    let Some(mut found) = tx.query_row(&format!("{LINE} WHERE r.id = ?1"), [run.0], line).optional()? else {
        return Ok(None);
    };
    count(&tx, &mut found, now)?;
    let (script_hash, recorded, summary, output): (String, String, String, String) =
        tx.query_row("SELECT script_hash, params, summary, output FROM runs WHERE id = ?1", [run.0], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    let number = |sql: &str| -> rusqlite::Result<u64> {
        let n: i64 = tx.query_row(sql, [run.0], |row| row.get(0))?;
        Ok(n.unsigned_abs())
    };
    let deliveries = tx
        .prepare(
            "SELECT d.number, COALESCE(u.full_name, d.address, ''), v.name, d.channel, d.step, m.template, d.state, d.attempts,
                    COALESCE(d.ended_at, d.due), COALESCE(d.words, '')
             FROM deliveries d JOIN messages m ON m.id = d.message_id
             LEFT JOIN users u ON u.id = d.user_id LEFT JOIN devices v ON v.id = d.device_id
             WHERE d.run_id = ?1 ORDER BY d.number LIMIT ?2",
        )?
        .query_map(params![run.0, most], delivery)?
        .collect::<rusqlite::Result<_>>()?;
    let journal = tx
        .prepare(
            "SELECT j.at, j.kind, u.username, j.words FROM journal j LEFT JOIN users u ON u.id = j.user_id
             WHERE j.run_id = ?1 AND j.delivery_id IS NULL ORDER BY j.id LIMIT ?2",
        )?
        .query_map(params![run.0, most], |row| Ok((from_millis(row.get(0)?), row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let kept = kept::row_of(&tx, run.0)?;
    let waits = kept.as_ref().filter(|row| row.state == KeptState::Wave);
    Ok(Some(RunStory {
        wave: waits.map(|row| kept::wave_of(&tx, row)).transpose()?,
        kept,
        moment: schedules::moment_of(&tx, run)?,
        reached: tx.query_row("SELECT people FROM run_reach WHERE run_id = ?1", [run.0], |row| row.get(0)).optional()?,
        script_hash,
        params: serde_json::from_str(&recorded).unwrap_or_default(),
        summary,
        output,
        deliveries,
        deliveries_in_all: number("SELECT COUNT(*) FROM deliveries WHERE run_id = ?1")?,
        journal,
        journal_in_all: number("SELECT COUNT(*) FROM journal WHERE run_id = ?1 AND delivery_id IS NULL")?,
        line: found,
    }))
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<RunDelivery> {
    let channel: String = row.get(3)?;
    let device: Option<String> = row.get(2)?;
    let template: String = row.get(5)?;
    let step: String = row.get(4)?;
    Ok(RunDelivery {
        number: row.get(0)?,
        who: row.get(1)?,
        place: device.unwrap_or_else(|| format!("({channel})")),
        what: match Step::from_word(&step) {
            Some(Step::Invite) => "invitation".to_owned(),
            Some(Step::Remind(n)) => format!("reminder {n}"),
            Some(Step::Message) | None => template,
        },
        state: row.get(6)?,
        attempts: row.get(7)?,
        at: from_millis(row.get(8)?),
        words: row.get(9)?,
    })
}
