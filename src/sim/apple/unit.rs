//! One organizational unit: who owns it, and what it holds.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::assets::Shelf;
use super::notify::Subscription;
use super::users::Users;
use super::{Apple, AppleError, Call};
use crate::domain::time::{Span, Timestamp};
use crate::ports::apps_and_books::{Asset, Owner};

/// A unit to be made.
#[derive(Clone)]
pub struct UnitConfig {
    /// The whole Base64 text of its content token file.
    pub token: String,
    pub token_expires: Timestamp,
    pub u_id: String,
    pub location: String,
    pub country: Option<String>,
    /// Apple School Manager rather than Apple Business.
    pub school: bool,
    pub owner: Option<Owner>,
    pub assets: Vec<Asset>,
}

impl UnitConfig {
    /// A school's unit with a few apps.
    #[must_use]
    pub fn school(token: String, token_expires: Timestamp) -> Self {
        let asset = |adam_id: &str, kind: &str, total| Asset {
            adam_id: adam_id.to_owned(),
            pricing: "STDQ".to_owned(),
            kind: kind.to_owned(),
            available: total,
            assigned: 0,
            total,
        };
        Self {
            token,
            token_expires,
            u_id: "3107000000000421".to_owned(),
            location: "Sunnyside School".to_owned(),
            country: Some("NL".to_owned()),
            school: true,
            owner: None,
            assets: vec![asset("361285480", "App", 400), asset("361309726", "App", 400), asset("1490000001", "Book", 60)],
        }
    }
}

/// A unit. It holds codes, so it has no `Debug`.
pub struct Unit {
    pub u_id: String,
    pub location: String,
    pub country: Option<String>,
    pub school: bool,
    pub owner: Option<Owner>,
    pub(super) subscription: Option<Subscription>,
    pub(super) users: Users,
    pub(super) shelf: Shelf,
    pub(super) window: VecDeque<Timestamp>,
    pub(super) blocked_until: Option<Timestamp>,
    pub(super) under_way: Arc<AtomicUsize>,
}

/// What every authenticated answer carries, and what `client/config` adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitView {
    pub u_id: String,
    pub owner: Option<Owner>,
    /// Within fifteen days of the token's end.
    pub token_expires: Option<Timestamp>,
    pub location: String,
    pub country: Option<String>,
    pub school: bool,
    pub subscription: Option<Subscription>,
}

impl Apple {
    /// Makes a unit, or gives an existing one (by `u_id`) another token.
    pub fn add_unit(&mut self, config: UnitConfig) {
        let known = self.units.iter().position(|u| u.u_id == config.u_id);
        let at = known.unwrap_or(self.units.len());
        self.tokens.insert(config.token, (at, config.token_expires));
        if known.is_none() {
            self.units.push(Unit {
                u_id: config.u_id,
                location: config.location,
                country: config.country,
                school: config.school,
                owner: config.owner,
                subscription: None,
                users: Users::default(),
                shelf: Shelf::new(config.assets),
                window: VecDeque::new(),
                blocked_until: None,
                under_way: Arc::default(),
            });
        }
    }

    /// The units, in the order they were made.
    #[must_use]
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// Another service writes itself into every unit as its owner.
    pub fn rival_takes_over(&mut self, rival: &Owner) {
        for unit in &mut self.units {
            unit.owner = Some(rival.clone());
        }
    }

    /// `GET client/config`, and the common fields of every other answer.
    #[must_use]
    pub fn view(&self, now: Timestamp, call: &Call) -> UnitView {
        let expires = self.tokens.get(&call.token).map(|(_, expires)| *expires);
        let unit = self.units.get(call.unit);
        UnitView {
            u_id: unit.map(|u| u.u_id.clone()).unwrap_or_default(),
            owner: unit.and_then(|u| u.owner.clone()),
            token_expires: expires.filter(|at| *at - now <= Span::days(15)),
            location: unit.map(|u| u.location.clone()).unwrap_or_default(),
            country: unit.and_then(|u| u.country.clone()),
            school: unit.is_some_and(|u| u.school),
            subscription: unit.and_then(|u| u.subscription.clone()),
        }
    }

    /// `POST client/config` with `mdmInfo`.
    ///
    /// # Errors
    /// 9724, 9725 or 9713 when a part is too long.
    pub fn claim(&mut self, call: &Call, owner: Owner) -> Result<(), AppleError> {
        let limits = self.config.limits;
        for (part, limit, number) in [
            (&owner.id, limits.max_mdm_id, 9724),
            (&owner.name, limits.max_mdm_name, 9725),
            (&owner.metadata, limits.max_mdm_metadata, 9713),
        ] {
            if part.chars().count() > limit {
                return Err(AppleError::new(number));
            }
        }
        if let Some(unit) = self.units.get_mut(call.unit) {
            unit.owner = Some(owner);
        }
        Ok(())
    }
}
