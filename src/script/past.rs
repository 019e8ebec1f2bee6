//! The roster as it was, for scripts: which views of it a run holds, and what may be done with it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use chrono_tz::Tz;

use super::problem::Problem;
use super::run_context::Run;
use super::values::{Device, Group, User};
use crate::domain::roster::{AsOf, RosterView};
use crate::domain::time::{Timestamp, show};

/// A view that is read through a lock, as the present one is.
pub type PastView = Arc<Mutex<Box<dyn RosterView>>>;

/// How many views of the past a run holds open at a time; each is a connection to the store. A script may look at
/// any number of times: the view that was used the longest time ago is closed, and opened again when it is needed.
const HELD_MAX: usize = 8;

/// The views that a run holds, the one that was used last at the end.
#[derive(Default)]
pub struct PastViews(VecDeque<(Timestamp, PastView)>);

impl PastViews {
    pub fn find(&mut self, when: Timestamp) -> Option<PastView> {
        let place = self.0.iter().position(|(held, _)| *held == when)?;
        let found = self.0.remove(place)?;
        let view = found.1.clone();
        self.0.push_back(found);
        Some(view)
    }

    pub fn hold(&mut self, when: Timestamp, view: Box<dyn RosterView>) -> PastView {
        if self.0.len() >= HELD_MAX {
            self.0.pop_front();
        }
        let view = Arc::new(Mutex::new(view));
        self.0.push_back((when, view.clone()));
        view
    }

    /// Closes them all.
    pub fn let_go(&mut self) {
        self.0.clear();
    }
}

/// The roster as it was at `when`, for a run that began at `now`.
///
/// # Errors
/// `roster_unknown`, with what is known.
pub fn open(present: &dyn RosterView, when: Timestamp, now: Timestamp, zone: Tz) -> Result<Box<dyn RosterView>, Problem> {
    let unknown = |why: String| Problem::new("roster_unknown", why).about(show(when, zone));
    if when > now {
        return Err(unknown(format!("nobody knows the roster of {}: it is {} now", show(when, zone), show(now, zone)))
            .hint("a look back needs a time that has been: `(now() - days(7)).users`"));
    }
    match present.as_of(when)? {
        AsOf::Known(view) => Ok(view),
        AsOf::Before(Some(begins)) => Err(unknown(format!(
            "the roster of {} is not known: its history goes back to {}",
            show(when, zone),
            show(begins, zone)
        ))
        .hint("every import, sync and change since then is kept for as long as `journal.keep` in site.toml says")),
        AsOf::Before(None) => Err(unknown(format!("the roster of {} is not known: it has no history yet", show(when, zone)))
            .hint("the history begins with the next import or sync")),
    }
}

/// Refuses what is of the past where something is going to happen to it.
///
/// # Errors
/// `past_roster`; the hint is how to come back to the present.
pub fn only_present(run: &Run, as_of: Option<Timestamp>, what: &str, hint: impl Into<String>) -> Result<(), Problem> {
    let Some(when) = as_of else { return Ok(()) };
    let when = show(when, run.site.zone);
    Err(Problem::new("past_roster", format!("{what} is of the roster as it was {when}, which can only be read")).hint(hint))
}

/// As [`only_present`], for a user.
///
/// # Errors
/// `past_roster`.
pub fn present_user(run: &Run, user: &User) -> Result<(), Problem> {
    only_present(run, user.0.as_of, &user.0.full_name, format!("`users.find({:?})` is the user as of now", user.0.username))
}

/// As [`only_present`], for a device.
///
/// # Errors
/// `past_roster`.
pub fn present_device(run: &Run, device: &Device) -> Result<(), Problem> {
    only_present(run, device.0.as_of, &device.0.name, format!("`devices.find({:?})` is the device as of now", device.0.serial))
}

/// As [`only_present`], for a group.
///
/// # Errors
/// `past_roster`.
pub fn present_group(run: &Run, group: &Group) -> Result<(), Problem> {
    let hint = format!(
        "`groups[{:?}]` is the group as of now; `group.members & users` are its members of then who are here now",
        group.name
    );
    only_present(run, group.as_of(), &format!("the group {:?}", group.name), hint)
}
