//! What scripts call: one module a file, a doc comment on each function. A function either answers a
//! question or adds to the plan; none of them reaches the world.

pub mod apps;
mod attributes;
pub mod devices;
mod export;
pub mod groups;
mod help;
mod invite;
mod notify;
pub mod plan;
pub mod plan_options;
mod run;
pub mod schedule;
mod selection;
mod site;
mod span;
pub mod tasks;
mod test_site;
mod time;
mod users;

use rhai::plugin::*;
use rhai::{Dynamic, Module};

use super::run_context::Run;
use super::selection::Selection;
use crate::domain::selection::{Of, Select};

/// The functions and types, shared by all runs.
pub fn module() -> Module {
    let mut module = Module::new();
    module.set_id("beckon");
    combine_with_exported_module!(&mut module, "time", time::api);
    combine_with_exported_module!(&mut module, "span", span::api);
    combine_with_exported_module!(&mut module, "users", users::api);
    combine_with_exported_module!(&mut module, "attributes", attributes::api);
    combine_with_exported_module!(&mut module, "groups", groups::api);
    combine_with_exported_module!(&mut module, "devices", devices::api);
    combine_with_exported_module!(&mut module, "selection", selection::api);
    combine_with_exported_module!(&mut module, "invite", invite::api);
    combine_with_exported_module!(&mut module, "plan", plan::api);
    combine_with_exported_module!(&mut module, "export", export::api);
    combine_with_exported_module!(&mut module, "notify", notify::api);
    combine_with_exported_module!(&mut module, "tasks", tasks::api);
    combine_with_exported_module!(&mut module, "apps", apps::api);
    combine_with_exported_module!(&mut module, "schedule", schedule::api);
    combine_with_exported_module!(&mut module, "site", site::api);
    combine_with_exported_module!(&mut module, "run", run::api);
    combine_with_exported_module!(&mut module, "help", help::api);
    selection::iterable(&mut module);
    groups::iterable(&mut module);
    module.build_index();
    module
}

/// What script tests call beside all that: the sites that `import "testing"` hands out.
pub fn test_module() -> Module {
    let mut module = Module::new();
    module.set_id("beckon tests");
    combine_with_exported_module!(&mut module, "test_site", test_site::api);
    module.build_index();
    module
}

/// The globals of one run: their names, and what stands behind them.
pub fn globals(run: &Run) -> Module {
    let mut module = Module::new();
    module.set_id("beckon globals");
    for (name, value) in global_values(run) {
        module.set_var(name, value);
    }
    module
}

/// Name, type and purpose of each global, for the compiler, the errors and the reference.
pub const GLOBALS: &[(&str, &str, &str)] = &[
    ("users", "Selection", "all users"),
    ("groups", "Groups", "groups by name"),
    ("devices", "Selection", "all devices"),
    ("invite", "Invite", "invitations"),
    ("notify", "Notify", "messages"),
    ("tasks", "Tasks", "what is in flight"),
    ("apps", "Apps", "apps and books of the token"),
    ("schedule", "Schedules", "the site's schedules"),
    ("site", "Site", "the site's name, zone and settings"),
    ("run", "ThisRun", "this run"),
];

fn global_values(run: &Run) -> [(&'static str, Dynamic); 10] {
    [
        ("users", Dynamic::from(Selection::new(run.clone(), Select::All(Of::Users)))),
        ("groups", Dynamic::from(groups::Groups(run.clone()))),
        ("devices", Dynamic::from(Selection::new(run.clone(), Select::All(Of::Devices)))),
        ("invite", Dynamic::from(invite::Invite)),
        ("notify", Dynamic::from(notify::Notify)),
        ("tasks", Dynamic::from(tasks::Tasks)),
        ("apps", Dynamic::from(apps::Apps)),
        ("schedule", Dynamic::from(schedule::Schedules)),
        ("site", Dynamic::from(site::Site)),
        ("run", Dynamic::from(run::ThisRun)),
    ]
}
