//! The port to an MDM server: the simulated one in-process, and the NanoMDM adapter over HTTP to the same
//! server on loopback.

use std::sync::Arc;

use beckon::channels::mdm::NanoMdm;
use beckon::domain::device::{Enrollment, MdmTarget, Platform};
use beckon::domain::outcome::{ChannelDown, Outcome, Rejection};
use beckon::domain::time::{Span, from_millis};
use beckon::ports::mdm::{InviteCommand, Mdm};
use beckon::sim::devices::{DeviceConduct, SimDevice};
use beckon::sim::wire::{Running, ServeConfig, serve};
use beckon::sim::{Doors, SharedWorld, VirtualClock, World, WorldConfig, lock};
use futures_util::future::join_all;
use secrecy::SecretString;

const CODE: &str = "0b7d1f5c2e9a4c66b1d0a87e54f3c912";
const IPAD: &str = "00008101-000A1B2C3D4E5F60";
const MAC: &str = "5E3F7A10-0000-4000-8000-00000000A1B2";
const MAC_USER: &str = "AB12CD34-0000-4000-8000-00000000E5F6";
const GONE: &str = "00008101-00FFFFFFFFFFFFFF";

struct Side {
    name: &'static str,
    port: Box<dyn Mdm>,
    world: SharedWorld,
    clock: Arc<VirtualClock>,
    _running: Option<Running>,
}

async fn sides() -> [Side; 2] {
    // As the program does first of all; another test may have been earlier.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (world, clock) = (world(), clock());
    let port = Box::new(Doors::new(world.clone(), clock.clone()).mdm());
    let in_process = Side { name: "in-process", port, world, clock, _running: None };

    let (world, clock) = (self::world(), self::clock());
    let config = ServeConfig { steps_by_itself: false, ..ServeConfig::new(world.clone()) };
    let running = serve(config, clock.clone()).await.unwrap();
    let key = SecretString::from(running.nanomdm_api_key.clone());
    let port = Box::new(NanoMdm::new(&running.nanomdm_url, key, None).unwrap());
    [in_process, Side { name: "over the wire", port, world, clock, _running: Some(running) }]
}

fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::new(from_millis(1_796_000_000_000)))
}

fn world() -> SharedWorld {
    let device = |udid: &str, platform, user_channel: Option<&str>, conduct| SimDevice {
        serial: format!("S-{udid}"),
        udid: udid.to_owned(),
        name: "a device".to_owned(),
        platform,
        os_version: "26.1".to_owned(),
        model: "a model".to_owned(),
        user: Some("ana".to_owned()),
        enrollment: Enrollment::Device,
        user_channel: user_channel.map(str::to_owned),
        conduct,
    };
    let mut world = World::new(WorldConfig::seeded(1));
    world.mdm.add_device(device(IPAD, Platform::Ipados, None, DeviceConduct::Obliging));
    world.mdm.add_device(device(MAC, Platform::Macos, Some(MAC_USER), DeviceConduct::Obliging));
    world.mdm.add_device(device(GONE, Platform::Ipados, None, DeviceConduct::Gone));
    world.shared()
}

fn ipad() -> MdmTarget {
    MdmTarget::DeviceChannel { udid: IPAD.to_owned() }
}

fn mac() -> MdmTarget {
    MdmTarget::UserChannel { udid: MAC.to_owned(), user: MAC_USER.to_owned() }
}

fn gone() -> MdmTarget {
    MdmTarget::DeviceChannel { udid: GONE.to_owned() }
}

fn uuid(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012x}")
}

fn command(n: usize, target: MdmTarget) -> InviteCommand {
    // `&` and `%` have to survive XML and URLs.
    let url = format!("https://buy.itunes.apple.com/x?cc=nl&inviteCode={CODE}&mt=8&q=%25");
    InviteCommand { command_uuid: uuid(n), target, invitation_url: SecretString::from(url) }
}

fn word(handed: &Result<Outcome, ChannelDown>) -> &'static str {
    match handed {
        Ok(Outcome::Accepted { .. }) => "accepted",
        Ok(Outcome::Deferred { .. }) => "deferred",
        Ok(Outcome::Rejected { why: Rejection::TargetDead, .. }) => "dead",
        Ok(Outcome::Rejected { why: Rejection::Refused, .. }) => "refused",
        Ok(Outcome::Doubtful { .. }) => "doubtful",
        Err(_) => "down",
    }
}

#[tokio::test]
async fn a_command_is_queued_on_the_right_channel_and_shown() {
    for side in sides().await {
        for (n, target) in [(1, ipad()), (2, mac())] {
            let handed = side.port.invite(command(n, target)).await;
            assert_eq!(word(&handed), "accepted", "{}: {handed:?}", side.name);
            assert!(lock(&side.world).mdm.holds(&uuid(n)), "{}", side.name);
        }
        side.clock.advance(Span::minutes(1));
        let now = beckon::ports::clock::Clock::now(&*side.clock);
        let mut world = lock(&side.world);
        world.step(now);
        assert_eq!((world.mdm.commands(), world.mdm.shown()), (2, 2), "{}: both prompts were shown", side.name);
        assert_eq!(world.people.latest_code("ana"), Some(CODE), "{}: the URL arrived as it left", side.name);
    }
}

#[tokio::test]
async fn the_same_command_again_is_accepted_and_queued_once() {
    for side in sides().await {
        for _ in 0..3 {
            let handed = side.port.invite(command(1, ipad())).await;
            assert_eq!(word(&handed), "accepted", "{}: {handed:?}", side.name);
        }
        let world = lock(&side.world);
        assert_eq!((world.mdm.commands(), world.mdm.pushes()), (1, 3), "{}: it is woken each time", side.name);
    }
}

#[tokio::test]
async fn a_lost_answer_is_sent_again_and_queued_once() {
    for side in sides().await {
        lock(&side.world).mdm.faults.drop_after_acting = 1;
        let handed = side.port.invite(command(1, ipad())).await;
        assert_eq!(word(&handed), "deferred", "{}: the server knows our ids: {handed:?}", side.name);
        assert_eq!(word(&side.port.invite(command(1, ipad())).await), "accepted", "{}", side.name);
        assert_eq!(lock(&side.world).mdm.commands(), 1, "{}", side.name);
    }
}

#[tokio::test]
async fn a_push_that_fails_leaves_the_command_queued() {
    for side in sides().await {
        lock(&side.world).mdm.faults.fail_pushes = 1;
        let handed = side.port.invite(command(1, ipad())).await;
        assert_eq!(word(&handed), "accepted", "{}: {handed:?}", side.name);
        assert!(format!("{handed:?}").contains("ServiceUnavailable"), "{}: the push's words are kept: {handed:?}", side.name);
        // Also where the device will never hear of it: only the MDM server can say that it left.
        assert_eq!(word(&side.port.invite(command(2, gone())).await), "accepted", "{}", side.name);
        assert_eq!(lock(&side.world).mdm.commands(), 2, "{}", side.name);
    }
}

#[tokio::test]
async fn a_server_that_can_t_store_is_tried_again() {
    for side in sides().await {
        lock(&side.world).mdm.faults.refuse_commands = 1;
        let handed = side.port.invite(command(1, ipad())).await;
        assert_eq!(word(&handed), "deferred", "{}: {handed:?}", side.name);
        assert_eq!(lock(&side.world).mdm.commands(), 0, "{}", side.name);
        assert_eq!(word(&side.port.invite(command(1, ipad())).await), "accepted", "{}", side.name);
    }
}

#[tokio::test]
async fn waking_tells_whether_the_device_is_still_there() {
    for side in sides().await {
        assert_eq!(word(&side.port.wake(ipad()).await), "accepted", "{}", side.name);
        assert_eq!(word(&side.port.wake(mac()).await), "accepted", "{}", side.name);
        let handed = side.port.wake(gone()).await;
        assert_eq!(word(&handed), "dead", "{}: APNs said 410: {handed:?}", side.name);
        lock(&side.world).mdm.faults.fail_pushes = 1;
        assert_eq!(word(&side.port.wake(ipad()).await), "deferred", "{}", side.name);
        assert_eq!(lock(&side.world).mdm.commands(), 0, "{}: nothing was queued", side.name);
    }
}

#[tokio::test]
async fn a_refused_key_pauses_the_channel_until_somebody_acts() {
    for side in sides().await {
        lock(&side.world).mdm.faults.refuse_key = true;
        let down = side.port.invite(command(1, ipad())).await.unwrap_err();
        assert!(down.retry_after.is_none() && down.remedy.contains("api_key"), "{}: {down:?}", side.name);
        assert_eq!(lock(&side.world).mdm.commands(), 0, "{}", side.name);
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_costs_no_command() {
    for side in sides().await {
        lock(&side.world).mdm.faults.down = true;
        let handed = side.port.invite(command(1, ipad())).await;
        // Who has sent a request and hears nothing can't tell that the server is down; trying again is safe.
        assert!(matches!(word(&handed), "down" | "deferred"), "{}: {handed:?}", side.name);
        lock(&side.world).mdm.faults.down = false;
        assert_eq!(word(&side.port.invite(command(1, ipad())).await), "accepted", "{}", side.name);
        assert_eq!(lock(&side.world).mdm.commands(), 1, "{}", side.name);
    }
}

#[tokio::test]
async fn a_crowd_is_queued_once_each() {
    for side in sides().await {
        let handed = join_all((0..200).map(|n| side.port.invite(command(n, if n % 2 == 0 { ipad() } else { mac() })))).await;
        for (n, handed) in handed.iter().enumerate() {
            assert_eq!(word(handed), "accepted", "{}, command {n}: {handed:?}", side.name);
        }
        assert_eq!(lock(&side.world).mdm.commands(), 200, "{}", side.name);
    }
}

#[tokio::test]
async fn nothing_of_an_invitation_is_told() {
    for side in sides().await {
        let shown = format!("{:?}", command(1, ipad()));
        lock(&side.world).mdm.faults.refuse_commands = 1;
        let refused = side.port.invite(command(1, ipad())).await;
        let taken = side.port.invite(command(1, ipad())).await;
        for told in [shown, format!("{refused:?}"), format!("{taken:?}")] {
            assert!(!told.contains(CODE), "{}: {told}", side.name);
        }
    }
}
