//! A running `beckon serve` whose log a test follows.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::crash::child::program;
use crate::crash::site::Site;

/// Nothing here takes as long; what does, hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// One service. Killed when it is dropped.
pub struct Service {
    process: std::process::Child,
    lines: Receiver<String>,
    told: Arc<Mutex<Vec<String>>>,
    pub address: SocketAddr,
}

impl Service {
    /// Starts one, with a JSON log, and waits for nothing.
    pub fn start(site: &Site) -> Self {
        Self::start_with(site, |_| {})
    }

    pub fn start_with(site: &Site, prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(program());
        command.arg("--site").arg(&site.dir).args(["serve", "--log", "json"]);
        command.env("NO_COLOR", "1").env_remove("BECKON_SITE").env_remove("NOTIFY_SOCKET").env_remove("BECKON_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).current_dir(&site.dir);
        prepare(&mut command);
        let mut process = command.spawn().expect("the program can be started");
        let (tell, lines) = channel();
        let told = Arc::new(Mutex::new(Vec::new()));
        let (stderr, kept) = (process.stderr.take().expect("stderr is piped"), Arc::clone(&told));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self { process, lines, told, address: site.listen }
    }

    /// Starts one and waits until it serves and listens.
    pub fn ready(site: &Site) -> Self {
        let service = Self::start(site);
        service.hear("listening");
        service
    }

    /// Waits for a line of the log that says this, and answers it.
    pub fn hear(&self, words: &str) -> serde_json::Value {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(words) => {
                    return serde_json::from_str(&line).unwrap_or_else(|e| panic!("a line that is no JSON ({e}): {line}"));
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("it never said {words:?}:\n{}", self.log())
                }
            }
        }
    }

    pub fn log(&self) -> String {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal: `TERM`, `HUP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "a signal can be sent to one's own child");
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        // Its log is closed when it is gone, and not before.
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{}", self.log()),
            }
        }
        self.process.wait().expect("a child can be waited for")
    }

    /// SIGTERM, and its end, which has to be a clean one.
    pub fn stop(&mut self) {
        self.signal("TERM");
        let status = self.end();
        assert_eq!((status.code(), status.signal()), (Some(0), None), "{}", self.log());
    }

    /// `kill -9`; when this returns, the kernel has dropped all that it held for it.
    pub fn kill(&mut self) {
        self.process.kill().expect("it still runs");
        self.process.wait().expect("a child can be waited for");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Where it has ended already, that is what was wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
