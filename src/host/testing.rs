//! A small school on a virtual clock, with the simulated world behind its ports: for tests of the host.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::Ports;
use super::config::SiteConfig;
use super::deliver::{Delivered, Delivering, deliver, registrar};
use super::registrar::Registrar;
use super::run::{self, RunRequest};
use super::scheduler::ScheduleParams;
use super::site::Site;
use crate::domain::delivery::Channel;
use crate::domain::grounds::Grounds;
use crate::domain::ids::RunId;
use crate::domain::intent::{Asked, Intent, Invite, InviteOptions, Origin};
use crate::domain::invite_plan::{Choice, InvitePlan, PlanOptions};
use crate::domain::reminder::ReminderPolicy;
use crate::domain::roster::RosterView as _;
use crate::domain::selection::Select;
use crate::domain::time::{Span, Timestamp, from_millis};
use crate::ports::clock::Clock;
use crate::script::{LastValue, ScriptHost, ScriptSource};
use crate::sim::people::Habits;
use crate::sim::{Doors, SharedWorld, VirtualClock, World, WorldConfig, WorldEvent, lock};
use crate::store::{Committed, ImportOptions, RunRecord, RunState, Store};

pub use super::trial::SITE_TOML;

/// Five people everyone knows. Ana has an iPad and a mailbox, Ben a Mac that he has logged in to,
/// Chloe a mailbox only, Dirk neither, Eva an iPad only.
pub const USERS: &str = "username,full_name,mail,language,managed_account
ana,Ana Jansen,ana@sunnyside.example,nl,
ben,Ben Okafor,ben@sunnyside.example,en,
chloe,Chloe Petit,chloe@sunnyside.example,fr,
dirk,Dirk Vos,,nl,
eva,Eva Lang,,de,
";
pub const GROUPS: &str = "name,distribution\nGrade 5,yes\n";
pub const MEMBERSHIPS: &str = "group,username\nGrade 5,ana\nGrade 5,ben\nGrade 5,chloe\nGrade 5,dirk\nGrade 5,eva\n";
pub const DEVICES: &str = "serial,udid,name,platform,user,managed,enrollment,user_channel
F1ANA,UDID-ANA,Ana's iPad,ipados,ana,yes,device,
C1BEN,UDID-BEN,Ben's Mac,macos,ben,yes,device,BEN-GUID
F1EVA,UDID-EVA,Eva's iPad,ipados,eva,yes,device,
";

/// A Tuesday morning.
pub fn morning() -> Timestamp {
    from_millis(1_796_111_100_000)
}

/// A site whose world is simulated.
pub struct TestSite {
    pub site: Site,
    pub clock: Arc<VirtualClock>,
    pub doors: Doors,
    pub ports: Ports,
    registrar: Option<Arc<Registrar>>,
    folder: tempfile::TempDir,
}

impl TestSite {
    /// The small school, with people who accept as `habits` say.
    pub fn new(habits: Habits) -> Self {
        Self::of(
            habits,
            &[("users.csv", USERS), ("groups.csv", GROUPS), ("memberships.csv", MEMBERSHIPS), ("devices.csv", DEVICES)],
        )
    }

    pub fn of(habits: Habits, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(VirtualClock::new(morning()));
        let school = crate::sim::apple::UnitConfig::school(token_text(), morning() + Span::days(300));
        let mut world = World::new(WorldConfig { habits, ..WorldConfig::seeded(7) });
        world.apple.add_unit(school);
        world.mdm.config.adopt_strangers = true;
        let doors = Doors::new(world.shared(), Arc::clone(&clock) as Arc<dyn Clock>);
        let site = open(&folder, "");
        let ports = ports(&doors, &clock);
        let site = Self { site, clock, doors, ports, registrar: None, folder };
        site.import(files);
        site
    }

    /// Takes a roster; what these files no longer have goes.
    pub fn import(&self, files: &[(&str, &str)]) {
        let mut incoming = crate::roster_files::Reader::default();
        for (name, text) in files {
            incoming.file(name, text.as_bytes()).unwrap();
        }
        let now = self.clock.now();
        let mut drawn = now.timestamp() % 1_000_000 * 1_000;
        let mut new_id = || {
            drawn += 1;
            format!("00000000-0000-4000-8000-{drawn:012}")
        };
        let options = ImportOptions { source: "import".to_owned(), keep_missing: false };
        self.site.store.take_roster(incoming.finish().unwrap(), &options, now, &mut new_id).unwrap();
    }

    /// Changes `[limits]`, `[mail]` or other settings: `text` is put at the end of site.toml.
    pub fn with_settings(mut self, text: &str) -> Self {
        self.site = open(&self.folder, text);
        self
    }

    /// The site as chores get it.
    pub fn shared(&self) -> Arc<Site> {
        Arc::new(Site::of(self.site.config.clone(), Arc::clone(&self.site.store)))
    }

    pub fn world(&self) -> &SharedWorld {
        self.doors.world()
    }

    /// Another process on the same site: nothing is remembered but what is in the store.
    pub fn restart(&mut self) {
        self.registrar = None;
        self.ports = ports(&self.doors, &self.clock);
        self.site.store = Arc::new(Store::open(self.site.store.path()).unwrap());
    }

    /// Plans an invitation of a group, as a script does.
    pub fn plan(&self, group: &str, choice: Choice) -> InvitePlan {
        let view = self.site.store.roster().unwrap();
        let found = view.group_by_name(group).unwrap().unwrap();
        let options = PlanOptions {
            choice,
            channels: vec![Channel::Mdm, Channel::Mail],
            gap: self.site.config.limits.reminder_gap,
            only_devices: None,
        };
        let candidates = view.candidates(&Select::Members(found.id)).unwrap();
        let site = self.site.config.site.name.clone();
        let plan = InvitePlan::make(group.to_owned(), site, candidates, &options, self.clock.now());
        InvitePlan { grounds: Grounds { group: Some(found.id), ..Grounds::default() }, ..plan }
    }

    pub fn invite(&self, group: &str, choice: Choice) -> Committed {
        let saw = self.site.store.newest_run().unwrap();
        let plan = self.plan(group, choice);
        self.commit(&[invitation(plan)], saw)
    }

    pub fn commit(&self, asked: &[Asked], saw_run: i64) -> Committed {
        self.site.store.commit_run(&self.record("test", saw_run), asked, self.clock.now()).unwrap()
    }

    /// The record of a run that takes no time.
    pub fn record(&self, trigger: &str, saw_run: i64) -> RunRecord {
        let now = self.clock.now();
        RunRecord {
            script: "scripts/test.rhai".to_owned(),
            script_hash: String::new(),
            trigger: trigger.to_owned(),
            actor: "test".to_owned(),
            params: serde_json::Value::Null,
            started_at: now,
            ended_at: now,
            state: RunState::Committed,
            summary: String::new(),
            output: String::new(),
            saw_run,
        }
    }

    /// Runs a script to its end and commits it.
    pub fn run(&self, script: &str) -> Committed {
        let request = RunRequest {
            source: ScriptSource { name: "scripts/test.rhai".to_owned(), text: script.to_owned(), folder: None, held: None },
            trigger: "test".to_owned(),
            actor: "test".to_owned(),
            params: Arc::new(ScheduleParams::of(&std::collections::BTreeMap::new())),
            dry_run: false,
            last: LastValue::Printed,
            print: Arc::new(|_| {}),
            cancel: Arc::default(),
            debugger: None,
        };
        let evaluated = run::evaluate(&self.site, &ScriptHost::new(), request, &self.ports.clock).unwrap();
        run::commit(&self.site, &evaluated, self.clock.now()).unwrap()
    }

    /// Delivers for so long on the virtual clock, with the world going on beside.
    pub fn deliver(&mut self, run: Option<i64>, during: Span) -> Delivered {
        let registrar = self.registrar.take().or_else(|| registrar(&self.site, &self.ports));
        self.registrar.clone_from(&registrar);
        let until = self.clock.now() + during;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        loop {
            let horizon = until.min(self.doors.next_wake().unwrap_or(until)).max(self.clock.now());
            let mut watch = |_: &crate::store::RunFigures| {};
            let work = Delivering {
                site: &self.site,
                ports: self.ports.clone(),
                run: run.map(RunId),
                again: Vec::new(),
                until: horizon,
                linger: Span::zero(),
                stop: Arc::new(AtomicBool::new(false)),
                watch: &mut watch,
            };
            let delivered = runtime.block_on(deliver(work, registrar.clone())).unwrap();
            self.hear();
            match self.doors.next_wake() {
                Some(wake) if wake <= until => self.clock.advance_to(wake),
                _ if horizon >= until => return delivered,
                _ => {}
            }
            self.hear();
        }
    }

    /// The world catches up with the clock, and its reports arrive.
    pub fn hear(&self) -> Vec<WorldEvent> {
        let events = self.doors.step();
        for report in self.doors.drain_reports() {
            self.site.store.take_report(&report, self.clock.now()).unwrap();
        }
        events
    }

    pub fn sync(&mut self) {
        let registrar = self.registrar.take().or_else(|| registrar(&self.site, &self.ports)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(registrar.sync()).unwrap();
        self.registrar = Some(registrar);
    }

    /// `ana enrolled, ben invited, …`.
    pub fn statuses(&self) -> String {
        let view = self.site.store.roster().unwrap();
        let ids = view.ids(&Select::All(crate::domain::selection::Of::Users)).unwrap();
        let users = view.users(&ids).unwrap();
        users.iter().map(|u| format!("{} {}", u.username, u.status.word())).collect::<Vec<_>>().join(", ")
    }

    /// The journal as people read it, without its times.
    pub fn journal(&self) -> Vec<String> {
        self.site.store.journal_words(1000).unwrap()
    }

    /// Nobody got the same mail twice, no prompt was shown twice, and none of Apple's rules was broken.
    pub fn assert_nothing_twice(&self) {
        let world = lock(self.world());
        assert_eq!(world.mail.duplicates(), vec![]);
        assert_eq!(world.apple.breaches(), &[]);
    }
}

pub fn invitation(plan: InvitePlan) -> Asked {
    let options = InviteOptions {
        channels: vec![Channel::Mdm, Channel::Mail],
        template: "invitation".to_owned(),
        remind: ReminderPolicy::default(),
        expires: None,
        canary: None,
    };
    Asked { intent: Intent::Invite(Invite { plan, options }), origin: Origin::default() }
}

fn open(folder: &tempfile::TempDir, more: &str) -> Site {
    let dir: PathBuf = folder.path().to_owned();
    let config = SiteConfig::parse(&dir, &format!("{SITE_TOML}{more}")).unwrap();
    let store = Arc::new(Store::open(&dir.join("beckon.db")).unwrap());
    Site::of(config, store)
}

fn token_text() -> String {
    crate::sim::school::content_token(7, "Sunnyside School", morning() + Span::days(300))
}

fn ports(doors: &Doors, clock: &Arc<VirtualClock>) -> Ports {
    let token = crate::domain::content_token::ContentToken::parse(token_text().as_bytes()).unwrap();
    Ports {
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        apps_and_books: Some(Arc::new(doors.apps_and_books(&token))),
        mail: Some(Arc::new(doors.mail())),
        mdm: Some(Arc::new(doors.mdm())),
        push: Some(Arc::new(doors.push())),
        webhook: Some(Arc::new(doors.webhook())),
        bounces: Some(Arc::new(doors.bounces())),
    }
}
