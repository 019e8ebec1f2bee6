//! The options of a plan and of its sending, and what stands where a script says nothing.

use rhai::Map;

use crate::domain::delivery::Channel;
use crate::domain::device::Device as DeviceRecord;
use crate::domain::ids::DeviceId;
use crate::domain::intent::InviteOptions;
use crate::domain::invite_plan::{Choice, PlanOptions, counted};
use crate::domain::time::Span;
use crate::script::error::ScriptError;
use crate::script::options::Options;
use crate::script::problem::Problem;
use crate::script::reminder_policy;
use crate::script::run_context::Run;

/// The options of `plan.send`. `channels`: the plan's own.
///
/// # Errors
/// `unknown_option`, `wrong_type`, `wrong_time`, `out_of_range`, and those of [`check_template`].
pub fn read_options(run: &Run, channels: &[Channel], map: Map) -> Result<InviteOptions, Problem> {
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

/// Whether a template exists and can be rendered with the data.
///
/// # Errors
/// `unknown_template`, `wrong_data`; while a template of the site is broken, `broken_template`.
pub fn check_template(run: &Run, name: &str, data: &serde_json::Value) -> Result<(), Problem> {
    let broken = run.site.templates.broken();
    if let Some(first) = broken.first() {
        return Err(broken_templates(first, broken.len() - 1));
    }
    let names = run.site.templates.names();
    if !names.iter().any(|n| n == name) {
        let problem = Problem::unknown("template", name, names.iter().map(String::as_str));
        let listed =
            if names.is_empty() { "the site has no templates".to_owned() } else { format!("there are: {}", names.join(", ")) };
        return Err(if problem.hint.is_some() { problem } else { problem.hint(listed) });
    }
    run.site.templates.check_data(name, data).map_err(|misfit| Problem::misfit(name, misfit))
}

/// None can be used while one is broken.
fn broken_templates(first: &ScriptError, more: usize) -> Problem {
    let mut cause = first.clone();
    if more > 0 {
        let hint = cause.hint.take().map(|hint| format!("{hint}; ")).unwrap_or_default();
        cause.hint = Some(format!("{hint}{} in templates more: `beckon check` shows all", counted(more, "error")));
    }
    Problem { cause: Some(cause), ..Problem::new("broken_template", "a template is broken") }
}

/// How a plan is made where the script says nothing else.
pub fn plan_options(run: &Run, choice: Choice) -> PlanOptions {
    let channels: Vec<Channel> =
        run.site.channels.iter().copied().filter(|c| matches!(c, Channel::Mdm | Channel::Mail)).collect();
    PlanOptions { choice, channels, gap: run.site.limits.reminder_gap, only_devices: None }
}

/// The same for one device.
pub fn only_device(options: PlanOptions, device: &DeviceRecord) -> PlanOptions {
    PlanOptions { only_devices: Some(vec![DeviceId(device.id.0)]), ..options }
}
