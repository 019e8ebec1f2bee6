//! Finding the person that a command line names.

use std::sync::Arc;

use super::exit::{Exit, Failure};
use crate::domain::roster::{RosterError, RosterView};
use crate::domain::user::User;
use crate::host::HostError;

/// The user with that name.
///
/// # Errors
/// Nobody has it, with the nearest names that somebody has; or the store's.
pub fn user_named(view: &dyn RosterView, username: &str) -> Result<Arc<User>, Failure> {
    let internal = |e: RosterError| HostError::Internal(e.to_string());
    if let Some(user) = view.user_by_username(username).map_err(internal)? {
        return Ok(user);
    }
    let near = view.similar_usernames(username).map_err(internal)?;
    let failure = Failure::new(Exit::Usage, format!("no user is called {username:?}"));
    Err(if near.is_empty() { failure } else { failure.remedy(format!("did you mean {}?", near.join(" or "))) })
}
