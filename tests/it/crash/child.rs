//! The program as a child process that can be killed at any moment.

use std::ffi::OsStr;
use std::fmt;
use std::io::Read;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// No command of a test takes longer; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program under test: where Cargo says at run time, else where it said when this was built.
pub fn program() -> PathBuf {
    std::env::var_os("CARGO_BIN_EXE_beckon").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_beckon")), PathBuf::from)
}

/// A running command.
pub struct Child {
    process: Arc<Mutex<std::process::Child>>,
    closed: Receiver<()>,
    out: JoinHandle<String>,
    err: JoinHandle<String>,
    command: String,
}

/// The right to kill a command; it may outlive it.
#[derive(Clone)]
pub struct Killer {
    process: Arc<Mutex<std::process::Child>>,
}

/// A command that has ended.
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
    command: String,
}

impl Child {
    /// Starts `beckon --site DIR ARGS…`.
    pub fn start(dir: &Path, args: &[impl AsRef<OsStr>]) -> Self {
        let mut command = Command::new(program());
        command.arg("--site").arg(dir).args(args);
        command.env("NO_COLOR", "1").env_remove("BECKON_SITE").current_dir(dir);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the program can be started");
        let (tell, closed) = channel();
        let out = reader(process.stdout.take().expect("stdout is piped"), tell.clone());
        let err = reader(process.stderr.take().expect("stderr is piped"), tell);
        let words: Vec<String> = args.iter().map(|a| a.as_ref().to_string_lossy().into_owned()).collect();
        Self { process: Arc::new(Mutex::new(process)), closed, out, err, command: format!("beckon {}", words.join(" ")) }
    }

    pub fn killer(&self) -> Killer {
        Killer { process: Arc::clone(&self.process) }
    }

    /// Asks it to end, as whoever supervises a service does.
    pub fn terminate(&self) {
        let pid = lock(&self.process).id();
        let sent = Command::new("kill").arg("-TERM").arg(pid.to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "a signal can be sent to one's own child");
    }

    /// Waits until it has ended; at most `within`, and then says so.
    pub fn has_ended_within(&self, within: Duration) -> bool {
        // Both streams are closed when the process is gone, and not before.
        (0..2).all(|_| !matches!(self.closed.recv_timeout(within), Err(RecvTimeoutError::Timeout)))
    }

    /// Waits for its end.
    pub fn end(self) -> Ended {
        let in_time = self.has_ended_within(PATIENCE);
        if !in_time {
            self.killer().kill();
        }
        let status = lock(&self.process).wait().expect("a child can be waited for");
        let out = self.out.join().expect("the reader has no reason to panic");
        let err = self.err.join().expect("the reader has no reason to panic");
        let ended = Ended { status, out, err, command: self.command };
        assert!(in_time, "it did not end within {} s: {ended}", PATIENCE.as_secs());
        ended
    }
}

impl Killer {
    /// `kill -9`. When this returns, the process and all that the kernel held for it are gone. False when
    /// it had ended before.
    pub fn kill(&self) -> bool {
        let mut process = lock(&self.process);
        if !matches!(process.try_wait(), Ok(None)) {
            return false;
        }
        let _ = process.kill();
        process.wait().is_ok_and(|status| status.signal() == Some(9))
    }
}

impl Ended {
    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(9)
    }

    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Its standard output as JSON.
    pub fn json(&self) -> Result<serde_json::Value, String> {
        serde_json::from_str(&self.out).map_err(|e| format!("no JSON ({e}): {self}"))
    }

    /// Itself, when it ended with this code.
    pub fn expect_code(self, code: i32) -> Result<Self, String> {
        if self.code() == Some(code) { Ok(self) } else { Err(format!("expected exit code {code}: {self}")) }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, out, err, command } = self;
        write!(f, "`{command}` ended with {status}\n--- stdout\n{out}--- stderr\n{err}---")
    }
}

fn lock(process: &Mutex<std::process::Child>) -> MutexGuard<'_, std::process::Child> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}

fn reader(mut stream: impl Read + Send + 'static, closed: Sender<()>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        drop(stream);
        // Nobody may be waiting any more.
        let _ = closed.send(());
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
