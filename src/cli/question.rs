//! A question that is answered with yes or no.

use std::io::BufRead as _;

use super::exit::Failure;
use super::session::Session;

/// What a person answers to a question.
///
/// # Errors
/// The answer can't be read.
pub fn says_yes(session: &Session, question: &str) -> Result<bool, Failure> {
    eprint!("{}", session.ink.err_bold(question));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "j" | "ja" | "o" | "oui"))
}
