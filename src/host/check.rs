//! The check of a site's scripts: each with what it imports, its names against what the site has, and the
//! schedules' parameters against what the scripts declare.

use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::Value;

use super::HostError;
use super::config::FILE_NAME;
use super::config::places::{Of, of_schedules};
use super::scripts::{SiteScripts, files};
use super::site::Site;
use crate::domain::misspelt;
use crate::domain::roster::RosterView;
use crate::domain::schedule::Schedule;
use crate::script::{
    Checked, ErrorKind, Finding, ParamDecl, ParamKind, ScriptError, ScriptHost, ScriptSource, SiteFacts, Surroundings,
};

/// What was found in one file.
pub struct FileChecked {
    /// As findings call it: `scripts/weekly.rhai`.
    pub file: String,
    pub checked: Checked,
}

/// Checks texts of a site.
pub struct SiteCheck<'a> {
    site: &'a Site,
    host: &'a ScriptHost,
    facts: SiteFacts,
}

impl<'a> SiteCheck<'a> {
    #[must_use]
    pub fn of(site: &'a Site, host: &'a ScriptHost) -> Self {
        Self { site, host, facts: site.facts() }
    }

    /// A text, which need not be saved, among the files that lie around it.
    ///
    /// # Errors
    /// The store's.
    pub fn text(&self, source: &ScriptSource) -> Result<FileChecked, HostError> {
        let scripts = source.folder.clone().map(SiteScripts::in_folder);
        let module = |name: &str| scripts.as_ref().ok_or_else(Vec::new)?.module(name);
        let view: Box<dyn RosterView> = Box::new(self.site.store.roster()?);
        let around =
            Surroundings { site: Some(&self.facts), view: Some(Mutex::new(view)), module: &module, modules_unknown: false };
        let checked = self.host.examine(&source.name, &source.text, &around);
        Ok(FileChecked { file: source.name.clone(), checked })
    }

    /// Every script of the site, those in its inner folders and the tests included.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn files(&self) -> Result<Vec<PathBuf>, HostError> {
        let folder = self.site.dir.join("scripts");
        files(&folder).map_err(|why| HostError::site(why, "check that the user who runs beckon can read it"))
    }

    /// With the places in the site file, as it is now.
    fn placed(&self, found: Vec<(ScriptError, (&str, Of<'_>))>) -> Vec<Finding> {
        let (mut errors, wanted): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        if !errors.is_empty() {
            let text = std::fs::read_to_string(self.site.dir.join(FILE_NAME)).unwrap_or_default();
            for (error, place) in errors.iter_mut().zip(of_schedules(&text, &wanted)) {
                let Some(place) = place else { continue };
                (error.line, error.column, error.length) = (place.line, place.column, place.length);
                error.source_line = place.source_line;
            }
        }
        errors.into_iter().map(Finding::error).collect()
    }

    /// Schedules whose script is not there.
    #[must_use]
    pub fn missing_scripts(&self) -> Vec<Finding> {
        let missing = |schedule: &'a Schedule| {
            let error = self.site.scripts.source(&schedule.script).err()?;
            let said = format!("the schedule {:?} can't run: {error}", schedule.name);
            Some((wrong("unknown_script", said, Some(error.remedy())), (schedule.name.as_str(), Of::Script)))
        };
        self.placed(self.site.config.schedules.iter().filter_map(|schedule| missing(schedule)).collect())
    }

    /// What is wrong with the parameters that schedules give to a script.
    #[must_use]
    pub fn schedules(&self, file: &FileChecked) -> Vec<Finding> {
        // Of a text with errors it is not known what it declares.
        if file.checked.findings.iter().any(Finding::is_error) {
            return Vec::new();
        }
        let mut found: Vec<(ScriptError, (&str, Of<'_>))> = Vec::new();
        let declared = &file.checked.params;
        for schedule in self.site.config.schedules.iter().filter(|s| format!("scripts/{}", s.script) == file.file) {
            let name = schedule.name.as_str();
            for (param, value) in &schedule.params {
                let Some(decl) = declared.iter().find(|decl| decl.name == *param) else {
                    if !file.checked.more_params {
                        let near = misspelt::nearest(param, declared.iter().map(|decl| decl.name.as_str()));
                        let hint = near.map(|near| format!("did you mean {near:?}?"));
                        let said =
                            format!("the schedule {name:?} gives the parameter {param:?}, which {} doesn't declare", file.file);
                        found.push((wrong("unknown_parameter", said, hint), (name, Of::Param(param))));
                    }
                    continue;
                };
                if !may_be(decl, value) {
                    let said = format!(
                        "the schedule {name:?} gives {param:?} the value {value}, and {} wants {}",
                        file.file,
                        wants(decl.kind)
                    );
                    found.push((wrong("wrong_parameter", said, None), (name, Of::Value(param))));
                }
            }
            for decl in declared.iter().filter(|d| d.default.is_none() && !schedule.params.contains_key(&d.name)) {
                let said = format!("the schedule {name:?} gives no {:?}, and {} needs it", decl.name, file.file);
                let hint = format!("write `params = {{ {} = … }}`, or give it a default", decl.name);
                found.push((wrong("missing_parameter", said, Some(hint)), (name, Of::Params)));
            }
        }
        self.placed(found)
    }
}

/// An error of the site file.
fn wrong(code: &str, message: String, hint: Option<String>) -> ScriptError {
    let mut error = ScriptError::bare(ErrorKind::Parameter, code, message);
    error.source = FILE_NAME.to_owned();
    error.hint = hint;
    error
}

/// Whether the value can be read as what the parameter wants; of texts only the run can tell.
fn may_be(decl: &ParamDecl, value: &Value) -> bool {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    match decl.kind {
        ParamKind::Int => text.parse::<i64>().is_ok(),
        ParamKind::Number => text.parse::<f64>().is_ok(),
        ParamKind::Bool => matches!(text.to_lowercase().as_str(), "true" | "false" | "yes" | "no" | "1" | "0"),
        ParamKind::Text | ParamKind::Duration | ParamKind::Time => true,
    }
}

fn wants(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Int => "a whole number",
        ParamKind::Number => "a number",
        ParamKind::Bool => "true or false",
        ParamKind::Text | ParamKind::Duration | ParamKind::Time => kind.word(),
    }
}
