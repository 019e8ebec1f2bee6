//! Who is in which group: the rows of membership files, and the groups that users' own rows name.

use std::collections::HashMap;

use rusqlite::Connection;

use super::Scope;
use super::groups::GroupChanges;
use super::people::People;
use super::report::Report;
use super::users::UserChanges;
use crate::domain::roster_change::{ChangeKind, RowKind};

/// Pairs of group and user.
#[derive(Default)]
pub(super) struct MembershipChanges {
    pub adds: Vec<(i64, i64)>,
    pub taken_over: Vec<(i64, i64)>,
    pub removes: Vec<(i64, i64)>,
}

pub(super) fn compare<'a>(
    connection: &Connection,
    scope: &Scope<'a, '_>,
    people: &People<'_>,
    users: &UserChanges,
    groups: &GroupChanges<'_>,
    report: &mut Report,
) -> rusqlite::Result<MembershipChanges> {
    let mut changes = MembershipChanges::default();
    let wanted = wanted(scope, people, users, groups, report);
    if wanted.is_empty() && !scope.covers(RowKind::Membership) {
        return Ok(changes);
    }
    let gone = |group: i64, user: i64| groups.removes.contains(&group) || users.leaving.contains(&user);
    let mut next = wanted.iter().peekable();
    let mut prepared = connection.prepare("SELECT group_id, user_id, source FROM group_users ORDER BY group_id, user_id")?;
    let mut held = prepared.query([])?;
    let mut username = connection.prepare("SELECT username FROM users WHERE id = ?1")?;
    while let Some(row) = held.next()? {
        let pair: (i64, i64) = (row.get(0)?, row.get(1)?);
        while let Some(new) = next.next_if(|w| w.pair < pair) {
            changes.add(new, report);
        }
        let source = row.get_ref(2)?.as_str()?;
        if next.next_if(|w| w.pair == pair).is_some() {
            if source != scope.options.source {
                changes.taken_over.push(pair);
            }
        } else if scope.lets_go(RowKind::Membership, source) && !gone(pair.0, pair.1) {
            // Whoever leaves, and a group that goes, takes their memberships along without a word.
            let who: String = username.query_row([pair.1], |row| row.get(0))?;
            report.change(RowKind::Membership, format!("{who} in {}", groups.name_of(pair.0)), ChangeKind::Removed);
            changes.removes.push(pair);
        }
    }
    for new in next {
        changes.add(new, report);
    }
    Ok(changes)
}

impl MembershipChanges {
    fn add(&mut self, new: &Wanted<'_>, report: &mut Report) {
        report.change(RowKind::Membership, format!("{} in {}", new.username, new.group), ChangeKind::Added);
        self.adds.push(new.pair);
    }
}

struct Wanted<'a> {
    pair: (i64, i64),
    username: &'a str,
    group: &'a str,
}

/// The pairs that the files ask for, in order, each once; saying the same twice does no harm.
fn wanted<'a>(
    scope: &Scope<'a, '_>,
    people: &People<'_>,
    users: &UserChanges,
    groups: &GroupChanges<'_>,
    report: &mut Report,
) -> Vec<Wanted<'a>> {
    let taken = scope.incoming.users.iter().enumerate().filter(|(index, _)| !users.refused.contains(index));
    let own = taken.flat_map(|(_, user)| user.groups.iter().map(move |group| (&user.place, group, &user.username)));
    let rows = scope.incoming.memberships.iter().map(|row| (&row.place, &row.group, &row.username));
    let mut wanted = Vec::new();
    // What an unknown name is told is found once, however many rows have it.
    let mut unknown: HashMap<(RowKind, &str), String> = HashMap::new();
    for (place, group, username) in own.chain(rows) {
        let Some(group_id) = groups.find(group) else {
            if groups.names().next().is_none() && unknown.is_empty() {
                report.warn("groups come from a file of their own, with a column \"group\"; name it in the same call".to_owned());
            }
            let reason = unknown.entry((RowKind::Group, group)).or_insert_with(|| {
                format!("there is no group called \"{group}\"{}", report.did_you_mean(group, || groups.names()))
            });
            let reason = reason.clone();
            report.reject(place, username, reason);
            continue;
        };
        let Some(user_id) = people.find(username) else {
            let reason = unknown.entry((RowKind::User, username)).or_insert_with(|| {
                format!("there is no user called \"{username}\"{}", report.did_you_mean(username, || people.names()))
            });
            let reason = reason.clone();
            report.reject(place, username, reason);
            continue;
        };
        wanted.push(Wanted { pair: (group_id, user_id), username, group });
    }
    wanted.sort_unstable_by_key(|w| w.pair);
    wanted.dedup_by_key(|w| w.pair);
    wanted
}
