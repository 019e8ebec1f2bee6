//! What the functions on selections do: narrow by a closure, find by name, take a field.

use rhai::{Dynamic, FnPtr, NativeCallContext};

use super::audience::members;
use super::closure;
use super::limits;
use super::problem::{Problem, RhaiResultOf};
use super::row_test::RowTest;
use super::run_context::Run;
use super::selection::{Selection, Step};
use super::values::{self, GroupKind, Row, noun};
use crate::domain::misspelt::nearest;
use crate::domain::selection::{Condition, Field, Of, Select, Value};

/// Where a closure becomes part of a query, or a test that is asked row by row.
pub fn filter(ctx: &NativeCallContext, selection: &Selection, predicate: &FnPtr) -> RhaiResultOf<Selection> {
    let run = selection.run();
    let resolve = |name: &str| run.read(|view| view.group_by_name(name)).ok().flatten().map(|g| g.id);
    let value_of = |value: &Dynamic| value.read_lock::<values::Time>().map(|time| Value::Time(time.0));
    // The test is made in any case: it refuses what is no closure over one row.
    let test = RowTest::new(run, ctx, predicate)?;
    let compiled = closure::compile(ctx, predicate, selection.of(), &resolve, &value_of);
    if let Some(coverage) = run.coverage.get().filter(|_| compiled.pushed.is_some() || !compiled.leftover) {
        coverage.asked(predicate.fn_name());
    }
    let test = test.because_of(compiled.left_at.first().copied());
    Ok(selection.filtered(compiled, test)?)
}

/// Narrows `rows` to a group: by the roster's own membership, or by a rule's members.
///
/// # Errors
/// `unknown_group`; `wrong_type` for devices and a rule.
pub fn narrowed(run: &Run, rows: &Selection, group: &values::Group) -> Result<Selection, Problem> {
    match &group.kind {
        GroupKind::Roster(record) if record.as_of == rows.run().as_of() => rows.step(Step::Where(Condition::InGroup(record.id))),
        GroupKind::Roster(_) if rows.of() == Of::Users => rows.among(&members(run, group)),
        GroupKind::Roster(_) => Err(Problem::new("two_times", "devices can only be narrowed to a group of the same time")
            .about(group.name.as_str())
            .hint("`in_group(\"name\")` finds the group at the time of the devices")),
        GroupKind::Rule(_) if rows.of() == Of::Users => rows.among(&members(run, group)),
        GroupKind::Rule(_) => {
            Err(Problem::new("wrong_type", "devices can only be narrowed to a group of the roster, not to a rule")
                .about(group.name.as_str()))
        }
    }
}

/// The one row of that name, of those selected.
pub fn found(selection: &Selection, name: &str) -> RhaiResultOf<Dynamic> {
    if let Some((id, row)) = lookup(selection, name)?
        && (is_everything(selection) || selection.contains(id)?)
    {
        return Ok(row.into_dynamic());
    }
    let run = selection.run();
    let of = selection.of();
    let similar = match of {
        Of::Users => run.read(|view| view.similar_usernames(name))?,
        Of::Devices => run.read(|view| view.similar_devices(name))?,
    };
    let problem = Problem::unknown(noun(of), name, []);
    Err(match similar.as_slice() {
        [] => problem.hint(match of {
            Of::Users => "users are found by username; `users.where(|u| u.full_name == …)` looks at other fields",
            Of::Devices => "devices are found by serial number, UDID or name",
        }),
        [nearest, ..] => problem.hint(format!("did you mean {nearest:?}?")),
    }
    .into())
}

fn is_everything(selection: &Selection) -> bool {
    selection.data().is_some_and(|select| matches!(&**select, Select::All(_)))
}

/// The row of that name in the whole roster, with its id.
pub fn lookup(selection: &Selection, name: &str) -> Result<Option<(i64, Row)>, Problem> {
    let run = selection.run();
    Ok(match selection.of() {
        Of::Users => run.read(|view| view.user_by_username(name))?.map(|u| (u.id.0, Row::User(values::User(u)))),
        Of::Devices => run.read(|view| view.find_device(name))?.map(|d| (d.id.0, Row::Device(values::Device(d)))),
    })
}

/// The field of that name on the rows.
pub fn field_named(selection: &Selection, name: &str) -> Result<Field, Problem> {
    let of = selection.of();
    if let Some(field) = Field::named(of, name) {
        return Ok(field);
    }
    if let Some(key) = name.strip_prefix("attributes.").filter(|k| of == Of::Users && !k.is_empty()) {
        return Ok(Field::Attribute(key.to_owned()));
    }
    let names = || Field::PLAIN.iter().filter(|(o, ..)| *o == of).map(|(_, n, ..)| *n);
    let hint = match nearest(name, names()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("it has: {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(Problem::new("unknown_field", format!("{}s have no field {name:?} to order or list by", noun(of))).about(name).hint(hint))
}

/// A number of rows.
pub fn natural(function: &str, rows: i64) -> Result<u64, Problem> {
    u64::try_from(rows).map_err(|_| Problem::out_of_range(&format!("`{function}`'s number"), "zero or more", rows))
}

/// How many items an array made from rows may have.
pub fn fits_array(rows: usize) -> Result<(), Problem> {
    if rows > limits::ARRAY_ITEMS {
        return Err(Problem::new(
            "too_many_rows",
            format!("there are {rows} of them, and an array holds at most {}", limits::ARRAY_ITEMS),
        ));
    }
    Ok(())
}
