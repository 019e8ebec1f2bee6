//! Licences: what the unit has bought, and who holds it.

use std::collections::{BTreeMap, BTreeSet};

use super::events::{Work, add_failure};
use super::users::Users;
use super::{Apple, AppleError, Call, EventKind, Rule};
use crate::domain::time::Timestamp;
use crate::ports::apps_and_books::{Asset, AssetPage, EventFailure};

/// Who is to get or lose licences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    pub client_user_ids: Vec<String>,
    pub serial_numbers: Vec<String>,
}

/// One licence in use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    pub adam_id: String,
    pub pricing: String,
    pub client_user_id: Option<String>,
    pub serial_number: Option<String>,
}

pub(super) struct Job {
    pub kind: EventKind,
    pub assets: Vec<String>,
    pub holders: Holders,
}

pub(super) struct Shelf {
    assets: BTreeMap<String, Asset>,
    assignments: BTreeSet<Assignment>,
}

impl Shelf {
    pub fn new(assets: Vec<Asset>) -> Self {
        Self { assets: assets.into_iter().map(|a| (a.adam_id.clone(), a)).collect(), assignments: BTreeSet::new() }
    }

    /// A retired user loses what can be revoked; books stay.
    pub fn free_user(&mut self, client_user_id: &str) {
        let held: Vec<Assignment> =
            self.assignments.iter().filter(|a| a.client_user_id.as_deref() == Some(client_user_id)).cloned().collect();
        for assignment in held {
            self.put_back(&assignment);
        }
    }

    fn put_back(&mut self, assignment: &Assignment) {
        let Some(asset) = self.assets.get_mut(&assignment.adam_id).filter(|a| a.kind != "Book") else { return };
        if self.assignments.remove(assignment) {
            asset.assigned = asset.assigned.saturating_sub(1);
            asset.available = asset.available.saturating_add(1);
        }
    }

    fn hand_out(&mut self, assignment: Assignment) -> Result<(), i32> {
        let asset = self.assets.get_mut(&assignment.adam_id).ok_or(9602)?;
        if self.assignments.contains(&assignment) {
            return Ok(());
        }
        if asset.available == 0 {
            return Err(9709);
        }
        asset.available -= 1;
        asset.assigned += 1;
        self.assignments.insert(assignment);
        Ok(())
    }

    pub fn run(&mut self, job: &Job, users: &Users) -> (usize, Vec<EventFailure>) {
        let mut failures = Vec::new();
        let mut completed = 0;
        let people = job.holders.client_user_ids.iter().map(|id| (Some(id.clone()), None));
        let devices = job.holders.serial_numbers.iter().map(|serial| (None, Some(serial.clone())));
        for (client_user_id, serial_number) in people.chain(devices) {
            let about = client_user_id.clone().or_else(|| serial_number.clone()).unwrap_or_default();
            if client_user_id.as_ref().is_some_and(|id| users.active(id).is_none()) {
                add_failure(&mut failures, 9609, &about);
                continue;
            }
            if job.kind == EventKind::Revoke {
                let held = |a: &&Assignment| a.client_user_id == client_user_id && a.serial_number == serial_number;
                let all: Vec<Assignment> = self.assignments.iter().filter(held).cloned().collect();
                all.iter().for_each(|assignment| self.put_back(assignment));
                completed += 1;
                continue;
            }
            for adam_id in &job.assets {
                let pricing = self.assets.get(adam_id).map_or_else(|| "STDQ".to_owned(), |a| a.pricing.clone());
                let assignment = Assignment {
                    adam_id: adam_id.clone(),
                    pricing,
                    client_user_id: client_user_id.clone(),
                    serial_number: serial_number.clone(),
                };
                if job.kind == EventKind::Disassociate {
                    self.put_back(&assignment);
                    completed += 1;
                } else {
                    match self.hand_out(assignment) {
                        Ok(()) => completed += 1,
                        Err(number) => add_failure(&mut failures, number, &about),
                    }
                }
            }
        }
        (completed, failures)
    }
}

impl Apple {
    /// `GET assets`. They always fit on one page here.
    ///
    /// # Errors
    /// 9650 for any other page.
    pub fn assets(&self, call: &Call, page: u32) -> Result<AssetPage, AppleError> {
        if page > 0 {
            return Err(AppleError::new(9650));
        }
        let assets = self.units.get(call.unit).map(|u| u.shelf.assets.values().cloned().collect()).unwrap_or_default();
        Ok(AssetPage { assets, next_page: None })
    }

    /// `GET assignments`, filtered by asset and user: one page, and the next one's number.
    ///
    /// # Errors
    /// 9650 for a page that isn't there.
    pub fn assignments(
        &self,
        call: &Call,
        adam_id: Option<&str>,
        client_user_id: Option<&str>,
        page: u32,
    ) -> Result<(Vec<Assignment>, Option<u32>), AppleError> {
        let wanted = |a: &&Assignment| {
            adam_id.is_none_or(|id| a.adam_id == id) && client_user_id.is_none_or(|id| a.client_user_id.as_deref() == Some(id))
        };
        let all: Vec<&Assignment> =
            self.units.get(call.unit).into_iter().flat_map(|u| u.shelf.assignments.iter()).filter(wanted).collect();
        let size = self.config.page_size.max(1);
        let at = usize::try_from(page).unwrap_or(usize::MAX);
        if at >= all.len().div_ceil(size).max(1) {
            return Err(AppleError::new(9650));
        }
        let shown: Vec<Assignment> = all.iter().skip(at * size).take(size).copied().cloned().collect();
        Ok((shown, ((at + 1) * size < all.len()).then_some(page + 1)))
    }

    /// The licences that somebody holds, as a test wants to see them.
    pub fn licences(&self) -> impl Iterator<Item = &Assignment> {
        self.units.iter().flat_map(|u| u.shelf.assignments.iter())
    }

    /// More licences of an asset are bought in every unit that has it, or some are given back where `more` is negative.
    pub fn buy(&mut self, now: Timestamp, adam_id: &str, more: i32) {
        for unit in 0..self.units.len() {
            let asset = self.units.get_mut(unit).and_then(|u| u.shelf.assets.get_mut(adam_id));
            let Some(asset) = asset else { continue };
            asset.total = asset.total.saturating_add_signed(more);
            asset.available = asset.total.saturating_sub(asset.assigned);
            let pricing = asset.pricing.clone();
            self.notify_count(now, unit, adam_id, &pricing, more);
        }
    }

    /// `POST assets/associate`, `assets/disassociate` and `assets/revoke` (the last without assets).
    ///
    /// # Errors
    /// What Apple checks at once; then nothing is queued at all.
    pub fn change_licences(
        &mut self,
        now: Timestamp,
        call: &Call,
        kind: EventKind,
        assets: Vec<String>,
        holders: Holders,
    ) -> Result<String, AppleError> {
        let limits = self.config.limits;
        let no_holders = holders.client_user_ids.is_empty() && holders.serial_numbers.is_empty();
        if assets.is_empty() && kind != EventKind::Revoke {
            return Err(AppleError::new(9718));
        }
        if no_holders {
            return Err(AppleError::new(9719));
        }
        for (rows, max, too_many, twice) in [
            (&assets, limits.max_assets, 9700, 9703),
            (&holders.client_user_ids, limits.max_client_user_ids, 9701, 9704),
            (&holders.serial_numbers, limits.max_serial_numbers, 9702, 9705),
        ] {
            if rows.len() > max {
                self.breach(now, Rule::RowsPerRequest, format!("{} rows in one request, {max} are allowed", rows.len()));
                return Err(AppleError::new(too_many));
            }
            if rows.iter().collect::<BTreeSet<_>>().len() < rows.len() {
                return Err(AppleError::new(twice));
            }
        }
        let asked = (holders.client_user_ids.len() + holders.serial_numbers.len()) * assets.len().max(1);
        Ok(self.queue(now, call, kind, asked, Work::Licences(Job { kind, assets, holders })))
    }
}
