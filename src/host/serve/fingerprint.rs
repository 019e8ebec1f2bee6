//! Has anything changed in a site's folder?

use std::path::{Path, PathBuf};

use crate::host::config::{FILE_NAME, SiteConfig};
use crate::host::scripts;

/// Times and sizes of a site's files, cheap to take: nothing is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// `site.toml` and the secrets and certificates that it names.
    settings: Vec<Seen>,
    /// Scripts and templates.
    texts: Vec<Seen>,
}

/// A file with its size and when it was changed; `None` where it isn't there.
pub type Seen = (PathBuf, Option<(u64, std::time::SystemTime)>);

impl Fingerprint {
    /// The files of a site with these settings, which were read when `site.toml` looked like this: a
    /// change that comes after it must not be taken for what was read.
    pub fn of(config: &SiteConfig, site_toml: Seen) -> Self {
        let dir = &config.dir;
        let mut settings = vec![site_toml];
        settings.extend(config.files().into_iter().map(seen));
        // A folder that can't be read is told when it is loaded.
        let mut texts: Vec<Seen> = scripts::files(&dir.join("scripts")).unwrap_or_default().into_iter().map(seen).collect();
        texts.extend(in_folder(&dir.join("templates")).into_iter().map(seen));
        Self { settings, texts }
    }

    pub fn settings_differ(&self, other: &Self) -> bool {
        self.settings != other.settings
    }
}

/// What `site.toml` looks like now.
pub fn site_toml(dir: &Path) -> Seen {
    seen(dir.join(FILE_NAME))
}

fn seen(path: PathBuf) -> Seen {
    let metadata = std::fs::metadata(&path).ok().and_then(|m| Some((m.len(), m.modified().ok()?)));
    (path, metadata)
}

/// Names of files directly in a folder, at most a thousand.
fn in_folder(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).map(|entries| entries.flatten().take(1_000).map(|entry| entry.path()).collect());
    let mut files: Vec<PathBuf> = entries.unwrap_or_default();
    files.sort();
    files
}
