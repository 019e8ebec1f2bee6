//! A plan: who would be invited, over which channels, and who not and why. Nothing is sent until `send`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::plugin::*;
use rhai::{Array, Dynamic, Map};

use super::plan_options::read_options;
use crate::domain::intent::{Intent, Invite as InviteIntent};
use crate::domain::invite_plan::{InvitePlan, Left, PlanOptions};
use crate::domain::selection::{Of, Select};
use crate::domain::time::Timestamp;
use crate::script::audience::Audience;
use crate::script::lookup::fits_array;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::{Run, Ticket};
use crate::script::selection::Selection;

/// A plan, shared by everybody who holds it: sending it once is sending it.
#[derive(Clone)]
pub struct Plan(Arc<Shared>);

struct Shared {
    run: Run,
    audience: Audience,
    options: PlanOptions,
    /// Kept to exactly those whom a resend is for.
    again_only: bool,
    made: Mutex<InvitePlan>,
    /// When it was made: what is sent later goes by what was true then.
    made_at: Timestamp,
    /// The ask that sends it.
    sent: Mutex<Option<Ticket>>,
}

/// How many people of one kind are told of one by one.
const DECISIONS_SHOWN: usize = 20;

/// Somebody whom a plan leaves out.
#[derive(Clone, Debug)]
pub struct LeftOut(Left);

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("audience", &self.0.audience.name).finish_non_exhaustive()
    }
}

#[export_module]
pub mod api {
    /// What would be sent, to whom, and who was left out and why. Made by `invite.plan`.
    pub type Plan = super::Plan;
    /// Somebody whom a plan leaves out, with the reason.
    pub type LeftOut = super::LeftOut;

    /// The users who would be invited.
    ///
    /// # Example
    /// ```
    /// for u in invite.plan(users, "not-invited").users { print(u.full_name); }
    /// ```
    #[rhai_fn(get = "users", pure)]
    pub fn users(plan: &mut Plan) -> Selection {
        let ids: Vec<i64> = plan.made().lines.iter().map(|l| l.user.0).collect();
        Selection::new(plan.0.run.clone(), Select::Ids(Of::Users, ids.into()))
    }

    /// The devices on which the invitation would be shown.
    ///
    /// # Example
    /// ```
    /// print(invite.plan(users, "not-invited").devices.count());
    /// ```
    #[rhai_fn(get = "devices", pure)]
    pub fn devices(plan: &mut Plan) -> Selection {
        let ids: Vec<i64> = plan.made().lines.iter().flat_map(|l| l.devices.iter().map(|d| d.0)).collect();
        Selection::new(plan.0.run.clone(), Select::Ids(Of::Devices, ids.into()))
    }

    /// How many users would be invited.
    ///
    /// # Example
    /// ```
    /// if invite.plan(users, "not-invited").count == 0 { print("nothing to do"); }
    /// ```
    #[rhai_fn(get = "count", pure)]
    pub fn count(plan: &mut Plan) -> i64 {
        i64::try_from(plan.made().lines.len()).unwrap_or(i64::MAX)
    }

    /// Those who are left out, each with a reason.
    ///
    /// # Throws
    /// `too_many_rows` when there are more than an array can hold; `reasons` counts them.
    ///
    /// # Example
    /// ```
    /// for l in invite.plan(users, "not-invited").left_out { print(`${l.full_name}: ${l.reason}`); }
    /// ```
    #[rhai_fn(get = "left_out", pure, return_raw)]
    pub fn left_out(plan: &mut Plan) -> RhaiResultOf<Array> {
        let made = plan.made();
        fits_array(made.left_out.len()).map_err(|p| p.hint("`plan.reasons` counts them, `plan.why(username)` looks at one"))?;
        Ok(made.left_out.iter().map(|l| Dynamic::from(super::LeftOut(l.clone()))).collect())
    }

    /// How many are left out for each reason, as a map.
    ///
    /// # Example
    /// ```
    /// print(invite.plan(users, "not-invited").reasons);
    /// ```
    #[rhai_fn(get = "reasons", pure)]
    pub fn reasons(plan: &mut Plan) -> Map {
        let counts = plan.made().left_out_counts();
        counts.iter().map(|(reason, n)| (reason.word().into(), i64::from(*n).into())).collect()
    }

    /// Why a user is or isn't invited, in one sentence.
    ///
    /// # Throws
    /// `not_in_audience` when the user is not of the plan's audience.
    ///
    /// # Example
    /// ```
    /// print(invite.plan(users, "not-invited").why("ana"));
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn why(plan: &mut Plan, username: &str) -> RhaiResultOf<String> {
        let made = plan.made();
        Ok(made.why(username).ok_or_else(|| {
            let names = made.lines.iter().map(|l| l.username.as_str()).chain(made.left_out.iter().map(|l| l.username.as_str()));
            let message = format!("{username:?} is not of the plan's audience");
            Problem::new("not_in_audience", message)
                .about(username)
                .maybe_hint(crate::domain::misspelt::did_you_mean(username, names))
        })?)
    }

    /// The summary that a person confirms: exact figures, and who is left out.
    ///
    /// # Example
    /// ```
    /// print(invite.plan(groups["Grade 5"], "not-enrolled"));
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn plan_to_string(plan: &mut Plan) -> String {
        plan.summary()
    }

    /// Sends the invitations when the run commits, over the plan's channels.
    ///
    /// # Throws
    /// `already_sent` the second time.
    ///
    /// # Effect
    /// invite, mail
    ///
    /// # Example
    /// ```
    /// invite.plan(groups["Grade 5"], "not-invited").send();
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn send(ctx: NativeCallContext, plan: &mut Plan) -> RhaiResultOf<()> {
        send_with(&ctx, plan, Map::new())
    }

    /// Sends the invitations when the run commits, with options.
    ///
    /// `remind` is an array of spans, or a policy as `reminders::policy` makes it, a map. Whole days are days of the
    /// person's calendar. What holds a reminder up is looked at again when it leaves; one that is still held up when
    /// the next falls due becomes one with it. Reminders stop by themselves: on acceptance, withdrawal, a
    /// disabled account, or when the person is not selected any more: what selected them (groups, fields of the
    /// directory, devices) is asked again before anything leaves, but not the invitation's own state, nor what was left
    /// for the interpreter.
    ///
    /// # Options
    /// - `channels`: array of string, over which invitations go: `"mdm"`, `"mail"`; the plan's by default
    /// - `template`: string, what is mailed; `"invitation"` by default
    /// - `remind`: array of Span or map, when to remind: so long after the invitation, or a policy
    /// - `remind.after`: array of Span, when to remind; a policy always needs it
    /// - `remind.at`: string, the time of day in the person's own zone, such as `"08:30"`
    /// - `remind.working_days`: bool, `true`: not on Saturday or Sunday
    /// - `remind.holidays`: array of string or map, days such as `"2026-12-07"` or `"2026-10-19..2026-10-23"` on which none goes out
    /// - `remind.holidays.first`: string, the first day, as `calendar::holidays()` gives it
    /// - `remind.holidays.last`: string, the last day
    /// - `remind.most`: int, so many reminders of one invitation at most, whichever run asked for them
    /// - `remind.gap`: Span, so long after the last message of the invitation at least
    /// - `expires`: Span, after which the invitation is withdrawn
    /// - `canary`: int, so many people go ahead; the rest of the run leaves when that went well
    ///
    /// # Throws
    /// `already_sent` the second time; `unknown_option`, `unknown_template`, `wrong_type`, `wrong_time`, `out_of_range`.
    ///
    /// # Effect
    /// invite, mail
    ///
    /// # Example
    /// ```
    /// let plan = invite.plan(groups["Grade 5"], "not-invited");
    /// plan.send(#{ remind: [days(3), days(7)], expires: days(30) });
    /// ```
    #[rhai_fn(name = "send", volatile, pure, return_raw)]
    pub fn send_options(ctx: NativeCallContext, plan: &mut Plan, options: Map) -> RhaiResultOf<()> {
        send_with(&ctx, plan, options)
    }

    /// The username of somebody who is left out.
    ///
    /// # Example
    /// ```
    /// for l in invite.plan(users, "not-invited").left_out { print(l.username); }
    /// ```
    #[rhai_fn(get = "username", pure)]
    pub fn left_username(left: &mut LeftOut) -> String {
        left.0.username.clone()
    }

    /// The full name of somebody who is left out.
    ///
    /// # Example
    /// ```
    /// for l in invite.plan(users, "not-invited").left_out { print(l.full_name); }
    /// ```
    #[rhai_fn(get = "full_name", pure)]
    pub fn left_full_name(left: &mut LeftOut) -> String {
        left.0.full_name.clone()
    }

    /// The reason, in words.
    ///
    /// # Example
    /// ```
    /// for l in invite.plan(users, "not-invited").left_out { print(l.reason); }
    /// ```
    #[rhai_fn(get = "reason", pure)]
    pub fn left_reason(left: &mut LeftOut) -> String {
        left.0.reason.to_string()
    }

    /// The reason as a stable word, such as `"already-enrolled"`.
    ///
    /// # Example
    /// ```
    /// for l in invite.plan(users, "not-invited").left_out { if l.code == "unreachable" { print(l); } }
    /// ```
    #[rhai_fn(get = "code", pure)]
    pub fn left_code(left: &mut LeftOut) -> String {
        left.0.reason.word().to_owned()
    }

    /// The name and the reason.
    ///
    /// # Example
    /// ```
    /// print(invite.plan(users, "not-invited").left_out);
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn left_to_string(left: &mut LeftOut) -> String {
        format!("{}: {}", left.0.full_name, left.0.reason)
    }
}

impl Plan {
    /// Decides about everybody of the audience.
    pub fn make(run: &Run, audience: Audience, options: PlanOptions) -> RhaiResultOf<Self> {
        Self::make_with(run, audience, options, false)
    }

    /// A plan for those only who were invited before.
    pub fn make_again(run: &Run, audience: Audience, options: PlanOptions) -> RhaiResultOf<Self> {
        Self::make_with(run, audience, options, true)
    }

    fn make_with(run: &Run, audience: Audience, options: PlanOptions, again_only: bool) -> RhaiResultOf<Self> {
        let made = decide(run, &audience, &options, again_only)?;
        Ok(Self(Arc::new(Shared {
            run: run.clone(),
            audience,
            options,
            again_only,
            made: Mutex::new(made),
            made_at: run.now(),
            sent: Mutex::default(),
        })))
    }

    /// What was decided about each.
    pub fn decisions(&self) -> String {
        self.made().decisions(DECISIONS_SHOWN)
    }

    /// Everybody of the audience, those who are left out after the others, each as a row of a file.
    pub fn rows(&self) -> Vec<Dynamic> {
        let made = self.made();
        let number = |n: usize| Dynamic::from(i64::try_from(n).unwrap_or(i64::MAX));
        let row = |username: &str, full_name: &str, rest: [(&str, Dynamic); 4]| {
            let mut map = Map::from([("username".into(), username.into()), ("full_name".into(), full_name.into())]);
            map.extend(rest.map(|(key, value)| (key.into(), value)));
            Dynamic::from(map)
        };
        let chosen = made.lines.iter().map(|line| {
            let ways = [("devices", number(line.devices.len())), ("mail", line.mail.into()), ("again", line.again.into())];
            let [devices, mail, again] = ways;
            row(&line.username, &line.full_name, [("invited", true.into()), devices, mail, again])
        });
        let left = made.left_out.iter().map(|left| {
            let why = [("reason", left.reason.to_string().into()), ("code", left.reason.word().into())];
            let [reason, code] = why;
            row(&left.username, &left.full_name, [("invited", false.into()), ("devices", number(0)), reason, code])
        });
        chosen.chain(left).collect()
    }

    /// The summary that a person confirms.
    pub fn summary(&self) -> String {
        self.made().summary()
    }

    fn made(&self) -> MutexGuard<'_, InvitePlan> {
        self.0.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decide(run: &Run, audience: &Audience, options: &PlanOptions, again_only: bool) -> RhaiResultOf<InvitePlan> {
    use crate::domain::invite_plan::counted;
    use crate::domain::reason::LeftOut as Reason;
    let mut candidates = audience.candidates(run)?;
    let name = audience.name.clone().unwrap_or_else(|| counted(candidates.len(), "user"));
    let mut never = Vec::new();
    if again_only {
        candidates.retain(|c| {
            if c.invited_at.is_none() {
                never.push(Left {
                    user: c.user,
                    username: c.username.clone(),
                    full_name: c.full_name.clone(),
                    reason: Reason::NotInvited,
                });
            }
            c.invited_at.is_some()
        });
    }
    let mut plan = InvitePlan::make(name, run.site.name.clone(), candidates, options, run.now());
    plan.grounds = audience.users.grounds();
    if !never.is_empty() {
        let mut left = (*plan.left_out).clone();
        left.extend(never);
        plan.left_out = Arc::new(left);
    }
    run.checkpoint()?;
    Ok(plan)
}

/// Puts the plan among what the run asks for.
pub fn send_with(ctx: &NativeCallContext, plan: &Plan, options: Map) -> RhaiResultOf<()> {
    let shared = &*plan.0;
    let mut sent = shared.sent.lock().unwrap_or_else(PoisonError::into_inner);
    if sent.is_some_and(|ask| !shared.run.is_taken_back(ask)) {
        return Err(Problem::already_sent().into());
    }
    let options = read_options(&shared.run, &shared.options.channels, options)?;
    if options.channels != shared.options.channels {
        // Other channels reach other people: the figures are made anew.
        let changed = PlanOptions { channels: options.channels.clone(), ..shared.options.clone() };
        let made = decide(&shared.run, &shared.audience, &changed, shared.again_only)?;
        *plan.made() = made;
    }
    let made = plan.made().clone();
    let intent = Intent::Invite(InviteIntent { plan: made, options });
    *sent = Some(shared.run.ask_as_of(ctx, intent, shared.made_at)?);
    Ok(())
}
