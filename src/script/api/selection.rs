//! Selections: lazy queries over users or devices. Nothing is read until a selection is used.

use std::any::TypeId;

use rhai::plugin::*;
use rhai::{Array, Dynamic, FnPtr, Module};

use crate::domain::selection::Of;
use crate::script::api::groups::find_group;
use crate::script::lookup::{field_named, filter, found, lookup, narrowed, natural};
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::selection::{SetOperation, Step};
use crate::script::values::{self, Row};

#[export_module]
pub mod api {
    /// Users or devices that a query finds. `users`, `devices` and `groups[…].members` are selections, and
    /// everything made from them. A selection never changes; each function makes a new one.
    pub type Selection = crate::script::selection::Selection;

    /// One user by username, or one device by serial number, UDID or name, of those selected.
    ///
    /// # Throws
    /// `unknown_user` or `unknown_device` when there is none, with the nearest names.
    ///
    /// # Example
    /// ```
    /// print(users.find("ana").full_name);
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn find(selection: &mut Selection, name: &str) -> RhaiResultOf<Dynamic> {
        found(selection, name)
    }

    /// Those for which the closure answers `true`.
    ///
    /// The closure becomes a part of the query where it can; `explain()` tells. What can't be turned into a
    /// query is asked row by row, with the same answer, of at most 200,000 rows. An error that the closure
    /// would raise for a row that the query leaves out is not seen.
    ///
    /// # Throws
    /// `wrong_type` when the closure answers anything but `true` or `false`; `too_many_rows`.
    ///
    /// # Example
    /// ```
    /// let late = users.where(|u| u.invited && !u.enrolled && u.invited_at < now() - days(7));
    /// ```
    #[rhai_fn(name = "where", volatile, pure, return_raw)]
    pub fn where_closure(ctx: NativeCallContext, selection: &mut Selection, closure: FnPtr) -> RhaiResultOf<Selection> {
        filter(&ctx, selection, &closure)
    }

    /// Users in the group of that name, or devices whose user is.
    ///
    /// # Throws
    /// `unknown_group` when there is no such group.
    ///
    /// # Example
    /// ```
    /// let macs = devices.in_group("Grade 5").where(|d| d.platform == "macos");
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn in_group(selection: &mut Selection, name: &str) -> RhaiResultOf<Selection> {
        let run = selection.run();
        Ok(narrowed(run, selection, &find_group(run, name)?)?)
    }

    /// Users in the group, or devices whose user is.
    ///
    /// # Example
    /// ```
    /// let grade = groups["Grade 5"];
    /// print(devices.in_group(grade).count());
    /// ```
    #[rhai_fn(name = "in_group", volatile, pure, return_raw)]
    pub fn in_this_group(selection: &mut Selection, group: values::Group) -> RhaiResultOf<Selection> {
        Ok(narrowed(selection.run(), selection, &group)?)
    }

    /// In the order of a field, smallest first.
    ///
    /// # Throws
    /// `unknown_field` when the rows have no such field.
    ///
    /// # Example
    /// ```
    /// for u in users.order_by("full_name").limit(10) { print(u.full_name); }
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn order_by(selection: &mut Selection, field: &str) -> RhaiResultOf<Selection> {
        let by = field_named(selection, field)?;
        Ok(selection.step(Step::Order { by, descending: false })?)
    }

    /// In the order of a field: `"asc"` smallest first, `"desc"` largest first.
    ///
    /// # Throws
    /// `unknown_field` when the rows have no such field; `unknown_order` for another word.
    ///
    /// # Example
    /// ```
    /// let latest = users.order_by("invited_at", "desc").first();
    /// ```
    #[rhai_fn(name = "order_by", volatile, pure, return_raw)]
    pub fn order_by_direction(selection: &mut Selection, field: &str, direction: &str) -> RhaiResultOf<Selection> {
        let descending = match direction {
            "asc" => false,
            "desc" => true,
            other => return Err(Problem::unknown("order", other, ["asc", "desc"]).hint("\"asc\" or \"desc\"").into()),
        };
        let by = field_named(selection, field)?;
        Ok(selection.step(Step::Order { by, descending })?)
    }

    /// The first so many.
    ///
    /// # Throws
    /// `out_of_range` for a negative number.
    ///
    /// # Example
    /// ```
    /// let pilot = groups["Grade 5"].members.order_by("username").limit(5);
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn limit(selection: &mut Selection, rows: i64) -> RhaiResultOf<Selection> {
        Ok(selection.step(Step::Limit(natural("limit", rows)?))?)
    }

    /// So many of them by chance: the same ones for the same seed and roster.
    ///
    /// # Throws
    /// `out_of_range` for a negative number.
    ///
    /// # Example
    /// ```
    /// let pilot = users.sample(20, 1);
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn sample(selection: &mut Selection, rows: i64, seed: i64) -> RhaiResultOf<Selection> {
        Ok(selection.step(Step::Sample { rows: natural("sample", rows)?, seed })?)
    }

    /// Those in either selection, each once.
    ///
    /// # Example
    /// ```
    /// let lower = groups["Grade 5"].members + groups["Grade 6"].members;
    /// ```
    #[rhai_fn(name = "+", return_raw)]
    pub fn union(a: Selection, b: Selection) -> RhaiResultOf<Selection> {
        Ok(a.pair(SetOperation::Union, &b)?)
    }

    /// Those in the first selection and not in the second.
    ///
    /// # Example
    /// ```
    /// let rest = users - groups["Staff"].members;
    /// ```
    #[rhai_fn(name = "-", return_raw)]
    pub fn difference(a: Selection, b: Selection) -> RhaiResultOf<Selection> {
        Ok(a.pair(SetOperation::Difference, &b)?)
    }

    /// Those in both selections.
    ///
    /// # Example
    /// ```
    /// let both = groups["Choir"].members & groups["Grade 5"].members;
    /// ```
    #[rhai_fn(name = "&", return_raw)]
    pub fn intersection(a: Selection, b: Selection) -> RhaiResultOf<Selection> {
        Ok(a.pair(SetOperation::Intersection, &b)?)
    }

    /// How many there are.
    ///
    /// # Example
    /// ```
    /// print(users.count());
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn count(selection: &mut Selection) -> RhaiResultOf<i64> {
        Ok(i64::try_from(selection.count()?).unwrap_or(i64::MAX))
    }

    /// Whether there is none.
    ///
    /// # Example
    /// ```
    /// if users.where(|u| u.invited).is_empty() { print("nobody yet"); }
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn is_empty(selection: &mut Selection) -> RhaiResultOf<bool> {
        Ok(selection.first(1)?.is_empty())
    }

    /// The first one, or `()` when there is none.
    ///
    /// # Example
    /// ```
    /// let latest = users.order_by("enrolled_at", "desc").first();
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn first(selection: &mut Selection) -> RhaiResultOf<Dynamic> {
        Ok(selection.first(1)?.into_iter().next().map_or(Dynamic::UNIT, Row::into_dynamic))
    }

    /// What the closure makes of each, as an array.
    ///
    /// # Throws
    /// `too_many_rows` when there are more than an array can hold.
    ///
    /// # Example
    /// ```
    /// print(users.limit(5).map(|u| u.full_name));
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn map(ctx: NativeCallContext, selection: &mut Selection, closure: FnPtr) -> RhaiResultOf<Array> {
        let rows = selection.all_rows()?;
        let mut mapped = Array::with_capacity(rows.len());
        for row in rows {
            mapped.push(closure.call_raw(&ctx, None, [row.into_dynamic()])?.flatten());
        }
        Ok(mapped)
    }

    /// All of them as an array.
    ///
    /// # Throws
    /// `too_many_rows` when there are more than an array can hold.
    ///
    /// # Example
    /// ```
    /// let five = users.limit(5).to_array();
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn to_array(selection: &mut Selection) -> RhaiResultOf<Array> {
        Ok(selection.all_rows()?.into_iter().map(Row::into_dynamic).collect())
    }

    /// The values of one field, as an array.
    ///
    /// # Throws
    /// `unknown_field` when the rows have no such field; `too_many_rows`.
    ///
    /// # Example
    /// ```
    /// print(users.limit(5).pluck("mail"));
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn pluck(selection: &mut Selection, field: &str) -> RhaiResultOf<Array> {
        let field = field_named(selection, field)?;
        Ok(selection.all_rows()?.iter().map(|row| row.field(&field)).collect())
    }

    /// Whether the closure answers `true` for at least one.
    ///
    /// # Example
    /// ```
    /// if users.some(|u| u.mail == ()) { print("somebody has no mail address"); }
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn some(ctx: NativeCallContext, selection: &mut Selection, closure: FnPtr) -> RhaiResultOf<bool> {
        Ok(!filter(&ctx, selection, &closure)?.first(1)?.is_empty())
    }

    /// Whether the closure answers `true` for every one; so it does for none at all.
    ///
    /// # Example
    /// ```
    /// if groups["Grade 5"].members.all(|u| u.enrolled) { print("done"); }
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn all(ctx: NativeCallContext, selection: &mut Selection, closure: FnPtr) -> RhaiResultOf<bool> {
        let kept = filter(&ctx, selection, &closure)?.count()?;
        Ok(kept == selection.count()?)
    }

    /// Whether the user is selected: `u in groups["Grade 5"].members`.
    ///
    /// # Example
    /// ```
    /// if users.find("ana") in groups["Grade 5"].members { print("yes"); }
    /// ```
    #[rhai_fn(name = "contains", volatile, pure, return_raw)]
    pub fn contains_user(selection: &mut Selection, user: values::User) -> RhaiResultOf<bool> {
        if selection.of() != Of::Users {
            return Ok(false);
        }
        selection.contains(user.0.id.0)
    }

    /// Whether the device is selected: `d in devices`.
    ///
    /// # Example
    /// ```
    /// for d in devices.limit(1) { print(d in devices); }
    /// ```
    #[rhai_fn(name = "contains", volatile, pure, return_raw)]
    pub fn contains_device(selection: &mut Selection, device: values::Device) -> RhaiResultOf<bool> {
        if selection.of() != Of::Devices {
            return Ok(false);
        }
        selection.contains(device.0.id.0)
    }

    /// Whether somebody or something of that name is selected: `"ana" in users`.
    ///
    /// # Example
    /// ```
    /// if "ana" in users { print("known"); }
    /// ```
    #[rhai_fn(name = "contains", volatile, pure, return_raw)]
    pub fn contains_name(selection: &mut Selection, name: &str) -> RhaiResultOf<bool> {
        match lookup(selection, name)? {
            Some((id, _)) => selection.contains(id),
            None => Ok(false),
        }
    }

    /// The query, what of the closures was pushed into it, and what was left for the interpreter.
    ///
    /// # Example
    /// ```
    /// print(users.where(|u| u.department == "Music").explain());
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn explain(selection: &mut Selection) -> RhaiResultOf<String> {
        selection.explain()
    }

    /// How many there are, and the first few names.
    ///
    /// # Example
    /// ```
    /// print(users.where(|u| u.enrolled));
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", volatile, pure, return_raw)]
    pub fn selection_to_string(selection: &mut Selection) -> RhaiResultOf<String> {
        selection.show()
    }
}

/// Lets `for u in selection` work, in pieces.
pub fn iterable(module: &mut Module) {
    module.set_iter_result(TypeId::of::<api::Selection>(), |value| match value.try_cast::<api::Selection>() {
        Some(selection) => Box::new(selection.iter().map(|row| row.map(Row::into_dynamic))),
        None => Box::new(std::iter::empty()),
    });
}
