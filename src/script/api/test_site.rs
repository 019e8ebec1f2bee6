//! The sites of script tests, as `import "testing" as t` hands them out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::plugin::*;
use rhai::{Array, Dynamic, Map};

use crate::domain::selection::{Of, Select};
use crate::script::api::groups;
use crate::script::calendar::shifted;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::selection::Selection;
use crate::script::trial::difference::difference;
use crate::script::trial::{Act, Message, Trial, TrialRun, Trials, Tried, Wanted};
use crate::script::values::{Span, Time};

/// A site of a script test. Whoever holds it holds the same one.
#[derive(Clone)]
pub struct TestSite(Arc<Mutex<Box<dyn Trial>>>);

impl std::fmt::Debug for TestSite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestSite").finish_non_exhaustive()
    }
}

#[export_module]
pub mod api {
    /// A site of a script test, with a roster and a clock of its own and simulated Apple services.
    pub type TestSite = super::TestSite;

    /// Makes the site of a test: `t::site` of the module `testing` calls it.
    #[rhai_fn(return_raw, volatile)]
    pub fn testing_site(ctx: NativeCallContext, of: Dynamic) -> RhaiResultOf<TestSite> {
        let run = Run::of(&ctx)?;
        let trials = trials(&run)?;
        let site = super::TestSite(Arc::new(Mutex::new(trials.site(Wanted::read(of.flatten(), trials.zone())?)?)));
        site.look(&run)?;
        Ok(site)
    }

    /// Compares a text with the one that is kept under a name: `t::golden` of the module `testing` calls it.
    #[rhai_fn(return_raw, volatile)]
    pub fn testing_golden(ctx: NativeCallContext, name: &str, text: &str) -> RhaiResultOf<()> {
        Ok(trials(&Run::of(&ctx)?)?.golden(name, text)?)
    }

    /// How two values differ, in words: `t::equal` of the module `testing` calls it.
    #[rhai_fn(return_raw)]
    pub fn testing_difference(ctx: NativeCallContext, got: Dynamic, wanted: Dynamic) -> RhaiResultOf<String> {
        Ok(difference(&super::shown(&ctx, &got, &wanted)?, &super::shown(&ctx, &wanted, &got)?))
    }

    /// Runs a script of the site and lets its messages leave. Answers a map: `plan`, `printed`, `value`,
    /// `invited`, `written_to`, `left_out`, `held`. Parameters that aren't given are those of its schedule.
    #[rhai_fn(name = "run", pure, return_raw, volatile)]
    pub fn run_with(ctx: NativeCallContext, site: &mut TestSite, script: &str, params: Map) -> RhaiResultOf<Map> {
        let params = super::params(&ctx, params)?;
        Ok(super::told(site.change(&Run::of(&ctx)?, |trial| trial.run(script, params, false))?))
    }

    /// Runs a script of the site and lets its messages leave.
    #[rhai_fn(name = "run", pure, return_raw, volatile)]
    pub fn run(ctx: NativeCallContext, site: &mut TestSite, script: &str) -> RhaiResultOf<Map> {
        Ok(super::told(site.change(&Run::of(&ctx)?, |trial| trial.run(script, BTreeMap::new(), false))?))
    }

    /// What a script would do, without doing it: the same map that `run` answers.
    #[rhai_fn(name = "plan", pure, return_raw, volatile)]
    pub fn plan_with(ctx: NativeCallContext, site: &mut TestSite, script: &str, params: Map) -> RhaiResultOf<Map> {
        let params = super::params(&ctx, params)?;
        Ok(super::told(site.change(&Run::of(&ctx)?, |trial| trial.run(script, params, true))?))
    }

    /// What a script would do, without doing it.
    #[rhai_fn(name = "plan", pure, return_raw, volatile)]
    pub fn plan(ctx: NativeCallContext, site: &mut TestSite, script: &str) -> RhaiResultOf<Map> {
        Ok(super::told(site.change(&Run::of(&ctx)?, |trial| trial.run(script, BTreeMap::new(), true))?))
    }

    /// A user accepts the latest invitation that reached them.
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn accept(ctx: NativeCallContext, site: &mut TestSite, username: &str) -> RhaiResultOf<()> {
        site.act(&Run::of(&ctx)?, username, Act::Accept)
    }

    /// A user's devices refuse invitations from now on.
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn decline(ctx: NativeCallContext, site: &mut TestSite, username: &str) -> RhaiResultOf<()> {
        site.act(&Run::of(&ctx)?, username, Act::Decline)
    }

    /// A user's mail comes back: what has left, and what will leave.
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn bounce(ctx: NativeCallContext, site: &mut TestSite, username: &str) -> RhaiResultOf<()> {
        site.act(&Run::of(&ctx)?, username, Act::Bounce)
    }

    /// A user's account is disabled.
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn disable(ctx: NativeCallContext, site: &mut TestSite, username: &str) -> RhaiResultOf<()> {
        site.act(&Run::of(&ctx)?, username, Act::Disable)
    }

    /// A user leaves the school: the next import doesn't have them.
    #[rhai_fn(name = "leave", pure, return_raw, volatile)]
    pub fn leave_school(ctx: NativeCallContext, site: &mut TestSite, username: &str) -> RhaiResultOf<()> {
        site.act(&Run::of(&ctx)?, username, Act::LeaveSchool)
    }

    /// A user leaves a group.
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn leave(ctx: NativeCallContext, site: &mut TestSite, username: &str, group: &str) -> RhaiResultOf<()> {
        site.act(&Run::of(&ctx)?, username, Act::Leave(group.to_owned()))
    }

    /// A user, who may be new, joins a group, which may be new.
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn join(ctx: NativeCallContext, site: &mut TestSite, username: &str, group: &str) -> RhaiResultOf<()> {
        site.act(&Run::of(&ctx)?, username, Act::Join(group.to_owned()))
    }

    /// Lets so much time pass, with everything that is due on the way.
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn advance(ctx: NativeCallContext, site: &mut TestSite, span: Span) -> RhaiResultOf<()> {
        let Time(until) = shifted(Time(site.trial().now()), span.0)?;
        Ok(site.change(&Run::of(&ctx)?, |trial| trial.advance_to(until))?)
    }

    /// Lets time pass until then, with everything that is due on the way.
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn advance_to(ctx: NativeCallContext, site: &mut TestSite, time: Time) -> RhaiResultOf<()> {
        Ok(site.change(&Run::of(&ctx)?, |trial| trial.advance_to(time.0))?)
    }

    /// What has left for a user, oldest first: maps with `channel`, `subject`, `text`, `template`, `to`,
    /// `sent_at` and `reminder`.
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn messages(site: &mut TestSite, username: &str) -> RhaiResultOf<Array> {
        Ok(site.trial().messages(Some(username), true)?.into_iter().map(super::message).collect())
    }

    /// What has left for anybody, oldest first.
    #[rhai_fn(name = "messages", pure, return_raw, volatile)]
    pub fn all_messages(site: &mut TestSite) -> RhaiResultOf<Array> {
        Ok(site.trial().messages(None, true)?.into_iter().map(super::message).collect())
    }

    /// A user's invitations, oldest first: maps with `state`, `invited_at`, `ended_at` and `expires_at`.
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn invitations(site: &mut TestSite, username: &str) -> RhaiResultOf<Array> {
        let time = |at: Option<_>| at.map_or(Dynamic::UNIT, |at| Dynamic::from(Time(at)));
        let told = site.trial().invitations(username)?.into_iter().map(|invitation| {
            let mut map = Map::new();
            map.insert("state".into(), invitation.state.into());
            map.insert("invited_at".into(), time(Some(invitation.invited_at)));
            map.insert("ended_at".into(), time(invitation.ended_at));
            map.insert("expires_at".into(), time(invitation.expires_at));
            Dynamic::from_map(map)
        });
        Ok(told.collect())
    }

    /// A user's status: `"none"`, `"invited"`, `"enrolled"` or `"retired"`.
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn status(ctx: NativeCallContext, site: &mut TestSite, username: &str) -> RhaiResultOf<String> {
        let run = Run::of(&ctx)?;
        site.look(&run)?;
        let found = run.read(|view| view.user_by_username(username))?;
        Ok(found.ok_or_else(|| Problem::unknown("user", username, []))?.status.word().to_owned())
    }

    /// What is in flight, a line each, as `beckon tasks` tells it.
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn tasks(site: &mut TestSite) -> RhaiResultOf<Array> {
        let tasks = site.trial().view()?.active_tasks().map_err(Problem::from)?;
        let line = |task: &crate::domain::task::Task| {
            let device = task.device.as_deref().or(task.channel.map(|c| c.word())).unwrap_or_default();
            format!("{}, {device}: {}, waiting for {}", task.username, task.what, task.waiting_for.words())
        };
        Ok(tasks.iter().map(|task| line(task).into()).collect())
    }

    /// The journal's entries in words, oldest first.
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn journal(site: &mut TestSite) -> RhaiResultOf<Array> {
        Ok(site.trial().journal()?.into_iter().map(Into::into).collect())
    }

    /// What left between two times, day by day, in the site's zone: for `t::golden`.
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn calendar(site: &mut TestSite, from: Time, to: Time) -> RhaiResultOf<String> {
        let trial = site.trial();
        let messages = trial.messages(None, false)?;
        Ok(crate::script::trial::calendar::calendar(&messages, from.0, to.0, trial.zone()))
    }

    /// All that has left until now, day by day, in the site's zone.
    #[rhai_fn(name = "calendar", pure, return_raw, volatile)]
    pub fn whole_calendar(site: &mut TestSite) -> RhaiResultOf<String> {
        let trial = site.trial();
        let messages = trial.messages(None, false)?;
        let from = messages.first().map_or(trial.now(), |m| m.sent_at);
        Ok(crate::script::trial::calendar::calendar(&messages, from, trial.now(), trial.zone()))
    }

    /// The users of the site as they are now.
    #[rhai_fn(get = "users", pure, return_raw)]
    pub fn users(ctx: NativeCallContext, site: &mut TestSite) -> RhaiResultOf<Selection> {
        let run = Run::of(&ctx)?;
        site.look(&run)?;
        Ok(Selection::new(run, Select::All(Of::Users)))
    }

    /// The groups of the site.
    #[rhai_fn(get = "groups", pure, return_raw)]
    pub fn groups_of_site(ctx: NativeCallContext, site: &mut TestSite) -> RhaiResultOf<groups::Groups> {
        let run = Run::of(&ctx)?;
        site.look(&run)?;
        Ok(groups::Groups(run))
    }

    /// The devices of the site as they are now.
    #[rhai_fn(get = "devices", pure, return_raw)]
    pub fn devices(ctx: NativeCallContext, site: &mut TestSite) -> RhaiResultOf<Selection> {
        let run = Run::of(&ctx)?;
        site.look(&run)?;
        Ok(Selection::new(run, Select::All(Of::Devices)))
    }

    /// What the site's clock shows.
    #[rhai_fn(get = "now", pure)]
    pub fn site_now(site: &mut TestSite) -> Time {
        Time(site.trial().now())
    }
}

impl TestSite {
    fn trial(&self) -> MutexGuard<'_, Box<dyn Trial>> {
        // A panic in between ends the test anyway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the test's selections and fields read this site's roster as it is.
    fn look(&self, run: &Run) -> Tried<()> {
        let view = self.trial().view()?;
        run.look_at(view);
        Ok(())
    }

    fn change<T>(&self, run: &Run, change: impl FnOnce(&mut dyn Trial) -> Tried<T>) -> Tried<T> {
        // The old view's transaction would keep the store's log from being taken over.
        let changed = change(self.trial().as_mut())?;
        self.look(run)?;
        Ok(changed)
    }

    fn act(&self, run: &Run, username: &str, act: Act) -> RhaiResultOf<()> {
        Ok(self.change(run, |trial| trial.act(username, act))?)
    }
}

fn trials(run: &Run) -> Tried<Arc<dyn Trials>> {
    run.trials().ok_or_else(|| {
        Problem::new("not_a_test", "only a test has sites of its own")
            .hint("`beckon test` runs functions `test_…` of scripts/*.test.rhai")
    })
}

/// Parameters as texts, the way the command line takes them.
fn params(ctx: &NativeCallContext, params: Map) -> RhaiResultOf<BTreeMap<String, String>> {
    let text = |value: Dynamic| ctx.call_native_fn::<ImmutableString>("to_string", (value,)).map(|text| text.to_string());
    params.into_iter().map(|(name, value)| Ok((name.to_string(), text(value.flatten())?))).collect()
}

fn told(run: TrialRun) -> Map {
    let list = |texts: Vec<String>| texts.into_iter().map(Dynamic::from).collect::<Array>().into();
    let left_out: Map = run.left_out.into_iter().map(|(who, why)| (who.into(), why.into())).collect();
    let mut map = Map::new();
    map.insert("plan".into(), run.plan.into());
    map.insert("printed".into(), run.printed.into());
    map.insert("value".into(), run.value.map_or(Dynamic::UNIT, Into::into));
    map.insert("invited".into(), list(run.invited));
    map.insert("written_to".into(), list(run.written_to));
    map.insert("left_out".into(), left_out.into());
    map.insert("held".into(), list(run.held));
    map
}

fn message(message: Message) -> Dynamic {
    let mut map = Map::new();
    map.insert("sent_at".into(), Dynamic::from(Time(message.sent_at)));
    map.insert("username".into(), message.username.into());
    map.insert("channel".into(), message.channel.into());
    map.insert("template".into(), message.template.into());
    map.insert("subject".into(), message.subject.into());
    map.insert("text".into(), message.text.into());
    map.insert("to".into(), message.to.into());
    map.insert("reminder".into(), i64::from(message.reminder).into());
    map.into()
}

/// A value as a difference shows it: texts of several lines as they are, arrays and maps over lines of their
/// own where the other side is one, too.
fn shown(ctx: &NativeCallContext, value: &Dynamic, beside: &Dynamic) -> RhaiResultOf<String> {
    let debug =
        |value: &Dynamic| ctx.call_native_fn::<ImmutableString>("to_debug", (value.clone(),)).map(|text| text.to_string());
    if let (Ok(text), Ok(other)) = (value.clone().into_string(), beside.clone().into_string()) {
        return if text.contains('\n') || other.contains('\n') { Ok(text) } else { debug(value) };
    }
    const SHORT: usize = 60;
    if let (Some(mine), Some(other)) = (value.read_lock::<Array>(), beside.read_lock::<Array>()) {
        if debug(value)?.len() > SHORT || mine.len().max(other.len()) > 5 {
            let items: Vec<String> = mine.iter().map(debug).collect::<Result<_, _>>()?;
            return Ok(format!("[\n{}\n]", items.iter().map(|item| format!("  {item},")).collect::<Vec<_>>().join("\n")));
        }
    } else if let (Some(mine), Some(_)) = (value.read_lock::<Map>(), beside.read_lock::<Map>()) {
        let items: Vec<String> =
            mine.iter().map(|(key, item)| Ok(format!("  {key}: {},", debug(item)?))).collect::<RhaiResultOf<_>>()?;
        return Ok(format!("#{{\n{}\n}}", items.join("\n")));
    }
    debug(value)
}
