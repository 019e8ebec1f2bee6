//! What every command shares: where the site is, the clock, the way to the world, colours.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use super::args::{Cli, Colour};
use super::exit::{Exit, Failure};
use super::question::Keyboard;
use super::stopping::{Interruptible, Stopper};
use super::{layout, width};
use crate::domain::time::Span;
use crate::host::Ports;
use crate::host::config::{ConfigError, SiteConfig};
use crate::host::inbox::SiteInbox;
use crate::host::site::Site;
use crate::http;
use crate::ports::clock::Clock;

/// Makes the real channels of a site; only `main` knows them.
pub type MakePorts = fn(&SiteConfig, Arc<dyn Clock>) -> Result<Ports, ConfigError>;

/// Makes the channels of a site with a clock whose waits end when the command is stopped.
pub type MakeSitePorts = Arc<dyn Fn(&SiteConfig) -> Result<Ports, ConfigError> + Send + Sync>;

/// What is done when somebody presses Ctrl-C.
type Heard = Arc<dyn Fn() + Send + Sync>;

/// One command's surroundings.
pub struct Session {
    site: Option<PathBuf>,
    pub clock: Arc<dyn Clock>,
    make_ports: MakePorts,
    /// Draws a new lowercase UUID.
    pub new_id: fn() -> String,
    pub stop: Arc<AtomicBool>,
    /// Wakes whoever waits when `stop` is set.
    stopped: Arc<Notify>,
    pub actor: String,
    pub ink: Inks,
    /// It talks by its log only.
    is_service: AtomicBool,
    /// Hears Ctrl-C in the place of a stop.
    interrupted: OnceLock<Heard>,
    /// Reads answers in the place of standard input.
    keyboard: OnceLock<Arc<dyn Keyboard>>,
    runtime: OnceLock<tokio::runtime::Runtime>,
}

/// Whether each stream gets colours.
#[derive(Clone, Copy, Debug)]
pub struct Inks {
    pub out: bool,
    pub err: bool,
}

impl Inks {
    fn of(colour: Colour) -> Self {
        use std::io::IsTerminal as _;
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let plain = is_dumb || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let auto = |terminal: bool| match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && !plain,
        };
        Self { out: auto(std::io::stdout().is_terminal()), err: auto(std::io::stderr().is_terminal()) }
    }

    #[must_use]
    pub fn err_dim(&self, text: &str) -> String {
        if self.err { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    #[must_use]
    pub fn err_bold(&self, text: &str) -> String {
        if self.err { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

impl Session {
    #[must_use]
    pub fn new(cli: &Cli, clock: Arc<dyn Clock>, make_ports: MakePorts, new_id: fn() -> String) -> Self {
        let actor = std::env::var("USER")
            .or_else(|_| std::env::var("LOGNAME"))
            .unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw()));
        Self {
            site: cli.site.clone(),
            clock,
            make_ports,
            new_id,
            stop: Arc::default(),
            stopped: Arc::default(),
            actor,
            ink: Inks::of(cli.color),
            is_service: AtomicBool::new(false),
            interrupted: OnceLock::new(),
            keyboard: OnceLock::new(),
            runtime: OnceLock::new(),
        }
    }

    /// A session on one folder, for the demo and for tests.
    #[must_use]
    pub fn on(&self, dir: &Path) -> Self {
        Self {
            site: Some(dir.to_owned()),
            clock: Arc::clone(&self.clock),
            make_ports: self.make_ports,
            new_id: self.new_id,
            stop: Arc::clone(&self.stop),
            stopped: Arc::clone(&self.stopped),
            actor: self.actor.clone(),
            ink: self.ink,
            is_service: AtomicBool::new(false),
            interrupted: OnceLock::new(),
            keyboard: OnceLock::new(),
            runtime: OnceLock::new(),
        }
    }

    /// The folder of the site that the command line means.
    ///
    /// # Errors
    /// There is no current folder.
    pub fn site_dir(&self) -> Result<PathBuf, Failure> {
        if let Some(dir) = &self.site {
            return Ok(dir.clone());
        }
        let here = std::env::current_dir()?;
        Ok(here.ancestors().find(|dir| dir.join("site.toml").exists()).map_or(here.clone(), Path::to_owned))
    }

    /// Opens the site that the command line means: the one named, or the nearest upwards from here.
    ///
    /// # Errors
    /// There is none, or it can't be opened.
    pub fn open_site(&self) -> Result<Site, Failure> {
        let site = Site::open(&self.site_dir()?)?;
        for warning in &site.config.warnings {
            eprint!("{}", layout::wrapped(&format!("warning: {warning}"), width(), 0, 2));
        }
        Ok(site)
    }

    /// The site's channels, with their secrets read.
    ///
    /// # Errors
    /// A secret or certificate can't be read.
    pub fn ports(&self, config: &SiteConfig) -> Result<Ports, Failure> {
        self.ports_maker()(config).map_err(|e| Failure::new(Exit::Configuration, e.to_string()))
    }

    /// Makes a site's channels, also after this session has been forgotten.
    #[must_use]
    pub fn ports_maker(&self) -> MakeSitePorts {
        let (inner, stop, stopped) = (Arc::clone(&self.clock), Arc::clone(&self.stop), Arc::clone(&self.stopped));
        let make_ports = self.make_ports;
        let clock: Arc<dyn Clock> = Arc::new(Interruptible { inner: Arc::clone(&inner), stop, stopped });
        Arc::new(move |config| {
            // The channels keep their own clock: what they have promised a server to wait, they wait.
            let mut ports = make_ports(config, Arc::clone(&inner))?;
            ports.clock = Arc::clone(&clock);
            Ok(ports)
        })
    }

    #[must_use]
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The runtime, made for commands that talk to the world and for no other.
    ///
    /// # Errors
    /// The machine has no thread for it.
    pub fn runtime(&self) -> Result<&tokio::runtime::Runtime, Failure> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let made = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let stopper = self.stopper();
        let is_service = self.is_service.load(Ordering::Relaxed);
        let interrupted = self.interrupted.get().cloned();
        made.spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if let Some(heard) = &interrupted {
                    heard();
                    continue;
                }
                if !is_service && !stopper.is_set() {
                    eprintln!("\nstopping: what is being handed over is finished first (again to stop at once)");
                }
                stopper.stop();
            }
        });
        Ok(self.runtime.get_or_init(|| made))
    }

    /// Hears what a service manager says: SIGTERM stops like Ctrl-C, SIGHUP wakes who waits for the answer.
    ///
    /// # Errors
    /// The machine has no thread for it, or can't hear signals.
    pub fn hear_service_signals(&self) -> Result<Arc<Notify>, Failure> {
        // A service talks by its log.
        self.is_service.store(true, Ordering::Relaxed);
        let reload = Arc::new(Notify::new());
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let runtime = self.runtime()?;
            let _entered = runtime.enter();
            let (mut terminate, mut hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
            let (stopper, heard) = (self.stopper(), Arc::clone(&reload));
            runtime.spawn(async move {
                while terminate.recv().await.is_some() {
                    stopper.stop();
                }
            });
            runtime.spawn(async move {
                while hang_up.recv().await.is_some() {
                    heard.notify_one();
                }
            });
        }
        Ok(reload)
    }

    /// From now on Ctrl-C is `heard` by a command that goes on: it decides itself whether to stop.
    ///
    /// # Errors
    /// The machine has no thread for it.
    pub fn hear_interrupts(&self, heard: Arc<dyn Fn() + Send + Sync>) -> Result<(), Failure> {
        let _ = self.interrupted.set(heard);
        self.runtime().map(drop)
    }

    /// From now on questions are answered there.
    pub fn answers_come_from(&self, keyboard: Arc<dyn Keyboard>) {
        let _ = self.keyboard.set(keyboard);
    }

    /// Where questions are answered, if that is not standard input.
    #[must_use]
    pub fn keyboard(&self) -> Option<&Arc<dyn Keyboard>> {
        self.keyboard.get()
    }

    /// Stops what is under way, as Ctrl-C does; the second time without waiting for it.
    pub fn stopping(&self) -> impl Fn() + Send + Sync + use<> {
        let stopper = self.stopper();
        move || stopper.stop()
    }

    fn stopper(&self) -> Stopper {
        Stopper { stop: Arc::clone(&self.stop), stopped: Arc::clone(&self.stopped) }
    }

    /// Runs something that talks to the world.
    ///
    /// # Errors
    /// There is no runtime for it.
    pub fn block_on<F: Future>(&self, future: F) -> Result<F::Output, Failure> {
        Ok(self.runtime()?.block_on(future))
    }

    /// Listens for what MDM servers report, for as long as the answer lives. Where another process
    /// listens already, it is the one that hears them.
    pub async fn listen(&self, site: &Site) -> Option<Listening> {
        site.config.mdm.server()?;
        let listener = tokio::net::TcpListener::bind(site.config.http.listen).await.ok()?;
        let key = match site.config.mdm.webhook_key.as_ref().map(|key| key.resolve(&site.dir)) {
            Some(Ok(key)) => Some(key),
            Some(Err(error)) => {
                eprintln!("warning: {error}\nwarning: reports of the MDM server are not heard");
                return None;
            }
            None => None,
        };
        let inbox = Arc::new(SiteInbox::new(Arc::clone(&site.store), Arc::clone(&self.clock)));
        let router = http::router(http::Listening { inbox: inbox.door(), hmac_key: key });
        let task = tokio::spawn(async move {
            if let Err(error) = http::serve(listener, router, std::future::pending()).await {
                eprintln!("warning: reports of the MDM server are no longer heard: {error}");
            }
        });
        Some(Listening { task })
    }
}

/// Ends the listener when it is dropped.
pub struct Listening {
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads `90s`, `10m`, `6h`, `2d`.
///
/// # Errors
/// What it should look like.
pub fn span(text: &str) -> Result<Span, String> {
    let wrong = || format!("{text:?} is no span of time: write a number and a unit, such as 30s, 10m, 6h or 2d");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit.trim() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(seconds).filter(|s| *s <= 366 * 86_400).map(Span::seconds).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_nonsense_is_refused() {
        assert_eq!(span("90s"), Ok(Span::seconds(90)));
        assert_eq!(span("10m"), Ok(Span::minutes(10)));
        assert_eq!(span("2d"), Ok(Span::days(2)));
        for bad in ["", "10", "m", "-5m", "10 weeks", "99999999999999999999s", "9999999d"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }
}
