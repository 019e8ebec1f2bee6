//! A terminal for the program under test, and the screen that a person would see on it.
//!
//! The program has it as its controlling terminal, so Ctrl-C is a signal and a new size is told to it.
//! Nothing here sleeps: whoever waits, waits for what the screen shows.

#[cfg(test)]
mod debugging;
#[cfg(test)]
mod editing;
mod key;
#[cfg(test)]
mod prompt;
#[cfg(test)]
mod questions;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod typing_ahead;

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use beckon::channels::system_clock::SystemClock;
use beckon::domain::time::{Span, Timestamp};
use beckon::ports::clock::Clock as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use unicode_width::UnicodeWidthStr as _;

pub use key::Key;

use crate::crash::child::program;

/// Nothing that a test waits for takes nearly as long; what does hangs.
const PATIENCE: Span = Span::seconds(60);

/// Lines above the screen that are remembered.
const LINES_ABOVE: usize = 10_000;

/// What a terminal is before something runs on it.
pub struct Opening {
    rows: u16,
    columns: u16,
    command: Command,
}

/// A terminal with a program on it. Dropping it hangs up, and ends the program.
pub struct Terminal {
    /// Our end: what is written here was typed.
    controller: std::fs::File,
    process: std::process::Child,
    parser: vt100::Parser,
    /// Everything that the program wrote, escape codes too.
    written: Vec<u8>,
    /// The program's end is closed.
    closed: bool,
}

impl Opening {
    /// `beckon --site DIR ARGS…` on a terminal of 24 rows and 80 columns, in `dir`, with a home of its own
    /// there and with none of this process's surroundings.
    pub fn beckon(dir: &Path, args: &[impl AsRef<OsStr>]) -> Self {
        let mut opening = Self::of(program());
        opening.command.arg("--site").arg(dir).args(args).current_dir(dir).env("HOME", dir);
        opening
    }

    /// Any program, by its path or name.
    pub fn of(program: impl AsRef<OsStr>) -> Self {
        // A session of its own whose terminal is its standard input. It needs no fork for that, so the
        // program has the id that we know.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env("USER", "tester");
        Self { rows: 24, columns: 80, command }
    }

    pub fn sized(mut self, rows: u16, columns: u16) -> Self {
        (self.rows, self.columns) = (rows, columns);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub fn start(mut self) -> Terminal {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let controller = openpt(flags).expect("the machine has pseudo-terminals");
        grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("our own terminal can be unlocked");
        let theirs = ioctl_tiocgptpeer(&controller, flags).expect("an unlocked terminal can be opened");
        tcsetwinsize(&controller, size(self.rows, self.columns)).expect("a terminal has a size");
        let again = || Stdio::from(theirs.try_clone().expect("a descriptor can be doubled"));
        self.command.stdin(again()).stdout(again()).stderr(again());
        let process = self.command.spawn().expect("the program can be started");
        Terminal {
            controller: controller.into(),
            process,
            parser: vt100::Parser::new(positive(self.rows), positive(self.columns), LINES_ABOVE),
            written: Vec::new(),
            closed: false,
        }
    }
}

impl Terminal {
    /// Types, as a person does: Enter is [`Key::Enter`] and not part of a text.
    pub fn type_text(&mut self, text: &str) {
        self.send(text.as_bytes());
    }

    pub fn press(&mut self, key: Key) {
        self.send(&key.bytes());
    }

    /// A line and Enter.
    pub fn enter(&mut self, line: &str) {
        self.type_text(line);
        self.press(Key::Enter);
    }

    /// Pastes, as a terminal does for a program that asked to be told.
    pub fn paste(&mut self, text: &str) {
        let bracketed = self.parser.screen().bracketed_paste();
        // A terminal sends what Enter sends.
        let text = text.replace('\n', "\r");
        self.send(if bracketed { format!("\x1b[200~{text}\x1b[201~") } else { text }.as_bytes());
    }

    /// The window has another size now.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        self.parser.set_size(positive(rows), positive(columns));
        tcsetwinsize(&self.controller, size(rows, columns)).expect("a terminal can change its size");
    }

    /// The screen's rows without the blanks at their ends, and without the empty rows below.
    pub fn screen(&self) -> String {
        let columns = self.parser.screen().size().1.get();
        let rows: Vec<String> = self.parser.screen().rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
        rows.join("\n").trim_end().to_owned()
    }

    /// The row with the cursor, a bar where the cursor is.
    pub fn cursor_row(&self) -> String {
        let (row, column) = self.parser.screen().cursor_position();
        let columns = self.parser.screen().size().1.get();
        let part = |from, width| self.parser.screen().rows(from, width).nth(row.into()).unwrap_or_default();
        let (before, after) = (part(0, column), part(column, columns - column));
        let blanks = usize::from(column).saturating_sub(before.width());
        format!("{before}{:blanks$}|{}", "", after.trim_end()).trim_end().to_owned()
    }

    /// A screen that knows colours, for whoever asks after a single cell.
    pub fn cells(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Everything that the program wrote up to now, escape codes too.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.written).into_owned()
    }

    /// Waits until the screen shows this text, also where it is broken by the right edge.
    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(&format!("show {text:?}"), |terminal| terminal.shows(text));
    }

    /// Waits until the screen shows this text no more.
    pub fn wait_until_gone(&mut self, text: &str) {
        self.wait_until(&format!("stop showing {text:?}"), |terminal| !terminal.shows(text));
    }

    /// Waits until the cursor's row is this one; a bar stands where the cursor is.
    pub fn wait_for_row(&mut self, row: &str) {
        self.wait_until(&format!("have the cursor in {row:?}"), |terminal| terminal.cursor_row() == row);
    }

    /// Waits until something is true of the terminal; `what` is said when it never is.
    pub fn wait_until(&mut self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        let until = SystemClock.now() + PATIENCE;
        while !is(self) {
            assert!(self.take(until), "it did not {what}; the screen is\n---\n{}\n---", self.screen());
        }
    }

    /// Takes what the program writes until it has been silent for a moment.
    pub fn look_again(&mut self) {
        while self.take(SystemClock.now() + Span::milliseconds(100)) {}
    }

    fn shows(&self, text: &str) -> bool {
        self.parser.screen().contents().contains(text) || self.screen().contains(text)
    }

    /// Waits for the program's end.
    pub fn end(mut self) -> ExitStatus {
        let until = SystemClock.now() + PATIENCE;
        while self.take(until) {}
        assert!(self.closed, "it did not end; the screen is\n---\n{}\n---", self.screen());
        self.process.wait().expect("a child can be waited for")
    }

    fn send(&mut self, bytes: &[u8]) {
        self.controller.write_all(bytes).expect("a terminal takes what is typed");
    }

    /// Takes what comes next from the program. False when nothing more comes, or not in time.
    fn take(&mut self, until: Timestamp) -> bool {
        let left = (until - SystemClock.now()).num_milliseconds().max(0) + 1;
        if self.closed {
            return false;
        }
        let wait = Timespec { tv_sec: left / 1_000, tv_nsec: left % 1_000 * 1_000_000 };
        let mut polled = [PollFd::new(&self.controller, PollFlags::IN)];
        match poll(&mut polled, Some(&wait)) {
            Err(rustix::io::Errno::INTR) => return true,
            Ok(0) => return false,
            other => other.expect("a terminal can be polled"),
        };
        let mut bytes = [0; 16 * 1024];
        // A terminal that nobody has open any more answers with an error.
        let Ok(got @ 1..) = self.controller.read(&mut bytes) else {
            self.closed = true;
            return false;
        };
        let bytes = &bytes[..got];
        self.parser.process(bytes);
        self.written.extend_from_slice(bytes);
        // It asks where the cursor is, as a real terminal is asked.
        if bytes.windows(4).any(|four| four == b"\x1b[6n") {
            let (row, column) = self.parser.screen().cursor_position();
            self.send(format!("\x1b[{};{}R", row + 1, column + 1).as_bytes());
        }
        true
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn positive(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).expect("a terminal has at least one row and column")
}

#[cfg(test)]
mod tests;
