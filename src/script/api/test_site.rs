//! The sites of script tests, as `import "testing" as t` hands them out.

pub mod looking;
mod told;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::plugin::*;
use rhai::{Dynamic, Map};

use crate::script::calendar::shifted;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::trial::difference::difference;
use crate::script::trial::{Act, Trial, Trials, Tried, Wanted};
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
    /// A site of a script test, with a roster and a clock of its own and simulated Apple services, mail and
    /// devices. `t::site` of the module `testing` makes it.
    pub type TestSite = super::TestSite;

    // The functions `testing_…` are for the module `testing` alone, which documents them: no reference has them.

    // `t::site`.
    #[rhai_fn(return_raw, volatile)]
    pub fn testing_site(ctx: NativeCallContext, of: Dynamic) -> RhaiResultOf<TestSite> {
        let run = Run::of(&ctx)?;
        let trials = trials(&run)?;
        let wanted = Wanted::read(of.flatten(), trials.zone())?;
        let made = run.watch.beside(|| trials.site(wanted))?;
        let site = super::TestSite(Arc::new(Mutex::new(made)));
        site.look(&run)?;
        Ok(site)
    }

    // `t::golden`.
    #[rhai_fn(return_raw, volatile)]
    pub fn testing_golden(ctx: NativeCallContext, name: &str, text: &str) -> RhaiResultOf<()> {
        Ok(trials(&Run::of(&ctx)?)?.golden(name, text)?)
    }

    // How two values differ, in words.
    #[rhai_fn(return_raw)]
    pub fn testing_difference(ctx: NativeCallContext, got: Dynamic, wanted: Dynamic) -> RhaiResultOf<String> {
        let (got, wanted) = super::told::shown(&ctx, &got, &wanted)?;
        Ok(difference(&got, &wanted))
    }

    /// Runs a script of the site and lets its messages leave. Answers a map: `plan`, `printed`, `value`,
    /// `invited`, `written_to`, `left_out`, `held`. Parameters that aren't given are those of its schedule.
    ///
    /// A script that fails fails the test, with the place in the script; `t::throws` takes its error.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// let run = site.run("invite-group.rhai", #{ group: "Grade 5" });
    /// t::equal(run.invited, ["user1", "user2", "user3"]);
    /// ```
    #[rhai_fn(name = "run", pure, return_raw, volatile)]
    pub fn run_with(ctx: NativeCallContext, site: &mut TestSite, script: &str, params: Map) -> RhaiResultOf<Map> {
        let params = super::told::params(&ctx, params)?;
        Ok(super::told::told(site.change(&Run::of(&ctx)?, |trial| trial.run(script, params, false))?))
    }

    /// Runs a script of the site and lets its messages leave.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// t::equal(site.messages("user1").len, 1);
    /// ```
    #[rhai_fn(name = "run", pure, return_raw, volatile)]
    pub fn run(ctx: NativeCallContext, site: &mut TestSite, script: &str) -> RhaiResultOf<Map> {
        Ok(super::told::told(site.change(&Run::of(&ctx)?, |trial| trial.run(script, BTreeMap::new(), false))?))
    }

    /// What a script would do, without doing it: the same map that `run` answers.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// let run = site.plan("invite-group.rhai", #{ group: "Grade 5" });
    /// t::contains(run.plan, "3");
    /// ```
    #[rhai_fn(name = "plan", pure, return_raw, volatile)]
    pub fn plan_with(ctx: NativeCallContext, site: &mut TestSite, script: &str, params: Map) -> RhaiResultOf<Map> {
        let params = super::told::params(&ctx, params)?;
        Ok(super::told::told(site.change(&Run::of(&ctx)?, |trial| trial.run(script, params, true))?))
    }

    /// What a script would do, without doing it.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// t::equal(site.plan("invite-new-starters.rhai").invited.len, 3);
    /// t::equal(site.messages(), []);
    /// ```
    #[rhai_fn(name = "plan", pure, return_raw, volatile)]
    pub fn plan(ctx: NativeCallContext, site: &mut TestSite, script: &str) -> RhaiResultOf<Map> {
        Ok(super::told::told(site.change(&Run::of(&ctx)?, |trial| trial.run(script, BTreeMap::new(), true))?))
    }

    /// A user accepts the latest invitation that reached them.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// site.accept("user1");
    /// t::equal(site.status("user1"), "enrolled");
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn accept(ctx: NativeCallContext, site: &mut TestSite, username: &str) -> RhaiResultOf<()> {
        site.act(&Run::of(&ctx)?, username, Act::Accept)
    }

    /// A user's devices refuse invitations from now on.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 2, group: "Grade 5", devices: "iPad" });
    /// site.decline("user1");
    /// site.run("invite-new-starters.rhai");
    /// t::equal(site.status("user1"), "invited");
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn decline(ctx: NativeCallContext, site: &mut TestSite, username: &str) -> RhaiResultOf<()> {
        site.act(&Run::of(&ctx)?, username, Act::Decline)
    }

    /// A user's mail comes back: what has left, and what will leave.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// site.bounce("user2");
    /// t::equal(site.status("user2"), "none");
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn bounce(ctx: NativeCallContext, site: &mut TestSite, username: &str) -> RhaiResultOf<()> {
        site.act(&Run::of(&ctx)?, username, Act::Bounce)
    }

    /// A user's account is disabled.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.disable("user2");
    /// t::equal(site.plan("invite-new-starters.rhai").invited, ["user1", "user3"]);
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn disable(ctx: NativeCallContext, site: &mut TestSite, username: &str) -> RhaiResultOf<()> {
        site.act(&Run::of(&ctx)?, username, Act::Disable)
    }

    /// A user leaves the school: the next import doesn't have them.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.leave("user2");
    /// t::people(site.users, ["user1", "user3"]);
    /// ```
    #[rhai_fn(name = "leave", pure, return_raw, volatile)]
    pub fn leave_school(ctx: NativeCallContext, site: &mut TestSite, username: &str) -> RhaiResultOf<()> {
        site.act(&Run::of(&ctx)?, username, Act::LeaveSchool)
    }

    /// A user leaves a group.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.leave("user2", "Grade 5");
    /// t::people(site.groups["Grade 5"].members, ["user1", "user3"]);
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn leave(ctx: NativeCallContext, site: &mut TestSite, username: &str, group: &str) -> RhaiResultOf<()> {
        site.act(&Run::of(&ctx)?, username, Act::Leave(group.to_owned()))
    }

    /// A user, who may be new, joins a group, which may be new.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.join("zoe", "Chess club");
    /// t::people(site.groups["Chess club"].members, ["zoe"]);
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn join(ctx: NativeCallContext, site: &mut TestSite, username: &str, group: &str) -> RhaiResultOf<()> {
        site.act(&Run::of(&ctx)?, username, Act::Join(group.to_owned()))
    }

    /// Lets so much time pass, with everything that is due on the way.
    ///
    /// A schedule whose script fails on the way fails the test when the time has passed; `t::throws` takes the error.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// site.advance(days(7));
    /// t::equal(site.messages("user1").len, 3);
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn advance(ctx: NativeCallContext, site: &mut TestSite, span: Span) -> RhaiResultOf<()> {
        let Time(until) = shifted(Time(site.trial().now()), span.0)?;
        Ok(site.change(&Run::of(&ctx)?, |trial| trial.advance_to(until))?)
    }

    /// Lets time pass until then, with everything that is due on the way.
    ///
    /// A schedule whose script fails on the way fails the test, as with `advance`.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.advance_to(at("2026-12-01 08:00"));
    /// t::equal(site.now, at("2026-12-01 08:00"));
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn advance_to(ctx: NativeCallContext, site: &mut TestSite, time: Time) -> RhaiResultOf<()> {
        Ok(site.change(&Run::of(&ctx)?, |trial| trial.advance_to(time.0))?)
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
        // What fails may have changed something before it did.
        let changed = run.watch.beside(|| change(self.trial().as_mut()));
        self.look(run)?;
        changed
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
