//! Scripts by the names that people type.

use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use crate::domain::misspelt;
use crate::domain::words;
use crate::host::site::Site;
use crate::script::ScriptSource;

/// The files of a folder that are scripts to run: tests are run by `beckon test`. In the alphabet.
pub fn script_names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut scripts: Vec<String> = names.filter(|name| name.ends_with(".rhai") && !name.ends_with(".test.rhai")).collect();
    scripts.sort();
    scripts
}

/// That somebody has to name a script, and which ones there are.
pub fn none_named(site: &Site) -> Failure {
    let known = script_names(&site.dir.join("scripts"));
    let names: Vec<&str> = known.iter().map(|name| name.trim_end_matches(".rhai")).collect();
    let remedy = match names.as_slice() {
        [] => "`beckon run SCRIPT`; `beckon run --help` shows the options".to_owned(),
        names => format!("the site has: {}; `beckon run SCRIPT --help` tells what one does", names.join(", ")),
    };
    Failure::new(Exit::Usage, "no script is named").remedy(remedy)
}

/// Finds and reads a script: a path from here, or a name in the site's `scripts` folder, with or
/// without its ending.
pub fn load_script(site: &Site, script: &Path) -> Result<ScriptSource, Failure> {
    let folder = site.dir.join("scripts");
    let with_ending = |path: &Path| {
        if path.extension().is_some_and(|e| e == "rhai") {
            path.to_owned()
        } else {
            PathBuf::from(format!("{}.rhai", path.display()))
        }
    };
    let candidates = [script.to_owned(), with_ending(script), folder.join(script), folder.join(with_ending(script))];
    let Some(found) = candidates.iter().find(|path| path.is_file()) else {
        let known = script_names(&folder);
        let wanted = script.to_string_lossy();
        let names = || known.iter().map(|name| name.trim_end_matches(".rhai"));
        let remedy = match misspelt::nearest(wanted.trim_end_matches(".rhai"), names()) {
            Some(near) => format!("did you mean {near}?"),
            None if known.is_empty() => format!("scripts are looked for here and in {}", folder.display()),
            None => format!("the site has: {}", names().collect::<Vec<_>>().join(", ")),
        };
        return Err(Failure::new(Exit::Usage, format!("there is no script {wanted}")).remedy(remedy));
    };
    let text = std::fs::read(found).map_err(|e| Failure::new(Exit::Failed, format!("can't read {}: {e}", found.display())))?;
    let text = String::from_utf8(text).map_err(|_| {
        Failure::new(Exit::ScriptError, format!("{} is not UTF-8 text", found.display())).remedy("save it as UTF-8 text")
    })?;
    let text = words::unmarked(text);
    let shown = found.strip_prefix(&site.dir).unwrap_or(found).display().to_string();
    let inside =
        found.canonicalize().ok().zip(folder.canonicalize().ok()).is_some_and(|(script, folder)| script.starts_with(folder));
    let import_root = if inside { Some(folder) } else { found.parent().map(Path::to_owned) };
    Ok(ScriptSource { name: shown, text, folder: import_root, held: None })
}
