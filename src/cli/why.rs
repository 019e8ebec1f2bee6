//! `beckon why USER`: why somebody was or wasn't invited, from what was recorded then.

use serde_json::json;

use super::exit::{Exit, Failure};
use super::render::{self, Ink};
use super::session::Session;
use super::width;
use crate::domain::roster::RosterView as _;
use crate::host::HostError;

/// Shows the recorded decisions about a user.
///
/// # Errors
/// Nobody has that username; or the site's or the store's.
pub fn why(session: &Session, username: &str, as_json: bool) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let view = site.store.roster()?;
    let internal = |e: crate::domain::roster::RosterError| HostError::Internal(e.to_string());
    let Some(user) = view.user_by_username(username).map_err(internal)? else {
        let near = view.similar_usernames(username).map_err(internal)?;
        let failure = Failure::new(Exit::Usage, format!("no user is called {username:?}"));
        return Err(if near.is_empty() { failure } else { failure.remedy(format!("did you mean {}?", near.join(" or "))) });
    };
    let decisions = site.store.decisions(user.id, 50, site.config.site.timezone)?;
    if as_json {
        let list: Vec<_> = decisions
            .iter()
            .map(|d| json!({ "run": d.run, "script": d.script, "at": d.at, "chosen": d.chosen, "reason": d.reason, "since": d.since }))
            .collect();
        println!(
            "{}",
            json!({ "username": user.username, "full_name": user.full_name, "status": user.status.word(), "decisions": list })
        );
        return Ok(Exit::Done);
    }
    let name = format!("{} ({}), {}", user.full_name, user.username, user.status.word());
    print!("{}", render::why(&name, &decisions, site.config.site.timezone, width(), &Ink::new(session.ink.out)));
    Ok(Exit::Done)
}
