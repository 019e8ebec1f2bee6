use chrono::{Datelike as _, NaiveDateTime};

use super::*;

fn local(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap()
}

/// The next times after Wednesday, 1 January 2025, 00:00.
fn next(expression: &str, count: usize) -> String {
    let cron = Cron::parse(expression).unwrap();
    let mut at = local("2025-01-01 00:00:00");
    let mut said = Vec::new();
    for _ in 0..count {
        let Some(next) = cron.next_after(at) else { break };
        said.push(next.format("%a %m-%d %H:%M:%S").to_string());
        at = next;
    }
    said.join(", ")
}

#[test]
fn five_fields_and_six() {
    assert_eq!(next("0 8 * * *", 2), "Wed 01-01 08:00:00, Thu 01-02 08:00:00");
    assert_eq!(next("*/30 0 8 * * *", 3), "Wed 01-01 08:00:00, Wed 01-01 08:00:30, Thu 01-02 08:00:00");
    assert_eq!(next("  5   8-9\t* * * ", 3), "Wed 01-01 08:05:00, Wed 01-01 09:05:00, Thu 01-02 08:05:00");
    assert_eq!(Cron::parse(" 5   8\t* * * ").unwrap().to_string(), "5 8 * * *");
}

#[test]
fn weekdays_are_those_of_crontab() {
    let sunday = "Sun 01-05 00:00:00, Sun 01-12 00:00:00";
    for day in ["0", "7", "SUN", "sun", "0,7"] {
        assert_eq!(next(&format!("0 0 * * {day}"), 2), sunday, "{day}");
    }
    assert_eq!(next("0 9 * * MON-FRI", 4), "Wed 01-01 09:00:00, Thu 01-02 09:00:00, Fri 01-03 09:00:00, Mon 01-06 09:00:00");
    assert_eq!(next("0 9 * * 5-7", 4), "Fri 01-03 09:00:00, Sat 01-04 09:00:00, Sun 01-05 09:00:00, Fri 01-10 09:00:00");
    assert_eq!(next("0 9 * * FRI-SUN", 4), next("0 9 * * 5-7", 4));
    assert_eq!(next("0 9 * * 1-5/2", 3), "Wed 01-01 09:00:00, Fri 01-03 09:00:00, Mon 01-06 09:00:00");
    assert_eq!(next("1 0 * * 0-7", 8), next("1 0 * * *", 8));
}

#[test]
fn either_day_field_is_enough_when_both_are_given() {
    assert_eq!(next("0 0 13 * FRI", 4), "Fri 01-03 00:00:00, Fri 01-10 00:00:00, Mon 01-13 00:00:00, Fri 01-17 00:00:00");
    // One that begins with a star restricts by itself, and then both have to hold.
    assert_eq!(next("0 0 */2 * MON", 3), "Mon 01-13 00:00:00, Mon 01-27 00:00:00, Mon 02-03 00:00:00");
    assert_eq!(next("0 0 30 FEB MON", 2), "Mon 02-03 00:00:00, Mon 02-10 00:00:00");
}

#[test]
fn months_and_long_waits() {
    assert_eq!(next("0 0 1 JAN,jul *", 2), "Tue 07-01 00:00:00, Thu 01-01 00:00:00");
    assert_eq!(next("0 0 29 2 *", 1), "Tue 02-29 00:00:00");
    assert_eq!(next("0 0 31 * *", 2), "Fri 01-31 00:00:00, Mon 03-31 00:00:00");
    assert_eq!(next("0 0 29 2 *", 100).split(", ").count(), 18, "until 2100, which is no leap year");
}

#[test]
fn errors_name_the_field_and_what_is_allowed() {
    let cases = [
        ("", "it has 0 fields"),
        ("@daily", "it has 1 fields"),
        ("0 8 * *", "it has 4 fields"),
        ("0 0 8 * * * 2026", "it has more than 6 fields"),
        ("60 8 * * *", "\"60\" can't stand for the minutes, which are 0 to 59, such as */15"),
        ("0 24 * * *", "\"24\" can't stand for the hours, which are 0 to 23, such as 8-17"),
        ("0 8 0 * *", "\"0\" can't stand for the days of the month, which are 1 to 31, such as 1,15"),
        ("0 8 * 13 *", "\"13\" can't stand for the months, which are 1 to 12 or JAN to DEC, such as SEP-DEC"),
        (
            "0 8 * * 8",
            "\"8\" can't stand for the days of the week, which are 0 to 7 (both Sunday) or SUN to SAT, such as MON-FRI",
        ),
        (
            "0 8 * * MO",
            "\"MO\" can't stand for the days of the week, which are 0 to 7 (both Sunday) or SUN to SAT, such as MON-FRI",
        ),
        ("0 8 ? * *", "\"?\" can't stand for the days of the month, which are 1 to 31, such as 1,15"),
        (
            "0 8 * * FRI-MON",
            "\"FRI-MON\" can't stand for the days of the week: the range goes backwards; write two, such as FRI-SAT,SUN-MON",
        ),
        ("0 17-8 * * *", "\"17-8\" can't stand for the hours: the range goes backwards; write two, such as 17-23,0-8"),
        ("5/15 * * * *", "\"5/15\" can't stand for the minutes: a step needs a range; write 5-59/…, or */… for all of them"),
        ("*/0 * * * *", "\"*/0\" can't stand for the minutes: a step is a number from 1 to 59"),
        ("*/60 * * * *", "\"*/60\" can't stand for the minutes: a step is a number from 1 to 59"),
        ("0 8 30 2 *", "that day never comes: none of the months in it has a day 30"),
        ("0 8 31 4,6,9,11 *", "that day never comes: none of the months in it has a day 31"),
        ("+5 8 * * *", "\"+5\" can't stand for the minutes, which are 0 to 59, such as */15"),
        ("1,,2 8 * * *", "\"1,,2\" can't stand for the minutes, which are 0 to 59, such as */15"),
    ];
    for (expression, expect) in cases {
        assert_eq!(Cron::parse(expression).unwrap_err(), expect, "{expression}");
    }
}

/// Where both mean the same, another implementation finds the same times.
#[test]
fn another_implementation_agrees_on_days_without_a_clock_change() {
    let expressions = [
        "*/7 * * * *",
        "0 0 1 * *",
        "15 3 29 2 *",
        "0 12 * * 1-5",
        "30 6 1,15 * FRI",
        "0 0 13 * 5",
        "59 23 31 12 *",
        "0 9-17/2 * JAN-MAR MON,WED",
        "1 2 3 4 *",
        "0 0 * * SUN",
        "*/20 8-18 10-20 */3 *",
    ];
    for expression in expressions {
        let theirs: croner::Cron = expression.parse().unwrap();
        let ours = Cron::parse(expression).unwrap();
        let (mut at, mut seen) = (local("2024-02-11 10:20:30"), 0);
        // The year 2100 is the last one that ours knows.
        while at.year() < 2090 && seen < 60 {
            seen += 1;
            let expect = theirs.find_next_occurrence(&at.and_utc(), false).unwrap().naive_utc();
            assert_eq!(ours.next_after(at), Some(expect), "{expression} after {at}");
            at = expect;
        }
    }
}
