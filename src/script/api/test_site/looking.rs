//! What a test looks at in its site.

use rhai::plugin::*;
use rhai::{Array, Dynamic, Map};

use super::TestSite;
use crate::domain::selection::{Of, Select};
use crate::domain::task::Task;
use crate::script::api::groups::Groups;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::selection::Selection;
use crate::script::trial::calendar::calendar as calendar_of;
use crate::script::trial::sent::{Which, as_map, counts, fit_an_array};
use crate::script::values::Time;

#[export_module]
pub mod api {
    /// What has left for a user, oldest first: maps with `username`, `channel`, `template`, `subject`, `text`, `to`,
    /// `sent_at` and `reminder`.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// let first = site.messages("user1")[0];
    /// t::equal(first.template, "invitation");
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn messages(site: &mut TestSite, username: &str) -> RhaiResultOf<Array> {
        site.array_of(&Which::of_user(username))
    }

    /// What has left for anybody, oldest first.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// t::equal(site.messages().len, 3);
    /// ```
    #[rhai_fn(name = "messages", pure, return_raw, volatile)]
    pub fn all_messages(site: &mut TestSite) -> RhaiResultOf<Array> {
        site.array_of(&Which::default())
    }

    /// What has left and fits all of these, oldest first.
    ///
    /// # Options
    /// - `user`: string or array of string, whose it was
    /// - `to`: string or array of string, the address or the device's name
    /// - `channel`: string or array of string, `"mdm"`, `"mail"`, `"push"` or `"webhook"`
    /// - `template`: string or array of string, or the webhook's name
    /// - `reminder`: int, which reminder it was; 0 for what is none
    /// - `since`: Time, from then on
    /// - `before`: Time, until then, that time not included
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// site.advance(days(7));
    /// let second = site.messages(#{ user: "user1", reminder: 2, since: site.now - days(1) });
    /// t::equal(second.len, 1);
    /// ```
    #[rhai_fn(name = "messages", pure, return_raw, volatile)]
    pub fn messages_of(ctx: NativeCallContext, site: &mut TestSite, options: Map) -> RhaiResultOf<Array> {
        site.array_of(&which(&ctx, options)?)
    }

    /// How many messages have left. Unlike an array of them it has no limit.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// t::equal(site.message_count(), 3);
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn message_count(site: &mut TestSite) -> RhaiResultOf<i64> {
        site.count_of(&Which::default())
    }

    /// How many messages have left that fit all of these.
    ///
    /// # Options
    /// As `site.messages`.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// t::equal(site.message_count(#{ template: "invitation", channel: "mail" }), 3);
    /// ```
    #[rhai_fn(name = "message_count", pure, return_raw, volatile)]
    pub fn message_count_of(ctx: NativeCallContext, site: &mut TestSite, options: Map) -> RhaiResultOf<i64> {
        site.count_of(&which(&ctx, options)?)
    }

    /// How many messages have left for each `"user"`, `"to"`, `"channel"`, `"template"`, `"reminder"` or `"day"`.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// t::equal(site.message_counts("day"), #{ "2026-11-30": 3 });
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn message_counts(site: &mut TestSite, by: &str) -> RhaiResultOf<Map> {
        site.counts_of(&Which::default(), by)
    }

    /// How many messages have left for each of these kinds, of those that fit the options.
    ///
    /// # Options
    /// As `site.messages`.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// site.advance(days(7));
    /// let reminders = site.message_counts("user", #{ template: "reminder" });
    /// t::equal(reminders.user1, 2);
    /// ```
    #[rhai_fn(name = "message_counts", pure, return_raw, volatile)]
    pub fn message_counts_of(ctx: NativeCallContext, site: &mut TestSite, by: &str, options: Map) -> RhaiResultOf<Map> {
        site.counts_of(&which(&ctx, options)?, by)
    }

    /// A user's invitations, oldest first: maps with `state`, `invited_at`, `ended_at` and `expires_at`.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// t::equal(site.invitations("user1").len, 1);
    /// ```
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
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// t::equal(site.status("user1"), "none");
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn status(ctx: NativeCallContext, site: &mut TestSite, username: &str) -> RhaiResultOf<String> {
        let run = Run::of(&ctx)?;
        site.look(&run)?;
        let found = run.read(|view| view.user_by_username(username))?;
        Ok(found.ok_or_else(|| Problem::unknown("user", username, []))?.status.word().to_owned())
    }

    /// What is in flight, a line each, as `beckon tasks` tells it.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// t::equal(site.tasks().len, 3);
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn tasks(site: &mut TestSite) -> RhaiResultOf<Array> {
        let tasks = site.trial().view()?.active_tasks().map_err(Problem::from)?;
        let line = |task: &Task| {
            let device = task.device.as_deref().or(task.channel.map(|c| c.word())).unwrap_or_default();
            format!("{}, {device}: {}, waiting for {}", task.username, task.what, task.waiting_for.words())
        };
        Ok(tasks.iter().map(|task| line(task).into()).collect())
    }

    /// The journal's entries in words, oldest first.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// t::truthy(site.journal().len > 0);
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn journal(site: &mut TestSite) -> RhaiResultOf<Array> {
        Ok(site.trial().journal()?.into_iter().map(Into::into).collect())
    }

    /// What left between two times, day by day, in the site's zone: for `t::golden`.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// t::contains(site.calendar(date("2026-11-30"), date("2026-12-01")), "invitation");
    /// ```
    #[rhai_fn(pure, return_raw, volatile)]
    pub fn calendar(site: &mut TestSite, from: Time, to: Time) -> RhaiResultOf<String> {
        let trial = site.trial();
        let messages = trial.messages(&Which::default(), false)?;
        Ok(calendar_of(&messages, from.0, to.0, trial.zone()))
    }

    /// All that has left until now, day by day, in the site's zone.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// site.run("invite-new-starters.rhai");
    /// t::contains(site.calendar(), "2026-11-30 Mon");
    /// ```
    #[rhai_fn(name = "calendar", pure, return_raw, volatile)]
    pub fn whole_calendar(site: &mut TestSite) -> RhaiResultOf<String> {
        let trial = site.trial();
        let messages = trial.messages(&Which::default(), false)?;
        let from = messages.first().map_or(trial.now(), |m| m.sent_at);
        Ok(calendar_of(&messages, from, trial.now(), trial.zone()))
    }

    /// The users of the site as they are now.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// t::equal(site.users.count(), 3);
    /// ```
    #[rhai_fn(get = "users", pure, return_raw)]
    pub fn users(ctx: NativeCallContext, site: &mut TestSite) -> RhaiResultOf<Selection> {
        let run = Run::of(&ctx)?;
        site.look(&run)?;
        Ok(Selection::new(run, Select::All(Of::Users)))
    }

    /// The groups of the site.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 3, group: "Grade 5" });
    /// t::equal(site.groups["Grade 5"].members.count(), 3);
    /// ```
    #[rhai_fn(get = "groups", pure, return_raw)]
    pub fn groups_of_site(ctx: NativeCallContext, site: &mut TestSite) -> RhaiResultOf<Groups> {
        let run = Run::of(&ctx)?;
        site.look(&run)?;
        Ok(Groups(run))
    }

    /// The devices of the site as they are now.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// let site = t::site(#{ users: 2, devices: "iPad, Mac" });
    /// t::equal(site.devices.count(), 4);
    /// ```
    #[rhai_fn(get = "devices", pure, return_raw)]
    pub fn devices(ctx: NativeCallContext, site: &mut TestSite) -> RhaiResultOf<Selection> {
        let run = Run::of(&ctx)?;
        site.look(&run)?;
        Ok(Selection::new(run, Select::All(Of::Devices)))
    }

    /// What the site's clock shows.
    ///
    /// # Example
    /// ```
    /// import "testing" as t;
    /// t::equal(t::site(#{}).now, at("2026-11-30 09:00"));
    /// ```
    #[rhai_fn(get = "now", pure)]
    pub fn site_now(site: &mut TestSite) -> Time {
        Time(site.trial().now())
    }
}

impl TestSite {
    fn array_of(&self, which: &Which) -> RhaiResultOf<Array> {
        let messages = self.trial().messages(which, true)?;
        fit_an_array(&messages)?;
        Ok(messages.into_iter().map(super::told::message).collect())
    }

    fn count_of(&self, which: &Which) -> RhaiResultOf<i64> {
        Ok(i64::try_from(self.trial().messages(which, false)?.len()).unwrap_or(i64::MAX))
    }

    fn counts_of(&self, which: &Which, by: &str) -> RhaiResultOf<Map> {
        let trial = self.trial();
        Ok(as_map(counts(&trial.messages(which, false)?, by, trial.zone())?))
    }
}

fn which(ctx: &NativeCallContext, options: Map) -> RhaiResultOf<Which> {
    let site = &Run::of(ctx)?.site;
    Ok(Which::read(options, &[site.templates.names(), site.webhooks.clone()].concat())?)
}
