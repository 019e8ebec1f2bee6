//! What can be seen of a script without running it.

use rhai::AST;

use super::error::ScriptError;
use super::explain::Explainer;

/// Everything that is wrong, in the order of the text.
pub fn check(_ast: &AST, _explainer: &Explainer) -> Vec<ScriptError> {
    Vec::new()
}
