//! `beckon why USER`: why somebody was or wasn't invited, from what was recorded then.

use serde_json::json;

use super::exit::{Exit, Failure};
use super::people::user_named;
use super::render::{self, Ink};
use super::session::Session;
use super::width;

/// Shows the recorded decisions about a user.
///
/// # Errors
/// Nobody has that username; or the site's or the store's.
pub fn why(session: &Session, username: &str, as_json: bool) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let view = site.store.roster()?;
    let user = user_named(&view, username)?;
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
