//! Rows as CSV and JSON, for files, mails and other programs.

use rhai::plugin::*;
use rhai::{Array, Map};

use crate::script::api::plan::Plan;
use crate::script::audience::members;
use crate::script::export::{Format, Rows, export};
use crate::script::problem::RhaiResultOf;
use crate::script::run_context::Run;
use crate::script::selection::Selection;
use crate::script::values::Group;

/// The fields of a plan's rows.
const PLAN_FIELDS: &[&str] = &["username", "full_name", "invited", "devices", "mail", "again", "reason", "code"];

#[export_module]
pub mod api {
    /// Users or devices as CSV: a line with the fields' names, then a line for each, as RFC 4180 has it.
    ///
    /// Fields are named as in scripts. Lists are separated by semicolons, times stand in the site's zone. A text
    /// that a spreadsheet would take for a formula (it begins with `=`, `+`, `-` or `@`) gets an apostrophe in front.
    ///
    /// # Throws
    /// `limit_string` when the text would be longer than a script may hold.
    ///
    /// # Example
    /// ```
    /// print(users.where(|u| u.status == "invited").to_csv());
    /// ```
    #[rhai_fn(name = "to_csv", volatile, pure, return_raw)]
    pub fn selection_to_csv(selection: &mut Selection) -> RhaiResultOf<String> {
        export(selection.run(), Rows::Selection(selection.clone()), Format::Csv, Map::new())
    }

    /// Users or devices as CSV, with the fields that are asked for, in that order. `attributes.house` is one
    /// attribute; `groups` and `devices` are looked up for each user.
    ///
    /// # Options
    /// - `fields`: array of string, the fields to write; all that are one plain value by default.
    ///
    /// # Throws
    /// `unknown_field`, with the nearest name; `unknown_option`; `limit_string`.
    ///
    /// # Example
    /// ```
    /// print(groups["Grade 5"].members.to_csv(#{ fields: ["username", "mail", "groups"] }));
    /// ```
    #[rhai_fn(name = "to_csv", volatile, pure, return_raw)]
    pub fn selection_to_csv_with(selection: &mut Selection, options: Map) -> RhaiResultOf<String> {
        export(selection.run(), Rows::Selection(selection.clone()), Format::Csv, options)
    }

    /// Users or devices as a JSON array of objects, whose keys are the fields' names. Times have their offset.
    ///
    /// # Throws
    /// `limit_string` when the text would be longer than a script may hold.
    ///
    /// # Example
    /// ```
    /// print(devices.where(|d| !d.managed).to_json());
    /// ```
    #[rhai_fn(name = "to_json", volatile, pure, return_raw)]
    pub fn selection_to_json(selection: &mut Selection) -> RhaiResultOf<String> {
        export(selection.run(), Rows::Selection(selection.clone()), Format::Json, Map::new())
    }

    /// Users or devices as a JSON array of objects, with the fields that are asked for.
    ///
    /// # Options
    /// - `fields`: array of string, the fields to write; all that are one plain value by default.
    ///
    /// # Throws
    /// `unknown_field`, with the nearest name; `unknown_option`; `limit_string`.
    ///
    /// # Example
    /// ```
    /// print(users.to_json(#{ fields: ["username", "status", "attributes.house"] }));
    /// ```
    #[rhai_fn(name = "to_json", volatile, pure, return_raw)]
    pub fn selection_to_json_with(selection: &mut Selection, options: Map) -> RhaiResultOf<String> {
        export(selection.run(), Rows::Selection(selection.clone()), Format::Json, options)
    }

    /// An array as CSV: of users, devices, groups, tasks, apps, schedules, people whom a plan leaves out, maps, or
    /// plain values.
    ///
    /// # Throws
    /// `wrong_type` for rows of several kinds; `limit_string`.
    ///
    /// # Example
    /// ```
    /// print(groups.list().to_csv());
    /// print(invite.plan(users, "not-invited").left_out.to_csv());
    /// ```
    #[rhai_fn(name = "to_csv", volatile, pure, return_raw)]
    pub fn array_to_csv(ctx: NativeCallContext, array: &mut Array) -> RhaiResultOf<String> {
        export(&Run::of(&ctx)?, Rows::Array(array.clone()), Format::Csv, Map::new())
    }

    /// An array as CSV, with the fields that are asked for, in that order.
    ///
    /// # Options
    /// - `fields`: array of string, the fields to write; all that are one plain value by default.
    ///
    /// # Throws
    /// `unknown_field`, with the nearest name; `unknown_option`; `wrong_type`; `limit_string`.
    ///
    /// # Example
    /// ```
    /// print(tasks.failed().to_csv(#{ fields: ["id", "username", "words"] }));
    /// ```
    #[rhai_fn(name = "to_csv", volatile, pure, return_raw)]
    pub fn array_to_csv_with(ctx: NativeCallContext, array: &mut Array, options: Map) -> RhaiResultOf<String> {
        export(&Run::of(&ctx)?, Rows::Array(array.clone()), Format::Csv, options)
    }

    /// An array as a JSON array: rows as objects, plain values as they are.
    ///
    /// # Throws
    /// `wrong_type` for rows of several kinds; `limit_string`.
    ///
    /// # Example
    /// ```
    /// print(apps.all().to_json());
    /// ```
    #[rhai_fn(name = "to_json", volatile, pure, return_raw)]
    pub fn array_to_json(ctx: NativeCallContext, array: &mut Array) -> RhaiResultOf<String> {
        export(&Run::of(&ctx)?, Rows::Array(array.clone()), Format::Json, Map::new())
    }

    /// An array as a JSON array of objects, with the fields that are asked for.
    ///
    /// # Options
    /// - `fields`: array of string, the fields to write; all that are one plain value by default.
    ///
    /// # Throws
    /// `unknown_field`, with the nearest name; `unknown_option`; `wrong_type`; `limit_string`.
    ///
    /// # Example
    /// ```
    /// print([#{ house: "red", users: 12 }, #{ house: "blue", users: 9 }].to_json(#{ fields: ["house"] }));
    /// ```
    #[rhai_fn(name = "to_json", volatile, pure, return_raw)]
    pub fn array_to_json_with(ctx: NativeCallContext, array: &mut Array, options: Map) -> RhaiResultOf<String> {
        export(&Run::of(&ctx)?, Rows::Array(array.clone()), Format::Json, options)
    }

    /// The users in the group as CSV, as `members.to_csv()`.
    ///
    /// # Throws
    /// `limit_string` when the text would be longer than a script may hold.
    ///
    /// # Example
    /// ```
    /// print(groups["Grade 5"].to_csv());
    /// ```
    #[rhai_fn(name = "to_csv", volatile, pure, return_raw)]
    pub fn group_to_csv(ctx: NativeCallContext, group: &mut Group) -> RhaiResultOf<String> {
        of_group(&ctx, group, Format::Csv, Map::new())
    }

    /// The users in the group as CSV, with the fields that are asked for, in that order.
    ///
    /// # Options
    /// - `fields`: array of string, the fields to write; all that are one plain value by default.
    ///
    /// # Throws
    /// `unknown_field`, with the nearest name; `unknown_option`; `limit_string`.
    ///
    /// # Example
    /// ```
    /// print(groups["Grade 5"].to_csv(#{ fields: ["full_name", "status"] }));
    /// ```
    #[rhai_fn(name = "to_csv", volatile, pure, return_raw)]
    pub fn group_to_csv_with(ctx: NativeCallContext, group: &mut Group, options: Map) -> RhaiResultOf<String> {
        of_group(&ctx, group, Format::Csv, options)
    }

    /// The users in the group as a JSON array of objects, as `members.to_json()`.
    ///
    /// # Throws
    /// `limit_string` when the text would be longer than a script may hold.
    ///
    /// # Example
    /// ```
    /// print(groups["Grade 5"].to_json());
    /// ```
    #[rhai_fn(name = "to_json", volatile, pure, return_raw)]
    pub fn group_to_json(ctx: NativeCallContext, group: &mut Group) -> RhaiResultOf<String> {
        of_group(&ctx, group, Format::Json, Map::new())
    }

    /// The users in the group as a JSON array of objects, with the fields that are asked for.
    ///
    /// # Options
    /// - `fields`: array of string, the fields to write; all that are one plain value by default.
    ///
    /// # Throws
    /// `unknown_field`, with the nearest name; `unknown_option`; `limit_string`.
    ///
    /// # Example
    /// ```
    /// print(groups["Grade 5"].to_json(#{ fields: ["full_name", "status"] }));
    /// ```
    #[rhai_fn(name = "to_json", volatile, pure, return_raw)]
    pub fn group_to_json_with(ctx: NativeCallContext, group: &mut Group, options: Map) -> RhaiResultOf<String> {
        of_group(&ctx, group, Format::Json, options)
    }

    /// Everybody of a plan's audience as CSV: who is invited (`devices`, `mail`, `again`), and who is left out and
    /// why (`reason`, `code`).
    ///
    /// # Throws
    /// `limit_string` when the text would be longer than a script may hold.
    ///
    /// # Example
    /// ```
    /// print(invite.plan(groups["Grade 5"], "not-invited").to_csv());
    /// ```
    #[rhai_fn(name = "to_csv", volatile, pure, return_raw)]
    pub fn plan_to_csv(ctx: NativeCallContext, plan: &mut Plan) -> RhaiResultOf<String> {
        of_plan(&ctx, plan, Format::Csv, Map::new())
    }

    /// Everybody of a plan's audience as CSV, with the fields that are asked for, in that order.
    ///
    /// # Options
    /// - `fields`: array of string, the fields to write; all of them by default.
    ///
    /// # Throws
    /// `unknown_field`, with the nearest name; `unknown_option`; `limit_string`.
    ///
    /// # Example
    /// ```
    /// print(invite.plan(groups["Grade 5"], "not-invited").to_csv(#{ fields: ["username", "reason"] }));
    /// ```
    #[rhai_fn(name = "to_csv", volatile, pure, return_raw)]
    pub fn plan_to_csv_with(ctx: NativeCallContext, plan: &mut Plan, options: Map) -> RhaiResultOf<String> {
        of_plan(&ctx, plan, Format::Csv, options)
    }

    /// Everybody of a plan's audience as a JSON array of objects, as `to_csv` has them.
    ///
    /// # Throws
    /// `limit_string` when the text would be longer than a script may hold.
    ///
    /// # Example
    /// ```
    /// print(invite.plan(groups["Grade 5"], "not-invited").to_json());
    /// ```
    #[rhai_fn(name = "to_json", volatile, pure, return_raw)]
    pub fn plan_to_json(ctx: NativeCallContext, plan: &mut Plan) -> RhaiResultOf<String> {
        of_plan(&ctx, plan, Format::Json, Map::new())
    }

    /// Everybody of a plan's audience as a JSON array of objects, with the fields that are asked for.
    ///
    /// # Options
    /// - `fields`: array of string, the fields to write; all of them by default.
    ///
    /// # Throws
    /// `unknown_field`, with the nearest name; `unknown_option`; `limit_string`.
    ///
    /// # Example
    /// ```
    /// print(invite.plan(groups["Grade 5"], "not-invited").to_json(#{ fields: ["username", "invited"] }));
    /// ```
    #[rhai_fn(name = "to_json", volatile, pure, return_raw)]
    pub fn plan_to_json_with(ctx: NativeCallContext, plan: &mut Plan, options: Map) -> RhaiResultOf<String> {
        of_plan(&ctx, plan, Format::Json, options)
    }
}

fn of_group(ctx: &NativeCallContext, group: &Group, format: Format, options: Map) -> RhaiResultOf<String> {
    let run = Run::of(ctx)?;
    export(&run, Rows::Selection(members(&run, group)), format, options)
}

fn of_plan(ctx: &NativeCallContext, plan: &Plan, format: Format, options: Map) -> RhaiResultOf<String> {
    export(&Run::of(ctx)?, Rows::Maps(plan.rows(), PLAN_FIELDS), format, options)
}
