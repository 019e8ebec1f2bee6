//! First waves: how far each is, and what that means for the rest of its run, in one transaction.

use rusqlite::{Connection, Transaction, params};

use super::decide::{end, let_go, note};
use super::{KeptRun, KeptState, difference, json, open_rows, plan_of};
use crate::domain::canary::{Verdict, Wave};
use crate::domain::ids::RunId;
use crate::domain::limits::Limits;
use crate::domain::reach::{Exceeded, Reach};
use crate::domain::time::{Span, Timestamp, from_millis};
use crate::store::limits::today;
use crate::store::{Store, StoreError, sending};

/// A wave that has not ended is looked at again after this.
const LOOK_AGAIN: Span = Span::seconds(30);

/// What the waves of a site came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waves {
    /// Runs whose rest was let go now.
    pub released: Vec<i64>,
    /// Runs whose rest is held now, and was not before.
    pub held: Vec<i64>,
    /// When to look again, where a wave is still waited for.
    pub next: Option<Timestamp>,
}

impl Store {
    /// Lets go the rest of every run whose first wave has ended well, and holds it where too much of
    /// the wave failed. While sending is stopped everything stays as it is.
    ///
    /// # Errors
    /// The store's; then nothing was decided.
    pub fn settle_waves(&self, limits: &Limits, now: Timestamp) -> Result<Waves, StoreError> {
        let waits = || -> rusqlite::Result<bool> {
            let writer = self.writer();
            let mut query = writer.prepare_cached("SELECT EXISTS (SELECT 1 FROM kept_plans WHERE state = 'wave')")?;
            query.query_row([], |row| row.get(0))
        };
        if !waits().map_err(|e| StoreError::new("read", self.path(), e))? {
            return Ok(Waves::default());
        }
        self.transaction("look at first waves in", |tx| {
            let mut waves = Waves::default();
            if sending::stopped(tx)?.is_some() {
                waves.next = Some(now + LOOK_AGAIN);
                return Ok(waves);
            }
            for row in open_rows(tx)?.iter().filter(|row| row.state == KeptState::Wave) {
                settle(tx, row, limits, now, &mut waves)?;
            }
            Ok(waves)
        })
    }
}

fn settle(tx: &Transaction<'_>, row: &KeptRun, limits: &Limits, now: Timestamp, waves: &mut Waves) -> rusqlite::Result<()> {
    let reasons = match row.canary.verdict(&wave_of(tx, row)?, now) {
        Verdict::Wait => {
            waves.next = [waves.next, Some(now + LOOK_AGAIN)].into_iter().flatten().min();
            return Ok(());
        }
        Verdict::WaitUntil(at) => {
            waves.next = [waves.next, Some(at)].into_iter().flatten().min();
            return Ok(());
        }
        Verdict::Hold(what) => vec![Exceeded { what, setting: "limits.canary".to_owned() }],
        Verdict::Release => {
            let kept = plan_of(tx, row.run)?.unwrap_or_default();
            let difference = difference(tx, &kept, row.kept_at)?;
            let reach = Reach::of(difference.stays.iter().map(|(_, ask)| ask));
            // Other runs may have used up the day while it waited.
            let over = limits.exceeded_today(&reach, &today(tx, &reach, now)?);
            if over.is_empty() {
                let committed = let_go(tx, RunId(row.run), &difference, now)?;
                end(tx, row.run, KeptState::Released, None, now)?;
                let words = format!("its first wave has ended well, the rest is let go: deliveries: {}", committed.deliveries);
                note(tx, row.run, &words, now)?;
                waves.released.push(row.run);
                return Ok(());
            }
            over
        }
    };
    tx.prepare_cached("UPDATE kept_plans SET state = 'held', reasons = ?2, expires_at = ?3 WHERE run_id = ?1")?
        .execute(params![row.run, json(&reasons)?, (now + limits.held_for).timestamp_millis()])?;
    let what: Vec<&str> = reasons.iter().map(|reason| reason.what.as_str()).collect();
    note(tx, row.run, &format!("the rest is held for approval: {}", what.join("; ")), now)?;
    waves.held.push(row.run);
    Ok(())
}

/// What has become of the deliveries that a run made at once, and of the people whom Apple associates.
/// Reminders whose day has not come say nothing.
pub(in crate::store) fn wave_of(connection: &Connection, row: &KeptRun) -> rusqlite::Result<Wave> {
    let mut query = connection.prepare_cached(
        "SELECT COALESCE(SUM(open), 0), COALESCE(SUM(good), 0), COALESCE(SUM(failed), 0), MAX(at) FROM (
             SELECT d.state IN ('blocked', 'pending', 'sending', 'deferred') AS open,
                    d.state IN ('accepted', 'queued', 'notnow') AS good,
                    d.state IN ('rejected', 'expired', 'doubtful') OR (d.state = 'cancelled' AND i.state = 'failed') AS failed,
                    COALESCE(d.ended_at, d.first_try) AS at
             FROM deliveries d LEFT JOIN invitations i ON i.id = d.invitation_id
             WHERE d.run_id = ?1 AND NOT (d.step LIKE 'remind-%' AND d.attempts = 0 AND d.due > d.created_at AND d.state <> 'deferred')
             UNION ALL
             SELECT due IS NOT NULL, state = 'accepted', state = 'failed', ended_at
             FROM invitations WHERE run_id = ?1 AND task = 'associate')",
    )?;
    query.query_row([row.run], |found| {
        let at = found.get::<_, Option<i64>>(3)?.map_or(row.kept_at, from_millis);
        Ok(Wave { open: found.get(0)?, good: found.get(1)?, failed: found.get(2)?, ended_at: at.max(row.kept_at) })
    })
}
