//! The global `tasks`: invitations and messages in flight, and those that went wrong.

use std::fmt::Write as _;

use rhai::plugin::*;
use rhai::{Array, Dynamic};

use crate::domain::departure::Departure;
use crate::domain::ids::DeliveryId;
use crate::domain::intent::Intent;
use crate::domain::task::{Page, Task as TaskRecord};
use crate::domain::time::show;
use crate::script::limits;
use crate::script::lookup::fits_array;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::values::Time;

/// The global `tasks`.
#[derive(Clone, Debug)]
pub struct Tasks;

/// One line of the task list.
#[derive(Clone, Debug)]
pub struct Task(TaskRecord);

#[export_module]
pub mod api {
    /// The global `tasks`.
    pub type Tasks = super::Tasks;
    /// One invitation or message in flight, or one that went wrong.
    pub type Task = super::Task;

    /// Invitations and messages in flight.
    ///
    /// # Throws
    /// `too_many_rows` when there are more than an array can hold.
    ///
    /// # Example
    /// ```
    /// for t in tasks.active() { print(`${t.full_name}: waits for ${t.waiting_for}`); }
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn active(ctx: NativeCallContext, _tasks: &mut Tasks) -> RhaiResultOf<Array> {
        in_flight(&Run::of(&ctx)?)
    }

    /// Deliveries that ended badly or doubtfully and have not been dealt with.
    ///
    /// # Throws
    /// `too_many_rows` when there are more than an array can hold.
    ///
    /// # Example
    /// ```
    /// for t in tasks.failed() { tasks.retry(t); }
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn failed(ctx: NativeCallContext, _tasks: &mut Tasks) -> RhaiResultOf<Array> {
        listed(Run::of(&ctx)?.read(|view| view.failed_tasks())?)
    }

    /// What will leave later: reminders whose day has not come, and what quiet hours, the contact budget or a
    /// failed try has put off. `next` is the first moment that every rule allows, `words` says what put it off.
    ///
    /// # Throws
    /// `too_many_rows` when there are more than an array can hold; `tasks.future(100)` gives the first ones.
    ///
    /// # Example
    /// ```
    /// for t in tasks.future() { print(`${t.full_name}: ${t.what} at ${t.next}`); }
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn future(ctx: NativeCallContext, _tasks: &mut Tasks) -> RhaiResultOf<Array> {
        later(&ctx, limits::ARRAY_ITEMS as u64, true)
    }

    /// The first `count` of what will leave later, in order of when they are due.
    ///
    /// # Throws
    /// `out_of_range` for a count below nothing.
    ///
    /// # Example
    /// ```
    /// for t in tasks.future(10) { print(t.next); }
    /// ```
    #[rhai_fn(name = "future", volatile, pure, return_raw)]
    pub fn future_few(ctx: NativeCallContext, _tasks: &mut Tasks, count: i64) -> RhaiResultOf<Array> {
        let rows = u64::try_from(count).map_err(|_| Problem::out_of_range("the number of tasks", "zero or more", count))?;
        later(&ctx, rows.min(limits::ARRAY_ITEMS as u64), false)
    }

    /// Tries a delivery again that ended badly or doubtfully. A mail address that had refused it counts as
    /// good again.
    ///
    /// # Throws
    /// `no_delivery` for a task that is no delivery.
    ///
    /// # Effect
    /// tasks
    ///
    /// # Example
    /// ```
    /// for t in tasks.failed() { if t.channel == "mail" { tasks.retry(t); } }
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn retry(ctx: NativeCallContext, _tasks: &mut Tasks, task: Task) -> RhaiResultOf<()> {
        let delivery = delivery(&task)?;
        Ok(Run::of(&ctx)?.ask(&ctx, Intent::Retry { delivery, task: task.0.name() })?)
    }

    /// Cancels a delivery that has not gone out.
    ///
    /// # Throws
    /// `no_delivery` for a task that is no delivery.
    ///
    /// # Effect
    /// tasks
    ///
    /// # Example
    /// ```
    /// for t in tasks.active() { if t.attempts > 10 { tasks.cancel(t); } }
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn cancel(ctx: NativeCallContext, _tasks: &mut Tasks, task: Task) -> RhaiResultOf<()> {
        let delivery = delivery(&task)?;
        Ok(Run::of(&ctx)?.ask(&ctx, Intent::Cancel { delivery, task: task.0.name() })?)
    }

    /// What people call it: the run and the delivery's number in it, `17.3`; `run 17` while Apple has no record.
    ///
    /// # Example
    /// ```
    /// for t in tasks.active() { print(t.id); }
    /// ```
    #[rhai_fn(get = "id", pure)]
    pub fn id(task: &mut Task) -> String {
        task.0.name()
    }

    /// The user's username.
    ///
    /// # Example
    /// ```
    /// for t in tasks.active() { print(users.find(t.username)); }
    /// ```
    #[rhai_fn(get = "username", pure)]
    pub fn username(task: &mut Task) -> String {
        task.0.username.clone()
    }

    /// The user's full name.
    ///
    /// # Example
    /// ```
    /// for t in tasks.active() { print(t.full_name); }
    /// ```
    #[rhai_fn(get = "full_name", pure)]
    pub fn full_name(task: &mut Task) -> String {
        task.0.full_name.clone()
    }

    /// The device's name, or `()` for a mailbox.
    ///
    /// # Example
    /// ```
    /// for t in tasks.active() { if t.device != () { print(t.device); } }
    /// ```
    #[rhai_fn(get = "device", pure)]
    pub fn device(task: &mut Task) -> Dynamic {
        maybe(task.0.device.as_deref())
    }

    /// The channel: `"mdm"`, `"mail"`, `"push"`, `"webhook"`, or `()` while none has been chosen.
    ///
    /// # Example
    /// ```
    /// for t in tasks.active() { if t.channel == "mail" { print(t); } }
    /// ```
    #[rhai_fn(get = "channel", pure)]
    pub fn channel(task: &mut Task) -> Dynamic {
        maybe(task.0.channel.map(|c| c.word()))
    }

    /// What it carries: an invitation, a reminder, a message.
    ///
    /// # Example
    /// ```
    /// for t in tasks.active() { print(t.what); }
    /// ```
    #[rhai_fn(get = "what", pure)]
    pub fn what(task: &mut Task) -> String {
        task.0.what.clone()
    }

    /// What it waits for, in words.
    ///
    /// # Example
    /// ```
    /// for t in tasks.active() { print(t.waiting_for); }
    /// ```
    #[rhai_fn(get = "waiting_for", pure)]
    pub fn waiting_for(task: &mut Task) -> String {
        task.0.waiting_for.words().to_owned()
    }

    /// Since when it waits.
    ///
    /// # Example
    /// ```
    /// for t in tasks.active() { if t.since < now() - days(2) { print(t); } }
    /// ```
    #[rhai_fn(get = "since", pure)]
    pub fn since(task: &mut Task) -> Time {
        Time(task.0.since)
    }

    /// When the next attempt is due, or `()`.
    ///
    /// # Example
    /// ```
    /// for t in tasks.active() { print(t.next); }
    /// ```
    #[rhai_fn(get = "next", pure)]
    pub fn next(task: &mut Task) -> Dynamic {
        task.0.next.map_or(Dynamic::UNIT, |at| Dynamic::from(Time(at)))
    }

    /// How often it has been tried.
    ///
    /// # Example
    /// ```
    /// for t in tasks.active() { print(t.attempts); }
    /// ```
    #[rhai_fn(get = "attempts", pure)]
    pub fn attempts(task: &mut Task) -> i64 {
        i64::from(task.0.attempts)
    }

    /// The far side's last words, or `()`.
    ///
    /// # Example
    /// ```
    /// for t in tasks.failed() { print(t.words); }
    /// ```
    #[rhai_fn(get = "words", pure)]
    pub fn words(task: &mut Task) -> Dynamic {
        maybe(task.0.words.as_deref())
    }

    /// The task in one line.
    ///
    /// # Example
    /// ```
    /// for t in tasks.active() { print(t); }
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure, volatile, return_raw)]
    pub fn task_to_string(ctx: NativeCallContext, task: &mut Task) -> RhaiResultOf<String> {
        let t = &task.0;
        let mut line = format!("{} {}: {}", t.name(), t.full_name, t.what);
        if let Some(device) = &t.device {
            let _ = write!(line, " on {device}");
        }
        let _ = write!(line, ", waits for {} since {}", t.waiting_for.words(), show(t.since, Run::of(&ctx)?.site.zone));
        Ok(line)
    }
}

/// Invitations and messages in flight.
///
/// # Errors
/// `too_many_rows` when there are more than an array can hold.
pub fn in_flight(run: &Run) -> RhaiResultOf<Array> {
    listed(run.read(|view| view.active_tasks())?)
}

fn listed(tasks: Vec<TaskRecord>) -> RhaiResultOf<Array> {
    fits_array(tasks.len())?;
    Ok(tasks.into_iter().map(|t| Dynamic::from(Task(t))).collect())
}

/// What leaves later; where all of it is wanted, more than `rows` are too many.
fn later(ctx: &NativeCallContext, rows: u64, all: bool) -> RhaiResultOf<Array> {
    let run = Run::of(ctx)?;
    let rules = Departure::of(&run.site.limits, run.site.zone);
    let future = run.read(|view| view.future_tasks(&rules, run.now(), Page { from: 0, rows }))?;
    if all {
        let total = usize::try_from(future.total).unwrap_or(usize::MAX);
        fits_array(total).map_err(|p| p.hint("`tasks.future(100)` gives the first ones"))?;
    }
    let tasks = future.tasks.into_iter().map(|later| {
        let words = Some(later.because).filter(|words| !words.is_empty());
        Dynamic::from(Task(TaskRecord { next: Some(later.leaves), words, ..later.task }))
    });
    Ok(tasks.collect())
}

fn delivery(task: &Task) -> Result<DeliveryId, Problem> {
    task.0.delivery.ok_or_else(|| {
        Problem::new(
            "no_delivery",
            format!("{} waits for Apple, and there is no delivery yet to retry or cancel", task.0.full_name),
        )
        .hint("`invite.withdraw(user)` ends the invitation itself")
    })
}

fn maybe(text: Option<&str>) -> Dynamic {
    text.map_or(Dynamic::UNIT, Into::into)
}
