//! The global `run`: what started it, its parameters, and its log.

use rhai::plugin::*;
use rhai::{Dynamic, Map};

use crate::script::limits;
use crate::script::params;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;

/// The global `run`.
#[derive(Clone, Debug)]
pub struct ThisRun;

#[export_module]
pub mod api {
    /// The global `run`: this execution of the script.
    pub type ThisRun = super::ThisRun;

    /// What started the run, such as `"runbook"`, `"repl"` or a schedule's name.
    ///
    /// # Example
    /// ```
    /// print(run.trigger);
    /// ```
    #[rhai_fn(get = "trigger", pure, return_raw)]
    pub fn trigger(ctx: NativeCallContext, _run: &mut ThisRun) -> RhaiResultOf<String> {
        Ok(Run::of(&ctx)?.trigger.clone())
    }

    /// Whether nothing of this run will be committed.
    ///
    /// # Example
    /// ```
    /// if run.dry_run { print("only looking"); }
    /// ```
    #[rhai_fn(get = "dry_run", pure, return_raw)]
    pub fn dry_run(ctx: NativeCallContext, _run: &mut ThisRun) -> RhaiResultOf<bool> {
        Ok(Run::of(&ctx)?.dry_run)
    }

    /// A required parameter that is a text.
    ///
    /// # Throws
    /// `missing_parameter` when no value was given.
    ///
    /// # Example
    /// ```
    /// let group = run.param("group");
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn param(ctx: NativeCallContext, _run: &mut ThisRun, name: &str) -> RhaiResultOf<Dynamic> {
        Ok(params::param(&Run::of(&ctx)?, name, None, Map::new())?)
    }

    /// A parameter: required with a map of options, or with a default that gives it its type.
    ///
    /// # Options
    /// - `type`: string, `"text"`, `"int"`, `"number"`, `"bool"`, `"duration"` or `"time"`; that of the default otherwise
    /// - `choices`: array, the only values allowed
    /// - `min`: number, the least value; of a text the fewest characters, of a duration days
    /// - `max`: number, the greatest value
    /// - `pattern`: string, what a text must look like: `*` any text, `?` one character, `[a-z]` one of these
    /// - `help`: string, what the parameter is for
    ///
    /// # Throws
    /// `missing_parameter` when no value was given; `wrong_parameter` when the value is not allowed; `unknown_option`.
    ///
    /// # Example
    /// ```
    /// let quiet = run.param("days", 3);
    /// let group = run.param("group", #{ choices: groups.names(), help: "whom to invite" });
    /// ```
    #[rhai_fn(name = "param", volatile, pure, return_raw)]
    pub fn param_default(
        ctx: NativeCallContext,
        _run: &mut ThisRun,
        name: &str,
        default_or_options: Dynamic,
    ) -> RhaiResultOf<Dynamic> {
        let run = Run::of(&ctx)?;
        Ok(match default_or_options.flatten().try_cast_result::<Map>() {
            Ok(options) => params::param(&run, name, None, options)?,
            Err(default) => params::param(&run, name, Some(default), Map::new())?,
        })
    }

    /// A parameter with a default that gives it its type, and options.
    ///
    /// # Options
    /// As `run.param`.
    ///
    /// # Throws
    /// `wrong_parameter` when the value is not allowed; `unknown_option`.
    ///
    /// # Example
    /// ```
    /// let quiet = run.param("days", 3, #{ min: 1, help: "days since the last message" });
    /// ```
    #[rhai_fn(name = "param", volatile, pure, return_raw)]
    pub fn param_options(
        ctx: NativeCallContext,
        _run: &mut ThisRun,
        name: &str,
        default_value: Dynamic,
        options: Map,
    ) -> RhaiResultOf<Dynamic> {
        Ok(params::param(&Run::of(&ctx)?, name, Some(default_value), options)?)
    }

    /// Writes a line into the run's journal.
    ///
    /// # Throws
    /// `too_many_lines` after ten thousand of them.
    ///
    /// # Example
    /// ```
    /// run.log("nobody to remind today");
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn log(ctx: NativeCallContext, _run: &mut ThisRun, text: &str) -> RhaiResultOf<()> {
        let run = Run::of(&ctx)?;
        let mut gathered = run.gathered();
        if gathered.logs.len() >= limits::LOG_LINES {
            return Err(Problem::new("too_many_lines", format!("a run may log at most {} lines", limits::LOG_LINES)).into());
        }
        gathered.logs.push(text.to_owned());
        Ok(())
    }

    /// What started the run.
    ///
    /// # Example
    /// ```
    /// print(run);
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure, return_raw)]
    pub fn run_to_string(ctx: NativeCallContext, _run: &mut ThisRun) -> RhaiResultOf<String> {
        let run = Run::of(&ctx)?;
        Ok(format!("{}{}", run.trigger, if run.dry_run { ", dry run" } else { "" }))
    }
}
