//! Everything that can be completed: the words of scripts, the variables of the session, and the names of
//! the site.

use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cli::script_file::script_names;
use crate::host::site::Site;
use crate::script::{Names, Offer, SiteFacts, Variable, Vocabulary};
use crate::store::LiveNames;

/// What the next line can use, as the session's last one left it.
#[derive(Default)]
pub struct SoFar {
    pub variables: Vec<Variable>,
    /// Statements that import what was imported.
    pub imports: Vec<String>,
    /// The line before, where one that begins with a dot would go on with it.
    pub goes_on: Option<String>,
}

pub type SharedSoFar = Arc<Mutex<SoFar>>;

/// A module that is longer is not looked into while somebody types.
const MODULE_BYTES_MAX: u64 = 64 * 1024;

/// No more names than these are shown at once.
pub const NAMES_MAX: usize = 100;

/// What can be completed.
pub struct Known {
    pub vocabulary: Vocabulary,
    facts: SiteFacts,
    /// `None` when the store can't be read: then its names are not completed.
    names: Option<LiveNames>,
    so_far: SharedSoFar,
    scripts: PathBuf,
}

impl Known {
    #[must_use]
    pub fn new(site: &Site, vocabulary: Vocabulary, so_far: SharedSoFar) -> Self {
        let (facts, names) = (site.facts(), site.store.live_names().ok());
        Self { vocabulary, facts, names, so_far, scripts: site.dir.join("scripts") }
    }

    pub fn variables(&self) -> Vec<Variable> {
        self.so_far().variables.clone()
    }

    /// What a line is read after: the imports that still hold, and the line that it goes on with.
    pub fn before(&self, script: &str) -> String {
        let so_far = self.so_far();
        let mut before = so_far.imports.concat();
        if let Some(goes_on) = so_far.goes_on.as_ref().filter(|_| script.trim_start().starts_with('.')) {
            before.push_str(goes_on);
            before.push('\n');
        }
        before
    }

    fn so_far(&self) -> MutexGuard<'_, SoFar> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The functions of a module. What can't be read is not offered.
    pub fn functions_of(&self, module: &str) -> Vec<Offer> {
        if let Some((_, text)) = Vocabulary::library().iter().find(|(name, _)| *name == module) {
            return Vocabulary::functions_of(text);
        }
        // As an import finds it; what is not below the folder is no module.
        let path = Path::new(module);
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Vec::new();
        }
        let file = self.scripts.join(if module.ends_with(".rhai") { module.to_owned() } else { format!("{module}.rhai") });
        let mut text = String::new();
        let read = File::open(file).and_then(|file| file.take(MODULE_BYTES_MAX).read_to_string(&mut text));
        read.map(|_| Vocabulary::functions_of(&text)).unwrap_or_default()
    }

    /// The modules that can be imported: the library's, and the site's scripts.
    fn modules(&self) -> Vec<String> {
        let library = Vocabulary::library().iter().map(|(name, _)| (*name).to_owned());
        library.chain(self.scripts().iter().map(|name| name.trim_end_matches(".rhai").to_owned())).collect()
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
            Names::Modules => self.modules(),
            Names::Words(words) => words.clone(),
        };
        all.into_iter().filter(|name| name.starts_with(begin)).take(NAMES_MAX).collect()
    }

    /// The site's scripts, by the names that `:load` takes.
    pub fn scripts(&self) -> Vec<String> {
        script_names(&self.scripts)
    }
}

#[cfg(test)]
impl Known {
    /// Without a store. The webhooks have these names.
    pub fn of_names(webhooks: Vec<String>, so_far: SoFar, scripts: PathBuf) -> Self {
        let facts = SiteFacts { webhooks, ..crate::script::testing::site() };
        let vocabulary = crate::script::ScriptHost::new().vocabulary();
        Self { vocabulary, facts, names: None, so_far: Arc::new(Mutex::new(so_far)), scripts }
    }

    pub fn rename_webhooks(&mut self, webhooks: Vec<String>) {
        self.facts.webhooks = webhooks;
    }
}
