//! Apps and books of the content token, as Apple counts them.

use rusqlite::params;

use super::{Store, StoreError};
use crate::domain::app::App;
use crate::ports::apps_and_books::Asset;

impl Store {
    /// Takes Apple's whole list of assets: of an app that isn't in it there are no licences; figures of known apps change, unknown ones are added and
    /// called by their catalogue number until an import gives them a name: Apple's list has none.
    ///
    /// # Errors
    /// The store's.
    pub fn take_assets(&self, assets: &[Asset]) -> Result<(), StoreError> {
        self.transaction("take Apple's assets into", |tx| {
            tx.execute("UPDATE apps SET available = 0, assigned = 0, total = 0 WHERE total > 0", [])?;
            let mut upsert = tx.prepare_cached(
                "INSERT INTO apps (adam_id, name, kind, pricing, available, assigned, total, source) VALUES (?1, ?7, ?2, ?3, ?4, ?5, ?6, 'apple')
                 ON CONFLICT (adam_id) DO UPDATE SET name = CASE WHEN name = adam_id THEN excluded.name ELSE name END, kind = excluded.kind, pricing = excluded.pricing, available = excluded.available,
                     assigned = excluded.assigned, total = excluded.total",
            )?;
            for asset in assets {
                let name = App::nameless(&asset.kind, &asset.adam_id);
                upsert.execute(params![
                    asset.adam_id,
                    asset.kind,
                    asset.pricing,
                    asset.available,
                    asset.assigned,
                    asset.total,
                    name
                ])?;
            }
            Ok(())
        })
    }
}
