//! The global `schedule`: the site's schedules, to look at. They are changed in `site.toml`.

use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic};

use crate::domain::schedule;
use crate::domain::time::Timestamp;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::values::Time;

/// The global `schedule`.
#[derive(Clone, Debug)]
pub struct Schedules;

/// One schedule.
#[derive(Clone, Debug)]
pub struct Schedule {
    schedule: Arc<schedule::Schedule>,
    paused: bool,
}

/// Nobody looks further ahead one by one.
const MOMENTS_MAX: usize = 1_000;

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
        super::listed(&Run::of(&ctx)?)
    }

    /// The next so many due moments of a schedule, soonest first, whether it is paused or not.
    ///
    /// # Throws
    /// `unknown_schedule`; `out_of_range` for a negative number or more than 1000.
    ///
    /// # Example
    /// ```
    /// for at in schedule.next("weekly-reminder", 5) { print(at); }
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn next(ctx: NativeCallContext, _schedule: &mut Schedules, name: &str, count: i64) -> RhaiResultOf<Array> {
        let run = Run::of(&ctx)?;
        let fine = usize::try_from(count).ok().filter(|count| *count <= MOMENTS_MAX);
        let count = fine.ok_or_else(|| Problem::out_of_range("the number of moments", "between 0 and 1000", count))?;
        let schedules = run.site.schedules.all();
        let names = || schedules.iter().map(|s| s.name.as_str());
        let schedule = schedules.iter().find(|s| s.name == name).ok_or_else(|| Problem::unknown("schedule", name, names()))?;
        Ok(schedule.moments_after(run.now()).take(count).map(|moment| Dynamic::from(Time(moment.at))).collect())
    }

    /// Its name.
    ///
    /// # Example
    /// ```
    /// for s in schedule.list() { print(s.name); }
    /// ```
    #[rhai_fn(get = "name", pure)]
    pub fn name(schedule: &mut Schedule) -> String {
        schedule.schedule.name.clone()
    }

    /// The script that it runs.
    ///
    /// # Example
    /// ```
    /// for s in schedule.list() { print(s.script); }
    /// ```
    #[rhai_fn(get = "script", pure)]
    pub fn script(schedule: &mut Schedule) -> String {
        schedule.schedule.script.clone()
    }

    /// When it is due, as `site.toml` has it.
    ///
    /// # Example
    /// ```
    /// for s in schedule.list() { print(s.cron); }
    /// ```
    #[rhai_fn(get = "cron", pure)]
    pub fn cron(schedule: &mut Schedule) -> String {
        schedule.schedule.cron().to_string()
    }

    /// The zone that its times are meant in.
    ///
    /// # Example
    /// ```
    /// for s in schedule.list() { print(s.timezone); }
    /// ```
    #[rhai_fn(get = "timezone", pure)]
    pub fn timezone(schedule: &mut Schedule) -> String {
        schedule.schedule.zone().name().to_owned()
    }

    /// Whether it is paused.
    ///
    /// # Example
    /// ```
    /// for s in schedule.list() { if s.paused { print(s.name); } }
    /// ```
    #[rhai_fn(get = "paused", pure)]
    pub fn paused(schedule: &mut Schedule) -> bool {
        schedule.paused
    }

    /// The name, the script and when it is due.
    ///
    /// # Example
    /// ```
    /// for s in schedule.list() { print(s); }
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn schedule_to_string(schedule: &mut Schedule) -> String {
        let s = &schedule.schedule;
        format!("{}: {} at {} ({}){}", s.name, s.script, s.cron(), s.zone().name(), if schedule.paused { ", paused" } else { "" })
    }
}

impl Schedule {
    /// The next so many due moments after the run's start.
    pub fn next(&self, run: &Run, count: usize) -> Vec<Timestamp> {
        self.schedule.moments_after(run.now()).take(count).map(|moment| moment.at).collect()
    }
}

/// All schedules of the site.
///
/// # Errors
/// Which ones are paused can't be read.
pub fn listed(run: &Run) -> RhaiResultOf<Array> {
    let paused = run.site.schedules.paused().map_err(Problem::from)?;
    let one = |schedule: &Arc<schedule::Schedule>| {
        let paused = paused.contains(&schedule.name);
        Dynamic::from(Schedule { schedule: Arc::clone(schedule), paused })
    };
    Ok(run.site.schedules.all().iter().map(one).collect())
}
