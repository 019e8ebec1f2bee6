use super::*;

#[test]
fn two_days_asleep_leave_a_row_for_every_moment() {
    let settings = schedule("once", "0 */4 * * *", "")
        + &schedule("all", "0 */4 * * *", "missed = \"run-all\"\nmax_late = \"9h\"")
        + &schedule("never", "0 */12 * * *", "missed = \"skip\"\nmax_late = \"3d\"");
    let mut desk = Desk::new(&settings, &[("once.rhai", "1"), ("all.rhai", "1"), ("never.rhai", "1")]);
    desk.until("2026-12-01T09:30:00Z");
    desk.test.clock.advance_to(at("2026-12-03T09:30:00Z"));
    desk.until("2026-12-03T09:31:00Z");
    let told = desk.told();
    let of = |name: &str| told.lines().filter(|l| l.starts_with(name)).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(of("once").len(), 12);
    assert_eq!(of("once")[11], "once 2026-12-03 08:00: ran late by 2 hours 30 minutes");
    insta::assert_snapshot!(of("all").split_off(9).join("\n"), @"
    all 2026-12-03 00:00: missed because it was 10 hours 30 minutes late, and max_late is 9 hours
    all 2026-12-03 04:00: ran late by 6 hours 30 minutes
    all 2026-12-03 08:00: ran late by 2 hours 30 minutes
    ");
    assert_eq!(of("never").len(), 4);
    assert!(of("never").iter().all(|line| line.ends_with("the schedule says missed = \"skip\"")));
    for name in ["once", "all", "never"] {
        desk.assert_every_moment_has_its_row(name, "2026-12-01T09:25:00Z", "2026-12-03T09:31:00Z");
    }
}

#[test]
fn a_clock_set_back_an_hour_makes_nothing_fire_twice() {
    let mut desk = Desk::new(&schedule("half", "*/30 * * * *", ""), &[("half.rhai", "1")]);
    desk.until("2026-12-01T11:01:00Z");
    let back = at("2026-12-01T10:01:00Z");
    assert_eq!(desk.step(back), Some(at("2026-12-01T11:30:00Z")), "an hour and a half later");
    desk.step(at("2026-12-01T11:00:30Z"));
    // The process starts again while the clock is behind.
    desk.restart("two");
    desk.step(back + Span::minutes(10));
    desk.settle();
    desk.step(at("2026-12-01T11:30:00Z"));
    desk.settle();
    insta::assert_snapshot!(desk.told(), @"
    half 2026-12-01 10:30: ran
    half 2026-12-01 11:00: ran
    half 2026-12-01 11:30: ran
    half 2026-12-01 12:00: ran
    the clock went back by 59 minutes 10 seconds; what has been due already is not due again
    the clock is 49 minutes behind the last moment that was accounted for; nothing is due until then
    half 2026-12-01 12:30: ran
    ");
    desk.assert_every_moment_has_its_row("half", "2026-12-01T09:25:00Z", "2026-12-01T11:30:00Z");
}

#[test]
fn a_clock_that_jumps_forward_is_an_outage() {
    let mut desk = Desk::new(&schedule("hourly", "0 * * * *", ""), &[("hourly.rhai", "1")]);
    desk.step(at("2026-12-01T09:25:00Z"));
    desk.step(at("2026-12-01T12:00:20Z"));
    desk.settle();
    insta::assert_snapshot!(desk.told(), @"
    hourly 2026-12-01 11:00: missed because the run of 2026-12-01 13:00 stands for it
    hourly 2026-12-01 12:00: missed because the run of 2026-12-01 13:00 stands for it
    hourly 2026-12-01 13:00: ran
    ");
}

#[test]
fn a_year_of_seconds_is_summed_up() {
    let mut desk = Desk::new(&schedule("often", "* * * * * *", ""), &[("often.rhai", "1")]);
    desk.step(at("2026-12-01T09:25:00Z"));
    desk.step(at("2027-12-01T09:25:00Z"));
    desk.settle();
    let rows = desk.site.store.moments("often", (from_millis(0), at("2100-01-01T00:00:00Z")), u32::MAX).unwrap();
    assert!((1_000..=10_002).contains(&rows.len()), "{}", rows.len());
    assert!(rows[0].number > 10_000 && rows[0].until.is_some());
    let told = desk.told();
    assert!(told.lines().next().unwrap().starts_with("often 2026-12-01 10:25 to 2027-12-01 "), "{told:.300}");
    assert!(told.contains(" more than 100000 moments missed because"), "{told:.300}");
    assert!(rows.iter().any(|row| row.state == crate::store::MomentState::Ran));
}

#[test]
fn ten_thousand_schedules_are_caught_up_with_in_turn() {
    let settings: String = (0..10_000).map(|n| schedule(&format!("s{n}"), "0 * * * *", "missed = \"skip\"")).collect();
    let on_time = schedule("punctual", "25 10 * * *", "");
    let mut desk = Desk::new(&(settings + &on_time), &[("punctual.rhai", "1")]);
    desk.step(at("2026-12-01T09:25:10Z"));
    let now = at("2026-12-02T09:25:00Z");
    // What is due right now doesn't wait for a day of everything else.
    assert!(desk.step(now).is_some_and(|wake| wake <= now));
    desk.settle();
    assert_eq!(desk.told().lines().filter(|l| *l == "punctual 2026-12-02 10:25: ran").count(), 1);
    let mut steps = 0;
    while desk.step(now).is_some_and(|wake| wake <= now) {
        steps += 1;
    }
    assert_eq!(steps, 48);
    for name in ["s0", "s5000", "s9999"] {
        let rows = desk.site.store.moments(name, (from_millis(0), now), u32::MAX).unwrap();
        assert_eq!(rows.iter().map(|row| row.number).sum::<u32>(), 24, "{name}");
        assert_eq!(rows.len(), 21);
    }
}
