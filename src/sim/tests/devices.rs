//! The MDM server and its devices, through the in-process door.

use secrecy::SecretString;

use super::*;
use crate::domain::device::{Enrollment, MdmTarget, Platform};
use crate::domain::outcome::Outcome;
use crate::ports::mdm::{CommandAnswer, DeviceReport, InviteCommand, Mdm as _};
use crate::sim::devices::{DeviceConduct, SimDevice};

const URL: &str = "https://buy.itunes.apple.com/x?inviteCode=0b7d1f5c2e9a4c66b1d0a87e54f3c912&mt=8";

fn device(udid: &str, platform: Platform) -> SimDevice {
    SimDevice {
        serial: format!("S{udid}"),
        udid: udid.to_owned(),
        name: format!("Ana's {}", platform.noun()),
        platform,
        os_version: "18.0".to_owned(),
        model: "x".to_owned(),
        user: Some("ana".to_owned()),
        enrollment: Enrollment::Device,
        user_channel: None,
        conduct: DeviceConduct::Obliging,
    }
}

fn command(uuid: &str, target: MdmTarget) -> InviteCommand {
    InviteCommand { command_uuid: uuid.to_owned(), target, invitation_url: SecretString::from(URL) }
}

fn on_device(udid: &str) -> MdmTarget {
    MdmTarget::DeviceChannel { udid: udid.to_owned() }
}

fn on_user(udid: &str, user: &str) -> MdmTarget {
    MdmTarget::UserChannel { udid: udid.to_owned(), user: user.to_owned() }
}

/// Invites on one device and gives the answers that came within an hour.
async fn answers(device: SimDevice, target: MdmTarget) -> (Outcome, Vec<CommandAnswer>) {
    let mut world = small_world();
    world.mdm.add_device(device);
    let (doors, clock) = inside(world);
    let outcome = doors.mdm().invite(command("c1", target)).await.unwrap();
    clock.advance(Span::hours(1));
    let said = doors.drain_reports().into_iter().filter_map(|r| match r {
        DeviceReport::Answer { command_uuid, answer } => {
            assert_eq!(command_uuid, "c1");
            Some(answer)
        }
        _ => None,
    });
    (outcome, said.collect())
}

#[tokio::test]
async fn each_channel_has_its_devices() {
    let mac = SimDevice { user_channel: Some("GUID".to_owned()), ..device("m", Platform::Macos) };
    let shared = SimDevice {
        enrollment: Enrollment::SharedIpad,
        user_channel: Some("ana@managed".to_owned()),
        ..device("s", Platform::Ipados)
    };
    let byod = SimDevice { enrollment: Enrollment::User, ..device("b", Platform::Ipados) };
    for (device, target, shown) in [
        (device("i", Platform::Ipados), on_device("i"), true),
        (device("p", Platform::Ios), on_device("p"), true),
        (mac.clone(), on_user("m", "GUID"), true),
        (mac, on_device("m"), false),
        (shared.clone(), on_user("s", "ana@managed"), true),
        (shared, on_device("s"), false),
        (byod, on_device("b"), false),
        (device("t", Platform::Tvos), on_device("t"), false),
    ] {
        let name = format!("{} {target:?}", device.name);
        let (outcome, said) = answers(device, target).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{name}");
        match said.as_slice() {
            [CommandAnswer::Shown] => assert!(shown, "{name}"),
            [CommandAnswer::Failed(_)] => assert!(!shown, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn devices_answer_as_they_are() {
    let not_now = DeviceConduct::NotNow { times: 2, back_after: Span::minutes(20) };
    let error = DeviceConduct::Error { code: 1, domain: "D".to_owned(), text: "no store account".to_owned() };
    for (conduct, expected) in [
        (not_now, vec![CommandAnswer::NotNow, CommandAnswer::NotNow, CommandAnswer::Shown]),
        (error, vec![CommandAnswer::Failed("no store account".to_owned())]),
        (DeviceConduct::NeverSeen, vec![]),
    ] {
        let device = SimDevice { conduct, ..device("i", Platform::Ipados) };
        assert_eq!(answers(device, on_device("i")).await.1, expected);
    }
    let gone = SimDevice { conduct: DeviceConduct::Gone, ..device("i", Platform::Ipados) };
    let (outcome, said) = answers(gone, on_device("i")).await;
    assert!(matches!(outcome, Outcome::Accepted { words } if words.contains("410")), "queued, but the push failed");
    assert_eq!(said, []);
    let (outcome, said) = answers(device("i", Platform::Ipados), on_device("unknown")).await;
    assert!(matches!(outcome, Outcome::Accepted { words } if words.contains("push data missing")));
    assert_eq!(said, []);
}

#[tokio::test]
async fn the_same_command_is_queued_once() {
    let mut world = small_world();
    world.mdm.add_device(device("i", Platform::Ipados));
    let (doors, clock) = inside(world);
    let mdm = doors.mdm();
    lock(doors.world()).mdm.faults.drop_after_acting = 1;
    let lost = mdm.invite(command("c1", on_device("i"))).await.unwrap();
    assert!(matches!(lost, Outcome::Deferred { .. }));
    let again = mdm.invite(command("c1", on_device("i"))).await.unwrap();
    assert!(matches!(again, Outcome::Accepted { words } if words.contains("already")));
    clock.advance(Span::hours(1));
    let shown = doors.drain_reports().into_iter().filter(|r| matches!(r, DeviceReport::Answer { .. })).count();
    assert_eq!((shown, lock(doors.world()).mdm.commands()), (1, 1));
}

#[tokio::test]
async fn a_failed_push_leaves_the_command_for_the_next_one() {
    let mut world = small_world();
    world.mdm.add_device(device("i", Platform::Ipados));
    world.mdm.faults.fail_pushes = 1;
    let (doors, clock) = inside(world);
    let mdm = doors.mdm();
    mdm.invite(command("c1", on_device("i"))).await.unwrap();
    clock.advance(Span::hours(1));
    assert_eq!(doors.drain_reports(), []);
    assert!(matches!(mdm.wake(on_device("i")).await.unwrap(), Outcome::Accepted { .. }));
    clock.advance(Span::hours(1));
    let answer = DeviceReport::Answer { command_uuid: "c1".to_owned(), answer: CommandAnswer::Shown };
    assert_eq!(doors.drain_reports(), [DeviceReport::Idle { udid: "i".to_owned() }, answer]);
}

#[tokio::test]
async fn enrolling_again_empties_the_queue_and_checking_out_ends_it() {
    let mut world = small_world();
    world.mdm.add_device(SimDevice { user_channel: Some("GUID".to_owned()), ..device("m", Platform::Macos) });
    let (doors, clock) = inside(world);
    doors.mdm().invite(command("c1", on_user("m", "GUID"))).await.unwrap();
    lock(doors.world()).mdm.enroll_again(start(), "m");
    clock.advance(Span::hours(1));
    let reports = doors.drain_reports();
    assert!(matches!(&reports[0], DeviceReport::Reset { udid, serial: Some(s), .. } if udid == "m" && s == "Sm"));
    assert_eq!(reports[1], DeviceReport::Enrolled { udid: "m".to_owned(), user_channel: None });
    assert!(matches!(&reports[2], DeviceReport::Enrolled { user_channel: Some(c), .. } if c.id == "GUID"));
    assert!(!reports.iter().any(|r| matches!(r, DeviceReport::Answer { .. })), "the command went with the queue");
    lock(doors.world()).mdm.check_out(start(), "m");
    assert_eq!(doors.drain_reports(), [DeviceReport::Left { udid: "m".to_owned() }]);
}

#[tokio::test]
async fn a_dead_server_is_the_channels_matter() {
    let (doors, _) = inside(small_world());
    lock(doors.world()).mdm.faults.down = true;
    assert!(doors.mdm().invite(command("c1", on_device("i"))).await.unwrap_err().retry_after.is_some());
    let faults = crate::sim::faults::MdmFaults { refuse_key: true, ..Default::default() };
    lock(doors.world()).mdm.faults = faults;
    assert!(doors.mdm().invite(command("c1", on_device("i"))).await.unwrap_err().retry_after.is_none());
    lock(doors.world()).mdm.faults = crate::sim::faults::MdmFaults { refuse_commands: 1, ..Default::default() };
    let refused = doors.mdm().invite(command("c1", on_device("i"))).await.unwrap();
    assert!(matches!(refused, Outcome::Deferred { .. }));
    assert!(!lock(doors.world()).mdm.holds("c1"));
}
