//! Counting and telling: a run's figures, its troubled deliveries, and why somebody was or wasn't invited.

use chrono_tz::Tz;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Store, StoreError, kept};
use crate::domain::delivery::{Channel, DeliveryState};
use crate::domain::ids::{DeliveryId, RunId, UserId};
use crate::domain::time::{Timestamp, from_millis, show};

/// How far a run's deliveries are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFigures {
    /// Invitations that Apple has still to register.
    pub registering: u32,
    /// Managed accounts that Apple has still to associate, and records to retire.
    pub apple_tasks: u32,
    /// Invitations that ended as failed at Apple.
    pub apple_failed: u32,
    /// Waiting for their turn, or in our hands.
    pub waiting: u32,
    /// With an MDM server, not answered by the device.
    pub queued: u32,
    pub delivered: u32,
    pub deferred: u32,
    pub rejected: u32,
    pub expired: u32,
    pub cancelled: u32,
    pub doubtful: u32,
    /// Due in the future by design: reminders.
    pub planned: u32,
    /// People of the run's invitations whom Apple shows as associated.
    pub accepted: u32,
    /// Kept until the first wave of their run has ended well.
    pub behind_wave: u32,
    /// Kept until a person approves them.
    pub held: u32,
    /// The earliest next attempt among the deferred.
    pub next_try: Option<Timestamp>,
}

impl RunFigures {
    #[must_use]
    pub fn total(&self) -> u32 {
        self.waiting
            + self.queued
            + self.delivered
            + self.deferred
            + self.rejected
            + self.expired
            + self.cancelled
            + self.doubtful
    }

    /// Deliveries that nothing more has to be done for now.
    #[must_use]
    pub fn settled(&self) -> u32 {
        self.total() - self.waiting
    }

    /// Whether something went wrong that a person should look at.
    #[must_use]
    pub fn troubled(&self) -> bool {
        self.rejected + self.expired + self.doubtful + self.apple_failed > 0
    }
}

/// A delivery that ended badly or waits, for the list under a run's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TroubledDelivery {
    /// Its own run: the present one may only have asked for it to be sent again.
    pub run: i64,
    pub number: u32,
    pub state: DeliveryState,
    pub channel: Channel,
    pub who: String,
    pub words: String,
    pub next_try: Option<Timestamp>,
}

/// What of a run needs a look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    pub deliveries: Vec<TroubledDelivery>,
    pub at_apple: Vec<AppleRefusal>,
}

/// People of whom Apple would not make a record, for one and the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppleRefusal {
    pub words: String,
    pub who: Vec<String>,
}

/// One recorded decision about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub run: RunId,
    pub script: String,
    pub at: Timestamp,
    pub chosen: bool,
    pub reason: String,
    /// What became of it since: `mail delivered`, `mdm queued`.
    pub since: Vec<String>,
}

/// Where blocked deliveries `b` are found: through their invitations, which Apple has not registered yet.
/// The first condition has the words of the index of open ones, the second leaves out whose deliveries
/// can't be blocked; the cross join keeps SQLite from going through all deliveries instead.
pub(super) const BLOCKED: &str = "FROM invitations o CROSS JOIN deliveries b ON b.invitation_id = o.id
     WHERE (o.state = 'queued' OR o.state = 'registering' OR o.state = 'registered' OR o.state = 'delivered' OR o.state = 'doubtful')
       AND o.state IN ('queued', 'registering') AND b.state = 'blocked'";

/// What has not ended, each arm answered by a small index, however long the outbox has become; [`BLOCKED`]
/// is the last.
const NOT_ENDED: &str = "SELECT state, step, due FROM deliveries WHERE state IN ('pending', 'deferred')
     UNION ALL SELECT state, step, due FROM deliveries WHERE state = 'sending'
     UNION ALL SELECT state, step, due FROM deliveries WHERE state IN ('queued', 'notnow')
     UNION ALL SELECT b.state, b.step, b.due";

const ENDED_SINCE: &str = "SELECT state, step, due FROM deliveries WHERE ended_at >= ?1";

impl Store {
    /// How far a run is at `now`, with the deliveries of other runs that it asked to be sent `again`.
    ///
    /// # Errors
    /// The store's.
    pub fn run_figures(&self, run: RunId, again: &[DeliveryId], now: Timestamp) -> Result<RunFigures, StoreError> {
        let writer = self.writer();
        let read = || -> rusqlite::Result<RunFigures> {
            let mut figures = figures_of(&writer, run, now)?;
            if !again.is_empty() {
                let mut others = writer.prepare_cached(
                    "SELECT state, step, due FROM deliveries WHERE run_id <> ?1 AND id IN (SELECT value FROM json_each(?2))",
                )?;
                add_states(&mut figures, others.query(params![run.0, ids(again)])?, now.timestamp_millis())?;
            }
            Ok(figures)
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// How far the whole outbox is at `now`: what waits, and what ended within the last day.
    ///
    /// # Errors
    /// The store's.
    pub fn outbox_figures(&self, now: Timestamp) -> Result<RunFigures, StoreError> {
        let day_ago = (now - crate::domain::time::Span::days(1)).timestamp_millis();
        let writer = self.writer();
        let read = || -> rusqlite::Result<RunFigures> {
            let mut figures = RunFigures::default();
            for (sql, since) in [(&*format!("{NOT_ENDED} {BLOCKED}"), None), (ENDED_SINCE, Some(day_ago))] {
                let mut states = writer.prepare_cached(sql)?;
                add_states(&mut figures, states.query(rusqlite::params_from_iter(since))?, now.timestamp_millis())?;
            }
            (figures.registering, figures.apple_tasks) = writer
                .prepare_cached("SELECT COALESCE(SUM(task = 'register'), 0), COALESCE(SUM(task <> 'register'), 0) FROM invitations WHERE due IS NOT NULL")?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            kept::count(&writer, &mut figures, None)?;
            Ok(figures)
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// Deliveries of a run, and of those that it asked to be sent `again`, that ended badly, doubtfully or not
    /// yet, at most `limit`; and whose records Apple would not make.
    ///
    /// # Errors
    /// The store's.
    pub fn troubled(&self, run: RunId, again: &[DeliveryId], limit: usize) -> Result<Trouble, StoreError> {
        let writer = self.writer();
        let read = || -> rusqlite::Result<Trouble> {
            let deliveries = writer
                .prepare_cached(
                    "SELECT d.number, d.state, d.channel, COALESCE(u.full_name, d.address, m.template), d.words, d.due, d.run_id
                     FROM deliveries d JOIN messages m ON m.id = d.message_id LEFT JOIN users u ON u.id = d.user_id
                     WHERE (d.run_id = ?1 OR d.id IN (SELECT value FROM json_each(?3))) AND d.state IN ('rejected', 'expired', 'doubtful', 'deferred', 'cancelled')
                       AND NOT (d.state = 'cancelled' AND d.step LIKE 'remind%')
                     ORDER BY CASE d.state WHEN 'doubtful' THEN 0 WHEN 'rejected' THEN 1 WHEN 'expired' THEN 2 WHEN 'deferred' THEN 3 ELSE 4 END, d.run_id, d.number
                     LIMIT ?2",
                )?
                .query_map(params![run.0, i64::try_from(limit).unwrap_or(i64::MAX), ids(again)], |row| {
                    let (state, channel): (String, String) = (row.get(1)?, row.get(2)?);
                    let state = DeliveryState::from_word(&state).unwrap_or(DeliveryState::Doubtful);
                    Ok(TroubledDelivery {
                        run: row.get(6)?,
                        number: row.get(0)?,
                        state,
                        channel: Channel::from_word(&channel).unwrap_or(Channel::Webhook),
                        who: row.get(3)?,
                        words: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
                        next_try: (state == DeliveryState::Deferred).then(|| row.get(5).map(from_millis)).transpose()?,
                    })
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Trouble { deliveries, at_apple: apple_refusals(&writer, run)? })
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// The delivery that people call `RUN.NUMBER`.
    ///
    /// # Errors
    /// The store's.
    pub fn delivery_called(&self, run: i64, number: u32) -> Result<Option<i64>, StoreError> {
        let writer = self.writer();
        let found = writer
            .prepare_cached("SELECT id FROM deliveries WHERE run_id = ?1 AND number = ?2")
            .and_then(|mut s| s.query_row(params![run, number], |row| row.get(0)).optional());
        found.map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// The username of somebody whom the newest decisions left out, for a person who wants to see one.
    ///
    /// # Errors
    /// The store's.
    pub fn somebody_left_out(&self) -> Result<Option<String>, StoreError> {
        let writer = self.writer();
        let found = writer
            .prepare_cached(
                "SELECT u.username FROM decisions d JOIN users u ON u.id = d.user_id WHERE d.chosen = 0 ORDER BY d.run_id DESC, d.user_id LIMIT 1",
            )
            .and_then(|mut s| s.query_row([], |row| row.get(0)).optional());
        found.map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// The recorded decisions about a user, newest first, at most `limit`; times in them are of `zone`.
    ///
    /// # Errors
    /// The store's.
    pub fn decisions(&self, user: UserId, limit: usize, zone: Tz) -> Result<Vec<Decision>, StoreError> {
        let reader = self.connect_reader()?;
        let read = || -> rusqlite::Result<Vec<Decision>> {
            let mut since = reader.prepare_cached(
                "SELECT step, channel, state, words, due, attempts, created_at FROM deliveries WHERE user_id = ?2 AND +run_id = ?1 ORDER BY number LIMIT 20",
            )?;
            let mut at_apple = reader.prepare_cached(
                "SELECT words FROM invitations WHERE user_id = ?2 AND run_id = ?1 AND state = 'failed' AND words <> '' ORDER BY id DESC LIMIT 1",
            )?;
            let mut query = reader.prepare_cached(
                "SELECT x.run_id, r.script, r.started_at, x.chosen, x.reason FROM decisions x JOIN runs r ON r.id = x.run_id
                 WHERE x.user_id = ?1 ORDER BY x.run_id DESC, x.intent LIMIT ?2",
            )?;
            let mut rows = query.query(params![user.0, i64::try_from(limit).unwrap_or(i64::MAX)])?;
            let mut decisions = Vec::new();
            while let Some(row) = rows.next()? {
                let run: i64 = row.get(0)?;
                let mut told: Vec<String> = since
                    .query_map(params![run, user.0], |row| {
                        let (step, channel, state, words): (String, String, String, Option<String>) =
                            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                        let words = words.filter(|w| !w.is_empty()).map(|w| format!(" ({w})")).unwrap_or_default();
                        let (due, attempts, made): (i64, u32, i64) = (row.get(4)?, row.get(5)?, row.get(6)?);
                        // What waits says until when.
                        let until = match state.as_str() {
                            "deferred" => format!(" until {}", show(from_millis(due), zone)),
                            "pending" if attempts == 0 && due > made => format!(" for {}", show(from_millis(due), zone)),
                            _ => String::new(),
                        };
                        Ok(format!("{step} by {channel}: {state}{until}{words}"))
                    })?
                    .collect::<Result<_, _>>()?;
                let refused: Option<String> = at_apple.query_row(params![run, user.0], |row| row.get(0)).optional()?;
                told.extend(refused.map(|words| format!("invitation failed: {words}")));
                decisions.push(Decision {
                    run: RunId(run),
                    script: row.get(1)?,
                    at: from_millis(row.get(2)?),
                    chosen: row.get(3)?,
                    reason: row.get(4)?,
                    since: told,
                });
            }
            Ok(decisions)
        };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }
}

/// Why Apple would not make the records that a run asked for, in Apple's words, with everybody's name.
fn apple_refusals(connection: &rusqlite::Connection, run: RunId) -> rusqlite::Result<Vec<AppleRefusal>> {
    let mut query = connection.prepare_cached(
        "SELECT i.words, u.full_name FROM invitations i JOIN users u ON u.id = i.user_id JOIN runs r ON r.id = i.run_id
         WHERE i.run_id = ?1 AND i.state = 'failed' AND i.registered_at IS NULL AND i.ended_at >= r.started_at ORDER BY i.words, i.id",
    )?;
    let mut rows = query.query([run.0])?;
    let mut refusals: Vec<AppleRefusal> = Vec::new();
    while let Some(row) = rows.next()? {
        let (words, who) = (row.get::<_, Option<String>>(0)?.unwrap_or_default(), row.get(1)?);
        match refusals.last_mut().filter(|last| last.words == words) {
            Some(last) => last.who.push(who),
            None => refusals.push(AppleRefusal { words, who: vec![who] }),
        }
    }
    Ok(refusals)
}

/// As a JSON list, which a query can take as one value.
fn ids(deliveries: &[DeliveryId]) -> String {
    let numbers: Vec<String> = deliveries.iter().map(DeliveryId::to_string).collect();
    format!("[{}]", numbers.join(","))
}

/// How far a run is at `now`.
pub(super) fn figures_of(connection: &Connection, run: RunId, now: Timestamp) -> rusqlite::Result<RunFigures> {
    let mut figures = RunFigures::default();
    let at = now.timestamp_millis();
    let mut states = connection.prepare_cached("SELECT state, step, due FROM deliveries WHERE run_id = ?1")?;
    add_states(&mut figures, states.query([run.0])?, at)?;
    let mut query = connection.prepare_cached(
        "SELECT COALESCE(SUM(state IN ('queued', 'registering') AND task = 'register'), 0),
                COALESCE(SUM(due IS NOT NULL AND task <> 'register'), 0),
                COALESCE(SUM(state = 'failed' AND registered_at IS NULL AND ended_at >= ?2), 0),
                COALESCE(SUM(state = 'accepted'), 0)
         FROM invitations WHERE run_id = ?1",
    )?;
    let started: i64 = connection
        .prepare_cached("SELECT started_at FROM runs WHERE id = ?1")?
        .query_row([run.0], |row| row.get(0))
        .unwrap_or(at);
    (figures.registering, figures.apple_tasks, figures.apple_failed, figures.accepted) =
        query.query_row(params![run.0, started], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    kept::count(connection, &mut figures, Some(run))?;
    Ok(figures)
}

/// Counts deliveries. Row by row here: SQLite would sort them all to group them.
fn add_states(figures: &mut RunFigures, mut rows: rusqlite::Rows<'_>, now: i64) -> rusqlite::Result<()> {
    while let Some(row) = rows.next()? {
        let Some(state) = row.get_ref(0)?.as_str().ok().and_then(DeliveryState::from_word) else { continue };
        let due: i64 = row.get(2)?;
        // A reminder whose day has not come is planned, not waiting; one that became void is no failure.
        let reminder = row.get_ref(1)?.as_str().is_ok_and(|step| step.starts_with("remind"));
        match state {
            DeliveryState::Pending if reminder && due > now => figures.planned += 1,
            DeliveryState::Cancelled if reminder => {}
            DeliveryState::Blocked | DeliveryState::Pending | DeliveryState::Sending => figures.waiting += 1,
            DeliveryState::Queued | DeliveryState::NotNow => figures.queued += 1,
            DeliveryState::Accepted => figures.delivered += 1,
            DeliveryState::Deferred => {
                figures.deferred += 1;
                figures.next_try = [figures.next_try, Some(from_millis(due))].into_iter().flatten().min();
            }
            DeliveryState::Rejected => figures.rejected += 1,
            DeliveryState::Expired => figures.expired += 1,
            DeliveryState::Cancelled => figures.cancelled += 1,
            DeliveryState::Doubtful => figures.doubtful += 1,
        }
    }
    Ok(())
}
