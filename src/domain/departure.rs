//! When a message may leave for a person: after quiet hours, within the contact budget, as its reminder policy says.

use std::fmt;

use chrono::NaiveTime;
use chrono_tz::Tz;

use super::limits::{Budget, Limits, MessagesPerPerson, QuietHours};
use super::reminder::ReminderPolicy;
use super::time::Timestamp;

/// The site's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    pub quiet_hours: Option<QuietHours>,
    pub budget: MessagesPerPerson,
    /// The zone of whoever has none.
    pub site_zone: Tz,
}

/// What is known of one message and its person.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub zone: Tz,
    /// When the person got other messages, or will get those that waited before this one. `None`: this message
    /// has been counted before, on another device or by another try.
    pub contacts: Option<&'a [Timestamp]>,
    pub policy: Option<&'a ReminderPolicy>,
    /// When the person got a message of the same invitation.
    pub last: Option<Timestamp>,
}

/// Why a message waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PutOff {
    QuietHours,
    PerDay(u32),
    PerWeek(u32),
    /// A free day, the time of day or the gap of its policy.
    Policy,
}

impl fmt::Display for PutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QuietHours => f.write_str("quiet hours"),
            Self::PerDay(1) => f.write_str("contact budget of 1 message a day"),
            Self::PerDay(n) => write!(f, "contact budget of {n} messages a day"),
            Self::PerWeek(1) => f.write_str("contact budget of 1 message a week"),
            Self::PerWeek(n) => write!(f, "contact budget of {n} messages a week"),
            Self::Policy => f.write_str("its reminder policy"),
        }
    }
}

/// The first moment at which a message may leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    pub at: Timestamp,
    /// What stood in its way before, in the order in which it was met.
    pub put_off: Vec<PutOff>,
}

impl Allowed {
    /// Why it waits, in words; nothing where it does not.
    #[must_use]
    pub fn words(&self) -> String {
        self.put_off.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// Each round moves the moment on by hours or days; so many are more than any rules need.
const ROUNDS: usize = 64;

impl Departure {
    #[must_use]
    pub fn of(limits: &Limits, site_zone: Tz) -> Self {
        Self { quiet_hours: limits.quiet_hours, budget: limits.messages_per_person, site_zone }
    }

    /// Every moment is allowed.
    #[must_use]
    pub fn at_any_time(site_zone: Tz) -> Self {
        Self { quiet_hours: None, budget: MessagesPerPerson::default(), site_zone }
    }

    /// Whether any message can be put off by the site's rules.
    #[must_use]
    pub fn puts_off(&self) -> bool {
        self.quiet_hours.is_some() || self.budget.is_set()
    }

    /// The zone that a person's days are counted in.
    #[must_use]
    pub fn zone_of(&self, timezone: Option<&str>) -> Tz {
        timezone.and_then(|name| name.parse().ok()).unwrap_or(self.site_zone)
    }

    /// The first moment from `at` on that every rule allows. What one rule moves is looked at by the others
    /// again, until none moves it any more.
    #[must_use]
    pub fn first_allowed(&self, at: Timestamp, about: &About<'_>) -> Allowed {
        let mut allowed = Allowed { at, put_off: Vec::new() };
        // An hour of the day that is always quiet can't be kept.
        let loud = |hour: &NaiveTime| !self.quiet_hours.is_some_and(|quiet| quiet.holds(*hour));
        let hour = about.policy.and_then(|policy| policy.at).filter(loud);
        for _ in 0..ROUNDS {
            let before = allowed.at;
            if let Some(quiet) = self.quiet_hours {
                allowed.move_to(quiet.next_open(allowed.at, about.zone), PutOff::QuietHours);
            }
            if let Some(policy) = about.policy {
                allowed.move_to(policy.allowed_from(allowed.at, about.last, hour, about.zone), PutOff::Policy);
            }
            if let Some(contacts) = about.contacts.filter(|_| self.budget.is_set()) {
                let (next, full) = self.budget.next_allowed(contacts, allowed.at, about.zone);
                match full {
                    Some(Budget::Day(n)) => allowed.move_to(next, PutOff::PerDay(n)),
                    Some(Budget::Week(n)) => allowed.move_to(next, PutOff::PerWeek(n)),
                    None => {}
                }
            }
            if allowed.at == before {
                break;
            }
        }
        allowed
    }
}

impl Allowed {
    fn move_to(&mut self, at: Timestamp, why: PutOff) {
        if at > self.at {
            self.at = at;
            if !self.put_off.contains(&why) {
                self.put_off.push(why);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use chrono_tz::Europe::Amsterdam;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::{Span, from_millis};

    fn instant(text: &str) -> Timestamp {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn rules(quiet: &str, per_day: u32, per_week: u32) -> Departure {
        let budget = MessagesPerPerson { per_day: Some(per_day), per_week: Some(per_week) };
        Departure { quiet_hours: QuietHours::parse(quiet), budget, site_zone: Amsterdam }
    }

    #[test]
    fn what_the_budget_puts_off_to_midnight_waits_for_the_end_of_quiet_hours_too() {
        let contacts = [instant("2026-12-01T08:00:00Z")];
        let about = About { zone: Amsterdam, contacts: Some(&contacts), policy: None, last: None };
        let allowed = rules("20:00-07:00", 1, 3).first_allowed(instant("2026-12-01T12:00:00Z"), &about);
        assert_eq!(allowed.at, instant("2026-12-02T06:00:00Z"));
        assert_eq!(allowed.words(), "contact budget of 1 message a day, quiet hours");
    }

    #[test]
    fn an_hour_within_quiet_hours_gives_way_to_them() {
        let policy = ReminderPolicy { at: NaiveTime::from_hms_opt(6, 0, 0), working_days: true, ..Span::days(3).into_policy() };
        let about = About { zone: Amsterdam, contacts: Some(&[]), policy: Some(&policy), last: None };
        let allowed = rules("20:00-07:00", 1, 3).first_allowed(instant("2026-12-05T05:00:00Z"), &about);
        assert_eq!((allowed.at, allowed.words().as_str()), (instant("2026-12-07T06:00:00Z"), "quiet hours, its reminder policy"));
    }

    trait IntoPolicy {
        fn into_policy(self) -> ReminderPolicy;
    }

    impl IntoPolicy for Span {
        fn into_policy(self) -> ReminderPolicy {
            vec![self].into()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_first_moment_keeps_every_rule_and_is_final(
            contacts in proptest::collection::vec(-10_000_i64..10_000, 0..12),
            quiet in (0_u32..24, 0_u32..24),
            per_day in 1_u32..3,
            per_week in 1_u32..5,
            hour in proptest::option::of(0_u32..24),
            zone in proptest::sample::select(vec![Amsterdam, Tz::UTC, chrono_tz::America::New_York, chrono_tz::Pacific::Apia]),
            start in 1_740_000_000_i64..1_790_000_000,
        ) {
            let at = from_millis(start * 1000);
            let contacts: Vec<Timestamp> = contacts.into_iter().map(|minutes| at + Span::minutes(minutes)).collect();
            let policy = ReminderPolicy { at: hour.and_then(|h| NaiveTime::from_hms_opt(h, 0, 0)), working_days: true, ..Span::days(1).into_policy() };
            let rules = rules(&format!("{:02}:00-{:02}:00", quiet.0, quiet.1), per_day, per_week);
            let about = About { zone, contacts: Some(&contacts), policy: Some(&policy), last: None };
            let allowed = rules.first_allowed(at, &about);
            prop_assert!(allowed.at >= at);
            prop_assert_eq!(allowed.at > at, !allowed.put_off.is_empty());
            let again = rules.first_allowed(allowed.at, &about);
            prop_assert_eq!(again, Allowed { at: allowed.at, put_off: vec![] });
            let day = |t: Timestamp| t.with_timezone(&zone).date_naive();
            prop_assert!(!policy.is_free(day(allowed.at)));
            prop_assert!(contacts.iter().filter(|c| day(**c) == day(allowed.at)).count() < per_day as usize);
            if let Some(quiet) = rules.quiet_hours {
                prop_assert_eq!(quiet.next_open(allowed.at, zone), allowed.at);
            }
        }
    }
}
