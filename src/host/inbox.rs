//! Where the world's reports arrive in the host: they are written down before they are confirmed.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::HostError;
use crate::ports::clock::Clock;
use crate::ports::mdm::DeviceReport;
use crate::store::Store;

/// The inbox of one site.
pub struct SiteInbox {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
}

impl SiteInbox {
    #[must_use]
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Takes a report; once this answers, it will not be lost.
    ///
    /// # Errors
    /// The store's; the sender must be told that it was not taken.
    pub fn take(&self, report: &DeviceReport) -> Result<(), HostError> {
        self.store.take_report(report, self.clock.now())?;
        Ok(())
    }

    /// The inbox as a listener wants it. Writing may wait for the disk, so it has a thread of its own.
    pub fn door(self: Arc<Self>) -> Arc<dyn Fn(DeviceReport) -> BoxFuture<'static, Result<(), String>> + Send + Sync> {
        Arc::new(move |report| {
            let inbox = Arc::clone(&self);
            Box::pin(async move {
                let taken = tokio::task::spawn_blocking(move || inbox.take(&report)).await;
                taken.map_err(|e| e.to_string())?.map_err(|e| e.to_string())
            })
        })
    }
}
