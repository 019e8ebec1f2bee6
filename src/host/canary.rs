//! What is kept of runs, as time goes on: the rest behind a first wave leaves or is held, and what
//! nobody approved in time ends.

use std::sync::Arc;

use super::site::Site;
use super::{HostError, Ports};
use crate::domain::time::Timestamp;
use crate::store::Waves;

/// The chore of a process that stays. A single command calls [`settle`].
#[derive(Debug, Default)]
pub struct Canary;

impl Canary {
    /// Decides about every wave and every held plan that is due, and answers when it wants to look again.
    ///
    /// # Errors
    /// The store's; then nothing was decided.
    pub async fn step(&mut self, site: &Arc<Site>, _: &Ports, now: Timestamp) -> Result<Option<Timestamp>, HostError> {
        let site = Arc::clone(site);
        // Letting thousands go takes a moment.
        let done = tokio::task::spawn_blocking(move || -> Result<Option<Timestamp>, HostError> {
            let waves = settle(&site, now)?;
            let expires = site.store.expire_kept(now)?;
            Ok([waves.next, expires].into_iter().flatten().min())
        });
        done.await.map_err(|e| HostError::Internal(e.to_string()))?
    }
}

/// Decides about the first waves of all runs.
///
/// # Errors
/// The store's; then nothing was decided.
pub fn settle(site: &Site, now: Timestamp) -> Result<Waves, HostError> {
    Ok(site.store.settle_waves(&site.config.limits, now)?)
}
