//! Reading Apple's assets into the site.

use super::HostError;
use super::registrar::Stopped;
use crate::domain::outcome::ChannelDown;
use crate::ports::apps_and_books::{AppsAndBooks, Asset};
use crate::store::Store;

/// Reads all assets of the token and writes them down, for `beckon sync`. Answers how many there are.
///
/// # Errors
/// The store's, or Apple's.
pub async fn sync_apps(store: &Store, apple: &dyn AppsAndBooks) -> Result<usize, HostError> {
    read_assets(store, apple).await.map_err(|stopped| match stopped {
        Stopped::Host(error) => error,
        Stopped::Apple(error) => HostError::Apple(ChannelDown {
            what: error.words,
            remedy: "try again in a few minutes".to_owned(),
            retry_after: None,
        }),
    })
}

/// Reads all assets of the token and writes them down. Answers how many there are.
pub(super) async fn read_assets(store: &Store, apple: &dyn AppsAndBooks) -> Result<usize, Stopped> {
    let mut assets: Vec<Asset> = Vec::new();
    let mut page = None;
    loop {
        let answer = apple.assets(page).await?;
        assets.extend(answer.assets);
        match answer.next_page {
            Some(next) if page.is_none_or(|now| next > now) => page = Some(next),
            _ => break,
        }
    }
    store.take_assets(&assets).map_err(HostError::from)?;
    Ok(assets.len())
}
