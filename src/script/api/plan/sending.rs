//! What becomes of a plan that is sent.

use std::sync::PoisonError;

use rhai::{Map, NativeCallContext};

use super::{Plan, check_template, decide};
use crate::domain::delivery::Channel;
use crate::domain::intent::{Intent, Invite as InviteIntent, InviteOptions};
use crate::domain::invite_plan::PlanOptions;
use crate::domain::time::Span;
use crate::script::options::Options;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::reminder_policy;
use crate::script::run_context::Run;

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

fn read_options(run: &Run, channels: &[Channel], map: Map) -> Result<InviteOptions, Problem> {
    let mut options = Options::read("plan.send", map, &["channels", "template", "remind", "expires", "canary"])?;
    let channels = options.channels("channels")?.unwrap_or_else(|| channels.to_vec());
    let template = options.text("template")?.unwrap_or_else(|| "invitation".to_owned());
    let expires = options.span("expires")?;
    let canary = options.count("canary")?;
    let remind = reminder_policy::read(&mut options, run, expires)?;
    check_template(run, &template, &serde_json::Value::Object(serde_json::Map::new()))?;
    if expires.is_some_and(|e| e < Span::minutes(1)) {
        return Err(Problem::out_of_range("the option \"expires\"", "at least a minute", "less").about("expires"));
    }
    Ok(InviteOptions { channels, template, remind, expires, canary })
}
