//! `beckon check`: scripts, settings and templates, without running anything.

use std::path::PathBuf;

use serde_json::json;

use super::exit::{Exit, Failure};
use super::script_file::load_script;
use super::session::Session;
use crate::host::site::Site;
use crate::script::{ScriptError, ScriptHost};

/// Checks the named scripts, or all of the site, its settings and its templates.
///
/// # Errors
/// The site's, when it can't be opened.
pub fn check(session: &Session, scripts: &[PathBuf], as_json: bool) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let Checked { scripts, errors: found, templates } = look(&site, scripts)?;
    let exit = if found.is_empty() { Exit::Done } else { Exit::ScriptError };
    if as_json {
        println!("{}", json!({ "scripts": scripts, "errors": found, "templates": templates }));
    } else {
        for error in &found {
            eprintln!("{}", error.render(session.ink.err));
        }
        if let Some(broken) = &templates {
            for line in broken.lines() {
                eprintln!("error: {line}");
            }
        }
        if found.is_empty() && templates.is_none() {
            println!("{scripts} scripts, the settings and the templates are fine");
        }
    }
    Ok(if templates.is_some() && exit == Exit::Done { Exit::Configuration } else { exit })
}

/// What was found in a site's files.
pub(super) struct Checked {
    /// How many scripts were looked at.
    pub scripts: usize,
    pub errors: Vec<ScriptError>,
    /// What is wrong with the templates, a line each.
    pub templates: Option<String>,
}

/// Looks at the named scripts, or all of the site, and at its templates.
///
/// # Errors
/// A script can't be read.
pub(super) fn look(site: &Site, scripts: &[PathBuf]) -> Result<Checked, Failure> {
    let host = ScriptHost::new();
    let scripts = if scripts.is_empty() { all_scripts(&site.dir.join("scripts"))? } else { scripts.to_vec() };
    let mut errors = Vec::new();
    for path in &scripts {
        let source = load_script(site, path)?;
        errors.extend(host.check(&source.name, &source.text));
    }
    Ok(Checked { scripts: scripts.len(), errors, templates: site.templates.get().err().map(str::to_owned) })
}

fn all_scripts(folder: &std::path::Path) -> Result<Vec<PathBuf>, Failure> {
    let mut scripts: Vec<PathBuf> = match std::fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "rhai")).collect(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(e.into()),
    };
    scripts.retain(|p| !p.to_string_lossy().ends_with(".test.rhai"));
    scripts.sort();
    Ok(scripts)
}
