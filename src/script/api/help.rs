//! `help`: the reference of a name, printed where a script asks for it.

use rhai::plugin::*;

use crate::script::problem::RhaiResultOf;
use crate::script::run_context::Run;

#[export_module]
pub mod api {
    /// Prints what a script can begin with: the globals and the functions.
    ///
    /// # Example
    /// ```
    /// help();
    /// ```
    #[rhai_fn(volatile, return_raw)]
    pub fn help(ctx: NativeCallContext) -> RhaiResultOf<()> {
        help_on(ctx, "")
    }

    /// Prints the reference of a name: a global, a type, a function or a field, such as `"users"`, `"where"` or
    /// `"invite.plan"`.
    ///
    /// # Throws
    /// `unknown_name` when there is nothing of that name, with the nearest.
    ///
    /// # Example
    /// ```
    /// help("invite.plan");
    /// ```
    #[rhai_fn(name = "help", volatile, return_raw)]
    pub fn help_on(ctx: NativeCallContext, name: &str) -> RhaiResultOf<()> {
        let run = Run::of(&ctx)?;
        run.print(&run.describe(name)?);
        Ok(())
    }
}
