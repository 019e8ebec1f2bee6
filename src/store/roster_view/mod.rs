//! The roster as a run reads it: one read transaction, from the first question to the last.
//! Nothing here writes, and nothing here decides.

mod candidates;
mod devices;
mod enrolment;
mod future;
mod groups;
mod now;
mod rows;
mod tasks;
#[cfg(test)]
mod tests;
mod users;

pub(super) use candidates::ENABLED_GROUPS;
pub(super) use future::of_person as forecast;
pub(super) use groups::{AROUND, INSIDE};
pub(super) use now::of as now;

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;

use enrolment::Enrolments;
#[cfg(test)]
use rusqlite::Connection;
use rusqlite::{OptionalExtension as _, params_from_iter};

use super::past;
use super::readers::{ReadConnection, Readers};
use super::selection_sql::{self, Statement};
use super::{Store, StoreError};
use crate::domain::app::App;
use crate::domain::departure::Departure;
use crate::domain::device::Device;
use crate::domain::group::{Enrolment, Group};
use crate::domain::ids::{DeviceId, GroupId, UserId};
use crate::domain::invite_plan::Candidate;
use crate::domain::roster::{AppToken, AsOf, Read, RosterError, RosterView};
use crate::domain::selection::Select;
use crate::domain::task::{Future, Page, Task};
use crate::domain::time::Timestamp;
use crate::domain::user::User;

/// A frozen view of the roster. What others commit after it was made is not seen through it.
pub struct Reader {
    connection: ReadConnection,
    version: u64,
    /// The store's file, for a view of the past beside this one.
    path: PathBuf,
    /// The instant that it shows; `None` for the present.
    as_of: Option<Timestamp>,
    /// What is known by now of how far groups have come: the view never changes.
    enrolments: RefCell<Enrolments>,
}

impl Store {
    /// A view of the roster as it is now, over a read-only connection of its own.
    ///
    /// # Errors
    /// The store can't be opened for reading.
    pub fn roster(&self) -> Result<Reader, StoreError> {
        let fail = |e| StoreError::new("read the roster from", &self.path, e);
        let connection = self.connect_reader()?;
        connection.execute_batch("BEGIN").map_err(fail)?;
        // `BEGIN` alone fixes nothing: the snapshot is taken by the first read.
        let version: Option<String> = connection
            .query_row("SELECT value FROM facts WHERE name = 'roster_version'", [], |row| row.get(0))
            .optional()
            .map_err(fail)?;
        let version = version.and_then(|v| v.parse().ok()).unwrap_or(0);
        Ok(Reader { connection, version, path: self.path.clone(), as_of: None, enrolments: RefCell::default() })
    }
}

impl Reader {
    /// A view over any connection that has the schema.
    #[cfg(test)]
    pub(super) fn over(connection: Connection) -> Self {
        selection_sql::add_functions(&connection).unwrap();
        let connection = Readers::default().lend(connection);
        Self { connection, version: 0, path: PathBuf::new(), as_of: None, enrolments: RefCell::default() }
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The roster's version in this view; every import that changed something has raised it.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A view over a connection of its own that shows the roster after a change.
    fn past(&self, change: i64, when: Timestamp) -> rusqlite::Result<Self> {
        let connection = Readers::own(&self.path)?;
        connection.execute_batch("BEGIN")?;
        past::shadow(&connection, change, when)?;
        Ok(Self { connection, version: self.version, path: self.path.clone(), as_of: Some(when), enrolments: RefCell::default() })
    }

    fn run_ids(&self, statement: &Statement) -> Read<Vec<i64>> {
        let mut prepared = self.connection.prepare_cached(&statement.text)?;
        let mut rows = prepared.query(params_from_iter(&statement.params))?;
        let mut ids = Vec::new();
        while let Some(row) = rows.next()? {
            ids.push(row.get(0)?);
        }
        Ok(ids)
    }
}

impl From<rusqlite::Error> for RosterError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

impl RosterView for Reader {
    fn ids(&self, select: &Select) -> Read<Vec<i64>> {
        self.run_ids(&selection_sql::ids(select)?)
    }

    fn count(&self, select: &Select) -> Read<u64> {
        let count: i64 = match select {
            Select::All(of) if self.as_of.is_none() => {
                self.connection.prepare_cached(selection_sql::count_all(*of))?.query_row([], |row| row.get(0))?
            }
            _ => {
                let statement = selection_sql::count(select)?;
                let mut prepared = self.connection.prepare_cached(&statement.text)?;
                prepared.query_row(params_from_iter(&statement.params), |row| row.get(0))?
            }
        };
        Ok(u64::try_from(count).unwrap_or(0))
    }

    fn explain(&self, select: &Select) -> Read<String> {
        Ok(selection_sql::explain(&self.connection, &selection_sql::ids(select)?)?)
    }

    fn users(&self, ids: &[i64]) -> Read<Vec<Arc<User>>> {
        users::with_ids(&self.connection, self.as_of, ids)
    }

    fn devices(&self, ids: &[i64]) -> Read<Vec<Arc<Device>>> {
        devices::with_ids(&self.connection, self.as_of, ids)
    }

    fn user_by_username(&self, username: &str) -> Read<Option<Arc<User>>> {
        users::by_username(&self.connection, self.as_of, username)
    }

    fn find_device(&self, name: &str) -> Read<Option<Arc<Device>>> {
        devices::find(&self.connection, self.as_of, name)
    }

    fn group_by_name(&self, name: &str) -> Read<Option<Group>> {
        groups::by_name(&self.connection, self.as_of, name)
    }

    fn groups(&self) -> Read<Vec<Group>> {
        groups::all(&self.connection, self.as_of)
    }

    fn groups_of(&self, user: UserId) -> Read<Vec<Group>> {
        groups::of_user(&self.connection, self.as_of, user)
    }

    fn devices_of(&self, user: UserId) -> Read<Vec<Arc<Device>>> {
        devices::of_user(&self.connection, self.as_of, user)
    }

    fn is_member(&self, group: GroupId, user: UserId) -> Read<bool> {
        groups::is_member(&self.connection, group, user)
    }

    fn subgroups(&self, group: GroupId) -> Read<Vec<Group>> {
        groups::inside(&self.connection, self.as_of, group)
    }

    fn enrolment(&self, users: &Select) -> Read<Enrolment> {
        let mut known = self.enrolments.borrow_mut();
        match users {
            Select::Members(group) => known.of_group(&self.connection, *group),
            others => known.of_users(&self.connection, &self.ids(others)?),
        }
    }

    fn app_tokens(&self, devices: &[DeviceId]) -> Read<Vec<AppToken>> {
        devices::app_tokens(&self.connection, devices)
    }

    fn candidates(&self, users: &Select) -> Read<Vec<Candidate>> {
        candidates::of(&self.connection, &self.ids(users)?)
    }

    fn active_tasks(&self) -> Read<Vec<Task>> {
        tasks::active(&self.connection)
    }

    fn failed_tasks(&self) -> Read<Vec<Task>> {
        tasks::failed(&self.connection)
    }

    fn future_tasks(&self, rules: &Departure, now: Timestamp, page: Page) -> Read<Future> {
        future::of(&self.connection, rules, now, page)
    }

    fn apps(&self) -> Read<Vec<App>> {
        groups::apps(&self.connection)
    }

    fn as_of(&self, when: Timestamp) -> Read<AsOf> {
        Ok(match past::reached(&self.connection, when)? {
            past::Reached::Change(change) => AsOf::Known(Box::new(self.past(change, when)?)),
            past::Reached::Before(begins) => AsOf::Before(begins),
        })
    }

    fn similar_usernames(&self, wanted: &str) -> Read<Vec<String>> {
        users::similar(&self.connection, wanted)
    }

    fn similar_devices(&self, wanted: &str) -> Read<Vec<String>> {
        devices::similar(&self.connection, wanted)
    }
}
