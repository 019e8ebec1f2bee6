//! Every clock change of the whole zone database from 2024 to 2035, against minutes counted one by one.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{NaiveDateTime, Offset as _, TimeZone as _, Timelike as _};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::*;
use crate::domain::time::Span;

const RULES: [(Gap, Fold); 4] =
    [(Gap::NextValid, Fold::First), (Gap::NextValid, Fold::Both), (Gap::Skip, Fold::First), (Gap::Skip, Fold::Both)];

type IsDue = Box<dyn Fn(NaiveDateTime) -> bool>;

/// Seconds that local time is ahead of universal time.
fn offset(zone: Tz, at: Timestamp) -> i32 {
    zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
}

/// The instants at which a zone's clocks change.
fn changes(zone: Tz) -> Vec<Timestamp> {
    let (mut from, end) = (at("2024-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"));
    let mut found = Vec::new();
    while from < end {
        let to = from + Span::hours(12);
        if offset(zone, from) != offset(zone, to) {
            let minutes = (0..=720).map(|m| from + Span::minutes(m));
            let change = minutes.clone().zip(minutes.skip(1)).find(|(a, b)| offset(zone, *a) != offset(zone, *b));
            found.push(change.unwrap().1);
        }
        from = to;
    }
    found
}

/// What is due in a window, found by walking over its minutes. Windows begin and end on ordinary minutes.
fn walked(
    minutes: &[(Timestamp, NaiveDateTime)],
    due: impl Fn(NaiveDateTime) -> bool,
    (gap, fold): (Gap, Fold),
) -> Vec<Timestamp> {
    let mut seen = HashSet::new();
    let mut found = BTreeSet::new();
    let mut last: Option<NaiveDateTime> = None;
    for (at, local) in minutes {
        let again = !seen.insert(*local);
        if due(*local) && (!again || fold == Fold::Both) {
            found.insert(*at);
        }
        let mut skipped = last.map_or(*local, |l| l + Span::minutes(1));
        while skipped < *local {
            if due(skipped) && gap == Gap::NextValid {
                found.insert(*at);
            }
            skipped += Span::minutes(1);
        }
        last = Some(*local);
    }
    found.into_iter().collect()
}

fn check(zone: Tz, change: Timestamp) -> usize {
    let window = Span::hours(4);
    let (from, to) = (change - window, change + window);
    let all = (0..=480).map(|m| from + Span::minutes(m));
    let minutes: Vec<_> = all.map(|at| (at, at.with_timezone(&zone).naive_local())).collect();
    let (before, after) = (minutes[239].1 + Span::minutes(1), minutes[240].1);
    // A minute in the middle of what is skipped or comes twice, its two ends, and ordinary rhythms.
    let middle = before.min(after) + (before - after).abs() / 2;
    let mut expressions: Vec<(String, IsDue)> = vec![
        ("*/20 * * * *".to_owned(), Box::new(|l| l.minute() % 20 == 0)),
        ("7,59 * * * *".to_owned(), Box::new(|l| l.minute() == 7 || l.minute() == 59)),
    ];
    for named in [middle, before.min(after), before.max(after)] {
        let (h, m) = (named.hour(), named.minute());
        expressions.push((format!("{m} {h} * * *"), Box::new(move |l| (l.hour(), l.minute()) == (h, m))));
    }
    let mut moments = 0;
    for (expression, due) in expressions {
        let mut timing = timing(&expression, zone, Gap::Skip, Fold::First);
        for rules in RULES {
            (timing.gap, timing.fold) = rules;
            let expect = walked(&minutes, &due, rules);
            let mut found = Vec::new();
            let mut last = from - Span::seconds(1);
            while let Some(moment) = timing.next_after(last).filter(|m| m.at <= to) {
                assert!(moment.at > last);
                found.push(moment.at);
                last = moment.at;
            }
            assert_eq!(found, expect, "{expression} in {zone} around {change} with {rules:?}");
            for start in [
                change - Span::minutes(61),
                change - Span::minutes(23),
                change - Span::seconds(1),
                change,
                change + Span::minutes(31),
            ] {
                let next = timing.next_after(start).map(|m| m.at).filter(|at| *at <= to);
                assert_eq!(
                    next,
                    expect.iter().copied().find(|e| *e > start),
                    "{expression} in {zone} after {start} with {rules:?}"
                );
            }
            moments += found.len();
        }
    }
    moments
}

#[test]
fn every_clock_change_of_every_zone() {
    let (next, changes_seen, moments) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    // Most zones have changes in common to the offset: each of these is looked at once.
    let seen = std::sync::Mutex::new(HashSet::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(zone) = TZ_VARIANTS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for change in changes(*zone) {
                        changes_seen.fetch_add(1, Ordering::Relaxed);
                        let key = (change, offset(*zone, change - Span::seconds(1)), offset(*zone, change));
                        if seen.lock().unwrap().insert(key) {
                            moments.fetch_add(check(*zone, change), Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    assert!(changes_seen.into_inner() > 4_000, "the zone database has its clock changes");
    assert!(moments.into_inner() > 50_000);
}

/// A day that doesn't exist, across the date line, and a change of half an hour.
#[test]
fn unusual_changes() {
    let apia = timing("30 12 * * *", chrono_tz::Pacific::Apia, Gap::NextValid, Fold::First);
    let days: Vec<String> = std::iter::successors(apia.next_after(at("2011-12-29T00:00:00Z")), |m| apia.next_after(m.at))
        .take(3)
        .map(|m| format!("{} {}", m.at.to_rfc3339(), m.note(apia.zone)))
        .collect();
    assert_eq!(
        days,
        [
            "2011-12-29T22:30:00+00:00 ",
            "2011-12-30T10:00:00+00:00 12:30 does not exist on this day: 00:00",
            "2011-12-30T22:30:00+00:00 "
        ]
    );
    let lord_howe = timing("45 1 * * *", chrono_tz::Australia::Lord_Howe, Gap::NextValid, Fold::Both);
    let twice: Vec<String> =
        std::iter::successors(lord_howe.next_after(at("2026-04-04T00:00:00Z")), |m| lord_howe.next_after(m.at))
            .take(2)
            .map(|m| format!("{} {}", m.at.to_rfc3339(), m.note(lord_howe.zone)))
            .collect();
    assert_eq!(twice, ["2026-04-04T14:45:00+00:00 first of two 01:45", "2026-04-04T15:15:00+00:00 second of two 01:45"]);
}
