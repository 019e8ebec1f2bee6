//! The global `invite`: plans, and the invitations of one user or device.

use rhai::plugin::*;
use rhai::{Dynamic, Map};

use crate::domain::intent::Intent;
use crate::domain::invite_plan::Choice;
use crate::domain::user::Status;
use crate::script::api::devices::owner;
use crate::script::api::plan::{Plan, send_with};
use crate::script::api::plan_options::{only_device, plan_options};
use crate::script::audience::{Audience, person};
use crate::script::options::Options;
use crate::script::past;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::values::{Device, User};

/// The global `invite`.
#[derive(Clone, Debug)]
pub struct Invite;

#[export_module]
pub mod api {
    /// The global `invite`.
    pub type Invite = super::Invite;

    /// Decides who of an audience would be invited. Nothing is sent until `plan.send()`.
    ///
    /// The audience is a user, a group, a selection of users, or an array of these. The choice is
    /// `"not-invited"` (nobody who was ever sent an invitation), `"not-enrolled"` (everybody who has not
    /// accepted and was not contacted a moment ago) or `"everyone"` (the same without regard to the last contact).
    ///
    /// # Throws
    /// `not_an_audience`; `unknown_choice`.
    ///
    /// # Example
    /// ```
    /// let plan = invite.plan(groups["Grade 5"], "not-invited");
    /// print(plan);
    /// plan.send();
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn plan(ctx: NativeCallContext, _invite: &mut Invite, audience: Dynamic, choice: &str) -> RhaiResultOf<Plan> {
        make(&ctx, audience, choice, Map::new())
    }

    /// Decides who of an audience would be invited, with options.
    ///
    /// # Options
    /// - `gap`: Span, who was contacted less than this ago is left out of `"not-enrolled"`; the site's by default
    /// - `channels`: array of string, over which invitations go: `"mdm"`, `"mail"`; the site's by default
    ///
    /// # Throws
    /// `not_an_audience`; `unknown_choice`; `unknown_option`; `wrong_type`.
    ///
    /// # Example
    /// ```
    /// let plan = invite.plan(users, "not-enrolled", #{ gap: days(7), channels: ["mail"] });
    /// ```
    #[rhai_fn(name = "plan", volatile, pure, return_raw)]
    pub fn plan_options_map(
        ctx: NativeCallContext,
        _invite: &mut Invite,
        audience: Dynamic,
        choice: &str,
        options: Map,
    ) -> RhaiResultOf<Plan> {
        make(&ctx, audience, choice, options)
    }

    /// Invites one user, however recently they were contacted. The answer is the plan, which says whether and how.
    ///
    /// # Effect
    /// invite, mail
    ///
    /// # Example
    /// ```
    /// print(invite.user(users.find("ana")));
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn user(ctx: NativeCallContext, _invite: &mut Invite, user: User) -> RhaiResultOf<Plan> {
        one_user(&ctx, user, Map::new())
    }

    /// Invites one user, with options.
    ///
    /// # Options
    /// As `plan.send`.
    ///
    /// # Effect
    /// invite, mail
    ///
    /// # Example
    /// ```
    /// invite.user(users.find("ana"), #{ remind: [days(3)] });
    /// ```
    #[rhai_fn(name = "user", volatile, pure, return_raw)]
    pub fn user_options(ctx: NativeCallContext, _invite: &mut Invite, user: User, options: Map) -> RhaiResultOf<Plan> {
        one_user(&ctx, user, options)
    }

    /// Invites the user of one device, on that device; by mail where it can't be shown there.
    ///
    /// # Throws
    /// `no_user` when the device is assigned to nobody.
    ///
    /// # Effect
    /// invite, mail
    ///
    /// # Example
    /// ```
    /// invite.device(devices.find("C02X1"));
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn device(ctx: NativeCallContext, _invite: &mut Invite, device: Device) -> RhaiResultOf<Plan> {
        one_device(&ctx, device, Map::new())
    }

    /// Invites the user of one device, with options.
    ///
    /// # Options
    /// As `plan.send`.
    ///
    /// # Throws
    /// `no_user` when the device is assigned to nobody.
    ///
    /// # Effect
    /// invite, mail
    ///
    /// # Example
    /// ```
    /// invite.device(devices.find("C02X1"), #{ expires: days(14) });
    /// ```
    #[rhai_fn(name = "device", volatile, pure, return_raw)]
    pub fn device_options(ctx: NativeCallContext, _invite: &mut Invite, device: Device, options: Map) -> RhaiResultOf<Plan> {
        one_device(&ctx, device, options)
    }

    /// Sends the same invitation again, to a user or any audience; who was never invited is left out.
    ///
    /// # Throws
    /// `not_an_audience`.
    ///
    /// # Effect
    /// invite, mail
    ///
    /// # Example
    /// ```
    /// invite.resend(users.find("ben"));
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn resend(ctx: NativeCallContext, _invite: &mut Invite, audience: Dynamic) -> RhaiResultOf<Plan> {
        again(&ctx, audience, Map::new())
    }

    /// Sends the same invitation again, with options.
    ///
    /// # Options
    /// As `plan.send`.
    ///
    /// # Throws
    /// `not_an_audience`.
    ///
    /// # Effect
    /// invite, mail
    ///
    /// # Example
    /// ```
    /// invite.resend(users.find("ben"), #{ channels: ["mail"] });
    /// ```
    #[rhai_fn(name = "resend", volatile, pure, return_raw)]
    pub fn resend_options(ctx: NativeCallContext, _invite: &mut Invite, audience: Dynamic, options: Map) -> RhaiResultOf<Plan> {
        again(&ctx, audience, options)
    }

    /// Withdraws the open invitations and the associations of an audience: Apple's records are retired. The
    /// answer is how many users it concerns; who has neither is passed over.
    ///
    /// # Throws
    /// `not_an_audience`.
    ///
    /// # Effect
    /// withdraw
    ///
    /// # Example
    /// ```
    /// let gone = invite.withdraw(users.where(|u| !u.enabled));
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn withdraw(ctx: NativeCallContext, _invite: &mut Invite, audience: Dynamic) -> RhaiResultOf<i64> {
        let run = Run::of(&ctx)?;
        let candidates = Audience::of(&run, audience)?.candidates(&run)?;
        let users: Vec<_> = candidates
            .iter()
            .filter(|c| matches!(c.status, Status::Invited | Status::Enrolled) || c.under_way)
            .map(person)
            .collect();
        let count = users.len();
        if count > 0 {
            run.ask(&ctx, Intent::Withdraw { users })?;
        }
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

fn make(ctx: &NativeCallContext, audience: Dynamic, choice: &str, options: Map) -> RhaiResultOf<Plan> {
    let run = Run::of(ctx)?;
    let choice = Choice::from_word(choice).ok_or_else(|| {
        let problem = Problem::unknown("choice", choice, Choice::WORDS);
        if problem.hint.is_some() { problem } else { problem.hint(format!("there are: {}", Choice::WORDS.join(", "))) }
    })?;
    let mut plan_options = plan_options(&run, choice);
    let mut options = Options::read("invite.plan", options, &["gap", "channels"])?;
    if let Some(gap) = options.span("gap")? {
        plan_options.gap = gap;
    }
    if let Some(channels) = options.channels("channels")? {
        plan_options.channels = channels;
    }
    let audience = Audience::of(&run, audience)?;
    Plan::make(&run, audience, plan_options)
}

fn one_user(ctx: &NativeCallContext, user: User, options: Map) -> RhaiResultOf<Plan> {
    let run = Run::of(ctx)?;
    let audience = Audience::of(&run, Dynamic::from(user))?;
    let plan = Plan::make(&run, audience, plan_options(&run, Choice::Everyone))?;
    send_with(ctx, &plan, options)?;
    Ok(plan)
}

fn one_device(ctx: &NativeCallContext, device: Device, options: Map) -> RhaiResultOf<Plan> {
    let run = Run::of(ctx)?;
    past::present_device(&run, &device)?;
    let user = owner(&run, &device)?.ok_or_else(|| {
        let name = format!("{} ({})", device.0.name, device.0.serial);
        Problem::new("no_user", format!("the device {name} is assigned to nobody"))
            .hint("assign it first: `devices.assign(device, user)`")
    })?;
    let audience = Audience::of(&run, Dynamic::from(user))?;
    let plan = Plan::make(&run, audience, only_device(plan_options(&run, Choice::Everyone), &device.0))?;
    send_with(ctx, &plan, options)?;
    Ok(plan)
}

fn again(ctx: &NativeCallContext, audience: Dynamic, options: Map) -> RhaiResultOf<Plan> {
    let run = Run::of(ctx)?;
    let audience = Audience::of(&run, audience)?;
    let plan = Plan::make_again(&run, audience, plan_options(&run, Choice::Everyone))?;
    send_with(ctx, &plan, options)?;
    Ok(plan)
}
