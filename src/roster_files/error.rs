//! Why a whole file could not be read, with what to do about it.

use std::fmt;

use super::columns;

/// A file that could not be read; nothing of it, or of the files given with it, was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    pub file: String,
    /// From 1; 0 when the error is the whole file's.
    pub line: u64,
    pub what: String,
    /// What a person can do about it.
    pub remedy: String,
}

impl FileError {
    fn new(file: &str, line: u64, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into(), remedy: remedy.into() }
    }

    pub(super) fn unreadable(path: &str, error: &std::io::Error) -> Self {
        Self::new(path, 0, format!("it can't be read: {error}"), "check the name, and that this user may read the file")
    }

    pub(super) fn folder(path: &str) -> Self {
        Self::new(path, 0, "it is a folder", format!("name the files: {path}/*.csv"))
    }

    pub(super) fn too_large(file: &str) -> Self {
        Self::new(file, 0, format!("it is larger than {} MiB", super::FILE_BYTES_MAX >> 20), "split it into several files")
    }

    pub(super) fn too_many_rows(file: &str) -> Self {
        Self::new(file, 0, format!("it has more than {} rows", super::ROWS_MAX), "split it into several files")
    }

    pub(super) fn too_many_columns(file: &str, line: u64) -> Self {
        let what = format!("it has more than {} columns", super::COLUMNS_MAX);
        Self::new(file, line, what, "see whether this is the right file, and whether its lines end as lines")
    }

    pub(super) fn empty(file: &str) -> Self {
        Self::new(file, 0, "it is empty", "the first line names the columns, each further line is a row")
    }

    pub(super) fn not_text(file: &str, what: &str) -> Self {
        Self::new(file, 0, what, "save it as CSV (UTF-8), or as JSON")
    }

    pub(super) fn duplicate_column(file: &str, line: u64, name: &str) -> Self {
        Self::new(file, line, format!("two columns are called \"{name}\""), "take one of them out, or name it differently")
    }

    pub(super) fn unclosed_quote(file: &str, line: u64) -> Self {
        let what = "a quotation mark opens here and is never closed, so everything after it would be one field";
        Self::new(file, line, what, "close it; inside a quoted field write \"\" for a quotation mark")
    }

    /// No kind of row has these columns; or several have, with nothing to tell them apart.
    pub(super) fn unrecognised(file: &str, line: u64, found: &[String], between: &[&str]) -> Self {
        let found: Vec<String> = found.iter().take(20).map(|name| format!("\"{}\"", super::row::shortened(name))).collect();
        let what = match between {
            [] => format!("its columns are {}, which is no kind of row that a roster has", found.join(", ")),
            kinds => format!("its columns are {}, which could be {}", found.join(", "), kinds.join(" or ")),
        };
        Self::new(file, line, what, format!("name the columns as one of these kinds has them:\n{}", columns::required_columns()))
    }

    pub(super) fn not_json(file: &str, line: u64, what: impl Into<String>) -> Self {
        let remedy = "one object with lists called users, groups, memberships, nested, devices, apps or app_tokens, \
                      or one list of objects";
        Self::new(file, line, what, remedy)
    }

    pub(super) fn too_many_rejected(first: &str) -> Self {
        let what = format!("more than {} rows can't be used; the first: {first}", super::REJECTED_MAX);
        Self::new("roster", 0, what, "see whether these are the right files")
    }

    pub(super) fn needs_files(file: &str, missing: &str) -> Self {
        let what = format!("its rows refer to {missing}");
        Self::new(file, 0, what, format!("name {missing} in the same command; Apple School Manager's files belong together"))
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}\n  hint: {}", self.what, self.remedy)
    }
}

impl std::error::Error for FileError {}
