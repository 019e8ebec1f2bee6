//! A script's parameters, from its schedule.

use std::collections::BTreeMap;

use crate::domain::misspelt;
use crate::script::{ParamAbort, ParamDecl, ParamSource};

/// The `params` of a schedule, as texts.
pub struct ScheduleParams(BTreeMap<String, String>);

impl ScheduleParams {
    #[must_use]
    pub fn of(params: &BTreeMap<String, serde_json::Value>) -> Self {
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Self(params.iter().map(|(name, value)| (name.clone(), text(value))).collect())
    }

    /// As `NAME=VALUE`, the way the command line takes them.
    #[must_use]
    pub fn as_arguments(&self) -> Vec<String> {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// What is wrong when the script has no parameter of one of the names.
    #[must_use]
    pub fn not_taken(&self, declared: &[ParamDecl]) -> Option<String> {
        let unknown = self.0.keys().find(|name| !declared.iter().any(|d| d.name == **name))?;
        let near = misspelt::nearest(unknown, declared.iter().map(|d| d.name.as_str()));
        let meant = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        Some(format!("the script has no parameter {unknown:?}{meant} (params of the schedule, in site.toml)"))
    }
}

impl ParamSource for ScheduleParams {
    fn value(&self, decl: &ParamDecl) -> Result<Option<String>, ParamAbort> {
        Ok(self.0.get(&decl.name).cloned())
    }
}
