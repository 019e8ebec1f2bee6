//! The world behind script tests: the simulated one, in-process, with people who do nothing unless a test says so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use beckon::domain::content_token::ContentToken;
use beckon::domain::device::Enrollment;
use beckon::domain::outcome::Handed;
use beckon::domain::time::{Span, Timestamp};
use beckon::host::Ports;
use beckon::host::trial::TestWorld;
use beckon::ports::Answer;
use beckon::ports::clock::Clock;
use beckon::ports::look::Looked;
use beckon::ports::mail::{Letter, Mail};
use beckon::ports::mdm::DeviceReport;
use beckon::script::trial::roster::{Roster, TestDevice};
use beckon::sim::apple::{CannotAccept, UnitConfig};
use beckon::sim::devices::{DeviceConduct, SimDevice};
use beckon::sim::mailboxes::MailboxConduct;
use beckon::sim::people::{Habits, Person, PersonConduct};
use beckon::sim::ports::SimMail;
use beckon::sim::school::content_token;
use beckon::sim::{Doors, VirtualClock, World, WorldConfig, bounces, lock};

/// The same for every test, so that what is golden stays so.
const SEED: u64 = 7;

/// Longer than any test looks ahead.
const TOKEN_LIFE: Span = Span::days(3_650);

struct SimulatedWorld {
    clock: Arc<VirtualClock>,
    doors: Doors,
    ports: Ports,
    letters: Arc<Letters>,
}

/// Makes a world for one test's site.
pub fn make(school: &str, now: Timestamp) -> Box<dyn TestWorld> {
    let clock = Arc::new(VirtualClock::new(now));
    let token = content_token(SEED, school, now + TOKEN_LIFE);
    let habits = Habits { strangers: false, ..Habits::default() };
    let mut world = World::new(WorldConfig { habits, ..WorldConfig::seeded(SEED) });
    world.apple.add_unit(UnitConfig { location: school.to_owned(), ..UnitConfig::school(token.clone(), now + TOKEN_LIFE) });
    world.apns.adopt_strangers = true;
    // Subject and text are kept by us; a month of a school's letters with their pictures would fill the memory.
    world.mail.keep_bodies = false;
    let doors = Doors::new(world.shared(), Arc::clone(&clock) as Arc<dyn Clock>);
    let letters = Arc::new(Letters { inner: doors.mail(), taken: Mutex::default() });
    // Made by us a moment ago: a token that can't be read is one that Apple is never asked with.
    let token = ContentToken::parse(token.as_bytes()).ok();
    let ports = Ports {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        apps_and_books: token.map(|token| Arc::new(doors.apps_and_books(&token)) as Arc<_>),
        mail: Some(Arc::clone(&letters) as Arc<dyn Mail>),
        mdm: Some(Arc::new(doors.mdm())),
        push: Some(Arc::new(doors.push())),
        webhook: Some(Arc::new(doors.webhook())),
        bounces: Some(Arc::new(doors.bounces())),
    };
    Box::new(SimulatedWorld { clock, doors, ports, letters })
}

impl TestWorld for SimulatedWorld {
    fn ports(&self) -> Ports {
        self.ports.clone()
    }

    fn advance_to(&self, at: Timestamp) {
        self.clock.advance_to(at);
    }

    fn next_wake(&self) -> Option<Timestamp> {
        self.doors.next_wake()
    }

    fn catch_up(&self) -> Vec<DeviceReport> {
        self.doors.step();
        self.doors.drain_reports()
    }

    fn introduce(&self, roster: &Roster) {
        let mut world = lock(self.doors.world());
        for user in &roster.users {
            if world.people.person(&user.username).is_none() {
                let person = Person::new(&user.username, user.mail.as_deref());
                world.people.add(Person { conduct: PersonConduct::Ignores, ..person });
            }
        }
        for device in roster.devices.iter().filter(|d| d.managed) {
            let device = simulated(device);
            let conduct = world.mdm.device(&device.udid).map(|known| known.conduct.clone()).unwrap_or_default();
            world.mdm.add_device(SimDevice { conduct, ..device });
        }
    }

    fn accept(&self, username: &str) -> Result<(), String> {
        let why = match lock(self.doors.world()).person_accepts(self.clock.now(), username) {
            Ok(_) => return Ok(()),
            Err(why) => why,
        };
        Err(match why {
            CannotAccept::UnknownCode => "no invitation has reached them".to_owned(),
            other => format!("{other:?}"),
        })
    }

    fn decline(&self, username: &str) {
        let mut world = lock(self.doors.world());
        let text = "The user rejected the invitation".to_owned();
        let refuses = DeviceConduct::Error { code: 12024, domain: "MCMDMErrorDomain".to_owned(), text };
        for udid in world.mdm.udids_of(username) {
            if let Some(device) = world.mdm.device_mut(&udid) {
                device.conduct = refuses.clone();
            }
        }
    }

    fn close_mailbox(&self, address: &str) {
        lock(self.doors.world()).mail.behave(address, MailboxConduct::no_such_user());
    }

    fn bounce(&self, message_id: &str, address: &str) -> Vec<u8> {
        bounces::report(message_id, address, "failed", "5.1.1", "550 5.1.1 No such user here").into_bytes()
    }

    fn letter(&self, id: &str) -> Option<(String, String)> {
        self.letters.taken.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

/// The mail server, with what its readers read. The simulated one keeps letters as they go over a line.
struct Letters {
    inner: SimMail,
    taken: Mutex<HashMap<String, (String, String)>>,
}

impl Mail for Letters {
    fn send(&self, letter: Letter) -> Answer<'_, Handed> {
        let id = letter.message_id.split('@').next().unwrap_or_default().to_owned();
        let read = (letter.subject.clone(), letter.text.clone());
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(id, read);
        self.inner.send(letter)
    }

    fn at_once(&self) -> usize {
        self.inner.at_once()
    }

    fn look<'a>(&'a self, domain: &'a str) -> Answer<'a, Looked> {
        self.inner.look(domain)
    }

    fn close(&self) -> Answer<'_, ()> {
        self.inner.close()
    }
}

/// The device as an MDM server sees it.
fn simulated(device: &TestDevice) -> SimDevice {
    SimDevice {
        serial: device.serial.clone(),
        udid: device.udid(),
        name: device.name.clone(),
        platform: device.platform,
        os_version: "18.7".to_owned(),
        model: device.platform.noun().to_owned(),
        user: device.user.clone(),
        enrollment: Enrollment::Device,
        user_channel: device.user_channel(),
        conduct: DeviceConduct::Obliging,
    }
}
