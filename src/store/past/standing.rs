//! Where people stood. An invitation's instants tell since when somebody is invited and enrolled; what takes these
//! instants away keeps them before.

use rusqlite::{Transaction, params};

use crate::domain::time::Timestamp;
use crate::domain::user::Status;

/// Before the instants of a user's invitation are taken away; what it `becomes` is a status without.
pub(in crate::store) fn keep_standing(tx: &Transaction<'_>, user: i64, becomes: Status, now: Timestamp) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT OR IGNORE INTO past_standings (user_id, until, invited_at, enrolled_at, reminders, became)
         SELECT id, ?2, invited_at, enrolled_at, reminders, ?3 FROM users WHERE id = ?1",
    )?
    .execute(params![user, now.timestamp_millis(), becomes.word()])?;
    Ok(())
}
