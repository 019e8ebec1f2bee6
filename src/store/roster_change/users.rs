//! Users: who comes, who changes, who leaves.
//!
//! Both sides are walked in order of username, so a hundred thousand people are compared without holding
//! the old ones in memory.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::{Connection, Row};

use super::Scope;
use super::fields::{Fields, given};
use super::people::People;
use super::report::{Report, twice};
use super::sorting::{in_order, matched};
use crate::domain::mail_address::MailAddress;
use crate::domain::roster_change::{ChangeKind, IncomingUser, RowKind};

/// What is to be done with users.
#[derive(Default)]
pub(super) struct UserChanges {
    /// Rows of the files that are new people, in the files' order, with the ids they get.
    pub adds: Vec<(i64, usize)>,
    pub updates: Vec<UserRow>,
    /// Unchanged rows that another source had listed last.
    pub taken_over: Vec<i64>,
    pub leaves: Vec<Leaver>,
    /// The ids of `leaves`.
    pub leaving: HashSet<i64>,
    /// Rows of the files that are not taken.
    pub refused: HashSet<usize>,
}

/// Somebody whom their source no longer has.
pub(super) struct Leaver {
    pub id: i64,
    /// Apple has no active record of them: nothing is left to do.
    pub hide: bool,
}

/// All that a file can say about a user, as it will be.
pub(super) struct UserRow {
    pub id: i64,
    pub full_name: String,
    pub mail: Option<MailAddress>,
    pub mail_changed: bool,
    pub language: Option<String>,
    pub timezone: Option<String>,
    pub department: Option<String>,
    pub title: Option<String>,
    pub enabled: bool,
    pub managed_account: Option<String>,
    pub attributes: String,
}

const HELD: &str = "SELECT id, username, source, left_at, hidden, status, full_name, mail, language, timezone, department, title, enabled, \
    managed_account, attributes FROM users ORDER BY username";

pub(super) fn compare<'a>(
    connection: &Connection,
    scope: &Scope<'a, '_>,
    people: &mut People<'a>,
    report: &mut Report,
) -> rusqlite::Result<UserChanges> {
    let mut changes = UserChanges::default();
    let rows: &'a [IncomingUser] = &scope.incoming.users;
    if rows.is_empty() && !scope.covers(RowKind::User) {
        people.add_all(connection)?;
        return Ok(changes);
    }
    people.reserve(rows.len());
    let mut mailboxes = Mailboxes(HashMap::with_capacity(rows.len()));
    let order = sorted(rows, &mut changes.refused, report);
    let mut wanted = order.iter().copied().peekable();
    let mut held = connection.prepare(HELD)?;
    let mut held = held.query([])?;
    let mut new = Vec::new();
    while let Some(row) = held.next()? {
        let username = row.get_ref(1)?.as_str()?;
        match matched(&mut wanted, |index| &rows[index].username, username, &mut new) {
            Some(index) => held_and_listed(row, &rows[index], scope, people, &mut mailboxes, &mut changes, report)?,
            None => only_held(row, scope, people, &mut mailboxes, &mut changes, report)?,
        }
    }
    new.extend(wanted);
    for index in &new {
        let row = &rows[*index];
        if let Some(Some(mail)) = &row.mail {
            mailboxes.add(mail, Cow::Borrowed(&row.username), report);
        }
        report.change(RowKind::User, &row.username, ChangeKind::Added);
    }
    // The files' order is the order people know; ids follow it.
    new.sort_unstable();
    let first: i64 = connection.query_row("SELECT COALESCE(MAX(id), 0) + 1 FROM users", [], |row| row.get(0))?;
    for (id, index) in (first..).zip(new) {
        people.add(Cow::Borrowed(&rows[index].username), id);
        changes.adds.push((id, index));
    }
    Ok(changes)
}

/// The rows by username, without those that can't be taken.
fn sorted(rows: &[IncomingUser], not_taken: &mut HashSet<usize>, report: &mut Report) -> Vec<usize> {
    let mut order = in_order(rows.len(), |index| &rows[index].username);
    let mut first: Option<usize> = None;
    let mut refused = Vec::new();
    order.retain(|index| {
        let row = &rows[*index];
        if let Some(known) = first.map(|f| &rows[f]).filter(|f| f.username == row.username) {
            refused.push((*index, twice("user", &row.username, &known.place)));
            return false;
        }
        if row.username.is_empty() {
            refused.push((*index, "it has no username".to_owned()));
            return false;
        }
        if row.attributes.iter().any(|(key, value)| key.contains('\0') || value.contains('\0')) {
            refused.push((*index, "an attribute holds a NUL character".to_owned()));
            return false;
        }
        first = Some(*index);
        true
    });
    refused.sort_unstable_by_key(|(index, _)| *index);
    for (index, reason) in refused {
        report.reject(&rows[index].place, &rows[index].username, reason);
        not_taken.insert(index);
    }
    order
}

fn held_and_listed<'a>(
    row: &Row<'_>,
    incoming: &'a IncomingUser,
    scope: &Scope<'_, '_>,
    people: &mut People<'a>,
    mailboxes: &mut Mailboxes<'a>,
    changes: &mut UserChanges,
    report: &mut Report,
) -> rusqlite::Result<()> {
    let id: i64 = row.get(0)?;
    let left = row.get::<_, Option<i64>>(3)?.is_some();
    let hidden: bool = row.get(4)?;
    people.add(Cow::Borrowed(&incoming.username), id);

    let mut fields = Fields::default();
    if left || hidden {
        fields.push("left", "yes", "no");
    }
    let held = |column| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str_or_null()?);
    let full_name = fields.required("full_name", row.get_ref(6)?.as_str()?, incoming.full_name.as_deref());
    let held_mail = held(7)?;
    let mail = match &incoming.mail {
        None => held_mail.and_then(|text| MailAddress::parse(text).ok()),
        Some(cell) => {
            let after = cell.as_ref().map(MailAddress::as_str);
            if after != held_mail {
                fields.push("mail", held_mail.unwrap_or_default(), after.unwrap_or_default());
            }
            cell.clone()
        }
    };
    if let Some(mail) = &mail {
        mailboxes.add(mail, Cow::Borrowed(&incoming.username), report);
    }
    let language = fields.optional("language", held(8)?, &incoming.language);
    let timezone = fields.optional("timezone", held(9)?, &incoming.timezone);
    let department = fields.optional("department", held(10)?, &incoming.department);
    let title = fields.optional("title", held(11)?, &incoming.title);
    // Leaving had disabled them; coming back undoes that unless the file says otherwise.
    let listed = if left { Some(incoming.enabled.unwrap_or(true)) } else { incoming.enabled };
    let enabled = fields.yes_or_no("enabled", row.get(12)?, listed);
    let managed_account = fields.optional("managed_account", held(13)?, &incoming.managed_account);
    let attributes = attributes(row.get_ref(14)?.as_str()?, &incoming.attributes, &mut fields);

    if fields.is_empty() {
        if row.get_ref(2)?.as_str()? != scope.options.source {
            changes.taken_over.push(id);
        }
        return Ok(());
    }
    changes.updates.push(UserRow {
        id,
        full_name: full_name.to_owned(),
        mail_changed: mail.as_ref().map(MailAddress::as_str) != held_mail,
        language: language.map(str::to_owned),
        timezone: timezone.map(str::to_owned),
        department: department.map(str::to_owned),
        title: title.map(str::to_owned),
        enabled,
        managed_account: managed_account.map(str::to_owned),
        attributes,
        mail,
    });
    let what = if hidden { ChangeKind::Added } else { ChangeKind::Changed(fields.into_changed()) };
    report.change(RowKind::User, &incoming.username, what);
    Ok(())
}

fn only_held<'a>(
    row: &Row<'_>,
    scope: &Scope<'_, '_>,
    people: &mut People<'a>,
    mailboxes: &mut Mailboxes<'a>,
    changes: &mut UserChanges,
    report: &mut Report,
) -> rusqlite::Result<()> {
    let id: i64 = row.get(0)?;
    let username = row.get_ref(1)?.as_str()?;
    if row.get::<_, bool>(4)? || row.get::<_, Option<i64>>(3)?.is_some() {
        return Ok(());
    }
    if scope.lets_go(RowKind::User, row.get_ref(2)?.as_str()?) {
        let hide = matches!(row.get_ref(5)?.as_str()?, "none" | "retired");
        changes.leaves.push(Leaver { id, hide });
        changes.leaving.insert(id);
        report.change(RowKind::User, username, ChangeKind::Removed);
        return Ok(());
    }
    if let Some(mail) = row.get_ref(7)?.as_str_or_null()?.and_then(|text| MailAddress::parse(text).ok()) {
        mailboxes.add(&mail, Cow::Owned(username.to_owned()), report);
    }
    people.add(Cow::Owned(username.to_owned()), id);
    Ok(())
}

/// Only the attributes that the file names are touched; an empty value takes one away.
fn attributes(held: &str, incoming: &BTreeMap<String, String>, fields: &mut Fields) -> String {
    if incoming.is_empty() {
        return held.to_owned();
    }
    let mut all: BTreeMap<String, String> = serde_json::from_str(held).unwrap_or_default();
    for (key, value) in incoming {
        let before = all.get(key).map_or("", String::as_str);
        if before == value {
            continue;
        }
        fields.push(&format!("attributes[{key:?}]"), before, value);
        if value.is_empty() {
            all.remove(key);
        } else {
            all.insert(key.clone(), value.clone());
        }
    }
    json(&all)
}

/// The attributes of somebody new.
pub(super) fn new_attributes(incoming: &BTreeMap<String, String>) -> String {
    if incoming.is_empty() {
        return "{}".to_owned();
    }
    json(&incoming.iter().filter(|(_, value)| !value.is_empty()).collect::<BTreeMap<_, _>>())
}

fn json(map: &impl serde::Serialize) -> String {
    serde_json::to_string(map).expect("a map of texts is JSON")
}

/// The full name of somebody new: what the file has, else the username.
pub(super) fn new_full_name(row: &IncomingUser) -> &str {
    row.full_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&row.username)
}

/// A cell of somebody new.
pub(super) fn new_text(cell: &crate::domain::roster_change::Cell<String>) -> Option<&str> {
    given(cell).flatten()
}

/// Finds two people with one mailbox: they are taken, because families and offices share, and it is said.
struct Mailboxes<'a>(HashMap<String, Cow<'a, str>>);

impl<'a> Mailboxes<'a> {
    fn add(&mut self, mail: &MailAddress, username: Cow<'a, str>, report: &mut Report) {
        use std::collections::hash_map::Entry;
        match self.0.entry(mail.folded()) {
            Entry::Vacant(free) => {
                free.insert(username);
            }
            Entry::Occupied(taken) => {
                report.warn(format!("{} and {username} have the same mail address {mail}", taken.get()));
            }
        }
    }
}
