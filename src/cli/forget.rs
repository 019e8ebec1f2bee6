//! `beckon forget USER`: erases what the site knows of a person who asks for it.

use std::io::{BufRead as _, IsTerminal as _};

use serde_json::json;

use super::exit::{Exit, Failure};
use super::people::user_named;
use super::session::Session;

/// Shows what would go, asks, and erases it.
///
/// # Errors
/// Nobody has that username; an invitation or a record at Apple is active; nobody confirmed; or the store's.
pub fn forget(session: &Session, username: &str, yes: bool, as_json: bool) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let user = user_named(&site.store.roster()?, username)?;
    let traces = site.store.traces(user.id)?;
    if let Some(why) = traces.held_by {
        return Err(refused(username, why));
    }
    if !as_json {
        println!("{} ({})", user.full_name, user.username);
        for (n, what) in [
            (1, "person: names, addresses and groups"),
            (traces.decisions, "of the decisions of runs"),
            (traces.deliveries, "of the deliveries: whose they were, and what far sides said"),
            (traces.journal, "of the journal's rows: whom they are about, and their words"),
        ] {
            println!("  {n:>6} {what}");
        }
        println!("Counted figures stay. Texts that scripts printed stay until their time is over (journal.keep).");
        println!("Somebody who is still in a roster file or the directory comes back with the next import.");
    }
    if !yes {
        confirm()?;
    }
    match site.store.forget(user.id, "a person who asked for it", session.clock.now())? {
        None => Err(refused(username, "something of this person has just begun")),
        Some(gone) if as_json => {
            println!(
                "{}",
                json!({ "forgotten": username, "decisions": gone.decisions, "deliveries": gone.deliveries, "journal": gone.journal })
            );
            Ok(Exit::Done)
        }
        Some(_) => {
            println!("erased");
            Ok(Exit::Done)
        }
    }
}

fn refused(username: &str, why: &str) -> Failure {
    Failure::new(Exit::Refused, format!("{username} can't be erased now: {why}; nothing was changed")).remedy(
        "withdraw the person from managed distribution first (`invite.withdraw` in a script), and wait for Apple's answer",
    )
}

fn confirm() -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Refused, "refused: nobody is here to confirm; nothing was changed")
            .remedy("confirm it on a terminal, or say --yes"));
    }
    eprint!("Erase this? It can't be taken back. [y/N] ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "j" | "ja" | "o" | "oui") {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "not confirmed: nothing was changed"))
}
