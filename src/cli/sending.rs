//! `beckon stop-sending` and `beckon resume-sending`: the kill switch.

use serde_json::json;

use super::exit::{Exit, Failure};
use super::layout::wrapped;
use super::session::Session;
use super::width;
use crate::domain::sending::Stopped;
use crate::host::lock::ServeLock;
use crate::host::site::Site;

/// A reason is one sentence.
const REASON_MAX: usize = 300;

/// Stops sending on the site, whoever is at it.
///
/// # Errors
/// The site's or the store's, or a reason that is none.
pub fn stop(session: &Session, reason: &[String], json: bool) -> Result<Exit, Failure> {
    let reason = reason.join(" ").trim().to_owned();
    if reason.chars().any(char::is_control) || reason.chars().nth(REASON_MAX).is_some() {
        let what = format!("the reason has to be one line of at most {REASON_MAX} characters; sending goes on");
        return Err(Failure::new(Exit::Usage, what));
    }
    let site = session.open_site()?;
    let stop = Stopped { at: session.clock.now(), by: session.actor.clone(), reason };
    let before = site.store.stop_sending(&stop)?;
    let holds = before.as_ref().unwrap_or(&stop);
    if json {
        println!("{}", json!({ "sending_stopped": holds, "changed": before.is_none() }));
    } else if before.is_some() {
        println!("{}; it stays so", holds.words(site.config.site.timezone));
    } else {
        println!("sending is stopped: nothing more leaves until `beckon resume-sending`");
        println!("what is in hand at this moment ends; runs can be made, and their deliveries wait");
    }
    Ok(Exit::Done)
}

/// Lets sending go on.
///
/// # Errors
/// The site's or the store's.
pub fn resume(session: &Session, json: bool) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let before = site.store.resume_sending(&session.actor, session.clock.now())?;
    if json {
        println!("{}", json!({ "sending_stopped": null, "was_stopped": before, "changed": before.is_some() }));
        return Ok(Exit::Done);
    }
    match before {
        Some(stop) => {
            let words = stop.words(site.config.site.timezone).replacen("sending is stopped", "it had been stopped", 1);
            print!("{}", wrapped(&format!("sending goes on; {words}"), width(), 0, 2));
            // Whoever serves the site holds this lock.
            let served = ServeLock::try_take(site.store.path())?.is_none();
            let next =
                if served { "`beckon serve` runs and hands over what waits" } else { "`beckon deliver` hands over what waits" };
            println!("{next}");
        }
        None => println!("sending is not stopped"),
    }
    Ok(Exit::Done)
}

/// Says on standard error that sending is stopped, where it is.
///
/// # Errors
/// The store's.
pub fn warn(site: &Site) -> Result<(), Failure> {
    if let Some(stop) = site.store.sending_stopped()? {
        let words = format!("warning: {}; `beckon resume-sending` lets it go on", stop.words(site.config.site.timezone));
        eprint!("{}", wrapped(&words, width(), 0, 2));
    }
    Ok(())
}
