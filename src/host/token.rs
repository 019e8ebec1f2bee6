//! Is a content token good for this site? Apple is asked before it is taken.

use super::registrar::owner;
use crate::ports::apps_and_books::{AppsAndBooks, CallErrorKind};
use crate::store::Store;

/// Why a token is not taken.
#[derive(Clone, Debug)]
pub struct TokenRefused {
    pub what: String,
    pub remedy: String,
}

/// Checks the unit and its owner, and claims it. `take_over` takes it from another service.
///
/// # Errors
/// The token is refused by Apple, is for another unit than the site's, or another service drives the unit.
pub async fn check_token(store: &Store, apple: &dyn AppsAndBooks, take_over: bool) -> Result<(), TokenRefused> {
    let refused = |what: String, remedy: &str| TokenRefused { what, remedy: remedy.to_owned() };
    let read = |name: &str| store.fact(name).map_err(|e| refused(e.to_string(), e.remedy()));
    let unit = apple.unit().await.map_err(|e| match e.kind {
        CallErrorKind::TokenDead => refused(format!("Apple refuses this token: {}", e.words), "download a new token"),
        _ => refused(
            format!("Apple could not be asked about this token: {}", e.words),
            "check this machine's way to the internet and try again",
        ),
    })?;
    if let Some(expected) = read("unit")?
        && expected != unit.u_id
    {
        let ours = read("unit_name")?.unwrap_or(expected);
        return Err(refused(
            format!("this token is for another unit ({}), and this site works with {ours}", unit.location),
            "download the token of the site's own unit; a second unit needs a site of its own",
        ));
    }
    let is_stopped = store.sending_stopped().map_err(|e| refused(e.to_string(), e.remedy()))?.is_some();
    let us = owner(&read("site_id")?.unwrap_or_default());
    match &unit.owner {
        Some(other) if other.id != us.id && !take_over => {
            return Err(refused(
                format!("another service drives this unit: {} ({})", other.name, other.metadata),
                "let only one service manage a unit: stop the other one, then install with --take-over",
            ));
        }
        Some(other) if other.id != us.id && is_stopped => {
            return Err(refused(
                "sending is stopped, and taking a unit over changes it at Apple".to_owned(),
                "run `beckon resume-sending` first",
            ));
        }
        _ => {}
    }
    // While it is stopped, the unit is claimed by whoever works with it first when sending goes on.
    if !is_stopped {
        apple
            .claim(us)
            .await
            .map_err(|e| refused(format!("Apple did not take the claim: {}", e.words), "try again in a few minutes"))?;
    }
    store.set_facts(&[("unit", &unit.u_id), ("unit_name", &unit.location)]).map_err(|e| refused(e.to_string(), e.remedy()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sending::Stopped;
    use crate::host::testing::{TestSite, morning};
    use crate::ports::apps_and_books::Owner;
    use crate::sim::people::Habits;

    #[test]
    fn while_sending_is_stopped_a_token_is_checked_and_no_unit_is_taken() {
        let site = TestSite::new(Habits::default());
        let (store, apple) = (&site.site.store, site.ports.apps_and_books.clone().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let check = |take_over| runtime.block_on(check_token(store, apple.as_ref(), take_over));
        let owner = || runtime.block_on(apple.unit()).unwrap().owner.map(|owner| owner.name);
        store.stop_sending(&Stopped { at: morning(), by: "it".into(), reason: String::new() }).unwrap();
        assert!(check(false).is_ok());
        assert_eq!(owner(), None);
        let other = Owner { id: "another".into(), name: "Another MDM".into(), metadata: String::new() };
        runtime.block_on(apple.claim(other)).unwrap();
        let refused = check(true).unwrap_err();
        assert_eq!(refused.remedy, "run `beckon resume-sending` first");
        assert_eq!(owner().as_deref(), Some("Another MDM"));
        store.resume_sending("it", morning()).unwrap();
        assert!(check(true).is_ok());
        assert_eq!(owner().as_deref(), Some("beckon"));
    }
}
