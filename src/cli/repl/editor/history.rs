//! What earlier sessions of a site left: one line of JSON for each entry, oldest first, for its owner
//! alone. Several sessions add to one file at the same time. Whatever goes wrong here is a quiet loss.

use std::collections::{HashSet, VecDeque};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::secret::looks_secret;

/// Entries that are remembered.
pub const ENTRIES_MAX: usize = 1_000;

/// A longer entry is no line that somebody typed.
const ENTRY_BYTES_MAX: usize = 16 * 1024;

/// More of a file than this is not read: somebody else has written it.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The history file of a site.
pub struct HistoryFile {
    path: Option<PathBuf>,
    entries: Vec<String>,
}

impl HistoryFile {
    /// Reads what is there.
    pub fn open(path: Option<PathBuf>) -> Self {
        let Some(path) = path else { return Self { path: None, entries: Vec::new() } };
        let lock = path.parent().and_then(locked);
        let (entries, lines) = read(&path);
        if lock.is_some() && lines > 2 * ENTRIES_MAX {
            let _ = rewrite(&path, &entries);
        }
        Self { path: Some(path), entries }
    }

    /// Oldest first, each once.
    pub fn entries(&self) -> &[String] {
        &self.entries
    }

    /// Adds what was typed, unless it begins with a blank or may hold a secret.
    pub fn add(&mut self, entry: &str) {
        let Some(path) = &self.path else { return };
        let unwanted = entry.starts_with(char::is_whitespace) || entry.trim().is_empty() || entry.len() > ENTRY_BYTES_MAX;
        if unwanted || self.entries.last().is_some_and(|last| last == entry) || looks_secret(entry) {
            return;
        }
        if append(path, entry).is_ok() {
            self.entries.push(entry.to_owned());
        }
    }
}

/// The newest entries of a file, each once, and how many lines it has.
fn read(path: &Path) -> (Vec<String>, usize) {
    let Ok(file) = File::open(path) else { return (Vec::new(), 0) };
    let mut lines = 0;
    let mut newest: VecDeque<String> = VecDeque::new();
    for line in BufReader::new(file.take(FILE_BYTES_MAX)).lines().map_while(Result::ok) {
        lines += 1;
        // A line that a full disk cut off is passed over.
        let Ok(entry) = serde_json::from_str::<String>(&line) else { continue };
        newest.push_back(entry);
        if newest.len() > 2 * ENTRIES_MAX {
            newest.pop_front();
        }
    }
    let mut seen = HashSet::new();
    let mut entries: Vec<String> =
        newest.into_iter().rev().filter(|entry| seen.insert(entry.clone())).take(ENTRIES_MAX).collect();
    entries.reverse();
    (entries, lines)
}

fn append(path: &Path, entry: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_private_folder(folder)?;
    // Against another session that is just writing the file anew.
    let _lock = locked(folder);
    let mut line = serde_json::to_string(entry)?;
    line.push('\n');
    private(File::options().append(true).create(true)).open(path)?.write_all(line.as_bytes())
}

/// Replaces the file as a whole, under the folder's lock.
fn rewrite(path: &Path, entries: &[String]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut file = private(File::options().write(true).create(true).truncate(true)).open(&new)?;
    for entry in entries {
        writeln!(file, "{}", serde_json::to_string(entry)?)?;
    }
    drop(file);
    std::fs::rename(new, path)
}

/// The kernel drops it with its holder.
fn locked(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    folder.lock().ok()?;
    Some(folder)
}

fn private(options: &mut std::fs::OpenOptions) -> &mut std::fs::OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// Where the history of a site is kept, by what the surroundings say; `None` where they name no place.
pub fn path(site: &Path, var: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    let site = std::fs::canonicalize(site).unwrap_or_else(|_| site.to_owned());
    let digest = Sha256::digest(site.as_os_str().as_encoded_bytes());
    let digest: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let name = site.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Some(state.join("beckon/history").join(format!("{name}-{digest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(path: &Path) -> Vec<String> {
        HistoryFile::open(Some(path.to_owned())).entries().to_vec()
    }

    #[test]
    fn what_was_typed_is_there_again_but_for_secrets_and_blanks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/history/site-1");
        let mut file = HistoryFile::open(Some(path.clone()));
        for line in [
            "users.count()",
            "if true {\n  1\n}",
            " hidden",
            "let password = \"x1\"",
            "users.count()",
            "users.count()",
            "\u{e9}\u{1F469}",
        ] {
            file.add(line);
        }
        assert_eq!(entries(&path), ["if true {\n  1\n}", "users.count()", "\u{e9}\u{1F469}"]);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("x1") && !text.contains("hidden"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn two_sessions_keep_each_others_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site");
        let (mut one, mut other) = (HistoryFile::open(Some(path.clone())), HistoryFile::open(Some(path.clone())));
        one.add("a");
        other.add("b");
        one.add("c");
        assert_eq!(entries(&path), ["a", "b", "c"]);
    }

    #[test]
    fn it_is_bounded_and_bears_what_is_no_history() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site");
        let lines: String = (0..2 * ENTRIES_MAX + 1).map(|n| format!("\"{n}\"\n")).collect();
        std::fs::write(&path, format!("{lines}\"cut o\nnonsense\n")).unwrap();
        assert_eq!(entries(&path).len(), ENTRIES_MAX);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), ENTRIES_MAX);
        std::fs::write(&path, [0xff, 0xfe, b'\n']).unwrap();
        assert!(entries(&path).is_empty());
    }

    #[test]
    fn a_place_that_is_not_there_is_a_quiet_loss() {
        let mut file = HistoryFile::open(Some(PathBuf::from("/proc/nowhere/history/site")));
        file.add("users.count()");
        assert!(file.entries().is_empty());
        HistoryFile::open(None).add("users.count()");
    }

    #[test]
    fn it_is_where_such_files_are_kept_and_differs_by_site() {
        let vars = |home: Option<&'static str>, state: Option<&'static str>| {
            move |name: &str| match name {
                "HOME" => home.map(OsString::from),
                _ => state.map(OsString::from),
            }
        };
        let of = |site: &str, home, state| path(Path::new(site), vars(home, state)).map(|p| p.display().to_string());
        assert!(of("/no/a", Some("/home/x"), None).unwrap().starts_with("/home/x/.local/state/beckon/history/a-"));
        assert!(of("/no/a", Some("/home/x"), Some("/s")).unwrap().starts_with("/s/beckon/history/a-"));
        assert_ne!(of("/no/a", Some("/h"), None), of("/other/a", Some("/h"), None));
        assert_eq!(of("/no/a", None, Some("relative")), None);
    }
}
