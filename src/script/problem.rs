//! What a host function finds wrong with what a script asked: every wording in one place.
//!
//! A problem reaches the script as a map `#{ code, message, hint, about }`, so that it can be
//! caught by its code; one that nobody catches becomes a [`super::ScriptError`].

use rhai::{Dynamic, EvalAltResult, Map, Position};

use super::error::ScriptError;
use super::input::TemplateMisfit;
use crate::domain::misspelt::did_you_mean;
use crate::domain::roster::RosterError;

/// The answer of a host function.
pub type RhaiResultOf<T> = Result<T, Box<EvalAltResult>>;

/// Something that a script did wrong, or that can't be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: String,
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The text in the script that it is about, for the caret: `Grade5`.
    pub about: Option<String>,
    /// What went wrong elsewhere, in a script that a test ran or in a template: that is what its author wants to
    /// see.
    pub cause: Option<ScriptError>,
    /// Another place that belongs to it.
    pub note: Option<ScriptError>,
}

impl Problem {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), hint: None, about: None, cause: None, note: None }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    #[must_use]
    pub fn about(mut self, text: impl Into<String>) -> Self {
        self.about = Some(text.into());
        self
    }

    /// Nobody, nothing or no such thing of that name: `unknown("group", "Grade5", …)`.
    pub fn unknown<'a>(noun: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let message = match noun {
            "template" | "webhook" | "setting" | "schedule" => format!("there is no {noun} {name:?}"),
            _ => format!("no {noun} is called {name:?}"),
        };
        Self::new(&format!("unknown_{}", noun.replace(' ', "_")), message).about(name).maybe_hint(did_you_mean(name, known))
    }

    /// A template that can't be used as a script asks.
    pub fn misfit(template: &str, misfit: TemplateMisfit) -> Self {
        let problem = Self::new("wrong_data", format!("the template {template:?} {}", misfit.what));
        let about = misfit.about.as_deref().unwrap_or(template);
        Self { note: misfit.at, ..problem.about(about).maybe_hint(misfit.hint) }
    }

    pub fn not_an_audience(got: &str) -> Self {
        Self::new(
            "not_an_audience",
            format!("an audience is a user, a group, a selection of users or an array of these, not {got}"),
        )
    }

    pub fn unknown_option<'a>(of: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let hint = did_you_mean(name, known.iter().copied()).unwrap_or_else(|| format!("it knows: {}", known.join(", ")));
        Self::new("unknown_option", format!("{of} has no option {name:?}")).about(name).hint(hint)
    }

    pub fn unknown_module<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new("unknown_module", format!("there is no module {name:?}"))
            .about(name)
            .hint("modules are looked for in the site's scripts folder and in the standard library")
            .maybe_hint(did_you_mean(name, known))
    }

    pub fn too_many_rows(rows: u64, allowed: usize) -> Self {
        Self::new("too_many_rows", format!("the selection has {rows} rows, and an array holds at most {allowed}"))
            .hint("use `limit(n)`, or a `for` loop over the selection, which reads it in pieces")
    }

    pub fn too_many_for_interpreter(rows: u64, allowed: u64) -> Self {
        Self::new(
            "too_many_rows",
            format!(
                "this closure can't be turned into a query, and {rows} rows are too many to ask one by one (at most {allowed})"
            ),
        )
        .hint("narrow the selection first, with conditions on plain fields; `explain()` shows what became of each")
    }

    pub fn wants(function: &str, wanted: &str, got: &str) -> Self {
        Self::new("wrong_type", format!("{function} wants {wanted}, not {got}"))
    }

    pub fn out_of_range(what: &str, wanted: &str, got: impl std::fmt::Display) -> Self {
        Self::new("out_of_range", format!("{what} must be {wanted}, not {got}"))
    }

    pub fn already_sent() -> Self {
        Self::new("already_sent", "this plan has been sent by this run").hint("make a new plan to send again")
    }

    pub fn internal(what: &str) -> Self {
        Self::new("internal", format!("{what}: this is a fault of beckon, please report it"))
    }

    /// As an error at a place; without one the engine fills in the call's.
    pub fn at(self, position: Position) -> Box<EvalAltResult> {
        let mut map = Map::new();
        map.insert("code".into(), self.code.into());
        map.insert("message".into(), self.message.into());
        map.insert("hint".into(), self.hint.map_or(Dynamic::UNIT, Into::into));
        map.insert("about".into(), self.about.map_or(Dynamic::UNIT, Into::into));
        if let Some(cause) = self.cause {
            map.insert("cause".into(), Dynamic::from(cause));
        }
        if let Some(note) = self.note {
            map.insert("note".into(), Dynamic::from(note));
        }
        Box::new(EvalAltResult::ErrorRuntime(map.into(), position))
    }

    /// Reads back what [`Self::at`] wrote, or what a script threw in the same shape.
    pub fn from_thrown(value: &Dynamic) -> Option<Self> {
        let map = value.as_map_ref().ok()?;
        let text = |key: &str| map.get(key).and_then(|v| v.clone().into_string().ok());
        let error = |key: &str| map.get(key).and_then(|error| error.clone().try_cast());
        let message = text("message")?;
        Some(Self {
            code: text("code").unwrap_or_else(|| "thrown".to_owned()),
            message,
            hint: text("hint"),
            about: text("about"),
            cause: error("cause"),
            note: error("note"),
        })
    }
}

impl From<Problem> for Box<EvalAltResult> {
    fn from(problem: Problem) -> Self {
        problem.at(Position::NONE)
    }
}

impl From<RosterError> for Problem {
    fn from(error: RosterError) -> Self {
        Self::new("roster_unreadable", error.to_string())
    }
}
