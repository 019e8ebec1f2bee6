//! How a run sees users, groups and devices: one frozen view, as of the run's start.

use std::sync::Arc;

use super::app::App;
use super::departure::Departure;
use super::device::Device;
use super::group::{Enrolment, Group};
use super::ids::{DeviceId, GroupId, UserId};
use super::invite_plan::Candidate;
use super::selection::Select;
use super::task::{Future, Page, Task};
use super::time::Timestamp;
use super::user::User;

/// The view could not be read. Carries words for a person; there is nothing a script can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the roster can't be read: {0}")]
pub struct RosterError(pub String);

pub type Read<T> = Result<T, RosterError>;

/// Everything that a script can read. Implemented by the store over one read transaction, so two
/// reads of one run never disagree.
pub trait RosterView: Send {
    /// The ids that a selection yields, in its order (by id where it has none), each once.
    fn ids(&self, select: &Select) -> Read<Vec<i64>>;
    fn count(&self, select: &Select) -> Read<u64>;
    /// How the selection is answered: the query, for a person to read.
    fn explain(&self, select: &Select) -> Read<String>;

    /// The users with these ids, in this order; ids that have gone are passed over.
    fn users(&self, ids: &[i64]) -> Read<Vec<Arc<User>>>;
    /// The devices with these ids, in this order; ids that have gone are passed over.
    fn devices(&self, ids: &[i64]) -> Read<Vec<Arc<Device>>>;

    fn user_by_username(&self, username: &str) -> Read<Option<Arc<User>>>;
    /// By serial number, UDID or, when only one device has it, name.
    fn find_device(&self, name: &str) -> Read<Option<Arc<Device>>>;
    fn group_by_name(&self, name: &str) -> Read<Option<Group>>;
    /// In order of name.
    fn groups(&self) -> Read<Vec<Group>>;
    /// The groups that a user is in, nested ones included, in order of name.
    fn groups_of(&self, user: UserId) -> Read<Vec<Group>>;
    fn devices_of(&self, user: UserId) -> Read<Vec<Arc<Device>>>;
    fn is_member(&self, group: GroupId, user: UserId) -> Read<bool>;
    /// The groups that are nested in a group itself, in order of name.
    fn subgroups(&self, group: GroupId) -> Read<Vec<Group>>;
    /// How far these users have come, a group's members or others.
    fn enrolment(&self, users: &Select) -> Read<Enrolment>;
    /// App tokens that the site has imported for visible alerts: device, topic, token.
    fn app_tokens(&self, devices: &[DeviceId]) -> Read<Vec<AppToken>>;

    /// Everything that decides about an invitation, for each user of the selection, in its order.
    fn candidates(&self, users: &Select) -> Read<Vec<Candidate>>;

    /// Invitations and messages in flight.
    fn active_tasks(&self) -> Read<Vec<Task>>;
    /// Deliveries that ended badly or doubtfully and have not been dealt with.
    fn failed_tasks(&self) -> Read<Vec<Task>>;
    /// What will leave after `now`, and when the rules of the site allow it.
    fn future_tasks(&self, rules: &Departure, now: Timestamp, page: Page) -> Read<Future>;
    fn apps(&self) -> Read<Vec<App>>;

    /// The roster as it was at `when`, which lies not after this view's own moment.
    fn as_of(&self, when: Timestamp) -> Read<AsOf>;

    /// Names near `wanted`, nearest first, at most three: for "did you mean".
    fn similar_usernames(&self, wanted: &str) -> Read<Vec<String>>;
    fn similar_devices(&self, wanted: &str) -> Read<Vec<String>>;
}

/// What is known of an instant that has been.
pub enum AsOf {
    /// The roster as it was then: its rows say so, and what it answers never changes.
    Known(Box<dyn RosterView>),
    /// It lies before the history, which begins then; `None` where it has not begun.
    Before(Option<Timestamp>),
}

/// Where a visible alert of a site's own app goes on one device.
#[derive(Clone, PartialEq, Eq)]
pub struct AppToken {
    pub device: DeviceId,
    /// The app's bundle id.
    pub topic: String,
    /// Lowercase hex. Whoever holds it can push to the device: kept out of `Debug`.
    pub token: String,
}

impl std::fmt::Debug for AppToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppToken").field("device", &self.device).field("topic", &self.topic).finish_non_exhaustive()
    }
}
