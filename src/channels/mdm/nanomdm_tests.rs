use super::*;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use tokio::net::TcpListener;

const UUID: &str = "7f0c2f7e-4b0a-4d0e-9c55-2d0a6f6a1b01";
const URL: &str =
    "https://buy.itunes.apple.com/WebObjects/MZFinance.woa/wa/associateVPPUserWithITSAccount?inviteCode=0b7d1f5c&mt=8";

/// A NanoMDM whose answers are given, and what it was asked.
#[derive(Clone, Default)]
struct Fake {
    answers: Arc<Mutex<Vec<(u16, String)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

async fn answer(
    State(fake): State<Fake>,
    method: axum::http::Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, String) {
    let login = headers.get("authorization").map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
    fake.asked.lock().unwrap().push(format!("{method} {uri} {login}\n{body}"));
    let (status, body) = fake.answers.lock().unwrap().remove(0);
    (StatusCode::from_u16(status).unwrap(), body)
}

async fn server(answers: &[(u16, &str)]) -> (NanoMdm, Fake) {
    let fake = Fake::default();
    fake.answers.lock().unwrap().extend(answers.iter().map(|(s, b)| (*s, (*b).to_owned())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mdm/", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(fake.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (NanoMdm::new(&url, "orchard-key".into(), None).unwrap(), fake)
}

fn command(target: MdmTarget) -> InviteCommand {
    InviteCommand { command_uuid: UUID.into(), target, invitation_url: URL.into() }
}

fn ipad() -> MdmTarget {
    MdmTarget::DeviceChannel { udid: "00008110-000A1D2C3E4F501E".into() }
}

fn mac() -> MdmTarget {
    MdmTarget::UserChannel { udid: "470E005B".into(), user: "F151140B,x/../y".into() }
}

#[tokio::test]
async fn a_command_is_queued_under_the_enrolments_own_id() {
    let ok = format!(r#"{{"status":{{"470E005B:F151140B,x/../y":{{"push_result":"8B16"}}}},"command_uuid":"{UUID}"}}"#);
    let (mdm, fake) = server(&[(200, &ok)]).await;
    let outcome = mdm.invite(command(mac())).await.unwrap();
    assert_eq!(outcome, Outcome::Accepted { words: "queued and woken (push 8B16)".into() });
    let asked = fake.asked.lock().unwrap().join("\n");
    let (head, body) = asked.split_once('\n').unwrap();
    assert_eq!(head, "PUT /mdm/v1/enqueue/470E005B%3AF151140B%2Cx%2F..%2Fy Basic bmFub21kbTpvcmNoYXJkLWtleQ==");
    assert!(body.contains("inviteCode=0b7d1f5c&amp;mt=8"), "{body}");
    let plist = Value::from_reader_xml(body.as_bytes()).unwrap();
    let outer = plist.as_dictionary().unwrap();
    let inner = outer.get("Command").and_then(Value::as_dictionary).unwrap();
    let text = |dict: &Dictionary, key: &str| dict.get(key).and_then(Value::as_string).unwrap().to_owned();
    assert_eq!(text(outer, "CommandUUID"), UUID);
    assert_eq!(text(inner, "RequestType"), "InviteToProgram");
    assert_eq!(text(inner, "ProgramID"), "com.apple.cloudvpp");
    assert_eq!(text(inner, "InvitationURL"), URL);
}

#[tokio::test]
async fn a_command_that_is_there_already_only_wakes_the_device() {
    let held = format!(r#"{{"command_error":"command already exists: {UUID}","command_uuid":"{UUID}"}}"#);
    let woken = r#"{"status":{"00008110-000A1D2C3E4F501E":{"push_result":"8B16"}}}"#;
    let (mdm, fake) = server(&[(500, &held), (200, woken)]).await;
    let outcome = mdm.invite(command(ipad())).await.unwrap();
    assert_eq!(outcome, Outcome::Accepted { words: "queued by an earlier attempt; woken (push 8B16)".into() });
    let asked = fake.asked.lock().unwrap();
    assert!(asked[1].starts_with("GET /mdm/v1/push/00008110-000A1D2C3E4F501E Basic "), "{}", asked[1]);
}

#[tokio::test]
async fn a_wake_up_that_fails_takes_nothing_from_a_queued_command() {
    let id = "00008110-000A1D2C3E4F501E";
    let held = format!(r#"{{"command_error":"command already exists: {UUID}"}}"#);
    let failed = format!(r#"{{"status":{{"{id}":{{"push_error":"push data missing for id"}}}}}}"#);
    let (mdm, _) = server(&[(500, &held), (500, &failed), (500, &failed)]).await;
    let outcome = mdm.invite(command(ipad())).await.unwrap();
    assert_eq!(outcome, Outcome::Accepted { words: "queued; the wake-up failed: push data missing for id".into() });
    let outcome = mdm.wake(ipad()).await.unwrap();
    assert_eq!(outcome, Outcome::Deferred { retry_after: None, words: "push data missing for id".into() });
}

#[tokio::test]
async fn a_wrong_key_stops_the_channel() {
    let (mdm, _) = server(&[(401, "")]).await;
    let down = mdm.invite(command(ipad())).await.unwrap_err();
    assert!(down.remedy.contains("mdm.api_key") && down.retry_after.is_none(), "{down:?}");
}

#[tokio::test]
async fn a_server_that_is_away_is_asked_again_in_a_minute() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mdm = NanoMdm::new(&format!("http://{}", listener.local_addr().unwrap()), "k".into(), None).unwrap();
    drop(listener);
    let down = mdm.invite(command(ipad())).await.unwrap_err();
    assert_eq!(down.retry_after, Some(Span::minutes(1)));
    assert!(down.what.contains("refused") && !down.what.contains("inviteCode"), "{down:?}");
}

#[tokio::test]
async fn a_lost_answer_is_safe_to_repeat() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mdm = NanoMdm::new(&format!("http://{}", listener.local_addr().unwrap()), "k".into(), None).unwrap();
    let cut = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 64];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut head).await.unwrap();
    });
    let outcome = mdm.invite(command(ipad())).await.unwrap();
    assert!(matches!(&outcome, Outcome::Deferred { words, .. } if words.contains("same id")), "{outcome:?}");
    cut.await.unwrap();
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let (mdm, _) = server(&[(200, &"x".repeat(BODY_BYTES_MAX + 1))]).await;
    let down = mdm.invite(command(ipad())).await.unwrap_err();
    assert!(down.what.contains("does not answer like NanoMDM"), "{down:?}");
}

#[tokio::test]
async fn ids_that_make_no_path_are_refused() {
    let mdm = NanoMdm::new("http://127.0.0.1:9", "k".into(), None).unwrap();
    for udid in ["", ".", "..", "a\nb", &"x".repeat(ID_BYTES_MAX + 1)] {
        let outcome = mdm.invite(command(MdmTarget::DeviceChannel { udid: udid.to_owned() })).await.unwrap();
        assert!(matches!(outcome, Outcome::Rejected { why: Rejection::Refused, .. }), "{udid:?}");
    }
}

#[test]
fn addresses_are_checked() {
    let new = |url: &str| NanoMdm::new(url, "k".into(), None).map(|mdm| mdm.url("push", "A:B").unwrap().to_string());
    assert_eq!(new("http://127.0.0.1:9000").unwrap(), "http://127.0.0.1:9000/v1/push/A%3AB");
    assert_eq!(new("https://mdm.example/nano").unwrap(), "https://mdm.example/nano/v1/push/A%3AB");
    for bad in ["", "127.0.0.1:9000", "ftp://mdm.example", "http://u:p@mdm.example", "http://mdm.example?x=1", "mailto:a@b"] {
        assert!(new(bad).is_err(), "{bad}");
    }
}
