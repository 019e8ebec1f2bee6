//! The version of a site that is in force: settings, scripts, templates and channels that were good together.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::MakePorts;
use super::fingerprint::{self, Fingerprint};
use crate::domain::content_token::ContentToken;
use crate::domain::time::Timestamp;
use crate::host::Ports;
use crate::host::check::SiteCheck;
use crate::host::config::{ConfigError, SiteConfig};
use crate::host::deliver::registrar;
use crate::host::registrar::Registrar;
use crate::host::scripts::SiteScripts;
use crate::host::site::Site;
use crate::script::{ScriptError, ScriptHost, TemplateCheck as _};

/// One version of a site.
#[derive(Clone)]
pub struct Current {
    pub site: Arc<Site>,
    pub ports: Ports,
    pub registrar: Option<Arc<Registrar>>,
    /// What ends some day, by what people call it.
    pub expiries: Vec<(&'static str, Timestamp)>,
    /// What MDM servers sign their reports with.
    pub webhook_key: Option<SecretString>,
    /// The files as they were when they were read.
    pub files: Fingerprint,
    /// What was wrong with scripts and templates when the site was first read: then there is no
    /// better version to go on with.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong with a file of the site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// As people call it: `site.toml`, `scripts/weekly-reminder.rhai`.
    pub file: String,
    /// From 1; 0 when it is the whole file.
    pub line: u32,
    /// In characters, from 1; 0 when it is the whole line.
    pub column: u32,
    /// What is wrong and what to do, without secrets.
    pub what: String,
}

impl Current {
    /// What is there when the program starts, over the store of a site that was opened. Broken scripts and templates are told, but don't keep
    /// everything else from working.
    ///
    /// # Errors
    /// The settings are wrong, or a secret can't be read.
    pub fn first(opened: &Site, make_ports: &MakePorts) -> Result<Self, Vec<ConfigError>> {
        let site_toml = fingerprint::site_toml(&opened.dir);
        let config = SiteConfig::load(&opened.dir)?;
        let files = Fingerprint::of(&config, site_toml);
        let ports = make_ports(&config).map_err(|error| vec![error])?;
        let mut site = Site::of(config, Arc::clone(&opened.store));
        let mut faults = Vec::new();
        match SiteScripts::hold(site.dir.join("scripts")) {
            Ok(scripts) => site.scripts = scripts,
            Err(what) => faults.push(Fault::of_file("scripts", what)),
        }
        faults.extend(of_texts(&site));
        Self::of(site, ports, None, files, faults).map_err(|error| vec![error])
    }

    /// What lies in the site's folder now, when all of it is good. The channels stay the same unless
    /// `settings_changed`, and with them what they know of their far sides.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn load(&self, make_ports: &MakePorts, settings_changed: bool) -> Result<Self, Vec<Fault>> {
        let old = &self.site.config;
        let site_toml = fingerprint::site_toml(&self.site.dir);
        let config =
            SiteConfig::load(&self.site.dir).map_err(|errors| errors.iter().map(Fault::of_settings).collect::<Vec<_>>())?;
        let files = Fingerprint::of(&config, site_toml);
        let fixed =
            |key: &str| Fault::of_file("site.toml", format!("{key} can't be changed while beckon serve goes on: restart it"));
        let mut faults = Vec::new();
        if config.store.path != old.store.path {
            faults.push(fixed("store.url"));
        }
        if config.http.listen != old.http.listen {
            faults.push(fixed("http.listen"));
        }
        let ports = if settings_changed { make_ports(&config).map(Some) } else { Ok(None) };
        let mut site = Site::of(config, Arc::clone(&self.site.store));
        match SiteScripts::hold(site.dir.join("scripts")) {
            Ok(scripts) => site.scripts = scripts,
            Err(what) => faults.push(Fault::of_file("scripts", what)),
        }
        faults.extend(of_texts(&site));
        match ports {
            Err(error) => faults.push(Fault::of_settings(&error)),
            Ok(ports) if faults.is_empty() => {
                let same = if ports.is_some() { None } else { self.registrar.clone() };
                let ports = ports.unwrap_or_else(|| self.ports.clone());
                return Self::of(site, ports, same, files, faults).map_err(|error| vec![Fault::of_settings(&error)]);
            }
            Ok(_) => {}
        }
        Err(faults)
    }

    fn of(
        site: Site,
        ports: Ports,
        same_registrar: Option<Arc<Registrar>>,
        files: Fingerprint,
        faults: Vec<Fault>,
    ) -> Result<Self, ConfigError> {
        let webhook_key = site.config.mdm.webhook_key.as_ref().map(|key| key.resolve(&site.dir)).transpose()?;
        let registrar = same_registrar.or_else(|| registrar(&site, &ports));
        let expiries = expiries(&site, &ports);
        Ok(Self { site: Arc::new(site), ports, registrar, expiries, webhook_key, files, faults })
    }
}

impl Fault {
    fn of_settings(error: &ConfigError) -> Self {
        let hint = error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let key = if error.key.is_empty() { String::new() } else { format!("{}: ", error.key) };
        let file = error.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { file, line: error.line, column: error.column, what: format!("{key}{}{hint}", error.what) }
    }

    /// Of a script or a template; `name` is its file, where it does not say itself.
    fn of_text(error: &ScriptError, name: &str) -> Self {
        let hint = error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let file = if error.source.is_empty() { name.to_owned() } else { error.source.clone() };
        Self { file, line: error.line, column: error.column, what: format!("{}{hint}", error.message) }
    }

    /// Of a file as a whole.
    pub(super) fn of_file(file: &str, what: String) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0, what }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "{}: {}", self.file, self.what),
            (line, 0) => write!(f, "{}:{line}: {}", self.file, self.what),
            (line, column) => write!(f, "{}:{line}:{column}: {}", self.file, self.what),
        }
    }
}

/// What is wrong with the scripts of the site's schedules, with what they are given, and with the templates. Reading the
/// templates here also keeps them: what is changed in their folder later changes them no more.
fn of_texts(site: &Site) -> Vec<Fault> {
    let mut faults = Vec::new();
    let host = ScriptHost::new();
    let check = SiteCheck::of(site, &host);
    let mut names: Vec<&str> = site.config.schedules.iter().map(|schedule| schedule.script.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        match site.scripts.check(&host, name) {
            Ok(files) => {
                // The first one is the script itself.
                let settings = files.first().map(|file| check.schedules(file)).unwrap_or_default();
                let findings = files.iter().flat_map(|file| &file.checked.findings).chain(&settings);
                faults.extend(
                    findings
                        .filter(|found| found.is_error())
                        .map(|found| Fault::of_text(&found.error, &format!("scripts/{name}"))),
                );
            }
            Err(error) => faults.push(Fault::of_file(&format!("scripts/{name}"), format!("{error} ({})", error.remedy()))),
        }
    }
    faults.extend(site.templates.broken().iter().map(|error| Fault::of_text(error, "templates")));
    faults.dedup();
    faults
}

/// When the content token and the push certificate end.
pub(super) fn expiries(site: &Site, ports: &Ports) -> Vec<(&'static str, Timestamp)> {
    let apple = site.config.apps_and_books.as_ref().filter(|_| site.config.token_is_installed());
    // A token that can't be read is said by whoever needs it.
    let token = apple.and_then(|apple| apple.token.resolve(&site.dir).ok());
    let token = token.and_then(|text| ContentToken::parse(text.expose_secret().as_bytes()).ok());
    let certificate = ports.push.as_ref().and_then(|push| push.certificate_expires());
    [token.map(|token| ("content token", token.expires)), certificate.map(|at| ("push certificate", at))]
        .into_iter()
        .flatten()
        .collect()
}
