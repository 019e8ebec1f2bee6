//! Groups. There are few of them, so the old ones are simply read.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use rusqlite::Connection;

use super::Scope;
use super::fields::Fields;
use super::report::{Report, twice};
use crate::domain::roster_change::{ChangeKind, RowKind};

#[derive(Default)]
pub(super) struct GroupChanges<'a> {
    /// New groups: id, name, managed distribution.
    pub adds: Vec<(i64, &'a str, bool)>,
    /// Groups with their switch as it will be.
    pub updates: Vec<(i64, bool)>,
    pub taken_over: Vec<i64>,
    pub removes: BTreeSet<i64>,
    /// The groups there will be, both ways.
    by_name: HashMap<Cow<'a, str>, i64>,
    by_id: HashMap<i64, Cow<'a, str>>,
}

impl<'a> GroupChanges<'a> {
    fn keep(&mut self, name: Cow<'a, str>, id: i64) {
        self.by_id.insert(id, name.clone());
        self.by_name.insert(name, id);
    }

    pub fn find(&self, name: &str) -> Option<i64> {
        self.by_name.get(name).copied()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(AsRef::as_ref)
    }

    pub fn name_of(&self, id: i64) -> &str {
        self.by_id.get(&id).map_or("", AsRef::as_ref)
    }
}

struct Held {
    id: i64,
    distribution: bool,
    source: String,
}

pub(super) fn compare<'a>(
    connection: &Connection,
    scope: &Scope<'a, '_>,
    report: &mut Report,
) -> rusqlite::Result<GroupChanges<'a>> {
    let mut held: HashMap<String, Held> = HashMap::new();
    let mut next = 1;
    let mut prepared = connection.prepare("SELECT id, name, distribution, source FROM groups")?;
    let mut rows = prepared.query([])?;
    while let Some(row) = rows.next()? {
        let group = Held { id: row.get(0)?, distribution: row.get(2)?, source: row.get(3)? };
        next = next.max(group.id + 1);
        held.insert(row.get(1)?, group);
    }
    let mut changes = GroupChanges::default();
    let mut first = HashMap::new();
    for row in &scope.incoming.groups {
        if row.name.is_empty() {
            report.reject(&row.place, "", "the group has no name".to_owned());
            continue;
        }
        if let Some(place) = first.insert(row.name.as_str(), &row.place) {
            report.reject(&row.place, &row.name, twice("group", &row.name, place));
            first.insert(&row.name, place);
            continue;
        }
        let Some(known) = held.remove(&row.name) else {
            changes.adds.push((next, &row.name, row.distribution.unwrap_or(false)));
            changes.keep(Cow::Borrowed(&row.name), next);
            report.change(RowKind::Group, &row.name, ChangeKind::Added);
            next += 1;
            continue;
        };
        changes.keep(Cow::Borrowed(&row.name), known.id);
        let mut fields = Fields::default();
        let distribution = fields.yes_or_no("distribution", known.distribution, row.distribution);
        if !fields.is_empty() {
            changes.updates.push((known.id, distribution));
            report.change(RowKind::Group, &row.name, ChangeKind::Changed(fields.into_changed()));
        } else if known.source != scope.options.source {
            changes.taken_over.push(known.id);
        }
    }
    let mut rest: Vec<(String, Held)> = held.into_iter().collect();
    rest.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    for (name, group) in rest {
        if scope.lets_go(RowKind::Group, &group.source) {
            changes.removes.insert(group.id);
            report.change(RowKind::Group, name, ChangeKind::Removed);
        } else {
            changes.keep(Cow::Owned(name), group.id);
        }
    }
    Ok(changes)
}
