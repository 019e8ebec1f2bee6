use super::*;

#[test]
fn a_moment_runs_at_its_time_and_its_mail_is_in_the_outbox() {
    let mut desk = Desk::new(&schedule("daily", "30 10 * * *", ""), &[("daily.rhai", MAILS)]);
    let steps = desk.until("2026-12-03T12:00:00Z");
    insta::assert_snapshot!(desk.told(), @"
    daily 2026-12-01 10:30: ran
    daily 2026-12-02 10:30: ran
    daily 2026-12-03 10:30: ran
    ");
    assert_eq!(desk.site.store.outbox_figures(desk.test.clock.now()).unwrap().waiting, 3);
    assert!(steps < 12, "{steps} steps for three moments");
    desk.assert_every_moment_has_its_row("daily", "2026-12-01T09:25:00Z", "2026-12-03T12:00:00Z");
}

#[test]
fn nothing_is_early_and_nothing_wakes_without_need() {
    let mut desk = Desk::new(&schedule("daily", "30 10 * * *", ""), &[("daily.rhai", MAILS)]);
    let due = at("2026-12-01T09:30:00Z");
    assert_eq!(desk.step(at("2026-12-01T09:25:00Z")), Some(due));
    assert_eq!(desk.step(due - Span::milliseconds(1)), Some(due));
    desk.settle();
    assert_eq!(desk.told(), "");
    desk.step(due);
    desk.settle();
    assert_eq!(desk.told(), "daily 2026-12-01 10:30: ran");
    assert_eq!(desk.step(due + Span::seconds(20)), Some(due + Span::days(1)));
    let mut empty = Desk::new("", &[]);
    assert_eq!(empty.step(due), None);
}

#[test]
fn a_failing_script_changes_nothing_and_says_so() {
    let scripts = [(
        "daily.rhai",
        "notify.mail(users.find(\"ana\"), \"message\", #{ subject: \"a\", text: \"b\" }); users.find(\"nobody\").mail;",
    )];
    let mut desk = Desk::new(&schedule("daily", "30 10 * * *", ""), &scripts);
    desk.until("2026-12-01T10:00:00Z");
    assert!(
        desk.told()
            .starts_with("daily 2026-12-01 10:30: failed, nothing was changed: scripts/daily.rhai:1:85: no user is called"),
        "{}",
        desk.told()
    );
    assert_eq!(desk.site.store.outbox_figures(desk.test.clock.now()).unwrap().waiting, 0);

    let mut gone = Desk::new(&schedule("daily", "30 10 * * *", "params = { grop = \"Grade 5\" }"), &[]);
    gone.until("2026-12-01T10:00:00Z");
    assert_eq!(gone.told(), "daily 2026-12-01 10:30: failed, nothing was changed: there is no script scripts/daily.rhai");

    let asks = [("daily.rhai", "run.param(\"group\", \"Chess\", #{});")];
    let mut slip = Desk::new(&schedule("daily", "30 10 * * *", "params = { grop = \"Grade 5\" }"), &asks);
    slip.until("2026-12-01T10:00:00Z");
    assert!(slip.told().contains("the script has no parameter \"grop\"; did you mean \"group\"?"), "{}", slip.told());
}

#[test]
fn over_a_limit_a_run_is_held() {
    let settings =
        format!("[limits]\ninvitations_per_run = 1\n{}", schedule("invite", "30 10 * * *", "params = { group = \"Grade 5\" }"));
    let script =
        "groups[\"Grade 5\"].enable_distribution(); invite.plan(groups[run.param(\"group\", #{})], \"not-invited\").send();";
    let mut desk = Desk::new(&settings, &[("invite.rhai", script)]);
    desk.until("2026-12-01T10:00:00Z");
    assert_eq!(desk.told(), "invite 2026-12-01 10:30: held: over a limit");
}

#[test]
fn a_clock_change_moves_and_doubles_moments_as_the_schedule_says() {
    let both = schedule("both", "30 2 * * *", "fold = \"both\"");
    let first = schedule("first", "30 2 * * *", "gap = \"skip\"");
    let mut desk = Desk::new(&(both + &first), &[("both.rhai", "1"), ("first.rhai", "1")]);
    desk.test.clock.advance_to(at("2027-03-27T12:00:00Z"));
    desk.until("2027-03-28T12:00:00Z");
    assert_eq!(desk.told(), "both 2027-03-28 03:00: ran");
    desk.test.clock.advance_to(at("2027-10-30T12:00:00Z"));
    desk.restart("two");
    let before = desk.told().lines().count();
    desk.until("2027-10-31T12:00:00Z");
    let told = desk.told();
    let mut after: Vec<&str> = told.lines().skip(before).filter(|line| line.ends_with(": ran")).collect();
    assert_eq!(after.pop(), Some("both 2027-10-31 02:30: ran"), "the second 02:30 is one schedule's alone");
    // At the first one both run, side by side.
    after.sort_unstable();
    assert_eq!(after, ["both 2027-10-31 02:30: ran", "first 2027-10-31 02:30: ran"]);
}

#[test]
fn a_run_that_still_goes_on_is_not_doubled() {
    let settings = schedule("slow", "* * * * *", "") + &schedule("patient", "* * * * *", "overlap = \"queue\"");
    let mut desk = Desk::new(&settings, &[("slow.rhai", "1"), ("patient.rhai", "1")]);
    desk.step(at("2026-12-01T09:25:00Z"));
    // Another process has both and is busy.
    let other = desk.site.store.schedule_states(["slow", "patient"]).unwrap();
    for (name, seen) in ["slow", "patient"].iter().zip(&other) {
        let due = at("2026-12-01T09:26:00Z");
        let all = [crate::store::Accounting {
            name,
            zone: chrono_tz::UTC,
            seen: seen.as_ref().unwrap(),
            until: due,
            older: None,
            moments: vec![(due, crate::domain::schedule::verdict::Verdict::Run { queue: true })],
        }];
        desk.site.store.account_for_moments(&all, ("other", due + Span::hours(1)), due).unwrap();
    }
    desk.step(at("2026-12-01T09:27:00Z"));
    desk.settle();
    insta::assert_snapshot!(desk.told(), @"
    slow 2026-12-01 10:27: skipped because the run of 2026-12-01 10:26 still went on
    ");
    // The patient one waits until the other has ended, whoever runs it.
    let soon = at("2026-12-01T09:27:10Z");
    assert_eq!(desk.step(at("2026-12-01T09:27:01Z")), Some(soon));
    desk.settle();
    let claim = Claim { schedule: "patient".into(), at: at("2026-12-01T09:26:00Z"), owner: "other".into(), zone: chrono_tz::UTC };
    assert!(desk.site.store.end_moment(&claim, MomentEnd::Failed, "a test", soon).unwrap());
    desk.step(soon);
    desk.settle();
    assert_eq!(desk.told().lines().last(), Some("patient 2026-12-01 10:27: ran"));
}

#[test]
fn paused_means_skipped_and_said() {
    let mut desk = Desk::new(&schedule("hourly", "0 * * * *", ""), &[("hourly.rhai", "1")]);
    desk.until("2026-12-01T10:10:00Z");
    assert!(desk.site.store.pause_schedule("hourly", "kim", at("2026-12-01T10:10:00Z")).unwrap());
    assert!(!desk.site.store.pause_schedule("hourly", "lee", at("2026-12-01T10:11:00Z")).unwrap());
    desk.until("2026-12-01T12:10:00Z");
    assert!(desk.site.store.resume_schedule("hourly", "lee", at("2026-12-01T12:10:00Z")).unwrap());
    desk.until("2026-12-01T13:10:00Z");
    insta::assert_snapshot!(desk.told(), @"
    hourly 2026-12-01 11:00: ran
    hourly: paused by kim
    hourly 2026-12-01 12:00: skipped because paused by kim since 2026-12-01 11:10
    hourly 2026-12-01 13:00: skipped because paused by kim since 2026-12-01 11:10
    hourly: resumed by lee
    hourly 2026-12-01 14:00: ran
    ");
}

#[test]
fn a_changed_site_takes_effect_and_a_changed_expression_has_no_past() {
    let scripts = [("a.rhai", "1"), ("b.rhai", "1")];
    let mut desk = Desk::new(&schedule("a", "0 * * * *", ""), &scripts);
    desk.until("2026-12-01T10:10:00Z");
    desk.change(&(schedule("a", "*/30 * * * *", "") + &schedule("b", "5 11 * * *", "")));
    desk.until("2026-12-01T10:40:00Z");
    desk.change(&schedule("a", "*/30 * * * *", ""));
    desk.until("2026-12-01T11:10:00Z");
    desk.change(&(schedule("a", "*/30 * * * *", "") + &schedule("b", "15 12 * * *", "")));
    desk.until("2026-12-01T11:20:00Z");
    insta::assert_snapshot!(desk.told(), @"
    a 2026-12-01 11:00: ran
    a: its times have changed; its moments count from now on
    a 2026-12-01 11:30: ran
    b: no longer in site.toml
    a 2026-12-01 12:00: ran
    b: its times have changed; its moments count from now on
    b 2026-12-01 12:15: ran
    ");
}

#[test]
fn a_script_that_never_ends_is_ended_and_stops_nobody() {
    let settings = "[limits]\nscript = { operations = 200_000 }\n".to_owned()
        + &schedule("endless", "30 10 * * *", "")
        + &schedule("quick", "30 10 * * *", "");
    let mut desk = Desk::new(&settings, &[("endless.rhai", "loop {}"), ("quick.rhai", "1")]);
    desk.until("2026-12-01T10:00:00Z");
    let told = desk.told();
    assert!(told.contains("quick 2026-12-01 10:30: ran"), "{told}");
    assert!(told.contains("endless 2026-12-01 10:30: failed, nothing was changed"), "{told}");
}

#[test]
fn scripts_see_the_schedules() {
    let settings = schedule("a", "0 8 * * MON", "") + &schedule("show", "30 10 * * *", "");
    let script = "print(schedule.list()); print(schedule.next(\"a\", 2));";
    let mut desk = Desk::new(&settings, &[("show.rhai", script)]);
    desk.step(at("2026-12-01T09:25:00Z"));
    desk.site.store.pause_schedule("a", "kim", at("2026-12-01T09:26:00Z")).unwrap();
    let host = ScriptHost::new();
    let said = Arc::new(std::sync::Mutex::new(String::new()));
    let keep = Arc::clone(&said);
    let request = crate::host::run::RunRequest {
        source: crate::script::ScriptSource { name: "show".to_owned(), text: script.to_owned(), folder: None, held: None },
        trigger: "test".to_owned(),
        actor: "test".to_owned(),
        params: Arc::new(ScheduleParams::of(&std::collections::BTreeMap::new())),
        dry_run: true,
        last: crate::script::LastValue::Printed,
        print: Arc::new(move |line| keep.lock().unwrap().push_str(&format!("{line}\n"))),
        cancel: Arc::default(),
        debugger: None,
    };
    crate::host::run::evaluate(&desk.site, &host, request, &desk.test.ports.clock).unwrap();
    insta::assert_snapshot!(said.lock().unwrap(), @"
    [a: a.rhai at 0 8 * * MON (Europe/Amsterdam), paused, show: show.rhai at 30 10 * * * (Europe/Amsterdam)]
    [2026-12-07 08:00, 2026-12-14 08:00]
    ");
}
