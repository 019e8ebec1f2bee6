//! When an invitation's reminders go out, for one person: in their zone, at a time of day, not on free days.

use chrono::{Datelike as _, NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::time::{Span, Timestamp, at_local, days_later};

/// Reminders after an invitation, and the rules they keep. Without rules it is what `[days(3), days(7)]` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReminderPolicy {
    /// Counted from the invitation, one a reminder, shortest first. Whole days are days of the person's calendar.
    pub after: Vec<Span>,
    /// The time of day in the person's zone; never earlier on a day, and later only when something held it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<NaiveTime>,
    /// Not on Saturday or Sunday.
    #[serde(default)]
    pub working_days: bool,
    /// Days of the person's calendar on which none goes out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Days>,
    /// So long after the message of the same invitation before it, at least.
    #[serde(default = "Span::zero")]
    pub gap: Span,
    /// So many reminders of one invitation, whichever run asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u16>,
    /// The zone of whoever has none.
    #[serde(default)]
    pub zone: Tz,
}

/// Days from `first` to `last`; both count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    pub first: NaiveDate,
    pub last: NaiveDate,
}

impl From<Vec<Span>> for ReminderPolicy {
    fn from(after: Vec<Span>) -> Self {
        Self { after, ..Self::default() }
    }
}

/// How far a day is looked for on which reminders may go out. Holidays that leave none for so long are
/// refused when the policy is read; whatever gets here all the same goes out instead of being lost.
const DAYS_LOOKED: u32 = 800;

impl ReminderPolicy {
    /// Whether there is anything to keep beside the spans.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        self.at.is_some() || self.working_days || !self.holidays.is_empty() || self.gap > Span::zero() || self.most.is_some()
    }

    /// When the reminders of an invitation of `from` are due, for somebody in `zone`; in order.
    ///
    /// A local time that the clocks skip is the next valid minute, one that comes twice the first of the two.
    #[must_use]
    pub fn instants(&self, from: Timestamp, zone: Tz) -> Vec<Timestamp> {
        let most = self.most.map_or(usize::MAX, usize::from);
        let mut before = from;
        let mut instants = Vec::with_capacity(self.after.len().min(most));
        for after in self.after.iter().take(most) {
            let earliest = days_later(before, self.gap, zone).max(before);
            let wanted = days_later(from, *after, zone);
            let due = match self.at {
                // The day that the span leads to, at its hour, though the invitation may have left later that day.
                Some(at) => self.on_a_day(wanted.with_timezone(&zone).date_naive(), at, earliest.max(from), zone),
                None => Some(self.allowed_from(wanted.max(earliest), None, None, zone)),
            };
            let due = due.unwrap_or(wanted).max(before);
            instants.push(due);
            before = due;
        }
        instants
    }

    /// The first instant from `at` on at which a reminder may leave that comes after a message of the
    /// same invitation at `last`, not before `hour` of its day. Holds for whatever put it off: the answer is never
    /// before `at`.
    #[must_use]
    pub fn allowed_from(&self, at: Timestamp, last: Option<Timestamp>, hour: Option<NaiveTime>, zone: Tz) -> Timestamp {
        let mut allowed = last.map_or(at, |last| days_later(last, self.gap, zone).max(at));
        let local = allowed.with_timezone(&zone);
        if self.is_free(local.date_naive()) {
            let time = hour.unwrap_or(local.time());
            let next = local.date_naive().succ_opt().and_then(|day| self.on_a_day(day, time, allowed, zone));
            allowed = next.unwrap_or(allowed);
        }
        if let Some(hour) = hour {
            let on_its_day = allowed.with_timezone(&zone).date_naive().and_time(hour);
            allowed = at_local(on_its_day, zone).map_or(allowed, |hour| hour.max(allowed));
        }
        allowed
    }

    /// `time` on the first day from `day` on that is not free and not before `earliest`.
    fn on_a_day(&self, day: NaiveDate, time: NaiveTime, earliest: Timestamp, zone: Tz) -> Option<Timestamp> {
        let days = day.iter_days().take(DAYS_LOOKED as usize);
        days.filter(|day| !self.is_free(*day)).find_map(|day| at_local(day.and_time(time), zone).filter(|at| *at >= earliest))
    }

    /// Whether no reminder goes out on a day.
    #[must_use]
    pub fn is_free(&self, day: NaiveDate) -> bool {
        let weekend = self.working_days && matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        weekend || self.holidays.iter().any(|free| free.first <= day && day <= free.last)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use chrono_tz::America::New_York;
    use chrono_tz::Europe::Amsterdam;
    use proptest::prelude::*;

    use super::*;

    fn instant(text: &str) -> Timestamp {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn policy(after: &[i64]) -> ReminderPolicy {
        after.iter().copied().map(Span::days).collect::<Vec<_>>().into()
    }

    fn shown(instants: &[Timestamp], zone: Tz) -> String {
        instants.iter().map(|at| at.with_timezone(&zone).format("%a %m-%d %H:%M").to_string()).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn plain_spans_keep_the_hour_of_the_invitation_over_a_clock_change() {
        let sent = instant("2026-10-23T07:00:00Z");
        assert_eq!(shown(&policy(&[1, 3]).instants(sent, Amsterdam), Amsterdam), "Sat 10-24 09:00, Mon 10-26 09:00");
        let hours = ReminderPolicy::from(vec![Span::hours(2)]);
        assert_eq!(hours.instants(instant("2026-10-25T00:30:00Z"), Amsterdam), [instant("2026-10-25T02:30:00Z")]);
    }

    #[test]
    fn the_hour_of_the_day_is_the_persons_own() {
        let policy = ReminderPolicy { at: NaiveTime::from_hms_opt(8, 30, 0), ..policy(&[3, 7]) };
        let sent = instant("2026-12-01T13:00:00Z");
        for zone in [Amsterdam, New_York] {
            assert_eq!(shown(&policy.instants(sent, zone), zone), "Fri 12-04 08:30, Tue 12-08 08:30");
        }
    }

    #[test]
    fn weekends_and_holidays_move_a_reminder_to_the_next_day_and_the_gap_moves_the_one_after() {
        let holidays = vec![Days {
            first: NaiveDate::from_ymd_opt(2026, 12, 7).unwrap(),
            last: NaiveDate::from_ymd_opt(2026, 12, 8).unwrap(),
        }];
        let policy = ReminderPolicy {
            at: NaiveTime::from_hms_opt(8, 30, 0),
            working_days: true,
            holidays,
            gap: Span::days(2),
            most: Some(3),
            ..policy(&[4, 9, 10, 30])
        };
        // Saturday, Sunday, two holidays; then the day after, which is too soon; and no fourth.
        let due = policy.instants(instant("2026-12-01T13:00:00Z"), Amsterdam);
        assert_eq!(shown(&due, Amsterdam), "Wed 12-09 08:30, Fri 12-11 08:30, Mon 12-14 08:30");
    }

    #[test]
    fn an_hour_that_the_clocks_skip_is_the_next_valid_minute_and_one_that_comes_twice_the_first() {
        let policy = ReminderPolicy { at: NaiveTime::from_hms_opt(2, 30, 0), ..policy(&[1]) };
        assert_eq!(policy.instants(instant("2026-03-28T12:00:00Z"), Amsterdam), [instant("2026-03-29T01:00:00Z")]);
        assert_eq!(policy.instants(instant("2026-10-24T12:00:00Z"), Amsterdam), [instant("2026-10-25T00:30:00Z")]);
    }

    #[test]
    fn what_was_held_up_keeps_the_free_days_the_gap_and_the_hour() {
        let policy =
            ReminderPolicy { at: NaiveTime::from_hms_opt(8, 30, 0), working_days: true, gap: Span::days(2), ..policy(&[3]) };
        let from = |at: &str, last: Option<&str>| {
            shown(&[policy.allowed_from(instant(at), last.map(instant), policy.at, Amsterdam)], Amsterdam)
        };
        assert_eq!(from("2026-12-04T13:00:00Z", None), "Fri 12-04 14:00");
        assert_eq!(from("2026-12-05T13:00:00Z", None), "Mon 12-07 08:30");
        assert_eq!(from("2026-12-04T02:00:00Z", None), "Fri 12-04 08:30");
        assert_eq!(from("2026-12-08T09:00:00Z", Some("2026-12-07T09:00:00Z")), "Wed 12-09 10:00");
    }

    #[test]
    fn holidays_without_end_lose_nothing() {
        let forever = Days { first: NaiveDate::MIN, last: NaiveDate::MAX };
        let policy = ReminderPolicy { holidays: vec![forever], ..policy(&[3]) };
        assert_eq!(policy.instants(instant("2026-12-01T13:00:00Z"), Amsterdam).len(), 1);
    }

    fn any_policy() -> impl Strategy<Value = ReminderPolicy> {
        let spans = proptest::collection::vec(1_i64..60 * 24, 0..8);
        let hour = proptest::option::of(0_u32..24 * 60);
        let free = proptest::collection::vec((0_i64..400, 0_i64..14), 0..4);
        (spans, hour, any::<bool>(), free, 0_i64..96, proptest::option::of(1_u16..6)).prop_map(
            |(mut hours, hour, working_days, free, gap, most)| {
                hours.sort_unstable();
                let start = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
                ReminderPolicy {
                    after: hours.into_iter().map(Span::hours).collect(),
                    at: hour.and_then(|m| NaiveTime::from_hms_opt(m / 60, m % 60, 0)),
                    working_days,
                    holidays: free
                        .into_iter()
                        .map(|(day, more)| Days { first: start + Span::days(day), last: start + Span::days(day + more) })
                        .collect(),
                    gap: Span::hours(gap),
                    most,
                    zone: Amsterdam,
                }
            },
        )
    }

    fn any_zone() -> impl Strategy<Value = Tz> {
        proptest::sample::select(vec![
            Amsterdam,
            New_York,
            Tz::UTC,
            chrono_tz::Australia::Lord_Howe,
            chrono_tz::Asia::Kathmandu,
            chrono_tz::Pacific::Apia,
            chrono_tz::America::Santiago,
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_reminder_keeps_every_rule(policy in any_policy(), zone in any_zone(), minutes in 0_i64..500 * 24 * 60) {
            let from = instant("2026-01-01T00:00:00Z") + Span::minutes(minutes);
            let due = policy.instants(from, zone);
            prop_assert_eq!(due.len(), policy.after.len().min(policy.most.map_or(usize::MAX, usize::from)));
            let mut before = from;
            for at in due {
                let local = at.with_timezone(&zone);
                prop_assert!(at >= before && at >= days_later(before, policy.gap, zone));
                prop_assert!(!policy.is_free(local.date_naive()));
                if let Some(hour) = policy.at {
                    prop_assert_eq!(at_local(local.date_naive().and_time(hour), zone), Some(at));
                }
                // Nothing holds up what is due when its time has come.
                prop_assert_eq!(policy.allowed_from(at, Some(before), policy.at, zone), at);
                before = at;
            }
        }

        #[test]
        fn being_held_up_ends(policy in any_policy(), zone in any_zone(), minutes in 0_i64..500 * 24 * 60, ago in 0_i64..9_999) {
            let at = instant("2026-01-01T00:00:00Z") + Span::minutes(minutes);
            let allowed = policy.allowed_from(at, Some(at - Span::minutes(ago)), policy.at, zone);
            prop_assert!(allowed >= at);
            prop_assert_eq!(policy.allowed_from(allowed, Some(at - Span::minutes(ago)), policy.at, zone), allowed);
        }
    }
}
