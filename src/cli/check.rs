//! `beckon check`: scripts, settings and templates, without running anything.

use std::path::PathBuf;

use serde_json::json;

use super::exit::{Exit, Failure};
use super::run::load_script;
use super::session::Session;
use crate::script::ScriptHost;

/// Checks the named scripts, or all of the site, its settings and its templates.
///
/// # Errors
/// The site's, when it can't be opened.
pub fn check(session: &Session, scripts: &[PathBuf], as_json: bool) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let host = ScriptHost::new();
    let mut exit = Exit::Done;
    let mut found = Vec::new();
    let scripts = if scripts.is_empty() { all_scripts(&site.dir.join("scripts"))? } else { scripts.to_vec() };
    for path in &scripts {
        let source = load_script(&site, path)?;
        let errors = host.check(&source.name, &source.text);
        if !errors.is_empty() {
            exit = Exit::ScriptError;
        }
        found.extend(errors);
    }
    let templates = site.templates.get().err().map(str::to_owned);
    if as_json {
        println!("{}", json!({ "scripts": scripts.len(), "errors": found, "templates": templates }));
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
            println!("{} scripts, the settings and the templates are fine", scripts.len());
        }
    }
    Ok(if templates.is_some() && exit == Exit::Done { Exit::Configuration } else { exit })
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
