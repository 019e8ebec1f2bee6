//! Reading `site.toml`: every section as typed, checked values, with all errors at once and their places.
//! Nothing here acts on a setting; secrets stay references until somebody resolves one.

mod blast_radius;
mod channels;
mod dormant;
mod error;
mod files;
mod parse;
pub mod places;
mod read;
mod secret;
mod sections;
mod values;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::domain::words;

pub use error::ConfigError;
pub use secret::{FileRef, SecretRef};
pub use sections::*;

/// The file's name in a site's folder.
pub const FILE_NAME: &str = "site.toml";

/// A site file is a page or two, and ten thousand schedules are a quarter of this; a larger one is something else.
const BYTES_MAX: u64 = 8 * 1024 * 1024;

impl SiteConfig {
    /// Reads and checks `site.toml` in the folder `dir`. Secrets are not read yet.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the file's order.
    pub fn load(dir: &Path) -> Result<Self, Vec<ConfigError>> {
        let path = dir.join(FILE_NAME);
        let text = read_text(&path).map_err(|error| vec![error])?;
        Self::parse(dir, &text)
    }

    /// Checks the text of a `site.toml` whose relative paths start at `dir`.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the file's order.
    pub fn parse(dir: &Path, text: &str) -> Result<Self, Vec<ConfigError>> {
        parse::site_file(dir, text)
    }
}

impl SiteConfig {
    /// Whether there is a content token where `site.toml` says. A missing file is a site that has
    /// not got that far; anything else is for whoever reads the token to say.
    #[must_use]
    pub fn token_is_installed(&self) -> bool {
        let file = self.apps_and_books.as_ref().map(|apple| apple.token.file_path(&self.dir));
        match file {
            None => false,
            Some(None) => true,
            Some(Some(path)) => path.exists(),
        }
    }

    /// The same site with its content token in another file.
    #[must_use]
    pub fn with_token_file(&self, path: &Path) -> Self {
        let mut config = self.clone();
        if let Some(apple) = &mut config.apps_and_books {
            apple.token = SecretRef::of_file(path);
        }
        config
    }

    /// An error of a whole section, found when something was made from it.
    #[must_use]
    pub fn error(&self, section: &str, what: impl Into<String>, hint: Option<String>) -> ConfigError {
        let error = ConfigError::of_file(&self.dir.join(FILE_NAME), what).key(section);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    let file = std::fs::File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ConfigError::of_file(path, "there is no such file")
            .hint("`beckon init DIR` makes a site; --site DIR names the folder of another one"),
        _ => ConfigError::of_file(path, format!("it can't be read: {error}")),
    })?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| ConfigError::of_file(path, format!("it can't be read: {e}")))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(ConfigError::of_file(path, "it is larger than 8 MiB, which no site file is"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = 1 + before.filter(|b| **b == b'\n').count();
        ConfigError::of_file(path, "it is not UTF-8").at(u32::try_from(line).unwrap_or(u32::MAX), 1).hint("save it as UTF-8 text")
    })?;
    Ok(words::unmarked(text))
}

/// The folder-relative path that a reference names.
fn within(dir: &Path, path: &str) -> PathBuf {
    dir.join(path)
}

#[cfg(test)]
mod tests;
