//! Programs at a pseudo-terminal, timed by what they show.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::child::{Server, program};

/// Nothing that is measured takes nearly as long; what does hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program with a terminal of 24 rows and 80 columns.
pub struct Terminal {
    controller: File,
    _program: Server,
    /// What it wrote since what was last waited for.
    seen: Vec<u8>,
}

impl Terminal {
    /// `beckon repl` on a site, without colours.
    pub fn repl(site: &Path) -> Self {
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program()).arg("--site").arg(site).arg("repl");
        command.env("NO_COLOR", "1").env("HOME", site).env_remove("XDG_STATE_HOME").env_remove("XDG_DATA_HOME");
        Self::start(command)
    }

    /// Any program, by its name.
    pub fn of(program: &str, args: &[&str]) -> Self {
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program).args(args);
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let controller = openpt(flags).expect("the machine has pseudo-terminals");
        grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("our own terminal can be unlocked");
        let theirs = ioctl_tiocgptpeer(&controller, flags).expect("an unlocked terminal can be opened");
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&controller, size).expect("a terminal has a size");
        let again = || Stdio::from(theirs.try_clone().expect("a descriptor can be doubled"));
        command.env("TERM", "xterm-256color").stdin(again()).stdout(again()).stderr(again());
        let program = Server(command.spawn().expect("the program can be started"));
        Self { controller: controller.into(), _program: program, seen: Vec::new() }
    }

    /// Types; Enter is `\r`.
    pub fn type_text(&mut self, text: &str) {
        self.controller.write_all(text.as_bytes()).expect("a terminal takes what is typed");
    }

    /// Waits until the program has written nothing for a moment, and forgets what it wrote.
    pub fn settle(&mut self) {
        let moment = Timespec { tv_sec: 0, tv_nsec: 30_000_000 };
        while poll(&mut [PollFd::new(&self.controller, PollFlags::IN)], Some(&moment)).expect("a terminal can be polled") > 0 {
            let mut bytes = [0; 16 * 1024];
            if self.controller.read(&mut bytes).is_ok_and(|got| got == 0) {
                break;
            }
        }
        self.seen.clear();
    }

    /// Waits until the program has written this; answers all that came before, since what was last waited for.
    pub fn wait_for(&mut self, text: &str) -> String {
        let began = Instant::now();
        loop {
            let found = self.seen.windows(text.len()).position(|window| window == text.as_bytes());
            let said = String::from_utf8_lossy(&self.seen[..found.unwrap_or(self.seen.len())]).into_owned();
            if let Some(at) = found {
                self.seen.drain(..at + text.len());
                return said;
            }
            let left = PATIENCE.checked_sub(began.elapsed()).unwrap_or_else(|| panic!("{text:?} was never shown:\n{said}"));
            let wait = Timespec { tv_sec: i64::try_from(left.as_secs()).expect("a minute"), tv_nsec: 1 };
            poll(&mut [PollFd::new(&self.controller, PollFlags::IN)], Some(&wait)).expect("a terminal can be polled");
            let mut bytes = [0; 16 * 1024];
            let got = self.controller.read(&mut bytes).unwrap_or_else(|e| panic!("it ended ({e}):\n{said}"));
            self.seen.extend_from_slice(&bytes[..got]);
        }
    }
}
