//! `:load` and `:save`: scripts that become lines, and lines that become a script.

use std::io::Write as _;
use std::path::Path;

use serde_json::json;

use super::shell::Shell;
use crate::cli::error_width;
use crate::cli::exit::{Exit, Failure};
use crate::cli::question::says_yes;
use crate::cli::script_file::load_script;
use crate::script::session::statements;

impl Shell<'_, '_> {
    /// Runs a script's statements one by one, until one fails.
    pub(super) fn load(&mut self, file: &str) -> Result<(), Failure> {
        if file.is_empty() {
            return Err(Failure::new(Exit::Usage, "it needs the name of a script"));
        }
        let script = load_script(self.site, std::path::Path::new(file))?;
        statements(&script.text).iter().try_for_each(|statement| self.line(statement))
    }

    /// Writes the session into a runbook.
    pub(super) fn save(&mut self, file: &str) -> Result<(), Failure> {
        if file.is_empty() {
            return Err(Failure::new(Exit::Usage, "it needs the name of a file"));
        }
        let path = Path::new(file);
        let is_bare = path.components().count() == 1 && path.extension().is_none();
        let path = if is_bare { self.site.dir.join("scripts").join(format!("{file}.rhai")) } else { path.to_owned() };
        let text = self.prompt.runbook()?;
        let unwritable = |e: std::io::Error| Failure::new(Exit::Failed, format!("can't write {}: {e}", path.display()));
        let new = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
        let mut file = match new {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let question = format!("{} exists. Replace it? [y/N] ", path.display());
                if !self.at_terminal || !says_yes(self.session, &question)? {
                    return Err(Failure::new(Exit::Refused, format!("{} exists: nothing was written", path.display())));
                }
                std::fs::File::create(&path).map_err(unwritable)?
            }
            other => other.map_err(unwritable)?,
        };
        file.write_all(text.as_bytes()).map_err(unwritable)?;
        self.say(&format!("saved as {}", path.display()), json!({ "saved": path }));
        for error in self.host.check(&path.display().to_string(), &text) {
            eprintln!("{}", error.render_within(self.session.ink.err, error_width()));
        }
        Ok(())
    }
}
