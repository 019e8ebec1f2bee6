//! What the check finds in a text without running it.

use serde::Serialize;

use super::error::ScriptError;
use super::input::ParamDecl;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It fails as soon as it is run.
    Error,
    /// It runs, and hardly does what was meant.
    Warning,
}

/// One thing that is wrong, or looks so, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    pub error: ScriptError,
}

/// What a script can change in the world when its run commits, and by which function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Effect {
    /// `invite`, `mail`, `withdraw`.
    pub effect: String,
    /// `plan.send`; for a module's function its name there: `weekly::remind → plan.send`.
    pub by: String,
}

/// What the check knows of one text.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// In the order of the text.
    pub findings: Vec<Finding>,
    /// What it can cause, through everything that it imports.
    pub effects: Vec<Effect>,
    /// The parameters that it declares by a literal name.
    pub params: Vec<ParamDecl>,
    /// Whether it also declares some whose name only a run can tell.
    pub more_params: bool,
    /// What it imports by a literal name.
    pub imports: Vec<String>,
}

impl Checked {
    /// Of a text that can't be looked into.
    pub(super) fn failed(error: ScriptError) -> Self {
        Self { findings: vec![Finding::error(error)], ..Self::default() }
    }
}

impl Finding {
    #[must_use]
    pub fn error(error: ScriptError) -> Self {
        Self { severity: Severity::Error, error }
    }

    /// For a terminal: as [`ScriptError::render_within`], with the word for its weight.
    #[must_use]
    pub fn render_within(&self, colour: bool, columns: usize) -> String {
        match self.severity {
            Severity::Error => self.error.render_within(colour, columns),
            Severity::Warning => self.error.render_warning(colour, columns),
        }
    }

    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// For an editor: a place with its end, in characters from 1; the end is the first one after it. `related` is
/// another place that belongs to it.
impl Serialize for Finding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct At<'a> {
            file: &'a str,
            line: u32,
            column: u32,
            end: u32,
        }
        #[derive(Serialize)]
        struct Related<'a> {
            #[serde(flatten)]
            at: At<'a>,
            message: &'a str,
        }
        #[derive(Serialize)]
        struct Diagnostic<'a> {
            #[serde(flatten)]
            at: At<'a>,
            severity: Severity,
            code: &'a str,
            message: &'a str,
            hint: Option<&'a str>,
            related: Option<Related<'a>>,
        }
        fn at(error: &ScriptError) -> At<'_> {
            At { file: &error.source, line: error.line, column: error.column, end: error.column + error.length }
        }
        let error = &self.error;
        Diagnostic {
            at: at(error),
            severity: self.severity,
            code: &error.code,
            message: &error.message,
            hint: error.hint.as_deref(),
            related: error.note.as_ref().map(|note| Related { at: at(note), message: &note.message }),
        }
        .serialize(serializer)
    }
}

/// `can invite and mail (plan.send), can post to a webhook (notify.webhook)`; words for a script that changes nothing.
#[must_use]
pub fn effects_in_words(effects: &[Effect]) -> String {
    if effects.is_empty() {
        return "changes nothing".to_owned();
    }
    let mut said: Vec<(&str, Vec<&str>)> = Vec::new();
    for Effect { effect, by } in effects {
        match said.iter_mut().find(|(known, _)| known == effect) {
            Some((_, all)) => all.push(by),
            None => said.push((effect, vec![by])),
        }
    }
    // What the same functions do is said of them once.
    let words = said.chunk_by(|(_, one), (_, other)| one == other).map(|alike| {
        let verbs: Vec<&str> = alike.iter().map(|(effect, _)| verb(effect)).collect();
        let by = alike.first().map(|(_, by)| by.join(", ")).unwrap_or_default();
        format!("can {} ({by})", verbs.join(" and "))
    });
    words.collect::<Vec<_>>().join(", ")
}

/// What follows "can".
fn verb(effect: &str) -> &str {
    match effect {
        "push" => "push alerts",
        "webhook" => "post to a webhook",
        "distribution" => "change managed distribution",
        "assign-device" => "assign devices",
        "assign-app" => "assign apps",
        "tasks" => "change tasks",
        verb => verb,
    }
}
