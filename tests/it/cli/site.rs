//! The site of a case: a temporary folder that uses the case's own services.

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use beckon::channels::system_clock::SystemClock;
use beckon::host::inbox::SiteInbox;
use beckon::sim::wire::{self, ApnsAuth, Running, ServeConfig, SmtpConfig, WebhookTarget};
use beckon::sim::{SharedWorld, lock};
use beckon::store::Store;

use super::far_side::Hook;
use super::program::{self, Ended};
use super::world::{self, JumpingClock};

/// How a case begins.
#[derive(Default)]
pub struct Beginning {
    /// No roster is imported and no token installed.
    pub bare: bool,
    /// The mail server wants this login.
    pub login: Option<(String, String)>,
    /// The site trusts another authority than the one that the services' certificates are from.
    pub foreign_ca: bool,
    /// Another service drives the unit already.
    pub rival: bool,
    /// One mail may come twice, because the case asks for it.
    pub doubles: bool,
}

pub struct Fixture {
    folder: tempfile::TempDir,
    pub runtime: tokio::runtime::Runtime,
    pub running: Running,
    pub world: SharedWorld,
    pub clock: Arc<JumpingClock>,
    pub hook: Hook,
    /// What must never be seen: what it is, and its text.
    secrets: Vec<(&'static str, String)>,
    /// Texts that differ from run to run, and what stands for them.
    names: BTreeMap<String, &'static str>,
}

const WEBHOOK_KEY: &str = "key-of-the-webhook";
const NANOMDM_KEY: &str = "key-of-nanomdm-0123456789";

impl Fixture {
    /// Starts the services and makes the site, with the case's own files in it.
    pub fn start(case: &Path, beginning: &Beginning) -> Result<Self, String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(say)?;
        let folder = tempfile::tempdir().map_err(say)?;
        let clock = world::clock();
        let mut world = world::world();
        if beginning.rival {
            world.apple.rival_takes_over(&world::rival());
        }
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).map_err(say)?;
        let listen = listener.local_addr().map_err(say)?.to_string();
        let config = ServeConfig {
            nanomdm_api_key: NANOMDM_KEY.to_owned(),
            webhook: Some(WebhookTarget {
                url: format!("http://{listen}/mdm/webhook"),
                hmac_key: Some(WEBHOOK_KEY.as_bytes().to_vec()),
            }),
            smtp: SmtpConfig { login: beginning.login.clone(), ..SmtpConfig::default() },
            apns_auth: ApnsAuth::ProviderToken,
            // The world moves when somebody asks it something, and when a case says that time has passed.
            steps_by_itself: false,
            ..ServeConfig::new(world.shared())
        };
        let served = config.world.clone();
        let running = runtime.block_on(wire::serve(config, clock.clone())).map_err(say)?;
        let hook = runtime.block_on(Hook::serve()).map_err(say)?;
        let mut names = BTreeMap::new();
        for (port, name) in [
            (port_of(&running.apps_and_books_url), "[apple]"),
            (port_of(&running.nanomdm_url), "[nanomdm]"),
            (running.smtp_addr.port(), "[mail]"),
            (port_of(&running.apns_url), "[apns]"),
            (hook.port, "[hook]"),
        ] {
            names.insert(format!("127.0.0.1:{port}"), name);
            names.insert(format!("localhost:{port}"), name);
        }
        names.insert(folder.path().display().to_string(), "[site]");
        names.insert(super::steps::fixtures(), "[fixtures]");
        let mut secrets = vec![("NanoMDM's key", NANOMDM_KEY.to_owned()), ("the webhook's address", hook.secret.clone())];
        secrets.extend(world::tokens().into_iter().map(|(_, text)| ("a content token", text)));
        secrets.extend(world::app_tokens().into_iter().map(|(text, _)| ("a push token", text)));
        secrets.extend(beginning.login.clone().map(|(_, password)| ("the mail password", password)));
        let fixture = Self { folder, runtime, running, world: served, clock, hook, secrets, names };
        fixture.write_site(case, &listen, beginning)?;
        fixture.listen(listener)?;
        if !beginning.bare {
            fixture.prepare(case)?;
        }
        Ok(fixture)
    }

    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    pub fn beckon(&self, args: &[String]) -> Result<Ended, String> {
        let ended = program::beckon(self.dir(), args)?;
        self.check_secrets(&ended)?;
        Ok(ended)
    }

    /// The same at a terminal, where somebody gives the answer.
    pub fn at_terminal(&self, args: &[String], answer: &str) -> Result<Ended, String> {
        let ended = program::at_terminal(self.dir(), args, answer)?;
        self.check_secrets(&ended)?;
        Ok(ended)
    }

    /// A text of the program without what differs from run to run.
    pub fn plain(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (real, name) in &self.names {
            text = text.replace(real, name);
        }
        super::transcript::without_measures(&super::transcript::without_times(&text))
    }

    pub fn store(&self) -> PathBuf {
        self.dir().join("beckon.db")
    }

    pub fn write_secret(&self, name: &str, text: &str) -> Result<(), String> {
        use std::io::Write as _;
        let path = self.dir().join("secrets").join(name);
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).map_err(say)?;
        file.write_all(text.as_bytes()).map_err(say)
    }

    /// The site as `beckon init` makes it, with the school's `site.toml` and the case's own files: scripts
    /// where scripts are, everything else in the site's folder.
    fn write_site(&self, case: &Path, listen: &str, beginning: &Beginning) -> Result<(), String> {
        let dir = self.dir();
        beckon::cli::init::init(dir, beckon::cli::EXAMPLE_SCRIPTS, beckon::templates::shipped_files()).map_err(say)?;
        let school = super::specs().join("school");
        let own = case.join("site.toml");
        let site = std::fs::read_to_string(if own.exists() { own } else { school.join("site.toml") }).map_err(say)?;
        let more = std::fs::read_to_string(case.join("more.toml")).unwrap_or_default();
        let mut site = format!("{site}\n{more}");
        for (place, text) in [
            ("{apple}", self.running.apps_and_books_url.clone()),
            ("{mail}", self.running.smtp_addr.to_string()),
            ("{nanomdm}", self.running.nanomdm_url.clone()),
            ("{apns}", self.running.apns_url.clone()),
            ("{listen}", listen.to_owned()),
        ] {
            site = site.replace(place, &text);
        }
        std::fs::write(dir.join("site.toml"), site).map_err(say)?;
        let ca = if beginning.foreign_ca { foreign_ca()? } else { self.running.ca_pem.clone() };
        std::fs::write(dir.join("ca.pem"), ca).map_err(say)?;
        let key = rcgen::KeyPair::generate().map_err(say)?;
        self.write_secret("nanomdm.key", NANOMDM_KEY)?;
        self.write_secret("webhook.key", WEBHOOK_KEY)?;
        self.write_secret("push.p8", &key.serialize_pem())?;
        self.write_secret("chat.url", &self.hook.url())?;
        self.write_secret("mail.password", beginning.login.as_ref().map_or("", |(_, password)| password))?;
        for (name, text) in world::tokens() {
            std::fs::write(dir.join(name), text).map_err(say)?;
        }
        for folder in [school.as_path(), case] {
            for entry in std::fs::read_dir(folder).map_err(say)?.flatten() {
                let path = entry.path();
                let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
                if path.is_dir() || ["steps", "transcript", "site.toml", "more.toml"].contains(&name) {
                    continue;
                }
                let to = if name.ends_with(".rhai") { dir.join("scripts").join(name) } else { dir.join(name) };
                std::fs::copy(&path, to).map_err(say)?;
            }
        }
        Ok(())
    }

    /// What devices report is heard by this process, as another `beckon` on the site would hear it.
    fn listen(&self, listener: tokio::net::TcpListener) -> Result<(), String> {
        let Ok(store) = Store::open(&self.store()) else {
            // A case about a broken site has no store to write to.
            return Ok(());
        };
        let inbox = Arc::new(SiteInbox::new(Arc::new(store), Arc::new(SystemClock)));
        let key = Some(WEBHOOK_KEY.to_owned().into());
        let router = beckon::http::router(beckon::http::Listening { inbox: inbox.door(), hmac_key: key });
        self.runtime.spawn(beckon::http::serve(listener, router, std::future::pending()));
        Ok(())
    }

    fn prepare(&self, case: &Path) -> Result<(), String> {
        let files = ["users.csv", "groups.csv", "memberships.csv", "devices.csv", "apps.csv", "app_tokens.csv"];
        let import: Vec<String> = std::iter::once("import").chain(files).chain(["--yes"]).map(str::to_owned).collect();
        let token = ["token", "install", "sunnyside.vpptoken", "--take-over"].map(str::to_owned);
        for args in [import.as_slice(), token.as_slice()] {
            let ended = self.beckon(args)?;
            if ended.code != Some(0) {
                return Err(format!("{}: beckon {}:\n{}{}", case.display(), args.join(" "), ended.out, ended.err));
            }
        }
        Ok(())
    }

    /// No secret may be in what the program says, nor in what it keeps; the push tokens are the roster's.
    fn check_secrets(&self, ended: &Ended) -> Result<(), String> {
        let codes: Vec<String> = lock(&self.world).apple.records().map(|r| r.invite_code.clone()).collect();
        let secrets = self.secrets.iter().map(|(what, text)| (*what, text.as_str()));
        let secrets: Vec<(&str, &str)> = secrets.chain(codes.iter().map(|code| ("an invite code", code.as_str()))).collect();
        let mut kept = Vec::new();
        for ending in ["db", "db-wal"] {
            kept.extend(std::fs::read(self.store().with_extension(ending)).unwrap_or_default());
        }
        for (what, secret) in secrets {
            if ended.out.contains(secret) || ended.err.contains(secret) {
                return Err(format!("{what} was printed:\n{}{}", ended.out, ended.err));
            }
            if what != "a push token" && kept.windows(secret.len()).any(|part| part == secret.as_bytes()) {
                return Err(format!("{what} is in the store"));
            }
        }
        Ok(())
    }
}

fn port_of(url: &str) -> u16 {
    let host = url.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
    host.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default()
}

fn foreign_ca() -> Result<String, String> {
    let key = rcgen::KeyPair::generate().map_err(say)?;
    let mut params = rcgen::CertificateParams::new(Vec::new()).map_err(say)?;
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    Ok(params.self_signed(&key).map_err(say)?.pem())
}

pub fn say(error: impl std::fmt::Display) -> String {
    error.to_string()
}
