//! Everything that happened to one person, in its order, and what is going to.

use rusqlite::{Connection, Row, params};

use crate::domain::delivery::{DeliveryState, Step};
use crate::domain::departure::Departure;
use crate::domain::ids::{RunId, UserId};
use crate::domain::time::{Timestamp, from_millis};
use crate::store::{Store, StoreError, roster_view};

/// One thing that happened, or is going to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    pub at: Timestamp,
    pub run: Option<RunId>,
    /// The delivery's number within its run.
    pub number: Option<u32>,
    /// `chosen`, `left out`, or the journal's own kind: `accepted`, `invitation`, `enrolled`, …
    pub kind: String,
    pub words: String,
    /// The device's name, where one was concerned.
    pub device: Option<String>,
}

/// One person's life with the site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The oldest first.
    pub happened: Vec<Happening>,
    /// How many older ones there are that are not told.
    pub older: u64,
    /// Deliveries that have not ended, by when they may leave.
    pub coming: Vec<Happening>,
}

impl Store {
    /// What happened to a user, the newest `most` of it, and what is on its way, with the time at which `rules` let it
    /// leave, as the list of future tasks has it.
    ///
    /// # Errors
    /// The store's.
    pub fn timeline(&self, user: UserId, most: usize, rules: &Departure, now: Timestamp) -> Result<Timeline, StoreError> {
        let reader = self.connect_reader()?;
        timeline(&reader, user.0, most, rules, now).map_err(|e| StoreError::new("read", self.path(), e))
    }
}

fn timeline(reader: &Connection, user: i64, most: usize, rules: &Departure, now: Timestamp) -> rusqlite::Result<Timeline> {
    let tx = reader.unchecked_transaction()?;
    let mut happened: Vec<Happening> = tx
        .prepare(
            "SELECT r.started_at, x.run_id, NULL, CASE WHEN x.chosen THEN 'chosen' ELSE 'left out' END,
                    r.script || ': ' || x.reason, NULL
             FROM decisions x JOIN runs r ON r.id = x.run_id WHERE x.user_id = ?1 ORDER BY x.run_id, x.intent",
        )?
        .query_map([user], happening)?
        .collect::<rusqlite::Result<_>>()?;
    // Some rows name only the delivery, which names the person.
    let noted = "SELECT j.id, j.at, j.run_id, d.number, j.kind, j.words, v.name FROM journal j
                 LEFT JOIN deliveries d ON d.id = j.delivery_id LEFT JOIN devices v ON v.id = d.device_id";
    let mut rows = tx.prepare(&format!(
        "SELECT at, run_id, number, kind, words, name FROM (
             {noted} WHERE j.user_id = ?1
             UNION ALL {noted} WHERE j.user_id IS NULL AND j.delivery_id IN (SELECT id FROM deliveries WHERE user_id = ?1))
         WHERE words <> '' ORDER BY id"
    ))?;
    happened.extend(rows.query_map([user], happening)?.collect::<rusqlite::Result<Vec<_>>>()?);
    // A decision stands before what followed from it, and the journal's own order stays.
    happened.sort_by_key(|what| what.at);
    let older = happened.len().saturating_sub(most);
    happened.drain(..older);
    let zone: Option<String> = tx.query_row("SELECT timezone FROM users WHERE id = ?1", [user], |row| row.get(0))?;
    let forecast = roster_view::forecast(&tx, user, rules, rules.zone_of(zone.as_deref()), now)?;
    let mut coming: Vec<Happening> = tx
        .prepare(
            "SELECT d.due, d.run_id, d.number, d.state, d.step, d.channel, v.name, d.id
             FROM deliveries d LEFT JOIN devices v ON v.id = d.device_id
             WHERE d.user_id = ?1 AND d.ended_at IS NULL AND d.state NOT IN ('accepted', 'rejected', 'expired', 'cancelled', 'doubtful')
             ORDER BY d.due, d.id LIMIT ?2",
        )?
        .query_map(params![user, i64::try_from(most).unwrap_or(i64::MAX)], |row| {
            let mut what = coming(row)?;
            if let Some((leaves, because)) = forecast.get(&row.get(7)?).filter(|(_, because)| !because.is_empty()) {
                what.at = *leaves;
                what.words.push_str(&format!(" ({because})"));
            }
            Ok(what)
        })?
        .collect::<rusqlite::Result<_>>()?;
    coming.sort_by_key(|what| what.at);
    Ok(Timeline { happened, older: older as u64, coming })
}

fn happening(row: &Row<'_>) -> rusqlite::Result<Happening> {
    Ok(Happening {
        at: from_millis(row.get(0)?),
        run: row.get::<_, Option<i64>>(1)?.map(RunId),
        number: row.get(2)?,
        kind: row.get(3)?,
        words: row.get(4)?,
        device: row.get(5)?,
    })
}

fn coming(row: &Row<'_>) -> rusqlite::Result<Happening> {
    let (state, step, channel): (String, String, String) = (row.get(3)?, row.get(4)?, row.get(5)?);
    let what = match Step::from_word(&step) {
        Some(Step::Invite) => "invitation".to_owned(),
        Some(Step::Remind(n)) => format!("reminder {n}"),
        Some(Step::Message) | None => "message".to_owned(),
    };
    let waits = match DeliveryState::from_word(&state) {
        Some(DeliveryState::Blocked) => ", once Apple has registered the user",
        Some(DeliveryState::Queued | DeliveryState::NotNow) => ", waits for the device",
        Some(DeliveryState::Deferred) => ", next try",
        Some(DeliveryState::Sending) => ", being handed over",
        _ => "",
    };
    Ok(Happening {
        at: from_millis(row.get(0)?),
        run: Some(RunId(row.get(1)?)),
        number: row.get(2)?,
        kind: state,
        words: format!("{what} by {channel}{waits}"),
        device: row.get(6)?,
    })
}
