//! A Maildir folder: messages in `new` and unseen ones in `cur`; what is done is in `cur` and seen.
//! Other programs may deliver and read at the same time: every step is one `rename`.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use crate::ports::Answer;
use crate::ports::bounces::{BounceBox, BoxedLetter};

/// The folder of one mailbox.
pub struct Maildir {
    folder: PathBuf,
}

impl Maildir {
    /// The folder need not exist yet; whoever delivers first makes it.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

impl BounceBox for Maildir {
    fn letters(&self, most: usize, bytes_max: usize) -> Answer<'_, Result<Vec<BoxedLetter>, String>> {
        let folder = self.folder.clone();
        Box::pin(on_disk(move || {
            let mut letters = Vec::new();
            for path in waiting(&folder, most)? {
                // Somebody else may have moved it in the meantime.
                if let Some(bytes) = read(&path, bytes_max)? {
                    letters.push(BoxedLetter { name: name_of(&folder, &path), bytes: bytes.1.then_some(bytes.0) });
                }
            }
            Ok(letters)
        }))
    }

    fn done(&self, name: String) -> Answer<'_, Result<(), String>> {
        let folder = self.folder.clone();
        Box::pin(on_disk(move || {
            let from = folder.join(&name);
            let file = name.rsplit('/').next().unwrap_or(&name);
            let to = folder.join("cur").join(seen(file));
            match fs::rename(&from, &to) {
                Err(error) if error.kind() == ErrorKind::NotFound && !from.exists() => Ok(()),
                other => other.map_err(|e| said(&from, &e)),
            }
        }))
    }
}

/// Files have no end of waiting that a runtime could use: they get a thread.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|e| e.to_string())?
}

/// The messages that are not done, those that wait longest first as far as names tell.
fn waiting(folder: &Path, most: usize) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for part in ["new", "cur"] {
        let inside = folder.join(part);
        let entries = fs::read_dir(&inside).map_err(|e| said(&inside, &e))?;
        for entry in entries {
            let entry = entry.map_err(|e| said(&inside, &e))?;
            // Names that start with a dot are not messages; others are written by mail servers, in ASCII.
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            if !name.starts_with('.') && (part == "new" || !is_seen(&name)) {
                found.push((name, entry.path()));
            }
        }
    }
    found.sort();
    found.truncate(most);
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// `new/1796113503.M1P2.host`
fn name_of(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

/// What it holds, and whether that is all of it. `None`: it has gone.
fn read(path: &Path, bytes_max: usize) -> Result<Option<(Vec<u8>, bool)>, String> {
    let file = match open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(said(path, &error)),
    };
    // A folder, a pipe or a device is no message; a symbolic link was not followed.
    if !file.metadata().map_err(|e| said(path, &e))?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(|e| said(path, &e))?;
    let whole = bytes.len() <= bytes_max;
    Ok(Some((bytes, whole)))
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOFOLLOW);
    options.open(path)
}

/// Whether a name in `cur` has the flag for "seen".
fn is_seen(name: &str) -> bool {
    name.rsplit_once(":2,").is_some_and(|(_, flags)| flags.contains('S'))
}

/// The name with that flag. Flags stand in the order of the alphabet.
fn seen(name: &str) -> String {
    let (base, flags) = name.rsplit_once(":2,").unwrap_or((name, ""));
    let mut flags: Vec<char> = flags.chars().chain(['S']).collect();
    flags.sort_unstable();
    flags.dedup();
    format!("{base}:2,{}", flags.into_iter().collect::<String>())
}

fn said(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maildir() -> (tempfile::TempDir, Maildir) {
        let folder = tempfile::tempdir().unwrap();
        for part in ["new", "cur", "tmp"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        let maildir = Maildir::new(folder.path().to_owned());
        (folder, maildir)
    }

    fn files(folder: &Path, part: &str) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder.join(part)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn each_message_comes_until_it_is_done_and_then_never() {
        let (folder, maildir) = maildir();
        for (name, text) in [
            ("new/2.host", "two"),
            ("new/1.host", "one"),
            ("cur/0.host:2,F", "zero"),
            ("cur/00.host:2,RS", "seen"),
            ("tmp/3.host", "half"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::write(folder.path().join("new/.hidden"), "x").unwrap();
        fs::create_dir(folder.path().join("new/folder")).unwrap();
        let names = async || maildir.letters(10, 100).await.unwrap().into_iter().map(|l| l.name).collect::<Vec<_>>();
        assert_eq!(names().await, ["cur/0.host:2,F", "new/1.host", "new/2.host"]);
        assert_eq!(names().await.len(), 3, "nothing is lost by looking");
        let first = maildir.letters(1, 100).await.unwrap();
        assert_eq!(first, [BoxedLetter { name: "cur/0.host:2,F".into(), bytes: Some(b"zero".to_vec()) }]);
        maildir.done("cur/0.host:2,F".into()).await.unwrap();
        maildir.done("new/1.host".into()).await.unwrap();
        maildir.done("new/1.host".into()).await.expect("done twice is done");
        assert_eq!(names().await, ["new/2.host"]);
        assert_eq!(files(folder.path(), "cur"), ["0.host:2,FS", "00.host:2,RS", "1.host:2,S"]);
    }

    #[tokio::test]
    async fn a_large_message_comes_without_its_bytes() {
        let (folder, maildir) = maildir();
        fs::write(folder.path().join("new/1"), "x".repeat(101)).unwrap();
        fs::write(folder.path().join("new/2"), "x".repeat(100)).unwrap();
        let letters = maildir.letters(10, 100).await.unwrap();
        assert_eq!(letters.iter().map(|l| l.bytes.as_ref().map(Vec::len)).collect::<Vec<_>>(), [None, Some(100)]);
    }

    #[tokio::test]
    async fn a_missing_folder_is_said() {
        let maildir = Maildir::new("/nowhere/at/all".into());
        let error = maildir.letters(10, 100).await.unwrap_err();
        assert!(error.starts_with("/nowhere/at/all/new: "), "{error}");
    }
}
