//! One misfortune at a time.

use super::house::{Death, House};
use super::{INVITE, TELL, at, schedule};
use crate::domain::alert::AlertKind;
use crate::domain::delivery::{Channel, DeliveryState};
use crate::domain::time::Span;
use crate::sim::faults::{RetryAfterForm, Unavailable};
use crate::sim::lock;
use crate::sim::people::Habits;
use crate::store::MomentState;

fn nobody_accepts() -> Habits {
    Habits { accepts: 0.0, ..Habits::default() }
}

/// Something every hour, invitations with reminders each morning, and three of everything that may queue.
fn school(settings: &str) -> House {
    let settings = format!(
        "{settings}{}{}{}",
        schedule("tell", "0 * * * *", "missed = \"run-all\"\nmax_late = \"30h\""),
        schedule("invite", "30 10 * * *", ""),
        schedule("often", "*/10 * * * *", "missed = \"skip\""),
    );
    House::new(nobody_accepts(), &settings, &[("tell.rhai", TELL), ("invite.rhai", INVITE), ("often.rhai", "1")], &[])
}

fn says(house: &House, words: &str) -> bool {
    house.site.store.journal_words(20_000).unwrap().iter().any(|line| line.contains(words))
}

#[test]
fn two_days_asleep_cost_nobody_anything_and_are_written_down() {
    let since = at("2026-12-01T09:25:00Z");
    let mut house = school("");
    house.until(at("2026-12-01T12:10:00Z"));
    house.asleep(Span::days(2));
    house.during(Span::hours(30));
    house.assert_whole(since, house.now());
    assert!(says(&house, "nothing could run from 2026-12-01 13:10 to 2026-12-03 13:10"));
    // What was due last week is missed, what may be late ran late, and a reminder came once.
    assert!(house.moments("tell", MomentState::Missed) > 10 && house.moments("tell", MomentState::Ran) > 40);
    assert!(house.moments("often", MomentState::Missed) > 280);
    let world = lock(house.test.world());
    let told = house.moments("tell", MomentState::Ran);
    assert_eq!(world.mail.to("chloe@sunnyside.example").len(), told + 3, "an invitation, two reminders, and what was told");
}

#[test]
fn a_clock_set_back_an_hour_repeats_nothing() {
    let since = at("2026-12-01T09:25:00Z");
    let mut house = school("");
    house.until(at("2026-12-01T12:10:00Z"));
    let before = lock(house.test.world()).mail.stored().len();
    house.test.clock.set(at("2026-12-01T11:10:00Z"));
    house.until(at("2026-12-01T12:09:00Z"));
    assert_eq!(lock(house.test.world()).mail.stored().len(), before, "an hour that comes twice");
    house.until(at("2026-12-01T15:10:00Z"));
    house.assert_whole(since, house.now());
    assert_eq!(house.moments("tell", MomentState::Ran), 6);
    assert!(says(&house, "the clock was set back by 1 hour") && says(&house, "the clock went back by 1 hour"));
}

/// Somebody starts it anew because the clock seemed wrong, while it is.
#[test]
fn a_process_that_starts_while_the_clock_is_behind_goes_on_where_the_one_before_was() {
    let since = at("2026-12-01T09:25:00Z");
    let mut house = school("");
    house.until(at("2026-12-01T12:00:00Z"));
    house.die(Death::Claiming);
    house.test.clock.set(at("2026-12-01T11:10:00Z"));
    house.start();
    house.until(at("2026-12-01T15:10:00Z"));
    house.assert_whole(since, house.now());
}

#[test]
fn a_day_without_apple_mail_and_mdm_delays_and_loses_nothing() {
    for form in [RetryAfterForm::Seconds, RetryAfterForm::Absent] {
        let since = at("2026-12-01T09:25:00Z");
        let mut house = school("");
        house.until(at("2026-12-01T09:29:00Z"));
        let end = at("2026-12-02T09:35:00Z");
        {
            let mut world = lock(house.test.world());
            world.apple.faults.unavailable = Some(Unavailable { until: end, form });
            (world.mail.faults.down, world.mdm.faults.down) = (true, true);
        }
        house.until(end);
        assert_eq!(lock(house.test.world()).mail.stored().len(), 0);
        let waiting = house.count(Channel::Mail, DeliveryState::Deferred) + house.count(Channel::Mail, DeliveryState::Pending);
        assert!(waiting >= 24, "{waiting} mails wait, with the reason beside them");
        {
            let mut world = lock(house.test.world());
            (world.mail.faults.down, world.mdm.faults.down) = (false, false);
        }
        house.during(Span::hours(40));
        house.assert_whole(since, house.now());
        assert_eq!(house.test.statuses(), "ana invited, ben invited, chloe invited, dirk none, eva invited");
        let told = house.moments("tell", MomentState::Ran);
        assert_eq!((told, house.count(Channel::Mdm, DeliveryState::Doubtful)), (64, 0), "{form:?}");
        let to_chloe = lock(house.test.world()).mail.to("chloe@sunnyside.example").len();
        // The invitation, and the reminder of the first day.
        assert!((told + 1..=told + 2).contains(&to_chloe), "{form:?}: {to_chloe} mails, {told} of them told");
    }
}

/// The disk is full again and again, each time with a little more room left, so that it is a different
/// write that fails; in between there is space.
#[test]
fn a_store_that_is_full_now_and_then_stops_what_it_has_to_and_goes_on_by_itself() {
    let since = at("2026-12-01T09:25:00Z");
    let settings = schedule("tell", "* * * * *", "overlap = \"queue\"") + &schedule("invite", "30 10 * * *", "");
    let mut house = House::new(nobody_accepts(), &settings, &[("tell.rhai", TELL), ("invite.rhai", INVITE)], &[]);
    let mut stuck = 0;
    for pages in 0..12 {
        house.site.store.leave_room(pages);
        house.during(Span::minutes(22));
        stuck += house.moments("tell", MomentState::Claimed);
        house.site.store.leave_room(100_000);
        house.during(Span::minutes(8));
    }
    house.during(Span::hours(1));
    let outbox = house.trouble.iter().any(|words| words.starts_with("outbox") && words.contains("the disk is full"));
    assert!(outbox && stuck > 0, "{stuck} runs could not be stored; {:?}", house.trouble);
    house.assert_whole(since, house.now());
    // Nobody died, and nothing was given up because of it; what far sides had answered was written down later.
    assert!(!says(&house, "beckon died"));
    assert_eq!(house.count(Channel::Mail, DeliveryState::Doubtful), 0);
    assert!(house.moments("tell", MomentState::Failed) == 0 && house.moments("tell", MomentState::Ran) > 200);
}

#[test]
fn ten_thousand_schedules_and_a_night_asleep_leave_a_row_for_every_moment() {
    let since = at("2026-12-01T09:25:00Z");
    let many: String = (0..10_000).map(|n| schedule(&format!("s{n}"), "0 */6 * * *", "missed = \"skip\"")).collect();
    let settings = many + &schedule("tell", "*/5 * * * *", "");
    // The watchman looks at each schedule once a minute, which is another test's matter.
    let mut house = House::new(nobody_accepts(), &settings, &[("tell.rhai", TELL)], &["watchman"]);
    house.during(Span::minutes(12));
    house.asleep(Span::hours(14));
    house.during(Span::minutes(7));
    house.assert_whole(since, house.now());
    assert_eq!(house.moments("s0", MomentState::Missed), 3);
    assert_eq!(house.moments("s9999", MomentState::Missed), 3);
}

#[test]
fn a_script_that_never_ends_fails_alone() {
    let since = at("2026-12-01T09:25:00Z");
    let settings = "[limits]\nscript = { operations = 100_000 }\n".to_owned()
        + &schedule("endless", "*/10 * * * *", "")
        + &schedule("tell", "*/10 * * * *", "");
    let scripts = [("endless.rhai", "loop {}"), ("tell.rhai", TELL)];
    let mut house = House::new(nobody_accepts(), &settings, &scripts, &[]);
    house.during(Span::hours(2));
    house.assert_whole(since, house.now());
    assert_eq!((house.moments("endless", MomentState::Failed), house.moments("endless", MomentState::Ran)), (12, 0));
    assert_eq!((house.moments("tell", MomentState::Ran), house.moments("tell", MomentState::Failed)), (12, 0));
    assert_eq!(lock(house.test.world()).mail.to("chloe@sunnyside.example").len(), 12);
}

/// What is held or fails every time is one alert a schedule.
#[test]
fn a_schedule_that_is_held_or_fails_again_and_again_is_one_alert() {
    let since = at("2026-12-01T09:25:00Z");
    let settings = "[limits]\ninvitations_per_run = 1\n".to_owned()
        + &["tell", "invite", "broken"].map(|name| schedule(name, "*/10 * * * *", "")).concat();
    let scripts = [("tell.rhai", TELL), ("invite.rhai", INVITE), ("broken.rhai", "users.find(\"nobody at all\").mail;")];
    let mut house = House::new(nobody_accepts(), &settings, &scripts, &[]);
    house.during(Span::hours(2));
    house.assert_whole(since, house.now());
    let open = house.site.store.open_alerts().unwrap();
    let told: Vec<_> = open.iter().map(|alert| (alert.kind, alert.subject.as_str())).collect();
    assert_eq!(told, [(AlertKind::RunHeld, "schedule invite"), (AlertKind::ScheduleFailed, "schedule broken")]);
    let held = house.site.store.held_runs().unwrap();
    assert_eq!((held.len(), held[0].number), (1, 12));
    assert!(open[0].words.contains(&format!("(12 runs, the newest is {})", held[0].newest)), "{}", open[0].words);
    // One query answers for each of them.
    let runs = house.site.store.past_runs(&["broken", "nobody", "tell"], 3).unwrap();
    assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [3, 0, 3]);
    assert!(runs[0].iter().all(|run| run.failed) && runs[2].iter().all(|run| run.reached_somebody && !run.failed));
    assert!(runs.iter().all(|runs| runs.is_sorted_by(|one, next| one.at > next.at)), "{runs:?}");
}
