//! Reading roster files: CSV and JSON in the forms that administrators have.
//! Everything from outside is hostile; what comes out is checked values or a rejected row with its line.

mod columns;
mod csv_file;
mod error;
mod json_file;
mod kinds;
mod row;
mod school_manager;
mod take;
mod text;

use std::io::Read as _;
use std::path::{Path, PathBuf};

pub use columns::columns_help;
pub use error::FileError;

use crate::domain::roster_change::Incoming;
use take::Taker;

/// A file may have this many bytes.
pub const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// A file may have this many rows.
pub const ROWS_MAX: usize = 2_000_000;
/// So many rows may be unusable before the whole reading is given up: it is another kind of file.
pub const REJECTED_MAX: usize = 100_000;
/// A name, mail address or any other cell may have this many characters.
pub const CELL_CHARS_MAX: usize = 255;
/// An attribute's value may have this many characters.
pub const ATTRIBUTE_CHARS_MAX: usize = 1_024;
/// A row may have this many fields.
pub const COLUMNS_MAX: usize = 500;

/// Reads files that belong together, such as `users.csv` and `devices.csv`, or Apple School
/// Manager's six. Rows that can't be used are in `rejected`, each with its place.
///
/// # Errors
/// A file can't be read at all: it isn't there, is too large, is no CSV or JSON, or its columns say
/// nothing that a roster knows.
pub fn read(paths: &[PathBuf]) -> Result<Incoming, FileError> {
    let mut reader = Reader::default();
    for path in paths {
        let name = shown_name(path);
        let bytes = read_bytes(path, &name)?;
        reader.file(&name, &bytes)?;
    }
    reader.finish()
}

/// Reads one file's content; `name` is what messages call it, and helps where columns leave the
/// kind of row open.
///
/// # Errors
/// As for `read`.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Incoming, FileError> {
    let mut reader = Reader::default();
    reader.file(name, bytes)?;
    reader.finish()
}

/// Takes one file's content after another.
#[derive(Default)]
pub struct Reader {
    taker: Taker,
}

impl Reader {
    /// Takes one file's content.
    ///
    /// # Errors
    /// As for `read`.
    pub fn file(&mut self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let decoded = text::decode(name, bytes)?;
        if let Some(warning) = decoded.warning {
            self.taker.warn(warning);
        }
        if decoded.text.trim_start().starts_with(['{', '[']) {
            json_file::read(name, &decoded.text, &mut self.taker)
        } else {
            csv_file::read(name, &decoded.text, &mut self.taker)
        }
    }

    /// Joins what belongs together and hands everything over.
    ///
    /// # Errors
    /// Files refer to others that were not given.
    pub fn finish(self) -> Result<Incoming, FileError> {
        self.taker.finish()
    }
}

fn shown_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn read_bytes(path: &Path, name: &str) -> Result<Vec<u8>, FileError> {
    let shown = path.display().to_string();
    let file = std::fs::File::open(path).map_err(|error| FileError::unreadable(&shown, &error))?;
    let metadata = file.metadata().map_err(|error| FileError::unreadable(&shown, &error))?;
    if metadata.is_dir() {
        return Err(FileError::folder(&shown));
    }
    let mut bytes = Vec::new();
    // The length is only a hint: a file can grow, and a pipe has none.
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| FileError::unreadable(&shown, &error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::too_large(name));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
