//! The global `apps`: what the content token has licences for.

use rhai::plugin::*;
use rhai::{Array, Dynamic};

use crate::domain::app::App as AppRecord;
use crate::domain::intent::Intent;
use crate::script::lookup::fits_array;
use crate::script::past;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::values::{Group, GroupKind};

/// The global `apps`.
#[derive(Clone, Debug)]
pub struct Apps;

/// An app or book.
#[derive(Clone, Debug)]
pub struct App(AppRecord);

#[export_module]
pub mod api {
    /// The global `apps`.
    pub type Apps = super::Apps;
    /// An app or book of the content token.
    pub type App = super::App;

    /// One app or book by its name or its number in Apple's catalogue.
    ///
    /// # Throws
    /// `unknown_app` when the token has none of that name, with the nearest one.
    ///
    /// # Example
    /// ```
    /// print(apps.find("Keynote").available);
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn find(ctx: NativeCallContext, _apps: &mut Apps, name: &str) -> RhaiResultOf<App> {
        let all = Run::of(&ctx)?.read(|view| view.apps())?;
        if let Some(app) = all.iter().find(|a| a.name == name || a.adam_id == name) {
            return Ok(super::App(app.clone()));
        }
        let problem = Problem::unknown("app", name, all.iter().map(|a| a.name.as_str()));
        Err(if problem.hint.is_some() { problem } else { problem.hint("`apps.all()` lists what the content token has") }.into())
    }

    /// All apps and books of the token.
    ///
    /// # Example
    /// ```
    /// for a in apps.all() { print(`${a.name}: ${a.available} of ${a.total} free`); }
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn all(ctx: NativeCallContext, _apps: &mut Apps) -> RhaiResultOf<Array> {
        super::listed(&Run::of(&ctx)?)
    }

    /// Assigns an app or book to a group: its users get a licence as they accept, first come, first served.
    /// Who leaves the group keeps theirs until their record is retired.
    ///
    /// # Throws
    /// `rule_not_group` for a rule.
    ///
    /// # Effect
    /// assign-app
    ///
    /// # Example
    /// ```
    /// apps.assign(apps.find("Keynote"), groups["Grade 5"]);
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn assign(ctx: NativeCallContext, _apps: &mut Apps, app: App, group: Group) -> RhaiResultOf<()> {
        let GroupKind::Roster(record) = &group.kind else {
            let message = format!("{:?} is a rule, and apps are assigned to groups of the roster", group.name);
            return Err(Problem::new("rule_not_group", message).into());
        };
        let run = Run::of(&ctx)?;
        past::present_group(&run, &group)?;
        let intent = Intent::AssignApp {
            adam_id: app.0.adam_id.clone(),
            app: app.0.name.clone(),
            group: record.id,
            group_name: group.name.clone(),
        };
        Ok(run.ask(&ctx, intent)?)
    }

    /// Its name.
    ///
    /// # Example
    /// ```
    /// for a in apps.all() { print(a.name); }
    /// ```
    #[rhai_fn(get = "name", pure)]
    pub fn name(app: &mut App) -> String {
        app.0.name.clone()
    }

    /// Its number in Apple's catalogue.
    ///
    /// # Example
    /// ```
    /// print(apps.find("Keynote").adam_id);
    /// ```
    #[rhai_fn(get = "adam_id", pure)]
    pub fn adam_id(app: &mut App) -> String {
        app.0.adam_id.clone()
    }

    /// `"App"` or `"Book"`.
    ///
    /// # Example
    /// ```
    /// print(apps.find("Keynote").kind);
    /// ```
    #[rhai_fn(get = "kind", pure)]
    pub fn kind(app: &mut App) -> String {
        app.0.kind.clone()
    }

    /// Licences that nobody has yet.
    ///
    /// # Example
    /// ```
    /// print(apps.find("Keynote").available);
    /// ```
    #[rhai_fn(get = "available", pure)]
    pub fn available(app: &mut App) -> i64 {
        i64::from(app.0.available)
    }

    /// Licences that somebody has.
    ///
    /// # Example
    /// ```
    /// print(apps.find("Keynote").assigned);
    /// ```
    #[rhai_fn(get = "assigned", pure)]
    pub fn assigned(app: &mut App) -> i64 {
        i64::from(app.0.assigned)
    }

    /// All licences.
    ///
    /// # Example
    /// ```
    /// print(apps.find("Keynote").total);
    /// ```
    #[rhai_fn(get = "total", pure)]
    pub fn total(app: &mut App) -> i64 {
        i64::from(app.0.total)
    }

    /// The name and the licences.
    ///
    /// # Example
    /// ```
    /// print(apps.find("Keynote"));
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn app_to_string(app: &mut App) -> String {
        format!("{} ({} {}): {} of {} licences free", app.0.name, app.0.kind, app.0.adam_id, app.0.available, app.0.total)
    }
}

/// All apps and books of the token.
///
/// # Errors
/// `too_many_rows` when there are more than an array can hold.
pub fn listed(run: &Run) -> RhaiResultOf<Array> {
    let all = run.read(|view| view.apps())?;
    fits_array(all.len())?;
    Ok(all.into_iter().map(|a| Dynamic::from(App(a))).collect())
}
