//! `beckon sync`: what the world knows, read into the site: who is enrolled, which apps there are, which mail came
//! back. And what follows from it: licences for who has enrolled.

use std::sync::Arc;

use serde_json::json;

use super::exit::{Exit, Failure};
use super::layout::wrapped;
use super::session::Session;
use super::width;
use crate::domain::invite_plan::counted;
use crate::domain::roster::RosterView as _;
use crate::domain::selection::{Comparison, Condition, Field, Of, Operand, Select, Value};
use crate::host::HostError;
use crate::host::bounces::Bounces;
use crate::host::deliver::registrar;
use crate::host::licences::hand_out_once;
use crate::host::sync::sync_apps;

/// Reads Apple's user records and assets, asks for licences of who has enrolled, and reads reports about mail.
///
/// # Errors
/// There is no token, Apple can't be asked, or the site's or the store's.
pub fn sync(session: &Session, as_json: bool) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let ports = session.ports(&site.config)?;
    let (Some(registrar), Some(apple)) = (registrar(&site, &ports), ports.apps_and_books.clone()) else {
        return Err(Failure::new(Exit::Configuration, "the site has no content token").remedy("run `beckon token install FILE`"));
    };
    let (before, unnamed) = (enrolled(&site)?, nameless(&site)?);
    let site = Arc::new(site);
    let apps = session.block_on(async {
        registrar.sync().await?;
        let apps = sync_apps(&site.store, apple.as_ref()).await?;
        hand_out_once(&site.store, apple.as_ref(), &registrar, ports.clock.as_ref()).await?;
        let mut bounces = Bounces::default();
        bounces.step(&site, &ports, session.clock.now()).await?;
        if let Some(trouble) = bounces.trouble() {
            eprintln!("warning: reports about mail can't be read: {trouble}");
        }
        Ok::<_, HostError>(apps)
    })??;
    let after = enrolled(&site)?;
    if as_json {
        println!("{}", json!({ "enrolled": after, "newly_enrolled": after.saturating_sub(before), "apps": apps }));
    } else {
        let new = after.saturating_sub(before);
        println!(
            "{} enrolled, {new} more than before; {apps} apps and books",
            counted(usize::try_from(after).unwrap_or(usize::MAX), "user")
        );
        // Said when there are new ones, and not each time.
        let now = nameless(&site)?;
        if now > unnamed {
            let words = format!(
                "{now} of them are called by their number, because Apple's list has no names: `beckon import` of a file with \
                 the columns adam_id and name gives them"
            );
            print!("{}", wrapped(&words, width(), 0, 2));
        }
    }
    Ok(Exit::Done)
}

/// Apps and books that no file has named.
fn nameless(site: &crate::host::site::Site) -> Result<usize, Failure> {
    let listed = site.store.roster()?.apps().map_err(|e| HostError::Internal(e.to_string()))?;
    Ok(listed.iter().filter(|app| app.is_nameless()).count())
}

fn enrolled(site: &crate::host::site::Site) -> Result<u64, Failure> {
    let is_enrolled = Condition::Compare {
        left: Operand::Field(Field::Status),
        is: Comparison::Equal,
        right: Operand::Value(Value::Text("enrolled".to_owned())),
    };
    let view = site.store.roster()?;
    Ok(view.count(&Select::Where(Select::All(Of::Users).into(), is_enrolled)).map_err(|e| HostError::Internal(e.to_string()))?)
}
