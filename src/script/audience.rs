//! Who a plan or a message is for: a user, a group, a selection, or an array of these.

use std::sync::Arc;

use rhai::{Array, Dynamic};

use super::options::type_word;
use super::past;
use super::problem::{Problem, RhaiResultOf};
use super::run_context::Run;
use super::selection::{Selection, SetOperation};
use super::values::{Device, Group, GroupKind, User};
use crate::domain::intent::Person;
use crate::domain::invite_plan::Candidate;
use crate::domain::selection::{Of, Select};

/// The users that something is for.
pub struct Audience {
    pub users: Selection,
    /// A group's name or a user's; a mixture is only counted.
    pub name: Option<String>,
}

impl Audience {
    /// # Errors
    /// `not_an_audience` with what to write instead.
    pub fn of(run: &Run, value: Dynamic) -> Result<Self, Problem> {
        let value = value.flatten();
        if let Some(user) = value.read_lock::<User>() {
            past::present_user(run, &user)?;
            return Ok(Self { users: some(run, vec![user.0.id.0]), name: Some(user.0.full_name.clone()) });
        }
        if let Some(group) = value.read_lock::<Group>() {
            past::present_group(run, &group)?;
            return Ok(Self { users: members(run, &group), name: Some(group.name.clone()) });
        }
        if let Some(selection) = value.read_lock::<Selection>() {
            if selection.of() != Of::Users {
                return Err(Problem::not_an_audience("a selection of devices").hint("devices know their `user`"));
            }
            let hint = "`selection & users` are those of them who are here now, as they are now";
            past::only_present(run, selection.run().as_of(), "the selection", hint)?;
            return Ok(Self { users: selection.clone(), name: selection.label().map(str::to_owned) });
        }
        let value = match value.try_cast_result::<Array>() {
            Ok(array) => return Self::of_array(run, array),
            Err(other) => other,
        };
        if value.is::<Device>() {
            return Err(Problem::not_an_audience("a device")
                .hint("`d.user` is the device's user; `invite.device(d)` invites on one device"));
        }
        if let Ok(text) = value.clone().into_string() {
            return Err(Problem::not_an_audience("a text")
                .about(text.as_str())
                .hint(format!("write `groups[{text:?}]` for a group or `users.find({text:?})` for a user")));
        }
        Err(Problem::not_an_audience(&type_word(&value)))
    }

    /// Single users become one list, so that an array of thousands is still one query.
    fn of_array(run: &Run, array: Array) -> Result<Self, Problem> {
        let mut single = Vec::new();
        let mut parts = Vec::new();
        for value in array {
            let value = value.flatten();
            match value.read_lock::<User>() {
                Some(user) => {
                    past::present_user(run, &user)?;
                    single.push(user.0.id.0);
                }
                None => {
                    drop(value.read_lock::<User>());
                    parts.push(Self::of(run, value.clone())?.users);
                }
            }
        }
        let mut users = some(run, single);
        for part in parts {
            users = users.pair(SetOperation::Union, &part)?;
        }
        Ok(Self { users, name: None })
    }

    /// What decides about each, in one reading.
    pub fn candidates(&self, run: &Run) -> RhaiResultOf<Vec<Candidate>> {
        let select = self.users.resolve()?;
        let candidates = run.read(|view| view.candidates(&select))?;
        run.checkpoint()?;
        Ok(candidates)
    }
}

/// The users of a group, as a selection that is called like it.
pub fn members(run: &Run, group: &Group) -> Selection {
    match &group.kind {
        GroupKind::Roster(record) => Selection::new(run.at(record.as_of), Select::Members(record.id)).labelled(&group.name),
        GroupKind::Rule(users) => users.clone().labelled(&group.name),
    }
}

fn some(run: &Run, mut ids: Vec<i64>) -> Selection {
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(*id));
    Selection::new(run.clone(), Select::Ids(Of::Users, Arc::from(ids)))
}

pub fn person(candidate: &Candidate) -> Person {
    Person { user: candidate.user, username: candidate.username.clone(), full_name: candidate.full_name.clone() }
}
