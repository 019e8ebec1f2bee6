//! The sites of script tests: what `import "testing" as t` makes and does. The host stands behind two
//! traits; a script that is no test has nobody behind them.

pub mod calendar;
pub mod difference;
mod people;
pub mod roster;
mod roster_text;
pub mod sent;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono_tz::Tz;

use self::roster::Roster;
use self::sent::Which;
use super::error::ScriptError;
use super::problem::Problem;
use crate::domain::roster::RosterView;
use crate::domain::time::Timestamp;

/// The answer of a test's site: what a test did wrong goes to its author.
pub type Tried<T> = Result<T, Problem>;

/// Makes the sites of one test, and knows its golden texts.
pub trait Trials: Send + Sync {
    /// The zone of the real site.
    fn zone(&self) -> Tz;

    /// Makes a site with nobody but these people in it.
    ///
    /// # Errors
    /// The roster can't be taken.
    fn site(&self, wanted: Wanted) -> Tried<Box<dyn Trial>>;

    /// Compares a text with the one that is kept under a name.
    ///
    /// # Errors
    /// The name is no name, there is no such text, or it differs.
    fn golden(&self, name: &str, text: &str) -> Tried<()>;
}

/// A site to be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    pub roster: Roster,
    /// What `site.setting(name)` answers in place of the real site's settings of these names.
    pub settings: serde_json::Map<String, serde_json::Value>,
    pub now: Option<Timestamp>,
    pub zone: Option<Tz>,
    /// Whether the schedules of `site.toml` fire while time passes.
    pub schedules: bool,
}

/// One test's site.
pub trait Trial: Send {
    fn now(&self) -> Timestamp;
    fn zone(&self) -> Tz;

    /// The roster as it is at this moment.
    ///
    /// # Errors
    /// It can't be read.
    fn view(&self) -> Tried<Box<dyn RosterView>>;

    /// Runs a script of the site, and lets its messages leave unless `dry_run`.
    ///
    /// # Errors
    /// There is no such script, or it fails.
    fn run(&mut self, script: &str, params: BTreeMap<String, String>, dry_run: bool) -> Tried<TrialRun>;

    /// Lets time pass, with everything that is due on the way.
    ///
    /// # Errors
    /// It is in the past or too far ahead, or the test's own time is up.
    fn advance_to(&mut self, at: Timestamp) -> Tried<()>;

    /// Somebody does something, or something happens to them.
    ///
    /// # Errors
    /// There is nobody of that name, or it can't happen now.
    fn act(&mut self, username: &str, act: Act) -> Tried<()>;

    /// What left, in the order in which it did; without texts unless wanted.
    ///
    /// # Errors
    /// There is nobody of one of the usernames.
    fn messages(&self, which: &Which, with_text: bool) -> Tried<Vec<Message>>;

    /// A user's invitations, the oldest first.
    ///
    /// # Errors
    /// There is nobody of that name.
    fn invitations(&self, username: &str) -> Tried<Vec<Invitation>>;

    /// The journal's entries in words, the oldest first.
    ///
    /// # Errors
    /// It can't be read.
    fn journal(&self) -> Tried<Vec<String>>;
}

/// What can happen to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// They accept the latest invitation that reached them.
    Accept,
    /// Their devices refuse invitations from now on.
    Decline,
    /// Their mail comes back: the letters that have left, and all that will.
    Bounce,
    Disable,
    /// The school as a whole.
    LeaveSchool,
    Leave(String),
    Join(String),
}

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrialRun {
    /// What a person would confirm.
    pub plan: String,
    pub printed: String,
    /// The script's last value, as printed.
    pub value: Option<String>,
    /// Usernames, each once, in the plan's order.
    pub invited: Vec<String>,
    pub written_to: Vec<String>,
    pub left_out: BTreeMap<String, String>,
    /// The limits that hold it; nothing leaves then.
    pub held: Vec<String>,
}

/// A message that left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub sent_at: Timestamp,
    /// Whose it was; empty for an address of nobody in the roster.
    pub username: String,
    pub channel: &'static str,
    pub template: String,
    /// Of a mail; the title of an alert.
    pub subject: String,
    pub text: String,
    /// The address or the device's name.
    pub to: String,
    /// 0 where it is no reminder.
    pub reminder: u16,
}

/// One invitation of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub state: String,
    pub invited_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
}

/// What is wrong in a script that a test ran: the same words with the place for a test that catches it, and the
/// error itself for one that fails of it.
#[must_use]
pub fn failed_script(error: &ScriptError) -> Problem {
    let place = if error.line > 0 { format!(" ({}:{}:{})", error.source, error.line, error.column) } else { String::new() };
    let problem = Problem::new(&error.code, format!("{}{place}", error.message));
    Problem { hint: error.hint.clone(), cause: (error.line > 0).then(|| error.clone()), ..problem }
}
