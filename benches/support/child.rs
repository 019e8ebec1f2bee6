//! Programs that are run to their end, with what they took.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The program under measurement: as cargo has built it beside the benches, unless `BECKON_BIN` names
/// another build to compare with.
pub fn program() -> PathBuf {
    std::env::var_os("BECKON_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_beckon")), PathBuf::from)
}

/// What a child took.
#[derive(Clone, Debug)]
pub struct Spent {
    pub wall: f64,
    /// User and system time of the child and of its own children.
    pub cpu: f64,
    /// `VmHWM`. The kernel's own figure for a dead child would include this process, which it was
    /// for a moment.
    pub peak_kib: f64,
    pub code: i32,
    pub out: String,
}

impl Spent {
    /// Two things that were run one after the other.
    pub fn and(&self, other: &Self) -> Self {
        Self {
            wall: self.wall + other.wall,
            cpu: self.cpu + other.cpu,
            peak_kib: self.peak_kib.max(other.peak_kib),
            code: self.code.max(other.code),
            out: format!("{}{}", self.out, other.out),
        }
    }
}

/// A command of beckon on a site.
pub fn beckon(site: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.arg("--site").arg(site).args(args).env("NO_COLOR", "1");
    command
}

/// Runs it and measures it; anything but success ends the bench with what it said.
pub fn run(command: &mut Command) -> Spent {
    let spent = run_to_any_end(command);
    assert!(spent.code == 0, "{command:?} ended with {}:\n{}", spent.code, spent.out);
    spent
}

/// Runs it and measures it, whatever its exit code.
pub fn run_to_any_end(command: &mut Command) -> Spent {
    // A file, not a pipe: nobody has to read while the clock runs.
    let file = super::folder("output").join(format!("{}", std::process::id()));
    let output = File::create(&file).expect("the target folder can be written");
    let errors = output.try_clone().expect("a file handle can be doubled");
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    let began = Instant::now();
    let child = command.spawn().unwrap_or_else(|e| panic!("{command:?} can't be started: {e}"));
    let (peak, stop) = watch_memory(child.id());
    let (code, cpu) = wait(&child);
    let wall = began.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    let out = std::fs::read_to_string(&file).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let peak_kib = peak.load(Ordering::Relaxed) as f64;
    Spent { wall, cpu, peak_kib, code, out }
}

/// Waits for a child; answers its exit code (128 and the signal, where one ended it) and its CPU seconds.
pub fn wait(child: &Child) -> (i32, f64) {
    let mut status = 0;
    // SAFETY: both pointers are to locals of the right types, and the child is ours and not waited for elsewhere.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let pid = i32::try_from(child.id()).expect("a process id is an int");
        while libc::wait4(pid, &raw mut status, 0, &raw mut usage) == -1 {
            assert!(std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted, "the child can be waited for");
        }
        usage
    };
    let code = if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) };
    (code, of(usage.ru_utime) + of(usage.ru_stime))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn of(time: libc::timeval) -> f64 {
    time.tv_sec as f64 + time.tv_usec as f64 / 1e6
}

/// Looks at a process's high-water mark until told to stop: it only grows, so the last look has it,
/// but for the last milliseconds.
fn watch_memory(pid: u32) -> (Arc<AtomicU64>, Arc<AtomicBool>) {
    let (peak, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (seen, stopped) = (Arc::clone(&peak), Arc::clone(&stop));
    std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(4));
            let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { return };
            let Some(line) = status.lines().find_map(|l| l.strip_prefix("VmHWM:")) else { return };
            let kib = line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0);
            seen.fetch_max(kib, Ordering::Relaxed);
        }
    });
    (peak, stop)
}

/// A child that ends with this.
pub struct Server(pub Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It is ours; where it has ended already, that is what was wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a program can be found.
pub fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain([Path::new("/usr/sbin").to_owned()]).any(|dir| dir.join(program).is_file())
}
