//! Everything that can be completed: the words of scripts, the variables of the session, and the names of
//! the site.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::script_file::script_names;
use crate::host::site::Site;
use crate::script::{Names, SiteFacts, Variable, Vocabulary};
use crate::store::LiveNames;

/// The session's variables, as its last line left them.
pub type SharedVariables = Arc<Mutex<Vec<Variable>>>;

/// No more names than these are shown at once.
pub const NAMES_MAX: usize = 100;

/// What can be completed.
pub struct Known {
    pub vocabulary: Vocabulary,
    facts: SiteFacts,
    /// `None` when the store can't be read: then its names are not completed.
    names: Option<LiveNames>,
    variables: SharedVariables,
    scripts: PathBuf,
}

impl Known {
    #[must_use]
    pub fn new(site: &Site, vocabulary: Vocabulary, variables: SharedVariables) -> Self {
        let (facts, names) = (site.facts(), site.store.live_names().ok());
        Self { vocabulary, facts, names, variables, scripts: site.dir.join("scripts") }
    }

    pub fn variables(&self) -> Vec<Variable> {
        self.variables.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first names that begin so. What can't be read is not offered.
    pub fn names(&self, names: &Names, begin: &str) -> Vec<String> {
        let live = |ask: fn(&LiveNames, &str, usize) -> crate::domain::roster::Read<Vec<String>>| {
            self.names.as_ref().and_then(|names| ask(names, begin, NAMES_MAX).ok()).unwrap_or_default()
        };
        let all: Vec<String> = match names {
            Names::Groups => return live(LiveNames::groups),
            Names::Users => return live(LiveNames::users),
            Names::Devices => return live(LiveNames::devices),
            Names::Apps => return live(LiveNames::apps),
            Names::Templates => self.facts.templates.names(),
            Names::Webhooks => self.facts.webhooks.clone(),
            Names::Settings => self.facts.settings.keys().cloned().collect(),
            Names::Schedules => self.facts.schedules.all().iter().map(|schedule| schedule.name.clone()).collect(),
            Names::Words(words) => words.clone(),
        };
        all.into_iter().filter(|name| name.starts_with(begin)).take(NAMES_MAX).collect()
    }

    /// The site's scripts, by the names that `:load` takes.
    pub fn scripts(&self) -> Vec<String> {
        script_names(&self.scripts)
    }
}
