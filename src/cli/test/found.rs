//! Which tests there are.

use std::path::{Path, PathBuf};

use super::super::exit::{Exit, Failure};
use crate::domain::words;
use crate::host::scripts::files;
use crate::script::{ScriptError, ScriptHost, ScriptSource};

/// How the names of test files end.
pub const ENDING: &str = ".test.rhai";

/// A test with its file.
pub struct Named {
    pub source: ScriptSource,
    pub name: String,
    pub line: u32,
}

/// What was found, in the order of files and lines.
pub struct Found {
    pub tests: Vec<Named>,
    /// Functions with the name of a test, and parameters: nobody could call them.
    pub passed_over: Vec<Named>,
    /// Files that are no scripts.
    pub broken: Vec<ScriptError>,
}

/// The tests in these files and folders, or in the site's scripts folder, of which the name has `filter` in it.
///
/// # Errors
/// There is no such file, or it can't be read.
pub fn find(host: &ScriptHost, scripts: &Path, named: &[PathBuf], filter: Option<&str>) -> Result<Found, Failure> {
    let mut found = Found { tests: Vec::new(), passed_over: Vec::new(), broken: Vec::new() };
    for path in paths(scripts, named)? {
        let text = std::fs::read_to_string(&path)
            .map_err(|e| Failure::new(Exit::Usage, format!("{} can't be read: {e}", path.display())))?;
        let shown = shown(scripts, &path);
        let source =
            ScriptSource { name: shown.clone(), text: words::unmarked(text), folder: Some(scripts.to_owned()), held: None };
        let tests = match host.tests(&source.name, &source.text) {
            Ok(tests) => tests,
            Err(error) => {
                found.broken.push(error);
                continue;
            }
        };
        let wanted = |name: &str| filter.is_none_or(|text| name.contains(text) || shown.contains(text));
        for test in tests.into_iter().filter(|test| wanted(&test.name)) {
            let list = if test.params == 0 { &mut found.tests } else { &mut found.passed_over };
            list.push(Named { source: source.clone(), name: test.name, line: test.line });
        }
    }
    Ok(found)
}

fn paths(scripts: &Path, named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let in_folder = |folder: &Path| {
        let all = files(folder).map_err(|what| Failure::new(Exit::Usage, what))?;
        Ok::<_, Failure>(all.into_iter().filter(|p| p.to_string_lossy().ends_with(ENDING)).collect::<Vec<_>>())
    };
    if named.is_empty() {
        return in_folder(scripts);
    }
    let mut paths = Vec::new();
    for path in named {
        // As people name scripts elsewhere: by path, or by name in the scripts folder, with or without its ending.
        let with_ending = PathBuf::from(format!("{}{ENDING}", path.display()));
        let tried = [path.clone(), scripts.join(path), with_ending.clone(), scripts.join(with_ending)];
        match tried.iter().find(|p| p.exists()) {
            Some(folder) if folder.is_dir() => paths.extend(in_folder(folder)?),
            Some(file) => paths.push(file.clone()),
            None => {
                return Err(Failure::new(Exit::Usage, format!("there is no test file {}", path.display()))
                    .remedy(format!("tests are looked for in {}", scripts.display())));
            }
        }
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// As errors call it: by its path inside the site.
fn shown(scripts: &Path, path: &Path) -> String {
    let site = scripts.parent().unwrap_or(scripts);
    let inside = |root: &Path, path: &Path| path.strip_prefix(root).ok().map(|p| p.display().to_string());
    let resolved = || inside(&site.canonicalize().ok()?, &path.canonicalize().ok()?);
    inside(site, path).or_else(resolved).unwrap_or_else(|| path.display().to_string())
}
