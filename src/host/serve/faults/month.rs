//! A month of a school to which everything happens, from a seed. `BECKON_FAULT_SEEDS=7,8,9` lives through
//! others than the usual ones.

use super::house::{Death, House};
use super::{INVITE, TELL, at, schedule};
use crate::domain::time::Span;
use crate::sim::faults::{RetryAfterForm, Unavailable};
use crate::sim::lock;
use crate::sim::mailboxes::MailboxConduct;
use crate::sim::people::Habits;
use crate::sim::seed::Seed;
use crate::store::MomentState;

const USUAL_SEEDS: [u64; 1] = [1];

const DAYS: i64 = 30;

/// The mailboxes that may misbehave.
const MAILBOXES: [&str; 3] = ["ana@sunnyside.example", "ben@sunnyside.example", "chloe@sunnyside.example"];

#[test]
fn a_month_of_misfortunes_leaves_everything_in_order() {
    let chosen = std::env::var("BECKON_FAULT_SEEDS").ok();
    let seeds = match &chosen {
        Some(text) => text.split(',').map(|seed| seed.trim().parse().expect("seeds are numbers")).collect(),
        None => USUAL_SEEDS.to_vec(),
    };
    std::thread::scope(|scope| {
        for seed in seeds {
            scope.spawn(move || month(seed));
        }
    });
}

fn month(seed: u64) {
    let since = at("2026-12-01T09:25:00Z");
    let mut chance = Seed::named(seed, &["month"]);
    let settings = schedule("tell", "30 8,12,16 * * *", "missed = \"run-all\"\noverlap = \"queue\"")
        + &schedule("invite", "0 10 * * MON-FRI", "")
        + &schedule("often", "*/45 7-17 * * *", "missed = \"skip\"");
    let scripts = [("tell.rhai", TELL), ("invite.rhai", INVITE), ("often.rhai", "1")];
    let habits = Habits { accepts: 0.25, takes: (Span::minutes(5), Span::days(2)), ..Habits::default() };
    // Who looks once a minute has a test of their own, and makes this one long.
    let mut house = House::new(habits, &settings, &scripts, &["heartbeat", "watchman"]);
    if let Some(apple) = &mut house.test.site.config.apps_and_books {
        apple.every = Span::hours(2);
    }
    house.start();
    let end = since + Span::days(DAYS);
    // Nothing is due again before the clock has come there a second time.
    let mut latest = since;
    while house.now() < end {
        let quiet = chance.between((Span::minutes(20), Span::hours(20)));
        house.during(quiet);
        latest = latest.max(house.now());
        let what = misfortune(&mut house, &mut chance);
        latest = latest.max(house.now());
        // What a failing test prints: the seed, and what had happened until then.
        println!("seed {seed}, {}: {what}", house.now().format("%m-%d %H:%M"));
    }
    heal(&mut house);
    house.until(latest.max(house.now()) + Span::days(9));
    house.assert_whole(since, house.now());
    assert!(house.moments("tell", MomentState::Ran) > 20, "hardly anything ran");
    let told = house.moments("tell", MomentState::Ran);
    let arrived = lock(house.test.world()).mail.to("chloe@sunnyside.example").len();
    assert!(arrived + 20 > told, "{arrived} mails arrived, and {told} were sent beside invitations");
}

/// Something bad happens, and may last.
fn misfortune(house: &mut House, chance: &mut Seed) -> String {
    let lasts = chance.between((Span::minutes(1), Span::hours(9)));
    let mailbox = *chance.pick(&MAILBOXES).unwrap_or(&MAILBOXES[0]);
    let kind = chance.below(14);
    let polls = chance.below(30);
    match kind {
        0..=3 => {
            let death = match kind {
                0 => Death::Idle,
                1 => Death::Claiming,
                _ => Death::HandingOver { polls },
            };
            if kind == 2 {
                // Something is being handed over when it dies.
                house.test.invite("Grade 5", crate::domain::invite_plan::Choice::NotInvited);
            }
            house.die(death);
            // A service manager starts it again after seconds, a person after hours.
            let down = if chance.chance(0.6) { Span::seconds(5) } else { lasts };
            house.during(down);
            house.start();
            format!("killed ({death:?}), down for {down}")
        }
        4 => {
            house.asleep(lasts * 5);
            format!("asleep for {}", lasts * 5)
        }
        5 => {
            house.test.clock.set(house.now() - Span::hours(1));
            "the clock set back".to_owned()
        }
        6 => {
            let form = if chance.chance(0.5) { RetryAfterForm::Absent } else { RetryAfterForm::Seconds };
            // What Apple asks for is believed up to a day.
            let until = house.now() + lasts * 2;
            lock(house.test.world()).apple.faults.unavailable = Some(Unavailable { until, form });
            format!("Apple unavailable for {lasts}")
        }
        7 | 8 => {
            let mail = kind == 7;
            set_down(house, mail, true);
            house.during(lasts);
            set_down(house, mail, false);
            format!("{} down for {lasts}", if mail { "mail" } else { "MDM" })
        }
        9 => {
            lock(house.test.world()).mail.behave(mailbox, MailboxConduct::DropsAfterDot { times: 2 });
            format!("{mailbox} takes mails and drops the line")
        }
        10 => {
            lock(house.test.world()).mail.behave(mailbox, MailboxConduct::DropsInData { times: 3 });
            format!("{mailbox} drops the line in mails")
        }
        11 => {
            lock(house.test.world()).mail.behave(mailbox, MailboxConduct::Greylists { times: 4 });
            format!("{mailbox} greylists")
        }
        12 => {
            let mut world = lock(house.test.world());
            world.mdm.faults.drop_after_acting += 2;
            world.mdm.faults.double_reports += 2;
            world.mdm.faults.lose_reports += 1;
            world.apple.faults.drop_after_acting += 1;
            world.apple.faults.internal_errors += 3;
            "lines to Apple and MDM drop".to_owned()
        }
        _ => {
            let pages = i64::try_from(chance.below(12)).unwrap_or(0);
            house.site.store.leave_room(pages);
            house.during(lasts);
            house.site.store.leave_room(1_000_000);
            format!("the disk full but for {pages} pages, for {lasts}")
        }
    }
}

fn set_down(house: &House, mail: bool, down: bool) {
    let mut world = lock(house.test.world());
    if mail {
        world.mail.faults.down = down;
    } else {
        world.mdm.faults.down = down;
    }
}

fn heal(house: &mut House) {
    let mut world = lock(house.test.world());
    world.apple.faults.unavailable = None;
    world.apple.faults.internal_errors = 0;
    for mailbox in MAILBOXES {
        world.mail.behave(mailbox, MailboxConduct::Accepts);
    }
}
