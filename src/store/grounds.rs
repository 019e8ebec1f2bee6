//! The grounds on which people were selected, kept with a message and asked again when it leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use rusqlite::{OptionalExtension as _, Transaction, params, params_from_iter};
use serde::{Deserialize, Serialize};

use super::selection_sql;
use crate::domain::grounds::Grounds;
use crate::domain::ids::{GroupId, UserId};
use crate::domain::selection::{Condition, Of, Select};

/// A condition as it is kept with a message.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    condition: Condition,
    /// What the groups in it were called.
    groups: BTreeMap<i64, String>,
}

/// Keeps with a message what it is asked when it leaves. `audience` is what the audience is called.
pub(super) fn keep(tx: &Transaction<'_>, message: i64, grounds: &Grounds, audience: &str) -> rusqlite::Result<()> {
    if let Some(group) = grounds.group {
        // Where the group has gone since the plan, the audience's name is left of it.
        let name = name_of(tx, group)?.unwrap_or_else(|| audience.to_owned());
        tx.prepare_cached("UPDATE messages SET audience = ?3, group_id = (SELECT id FROM groups WHERE id = ?2) WHERE id = ?1")?
            .execute(params![message, group.0, name])?;
    }
    let Some(condition) = &grounds.condition else { return Ok(()) };
    let kept = Kept::of(tx, condition)?;
    // Texts, numbers and times: there is nothing in it that can't be written as JSON.
    let text = serde_json::to_string(&kept).unwrap_or_default();
    tx.prepare_cached("UPDATE messages SET grounds = ?2 WHERE id = ?1")?.execute(params![message, text])?;
    Ok(())
}

/// What the run's record says of the grounds; see [`Grounds::words`].
pub(super) fn words(tx: &Transaction<'_>, grounds: &Grounds) -> rusqlite::Result<Option<String>> {
    let mut groups = grounds.condition.as_ref().map(|condition| names(tx, condition)).transpose()?.unwrap_or_default();
    if let Some(group) = grounds.group {
        groups.extend(name_of(tx, group)?.map(|name| (group.0, name)));
    }
    Ok(grounds.words(&|group| called(&groups, group)))
}

fn names(tx: &Transaction<'_>, condition: &Condition) -> rusqlite::Result<BTreeMap<i64, String>> {
    let mut groups = BTreeSet::new();
    let Ok(_) = condition.rebuilt(&mut |part, _| {
        if let Condition::InGroup(group) = part {
            groups.insert(*group);
        }
        Ok::<_, Infallible>(None)
    });
    let mut names = BTreeMap::new();
    for group in groups {
        names.extend(name_of(tx, group)?.map(|name| (group.0, name)));
    }
    Ok(names)
}

fn name_of(tx: &Transaction<'_>, group: GroupId) -> rusqlite::Result<Option<String>> {
    tx.prepare_cached("SELECT name FROM groups WHERE id = ?1")?.query_row([group.0], |row| row.get(0)).optional()
}

fn called(groups: &BTreeMap<i64, String>, group: GroupId) -> String {
    groups.get(&group.0).cloned().unwrap_or_else(|| "a group that is gone".to_owned())
}

impl Kept {
    pub(super) fn of(tx: &Transaction<'_>, condition: &Condition) -> rusqlite::Result<Self> {
        Ok(Self { condition: condition.clone(), groups: names(tx, condition)? })
    }

    /// `None` for a text that can't be read any more: nothing is asked then, and the message is not lost.
    pub(super) fn read(text: &str) -> Option<Arc<Self>> {
        serde_json::from_str(text).ok().map(Arc::new)
    }

    /// Why a person is not selected any more; `None` where they still are. `is_in` says whether the person is in the
    /// group with that row, or in one nested in it.
    pub(super) fn broken(
        &self,
        tx: &Transaction<'_>,
        user: UserId,
        is_in: &mut dyn FnMut(i64) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<Option<String>> {
        if self.holds(&self.condition, tx, user, is_in)? {
            return Ok(None);
        }
        let mut why = &self.condition;
        for part in self.condition.conjuncts() {
            if !self.holds(part, tx, user, is_in)? {
                why = part;
                break;
            }
        }
        Ok(Some(format!("not selected any more: {} does not hold", why.written(&|group| called(&self.groups, group)))))
    }

    /// Groups are asked first, from the person's side: for one person that is a few rows, and all members of a
    /// group may be thousands.
    fn holds(
        &self,
        condition: &Condition,
        tx: &Transaction<'_>,
        user: UserId,
        is_in: &mut dyn FnMut(i64) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<bool> {
        let rest = condition.rebuilt(&mut |part, _| {
            // Inside of a condition on devices it is about their user: the same person.
            let Condition::InGroup(group) = part else { return Ok(None) };
            let now = match self.groups.get(&group.0) {
                Some(name) => group_called(tx, name)?,
                None => None,
            };
            let inside = now.map(&mut *is_in).transpose()?.unwrap_or(false);
            Ok::<_, rusqlite::Error>(Some(Condition::Always(inside)))
        })?;
        if let Condition::Always(yes) = rest {
            return Ok(yes);
        }
        let person = Arc::new(Select::Ids(Of::Users, Arc::new([user.0])));
        // Bounded when it was made: what can't be asked after all refuses nobody.
        let Ok(statement) = selection_sql::count(&Select::Where(person, rest)) else { return Ok(true) };
        let count: i64 = tx.prepare_cached(&statement.text)?.query_row(params_from_iter(&statement.params), |row| row.get(0))?;
        Ok(count > 0)
    }
}

fn group_called(tx: &Transaction<'_>, name: &str) -> rusqlite::Result<Option<i64>> {
    tx.prepare_cached("SELECT id FROM groups WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()
}
