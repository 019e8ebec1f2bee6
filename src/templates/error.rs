//! What is wrong with a template, where, and what to write instead.

use std::fmt;
use std::ops::Range;

use crate::domain::misspelt;

/// One fault of one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The file, or the template's name where there is no file.
    pub file: String,
    /// From 1; `None` where it is the file as a whole.
    pub line: Option<usize>,
    /// In characters, from 1; 0 where only the line is known.
    pub column: usize,
    /// How many characters of the line it is about.
    pub length: usize,
    /// The line itself; empty where the error is the whole file's.
    pub source_line: String,
    pub what: String,
    pub hint: Option<String>,
}

/// Why a template can't be used as a script asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// In words that follow the template's name: `doesn't use "rooom"`.
    pub what: String,
    /// The key in the script's data that it is about.
    pub about: Option<String>,
    pub hint: Option<String>,
    /// Where in the template it shows, and what is wrong there.
    pub at: Option<Box<TemplateError>>,
}

impl Misfit {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), about: None, hint: None, at: None }
    }

    /// Of a template that does not exist.
    pub(super) fn unknown(error: TemplateError) -> Self {
        Self { what: "does not exist".to_owned(), about: None, hint: error.hint, at: None }
    }

    pub(super) fn about(mut self, key: &str) -> Self {
        self.about = Some(key.to_owned());
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn shows_at(mut self, at: TemplateError) -> Self {
        self.at = Some(Box::new(at));
        self
    }
}

/// A part of a template's file, as errors see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub file: &'a str,
    /// The text of the file.
    pub whole: &'a str,
    /// The byte where the part begins; `None` where it is made from the file and its places are not the file's.
    pub from: Option<usize>,
}

impl<'a> Part<'a> {
    /// A text of its own, which is the whole file.
    pub(super) fn all(file: &'a str, whole: &'a str) -> Self {
        Self { file, whole, from: Some(0) }
    }

    pub(super) fn text(&self) -> &'a str {
        self.from.and_then(|from| self.whole.get(from..)).unwrap_or_default()
    }

    /// The bytes of the part that minijinja complains of.
    fn range(&self, error: &minijinja::Error) -> Option<Range<usize>> {
        error.range().or_else(|| {
            let before = error.line()?.checked_sub(1)?;
            let start = self.text().split_inclusive('\n').take(before).map(str::len).sum();
            Some(start..start)
        })
    }
}

impl TemplateError {
    pub(super) fn new(file: &str, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            column: 0,
            length: 0,
            source_line: String::new(),
            what: what.into(),
            hint: None,
        }
    }

    /// At these bytes of the part; an empty range underlines one character.
    pub(super) fn at(part: &Part<'_>, range: Range<usize>, what: impl Into<String>) -> Self {
        let error = Self::new(part.file, what);
        let Some(from) = part.from else { return error };
        let (start, end) = (from + range.start, from + range.end);
        let before = part.whole.get(..start).unwrap_or(part.whole);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let source_line = part.whole.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let line_end = line_start + source_line.len();
        let inside = part.whole.get(start..end.min(line_end)).unwrap_or_default();
        Self {
            line: Some(1 + before.matches('\n').count()),
            column: 1 + before.get(line_start..).unwrap_or_default().chars().count(),
            length: inside.trim_end().chars().count().max(1),
            source_line: source_line.to_owned(),
            ..error
        }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn unknown_template(name: &str, known: &[String]) -> Self {
        Self::new(name, format!("there is no template called \"{name}\"")).with_hint(nearest(name, known))
    }

    /// A fault found while loading, with all that minijinja says: only sample data was in reach.
    pub(super) fn at_load(part: &Part<'_>, error: &minijinja::Error) -> Self {
        use minijinja::ErrorKind as E;
        let what = match (error.kind(), error.detail()) {
            (E::UnknownFilter | E::UnknownTest | E::UnknownFunction | E::TemplateNotFound, Some(detail)) => detail.to_owned(),
            (E::UndefinedError, None) => "this is undefined".to_owned(),
            (E::OutOfFuel, _) => "this takes too many steps".to_owned(),
            (E::WriteFailure, _) => "the mail gets longer than 512 kB".to_owned(),
            (kind, Some(detail)) => format!("{kind}: {detail}"),
            (kind, None) => kind.to_string(),
        };
        let said = Self::of(part, error, what);
        match (error.kind(), error.detail()) {
            (E::UnknownFilter, Some(detail)) if detail.contains("filter safe ") => {
                said.with_hint("what comes from a roster or a script is text, whatever a template says: take `| safe` out")
            }
            (E::UndefinedError, _) => said.with_hint("`{% if … is defined %}` asks whether there is a value"),
            (E::TemplateNotFound, _) => said.with_hint("a template is one file and can't take in another"),
            _ => said,
        }
    }

    /// A fault found while rendering for a person: its kind only, since the rest may quote data.
    pub(super) fn at_render(part: &Part<'_>, error: &minijinja::Error) -> Self {
        Self::of(part, error, error.kind().to_string())
    }

    fn of(part: &Part<'_>, error: &minijinja::Error, what: String) -> Self {
        match part.range(error) {
            Some(range) => Self::at(part, range, what),
            None => Self::new(part.file, what),
        }
    }
}

/// In one line, for records and logs.
impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
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
    match misspelt::nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "none is known".to_owned(),
        None => format!("known: {}", known.join(", ")),
    }
}
