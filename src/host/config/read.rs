//! Walking a parsed TOML document: typed values out, errors with places noted, no key left unlooked at.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::secret::{FileRef, SecretRef};
use crate::domain::misspelt;

/// So many unknown keys of one section are named; a file with more is not a site file.
const UNKNOWN_KEYS_MAX: usize = 20;

/// The text that is read and the errors found so far.
pub(super) struct Source<'a> {
    file: PathBuf,
    text: &'a str,
    pub(super) errors: Vec<ConfigError>,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &Path, text: &'a str) -> Self {
        Self { file: file.to_owned(), text, errors: Vec::new() }
    }

    /// Line and column, both from 1, of the character at byte `at`.
    fn place(&self, at: usize) -> (u32, u32) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = 1 + before.matches('\n').count();
        let column = 1 + before.rsplit('\n').next().map_or(0, |s| s.chars().count());
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }

    /// An error at byte `at`, to be completed and given to `note`.
    pub(super) fn error(&self, at: usize, key: &str, what: impl Into<String>) -> ConfigError {
        let (line, column) = self.place(at);
        ConfigError::of_file(&self.file, what).at(line, column).key(key)
    }

    pub(super) fn note(&mut self, error: ConfigError) {
        self.errors.push(error);
    }
}

/// A value's text with where it stands.
#[derive(Clone)]
pub(super) struct Text<'a> {
    pub(super) value: &'a str,
    pub(super) at: usize,
    pub(super) key: String,
}

/// One table of the document, and which of its keys have been asked for.
pub(super) struct Section<'a, 'i> {
    path: String,
    at: usize,
    table: &'a DeTable<'i>,
    known: Vec<&'static str>,
}

impl<'a, 'i> Section<'a, 'i> {
    pub(super) fn new(path: &str, at: usize, table: &'a DeTable<'i>) -> Self {
        Self { path: path.to_owned(), at, table, known: Vec::new() }
    }

    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.keys().any(|k| k.get_ref() == key)
    }

    /// Where the value of `key` stands.
    pub(super) fn place_of(&self, key: &str) -> usize {
        self.find(key).map_or(self.at, |(_, at)| at)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a DeValue<'i>, usize)> + use<'a, 'i> {
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), value.get_ref(), value.span().start))
    }

    fn find(&self, key: &str) -> Option<(&'a DeValue<'i>, usize)> {
        self.table.iter().find(|(k, _)| k.get_ref() == key).map(|(_, value)| (value.get_ref(), value.span().start))
    }

    fn take(&mut self, key: &'static str) -> Option<(&'a DeValue<'i>, usize)> {
        self.known.push(key);
        self.find(key)
    }

    /// Notes that `key` must be there; a value that is there and wrong has its own error already.
    pub(super) fn require(&self, source: &mut Source<'_>, key: &str, hint: &str) {
        if !self.has(key) {
            let error = source.error(self.at, &self.key(key), "it is missing").hint(hint);
            source.note(error);
        }
    }

    fn wrong_kind(&self, source: &mut Source<'_>, key: &str, at: usize, needs: &str, value: &DeValue<'_>) {
        let error = source.error(at, &self.key(key), format!("it has to be {needs}, and this is {}", kind(value)));
        source.note(error);
    }

    pub(super) fn text(&mut self, source: &mut Source<'_>, key: &'static str) -> Option<Text<'a>> {
        let (value, at) = self.take(key)?;
        let Some(value) = value.as_str() else {
            self.wrong_kind(source, key, at, "a text in quotation marks", value);
            return None;
        };
        Some(Text { value, at, key: self.key(key) })
    }

    /// A text that `parse` makes something of; `Err` is what is wrong, `allowed` becomes the hint.
    pub(super) fn parsed<T>(
        &mut self,
        source: &mut Source<'_>,
        key: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(source, key)?;
        parse(text.value).map_err(|what| source.note(source.error(text.at, &text.key, what).hint(allowed))).ok()
    }

    /// A text without control characters that says something.
    pub(super) fn words(&mut self, source: &mut Source<'_>, key: &'static str) -> Option<String> {
        self.parsed(source, key, "a text of 1 to 200 characters in one line", |text| {
            let text = text.trim();
            if text.is_empty() {
                return Err("it is empty".to_owned());
            }
            if text.chars().any(char::is_control) {
                return Err("it holds a control character".to_owned());
            }
            if text.chars().nth(200).is_some() { Err("it is too long".to_owned()) } else { Ok(text.to_owned()) }
        })
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        source: &mut Source<'_>,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let list: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        self.parsed(source, key, &format!("one of {}", list.join(", ")), |text| {
            choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
                match misspelt::nearest(text, choices.iter().map(|(word, _)| *word)) {
                    Some(near) => format!("\"{}\" is not a choice; did you mean \"{near}\"?", shortened(text)),
                    None => format!("\"{}\" is not a choice", shortened(text)),
                }
            })
        })
    }

    pub(super) fn number(&mut self, source: &mut Source<'_>, key: &'static str, allowed: RangeInclusive<u64>) -> Option<u64> {
        let (value, at) = self.take(key)?;
        let DeValue::Integer(number) = value else {
            self.wrong_kind(source, key, at, "a whole number", value);
            return None;
        };
        let parsed = u64::from_str_radix(number.as_str(), number.radix()).ok().filter(|n| allowed.contains(n));
        if parsed.is_none() {
            let error = source
                .error(at, &self.key(key), format!("{} is out of range", shortened(number.as_str())))
                .hint(format!("a whole number from {} to {}", allowed.start(), allowed.end()));
            source.note(error);
        }
        parsed
    }

    /// A share: more than 0 and at most 1.
    pub(super) fn share(&mut self, source: &mut Source<'_>, key: &'static str) -> Option<f64> {
        self.decimal(source, key, "a share above 0 and up to 1; 0.25 is a quarter of the roster", |s| s > 0.0 && s <= 1.0)
    }

    /// A number that `fine` allows, whole or not; `allowed` becomes the hint.
    pub(super) fn decimal(
        &mut self,
        source: &mut Source<'_>,
        key: &'static str,
        allowed: &str,
        fine: impl Fn(f64) -> bool,
    ) -> Option<f64> {
        let (value, at) = self.take(key)?;
        let number = match value {
            DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
            DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
            other => {
                self.wrong_kind(source, key, at, "a number", other);
                return None;
            }
        };
        let number = number.filter(|n| fine(*n));
        if number.is_none() {
            let error = source.error(at, &self.key(key), "it is out of range").hint(allowed);
            source.note(error);
        }
        number
    }

    pub(super) fn secret(&mut self, source: &mut Source<'_>, key: &'static str) -> Option<SecretRef> {
        let text = self.text(source, key)?;
        SecretRef::parse(text.value, |what| source.error(text.at, &text.key, what)).map_err(|e| source.note(e)).ok()
    }

    pub(super) fn file(&mut self, source: &mut Source<'_>, key: &'static str) -> Option<FileRef> {
        let text = self.text(source, key)?;
        FileRef::parse(text.value, |what| source.error(text.at, &text.key, what)).map_err(|e| source.note(e)).ok()
    }

    pub(super) fn table(&mut self, source: &mut Source<'_>, key: &'static str) -> Option<Section<'a, 'i>> {
        let (value, at) = self.take(key)?;
        let DeValue::Table(table) = value else {
            self.wrong_kind(source, key, at, "a table", value);
            return None;
        };
        Some(Section::new(&self.key(key), at, table))
    }

    /// The tables of `[[key]]`, numbered from 1 in error messages.
    pub(super) fn tables(&mut self, source: &mut Source<'_>, key: &'static str) -> Vec<Section<'a, 'i>> {
        let Some((value, at)) = self.take(key) else { return Vec::new() };
        let DeValue::Array(array) = value else {
            self.wrong_kind(source, key, at, &format!("a list of tables, each headed [[{key}]]"), value);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, item) in array.iter().enumerate() {
            match item.get_ref() {
                DeValue::Table(table) => {
                    sections.push(Section::new(&format!("{}[{}]", self.key(key), index + 1), item.span().start, table));
                }
                other => self.wrong_kind(source, key, item.span().start, "a table", other),
            }
        }
        sections
    }

    /// Ends the section: keys that nobody asked for are errors.
    pub(super) fn done(self, source: &mut Source<'_>) {
        for key in self.table.keys().filter(|k| !self.known.contains(&k.get_ref().as_ref())).take(UNKNOWN_KEYS_MAX) {
            let name = key.get_ref();
            let what = match misspelt::nearest(name, self.known.iter().copied()) {
                Some(near) => format!("there is no such key; did you mean \"{near}\"?"),
                None => "there is no such key".to_owned(),
            };
            let place = if self.path.is_empty() { "the sections are".to_owned() } else { format!("[{}] has", self.path) };
            let error = source
                .error(key.span().start, &self.key(&shortened(name)), what)
                .hint(format!("{place} {}", self.known.join(", ")));
            source.note(error);
        }
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// At most forty characters of a foreign text, fit for one line of a message.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}
