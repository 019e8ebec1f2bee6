//! What a run is given and what it gives back. Nothing in here does anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use chrono_tz::Tz;
use serde::Serialize;

use crate::domain::delivery::Channel;
use crate::domain::intent::Asked;
use crate::domain::limits::{Limits, ScriptLimits};
use crate::domain::roster::{Read, RosterView};
use crate::domain::schedule::Schedule;
use crate::domain::time::Timestamp;
use crate::script::debug::Debugger;
use crate::script::error::ScriptError;
use crate::script::shown::Shown;

/// Everything that one execution of a script sees and may use.
pub struct RunInput {
    pub script: ScriptSource,
    pub turn: Turn,
    pub site: Arc<SiteFacts>,
    /// What started it: `runbook`, `repl`, `schedule weekly-reminder`.
    pub trigger: String,
    pub dry_run: bool,
    pub last: LastValue,
    pub limits: ScriptLimits,
}

/// How a script's last value is wanted beside its printed form. Each takes looks at the roster of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastValue {
    /// Not at all.
    Printed,
    /// As a table or a card to draw.
    Shown,
    /// As data.
    Data,
}

impl LastValue {
    /// Drawn for whoever is there, else only printed.
    #[must_use]
    pub fn shown_if(somebody_looks: bool) -> Self {
        if somebody_looks { Self::Shown } else { Self::Printed }
    }
}

/// What a run has for one evaluation: the roster as it is now, and whoever listens and answers. A
/// session has another one for each of its lines.
pub struct Turn {
    pub view: Box<dyn RosterView>,
    /// The one "now" of the evaluation.
    pub now: Timestamp,
    pub params: Arc<dyn ParamSource>,
    /// Asked regularly; the host reads the clock.
    pub stop: Arc<dyn Fn() -> Option<Stop> + Send + Sync>,
    /// Takes each line that the script prints.
    pub print: Arc<dyn Fn(&str) + Send + Sync>,
    /// How much was asked for before and counts with what is asked now.
    pub asked_before: usize,
    /// Stands beside the script; without one nothing of a debugger is there.
    pub debugger: Option<Arc<dyn Debugger>>,
}

/// A script's text, and what people call it.
#[derive(Clone, Debug)]
pub struct ScriptSource {
    /// As errors show it: `scripts/weekly-reminder.rhai`, `repl`.
    pub name: String,
    pub text: String,
    /// The folder that `import` may read; without one only the standard library can be imported.
    pub folder: Option<PathBuf>,
    /// What is imported from the folder, where that is not what lies there now.
    pub held: Option<HeldModules>,
}

/// The texts of a folder as they were at some time, by their paths inside it.
pub type HeldModules = Arc<BTreeMap<PathBuf, String>>;

/// Why a run has to end now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    Cancelled,
    OutOfTime,
}

/// What scripts may know of the site.
pub struct SiteFacts {
    pub name: String,
    pub zone: Tz,
    /// The default language of messages.
    pub language: String,
    pub contact: String,
    /// `[settings]` of `site.toml`.
    pub settings: serde_json::Map<String, serde_json::Value>,
    pub limits: Limits,
    /// The channels that are configured: what a plan uses when it names none.
    pub channels: Vec<Channel>,
    /// The names of the webhooks.
    pub webhooks: Vec<String>,
    pub templates: Arc<dyn TemplateCheck>,
    pub schedules: Arc<dyn ScheduleBook>,
}

/// What a text is checked against.
pub struct Surroundings<'a> {
    /// Without a site its names are not looked at.
    pub site: Option<&'a SiteFacts>,
    /// The roster as it is now: a name that is not in it may be there when the script runs.
    pub view: Option<Mutex<Box<dyn RosterView>>>,
    /// The text of a module of the site by the name in its import, or the names that there are.
    pub module: &'a (dyn Fn(&str) -> Result<String, Vec<String>> + Sync),
    /// A module that is not found may be elsewhere.
    pub modules_unknown: bool,
}

/// Templates, as far as a script's asks can be checked against them.
pub trait TemplateCheck: Send + Sync {
    fn names(&self) -> Vec<String>;

    /// What is wrong with the templates themselves: where anything is, none can be used.
    fn broken(&self) -> Vec<ScriptError>;

    /// Whether the template can be rendered with this data beside the person's and the site's own.
    ///
    /// # Errors
    /// What is missing or wrong.
    fn check_data(&self, name: &str, data: &serde_json::Value) -> Result<(), TemplateMisfit>;

    /// Whether the template asks for exactly data of these keys, whatever their values.
    ///
    /// # Errors
    /// What is missing or unknown.
    fn check_keys(&self, name: &str, keys: &[&str]) -> Result<(), TemplateMisfit>;
}

/// Why a template can't be used as a script asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateMisfit {
    /// In words that follow the template's name.
    pub what: String,
    /// The key in the script's data that it is about.
    pub about: Option<String>,
    pub hint: Option<String>,
    /// Where in the template it shows, and what is wrong there.
    pub at: Option<ScriptError>,
}

/// The site's schedules, read when a script asks: there may be thousands, and most runs never do.
pub trait ScheduleBook: Send + Sync {
    /// In the order of `site.toml`.
    fn all(&self) -> &[Arc<Schedule>];

    /// The names of those that are paused.
    ///
    /// # Errors
    /// They can't be read.
    fn paused(&self) -> Read<BTreeSet<String>>;
}

/// Where the values of a script's parameters come from: the command line, a schedule, a terminal.
pub trait ParamSource: Send + Sync {
    /// The value given for a parameter, as text; `None` when none was given.
    ///
    /// # Errors
    /// The person who was asked does not want to go on.
    fn value(&self, decl: &ParamDecl) -> Result<Option<String>, ParamAbort>;
}

/// The person who was asked for a parameter gave up, with words to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParamAbort(pub String);

/// One parameter, as `run.param` declared it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParamDecl {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ParamKind,
    /// As text; a parameter without one is required.
    pub default: Option<String>,
    pub help: Option<String>,
    /// The only values allowed, as text.
    pub choices: Option<Vec<String>>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// What the whole text must look like: `*` any text, `?` one character, `[a-z]` one of these.
    pub pattern: Option<String>,
}

/// The type of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ParamKind {
    Text,
    Int,
    Number,
    Bool,
    /// `3 days`, `12 hours`, or a bare number of days.
    Duration,
    /// `2026-12-01` or `2026-12-01 08:00`, in the site's zone.
    Time,
}

impl ParamKind {
    pub const ALL: [Self; 6] = [Self::Text, Self::Int, Self::Number, Self::Bool, Self::Duration, Self::Time];

    /// The word in `type:` and in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int => "int",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Duration => "duration",
            Self::Time => "time",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.word() == word)
    }
}

/// What a script that ended well leaves behind.
#[derive(Clone, Debug, Default)]
pub struct RunOutput {
    /// In the order in which it was asked.
    pub asked: Vec<Asked>,
    /// The printed form of the script's last value; `None` for a script that ends without one.
    pub value: Option<String>,
    /// What that value looks like; of a long one the first [`super::shown::LAST_VALUE`] rows.
    pub shown: Shown,
    /// That value as data, where the run was asked for it.
    pub data: Option<serde_json::Value>,
    /// What it gave to `run.log`.
    pub logs: Vec<String>,
    /// The parameters that it asked for, in order.
    pub declared: Vec<ParamDecl>,
}

/// What a script says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Declarations {
    /// The leading `//!` lines.
    pub description: String,
    pub params: Vec<ParamDecl>,
}
