//! The sites of script tests: the real store, host, scheduler, dispatcher and templates, with a clock that
//! nobody waits for and a world behind the ports that the program hands in. Nothing here can reach the real
//! site's store, secrets or network: a test's site has a store of its own, and of the real one only its
//! settings, scripts and templates.

mod around;
mod golden;
mod site;
mod told;
mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono_tz::Tz;

pub use golden::GoldenTexts;
pub use world::{MakeTestWorld, TestWorld};

use self::site::TrialSite;
use super::HostError;
use super::config::SiteConfig;
use super::scripts::SiteScripts;
use super::site::Site;
use super::site_templates::SiteTemplates;
use crate::domain::time::{Span, Timestamp, at_local};
use crate::script::trial::{Trial, Trials, Tried, Wanted};
use crate::script::{LastValue, Problem, RunInput, ScriptError, ScriptHost, TemplateCheck as _, Turn};
use crate::store::Store;

/// A school whose far sides are simulated. A test's site has those of its sections that the real one hasn't got:
/// everybody can be invited and written to.
pub const SITE_TOML: &str = r#"
[site]
name = "Sunnyside School"
timezone = "Europe/Amsterdam"
language = "en"
contact = "it@sunnyside.example"
[apps_and_books]
token = "env:NOT_READ_IN_TESTS"
[mail]
from = "IT Sunnyside <it@sunnyside.example>"
relay = "smtp://127.0.0.1:2525"
tls = "none"
[mdm]
backend = "nanomdm"
url = "http://127.0.0.1:9000"
api_key = "env:NOT_READ_IN_TESTS"
"#;

/// Makes the sites of a site's tests. One for all tests of a run.
pub struct TestSites {
    config: SiteConfig,
    elsewhere: SiteConfig,
    templates: Arc<SiteTemplates>,
    scripts: SiteScripts,
    host: Arc<ScriptHost>,
    make_world: MakeTestWorld,
    golden: GoldenTexts,
    /// Where the stores are, one a site, for as long as their sites live.
    folder: PathBuf,
    /// A site with nobody in it: what a test sees before it makes one.
    nobody: Site,
    made: AtomicU64,
}

impl TestSites {
    /// Of the site in `dir`, whose store is not opened. Stores are made in `folder`, which exists and is this
    /// run's own.
    ///
    /// # Errors
    /// The site's settings or scripts can't be read, or no store can be made.
    pub fn of(
        config: SiteConfig,
        host: Arc<ScriptHost>,
        make_world: MakeTestWorld,
        golden: GoldenTexts,
        folder: &Path,
    ) -> Result<Self, HostError> {
        let internal = |what: String| HostError::Internal(what);
        let elsewhere = SiteConfig::parse(folder, SITE_TOML)
            .map_err(|errors| internal(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
        let templates = Arc::new(SiteTemplates::new(config.dir.join("templates"), &config.site.language));
        let scripts =
            SiteScripts::hold(config.dir.join("scripts")).map_err(|e| HostError::site(e, "check the scripts folder"))?;
        let store = Arc::new(Store::open_for_a_while(&folder.join("empty.db"))?);
        let mut nobody = Site::of(config.clone(), store);
        (nobody.templates, nobody.scripts) = (Arc::clone(&templates), scripts.clone());
        let (folder, made) = (folder.to_owned(), AtomicU64::new(0));
        Ok(Self { config, elsewhere, templates, scripts, host, make_world, golden, folder, nobody, made })
    }

    /// What is wrong with the site's templates.
    #[must_use]
    pub fn broken_templates(&self) -> Vec<ScriptError> {
        self.templates.broken()
    }

    /// How long a test may take: what a script may.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        self.config.script_limits.seconds
    }

    /// Runs a test: the top of its file, and then the function.
    ///
    /// # Errors
    /// The store's; inside, what the author of the test has to be told.
    pub fn run(self: &Arc<Self>, test: &Test) -> Result<Result<(), crate::script::ScriptError>, HostError> {
        let printed = Arc::clone(&test.print);
        let turn = Turn {
            view: Box::new(self.nobody.store.roster()?),
            now: morning(self.config.site.timezone),
            params: Arc::new(crate::host::scheduler::ScheduleParams::of(&Default::default())),
            stop: Arc::clone(&test.stop),
            print: Arc::new(move |line| printed(line)),
            asked_before: 0,
            debugger: None,
        };
        let input = RunInput {
            script: test.source.clone(),
            turn,
            site: Arc::new(self.nobody.facts()),
            trigger: "test".to_owned(),
            dry_run: true,
            last: LastValue::Printed,
            limits: self.config.script_limits,
        };
        let trials = Arc::new(OfOneTest { sites: Arc::clone(self), stop: Arc::clone(&test.stop) });
        Ok(self.host.test(input, trials, &test.name))
    }

    /// The settings of a test's site.
    fn settings(&self, wanted: &Wanted, store: &Path) -> SiteConfig {
        let mut config = self.config.clone();
        config.store.path = store.to_owned();
        config.apps_and_books = config.apps_and_books.or_else(|| self.elsewhere.apps_and_books.clone());
        if let Some(apple) = &mut config.apps_and_books {
            // Whoever accepts in a test is looked for at once; looking in between costs and finds nothing.
            apple.every = Span::days(1);
        }
        config.mail = config.mail.or_else(|| self.elsewhere.mail.clone());
        if config.mdm.server().is_none() && !wanted.roster.devices.is_empty() {
            config.mdm = self.elsewhere.mdm.clone();
        }
        // Nobody listens, and no file of a secret is made.
        config.http.public_url = None;
        config.settings.extend(wanted.settings.clone());
        config.site.timezone = wanted.zone.unwrap_or(config.site.timezone);
        config
    }

    fn site(&self, wanted: Wanted, stop: Stopping) -> Result<TrialSite, HostError> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("site-{number}.db"));
        let config = self.settings(&wanted, &path);
        let now = wanted.now.unwrap_or_else(|| morning(config.site.timezone));
        let store = Arc::new(Store::open_for_a_while(&path)?);
        let mut site = Site::of(config, store);
        (site.templates, site.scripts) = (Arc::clone(&self.templates), self.scripts.clone());
        let world = (self.make_world)(&site.config.site.name, now);
        TrialSite::open(site, world, Arc::clone(&self.host), wanted, stop)
    }
}

/// Tells when a test has to end.
type Stopping = Arc<dyn Fn() -> Option<crate::script::Stop> + Send + Sync>;

/// One test to be run.
pub struct Test {
    pub source: crate::script::ScriptSource,
    /// The function.
    pub name: String,
    /// Tells when its time is up.
    pub stop: Stopping,
    /// Takes each line that it prints.
    pub print: Arc<dyn Fn(&str) + Send + Sync>,
}

struct OfOneTest {
    sites: Arc<TestSites>,
    stop: Stopping,
}

impl Trials for OfOneTest {
    fn zone(&self) -> Tz {
        self.sites.config.site.timezone
    }

    fn site(&self, wanted: Wanted) -> Tried<Box<dyn Trial>> {
        Ok(Box::new(self.sites.site(wanted, Arc::clone(&self.stop)).map_err(problem)?))
    }

    fn golden(&self, name: &str, text: &str) -> Tried<()> {
        self.sites.golden.compare(name, text)
    }
}

/// When a test begins unless it says otherwise: a Monday morning, the same for ever, so that what is golden
/// stays so.
fn morning(zone: Tz) -> Timestamp {
    let local = chrono::NaiveDate::from_ymd_opt(2026, 11, 30).and_then(|day| day.and_hms_opt(9, 0, 0));
    local.and_then(|local| at_local(local, zone)).unwrap_or_default()
}

fn problem(error: HostError) -> Problem {
    let remedy = error.remedy();
    let problem = Problem::new("test_site", error.to_string());
    if remedy.is_empty() { problem } else { problem.hint(remedy) }
}
