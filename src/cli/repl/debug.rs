//! `:debug`: a line, or a script, with the debugger beside it.

use std::path::Path;
use std::sync::Arc;

use super::shell::Shell;
use crate::cli::debug::{self, Said, TerminalDebugger};
use crate::cli::exit::{Exit, Failure};
use crate::cli::question::Line;
use crate::cli::script_file::load_script;
use crate::script::debug::Debugger;

impl Shell<'_, '_> {
    /// Runs a line, or the statements of a script together, with a debugger beside it.
    pub(super) fn debug(&mut self, text: &str) -> Result<(), Failure> {
        if text.is_empty() {
            return Err(Failure::new(Exit::Usage, "it needs an expression, or the name of a script"));
        }
        if !self.at_terminal || self.json {
            return Err(debug::nobody());
        }
        let Some(keyboard) = self.session.keyboard().cloned() else { return Err(debug::nobody()) };
        let read_line = Box::new(move |prompt: &str| match keyboard.line(prompt) {
            Ok(Some(Line::Typed(line))) => Said::Line(line),
            Ok(Some(Line::BrokenOff)) => Said::Nothing,
            Ok(None) | Err(_) => Said::End,
        });
        let break_in = Arc::clone(&self.break_in);
        let debugger = TerminalDebugger::new(self.session.ink.out, Arc::clone(&break_in), read_line)?;
        let debugger: Option<Arc<dyn Debugger>> = Some(Arc::new(debugger));
        let is_script = text.ends_with(".rhai") && !text.contains(['(', '"', '\n']);
        if is_script {
            let script = load_script(self.site, Path::new(text))?;
            return break_in.during(|| self.line_beside(&script.text, debugger));
        }
        break_in.during(|| self.line_beside(text, debugger))
    }
}
