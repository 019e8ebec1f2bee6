//! `beckon forget USER`: erases what the site knows of a person who asks for it.

use std::io::IsTerminal as _;

use serde_json::json;

use super::exit::{Exit, Failure};
use super::people::user_named;
use super::question::says_yes;
use super::session::Session;
use crate::store::{Held, Traces};

/// Shows what would go, asks, and erases it.
///
/// # Errors
/// Nobody has that username; an invitation or a record at Apple is active; nobody confirmed; or the store's.
pub fn forget(session: &Session, username: &str, yes: bool, as_json: bool) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let user = user_named(&site.store.roster()?, username)?;
    let traces = site.store.traces(user.id)?;
    if let Some(why) = traces.held_by {
        return Err(refused(username, &why.to_string(), Some(why)));
    }
    if !as_json {
        println!("{} ({})", user.full_name, user.username);
        for (n, what) in [
            (1, "person: names, addresses and groups"),
            (traces.decisions, "of the decisions of runs"),
            (traces.deliveries, "of the deliveries: whose they were, and what far sides said"),
            (traces.licences, "of the licences that apps were to get"),
            (traces.plans, "of the plans that wait: this person's part"),
            (traces.texts, "of the texts of runs, messages and alerts: the names in them"),
            (traces.journal, "of the journal's rows: whom they are about, and their words"),
        ] {
            println!("  {n:>6} {what}");
        }
        println!("Counted figures stay, and what the journal says of others. A text on its way to others stays as it is.");
        println!("Somebody who is still in a roster file or the directory comes back with the next import.");
    }
    if !yes {
        confirm(session)?;
    }
    match site.store.forget(user.id, "a person who asked for it", session.clock.now())? {
        None => Err(refused(username, "something of this person has just begun", None)),
        Some(gone) => {
            // Erased it is; what is left is that nobody can dig it up.
            let compacted = site.store.compact();
            if as_json {
                let Traces { journal, decisions, deliveries, licences, plans, texts, held_by: _ } = gone;
                println!(
                    "{}",
                    json!({ "forgotten": username, "decisions": decisions, "deliveries": deliveries, "licences": licences,
                            "plans": plans, "texts": texts, "journal": journal, "compacted": compacted.is_ok() })
                );
            } else {
                println!("erased");
            }
            if let Err(e) = compacted {
                eprintln!("warning: unused parts of the store's file may still hold what was erased: {e}");
                eprintln!("  they are written anew when somebody is forgotten the next time; backups are yours to delete");
            }
            Ok(Exit::Done)
        }
    }
}

fn refused(username: &str, why: &str, held: Option<Held>) -> Failure {
    let remedy = match held {
        Some(Held::Plan) => "`beckon approve` lists the runs that wait: approve or reject it, or wait until it has expired",
        _ => "withdraw the person from managed distribution first (`invite.withdraw` in a script), and wait for Apple's answer",
    };
    Failure::new(Exit::Refused, format!("{username} can't be erased now: {why}; nothing was changed")).remedy(remedy)
}

fn confirm(session: &Session) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Refused, "refused: nobody is here to confirm; nothing was changed")
            .remedy("confirm it on a terminal, or say --yes"));
    }
    if says_yes(session, "Erase this? It can't be taken back. [y/N] ")? {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "not confirmed: nothing was changed"))
}
