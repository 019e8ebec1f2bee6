//! Who will be in the roster once the users are taken: what devices and memberships refer to.

use std::borrow::Cow;
use std::collections::HashMap;

use rusqlite::Connection;

#[derive(Default)]
pub(super) struct People<'a> {
    by_username: HashMap<Cow<'a, str>, i64>,
}

impl<'a> People<'a> {
    pub fn reserve(&mut self, more: usize) {
        self.by_username.reserve(more);
    }

    pub fn add(&mut self, username: Cow<'a, str>, id: i64) {
        self.by_username.insert(username, id);
    }

    /// Everybody who is in the roster now and has not left.
    pub fn add_all(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut prepared = connection.prepare("SELECT username, id FROM users WHERE hidden = 0 AND left_at IS NULL")?;
        let mut rows = prepared.query([])?;
        while let Some(row) = rows.next()? {
            self.add(Cow::Owned(row.get(0)?), row.get(1)?);
        }
        Ok(())
    }

    pub fn find(&self, username: &str) -> Option<i64> {
        self.by_username.get(username).copied()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_username.keys().map(AsRef::as_ref)
    }
}
