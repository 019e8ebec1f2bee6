//! What scripts can say, and what they get.

use crate::script::testing::trial;

fn check(script: &str, expect: &str) {
    assert_eq!(trial(script).output(), expect, "{script}");
}

#[test]
fn globals_are_visible_everywhere() {
    check("users.count()", "5");
    check("fn n() { users.count() } n()", "5");
    check("let f = |x| users.count() + x; f.call(1)", "6");
    check("fn f() { let g = |x| { let h = |y| users.count() + y; h.call(x) }; g.call(1) } f()", "6");
    check("users.where(|u| u in groups[\"Grade 5\"].members).count()", "4");
    check("users.where(|u| u.last_contact < now() - days(site.setting(\"days\"))).count()", "2");
}

#[test]
fn a_variable_of_a_globals_name_is_the_scripts_own() {
    check("let users = 5; let f = |x| x + users; f.call(1)", "6");
    check("fn f(users) { let g = |x| x + users; g.call(1) } f(3)", "4");
}

#[test]
fn users_groups_and_devices_are_found() {
    check("users.find(\"ana\").full_name", "Ana Ruiz");
    check("devices.find(\"C02BEN\").user.username", "ben");
    check("groups[\"Grade 5\"].members.find(\"ben\").mail", "ben@sunnyside.example");
    check("groups.names()", "[\"Grade 5\", \"Staff\", \"Choir\", \"Grade 6\"]");
    check(
        "`${\"ana\" in users} ${\"zoe\" in users} ${\"Staff\" in groups} ${users.find(\"ana\") in groups[\"Staff\"].members}`",
        "true false true false",
    );
    check(
        "let e = users.find(\"eva\"); `${e.department} ${e.language} ${e.timezone == ()} ${e.groups} ${e.devices.len()}`",
        "Music de true [\"Staff\"] 1",
    );
    check("users.find(\"ana\").attributes[\"house\"]", "red");
    check("`${users.find(\"ben\").attributes[\"house\"]}|${\"house\" in users.find(\"ana\").attributes}`", "|true");
}

#[test]
fn info_cards_are_printed() {
    insta::assert_snapshot!(trial("users.find(\"ana\")").output(), @r#"
    Ana Ruiz (ana)
      mail          ana@sunnyside.example
      groups        Grade 5, Choir
      devices       Ana's iPad (iPad)
      status        enrolled since 2026-11-12 08:00, invited 2026-11-11 08:00
      last contact  2026-11-11 08:00
      distribution  enabled through a group
    "#);
    insta::assert_snapshot!(trial("groups[\"Grade 5\"]").output(), @r#"
    Grade 5
      managed distribution enabled
      4 users, 3 devices
      [##########==========--------------------]
      # 1 enrolled (25 %), = 1 invited (25 %), - 2 not invited (50 %)
    "#);
    insta::assert_snapshot!(trial("devices.find(\"C02EVA\")").output(), @r#"
    Eva's Mac (C02EVA)
      platform     Mac, 26.1
      user         Eva Maier (eva)
      MDM          device
      last seen    2026-12-01 07:00
      invitation   can't be shown on it: a Mac needs its user channel, and nobody has logged in to MDM on it yet
    "#);
}

#[test]
fn selections_are_composed() {
    check("(groups[\"Grade 5\"].members + groups[\"Staff\"].members).count()", "5");
    check("(users - groups[\"Staff\"].members).count()", "4");
    check("(groups[\"Choir\"].members & groups[\"Grade 5\"].members).pluck(\"username\")", "[\"ana\"]");
    check("users.order_by(\"full_name\", \"desc\").limit(2).pluck(\"username\")", "[\"eva\", \"dev\"]");
    check("users.where(|u| u.reminders > 0).order_by(\"username\").first().username", "ben");
    check(
        "users.where(|u| u.username > \"b\").order_by(\"username\", \"desc\").limit(2).pluck(\"username\")",
        "[\"eva\", \"dev\"]",
    );
    check("users.limit(3).where(|u| u.username != \"ana\").pluck(\"username\")", "[\"ben\", \"chloe\"]");
    check("users.where(|u| u.username != \"ana\").limit(2).where(|u| u.username != \"ben\").pluck(\"username\")", "[\"chloe\"]");
    check("users.sample(2, 7).count()", "2");
    check("`${users.sample(2, 7).pluck(\"username\") == users.sample(2, 7).pluck(\"username\")}`", "true");
    check("users.where(|u| false).first()", "");
    check("`${users.is_empty()} ${users.where(|u| false).is_empty()}`", "false true");
    check(
        "`${users.some(|u| u.enrolled)} ${users.all(|u| u.enabled)} ${users.where(|u| false).all(|u| false)}`",
        "true true true",
    );
    check("users.limit(2).map(|u| u.full_name)", "[\"Ana Ruiz\", \"Ben Ito\"]");
    check("devices.in_group(\"Grade 5\").where(|d| d.platform == \"ipados\").count()", "3");
    check("devices.in_group(groups[\"Staff\"]).pluck(\"name\")", "[\"Eva's Mac\"]");
    check("let n = 0; for u in users.where(|u| u.mail != ()) { n += 1; } n", "4");
    check("let s = \"\"; for g in groups { s += g.name[0]; } s", "GSCG");
    check("users.where(|u| u.invited)", "2 users: Ana Ruiz (ana), Ben Ito (ben)");
}

#[test]
fn absent_fields_compare_as_nothing() {
    check("users.where(|u| u.invited_at < now()).count()", "2");
    check("users.where(|u| u.invited_at == ()).count()", "3");
    check("users.where(|u| u.invited_at != ()).count()", "2");
    check("users.where(|u| u.department == \"Music\").count()", "1");
    check("users.where(|u| u.department != \"Music\").count()", "4");
}

#[test]
fn what_a_closure_captured_is_what_it_was_then() {
    check("let n = 0; let s = users.where(|u| u.reminders > n); n = 5; s.count()", "1");
}

#[test]
fn rules_are_groups() {
    let rule = "groups.rule(\"late\", |u| u.invited && !u.enrolled); ";
    check(&format!("{rule}groups[\"late\"].members.pluck(\"username\")"), "[\"ben\"]");
    check(&format!("{rule}groups.names().len()"), "5");
    check(&format!("{rule}users.find(\"ben\").in_group(\"late\")"), "true");
    check(&format!("{rule}users.in_group(\"late\").count()"), "1");
    insta::assert_snapshot!(trial(&format!("{rule}groups[\"late\"]")).output(), @r#"
    late
      a rule of this run
      1 user, 1 device
      [========================================]
      # 0 enrolled (0 %), = 1 invited (100 %), - 0 not invited (0 %)
    "#);
}

#[test]
fn time_has_one_now_and_the_sites_zone() {
    check("now()", "2026-12-01 08:00");
    check("today()", "2026-12-01 00:00");
    check("`${now().weekday} ${now().year} ${now().month} ${now().day} ${now().hour} ${now().minute}`", "tuesday 2026 12 1 8 0");
    check("now() - days(7)", "2026-11-24 08:00");
    check("(now() - date(\"2026-11-01\")).days", "30");
    check("days(3) + hours(2)", "3 days 2 hours");
    check("hours(-2)", "-2 hours");
    check("days(7) * 2 == weeks(2)", "true");
    check("at(\"2026-12-01 08:00\") == now()", "true");
    check("at(\"2026-12-01T07:00:00Z\") == now()", "true");
    check("now().format(\"%d.%m.%Y\")", "01.12.2026");
    check("now() > today() && now() <= now()", "true");
    // The clock goes forward: 02:30 does not exist; it goes back: 02:30 is the first of two.
    check("at(\"2026-03-29 02:30\")", "2026-03-29 03:00");
    check("(at(\"2026-10-25 03:00\") - at(\"2026-10-25 02:30\")).minutes", "90");
    check("(date(\"2026-03-30\") - date(\"2026-03-29\")).hours", "23");
}

#[test]
fn the_site_and_the_run_are_known() {
    check(
        "`${site.name}|${site.timezone}|${site.language}|${site.contact}`",
        "Sunnyside School|Europe/Amsterdam|nl|it@sunnyside.example",
    );
    check(
        "`${site.setting(\"helpdesk\")} ${site.setting(\"days\") + 1} ${site.setting(\"none\", [1])}`",
        "https://help.sunnyside.example 4 [1]",
    );
    check("site.limits.invitations_per_run", "500");
    let names = "canary, growth, held_for, invitations_per_day, invitations_per_run, messages_per_person, messages_per_run, \
                 quiet_hours, reminder_gap, share_of_roster, share_of_roster_per_day";
    check(
        "let names = site.limits.keys(); names.sort(); names.reduce(|all, name| if all == () { name } else { `${all}, ${name}` })",
        names,
    );
    check(
        "`${site.limits.held_for > days(6)} ${site.limits.canary == ()} ${site.limits.messages_per_person.per_day == ()}`",
        "true true true",
    );
    let set = trial("`${site.limits.quiet_hours} ${site.limits.canary.people} ${site.limits.messages_per_person.per_week}`")
        .with(|input| {
            let site = std::sync::Arc::get_mut(&mut input.site).unwrap();
            site.limits.quiet_hours = crate::domain::limits::QuietHours::parse("20:00-07:30");
            site.limits.canary = Some(crate::domain::canary::Canary::default());
            site.limits.messages_per_person.per_week = Some(3);
        });
    assert_eq!(set.output(), "20:00-07:30 10 3");
    check("`${run.trigger} ${run.dry_run}`", "runbook false");
    check("schedule.next(\"weekly-reminder\", 2)", "[2026-12-07 08:00, 2026-12-14 08:00]");
    check("schedule.list()", "[weekly-reminder: weekly-reminder.rhai at 0 8 * * MON (Europe/Amsterdam)]");
    let logged = trial("run.log(\"one\"); run.log(\"two\");").run().unwrap();
    assert_eq!(logged.logs, ["one", "two"]);
    assert_eq!(logged.value, None);
}

#[test]
fn errors_can_be_caught_by_their_code() {
    check("let c = \"\"; try { users.find(\"zoe\") } catch (e) { c = e.code; } c", "unknown_user");
    check("let c = \"\"; try { throw #{ code: \"mine\", message: \"x\" } } catch (e) { c = e.code; } c", "mine");
}

#[test]
fn the_last_value_and_prints_come_out() {
    assert_eq!(trial("print(1); print(\"two\"); debug(3); \"end\"").output(), "1\ntwo\nscripts/test.rhai:1: 3\nend");
    check("exit(5); 6", "5");
    let steers = "print(\"a\\x1b[2J\\u202eb\\ra\\tb\\r\\nc\")";
    assert_eq!(trial(steers).output(), "a\u{fffd}[2J\u{fffd}b\u{fffd}a\tb\r\nc", "no terminal is steered by a name");
}

#[test]
fn a_run_leaves_nothing_behind() {
    // A rule holds its selection, the selection its run, and the run the rule.
    let counted = std::sync::Arc::new(());
    let inside = counted.clone();
    let stop = std::sync::Arc::new(move || {
        let _ = &inside;
        None
    });
    let run =
        trial("groups.rule(\"late\", |u| u.invited); let f = |x| users.count() + x; users.where(|u| f.call(1) > 0).count()");
    run.with(|input| input.turn.stop = stop).run().unwrap();
    assert_eq!(std::sync::Arc::strong_count(&counted), 1);
}
