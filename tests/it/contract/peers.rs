//! Real servers, started by a test on ports of their own and ended with it.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Longer than any answer here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether real servers are there. `tests/run` installs them and says so; anybody else is told.
pub fn at_hand(test: &str) -> bool {
    let at_hand = std::env::var("BECKON_REAL_PEERS").is_ok_and(|set| set == "1");
    if !at_hand {
        // Past the test harness, which keeps what a passing test prints.
        let _ = writeln!(std::io::stderr(), "skipped: {test}: no real server (tests/run, as root, brings it)");
    }
    at_hand
}

/// A port of this machine that nobody uses now.
pub fn free_port() -> u16 {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has ports");
    probe.local_addr().expect("it is bound").port()
}

/// Whether somebody listens on the port before long. For servers that don't say when they are ready:
/// until then a connection is refused at once.
pub fn listens(port: u16) -> bool {
    (0..1_000_000).any(|_| {
        std::thread::yield_now();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    })
}

/// A running server. It is asked to end when this is dropped, and waited for.
pub struct Peer {
    child: Child,
    pub said: Said,
}

impl Peer {
    /// Takes a server that was started with its standard output piped.
    pub fn watch(mut child: Child) -> Self {
        let said = Said::default();
        said.listen(child.stdout.take().expect("its output is piped"));
        Self { child, said }
    }

    /// Also what it says on standard error.
    pub fn watch_both(mut child: Child) -> Self {
        let errors = child.stderr.take().expect("its errors are piped");
        let peer = Self::watch(child);
        peer.said.listen(errors);
        peer
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let (Ok(None), Ok(pid)) = (self.child.try_wait(), libc::pid_t::try_from(self.child.id())) {
            // SAFETY: kill(2) touches no memory; the pid is our own child's, which is not yet waited for.
            unsafe { libc::kill(pid, libc::SIGTERM) };
        }
        let _ = self.child.wait();
    }
}

/// What a server has said so far, line by line.
#[derive(Clone, Default)]
pub struct Said(Arc<(Mutex<Lines>, Condvar)>);

#[derive(Default)]
struct Lines {
    lines: VecDeque<String>,
    listening: usize,
}

impl Said {
    fn listen(&self, from: impl Read + Send + 'static) {
        let said = self.clone();
        said.0.0.lock().unwrap().listening += 1;
        std::thread::spawn(move || {
            let (lines, changed) = &*said.0;
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while from.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                lines.lock().unwrap().lines.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
                changed.notify_all();
                line.clear();
            }
            lines.lock().unwrap().listening -= 1;
            changed.notify_all();
        });
    }

    /// How many lines hold every one of `parts` so far.
    pub fn count(&self, parts: &[&str]) -> usize {
        self.0.0.lock().unwrap().lines.iter().filter(|line| holds(line, parts)).count()
    }

    /// Waits for a line that holds every one of `parts`, also one said earlier.
    ///
    /// # Errors
    /// Everything that was said, when the server ended or said nothing like it for long.
    pub fn wait_for(&self, parts: &[&str]) -> Result<String, String> {
        let (lines, changed) = &*self.0;
        let mut now = lines.lock().unwrap();
        loop {
            if let Some(line) = now.lines.iter().find(|line| holds(line, parts)) {
                return Ok(line.clone());
            }
            let (next, waited) = changed.wait_timeout(now, PATIENCE).unwrap();
            now = next;
            if waited.timed_out() || now.listening == 0 {
                let all: Vec<&str> = now.lines.iter().map(String::as_str).collect();
                return Err(format!("never said {parts:?}; it said:\n{}", all.join("\n")));
            }
        }
    }
}

fn holds(line: &str, parts: &[&str]) -> bool {
    parts.iter().all(|part| line.contains(part))
}
