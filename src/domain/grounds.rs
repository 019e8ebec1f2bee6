//! On what grounds people were selected, as far as that can be asked again when something leaves for them.
//!
//! Asked again is what the roster says: fields of the directory, groups, devices. The grounds hold for everybody
//! who is in the selection, so who is still selected is never refused; what is not asked again is taken to hold.
//!
//! Not asked again is what sending itself changes: the state of the invitation and the last contact. "Not invited"
//! would be false as soon as the first message is under way, and each reminder with it. Whoever has accepted or
//! was withdrawn is turned away by the invitation's own rules. A message that belongs to no invitation (a mail, a
//! push) is asked about enrolment, unless its own run invites or withdraws: see [`settle`]. Limits, samples and
//! lists of people by name are not asked again either: they name people, and people don't change.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use super::ids::GroupId;
use super::selection::{Condition, Field, Of, Select};

/// Larger conditions are not asked again: each is kept with a message, and asked for each person.
const PARTS_MAX: usize = 400;
/// What JSON can hold of conditions inside each other, with room for what is around them.
const DEPTH_MAX: usize = 30;
/// Of a condition as JSON, in bytes.
const JSON_MAX: usize = 16 * 1024;
/// Deeper selections are not looked into.
const SELECTIONS_MAX: usize = 250;

/// What held for everybody of an audience by the way it was selected. A plan that waits keeps it as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Grounds {
    /// The group that everybody of the audience was in: who leaves it gets nothing more.
    pub group: Option<GroupId>,
    /// What held beside that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// What is not asked again, as a script would say it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unasked: Vec<String>,
}

/// From which side a selection is looked at: who may be in it, or who certainly is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    Upper,
    Lower,
}

impl Bound {
    /// The side from which that is looked at which is taken away.
    #[must_use]
    pub fn other(self) -> Self {
        if self == Self::Upper { Self::Lower } else { Self::Upper }
    }

    /// What is said of something that nothing can be said of.
    fn unknown(self) -> Condition {
        Condition::Always(self == Self::Upper)
    }
}

/// What a run does to people itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OwnEffects {
    pub devices: bool,
    pub enrolment: bool,
}

impl Grounds {
    /// The grounds on which everybody of `select` is in it; `left` are the conditions that nobody but the script's
    /// interpreter can answer.
    #[must_use]
    pub fn of(select: &Select, left: &[String]) -> Self {
        let group = select.within();
        let mut unasked = left.to_vec();
        let condition = bound(select, Bound::Upper, &mut unasked, 0);
        // The group is asked by itself.
        let rest = condition.conjuncts().into_iter().filter(|part| group.is_none_or(|group| **part != Condition::InGroup(group)));
        let condition = Condition::all(rest.cloned().collect());
        unasked.dedup();
        let mut grounds = Self { group, condition: None, unasked };
        grounds.take(condition);
        grounds
    }

    fn take(&mut self, condition: Condition) {
        // Makes long chains balanced trees.
        let Ok(condition) = condition.rebuilt(&mut |_, _| Ok::<_, Infallible>(None));
        let small = condition.size() <= PARTS_MAX && condition.depth() <= DEPTH_MAX;
        let small = small && serde_json::to_string(&condition).is_ok_and(|text| text.len() <= JSON_MAX);
        self.condition = (small && condition != Condition::Always(true)).then_some(condition);
        if !small {
            self.unasked = vec!["the conditions as a whole, because they are too many".to_owned()];
        }
    }

    /// Gives up what the run itself changes.
    pub(super) fn settle(&mut self, own: OwnEffects) {
        let Some(condition) = self.condition.take() else { return };
        let unasked = &mut self.unasked;
        let rest = loosened(&condition, Bound::Upper, unasked, &|part| match part {
            Condition::AnyDevice(_) => own.devices,
            other => own.enrolment && other.own_fields().iter().any(|f| matches!(f, Field::Enrolled | Field::EnrolledAt)),
        });
        self.take(rest);
    }

    /// What is asked again and what isn't, for the run's record; `None` where there is nothing but people by name, or
    /// a group alone.
    #[must_use]
    pub fn words(&self, group_name: &dyn Fn(GroupId) -> String) -> Option<String> {
        if self.condition.is_none() && self.unasked.is_empty() {
            return None;
        }
        let group = self.group.map(|group| Condition::InGroup(group).written(group_name));
        let asked: Vec<String> = group.into_iter().chain(self.condition.as_ref().map(|c| c.written(group_name))).collect();
        let asked = if asked.is_empty() { "nothing".to_owned() } else { asked.join(" && ") };
        let unasked =
            if self.unasked.is_empty() { String::new() } else { format!("; not asked again: {}", self.unasked.join("; ")) };
        Some(format!("asked again of each person when something leaves: {asked}{unasked}"))
    }
}

/// A condition that holds for everybody of a selection, or only for them.
fn bound(select: &Select, side: Bound, unasked: &mut Vec<String>, depth: usize) -> Condition {
    if depth > SELECTIONS_MAX || select.of() != Of::Users {
        return side.unknown();
    }
    let depth = depth + 1;
    match select {
        Select::All(_) => Condition::Always(true),
        Select::Members(group) => Condition::InGroup(*group),
        Select::Ids(..) => side.unknown(),
        Select::Where(inner, condition) => {
            let here = loosened(condition, side, unasked, &|part| part.own_fields().into_iter().any(is_changed_by_sending));
            Condition::all(vec![bound(inner, side, unasked, depth), here])
        }
        Select::Union(one, other) => Condition::any(vec![bound(one, side, unasked, depth), bound(other, side, unasked, depth)]),
        Select::Difference(one, without) => {
            Condition::all(vec![bound(one, side, unasked, depth), bound(without, side.other(), unasked, depth).not()])
        }
        Select::Intersection(one, other) => {
            Condition::all(vec![bound(one, side, unasked, depth), bound(other, side, unasked, depth)])
        }
        Select::Ordered { of, .. } => bound(of, side, unasked, depth),
        // Who is among the first ten depends on others.
        Select::Limited { of, .. } | Select::Sampled { of, .. } => match side {
            Bound::Upper => bound(of, side, unasked, depth),
            Bound::Lower => side.unknown(),
        },
    }
}

/// The condition without the parts that are not to be asked: what is true stays true, seen from above, and what
/// is false stays false, seen from below.
fn loosened(condition: &Condition, side: Bound, unasked: &mut Vec<String>, give_up: &dyn Fn(&Condition) -> bool) -> Condition {
    let mut put = |part: &Condition, negated: bool| {
        if !give_up(part) {
            return Ok::<_, Infallible>(None);
        }
        let words = part.written(&|group| format!("group {group}"));
        if !unasked.contains(&words) && unasked.len() < PARTS_MAX {
            unasked.push(words);
        }
        Ok(Some(if negated { side.other() } else { side }.unknown()))
    };
    let Ok(rest) = condition.rebuilt(&mut put);
    rest
}

/// Whether what we send, or that it arrives, may change the field.
fn is_changed_by_sending(field: &Field) -> bool {
    match field {
        Field::Status | Field::Invited | Field::InvitedAt | Field::Reminders | Field::LastContact => true,
        // A device that is woken for an invitation was seen.
        Field::LastSeen => true,
        Field::Username
        | Field::FullName
        | Field::Mail
        | Field::Language
        | Field::Timezone
        | Field::Department
        | Field::Title
        | Field::Enabled
        | Field::ManagedAccount
        | Field::Attribute(_)
        | Field::Enrolled
        | Field::EnrolledAt
        | Field::Serial
        | Field::Udid
        | Field::DeviceName
        | Field::Platform
        | Field::OsVersion
        | Field::Model
        | Field::Managed
        | Field::CanBeInvited => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn named(name: &str) -> Condition {
        use crate::domain::selection::{Comparison, Operand, Value};
        Condition::Compare {
            left: Operand::Field(Field::Username),
            is: Comparison::Equal,
            right: Operand::Value(Value::Text(name.to_owned())),
        }
    }

    #[test]
    fn a_plan_that_was_kept_before_there_were_conditions_can_be_read() {
        let grounds: Grounds = serde_json::from_str(r#"{"group":3}"#).unwrap();
        assert_eq!(grounds, Grounds { group: Some(GroupId(3)), ..Grounds::default() });
        assert_eq!(serde_json::from_str::<Grounds>("{}").unwrap(), Grounds::default());
    }

    #[test]
    fn many_groups_are_asked_again_and_too_much_is_not() {
        let groups = (2..=180)
            .fold(Select::Members(GroupId(1)), |all, id| Select::Union(Arc::new(all), Arc::new(Select::Members(GroupId(id)))));
        let condition = Grounds::of(&groups, &[]).condition.unwrap();
        let text = serde_json::to_string(&condition).unwrap();
        assert_eq!(serde_json::from_str::<Condition>(&text).unwrap(), condition);

        let all = || Arc::new(Select::All(Of::Users));
        for too_much in [Condition::any((0..500).map(|n| named(&n.to_string())).collect()), named(&"x".repeat(JSON_MAX))] {
            let grounds = Grounds::of(&Select::Where(all(), too_much), &[]);
            assert_eq!(grounds.condition, None);
            assert_eq!(grounds.unasked, ["the conditions as a whole, because they are too many"]);
        }
    }

    #[test]
    fn deep_selections_are_looked_into_only_so_far() {
        let mut select = Select::Members(GroupId(1));
        for _ in 0..100_000 {
            select = Select::Intersection(Arc::new(select), Arc::new(Select::All(Of::Users)));
        }
        assert_eq!(Grounds::of(&select, &[]).group, Some(GroupId(1)));
    }
}
