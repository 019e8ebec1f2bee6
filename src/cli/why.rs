//! `beckon why USER`: why somebody was or wasn't invited, from what was recorded then.

use serde_json::json;

use super::exit::{Exit, Failure};
use super::ink::Ink;
use super::people::user_named;
use super::render;
use super::session::Session;
use super::{layout, width};
use crate::domain::invite_plan::counted;
use crate::store::LicenceLine;

/// Shows the recorded decisions about a user.
///
/// # Errors
/// Nobody has that username; or the site's or the store's.
pub fn why(session: &Session, username: &str, as_json: bool) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let view = site.store.roster()?;
    let user = user_named(&view, username)?;
    let decisions = site.store.decisions(user.id, 50, site.config.site.timezone)?;
    let licences = site.store.licences_of(user.id)?;
    let mail_dead = site.store.mail_dead(user.id)?;
    if as_json {
        let list: Vec<_> = decisions
            .iter()
            .map(|d| json!({ "run": d.run, "script": d.script, "at": d.at, "chosen": d.chosen, "reason": d.reason, "since": d.since }))
            .collect();
        println!(
            "{}",
            json!({ "username": user.username, "full_name": user.full_name, "status": user.status.word(), "mail_refused": mail_dead,
                    "licences": licences.iter().map(|l| json!({ "app": l.app, "state": l.state, "ahead": l.ahead, "words": l.words })).collect::<Vec<_>>(),
                    "decisions": list })
        );
        return Ok(Exit::Done);
    }
    let name = format!("{} ({}), {}", user.full_name, user.username, user.status.shown());
    print!("{}", render::why(&name, &decisions, site.config.site.timezone, width(), &Ink::new(session.ink.out)));
    if let Some(words) = mail_dead {
        print!("{}", layout::wrapped(&format!("no mail goes to this person's address: {words}"), width(), 2, 6));
    }
    for licence in &licences {
        print!("{}", layout::wrapped(&licence_words(licence), width(), 2, 6));
    }
    Ok(Exit::Done)
}

fn licence_words(licence: &LicenceLine) -> String {
    let words = licence.words.as_deref().unwrap_or_default();
    let said = match (licence.state.as_str(), licence.ahead) {
        ("held", _) => "handed out".to_owned(),
        ("waiting", 0) => format!("{words}; next in turn"),
        ("waiting", ahead) => format!("{words}; {} in front", counted(usize::try_from(ahead).unwrap_or(usize::MAX), "user")),
        ("failed", _) => format!("refused: {words}"),
        _ => "on its way".to_owned(),
    };
    format!("licence of {}: {said}", licence.app)
}
