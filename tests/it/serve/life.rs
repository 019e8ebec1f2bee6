//! It starts, delivers what is due, says how the site stands, and ends well; another one takes over.

use std::sync::mpsc::channel;

use beckon::channels::system_clock::SystemClock;
use beckon::ports::clock::Clock as _;
use beckon::sim::lock;
use beckon::sim::wire::{SmtpMoment, WireEvent};

use super::ask::{get, health, metric, until};
use super::service::Service;
use super::sites;
use crate::crash::check::number;
use crate::crash::site::{AND_LEAVE, INVITE};

/// Invitations that have not left.
pub const LEFT: &str = "SELECT COUNT(*) FROM deliveries WHERE step = 'invite' AND state NOT IN ('accepted', 'queued', 'notnow')";

#[test]
fn what_another_process_commits_is_delivered_and_counted() {
    let site = sites().site();
    let mut service = Service::ready(&site);
    let (status, body) = health(service.address);
    assert_eq!((status, body["status"].as_str()), (200, Some("ok")), "{body}");
    let ended = site.command(&AND_LEAVE);
    assert!(ended.out.contains("another beckon on this site"), "{ended}");
    until(|| number(&site, "SELECT COUNT(*) FROM deliveries") > 50 && number(&site, LEFT) == 0, || service.log());
    let sent = lock(&site.running.world).mail.stored().len();
    let counted = metric(service.address, "beckon_hand_overs_total{channel=\"mail\",outcome=\"accepted\"}");
    assert_eq!(counted, Some(f64::from(u32::try_from(sent).unwrap())));
    assert!(metric(service.address, "beckon_users{status=\"invited\"}").unwrap() >= 30.0);
    assert_eq!(metric(service.address, "beckon_channel_down{channel=\"mail\"}"), Some(0.0));
    assert!(metric(service.address, "beckon_expires_seconds{what=\"content token\"}").unwrap() > 86_400.0 * 299.0);
    assert_eq!(get(service.address, "/nothing").unwrap().status, 404);
    service.stop();
    let log = service.log();
    assert!(!log.contains("@sunnyside"), "nobody's address is in the log:\n{log}");
    assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{log}");
    let noted = "SELECT COUNT(*) FROM journal WHERE kind = 'serve' AND words IN ('beckon serve started', 'beckon serve stopped')";
    assert_eq!(number(&site, noted), 2);
    assert!(number(&site, "SELECT COUNT(*) FROM heartbeats") >= 1);
}

#[test]
fn killed_in_the_middle_and_started_again_it_loses_nothing_and_sends_nothing_twice() {
    let site = sites().site();
    let mut service = Service::ready(&site);
    let (tell, told) = channel();
    site.trap.set(WireEvent::Smtp(SmtpMoment::Dot), 5, move || tell.send(()).expect("the test waits for it"));
    site.command(&AND_LEAVE).expect_code(0).unwrap();
    told.recv().unwrap();
    service.kill();
    let mut service = Service::ready(&site);
    until(|| number(&site, &format!("{LEFT} AND state <> 'doubtful'")) == 0, || service.log());
    service.stop();
    let world = lock(&site.running.world);
    assert_eq!(world.mail.duplicates(), vec![]);
    assert_eq!(world.breaches().len(), 0);
    let doubtful = number(&site, "SELECT COUNT(*) FROM deliveries WHERE state = 'doubtful' AND channel <> 'mail'");
    assert_eq!(doubtful, 0);
}

#[test]
fn a_second_one_stands_by_and_takes_over_when_the_first_dies() {
    let site = sites().site();
    let mut first = Service::ready(&site);
    let mut second = Service::start(&site);
    second.hear("standing by");
    first.kill();
    second.hear("listening");
    site.command(&AND_LEAVE).expect_code(0).unwrap();
    until(|| number(&site, LEFT) == 0, || second.log());
    second.stop();
    // One that only stood by ends as well.
    let _first = Service::ready(&site);
    let mut waiting = Service::start(&site);
    waiting.hear("standing by");
    waiting.stop();
}

#[test]
fn a_run_that_has_the_lock_keeps_it_and_the_service_gets_the_rest() {
    let site = sites().site();
    let run = site.start(&INVITE);
    let mut service = Service::ready(&site);
    run.end().expect_code(0).unwrap();
    site.command(&["run", "remind-open-invitations", "--yes", "--wait", "0s"]);
    until(|| number(&site, LEFT) == 0, || service.log());
    service.stop();
    assert_eq!(lock(&site.running.world).mail.duplicates(), vec![]);
}

#[test]
fn the_unit_names_this_program_and_this_folder() {
    let site = sites().site();
    let printed = site.command(&["serve", "--print-unit"]).expect_code(0).unwrap().out;
    for line in ["Type=notify", "Restart=on-failure", "ProtectSystem=strict", "WantedBy=multi-user.target"] {
        assert!(printed.lines().any(|l| l == line), "{line} is missing:\n{printed}");
    }
    let dir = site.dir.display();
    assert!(printed.contains(&format!("--site {dir} serve")) && printed.contains(&format!("ReadWritePaths={dir}")), "{printed}");
}

/// A schedule that is due every second.
fn every_second(site: &crate::crash::site::Site, name: &str, script: &str) {
    std::fs::write(site.dir.join(format!("scripts/{name}.rhai")), script).unwrap();
    let file = site.dir.join("site.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let schedule = format!(
        "{text}\n[[schedule]]\nname = \"{name}\"\nscript = \"{name}.rhai\"\ncron = \"* * * * * *\"\ntimezone = \"Europe/Amsterdam\"\n"
    );
    std::fs::write(file, schedule).unwrap();
}

#[test]
fn a_schedule_fires_and_what_it_asks_for_is_delivered() {
    let site = sites().site();
    let script = "//! Tell the office.\nnotify.mail(\"office@sunnyside.example\", \"message\", #{ subject: \"Good morning\", text: \"All is well.\" });\n";
    every_second(&site, "morning", script);
    let mut service = Service::ready(&site);
    let arrived = || lock(&site.running.world).mail.to("office@sunnyside.example").len();
    until(|| arrived() >= 2, || service.log());
    until(|| metric(service.address, "beckon_moments_total{end=\"ran\"}").is_some_and(|ran| ran >= 2.0), || service.log());
    assert!(metric(service.address, "beckon_moment_lateness_seconds_count").unwrap() >= 2.0);
    service.stop();
    assert_eq!(lock(&site.running.world).mail.duplicates(), vec![]);
}

#[test]
fn a_schedule_whose_times_another_process_has_changed_is_read_again_and_goes_on() {
    let site = sites().site();
    every_second(&site, "morning", "//! Nothing.\n");
    let mut service = Service::ready(&site);
    let ran = || number(&site, "SELECT COUNT(*) FROM moments WHERE state = 'ran'");
    let said = service.hear("it fired and ran");
    assert_eq!((said["level"].as_str(), said["schedule"].as_str()), (Some("INFO"), Some("morning")), "{said}");
    let store = beckon::store::Store::open(&site.dir.join("beckon.db")).unwrap();
    store.enlist_schedules(&[("morning", "other times".to_owned())], SystemClock.now()).unwrap();
    service.hear("another process has read other times of this schedule");
    service.hear("are in force");
    let before = ran();
    until(|| ran() > before + 1, || service.log());
    service.stop();
}

#[test]
fn a_script_that_never_ends_is_stopped_with_the_service_and_has_changed_nothing() {
    let site = sites().site();
    every_second(&site, "endless", "//! Never ends.\nlet n = 0;\nloop { n += 1; if n > 1000 { n = 0; } }\n");
    let mut service = Service::ready(&site);
    until(|| number(&site, "SELECT COUNT(*) FROM moments WHERE state = 'claimed'") >= 1, || service.log());
    let asked = health(service.address);
    assert_eq!(asked.0, 200, "a long script holds up nobody: {}", asked.1);
    service.stop();
    assert_eq!(number(&site, "SELECT COUNT(*) FROM runs"), 0);
}
