use super::super::verdict::{Backlog, Pause, SINGLE_MAX, Verdict};
use super::super::{Missed, Overlap, Schedule};
use super::*;
use crate::domain::time::Span;

fn schedule(cron: &str, missed: Missed) -> Schedule {
    Schedule {
        name: "weekly".to_owned(),
        script: "weekly.rhai".to_owned(),
        timing: timing(cron, chrono_tz::UTC, Gap::NextValid, Fold::First),
        missed,
        max_late: Span::hours(6),
        overlap: Overlap::Skip,
        params: std::collections::BTreeMap::new(),
    }
}

fn told(schedule: &Schedule, from: &str, now: &str, pause: Option<&Pause>) -> String {
    let now = at(now);
    let backlog = Backlog::of(schedule, at(from), now, SINGLE_MAX);
    let one = |(at, verdict): &(Timestamp, Verdict)| {
        let what = match verdict {
            Verdict::Run { queue } => if *queue { "run in turn" } else { "run" }.to_owned(),
            Verdict::Missed(why) => format!("missed: {why}"),
            Verdict::Skipped(why) => format!("skipped: {why}"),
        };
        format!("{} {what}", at.format("%d %H:%M"))
    };
    backlog.verdicts(schedule, now, pause).iter().map(one).collect::<Vec<_>>().join("\n")
}

#[test]
fn at_its_time_a_moment_is_run() {
    for missed in [Missed::Skip, Missed::RunOnce, Missed::RunAll] {
        assert_eq!(told(&schedule("0 8 * * *", missed), "2026-01-01T00:00:00Z", "2026-01-01T08:00:59Z", None), "01 08:00 run");
    }
}

#[test]
fn after_an_outage_the_rules_decide() {
    let (from, now) = ("2026-01-01T00:30:00Z", "2026-01-01T10:20:00Z");
    let hours = |missed| told(&schedule("0 */2 * * *", missed), from, now, None);
    insta::assert_snapshot!(hours(Missed::Skip), @r#"
    01 02:00 missed: it was 8 hours 20 minutes late, and max_late is 6 hours
    01 04:00 missed: it was 6 hours 20 minutes late, and max_late is 6 hours
    01 06:00 missed: it was 4 hours 20 minutes late, and the schedule says missed = "skip"
    01 08:00 missed: it was 2 hours 20 minutes late, and the schedule says missed = "skip"
    01 10:00 missed: it was 20 minutes late, and the schedule says missed = "skip"
    "#);
    insta::assert_snapshot!(hours(Missed::RunOnce), @"
    01 02:00 missed: it was 8 hours 20 minutes late, and max_late is 6 hours
    01 04:00 missed: it was 6 hours 20 minutes late, and max_late is 6 hours
    01 06:00 missed: the run of 2026-01-01 10:00 stands for it
    01 08:00 missed: the run of 2026-01-01 10:00 stands for it
    01 10:00 run in turn
    ");
    insta::assert_snapshot!(hours(Missed::RunAll), @"
    01 02:00 missed: it was 8 hours 20 minutes late, and max_late is 6 hours
    01 04:00 missed: it was 6 hours 20 minutes late, and max_late is 6 hours
    01 06:00 run in turn
    01 08:00 run in turn
    01 10:00 run in turn
    ");
    let pause = Pause { by: "kim".to_owned(), since: at("2025-12-31T09:00:00Z") };
    assert!(
        told(&schedule("0 */2 * * *", Missed::RunAll), from, now, Some(&pause))
            .lines()
            .all(|line| line.ends_with("skipped: paused by kim since 2025-12-31 09:00"))
    );
}

#[test]
fn an_absurd_outage_is_summed_up() {
    let every_minute = schedule("* * * * *", Missed::RunOnce);
    let now = at("2026-01-31T00:00:30Z");
    let month = Backlog::of(&every_minute, at("2026-01-01T00:00:00Z"), now, SINGLE_MAX);
    let older = month.older.unwrap();
    assert_eq!((older.number + month.single.len(), older.and_more), (30 * 1_440, false));
    assert_eq!((month.single.len(), month.last()), (SINGLE_MAX, Some(at("2026-01-31T00:00:00Z"))));
    assert_eq!(older.last + Span::minutes(1), month.single[0]);

    let every_second = schedule("* * * * * *", Missed::RunOnce);
    let years = Backlog::of(&every_second, at("2020-01-01T00:00:00Z"), now, 1_000);
    let older = years.older.unwrap();
    assert!(older.and_more && (100..=1_000).contains(&years.single.len()));
    assert_eq!(years.last(), Some(now));
}
