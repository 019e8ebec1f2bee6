//! NanoMDM over HTTP, with its webhook.

use base64::Engine as _;
use reqwest::{Client, Method};
use serde_json::Value;

use super::apps_and_books::receiver;
use super::*;
use crate::domain::device::{Enrollment, Platform};
use crate::sim::devices::{DeviceConduct, SimDevice};
use crate::sim::lock;
use crate::sim::wire::WebhookTarget;

fn device(udid: &str, platform: Platform, user_channel: Option<&str>) -> SimDevice {
    SimDevice {
        serial: format!("S{udid}"),
        udid: udid.to_owned(),
        name: "x".to_owned(),
        platform,
        os_version: "18.0".to_owned(),
        model: "x".to_owned(),
        user: Some("ana".to_owned()),
        enrollment: Enrollment::Device,
        user_channel: user_channel.map(str::to_owned),
        conduct: DeviceConduct::Obliging,
    }
}

fn command(uuid: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>CommandUUID</key><string>{uuid}</string><key>Command</key><dict>\
         <key>RequestType</key><string>InviteToProgram</string><key>ProgramID</key><string>com.apple.cloudvpp</string>\
         <key>InvitationURL</key><string>https://x/?inviteCode=0b7d1f5c2e9a4c66b1d0a87e54f3c912&amp;mt=8</string></dict></dict></plist>"
    )
}

#[tokio::test]
async fn commands_go_in_and_answers_come_back() {
    let mut world = world();
    world.mdm.add_device(device("I1", Platform::Ipados, None));
    world.mdm.add_device(device("M1", Platform::Macos, Some("GUID")));
    let gone = SimDevice { conduct: DeviceConduct::Gone, ..device("G1", Platform::Ipados, None) };
    world.mdm.add_device(gone);
    let (url, mut told) = receiver().await;
    let target = WebhookTarget { url, hmac_key: Some(b"key".to_vec()) };
    let (running, clock) = served(world, |config| config.webhook = Some(target)).await;
    let client = Client::new();
    let send = async |method: Method, path: &str, body: String, key: &str| {
        let request =
            client.request(method, format!("{}{path}", running.nanomdm_url)).basic_auth("nanomdm", Some(key)).body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap_or(Value::Null))
    };
    let key = running.nanomdm_api_key.clone();
    assert!(send(Method::GET, "/version", String::new(), "").await.1["version"].is_string());
    assert_eq!(send(Method::PUT, "/v1/enqueue/I1", command("c1"), "wrong").await.0, 401);

    let (status, body) = send(Method::PUT, "/v1/enqueue/I1,M1%3AGUID,G1", command("c1"), &key).await;
    assert_eq!(
        (status, body["command_uuid"].as_str(), body["request_type"].as_str()),
        (207, Some("c1"), Some("InviteToProgram"))
    );
    assert!(body["status"]["I1"]["push_result"].is_string() && body["status"]["M1:GUID"]["push_result"].is_string());
    assert!(body["status"]["G1"]["push_error"].as_str().unwrap().contains("410"));
    let (status, body) = send(Method::PUT, "/v1/enqueue/I1", command("c1"), &key).await;
    assert_eq!((status, body["command_error"].as_str()), (500, Some("command already exists")));
    let (status, body) = send(Method::PUT, "/v1/enqueue/nobody", command("c2"), &key).await;
    assert_eq!(status, 500);
    assert!(body["status"]["nobody"]["push_error"].as_str().unwrap().contains("push data missing"));
    let (status, body) = send(Method::PUT, "/v1/enqueue/I1", String::new(), &key).await;
    assert_eq!((status, body.get("command_uuid")), (200, None), "an empty body only pushes");
    assert_eq!(send(Method::PUT, "/v1/enqueue/I1", "rubbish".to_owned(), &key).await.0, 500);
    assert_eq!(send(Method::GET, "/v1/push/I1", String::new(), &key).await.0, 200);
    let (status, body) = send(Method::PUT, "/v1/enqueue/I1?nopush=1", command("c3"), &key).await;
    assert_eq!((status, body["no_push"].as_bool()), (200, Some(true)));

    clock.advance(Span::hours(1));
    running.step().await;
    let mut answers = Vec::new();
    while answers.len() < 3 {
        let (headers, body, bytes) = told.recv().await.unwrap();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"key");
        let signature = base64::engine::general_purpose::STANDARD.decode(&headers["x-hmac-signature"]).unwrap();
        ring::hmac::verify(&key, &bytes, &signature).unwrap();
        assert_eq!(body["topic"], "mdm.Connect");
        let event = &body["acknowledge_event"];
        let raw = base64::engine::general_purpose::STANDARD.decode(event["raw_payload"].as_str().unwrap()).unwrap();
        let plist = plist::Value::from_reader_xml(&raw[..]).unwrap().into_dictionary().unwrap();
        if event["status"] == "Idle" {
            continue;
        }
        let text = |key: &str| plist.get(key).and_then(plist::Value::as_string).unwrap_or_default().to_owned();
        assert_eq!(text("InvitationResult"), "Acknowledged");
        answers.push(format!("{} {} {}", event["ids"]["id"].as_str().unwrap(), text("CommandUUID"), text("UserID")));
    }
    answers.sort();
    assert_eq!(answers, ["I1 c1 ", "I1 c3 ", "M1:GUID c1 GUID"]);
    assert_eq!(lock(&running.world).people.reached("ana"), 3);
}

#[tokio::test]
async fn a_line_that_drops_after_the_command_was_taken() {
    let mut world = world();
    world.mdm.add_device(device("I1", Platform::Ipados, None));
    world.mdm.faults.drop_after_acting = 1;
    let (running, _) = served(world, |_| {}).await;
    let url = format!("{}/v1/enqueue/I1", running.nanomdm_url);
    let send = || Client::new().put(&url).basic_auth("nanomdm", Some(&running.nanomdm_api_key)).body(command("c1")).send();
    assert!(send().await.is_err());
    assert!(lock(&running.world).mdm.holds("c1"));
    assert_eq!(send().await.unwrap().status(), 500);
}

#[tokio::test]
async fn the_world_moves_by_itself_and_posts_what_happens() {
    let mut world = world();
    world.mdm.add_device(device("I1", Platform::Ipados, None));
    world.mdm.config.report_idle = false;
    let (url, mut told) = receiver().await;
    let change = |config: &mut crate::sim::ServeConfig| {
        config.steps_by_itself = true;
        config.webhook = Some(WebhookTarget { url, hmac_key: None });
    };
    let (running, _) = served(world, change).await;
    let url = format!("{}/v1/enqueue/I1", running.nanomdm_url);
    Client::new().put(&url).basic_auth("nanomdm", Some(&running.nanomdm_api_key)).body(command("c1")).send().await.unwrap();
    let (headers, body, _) = told.recv().await.unwrap();
    assert_eq!((body["acknowledge_event"]["command_uuid"].as_str(), headers.get("x-hmac-signature")), (Some("c1"), None));
    lock(&running.world).mdm.check_out(start(), "I1");
    running.poke();
    assert_eq!(told.recv().await.unwrap().1["topic"], "mdm.CheckOut");
    let told = running.step().await;
    assert!(told.iter().any(|event| matches!(event, crate::sim::WorldEvent::DeviceCame { .. })), "{told:?}");
    let address = running.smtp_addr;
    running.stop();
    // The listeners are gone as soon as their tasks have been dropped.
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
