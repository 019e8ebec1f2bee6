//! Reading Apple's assets into the site.

use super::HostError;
use crate::domain::outcome::ChannelDown;
use crate::ports::apps_and_books::{AppsAndBooks, Asset};
use crate::store::Store;

/// Reads all assets of the token and writes them down. Answers how many there are.
///
/// # Errors
/// The store's, or Apple's.
pub async fn sync_apps(store: &Store, apple: &dyn AppsAndBooks) -> Result<usize, HostError> {
    let mut assets: Vec<Asset> = Vec::new();
    let mut page = None;
    loop {
        let answer = apple.assets(page).await.map_err(|e| {
            HostError::Apple(ChannelDown { what: e.words, remedy: "try again in a few minutes".to_owned(), retry_after: None })
        })?;
        assets.extend(answer.assets);
        match answer.next_page {
            Some(next) if page.is_none_or(|now| next > now) => page = Some(next),
            _ => break,
        }
    }
    store.take_assets(&assets)?;
    Ok(assets.len())
}
