//! Taking a roster: what would change, and the change itself, from one and the same comparison.
//! Never a file's form: rows come checked, and leave as a difference.

mod apply;
mod apps;
mod bulk;
mod devices;
mod fields;
mod groups;
mod kept;
mod memberships;
mod nesting;
mod people;
mod report;
mod sorting;
#[cfg(test)]
mod tests;
mod users;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use self::people::People;
use self::report::Report;
use super::journal::{self, Entry};
use super::{Store, StoreError, calling_off, past};
use crate::domain::invite_plan::counted;
use crate::domain::roster_change::{Difference, Incoming, RowKind};
use crate::domain::time::Timestamp;

/// Whose rows they are, and whether what they no longer hold goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportOptions {
    /// The name of the source, such as `files` or `directory`. A row belongs to the source that listed
    /// it last, and only that source's silence removes it.
    pub source: String,
    /// Rows that the source no longer has stay.
    pub keep_missing: bool,
}

impl Store {
    /// What taking `incoming` would change. Reads only.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn preview_roster<'a>(&self, incoming: &'a Incoming, options: &ImportOptions) -> Result<Preview<'a>, StoreError> {
        let fail = |e| StoreError::new("compare the roster with", &self.path, e);
        let mut writer = self.writer();
        let tx = writer.transaction_with_behavior(TransactionBehavior::Deferred).map_err(fail)?;
        let read = || Ok((compare(&tx, incoming, options)?, Seen::by(&tx)?));
        let (comparison, seen) = read().map_err(fail)?;
        Ok(Preview { incoming, options: options.clone(), comparison, seen })
    }

    /// Takes what was previewed, in one transaction, and says what changed. Where the store has changed since, it is
    /// compared anew.
    ///
    /// `now` and `new_client_user_id` are as for [`Store::take_roster`].
    ///
    /// # Errors
    /// The store can't be written; then nothing was taken.
    pub fn take_previewed(
        &self,
        preview: Preview<'_>,
        now: Timestamp,
        new_client_user_id: &mut dyn FnMut() -> String,
    ) -> Result<Difference, StoreError> {
        let Preview { incoming, options, comparison, seen } = preview;
        self.transaction("take a roster into", |tx| {
            let comparison = if Seen::by(tx)? == seen { comparison } else { compare(tx, incoming, &options)? };
            take(tx, comparison, incoming, &options, now, new_client_user_id)
        })
    }

    /// Takes `incoming` in one transaction and says what changed. Taking the same again changes nothing.
    ///
    /// `now` becomes the day on which missing people left; `new_client_user_id` draws a fresh lowercase
    /// UUID for each new user, in the files' order.
    ///
    /// # Errors
    /// The store can't be written; then nothing was taken.
    pub fn take_roster(
        &self,
        incoming: Incoming,
        options: &ImportOptions,
        now: Timestamp,
        new_client_user_id: &mut dyn FnMut() -> String,
    ) -> Result<Difference, StoreError> {
        self.transaction("take a roster into", |tx| {
            take(tx, compare(tx, &incoming, options)?, &incoming, options, now, new_client_user_id)
        })
    }
}

/// A comparison that was shown to somebody, who may want it carried out.
pub struct Preview<'a> {
    incoming: &'a Incoming,
    options: ImportOptions,
    comparison: Comparison<'a>,
    seen: Seen,
}

impl Preview<'_> {
    #[must_use]
    pub fn difference(&self) -> &Difference {
        &self.comparison.difference
    }
}

/// A state of the store, as far as one connection can tell it from another: it differs after each commit of another
/// connection, and after each row that this one has changed.
#[derive(PartialEq, Eq)]
struct Seen {
    others: i64,
    own: i64,
}

impl Seen {
    fn by(tx: &Transaction<'_>) -> rusqlite::Result<Self> {
        let one = |sql: &str| tx.query_row(sql, [], |row| row.get(0));
        Ok(Self { others: one("PRAGMA data_version")?, own: one("SELECT total_changes()")? })
    }
}

fn take(
    tx: &Transaction<'_>,
    comparison: Comparison<'_>,
    incoming: &Incoming,
    options: &ImportOptions,
    now: Timestamp,
    new_client_user_id: &mut dyn FnMut() -> String,
) -> rusqlite::Result<Difference> {
    let many = comparison.users.adds.len() + comparison.devices.adds.len() > bulk::ROWS_MIN;
    if many {
        bulk::more_room(tx)?;
    }
    // What changes nothing is no change, and adds nothing that would need its number; but the first look at a
    // source is where the history begins.
    let changes = !comparison.difference.is_empty() || !past::has_begun(tx)?;
    let change = if changes { past::change(tx, now)? } else { 0 };
    kept::keep(tx, &comparison, now)?;
    apply::apply(tx, &comparison, incoming, &Stamp { source: &options.source, change, now }, new_client_user_id)?;
    calling_off::after_roster_change(tx, &comparison.concerned(tx)?, now)?;
    let difference = comparison.difference;
    if !difference.is_empty() {
        raise_version(tx)?;
        record(tx, &difference, options, now)?;
    }
    if many {
        bulk::usual_room(tx)?;
    }
    Ok(difference)
}

/// What each row that is written says of its being written.
#[derive(Clone, Copy)]
struct Stamp<'a> {
    source: &'a str,
    /// The number of the roster's change.
    change: i64,
    now: Timestamp,
}

/// Everything that is to be done, and the words for it.
struct Comparison<'a> {
    difference: Difference,
    users: users::UserChanges,
    groups: groups::GroupChanges<'a>,
    memberships: memberships::MembershipChanges,
    nested: nesting::NestingChanges,
    devices: devices::DeviceChanges,
    apps: apps::AppChanges,
}

impl Comparison<'_> {
    /// For whom something that waits may have lost its reason: they have left, are disabled or left a group.
    fn concerned(&self, tx: &Transaction<'_>) -> rusqlite::Result<Vec<i64>> {
        let disabled = self.users.updates.iter().filter(|user| !user.enabled).map(|user| user.id);
        let mut people: Vec<i64> = self.users.leaves.iter().map(|leaver| leaver.id).chain(disabled).collect();
        people.extend(self.memberships.removes.iter().map(|(_, user)| *user));
        if !self.groups.removes.is_empty() || !self.nested.removes.is_empty() {
            people.extend(calling_off::in_groups(tx)?);
        }
        people.sort_unstable();
        people.dedup();
        Ok(people)
    }
}

/// Compares without writing. Ids of new rows are settled here (the next free ones, in the files' order),
/// so that everything else can refer to them; whoever applies it holds the write lock since before.
fn compare<'a>(connection: &Connection, incoming: &'a Incoming, options: &ImportOptions) -> rusqlite::Result<Comparison<'a>> {
    let mut report = Report::new(incoming);
    let scope = Scope { options, incoming };
    let mut people = People::default();
    let users = users::compare(connection, &scope, &mut people, &mut report)?;
    let groups = groups::compare(connection, &scope, &mut report)?;
    let memberships = memberships::compare(connection, &scope, &people, &users, &groups, &mut report)?;
    let nested = nesting::compare(connection, &scope, &groups, &mut report)?;
    let devices = devices::compare(connection, &scope, &people, &users.leaving, &mut report)?;
    let apps = apps::compare(connection, &scope, &devices, &mut report)?;
    Ok(Comparison { difference: report.into_difference(), users, groups, memberships, nested, devices, apps })
}

/// What is being taken, and on whose behalf.
struct Scope<'a, 'o> {
    incoming: &'a Incoming,
    options: &'o ImportOptions,
}

impl Scope<'_, '_> {
    fn covers(&self, kind: RowKind) -> bool {
        self.incoming.covers.contains(&kind)
    }

    /// Whether a row of that kind and source goes when the files don't have it.
    fn lets_go(&self, kind: RowKind, source: &str) -> bool {
        !self.options.keep_missing && self.covers(kind) && source == self.options.source
    }
}

fn raise_version(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO facts (name, value) VALUES ('roster_version', '1')
         ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)",
        [],
    )?;
    Ok(())
}

fn record(tx: &Transaction<'_>, difference: &Difference, options: &ImportOptions, now: Timestamp) -> rusqlite::Result<()> {
    let words = format!("roster taken from {}: {}", options.source, summary(difference));
    journal::append(tx, &Entry { at: now, kind: "import", run: None, user: None, delivery: None, words: &words })
}

/// `60 users added; 2 devices changed, 1 removed; 3 rows rejected`.
fn summary(difference: &Difference) -> String {
    let kinds =
        [RowKind::User, RowKind::Group, RowKind::Membership, RowKind::Nesting, RowKind::Device, RowKind::App, RowKind::AppToken];
    let mut parts = Vec::new();
    for kind in kinds {
        let (added, changed, removed) = difference.counts(kind);
        let mut said: Vec<String> = Vec::new();
        for (n, verb) in [(added, "added"), (changed, "changed"), (removed, "removed")] {
            match (n, said.is_empty()) {
                (0, _) => {}
                (n, true) => said.push(format!("{} {verb}", counted(n, kind.noun()))),
                (n, false) => said.push(format!("{n} {verb}")),
            }
        }
        if !said.is_empty() {
            parts.push(said.join(", "));
        }
    }
    if !difference.rejected.is_empty() {
        parts.push(format!("{} rejected", counted(difference.rejected.len(), "row")));
    }
    parts.join("; ")
}
