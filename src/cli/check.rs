//! `beckon check`: scripts, settings and templates, without running anything.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::args;
use super::error_width;
use super::exit::{Exit, Failure};
use super::script_file::load_script;
use super::session::Session;
use crate::domain::invite_plan::counted;
use crate::domain::words;
use crate::host::check::{FileChecked, SiteCheck};
use crate::host::config::ConfigError;
use crate::host::site::Site;
use crate::script::{Details, ErrorKind, Finding, ScriptError, ScriptHost, ScriptSource, TemplateCheck as _, effects_in_words};

/// Far above what a script may have.
const STDIN_MAX: u64 = 16 << 20;

/// Checks the named scripts, or all of the site, its settings and its templates.
///
/// # Errors
/// The site's, when it can't be opened.
pub fn check(session: &Session, args: &args::Check) -> Result<Exit, Failure> {
    let site = match session.open_site() {
        Ok(site) => site,
        // An editor wants to know where.
        Err(failure) if args.json && !failure.settings.is_empty() => {
            let site = failure.settings.iter().map(of_settings).collect();
            println!("{}", as_json(&Looked { files: Vec::new(), site, templates: Vec::new() }));
            return Ok(failure.exit);
        }
        Err(failure) => return Err(failure),
    };
    let looked = if args.scripts.iter().any(|path| path.as_os_str() == "-") {
        if args.scripts.len() > 1 {
            return Err(Failure::new(Exit::Usage, "`-` reads one text from standard input: no other script can be named"));
        }
        let source = from_stdin(&site, args.name.as_deref())?;
        let host = ScriptHost::new();
        let check = SiteCheck::of(&site, &host);
        let file = check.text(&source)?;
        Looked { site: check.schedules(&file), files: vec![file], templates: templates(&site) }
    } else {
        look(&site, &args.scripts)?
    };
    if args.json {
        println!("{}", as_json(&looked));
    } else {
        show(session, &looked);
    }
    let fails = looked.findings().any(|finding| finding.is_error() || args.strict);
    Ok(match (fails, looked.templates.is_empty()) {
        (true, _) => Exit::ScriptError,
        (false, false) => Exit::Configuration,
        (false, true) => Exit::Done,
    })
}

/// The line itself is not shown: it may hold a secret.
fn of_settings(error: &ConfigError) -> Finding {
    let key = if error.key.is_empty() { String::new() } else { format!("{}: ", error.key) };
    Finding::error(ScriptError::from(Details {
        source: error.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        line: error.line,
        column: error.column,
        length: 1,
        hint: error.hint.clone(),
        ..(*ScriptError::bare(ErrorKind::Settings, "wrong_setting", format!("{key}{}", error.what))).clone()
    }))
}

/// What was found in a site's files.
pub(super) struct Looked {
    pub files: Vec<FileChecked>,
    /// What is wrong between `site.toml` and the scripts.
    pub site: Vec<Finding>,
    /// What is wrong with the templates.
    pub templates: Vec<Finding>,
}

impl Looked {
    /// Everything that was found in scripts and settings.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.files.iter().flat_map(|file| &file.checked.findings).chain(&self.site)
    }

    /// The files that a site runs: tests act on schools of their own.
    pub fn scripts(&self) -> impl Iterator<Item = &FileChecked> {
        self.files.iter().filter(|file| !file.file.ends_with(".test.rhai"))
    }

    /// How many errors, those of the templates included, and how many warnings.
    fn counts(&self) -> (usize, usize) {
        let errors = self.findings().filter(|finding| finding.is_error()).count();
        (errors + self.templates.len(), self.findings().count() - errors)
    }
}

/// Looks at the named scripts with everything that they import, or at all of the site, and at its templates.
///
/// # Errors
/// A script can't be read.
pub(super) fn look(site: &Site, scripts: &[PathBuf]) -> Result<Looked, Failure> {
    let host = ScriptHost::new();
    let check = SiteCheck::of(site, &host);
    let mut open = if scripts.is_empty() { check.files()? } else { scripts.to_vec() };
    open.reverse();
    let missing = if scripts.is_empty() { check.missing_scripts() } else { Vec::new() };
    let mut looked = Looked { files: Vec::new(), site: missing, templates: templates(site) };
    let mut seen = BTreeSet::new();
    while let Some(path) = open.pop() {
        let source = load_script(site, &path)?;
        if !seen.insert(source.name.clone()) {
            continue;
        }
        let file = check.text(&source)?;
        if let Some(folder) = &source.folder {
            open.extend(file.checked.imports.iter().filter_map(|import| module_file(folder, import)));
        }
        looked.site.extend(check.schedules(&file));
        looked.files.push(file);
    }
    Ok(looked)
}

/// The file of a module; those of the standard library have none.
fn module_file(folder: &Path, import: &str) -> Option<PathBuf> {
    let file = if import.ends_with(".rhai") { folder.join(import) } else { folder.join(format!("{import}.rhai")) };
    file.is_file().then_some(file)
}

fn templates(site: &Site) -> Vec<Finding> {
    site.templates.broken().into_iter().map(Finding::error).collect()
}

/// What an editor holds and has not saved, under the name of its file.
fn from_stdin(site: &Site, name: Option<&Path>) -> Result<ScriptSource, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(STDIN_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::new(Exit::ScriptError, "what comes over standard input is not UTF-8 text"))?;
    let text = words::unmarked(text);
    let folder = site.dir.join("scripts");
    let name = name.map_or_else(|| PathBuf::from("stdin"), Path::to_owned);
    let shown = name.strip_prefix(&site.dir).unwrap_or(&name).display().to_string();
    // A file of elsewhere imports what lies beside it.
    let beside = name.parent().filter(|parent| parent.is_absolute() && !parent.starts_with(&folder));
    let folder = beside.map_or(folder, Path::to_owned);
    Ok(ScriptSource { name: shown, text, folder: Some(folder), held: None })
}

fn show(session: &Session, looked: &Looked) {
    for finding in looked.findings().chain(&looked.templates) {
        eprintln!("{}", finding.render_within(session.ink.err, error_width()));
    }
    let (errors, warnings) = looked.counts();
    let width = looked.scripts().map(|file| file.file.chars().count()).max().unwrap_or(0).min(40);
    for file in looked.scripts() {
        if !file.checked.findings.iter().any(Finding::is_error) {
            println!("{:<width$}  {}", file.file, effects_in_words(&file.checked.effects));
        }
    }
    let (run, all) = (looked.scripts().count(), looked.files.len());
    let mut scripts = counted(run, "script");
    if all > run {
        scripts = format!("{scripts} and {}", counted(all - run, "test file"));
    }
    if errors + warnings > 0 {
        println!("{scripts} checked: {}, {}", counted(errors, "error"), counted(warnings, "warning"));
    } else {
        println!("{scripts}, the settings and the templates are fine");
    }
}

fn as_json(looked: &Looked) -> serde_json::Value {
    let files: Vec<serde_json::Value> = looked
        .files
        .iter()
        .map(|file| {
            json!({
                "file": file.file,
                "diagnostics": file.checked.findings,
                "effects": file.checked.effects,
                "params": file.checked.params,
            })
        })
        .collect();
    let (errors, warnings) = looked.counts();
    json!({
        "files": files,
        "site": looked.site,
        "templates": looked.templates,
        "errors": errors,
        "warnings": warnings,
    })
}
