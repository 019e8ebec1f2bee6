//! What is wrong with a template, where, and what to write instead.

use std::fmt;

/// One fault of one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The file, or the template's name where there is no file.
    pub file: String,
    pub line: Option<usize>,
    pub what: String,
    pub hint: Option<String>,
}

impl TemplateError {
    pub(super) fn new(file: &str, line: Option<usize>, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into(), hint: None }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn unknown_variable(file: &str, line: Option<usize>, name: &str, known: &[String]) -> Self {
        Self::new(file, line, format!("there is no variable `{name}`")).with_hint(nearest(name, known))
    }

    pub(super) fn unknown_template(name: &str, known: &[String]) -> Self {
        Self::new(name, None, format!("there is no template called \"{name}\"")).with_hint(nearest(name, known))
    }

    /// A fault found while loading, with all that minijinja says: only sample data was in reach.
    pub(super) fn at_load(file: &str, above: Option<usize>, error: &minijinja::Error) -> Self {
        let what = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        Self::new(file, error.line().zip(above).map(|(line, above)| line + above), what)
    }

    /// A fault found while rendering for a person: its kind only, since the rest may quote data.
    pub(super) fn at_render(file: &str, above: Option<usize>, error: &minijinja::Error) -> Self {
        Self::new(file, error.line().zip(above).map(|(line, above)| line + above), error.kind().to_string())
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl std::error::Error for TemplateError {}

/// The nearest name, or all of them.
pub(super) fn nearest(name: &str, known: &[String]) -> String {
    let best = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .min();
    match best {
        Some((_, candidate)) => format!("did you mean `{candidate}`? known: {}", known.join(", ")),
        None if known.is_empty() => "none is known".to_owned(),
        None => format!("known: {}", known.join(", ")),
    }
}
