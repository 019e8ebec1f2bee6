//! Groups within groups. A cycle is taken, because readers walk it once, and it is said.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::Connection;

use super::Scope;
use super::groups::GroupChanges;
use super::report::Report;
use crate::domain::roster_change::{ChangeKind, RowKind};

/// Pairs of parent and child.
#[derive(Default)]
pub(super) struct NestingChanges {
    pub adds: Vec<(i64, i64)>,
    pub taken_over: Vec<(i64, i64)>,
    pub removes: Vec<(i64, i64)>,
}

pub(super) fn compare(
    connection: &Connection,
    scope: &Scope<'_, '_>,
    groups: &GroupChanges<'_>,
    report: &mut Report,
) -> rusqlite::Result<NestingChanges> {
    let mut changes = NestingChanges::default();
    let rows = &scope.incoming.nested;
    if rows.is_empty() && !scope.covers(RowKind::Nesting) {
        return Ok(changes);
    }
    let mut held: HashMap<(i64, i64), String> = HashMap::new();
    let mut prepared = connection.prepare("SELECT parent_id, child_id, source FROM group_groups")?;
    let mut found = prepared.query([])?;
    while let Some(row) = found.next()? {
        held.insert((row.get(0)?, row.get(1)?), row.get(2)?);
    }
    let mut there: BTreeSet<(i64, i64)> = BTreeSet::new();
    let mut unknown: HashMap<&str, String> = HashMap::new();
    for row in rows {
        let (Some(parent), Some(child)) = (groups.find(&row.within), groups.find(&row.group)) else {
            let name = if groups.find(&row.within).is_none() { &row.within } else { &row.group };
            let reason = unknown.entry(name).or_insert_with(|| {
                format!("there is no group called \"{name}\"{}", report.did_you_mean(name, || groups.names()))
            });
            let reason = reason.clone();
            report.reject(&row.place, &row.group, reason);
            continue;
        };
        let pair = (parent, child);
        if !there.insert(pair) {
            continue;
        }
        match held.remove(&pair) {
            None => {
                changes.adds.push(pair);
                report.change(RowKind::Nesting, format!("{} in {}", row.group, row.within), ChangeKind::Added);
            }
            Some(source) if source != scope.options.source => changes.taken_over.push(pair),
            Some(_) => {}
        }
    }
    let mut rest: Vec<((i64, i64), String)> = held.into_iter().collect();
    rest.sort_unstable();
    for (pair, source) in rest {
        if groups.removes.contains(&pair.0) || groups.removes.contains(&pair.1) {
            continue;
        }
        if scope.lets_go(RowKind::Nesting, &source) {
            let name = format!("{} in {}", groups.name_of(pair.1), groups.name_of(pair.0));
            report.change(RowKind::Nesting, name, ChangeKind::Removed);
            changes.removes.push(pair);
        } else {
            there.insert(pair);
        }
    }
    for cycle in cycles(&there) {
        let names: Vec<&str> = cycle.iter().map(|id| groups.name_of(*id)).collect();
        report.warn(format!("groups are nested in a circle, which counts as one group: {}", names.join(" > ")));
    }
    Ok(changes)
}

/// One circle for each edge that closes one, from parent to child and back to where it began. An
/// explicit stack: a chain of groups may be as long as a file.
fn cycles(edges: &BTreeSet<(i64, i64)>) -> Vec<Vec<i64>> {
    let mut children: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (parent, child) in edges {
        children.entry(*parent).or_default().push(*child);
    }
    let mut found = Vec::new();
    let mut done = BTreeSet::new();
    for start in children.keys() {
        // The path from `start`, each group with the number of its children that have been looked at.
        let mut path: Vec<(i64, usize)> = vec![(*start, 0)];
        let mut on_path: HashMap<i64, usize> = HashMap::from([(*start, 0)]);
        while let Some((group, looked_at)) = path.last_mut() {
            if done.contains(group) {
                on_path.remove(group);
                path.pop();
                continue;
            }
            let Some(child) = children.get(group).and_then(|all| all.get(*looked_at)).copied() else {
                done.insert(*group);
                on_path.remove(group);
                path.pop();
                continue;
            };
            *looked_at += 1;
            if let Some(begin) = on_path.get(&child) {
                found.push(path[*begin..].iter().map(|(id, _)| *id).chain([child]).collect());
            } else if !done.contains(&child) {
                on_path.insert(child, path.len());
                path.push((child, 0));
            }
        }
    }
    found
}
