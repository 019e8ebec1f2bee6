//! Questions at a terminal: a yes or a no, or one line.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::exit::{Exit, Failure};
use super::sending;
use super::session::Session;
use crate::host::site::Site;

/// Whoever reads the keys of a terminal, where that is not simply standard input: the prompt's line editor.
pub trait Keyboard: Send + Sync {
    /// The answer to a question. What was typed before the question stood on the screen is no answer, and is
    /// not lost. `None`: Ctrl-C, Ctrl-D, or nobody is there any more.
    ///
    /// # Errors
    /// The terminal can't be used.
    fn answer(&self, question: &str) -> Result<Option<String>, Failure>;

    /// The next line, which may have been typed before it was asked for. `None`: Ctrl-D, or nobody is there any
    /// more.
    ///
    /// # Errors
    /// The terminal can't be used.
    fn line(&self, prompt: &str) -> Result<Option<Line>, Failure>;
}

/// What became of a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    Typed(String),
    /// Ctrl-C: it is gone.
    BrokenOff,
}

impl Line {
    /// The line, where it was typed to its end.
    #[must_use]
    pub fn typed(self) -> Option<String> {
        match self {
            Self::Typed(line) => Some(line),
            Self::BrokenOff => None,
        }
    }
}

/// Whether a person agrees. Everything but a clear yes is a no: another word, an empty line, Ctrl-C, Ctrl-D.
///
/// # Errors
/// The answer can't be read.
pub fn says_yes(session: &Session, question: &str) -> Result<bool, Failure> {
    let answer = match session.keyboard() {
        Some(keyboard) => keyboard.answer(question)?,
        None => {
            forget_typed_ahead();
            eprint!("{}", session.ink.err_bold(question));
            std::io::stderr().flush()?;
            let answer = next_line()?;
            if answer.is_none() {
                eprintln!("");
            }
            answer
        }
    };
    Ok(answer.is_some_and(|answer| is_yes(&answer)))
}

/// Asks a person for their yes, unless they gave it on the command line. `remedy`: what to do where
/// nobody is there.
///
/// # Errors
/// They said no, or nobody is there.
pub fn confirm(session: &Session, site: &Site, yes: bool, remedy: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::new(Exit::Refused, "refused: nobody is here to confirm; nothing was changed").remedy(remedy));
    }
    sending::warn(site)?;
    if says_yes(session, &format!("Go ahead ({})? [y/N] ", site.config.site.name))? {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "not confirmed: nothing was changed, nothing was sent"))
}

/// The next line of standard input, without its end; `None` where there is none.
///
/// # Errors
/// It can't be read.
pub fn next_line() -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim_end_matches(['\n', '\r']).to_owned()))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "j" | "ja" | "o" | "oui")
}

/// Whoever agrees has seen the question: keys that are waiting were meant for something else.
fn forget_typed_ahead() {
    #[cfg(unix)]
    let _ = rustix::termios::tcflush(std::io::stdin(), rustix::termios::QueueSelector::IFlush);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for yes in ["y", "Y", "yes", "YES", " yes ", "j", "Ja", "oui"] {
            assert!(is_yes(yes), "{yes}");
        }
        for no in ["", " ", "n", "no", "N", "ye", "yy", "yes!", "y n", "1", "true", "ok", "\u{3}"] {
            assert!(!is_yes(no), "{no}");
        }
    }
}
