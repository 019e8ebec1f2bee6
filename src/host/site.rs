//! One site, opened: its settings, its store, its templates.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::HostError;
use super::config::{ConfigError, Doubtful, SiteConfig};
use super::scripts::SiteScripts;
use super::site_templates::SiteTemplates;
use crate::domain::delivery::Channel;
use crate::domain::departure::Departure;
use crate::domain::roster::{Read, RosterError};
use crate::domain::schedule::Schedule;
use crate::script::{ScheduleBook, SiteFacts, TemplateCheck};
use crate::store::{DepartureRules, Store};

/// A site that commands work on. Opening one reads `site.toml` and opens the store, nothing else:
/// templates and secrets are read when somebody needs them.
pub struct Site {
    pub dir: PathBuf,
    pub config: SiteConfig,
    pub store: Arc<Store>,
    pub templates: Arc<SiteTemplates>,
    pub scripts: SiteScripts,
}

/// Why a site can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("there is no site here: {} does not exist", .0.display())]
    NoSite(PathBuf),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Config(Vec<ConfigError>),
    #[error(transparent)]
    Host(#[from] HostError),
}

impl Site {
    /// Opens the site in `dir`.
    ///
    /// # Errors
    /// There is none, its settings are wrong, or its store can't be opened.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let file = dir.join("site.toml");
        // One that this user may not look at is no missing one: reading it says what is wrong.
        if !file.try_exists().unwrap_or(true) {
            return Err(OpenError::NoSite(file));
        }
        let config = SiteConfig::load(dir).map_err(OpenError::Config)?;
        let store = Store::open(&config.store.path).map_err(HostError::from)?;
        Ok(Self::of(config, Arc::new(store)))
    }

    /// The site of these settings over an open store; templates and scripts are those in its folder.
    #[must_use]
    pub fn of(config: SiteConfig, store: Arc<Store>) -> Self {
        let dir = config.dir.clone();
        let templates = Arc::new(SiteTemplates::new(dir.join("templates"), &config.site.language));
        let scripts = SiteScripts::in_folder(dir.join("scripts"));
        Self { dir, config, store, templates, scripts }
    }

    /// The channels that invitations can use here, in the order in which a plan names them.
    #[must_use]
    pub fn channels(&self) -> Vec<Channel> {
        let mut channels = Vec::new();
        if self.config.mdm.server().is_some() {
            channels.push(Channel::Mdm);
        }
        if self.config.mail.is_some() {
            channels.push(Channel::Mail);
        }
        channels
    }

    /// What scripts may know of the site.
    #[must_use]
    pub fn facts(&self) -> SiteFacts {
        SiteFacts {
            name: self.config.site.name.clone(),
            zone: self.config.site.timezone,
            language: self.config.site.language.clone(),
            contact: self.config.site.contact.as_ref().map(ToString::to_string).unwrap_or_default(),
            settings: self.config.settings.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            limits: self.config.limits.clone(),
            channels: self.channels(),
            webhooks: self.config.webhooks.iter().map(|w| w.name.clone()).collect(),
            templates: Arc::clone(&self.templates) as Arc<dyn TemplateCheck>,
            schedules: Arc::new(SiteSchedules { all: self.config.schedules.clone(), store: Arc::clone(&self.store) }),
        }
    }

    /// The rules of when a message may leave.
    #[must_use]
    pub fn departure(&self) -> Departure {
        Departure::of(&self.config.limits, self.config.site.timezone)
    }

    /// The rules that hold at the moment when a delivery leaves.
    #[must_use]
    pub fn departure_rules(&self) -> DepartureRules {
        DepartureRules {
            departure: self.departure(),
            resend_doubtful: self.config.mail.as_ref().is_some_and(|m| m.doubtful == Doubtful::Resend),
        }
    }
}

/// The site's schedules, as scripts look at them.
struct SiteSchedules {
    all: Arc<[Arc<Schedule>]>,
    store: Arc<Store>,
}

impl ScheduleBook for SiteSchedules {
    fn all(&self) -> &[Arc<Schedule>] {
        &self.all
    }

    fn paused(&self) -> Read<BTreeSet<String>> {
        self.store.paused_schedules().map_err(|e| RosterError(e.to_string()))
    }
}
