//! What must hold of a served site, whatever it has been through.

use std::collections::{BTreeMap, HashSet};

use super::house::House;
use crate::domain::delivery::{Channel, DeliveryState};
use crate::domain::time::{Timestamp, from_millis};
use crate::sim::lock;
use crate::store::{MomentState, SeenDelivery};

impl House {
    /// Everything, for the time from `since` to `until`.
    pub fn assert_whole(&self, since: Timestamp, until: Timestamp) {
        self.site.store.assert_sound();
        self.assert_the_journal_is_whole();
        let mut runs = HashSet::new();
        for schedule in self.site.config.schedules.iter() {
            self.assert_every_moment_has_its_row(&schedule.name, (since, until), &mut runs);
        }
        let stored = self.site.store.scheduled_runs();
        assert_eq!(i64::try_from(runs.len()), Ok(stored), "each run of a schedule is one moment's");
        self.assert_every_delivery_has_ended_or_waits();
        self.assert_nothing_was_sent_twice();
    }

    fn assert_the_journal_is_whole(&self) {
        let found = self.site.store.check_journal(None).unwrap();
        assert!(found.faults.is_empty() && found.rows > 0, "{found:?}");
    }

    fn assert_every_moment_has_its_row(&self, name: &str, (since, until): (Timestamp, Timestamp), runs: &mut HashSet<i64>) {
        let schedule = self.site.config.schedules.iter().find(|s| s.name == name).unwrap();
        let due: Vec<Timestamp> = schedule.moments_after(since).map(|m| m.at).take_while(|at| *at <= until).collect();
        let end = from_millis(4_102_444_800_000);
        let rows = self.site.store.moments(name, (from_millis(0), end), u32::MAX).unwrap();
        let mut accounted = Vec::new();
        for row in &rows {
            match row.until {
                None => accounted.push(row.at),
                Some(last) => accounted.extend(due.iter().copied().filter(|at| *at >= row.at && *at <= last)),
            }
            assert!(row.state != MomentState::Claimed && row.ended_at.is_some(), "{name}: it has not ended: {row:?}");
            match row.state {
                MomentState::Ran => assert!(row.run.is_some(), "{name}: {row:?}"),
                _ => assert!(!row.words.is_empty(), "{name}: nobody says why: {row:?}"),
            }
            runs.extend(row.run.map(|run| run.0));
        }
        assert_eq!(
            rows.iter().filter(|r| r.run.is_some()).count(),
            rows.iter().filter_map(|r| r.run).collect::<HashSet<_>>().len()
        );
        assert_eq!(accounted, due, "{name}: the moments with a row, and those that were due");
    }

    /// For a time in which the far sides work, and a while after whatever happened.
    fn assert_every_delivery_has_ended_or_waits(&self) {
        let now = self.now();
        for delivery in self.site.store.all_deliveries() {
            use DeliveryState as S;
            let keyed = delivery.channel.knows_our_ids();
            let waits = match delivery.state {
                S::Accepted => true,
                S::Queued | S::NotNow => delivery.channel == Channel::Mdm,
                S::Pending => delivery.due > now,
                S::Deferred | S::Cancelled | S::Rejected | S::Expired => !delivery.words.is_empty(),
                S::Doubtful => !keyed && !delivery.words.is_empty(),
                S::Sending | S::Blocked => false,
            };
            assert!(waits, "{now}: it neither ended nor waits with a reason: {delivery:?}");
        }
    }

    fn assert_nothing_was_sent_twice(&self) {
        let deliveries = self.site.store.all_deliveries();
        let world = lock(self.test.world());
        assert_eq!(world.mail.duplicates(), vec![]);
        assert_eq!(world.apple.breaches(), &[]);
        let mails: BTreeMap<String, &SeenDelivery> = deliveries
            .iter()
            .filter(|d| d.channel == Channel::Mail)
            .map(|d| (format!("{}@sunnyside.example", d.far_id), d))
            .collect();
        let mut arrived = HashSet::new();
        for mail in world.mail.stored() {
            let Some(delivery) = mails.get(&mail.message_id) else { panic!("nobody asked for {mail:?}") };
            assert_eq!(mail.to, std::slice::from_ref(&delivery.mail), "{delivery:?}");
            // Whoever can't know whether it arrived says so.
            assert!(matches!(delivery.state, DeliveryState::Accepted | DeliveryState::Doubtful), "it arrived: {delivery:?}");
            arrived.insert(mail.message_id.as_str());
        }
        for (id, delivery) in &mails {
            let handed_over = delivery.state == DeliveryState::Accepted;
            assert!(!handed_over || arrived.contains(id.as_str()), "it never arrived: {delivery:?}");
        }
        let commands = deliveries.iter().filter(|d| d.channel == Channel::Mdm).count();
        assert!(world.mdm.commands() <= commands, "{} commands for {commands} deliveries", world.mdm.commands());
        assert!(world.mdm.shown() <= commands as u64, "{} prompts for {commands} deliveries", world.mdm.shown());
        let mut people = HashSet::new();
        let twice: Vec<_> = world.apple.records().map(|r| &r.client_user_id).filter(|id| !people.insert(*id)).collect();
        assert!(twice.is_empty(), "Apple has two records of one person: {twice:?}");
    }

    /// Deliveries in a state.
    pub fn count(&self, channel: Channel, state: DeliveryState) -> usize {
        self.site.store.all_deliveries().iter().filter(|d| d.channel == channel && d.state == state).count()
    }

    /// How many moments of a schedule are in a state.
    pub fn moments(&self, name: &str, state: MomentState) -> usize {
        let all = (from_millis(0), from_millis(4_102_444_800_000));
        self.site.store.moments(name, all, u32::MAX).unwrap().iter().filter(|row| row.state == state).count()
    }
}
