//! `:debug`: a line, or a script, with the debugger beside it.

use std::path::Path;

use super::shell::Shell;
use crate::cli::debug::{self, TerminalDebugger};
use crate::cli::exit::{Exit, Failure};
use crate::cli::script_file::load_script;

impl Shell<'_, '_> {
    /// Runs a line, or the statements of a script together, with a debugger beside it.
    pub(super) fn debug(&mut self, text: &str) -> Result<(), Failure> {
        if text.is_empty() {
            return Err(Failure::new(Exit::Usage, "it needs an expression, or the name of a script"));
        }
        if !self.at_terminal || self.json {
            return Err(debug::nobody());
        }
        let debugger = TerminalDebugger::wanted(true, self.session.ink.out)?;
        let is_script = text.ends_with(".rhai") && !text.contains(['(', '"', '\n']);
        if is_script {
            let script = load_script(self.site, Path::new(text))?;
            return self.line_beside(&script.text, debugger);
        }
        self.line_beside(text, debugger)
    }
}
