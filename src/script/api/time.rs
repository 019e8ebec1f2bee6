//! Instants. The run has one `now()`; days begin and end in the site's zone.

use chrono::DateTime;
use chrono_tz::Tz;
use rhai::plugin::*;

use crate::domain::selection::{Of, Select};
use crate::script::api::groups::Groups;
use crate::script::calendar::{WEEKDAYS, midnight, parse_date, time_of_text};
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::selection::Selection;
use crate::script::values;

#[export_module]
pub mod api {
    /// An instant. Printed in the site's zone; two can be compared, and subtracting gives a `Span`.
    ///
    /// The users, groups and devices of a time that has been are the roster as it was then; it can only be read. The history
    /// begins with the first import or sync and goes back as far as `journal.keep` in site.toml lets it; before that, and
    /// after the run's own time, using them is an error (`roster_unknown`). It knows fields, groups, devices, who had
    /// which, managed distribution, and `status`, `invited_at`, `enrolled_at` and `last_contact`, which is `()` where the
    /// journal no longer reaches. `reminders` is without those whose letters all came back, also before they had. Who was
    /// forgotten is in no past, either.
    ///
    /// Selections of two times are compared by who is in them: `then - users` are those who have gone, as they were;
    /// `then & users` are those who are still here, as they are now, and only these can be invited or written to.
    pub type Time = values::Time;

    /// The start of this run. The same instant however long the run takes.
    ///
    /// # Example
    /// ```
    /// print(now() - days(7));
    /// ```
    #[rhai_fn(volatile, return_raw)]
    pub fn now(ctx: NativeCallContext) -> RhaiResultOf<Time> {
        Ok(values::Time(Run::of(&ctx)?.now()))
    }

    /// The beginning of the present day in the site's zone.
    ///
    /// # Example
    /// ```
    /// let late = users.where(|u| u.last_contact < today());
    /// ```
    #[rhai_fn(volatile, return_raw)]
    pub fn today(ctx: NativeCallContext) -> RhaiResultOf<Time> {
        let run = Run::of(&ctx)?;
        Ok(values::Time(midnight(run.now(), run.site.zone)?))
    }

    /// The beginning of a day in the site's zone, written `2026-12-01`.
    ///
    /// # Throws
    /// `wrong_time` when the text is no date.
    ///
    /// # Example
    /// ```
    /// let term_starts = date("2026-12-01");
    /// ```
    #[rhai_fn(volatile, return_raw)]
    pub fn date(ctx: NativeCallContext, text: &str) -> RhaiResultOf<Time> {
        Ok(values::Time(parse_date(text, Run::of(&ctx)?.site.zone)?))
    }

    /// An instant in the site's zone, written `2026-12-01 08:00`; of a date alone it is the beginning of the day.
    ///
    /// A local time that the clock change skips is the first valid minute after it; one that comes
    /// twice is the first of the two. A text with an offset of its own (`2026-12-01T08:00:00Z`) is taken as it says.
    ///
    /// # Throws
    /// `wrong_time` when the text is no date and time.
    ///
    /// # Example
    /// ```
    /// let assembly = at("2026-12-01 08:00");
    /// ```
    #[rhai_fn(volatile, return_raw)]
    pub fn at(ctx: NativeCallContext, text: &str) -> RhaiResultOf<Time> {
        Ok(values::Time(time_of_text(text, Run::of(&ctx)?.site.zone)?))
    }

    /// All users as they were then, as a selection that can only be read.
    ///
    /// # Throws
    /// `roster_unknown` when it is used, for a time before the history or after the run's own.
    ///
    /// # Example
    /// ```
    /// let then = at("2026-11-01 08:00").users.where(|u| u.department == "Music");
    /// print(then - users);
    /// print((then & users).where(|u| u.department != "Music"));
    /// ```
    #[rhai_fn(get = "users", pure, return_raw)]
    pub fn users(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<Selection> {
        Ok(Selection::new(Run::of(&ctx)?.at(Some(time.0)), Select::All(Of::Users)))
    }

    /// The groups as they were then, by name: their members and figures are those of that time.
    ///
    /// # Throws
    /// `roster_unknown` when it is used, for a time before the history or after the run's own.
    ///
    /// # Example
    /// ```
    /// print(at("2026-11-01 08:00").groups["Grade 5"].members.count());
    /// let came = groups["Grade 5"].members - (now() - days(7)).groups["Grade 5"].members;
    /// ```
    #[rhai_fn(get = "groups", pure, return_raw)]
    pub fn groups(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<Groups> {
        Ok(Groups(Run::of(&ctx)?.at(Some(time.0))))
    }

    /// All devices as they were then, as a selection that can only be read. `last_seen` is `()` for one that has been
    /// heard from since.
    ///
    /// # Throws
    /// `roster_unknown` when it is used, for a time before the history or after the run's own.
    ///
    /// # Example
    /// ```
    /// let before = at("2026-11-01").devices.where(|d| d.managed);
    /// print(before - devices.where(|d| d.managed));
    /// ```
    #[rhai_fn(get = "devices", pure, return_raw)]
    pub fn devices(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<Selection> {
        Ok(Selection::new(Run::of(&ctx)?.at(Some(time.0)), Select::All(Of::Devices)))
    }

    /// The year in the site's zone.
    ///
    /// # Example
    /// ```
    /// print(now().year);
    /// ```
    #[rhai_fn(get = "year", pure, return_raw)]
    pub fn year(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<i64> {
        part(&ctx, time, |t| i64::from(chrono::Datelike::year(&t)))
    }

    /// The month in the site's zone, from 1.
    ///
    /// # Example
    /// ```
    /// if now().month == 9 { print("a new school year"); }
    /// ```
    #[rhai_fn(get = "month", pure, return_raw)]
    pub fn month(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<i64> {
        part(&ctx, time, |t| i64::from(chrono::Datelike::month(&t)))
    }

    /// The day of the month in the site's zone, from 1.
    ///
    /// # Example
    /// ```
    /// print(now().day);
    /// ```
    #[rhai_fn(get = "day", pure, return_raw)]
    pub fn day(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<i64> {
        part(&ctx, time, |t| i64::from(chrono::Datelike::day(&t)))
    }

    /// The hour in the site's zone, 0 to 23.
    ///
    /// # Example
    /// ```
    /// if now().hour < 12 { print("morning"); }
    /// ```
    #[rhai_fn(get = "hour", pure, return_raw)]
    pub fn hour(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<i64> {
        part(&ctx, time, |t| i64::from(chrono::Timelike::hour(&t)))
    }

    /// The minute, 0 to 59.
    ///
    /// # Example
    /// ```
    /// print(now().minute);
    /// ```
    #[rhai_fn(get = "minute", pure, return_raw)]
    pub fn minute(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<i64> {
        part(&ctx, time, |t| i64::from(chrono::Timelike::minute(&t)))
    }

    /// The second, 0 to 59.
    ///
    /// # Example
    /// ```
    /// print(now().second);
    /// ```
    #[rhai_fn(get = "second", pure, return_raw)]
    pub fn second(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<i64> {
        part(&ctx, time, |t| i64::from(chrono::Timelike::second(&t)))
    }

    /// The day of the week in the site's zone: `"monday"` to `"sunday"`.
    ///
    /// # Example
    /// ```
    /// if today().weekday in ["saturday", "sunday"] { return; }
    /// ```
    #[rhai_fn(get = "weekday", pure, return_raw)]
    pub fn weekday(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<String> {
        part(&ctx, time, |t| {
            let day = chrono::Datelike::weekday(&t).num_days_from_monday();
            WEEKDAYS.iter().zip(0..).find(|(_, n)| *n == day).map_or("", |(word, _)| word).to_owned()
        })
    }

    /// The beginning of the time's day in the site's zone.
    ///
    /// # Example
    /// ```
    /// print((now() + days(1)).start_of_day());
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn start_of_day(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<Time> {
        Ok(values::Time(midnight(time.0, Run::of(&ctx)?.site.zone)?))
    }

    /// The time in the site's zone, written after a pattern: `%Y` year, `%m` month, `%d` day, `%H` hour, `%M` minute, `%A` weekday.
    ///
    /// # Throws
    /// `wrong_pattern` when the pattern has a letter after `%` that means nothing.
    ///
    /// # Example
    /// ```
    /// print(now().format("%d.%m.%Y"));
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn format(ctx: NativeCallContext, time: &mut Time, pattern: &str) -> RhaiResultOf<String> {
        let items: Vec<_> = chrono::format::StrftimeItems::new(pattern).collect();
        if items.contains(&chrono::format::Item::Error) {
            return Err(Problem::new("wrong_pattern", format!("{pattern:?} is no pattern for a time"))
                .about(pattern)
                .hint("for example \"%d.%m.%Y %H:%M\"")
                .into());
        }
        let local = time.0.with_timezone(&Run::of(&ctx)?.site.zone);
        let mut text = String::new();
        // A pattern such as `%#z` parses but can't be written.
        std::fmt::Write::write_fmt(&mut text, format_args!("{}", local.format_with_items(items.iter())))
            .map_err(|_| Problem::new("wrong_pattern", format!("{pattern:?} is no pattern for a time")).about(pattern))?;
        Ok(text)
    }

    /// The time as a person reads it: `2026-12-01 08:00` in the site's zone.
    ///
    /// # Example
    /// ```
    /// print("since " + now().to_string());
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure, return_raw)]
    pub fn time_to_string(ctx: NativeCallContext, time: &mut Time) -> RhaiResultOf<String> {
        Ok(crate::domain::time::show(time.0, Run::of(&ctx)?.site.zone))
    }

    /// There is no sleep: a run has one instant. A schedule or `remind:` acts later.
    ///
    /// # Throws
    /// `no_sleep`, always.
    ///
    /// # Example
    /// ```
    /// try { sleep(1); } catch (e) { print(e.message); }
    /// ```
    #[rhai_fn(volatile, return_raw)]
    pub fn sleep(_seconds: i64) -> RhaiResultOf<()> {
        Err(no_sleep().into())
    }

    /// There is no sleep: a run has one instant. A schedule or `remind:` acts later.
    ///
    /// # Throws
    /// `no_sleep`, always.
    ///
    /// # Example
    /// ```
    /// try { sleep(1); } catch (e) { print(e.message); }
    /// ```
    #[rhai_fn(name = "sleep", volatile, return_raw)]
    pub fn sleep_float(_seconds: f64) -> RhaiResultOf<()> {
        Err(no_sleep().into())
    }
}

fn no_sleep() -> Problem {
    Problem::new("no_sleep", "a script can't wait: a run has one instant").hint("let `remind: [days(3)]` or a schedule act later")
}

fn part<T>(ctx: &NativeCallContext, time: &values::Time, part: impl FnOnce(DateTime<Tz>) -> T) -> RhaiResultOf<T> {
    Ok(part(time.0.with_timezone(&Run::of(ctx)?.site.zone)))
}
