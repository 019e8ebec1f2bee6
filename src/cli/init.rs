//! `beckon init`: a new site's folder, with a commented site file and example scripts.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

/// The site file that a new site starts with: every section explained, valid as it stands.
pub const SITE_TOML: &str = include_str!("assets/site.toml");

const GITIGNORE: &str = include_str!("assets/gitignore");

/// What may stand in a folder that is to become a site: traces of version control and of file managers.
const HARMLESS: [&str; 4] = [".git", ".hg", ".DS_Store", "Thumbs.db"];

/// Why a site could not be made. Whatever had been made is taken away again.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("{} is a site already", .0.display())]
    AlreadyASite(PathBuf),
    #[error("{} is not empty: it holds {found}", dir.display())]
    NotEmpty { dir: PathBuf, found: String },
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    #[error("{} is no name for a file of a site", .0.display())]
    BadName(PathBuf),
    #[error("can't make {}: {error}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        error: std::io::Error,
    },
}

impl InitError {
    /// What a person can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::AlreadyASite(_) => "nothing was touched; edit its site.toml, or name another folder",
            Self::NotEmpty { .. } => "nothing was touched; name a new or an empty folder",
            Self::NotAFolder(_) | Self::BadName(_) => "name a new or an empty folder",
            Self::Io { .. } => "check that the folder can be written to by this user, and that the disk has space",
        }
    }
}

/// Makes a site in `dir`, which is made (mode 700) when it isn't there: `site.toml`, `scripts/`, `templates/`,
/// `secrets/` (mode 700) and `.gitignore`. `scripts` and `templates` are names within their folders
/// and texts. The store is not made here. Answers with everything that was made, in order.
///
/// # Errors
/// The folder has something in it, or can't be written to. No file that was there is ever changed.
pub fn init(dir: &Path, scripts: &[(&str, &str)], templates: &[(&str, &str)]) -> Result<Vec<PathBuf>, InitError> {
    check_empty(dir)?;
    let mut made = Made::default();
    match make(dir, scripts, templates, &mut made) {
        Ok(()) => Ok(made.paths),
        Err(error) => {
            made.take_away();
            Err(error)
        }
    }
}

fn make(dir: &Path, scripts: &[(&str, &str)], templates: &[(&str, &str)], made: &mut Made) -> Result<(), InitError> {
    // The store that will be in it holds personal data.
    made.folder(dir, 0o700)?;
    // First of all, so that a second `init` at the same moment stops here.
    made.file(&dir.join("site.toml"), SITE_TOML)?;
    made.file(&dir.join(".gitignore"), GITIGNORE)?;
    made.folder(&dir.join("secrets"), 0o700)?;
    for (folder, files) in [("scripts", scripts), ("templates", templates)] {
        let folder = dir.join(folder);
        made.folder(&folder, 0o777)?;
        for (name, text) in files {
            let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
            if name.is_empty() || !inside {
                return Err(InitError::BadName(PathBuf::from(name)));
            }
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                made.folder(parent, 0o777)?;
            }
            made.file(&path, text)?;
        }
    }
    Ok(())
}

fn check_empty(dir: &Path) -> Result<(), InitError> {
    let fail = |error| InitError::Io { path: dir.to_owned(), error };
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Err(InitError::NotAFolder(dir.to_owned())),
        Err(error) => return Err(fail(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(fail)?.file_name().to_string_lossy().into_owned();
        if name == "site.toml" {
            return Err(InitError::AlreadyASite(dir.to_owned()));
        }
        if !HARMLESS.contains(&name.as_str()) {
            found.push(name);
        }
    }
    found.sort();
    if found.is_empty() {
        return Ok(());
    }
    let more = found.len().saturating_sub(3);
    let shown = found.iter().take(3).map(|name| name.escape_debug().to_string()).collect::<Vec<_>>().join(", ");
    let found = if more > 0 { format!("{shown} and {more} more") } else { shown };
    Err(InitError::NotEmpty { dir: dir.to_owned(), found })
}

/// What has been made so far, in order.
#[derive(Default)]
struct Made {
    paths: Vec<PathBuf>,
}

impl Made {
    /// Makes a folder and those above it that are missing; one that is there is left as it is.
    fn folder(&mut self, path: &Path, mode: u32) -> Result<(), InitError> {
        if path.as_os_str().is_empty() || path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.folder(parent, 0o777)?;
        }
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
        #[cfg(not(unix))]
        let _ = mode;
        builder.create(path).map_err(|error| InitError::Io { path: path.to_owned(), error })?;
        self.paths.push(path.to_owned());
        Ok(())
    }

    /// Writes a new file; one that is there already is an error and stays as it is.
    fn file(&mut self, path: &Path, text: &str) -> Result<(), InitError> {
        let fail = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::AlreadyExists if path.ends_with("site.toml") => {
                InitError::AlreadyASite(path.parent().unwrap_or(path).to_owned())
            }
            _ => InitError::Io { path: path.to_owned(), error },
        };
        let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(fail)?;
        self.paths.push(path.to_owned());
        file.write_all(text.as_bytes()).map_err(fail)
    }

    /// Removes what was made, the last first. What somebody else has put there in the meantime stays:
    /// a folder that is not empty can't be removed this way.
    fn take_away(&self) {
        for path in self.paths.iter().rev() {
            let _ = if path.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::config::SiteConfig;

    const SCRIPTS: &[(&str, &str)] = &[("invite-group.rhai", "//! Invite everybody in a group.\n")];
    const TEMPLATES: &[(&str, &str)] = &[("en/invitation.txt", "Hello\n"), ("nl/invitation.txt", "Hallo\n")];

    #[test]
    fn a_new_site_is_complete_and_its_file_is_valid() {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("new/school");
        let made = init(&site, SCRIPTS, TEMPLATES).unwrap();
        let made: Vec<_> = made.iter().filter_map(|p| p.strip_prefix(&site).ok()).map(|p| p.display().to_string()).collect();
        assert_eq!(
            made.join("\n"),
            "\nsite.toml\n.gitignore\nsecrets\nscripts\nscripts/invite-group.rhai\ntemplates\ntemplates/en\n\
             templates/en/invitation.txt\ntemplates/nl\ntemplates/nl/invitation.txt"
        );
        let config = SiteConfig::load(&site).unwrap();
        assert!(config.warnings.is_empty());
        assert_eq!(config.limits, crate::domain::limits::Limits::default());
        assert_eq!(std::fs::read_to_string(site.join("scripts/invite-group.rhai")).unwrap(), SCRIPTS[0].1);
        assert!(std::fs::read_to_string(site.join(".gitignore")).unwrap().contains("secrets/\nbeckon.db*\n"));
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(site.join("secrets")).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o700);
    }

    /// Taking the comment marks away makes every optional section real: the examples are valid too.
    #[test]
    fn every_commented_line_is_valid_when_it_is_used() {
        // The key is the alternative to the certificate: each is tried without the other.
        for without in [&["certificate", "password    = \"env:BECKON_PUSH"][..], &["key ", "key_id", "team_id"]] {
            let used = |line: &str| {
                let bare = line.strip_prefix("# ").unwrap_or(line);
                let key = bare.split(['=', ' ']).next().unwrap_or_default();
                let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
                let setting = bare.starts_with('[') || (bare.contains(" = ") && is_key);
                if setting && !without.iter().any(|w| bare.starts_with(w)) { bare.to_owned() } else { String::new() }
            };
            let text: Vec<String> = SITE_TOML.lines().map(used).collect();
            let config = SiteConfig::parse(Path::new("."), &text.join("\n")).unwrap_or_else(|errors| panic!("{errors:#?}"));
            assert!(
                config.apps_and_books.is_some() && config.mail.is_some() && config.push.is_some() && config.directory.is_some()
            );
            assert!(config.limits.quiet_hours.is_some() && config.http.public_url.is_some() && config.site.contact.is_some());
            assert_eq!((config.webhooks.len(), config.schedules.len()), (1, 1));
            assert_eq!(config.script_limits, crate::domain::limits::ScriptLimits::default());
        }
    }

    #[test]
    fn what_is_there_is_never_touched() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("site.toml"), "mine").unwrap();
        let error = init(dir.path(), &[], &[]).unwrap_err();
        assert!(matches!(error, InitError::AlreadyASite(_)), "{error}");
        assert_eq!(std::fs::read_to_string(dir.path().join("site.toml")).unwrap(), "mine");

        let dir = tempfile::tempdir().unwrap();
        for name in ["b.txt", "a.txt", "d.txt", "c.txt"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let error = init(dir.path(), &[], &[]).unwrap_err();
        assert!(error.to_string().ends_with("is not empty: it holds a.txt, b.txt, c.txt and 1 more"), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 4);

        let file = dir.path().join("a.txt");
        assert!(matches!(init(&file, &[], &[]), Err(InitError::NotAFolder(_))));
        assert!(matches!(init(&file.join("below"), &[], &[]), Err(InitError::NotAFolder(_) | InitError::Io { .. })));
    }

    #[test]
    fn a_fresh_repository_can_become_a_site() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(".git")).unwrap();
        assert!(init(dir.path(), SCRIPTS, TEMPLATES).is_ok());
        assert!(matches!(init(dir.path(), SCRIPTS, TEMPLATES), Err(InitError::AlreadyASite(_))));
    }

    #[test]
    fn a_failure_half_way_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("school");
        for bad in ["../outside.rhai", "/etc/beckon.rhai", ""] {
            let error = init(&site, &[("good.rhai", ""), (bad, "")], &[]).unwrap_err();
            assert!(matches!(error, InitError::BadName(_)), "{error}");
            assert!(!site.exists());
        }
        // The same file twice: the second can't be made.
        assert!(init(&site, &[("a.rhai", ""), ("a.rhai", "")], &[]).is_err());
        assert!(!site.exists());
    }
}
