//! A site of a small school and its simulated services, ready to be used and abused.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use beckon::channels::system_clock::SystemClock;
use beckon::domain::time::{Span, Timestamp};
use beckon::ports::clock::Clock;
use beckon::sim::apple::AppleConfig;
use beckon::sim::mdm::MdmConfig;
use beckon::sim::people::Habits;
use beckon::sim::wire::{self, Running, ServeConfig, SiteFiles, Watch, WebhookTarget};
use beckon::sim::{School, World, WorldConfig};

use super::child::{Child, Ended};
use super::kill::Trap;

pub const SEED: u64 = 7;
/// How many people; 36 of them are in Grade 5.
const PEOPLE: usize = 40;
pub const GROUP: &str = "Grade 5";

/// The command that everything is about.
pub const INVITE: [&str; 7] = ["run", "invite-group", "--arg", "group=Grade 5", "--yes", "--wait", "20s"];

/// The same, with its deliveries left to whoever serves the site.
pub const AND_LEAVE: [&str; 7] = ["run", "invite-group", "--arg", "group=Grade 5", "--yes", "--wait", "0s"];

/// Makes sites: a folder with everything in it that all have in common, and a runtime for their services.
pub struct Sites {
    pub school: School,
    pub token_expires: Timestamp,
    /// A site with its roster imported and its content token installed.
    ready: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

/// One site with its services, which end when it is dropped.
pub struct Site {
    pub dir: PathBuf,
    pub running: Running,
    pub trap: Arc<Trap>,
    /// Where the site listens.
    pub listen: SocketAddr,
    _folder: Option<tempfile::TempDir>,
}

impl Sites {
    pub fn new() -> Self {
        // Another test may have been first: all install the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        let mut sites = Self {
            school: School::generate(SEED, PEOPLE),
            token_expires: SystemClock.now() + Span::days(300),
            ready: tempfile::tempdir().unwrap(),
            runtime,
        };
        let made = sites.bare();
        made.command(&sites.import_args(&made)).expect_code(0).unwrap();
        made.command(&["token", "install", "sunnyside.vpptoken"]).expect_code(0).unwrap();
        let ready = tempfile::tempdir().unwrap();
        copy(&made.dir, ready.path());
        sites.ready = ready;
        sites
    }

    /// A site without roster, token and store; the files to import and to install lie in it.
    pub fn bare(&self) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("site");
        Child::start(folder.path(), &[OsStr::new("init"), dir.as_os_str()]).end().expect_code(0).unwrap();
        for entry in std::fs::read_dir(&dir).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with("beckon.") {
                std::fs::remove_file(entry.path()).unwrap();
            }
        }
        self.school.write_csv(&dir.join("roster")).unwrap();
        self.school.write_token(&dir.join("sunnyside.vpptoken"), self.token_expires).unwrap();
        self.serve(dir, Some(folder))
    }

    /// A site that is ready to invite people.
    pub fn site(&self) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("site");
        copy(self.ready.path(), &dir);
        self.serve(dir, Some(folder))
    }

    /// The same in a folder of somebody else's.
    pub fn site_in(&self, dir: &Path) -> Site {
        copy(self.ready.path(), dir);
        self.serve(dir.to_owned(), None)
    }

    pub fn import_args(&self, site: &Site) -> Vec<String> {
        let mut args = vec!["import".to_owned(), "--yes".to_owned()];
        for name in ["users.csv", "groups.csv", "memberships.csv", "nested.csv", "devices.csv"] {
            args.push(site.dir.join("roster").join(name).display().to_string());
        }
        args
    }

    fn world(&self) -> World {
        let ms = Span::milliseconds;
        let config = WorldConfig {
            apple: AppleConfig { event_takes: (ms(5), ms(60)), ..AppleConfig::default() },
            mdm: MdmConfig { device_takes: (ms(5), ms(150)), ..MdmConfig::default() },
            habits: Habits { accepts: 0.0, ..Habits::default() },
            ..WorldConfig::seeded(SEED)
        };
        let mut world = World::new(config);
        self.school.move_into(&mut world, self.token_expires);
        world
    }

    fn serve(&self, dir: PathBuf, folder: Option<tempfile::TempDir>) -> Site {
        let listen = own_address();
        let trap = Arc::new(Trap::default());
        let told = Arc::clone(&trap);
        // Sites differ in their keys: a report that goes astray is refused.
        let key = format!("key of {listen}");
        let config = ServeConfig {
            webhook: Some(WebhookTarget { url: format!("http://{listen}/mdm/webhook"), hmac_key: Some(key.as_bytes().to_vec()) }),
            watch: Watch::new(move |event| told.tell(event)),
            ..ServeConfig::new(self.world().shared())
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let running = self.runtime.block_on(wire::serve(config, clock)).unwrap();
        let files = SiteFiles {
            school: &self.school.name,
            listen: &listen.to_string(),
            webhook_key: &key,
            mail: "tls   = \"none\"\nconnections = 4",
            more: "[limits]\nshare_of_roster = 1.0\nshare_of_roster_per_day = 1.0",
        };
        running.write_site(&dir, &files).unwrap();
        Site { dir, running, trap, listen, _folder: folder }
    }
}

impl Site {
    pub fn start(&self, args: &[impl AsRef<OsStr>]) -> Child {
        Child::start(&self.dir, args)
    }

    pub fn command(&self, args: &[impl AsRef<OsStr>]) -> Ended {
        self.start(args).end()
    }

    /// Delivers until nothing is left that happens by itself within seconds.
    pub fn settle(&self) -> Result<(), String> {
        let mut last = serde_json::Value::Null;
        // A registration is looked at after two seconds; what waits for its invite code, after a moment.
        for wait in ["1s", "4s", "4s", "20s"] {
            last = self.command(&["deliver", "--wait", wait, "--json"]).expect_code(0)?.json()?;
            let left = ["registering", "waiting", "deferred"].map(|name| last[name].as_u64().unwrap_or(u64::MAX));
            if left == [0, 0, 0] {
                return Ok(());
            }
        }
        Err(format!("the outbox does not become quiet: {last}"))
    }
}

/// An address on loopback that no other site and no other test process uses: 127.x.y.z are all our own.
fn own_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let last = u8::try_from(number % 250 + 1).expect("it is below 251");
    SocketAddr::from((Ipv4Addr::new(127, high.max(1), low, last), 8700 + number / 250))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
