//! The global `schedule`: the site's schedules, to look at. They are changed in `site.toml`.

use rhai::plugin::*;
use rhai::{Array, Dynamic};

use crate::script::input::ScheduleFact;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::values::Time;

/// The global `schedule`.
#[derive(Clone, Debug)]
pub struct Schedules;

/// One schedule.
#[derive(Clone, Debug)]
pub struct Schedule(ScheduleFact);

#[export_module]
pub mod api {
    /// The global `schedule`.
    pub type Schedules = super::Schedules;
    /// One schedule of the site.
    pub type Schedule = super::Schedule;

    /// All schedules of the site.
    ///
    /// # Example
    /// ```
    /// for s in schedule.list() { print(`${s.name}: ${s.cron}`); }
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn list(ctx: NativeCallContext, _schedule: &mut Schedules) -> RhaiResultOf<Array> {
        let run = Run::of(&ctx)?;
        Ok(run.site.schedules.iter().map(|s| Dynamic::from(super::Schedule(s.clone()))).collect())
    }

    /// The next so many due moments of a schedule, soonest first; fewer where fewer are known.
    ///
    /// # Throws
    /// `unknown_schedule`; `out_of_range` for a negative number.
    ///
    /// # Example
    /// ```
    /// for at in schedule.next("weekly-reminder", 5) { print(at); }
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn next(ctx: NativeCallContext, _schedule: &mut Schedules, name: &str, count: i64) -> RhaiResultOf<Array> {
        let run = Run::of(&ctx)?;
        let count = usize::try_from(count).map_err(|_| Problem::out_of_range("the number of moments", "zero or more", count))?;
        let names = || run.site.schedules.iter().map(|s| s.name.as_str());
        let schedule = run.site.schedules.iter().find(|s| s.name == name);
        let schedule = schedule.ok_or_else(|| Problem::unknown("schedule", name, names()))?;
        Ok(schedule.next.iter().take(count).map(|at| Dynamic::from(Time(*at))).collect())
    }

    /// Its name.
    ///
    /// # Example
    /// ```
    /// for s in schedule.list() { print(s.name); }
    /// ```
    #[rhai_fn(get = "name", pure)]
    pub fn name(schedule: &mut Schedule) -> String {
        schedule.0.name.clone()
    }

    /// The script that it runs.
    ///
    /// # Example
    /// ```
    /// for s in schedule.list() { print(s.script); }
    /// ```
    #[rhai_fn(get = "script", pure)]
    pub fn script(schedule: &mut Schedule) -> String {
        schedule.0.script.clone()
    }

    /// When it is due, as `site.toml` has it.
    ///
    /// # Example
    /// ```
    /// for s in schedule.list() { print(s.cron); }
    /// ```
    #[rhai_fn(get = "cron", pure)]
    pub fn cron(schedule: &mut Schedule) -> String {
        schedule.0.cron.clone()
    }

    /// The zone that its times are meant in.
    ///
    /// # Example
    /// ```
    /// for s in schedule.list() { print(s.timezone); }
    /// ```
    #[rhai_fn(get = "timezone", pure)]
    pub fn timezone(schedule: &mut Schedule) -> String {
        schedule.0.zone.name().to_owned()
    }

    /// Whether it is paused.
    ///
    /// # Example
    /// ```
    /// for s in schedule.list() { if s.paused { print(s.name); } }
    /// ```
    #[rhai_fn(get = "paused", pure)]
    pub fn paused(schedule: &mut Schedule) -> bool {
        schedule.0.paused
    }

    /// The name, the script and when it is due.
    ///
    /// # Example
    /// ```
    /// for s in schedule.list() { print(s); }
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn schedule_to_string(schedule: &mut Schedule) -> String {
        let s = &schedule.0;
        format!("{}: {} at {} ({}){}", s.name, s.script, s.cron, s.zone.name(), if s.paused { ", paused" } else { "" })
    }
}
