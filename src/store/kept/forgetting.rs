//! A person who is to be forgotten, and the plans that wait.

use rusqlite::{Connection, Transaction, params};

use super::decide::note;
use super::{deliveries, json, open_rows, people, plan_of};
use crate::domain::ids::UserId;
use crate::domain::mention::Names;
use crate::domain::taking_out::{is_in, take_out as without};
use crate::domain::time::Timestamp;

/// How many waiting plans have something for a person, or say why they have not; and whether one would
/// still name them in a text once they are taken out.
pub(in crate::store) fn naming(connection: &Connection, user: UserId, names: &Names) -> rusqlite::Result<(u64, bool)> {
    let (mut plans, mut in_text) = (0, false);
    for row in open_rows(connection)? {
        let kept = plan_of(connection, row.run)?.unwrap_or_default();
        plans += u64::from(is_in(&kept, user));
        in_text |= names.without_in_json(&json(&without(&kept, user))?).is_some();
    }
    Ok((plans, in_text))
}

/// Takes a person out of every plan that waits, and says so in the journal without saying whom.
pub(in crate::store) fn take_out(tx: &Transaction<'_>, user: UserId, now: Timestamp) -> rusqlite::Result<()> {
    for row in open_rows(tx)? {
        let kept = plan_of(tx, row.run)?.unwrap_or_default();
        if !is_in(&kept, user) {
            continue;
        }
        let left = without(&kept, user);
        tx.prepare_cached("UPDATE kept_plans SET plan = ?2, people = ?3, deliveries = ?4 WHERE run_id = ?1")?
            .execute(params![row.run, json(&left)?, people(&left), deliveries(&left)])?;
        note(tx, row.run, "somebody who was forgotten is no longer in what waits", now)?;
    }
    Ok(())
}
