//! Groups by name: the roster's, and the rules that this run has made.

use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic, FnPtr, Module};

use crate::domain::group::Enrolment;
use crate::domain::intent::{DistributionTarget, Intent};
use crate::domain::invite_plan::counted;
use crate::domain::selection::{Of, Select};
use crate::script::audience::members as members_of;
use crate::script::lookup::filter;
use crate::script::past;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::selection::Selection;
use crate::script::shown;
use crate::script::values::{self, GroupKind};

/// The global `groups`.
#[derive(Clone, Debug)]
pub struct Groups(pub Run);

#[export_module]
pub mod api {
    /// A group of the roster, or a rule of this run. Its members include those of nested groups.
    pub type Group = values::Group;
    /// The global `groups`.
    pub type Groups = super::Groups;

    /// The group of that name.
    ///
    /// # Throws
    /// `unknown_group` when there is none, with the nearest name.
    ///
    /// # Example
    /// ```
    /// print(groups["Grade 5"]);
    /// ```
    #[rhai_fn(index_get, volatile, pure, return_raw)]
    pub fn group(groups: &mut Groups, name: &str) -> RhaiResultOf<Group> {
        Ok(find_group(&groups.0, name)?)
    }

    /// The group of that name, as `groups["…"]`.
    ///
    /// # Throws
    /// `unknown_group` when there is none, with the nearest name.
    ///
    /// # Example
    /// ```
    /// print(groups.find("Grade 5").members.count());
    /// ```
    #[rhai_fn(name = "find", volatile, pure, return_raw)]
    pub fn find_by_name(groups: &mut Groups, name: &str) -> RhaiResultOf<Group> {
        Ok(find_group(&groups.0, name)?)
    }

    /// The names of all groups, rules of this run included.
    ///
    /// # Example
    /// ```
    /// let group = run.param("group", "Grade 5", #{ choices: groups.names() });
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn names(groups: &mut Groups) -> RhaiResultOf<Array> {
        Ok(all_names(&groups.0)?.into_iter().map(Into::into).collect())
    }

    /// All groups, rules of this run included; a `for` loop over `groups` does the same.
    ///
    /// # Example
    /// ```
    /// for g in groups.list() { print(g.name); }
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn list(groups: &mut Groups) -> RhaiResultOf<Array> {
        Ok(all(&groups.0)?.into_iter().map(Dynamic::from).collect())
    }

    /// Whether there is a group of that name: `"Grade 5" in groups`.
    ///
    /// # Example
    /// ```
    /// if "Grade 5" in groups { print("yes"); }
    /// ```
    #[rhai_fn(name = "contains", volatile, pure, return_raw)]
    pub fn has_group(groups: &mut Groups, name: &str) -> RhaiResultOf<bool> {
        let known = groups.0.rule(name).is_some() || groups.0.read(|view| view.group_by_name(name))?.is_some();
        Ok(known)
    }

    /// Makes a rule: a group of this run whose members the closure computes from all users.
    ///
    /// # Throws
    /// `group_exists` when a group of the roster has that name.
    ///
    /// # Example
    /// ```
    /// groups.rule("late starters", |u| u.invited && !u.enrolled && u.invited_at < now() - days(7));
    /// print(groups["late starters"].members.count());
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn rule(ctx: NativeCallContext, groups: &mut Groups, name: &str, closure: FnPtr) -> RhaiResultOf<Group> {
        let run = &groups.0;
        past::only_present(run, run.as_of(), "the list of groups", "a rule is of this run: `groups.rule(…)`")?;
        if name.trim().is_empty() || name.len() > 200 {
            return Err(Problem::out_of_range("a rule's name", "1 to 200 characters", format!("{} bytes", name.len())).into());
        }
        if run.read(|view| view.group_by_name(name))?.is_some() {
            return Err(Problem::new("group_exists", format!("the roster has a group called {name:?} already"))
                .about(name)
                .hint("give the rule a name of its own")
                .into());
        }
        let everybody = Selection::new(run.clone(), Select::All(Of::Users));
        let members = filter(&ctx, &everybody, &closure)?;
        run.add_rule(name.to_owned(), members.clone());
        Ok(values::Group { name: name.to_owned(), kind: GroupKind::Rule(members) })
    }

    /// The names of the groups, one a line.
    ///
    /// # Example
    /// ```
    /// print(groups);
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", volatile, pure, return_raw)]
    pub fn groups_to_string(groups: &mut Groups) -> RhaiResultOf<String> {
        Ok(all_names(&groups.0)?.join("\n"))
    }

    /// The group's name.
    ///
    /// # Example
    /// ```
    /// print(groups["Grade 5"].name);
    /// ```
    #[rhai_fn(get = "name", pure)]
    pub fn name(group: &mut Group) -> String {
        group.name.clone()
    }

    /// The users in the group, nested groups included, as a selection.
    ///
    /// # Example
    /// ```
    /// let late = groups["Grade 5"].members.where(|u| u.invited && !u.enrolled);
    /// ```
    #[rhai_fn(get = "members", pure, return_raw)]
    pub fn members(ctx: NativeCallContext, group: &mut Group) -> RhaiResultOf<Selection> {
        Ok(members_of(&Run::of(&ctx)?, group))
    }

    /// Whether managed distribution is enabled: only then may its members be invited.
    ///
    /// # Example
    /// ```
    /// print(groups["Grade 5"].distribution);
    /// ```
    #[rhai_fn(get = "distribution", pure)]
    pub fn distribution(group: &mut Group) -> bool {
        matches!(&group.kind, GroupKind::Roster(record) if record.distribution)
    }

    /// Enables managed distribution for the group, so that its members may be invited.
    ///
    /// # Throws
    /// `rule_not_group` for a rule.
    ///
    /// # Effect
    /// distribution
    ///
    /// # Example
    /// ```
    /// groups["Grade 5"].enable_distribution();
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn enable_distribution(ctx: NativeCallContext, group: &mut Group) -> RhaiResultOf<()> {
        distribution_of(&ctx, group, true)
    }

    /// Disables managed distribution for the group.
    ///
    /// # Throws
    /// `rule_not_group` for a rule.
    ///
    /// # Effect
    /// distribution
    ///
    /// # Example
    /// ```
    /// groups["Grade 5"].disable_distribution();
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn disable_distribution(ctx: NativeCallContext, group: &mut Group) -> RhaiResultOf<()> {
        distribution_of(&ctx, group, false)
    }

    /// How many users are in the group.
    ///
    /// # Example
    /// ```
    /// print(groups["Grade 5"].users);
    /// ```
    #[rhai_fn(get = "users", pure, return_raw)]
    pub fn users(ctx: NativeCallContext, group: &mut Group) -> RhaiResultOf<i64> {
        figure(&ctx, group, |e| e.users)
    }

    /// How many of its users have accepted.
    ///
    /// # Example
    /// ```
    /// print(groups["Grade 5"].enrolled);
    /// ```
    #[rhai_fn(get = "enrolled", pure, return_raw)]
    pub fn enrolled(ctx: NativeCallContext, group: &mut Group) -> RhaiResultOf<i64> {
        figure(&ctx, group, |e| e.enrolled)
    }

    /// How many of its users are invited and have not accepted.
    ///
    /// # Example
    /// ```
    /// print(groups["Grade 5"].open);
    /// ```
    #[rhai_fn(get = "open", pure, return_raw)]
    pub fn open(ctx: NativeCallContext, group: &mut Group) -> RhaiResultOf<i64> {
        figure(&ctx, group, |e| e.open)
    }

    /// How many devices are assigned to its users.
    ///
    /// # Example
    /// ```
    /// print(groups["Grade 5"].devices);
    /// ```
    #[rhai_fn(get = "devices", pure, return_raw)]
    pub fn devices(ctx: NativeCallContext, group: &mut Group) -> RhaiResultOf<i64> {
        figure(&ctx, group, |e| e.devices)
    }

    /// An info card: managed distribution, the groups inside, and the enrolment figures with a bar.
    ///
    /// # Example
    /// ```
    /// print(groups["Grade 5"]);
    /// ```
    #[rhai_fn(name = "to_string", volatile, pure, return_raw)]
    pub fn group_to_string(ctx: NativeCallContext, group: &mut Group) -> RhaiResultOf<String> {
        Ok(shown::group::card(&Run::of(&ctx)?, group)?.text())
    }

    /// The group's name, as it stands in an array that is printed.
    ///
    /// # Example
    /// ```
    /// print(groups.list());
    /// ```
    #[rhai_fn(name = "to_debug", pure)]
    pub fn group_to_debug(group: &mut Group) -> String {
        group.name.clone()
    }

    /// Whether both are the same group.
    #[rhai_fn(name = "==")]
    pub fn group_eq(a: Group, b: Group) -> bool {
        a.name == b.name
    }

    /// Whether they are different groups.
    #[rhai_fn(name = "!=")]
    pub fn group_ne(a: Group, b: Group) -> bool {
        a.name != b.name
    }
}

/// Lets `for g in groups` work.
pub fn iterable(module: &mut Module) {
    module.set_iter_result(std::any::TypeId::of::<Groups>(), |value| {
        let groups = value.try_cast::<Groups>().map_or_else(|| Ok(Vec::new()), |g| all(&g.0));
        match groups {
            Ok(groups) => Box::new(groups.into_iter().map(|g| Ok(Dynamic::from(g)))),
            Err(problem) => Box::new(std::iter::once(Err(problem.into()))),
        }
    });
}

/// The group or rule of that name.
///
/// # Errors
/// `unknown_group`, with the nearest name.
pub fn find_group(run: &Run, name: &str) -> Result<values::Group, Problem> {
    if let Some(members) = run.rule(name) {
        return Ok(values::Group { name: name.to_owned(), kind: GroupKind::Rule(members) });
    }
    if let Some(record) = run.read(|view| view.group_by_name(name))? {
        return Ok(values::Group { name: record.name.clone(), kind: GroupKind::Roster(record) });
    }
    let names = all_names(run)?;
    let problem = Problem::unknown("group", name, names.iter().map(String::as_str));
    if problem.hint.is_some() {
        return Err(problem);
    }
    Err(problem.hint(match names.len() {
        0 => "the roster has no groups yet: `beckon import` brings them".to_owned(),
        n => format!("`groups.names()` lists {}", counted(n, "group")),
    }))
}

/// All groups, rules of this run included.
///
/// # Errors
/// The roster's.
pub fn all(run: &Run) -> Result<Vec<values::Group>, Problem> {
    let records = run.read(|view| view.groups())?;
    let mut groups: Vec<values::Group> =
        records.into_iter().map(|r| values::Group { name: r.name.clone(), kind: GroupKind::Roster(r) }).collect();
    for name in run.rule_names() {
        if let Some(members) = run.rule(&name) {
            groups.push(values::Group { name, kind: GroupKind::Rule(members) });
        }
    }
    Ok(groups)
}

fn all_names(run: &Run) -> Result<Vec<String>, Problem> {
    Ok(all(run)?.into_iter().map(|g| g.name).collect())
}

fn distribution_of(ctx: &NativeCallContext, group: &values::Group, on: bool) -> RhaiResultOf<()> {
    let GroupKind::Roster(record) = &group.kind else {
        return Err(Problem::new(
            "rule_not_group",
            format!("{:?} is a rule, and managed distribution belongs to groups of the roster", group.name),
        )
        .hint("enable it for each user: `u.enable_distribution()`")
        .into());
    };
    let target = DistributionTarget::Group(record.id);
    let run = Run::of(ctx)?;
    past::present_group(&run, group)?;
    Ok(run.ask(ctx, Intent::Distribution { target, name: group.name.clone(), on })?)
}

fn figure(ctx: &NativeCallContext, group: &values::Group, of: impl FnOnce(Enrolment) -> u64) -> RhaiResultOf<i64> {
    let enrolment = enrolment(&Run::of(ctx)?, group)?;
    Ok(i64::try_from(of(enrolment)).unwrap_or(i64::MAX))
}

/// How far a group or a rule has come.
///
/// # Errors
/// The roster's, and those of a rule's closure.
pub fn enrolment(run: &Run, group: &values::Group) -> RhaiResultOf<Enrolment> {
    let (run, users) = match &group.kind {
        GroupKind::Roster(record) => (&run.at(record.as_of), Arc::new(Select::Members(record.id))),
        GroupKind::Rule(members) => (run, members.resolve()?),
    };
    Ok(run.read(|view| view.enrolment(&users))?)
}
