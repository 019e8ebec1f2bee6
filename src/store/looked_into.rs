//! What tests of other rooms look at in the store, and how they fill it.

use super::Store;
use crate::domain::delivery::{Channel, DeliveryState};
use crate::domain::time::{Timestamp, from_millis};

/// A delivery as it stands.
#[derive(Clone, Debug)]
pub struct SeenDelivery {
    /// `17.3`
    pub name: String,
    pub channel: Channel,
    pub step: String,
    pub state: DeliveryState,
    pub due: Timestamp,
    pub far_id: String,
    /// Where it goes, where that is a mailbox.
    pub mail: String,
    pub words: String,
}

impl Store {
    /// The file may grow by so many pages from now on: none is a full disk.
    pub fn leave_room(&self, pages: i64) {
        let writer = self.writer();
        let there: i64 = writer.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        let most: i64 = writer.query_row(&format!("PRAGMA max_page_count = {}", there + pages), [], |row| row.get(0)).unwrap();
        assert_eq!(most, there + pages);
    }

    pub fn all_deliveries(&self) -> Vec<SeenDelivery> {
        let writer = self.writer();
        let mut prepared = writer
            .prepare_cached(
                "SELECT d.run_id || '.' || d.number, d.channel, d.step, d.state, d.due, d.far_id, COALESCE(u.mail, d.address, ''),
                        COALESCE(d.words, '')
                 FROM deliveries d LEFT JOIN users u ON u.id = d.user_id ORDER BY d.id",
            )
            .unwrap();
        let rows = prepared.query_map([], |row| {
            let (channel, state): (String, String) = (row.get(1)?, row.get(3)?);
            Ok(SeenDelivery {
                name: row.get(0)?,
                channel: Channel::from_word(&channel).unwrap(),
                step: row.get(2)?,
                state: DeliveryState::from_word(&state).unwrap(),
                due: from_millis(row.get(4)?),
                far_id: row.get(5)?,
                mail: row.get(6)?,
                words: row.get(7)?,
            })
        });
        rows.and_then(Iterator::collect).unwrap()
    }

    /// How many runs schedules have come to.
    pub fn scheduled_runs(&self) -> i64 {
        let sql = "SELECT COUNT(*) FROM runs WHERE trigger LIKE 'schedule%'";
        self.writer().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// The file is sound, and no row refers to nothing.
    pub fn assert_sound(&self) {
        let writer = self.writer();
        let said: String = writer.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(said, "ok");
        assert!(!writer.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap());
    }
}
