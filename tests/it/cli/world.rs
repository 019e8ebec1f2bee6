//! The simulated world of a case: a small school that everybody knows by name, and its clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use beckon::channels::system_clock::SystemClock;
use beckon::domain::device::{Enrollment, Platform};
use beckon::domain::time::{Span, Timestamp};
use beckon::ports::Answer;
use beckon::ports::apps_and_books::Owner;
use beckon::ports::clock::Clock;
use beckon::sim::apple::{AppleConfig, Limits, UnitConfig};
use beckon::sim::devices::{DeviceConduct, SimDevice};
use beckon::sim::mdm::MdmConfig;
use beckon::sim::people::{Habits, Person};
use beckon::sim::school::content_token;
use beckon::sim::{World, WorldConfig};

/// Real time, which a case can make jump ahead.
#[derive(Default)]
pub struct JumpingClock {
    ahead_ms: AtomicI64,
}

impl JumpingClock {
    pub fn jump(&self, span: Span) {
        self.ahead_ms.fetch_add(span.num_milliseconds(), Ordering::Relaxed);
    }

    fn ahead(&self) -> Span {
        Span::milliseconds(self.ahead_ms.load(Ordering::Relaxed))
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.ahead()
    }

    fn wait_until(&self, until: Timestamp) -> Answer<'_, ()> {
        Box::pin(async move { SystemClock.wait_until(until - self.ahead()).await })
    }
}

/// The day on which the tokens of a case end.
pub fn token_ends() -> Timestamp {
    beckon::domain::content_token::parse_apple_date("2041-01-01T00:00:00+0000").expect("a date of Apple's form")
}

/// The content tokens of a case, by their file names: the site's own, another unit's, one that has
/// expired, one that Apple has never heard of.
pub fn tokens() -> [(&'static str, String); 4] {
    let long_ago = beckon::domain::content_token::parse_apple_date("2020-02-01T00:00:00+0000").expect("a date of Apple's form");
    [
        ("sunnyside.vpptoken", content_token(7, "Sunnyside School", token_ends())),
        ("hilltop.vpptoken", content_token(8, "Hilltop College", token_ends())),
        ("expired.vpptoken", content_token(9, "Sunnyside School", long_ago)),
        ("unknown.vpptoken", content_token(10, "Sunnyside School", token_ends())),
    ]
}

/// A world in which nobody does anything by themselves: people accept and devices come when a case says so.
pub fn world() -> World {
    let habits = Habits { accepts: 0.0, takes: (Span::minutes(5), Span::minutes(10)), strangers: true };
    let soon = (Span::milliseconds(20), Span::milliseconds(40));
    // Several processes ask Apple within one second here, each of which keeps the pace for itself.
    let limits = Limits { max_requests_per_second: 200, ..Limits::default() };
    let apple = AppleConfig { event_takes: soon, limits, ..AppleConfig::default() };
    let mdm = MdmConfig { device_takes: (Span::hours(1), Span::hours(1)), ..MdmConfig::default() };
    let mut world = World::new(WorldConfig { seed: 7, apple, mdm, habits });
    let [(_, own), (_, other), (_, expired), _] = tokens();
    let school = UnitConfig::school(own, token_ends());
    let again = UnitConfig::school(expired, token_ends());
    world.apple.add_unit(school.clone());
    world.apple.add_unit(again);
    world.apple.add_unit(UnitConfig {
        token: other,
        u_id: "3107000000000777".to_owned(),
        location: "Hilltop College".to_owned(),
        ..school
    });
    for (username, mail) in [("ana", true), ("ben", true), ("chloe", true), ("dirk", false), ("eva", false)] {
        let mail = mail.then(|| format!("{username}@sunnyside.example"));
        world.people.add(Person::new(username, mail.as_deref()));
    }
    for (serial, udid, user, mac) in
        [("F1ANA", "UDID-ANA", "ana", false), ("C1BEN", "UDID-BEN", "ben", true), ("F1EVA", "UDID-EVA", "eva", false)]
    {
        world.mdm.add_device(SimDevice {
            serial: serial.to_owned(),
            udid: udid.to_owned(),
            name: serial.to_owned(),
            platform: if mac { Platform::Macos } else { Platform::Ipados },
            os_version: "26.1".to_owned(),
            model: if mac { "MacBook Air" } else { "iPad" }.to_owned(),
            user: Some(user.to_owned()),
            enrollment: Enrollment::Device,
            user_channel: mac.then(|| "BEN-GUID".to_owned()),
            conduct: DeviceConduct::Obliging,
        });
    }
    for (token, topic) in app_tokens() {
        world.apns.register(&token, topic);
    }
    world
}

/// The push tokens in `school/app_tokens.csv`, of Ana's iPad and Eva's.
pub fn app_tokens() -> [(String, &'static str); 2] {
    [("a1".repeat(32), "example.sunnyside.planner"), ("e5".repeat(32), "example.sunnyside.planner")]
}

/// Another service that drives units.
pub fn rival() -> Owner {
    Owner { id: "rival-1".to_owned(), name: "Orchard MDM".to_owned(), metadata: "11.2".to_owned() }
}

/// The clock of a world, for its servers.
pub fn clock() -> Arc<JumpingClock> {
    Arc::new(JumpingClock::default())
}
