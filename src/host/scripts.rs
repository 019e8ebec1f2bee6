//! The texts in a site's scripts folder: as they lie there, or as they were when they were last found good.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::HostError;
use super::check::FileChecked;
use crate::domain::misspelt;
use crate::domain::words;
use crate::script::{HeldModules, ScriptHost, ScriptSource, Surroundings};

/// A folder holds some dozens; whoever points it at a whole disk hears about it.
const FILES_MAX: usize = 2_000;
/// Far above what one script may have; all of them are held in memory.
const BYTES_MAX: u64 = 16 << 20;

/// A site's scripts.
#[derive(Clone, Debug)]
pub struct SiteScripts {
    folder: PathBuf,
    held: Option<HeldModules>,
}

impl SiteScripts {
    /// The scripts as they lie in `folder`, which need not exist.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder, held: None }
    }

    /// The scripts as they are now; what is changed in the folder later does not change them.
    ///
    /// # Errors
    /// The folder or a file in it can't be read, in words for a person.
    pub fn hold(folder: PathBuf) -> Result<Self, String> {
        let mut held = BTreeMap::new();
        let mut left = BYTES_MAX;
        for file in files(&folder)? {
            let fail = |e: std::io::Error| format!("{} can't be read: {e}", file.display());
            let mut bytes = Vec::new();
            std::fs::File::open(&file).map_err(fail)?.take(left + 1).read_to_end(&mut bytes).map_err(fail)?;
            left = left
                .checked_sub(bytes.len() as u64)
                .ok_or_else(|| format!("{} holds more than {} MiB of scripts", folder.display(), BYTES_MAX >> 20))?;
            // One that is no text can't be run; it is said of the script that needs it.
            if let (Ok(text), Ok(inside)) = (String::from_utf8(bytes), file.strip_prefix(&folder)) {
                held.insert(inside.to_owned(), words::unmarked(text));
            }
        }
        Ok(Self { folder, held: Some(Arc::new(held)) })
    }

    /// The script that a schedule calls `name`, such as `weekly-reminder.rhai`.
    ///
    /// # Errors
    /// There is none, or it can't be read.
    pub fn source(&self, name: &str) -> Result<ScriptSource, HostError> {
        let text = match &self.held {
            Some(held) => held.get(Path::new(name)).cloned(),
            None => match std::fs::read(self.folder.join(name)) {
                Ok(bytes) => Some(String::from_utf8(bytes).map_err(|_| {
                    HostError::site(format!("scripts/{name} is not UTF-8 text"), "save it as UTF-8 text".to_owned())
                })?),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
                Err(e) => {
                    return Err(HostError::site(
                        format!("scripts/{name} can't be read: {e}"),
                        "check that the user who runs beckon can read it",
                    ));
                }
            },
        };
        let text = words::unmarked(text.ok_or_else(|| self.unknown(name))?);
        Ok(ScriptSource { name: self.shown(name), text, folder: Some(self.folder.clone()), held: self.held.clone() })
    }

    /// A script, and after it everything of the site that it imports, with what is wrong as far as can be
    /// seen without running them.
    ///
    /// # Errors
    /// There is no such script, or it can't be read.
    pub fn check(&self, host: &ScriptHost, name: &str) -> Result<Vec<FileChecked>, HostError> {
        let mut files = Vec::new();
        let mut seen = BTreeSet::from([name.to_owned()]);
        let mut open = vec![self.source(name)?];
        while let Some(source) = open.pop() {
            let module = |name: &str| self.module(name);
            let around = Surroundings { site: None, view: None, module: &module, modules_unknown: false };
            let checked = host.examine(&source.name, &source.text, &around);
            for import in &checked.imports {
                let file = module_file(import);
                // One that isn't there is the standard library's, or found missing by whoever imports it.
                if seen.insert(file.clone())
                    && let Ok(source) = self.source(&file)
                {
                    open.push(source);
                }
            }
            files.push(FileChecked { file: source.name, checked });
        }
        Ok(files)
    }

    /// The text of a module by the name in its import.
    ///
    /// # Errors
    /// There is none that can be read; with the names that there are.
    pub fn module(&self, name: &str) -> Result<String, Vec<String>> {
        let plain = Path::new(name).components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        let found = if plain { self.source(&module_file(name)).ok() } else { None };
        found.map(|source| source.text).ok_or_else(|| {
            let names = self.names();
            names.iter().map(|name| name.trim_end_matches(".rhai").to_owned()).collect()
        })
    }

    fn shown(&self, name: &str) -> String {
        let folder = self.folder.file_name().map(Path::new).unwrap_or_else(|| Path::new("scripts"));
        folder.join(name).display().to_string()
    }

    /// The files, by their paths inside the folder.
    fn names(&self) -> Vec<String> {
        match &self.held {
            Some(held) => held.keys().map(|path| path.display().to_string()).collect(),
            None => files(&self.folder)
                .unwrap_or_default()
                .iter()
                .filter_map(|file| Some(file.strip_prefix(&self.folder).ok()?.display().to_string()))
                .collect(),
        }
    }

    fn unknown(&self, name: &str) -> HostError {
        let known = self.names();
        let remedy = match misspelt::nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("scripts are looked for in {}", self.folder.display()),
        };
        HostError::site(format!("there is no script scripts/{name}"), remedy)
    }
}

/// The file of a module by the name in its import: `./lib/people` is `lib/people.rhai`.
fn module_file(import: &str) -> String {
    let file = if import.ends_with(".rhai") { import.to_owned() } else { format!("{import}.rhai") };
    file.trim_start_matches("./").to_owned()
}

/// Every `.rhai` file under a folder, in order; none where there is no such folder. Links to folders
/// are not followed.
///
/// # Errors
/// The folder can't be read, or holds too many files.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    let mut looked_at = 0;
    while let Some(dir) = open.pop() {
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(format!("{} can't be read: {e}", dir.display())),
        };
        for entry in entries.flatten() {
            looked_at += 1;
            if looked_at > FILES_MAX {
                return Err(format!("{} holds more than {FILES_MAX} files", folder.display()));
            }
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rhai") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_scripts_stay_as_they_were_with_what_they_import() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("scripts");
        std::fs::create_dir_all(dir.join("lib")).unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).unwrap();
        write("weekly.rhai", "import \"lib/people\" as people;\npeople::all().count()");
        write("lib/people.rhai", "fn all() { users }");
        let scripts = SiteScripts::hold(dir.clone()).unwrap();
        let host = ScriptHost::new();
        let errors = |scripts: &SiteScripts| {
            let files = scripts.check(&host, "weekly.rhai").unwrap();
            let wrong = |file: &FileChecked| file.checked.findings.iter().any(crate::script::Finding::is_error);
            files.iter().filter(|file| wrong(file)).map(|file| file.file.clone()).collect::<Vec<_>>()
        };
        assert_eq!(errors(&scripts), [""; 0]);
        write("lib/people.rhai", "fn all() { userz.count( }");
        assert_eq!(errors(&scripts), [""; 0]);
        let now = SiteScripts::in_folder(dir.clone());
        assert_eq!(errors(&now), ["scripts/lib/people.rhai"]);
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(scripts.source("weekly.rhai").is_ok() && now.source("weekly.rhai").is_err());
        let error = scripts.source("weakly.rhai").unwrap_err();
        assert_eq!(error.remedy(), "did you mean weekly.rhai?");
    }
}
