//! Accounting for moments that have passed: each gets its row, and some of the rows are claims.

use chrono_tz::Tz;
use rusqlite::{Transaction, params};

use super::{ScheduleState, note, state};
use crate::domain::schedule::verdict::{Older, Verdict};
use crate::domain::time::{Timestamp, from_millis, show};
use crate::store::{Store, StoreError};

/// No more moments than this of one schedule wait for their turn.
const WAITING_MAX: i64 = 100;

/// What the moments of one schedule come to, up to and including `until`.
#[derive(Clone, Debug)]
pub struct Accounting<'a> {
    pub name: &'a str,
    /// For the record's local times.
    pub zone: Tz,
    /// What the verdicts were made from; where the store has another one by now, they don't hold.
    pub seen: &'a ScheduleState,
    pub until: Timestamp,
    pub older: Option<(Older, Verdict)>,
    /// Oldest first.
    pub moments: Vec<(Timestamp, Verdict)>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accounted {
    /// Every moment has its row; these are claimed.
    Done(Vec<Timestamp>),
    /// Somebody else has accounted for it meanwhile, or paused or changed the schedule: nothing was written.
    Stale,
}

impl Store {
    /// Writes a row for each moment, all in one transaction. A moment that is to be run is claimed for
    /// `owner` until `lease`; where the schedule's last run still goes on and it may not queue, it is skipped.
    ///
    /// # Errors
    /// The store's; then nothing was written.
    pub fn account_for_moments(
        &self,
        all: &[Accounting<'_>],
        (owner, lease): (&str, Timestamp),
        now: Timestamp,
    ) -> Result<Vec<Accounted>, StoreError> {
        self.transaction("write due moments to", |tx| all.iter().map(|one| account(tx, one, (owner, lease), now)).collect())
    }
}

fn account(
    tx: &Transaction<'_>,
    one: &Accounting<'_>,
    claimer: (&str, Timestamp),
    now: Timestamp,
) -> rusqlite::Result<Accounted> {
    if state(tx, one.name)?.as_ref() != Some(one.seen) {
        return Ok(Accounted::Stale);
    }
    if let Some((older, verdict)) = &one.older {
        sum_up(tx, one, older, verdict, now)?;
    }
    let mut claimed = Vec::new();
    for (at, verdict) in &one.moments {
        match verdict {
            Verdict::Run { queue } => match in_the_way(tx, one.name, *queue)? {
                None => {
                    if claim(tx, one.name, *at, claimer)? {
                        claimed.push(*at);
                    }
                }
                Some(other) => {
                    let words = format!("the run of {} still went on", show(other, one.zone));
                    end(tx, one, *at, "skipped", &words, now)?;
                }
            },
            Verdict::Missed(words) => end(tx, one, *at, "missed", words, now)?,
            Verdict::Skipped(words) => end(tx, one, *at, "skipped", words, now)?,
        }
    }
    tx.prepare_cached("UPDATE schedules SET accounted = MAX(accounted, ?2) WHERE name = ?1")?
        .execute(params![one.name, one.until.timestamp_millis()])?;
    Ok(Accounted::Done(claimed))
}

/// The run of the same schedule that a moment can't pass: the oldest that goes on, where it may not
/// queue or too many queue already.
fn in_the_way(tx: &Transaction<'_>, name: &str, queue: bool) -> rusqlite::Result<Option<Timestamp>> {
    let (number, oldest): (i64, Option<i64>) = tx
        .prepare_cached("SELECT COUNT(*), MIN(at) FROM moments WHERE schedule = ?1 AND state = 'claimed'")?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(oldest.filter(|_| !queue || number >= WAITING_MAX).map(from_millis))
}

fn claim(tx: &Transaction<'_>, name: &str, at: Timestamp, (owner, lease): (&str, Timestamp)) -> rusqlite::Result<bool> {
    let inserted = tx
        .prepare_cached(
            "INSERT INTO moments (schedule, at, state, owner, lease) VALUES (?1, ?2, 'claimed', ?3, ?4) ON CONFLICT DO NOTHING",
        )?
        .execute(params![name, at.timestamp_millis(), owner, lease.timestamp_millis()])?;
    Ok(inserted == 1)
}

/// A moment that is not run.
fn end(tx: &Transaction<'_>, one: &Accounting<'_>, at: Timestamp, word: &str, why: &str, now: Timestamp) -> rusqlite::Result<()> {
    let inserted = tx
        .prepare_cached(
            "INSERT INTO moments (schedule, at, state, words, ended_at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        )?
        .execute(params![one.name, at.timestamp_millis(), word, why, now.timestamp_millis()])?;
    if inserted == 1 {
        note(tx, now, &format!("{} {}: {word} because {why}", one.name, show(at, one.zone)))?;
    }
    Ok(())
}

/// Many moments in one row.
fn sum_up(tx: &Transaction<'_>, one: &Accounting<'_>, older: &Older, verdict: &Verdict, now: Timestamp) -> rusqlite::Result<()> {
    let (word, why) = match verdict {
        Verdict::Skipped(why) => ("skipped", why),
        Verdict::Missed(why) => ("missed", why),
        Verdict::Run { .. } => return Ok(()),
    };
    let number = i64::try_from(older.number).unwrap_or(i64::MAX);
    let inserted = tx
        .prepare_cached(
            "INSERT INTO moments (schedule, at, state, words, ended_at, number, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            one.name,
            older.first.timestamp_millis(),
            word,
            why,
            now.timestamp_millis(),
            number,
            older.last.timestamp_millis()
        ])?;
    if inserted == 1 {
        let many = if older.and_more { format!("more than {number}") } else { number.to_string() };
        let (from, until) = (show(older.first, one.zone), show(older.last, one.zone));
        note(tx, now, &format!("{} {from} to {until}: {many} moments {word} because {why}", one.name))?;
    }
    Ok(())
}
