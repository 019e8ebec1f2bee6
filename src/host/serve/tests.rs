//! Chores that fail, the watchman's rounds, and what health says of them, on a virtual clock.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use super::chore::{Chore, Stepping, turn};
use super::watchman::Watchman;
use super::{Current, Fault, Life, Served, Serving, reload};
use crate::domain::alert::AlertKind;
use crate::domain::outcome::ChannelDown;
use crate::domain::time::{Span, Timestamp};
use crate::host::site::Site;
use crate::host::testing::TestSite;
use crate::host::{HostError, Ports};
use crate::ports::clock::Clock;
use crate::sim::people::Habits;

/// A chore that ends as it is told.
struct Told(&'static str);

impl Chore for Told {
    fn step<'a>(&'a mut self, _: &'a Arc<Site>, _: &'a Ports, now: Timestamp) -> Stepping<'a> {
        Box::pin(async move {
            match self.0 {
                "works" => Ok(Some(now + Span::hours(1))),
                "fails" => Err(HostError::site("the far side is gone", "wait for it")),
                _ => panic!("a test panics on purpose"),
            }
        })
    }
}

struct Case {
    site: TestSite,
    serving: Arc<Serving>,
    lives: Arc<Mutex<Vec<Life>>>,
    runtime: tokio::runtime::Runtime,
}

fn case() -> Case {
    let site = TestSite::new(Habits { accepts: 0.0, ..Habits::default() });
    std::fs::write(site.site.dir.join("site.toml"), crate::host::testing::SITE_TOML).unwrap();
    let ports = site.ports.clone();
    let make_ports: super::MakePorts = Arc::new(move |_| Ok(ports.clone()));
    let current = Current::first(&site.site, &make_ports).unwrap();
    let (lives, clock) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&site.clock) as Arc<dyn Clock>);
    let seen = Arc::clone(&lives);
    let serving = Serving::new(Served {
        current,
        clock,
        make_ports,
        stop: Arc::new(AtomicBool::new(false)),
        life: Box::new(move |life| seen.lock().unwrap().push(life)),
        owner: "test".to_owned(),
        draw: || "drawn-".to_owned(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    Case { site, serving, lives, runtime }
}

impl Case {
    fn turn(&self, chore: &mut dyn Chore) -> Option<Timestamp> {
        self.runtime.block_on(turn(&self.serving, "told", chore))
    }

    /// The watchman's round at this time, and the subjects of what is open then.
    fn round(&self) -> Vec<String> {
        let mut watchman = Watchman::new(&Arc::downgrade(&self.serving));
        self.runtime.block_on(turn(&self.serving, "watchman", &mut watchman));
        self.site.site.store.open_alerts().unwrap().into_iter().map(|a| format!("{}: {}", a.kind.word(), a.subject)).collect()
    }

    fn status(&self) -> &'static str {
        self.serving.health().status
    }
}

#[test]
fn a_chore_that_fails_or_panics_is_tried_again_and_told_after_a_while() {
    let case = case();
    let mut chore = Told("fails");
    for how in ["fails", "panics"] {
        chore.0 = how;
        assert_eq!(case.turn(&mut chore), Some(case.site.clock.now() + Span::minutes(1)), "{how}");
        assert_eq!((case.status(), case.round()), ("degraded", vec![]), "{how}");
    }
    case.site.clock.advance(Span::minutes(16));
    case.turn(&mut chore);
    assert_eq!(case.round(), ["chore-failed: told"]);
    chore.0 = "works";
    assert_eq!(case.turn(&mut chore), Some(case.site.clock.now() + Span::hours(1)));
    assert_eq!((case.status(), case.round()), ("ok", vec![]));
}

#[test]
fn a_channel_is_told_after_a_quarter_of_an_hour_and_its_return_is_recorded() {
    let mut case = case();
    let why = ChannelDown { what: "the relay refuses the login".into(), remedy: "check mail.password".into(), retry_after: None };
    case.serving.tally.is_down("mail", &why, case.site.clock.now());
    case.site.clock.advance(Span::minutes(15));
    assert_eq!((case.status(), case.round()), ("degraded", vec![]));
    case.site.clock.advance(Span::seconds(1));
    assert_eq!(case.round(), ["channel-down: mail"]);
    case.serving.tally.is_up("mail");
    case.site.clock.advance(Span::minutes(1));
    assert_eq!((case.status(), case.round()), ("ok", vec![]));
    let journal = case.site.journal();
    assert!(journal.iter().any(|line| line.starts_with("alert-over: mail: over: It does not work")), "{journal:?}");
    // The letter went to the outbox once and is an ordinary delivery.
    case.site.deliver(None, Span::minutes(1));
    let world = crate::sim::lock(case.site.world());
    let letters = world.mail.to("it@sunnyside.example");
    assert_eq!(letters.len(), 1);
    let text = letters[0].decoded();
    assert!(text.contains("Hello,") && text.contains("check mail.password") && text.contains("since 2026-12-01 09:00"), "{text}");
}

#[test]
fn deliveries_that_are_due_and_do_not_leave_make_the_site_unhealthy() {
    let case = case();
    case.site.invite("Grade 5", crate::domain::invite_plan::Choice::NotInvited);
    case.serving.state.set_outbox(super::state::OutboxState::Ours);
    // What waits for Apple is not due.
    case.site.clock.advance(Span::hours(1));
    assert_eq!(case.status(), "ok");
    case.site.site.store.raise(AlertKind::RunHeld, "run 1", "look", case.site.clock.now()).unwrap();
    let write = |alerts: &[crate::domain::alert::Alert]| (alerts[0].subject.clone(), alerts[0].words.clone());
    let to = crate::domain::mail_address::MailAddress::parse("it@sunnyside.example").unwrap();
    case.site.site.store.tell_alerts(Some(&to), write, case.site.clock.now()).unwrap();
    case.site.clock.advance(Span::minutes(11));
    let health = case.serving.health();
    assert!(health.is_failing(), "{health:?}");
    assert_eq!(health.reasons[0].what, "what goes by mail has been due for 11 minutes and does not leave");
    assert!(case.round().contains(&"nothing-leaves: outbox".to_owned()));
}

#[test]
fn a_reload_takes_all_or_nothing() {
    let case = case();
    let file = case.site.site.dir.join("site.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    let reload = || case.runtime.block_on(reload::reload(&case.serving, true));
    std::fs::write(&file, good.replace("Sunnyside", "Hilltop").replace("\"none\"", "\"nothing\"")).unwrap();
    assert!(!reload());
    assert_eq!(case.serving.current().site.config.site.name, "Sunnyside School");
    let faults: Vec<Fault> = case.serving.state.faults();
    assert_eq!((faults.len(), faults[0].file.as_str(), faults[0].line), (1, "site.toml", 12), "{faults:?}");
    assert!(faults[0].what.starts_with("mail.tls: "), "{}", faults[0].what);
    std::fs::write(&file, good.replace("Sunnyside", "Hilltop")).unwrap();
    assert!(reload());
    assert_eq!(case.serving.current().site.config.site.name, "Hilltop School");
    assert_eq!((case.serving.generation(), case.status()), (1, "ok"));
    std::fs::write(&file, format!("{good}[store]\nurl = \"sqlite:other.db\"\n")).unwrap();
    assert!(!reload());
    assert!(case.serving.state.faults()[0].what.contains("restart it"));
    assert_eq!(*case.lives.lock().unwrap(), [Life::Reloading, Life::Ready].repeat(3));
    let journal = case.site.journal();
    assert_eq!(journal.iter().filter(|line| line.contains("are in force")).count(), 1, "{journal:?}");
}

#[test]
fn a_schedule_that_gives_its_script_the_wrong_things_is_not_taken_in() {
    let case = case();
    let folder = case.site.site.dir.clone();
    let file = folder.join("site.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::create_dir_all(folder.join("scripts")).unwrap();
    std::fs::write(folder.join("scripts/weekly.rhai"), "print(run.param(\"most\", 20));").unwrap();
    let faults = |params: &str| {
        let schedule = "[[schedule]]\nname = \"weekly\"\nscript = \"weekly.rhai\"\ncron = \"0 8 * * MON\"\n\
                        timezone = \"Europe/Amsterdam\"\n";
        std::fs::write(&file, format!("{good}\n{schedule}params = {params}\n")).unwrap();
        case.runtime.block_on(reload::reload(&case.serving, true));
        case.serving.state.faults().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let slip = "the schedule \"weekly\" gives the parameter \"mots\", which scripts/weekly.rhai doesn't declare";
    assert_eq!(faults("{ mots = 20 }"), [format!("site.toml:23:12: {slip} (did you mean \"most\"?)")]);
    assert_eq!(faults("{ most = 20 }"), [""; 0]);
}
