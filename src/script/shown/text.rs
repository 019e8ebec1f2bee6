//! What stands on its own: texts as they are, numbers, instants, closures.

use rhai::{Dynamic, FnPtr, ImmutableString};

use super::field::Getters;
use crate::script::problem::RhaiResultOf;
use crate::script::run_context::Run;

/// As `print` shows it; a closure as its author wrote it.
///
/// # Errors
/// Those of the value's `to_string`.
pub fn of(run: &Run, value: Dynamic) -> RhaiResultOf<String> {
    if let Some(closure) = value.read_lock::<FnPtr>()
        && let Some(text) = run.sources.text_of_closure(closure.fn_name())
    {
        return Ok(text);
    }
    let text = Getters::new(run)?.context().call_native_fn::<ImmutableString>("to_string", (value,))?;
    Ok(text.to_string())
}

/// A script's last value as `print` would show it; `None` for `()`.
///
/// # Errors
/// Those of the value's `to_string`.
pub fn printed(run: &Run, value: &Dynamic) -> RhaiResultOf<Option<String>> {
    if value.is_unit() {
        return Ok(None);
    }
    of(run, value.clone()).map(Some)
}
