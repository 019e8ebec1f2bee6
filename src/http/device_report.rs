//! From NanoMDM's webhook envelope to what a device said.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plist::{Dictionary, Value};
use serde::Deserialize;

use super::plist_guard::{self, Refused};
use crate::domain::words::foreign;
use crate::ports::mdm::{CommandAnswer, DeviceReport, UserChannel};

/// Longer than any id or name of a device.
const TEXT_CHARS_MAX: usize = 256;
/// How many links of an `ErrorChain` are told.
const ERRORS_TOLD: usize = 3;
/// The `UserID` of every Shared iPad user; the short name tells them apart.
const SHARED_IPAD_USER: &str = "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF";

/// Why an envelope can't be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the body is not an MDM webhook event")]
    Envelope,
    #[error("the event has no \"{0}\"")]
    Missing(&'static str),
    #[error("the payload is not Base64")]
    Base64,
    #[error(transparent)]
    Payload(#[from] Refused),
}

/// Only what is used; everything else in an envelope is skipped.
#[derive(Deserialize)]
struct Envelope {
    topic: String,
    checkin_event: Option<Checkin>,
    acknowledge_event: Option<Acknowledge>,
}

#[derive(Deserialize)]
struct Checkin {
    raw_payload: String,
    udid: Option<String>,
}

#[derive(Deserialize)]
struct Acknowledge {
    raw_payload: String,
    udid: Option<String>,
    status: String,
    command_uuid: Option<String>,
}

/// Reads one event; `None` when it says nothing that beckon acts on.
///
/// # Errors
/// It isn't one, or lacks what its topic promises.
pub(super) fn read(body: &[u8]) -> Result<Option<DeviceReport>, Unreadable> {
    let envelope: Envelope = serde_json::from_slice(body).map_err(|_| Unreadable::Envelope)?;
    let checkin = || envelope.checkin_event.as_ref().ok_or(Unreadable::Missing("checkin_event"));
    match envelope.topic.as_str() {
        "mdm.Authenticate" => authenticate(checkin()?),
        "mdm.TokenUpdate" => token_update(checkin()?),
        "mdm.CheckOut" => check_out(checkin()?),
        "mdm.Connect" => connect(envelope.acknowledge_event.as_ref().ok_or(Unreadable::Missing("acknowledge_event"))?),
        _ => Ok(None),
    }
}

fn authenticate(event: &Checkin) -> Result<Option<DeviceReport>, Unreadable> {
    let payload = payload(&event.raw_payload)?;
    let Some(udid) = udid(event.udid.as_deref(), &payload) else { return Ok(None) };
    let text = |key| text(payload.get(key));
    Ok(Some(DeviceReport::Reset {
        udid,
        serial: text("SerialNumber"),
        name: text("DeviceName"),
        // "iPad13,1" is what other lists call a model; the marketing name stands in for it.
        model: text("ProductName").or_else(|| text("Model")).or_else(|| text("ModelName")),
        os_version: text("OSVersion"),
    }))
}

fn token_update(event: &Checkin) -> Result<Option<DeviceReport>, Unreadable> {
    let payload = payload(&event.raw_payload)?;
    let Some(udid) = udid(event.udid.as_deref(), &payload) else { return Ok(None) };
    Ok(Some(DeviceReport::Enrolled { udid, user_channel: user_channel(&payload) }))
}

/// A user channel that ends (somebody was removed from the device) leaves the device enrolled.
fn check_out(event: &Checkin) -> Result<Option<DeviceReport>, Unreadable> {
    let payload = payload(&event.raw_payload)?;
    if payload.contains_key("UserID") {
        return Ok(None);
    }
    Ok(udid(event.udid.as_deref(), &payload).map(|udid| DeviceReport::Left { udid }))
}

fn connect(event: &Acknowledge) -> Result<Option<DeviceReport>, Unreadable> {
    if event.status == "Idle" {
        return Ok(event.udid.as_deref().and_then(bounded).map(|udid| DeviceReport::Idle { udid }));
    }
    let Some(command_uuid) = event.command_uuid.as_deref().and_then(bounded) else { return Ok(None) };
    let answer = match event.status.as_str() {
        "NotNow" => CommandAnswer::NotNow,
        status => judged(status, &payload(&event.raw_payload)?),
    };
    Ok(Some(DeviceReport::Answer { command_uuid, answer }))
}

/// Apple: the prompt was issued when `Status` and `InvitationResult` both say `Acknowledged`; an
/// acknowledged command with an `Invalid…` result is a failure.
fn judged(status: &str, payload: &Dictionary) -> CommandAnswer {
    let result = text(payload.get("InvitationResult"));
    match (status, result.as_deref()) {
        ("Acknowledged", Some("Acknowledged")) => CommandAnswer::Shown,
        ("Acknowledged", Some(result)) => CommandAnswer::Failed(format!("the device says {}", foreign(result))),
        ("Acknowledged", None) => {
            CommandAnswer::Failed("the device acknowledged the command without an invitation result".to_owned())
        }
        (other, _) => {
            let chain = error_chain(payload);
            let other = foreign(other);
            CommandAnswer::Failed(if chain.is_empty() {
                format!("the device says {other}")
            } else {
                foreign(&format!("{other}: {chain}"))
            })
        }
    }
}

/// `MCMDMErrorDomain 12021: Unknown command; …`. The English text, where there is one, so that words of
/// many devices can be compared.
fn error_chain(payload: &Dictionary) -> String {
    let links = payload.get("ErrorChain").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let told = links.iter().take(ERRORS_TOLD).filter_map(Value::as_dictionary).map(|link| {
        let text = |key| link.get(key).and_then(Value::as_string);
        let domain = text("ErrorDomain").unwrap_or_default();
        let code = link.get("ErrorCode").and_then(Value::as_signed_integer).map(|c| c.to_string()).unwrap_or_default();
        let said = text("USEnglishDescription").or_else(|| text("LocalizedDescription")).unwrap_or_default();
        foreign(&format!("{domain} {code}: {said}"))
    });
    told.collect::<Vec<_>>().join("; ")
}

/// On Shared iPad every user has the same `UserID`, and NanoMDM's id has the short name in its place.
fn user_channel(payload: &Dictionary) -> Option<UserChannel> {
    let id = text(payload.get("UserID"))?;
    let short_name = text(payload.get("UserShortName"));
    let id = if id.eq_ignore_ascii_case(SHARED_IPAD_USER) { short_name.clone()? } else { id };
    Some(UserChannel { id, short_name })
}

/// User Enrollment has no UDID, and can't be invited either: such reports are left out.
fn udid(envelope: Option<&str>, payload: &Dictionary) -> Option<String> {
    envelope.and_then(bounded).or_else(|| text(payload.get("UDID")))
}

fn payload(base64: &str) -> Result<Dictionary, Unreadable> {
    let bytes = STANDARD.decode(base64).map_err(|_| Unreadable::Base64)?;
    Ok(plist_guard::dictionary(&bytes)?)
}

fn text(value: Option<&Value>) -> Option<String> {
    bounded(value?.as_string()?)
}

/// Ids and names: one line of plain text, neither empty nor endless.
fn bounded(text: &str) -> Option<String> {
    let plain = text.trim();
    let fits = !plain.is_empty() && plain.chars().nth(TEXT_CHARS_MAX).is_none() && !plain.chars().any(char::is_control);
    fits.then(|| plain.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const UDID: &str = "00008110-000A1D2C3E4F501E";
    const UUID: &str = "7f0c2f7e-4b0a-4d0e-9c55-2d0a6f6a1b01";

    fn plist(body: &str) -> String {
        STANDARD.encode(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\"><dict>{body}</dict></plist>"))
    }

    fn strings(pairs: &[(&str, &str)]) -> String {
        pairs.iter().map(|(k, v)| format!("<key>{k}</key><string>{v}</string>")).collect()
    }

    fn checkin(topic: &str, body: &str) -> Result<Option<DeviceReport>, Unreadable> {
        let event = json!({ "topic": topic, "created_at": "2031-02-01T09:30:00Z", "checkin_event": { "udid": UDID, "raw_payload": plist(body),
            "ids": { "id": UDID, "type": "Device" }, "url_params": { "a": "b" } } });
        read(event.to_string().as_bytes())
    }

    fn answered(status: &str, body: &str) -> Option<DeviceReport> {
        let event = json!({ "topic": "mdm.Connect", "created_at": "2031-02-01T09:30:00Z", "event_id": "5f0d", "acknowledge_event": {
            "udid": UDID, "status": status, "command_uuid": UUID, "raw_payload": plist(body) } });
        read(event.to_string().as_bytes()).unwrap()
    }

    fn answer(status: &str, body: &str) -> CommandAnswer {
        match answered(status, body) {
            Some(DeviceReport::Answer { command_uuid, answer }) if command_uuid == UUID => answer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_references_own_example_is_shown() {
        let body = include_str!("testdata/nanomdm_connect.json");
        let expect = DeviceReport::Answer { command_uuid: UUID.into(), answer: CommandAnswer::Shown };
        assert_eq!(read(body.as_bytes()), Ok(Some(expect)));
    }

    #[test]
    fn both_status_and_result_decide() {
        let failed = |words: &str| CommandAnswer::Failed(words.into());
        let result = |word| strings(&[("InvitationResult", word)]);
        let chain = "<key>ErrorChain</key><array><dict><key>ErrorCode</key><integer>12021</integer><key>ErrorDomain</key><string>MCMDMErrorDomain</string>\
                     <key>LocalizedDescription</key><string>Onbekend</string><key>USEnglishDescription</key><string>Unknown\ncommand</string></dict></array>";
        let cases = [
            ("Acknowledged", result("Acknowledged"), CommandAnswer::Shown),
            ("Acknowledged", result("InvalidInvitationURL"), failed("the device says InvalidInvitationURL")),
            ("Acknowledged", result("InvalidProgramID"), failed("the device says InvalidProgramID")),
            ("Acknowledged", String::new(), failed("the device acknowledged the command without an invitation result")),
            ("NotNow", String::new(), CommandAnswer::NotNow),
            ("Error", chain.to_owned(), failed("Error: MCMDMErrorDomain 12021: Unknown command")),
            ("Error", String::new(), failed("the device says Error")),
            ("CommandFormatError", String::new(), failed("the device says CommandFormatError")),
            ("Error", result("Acknowledged"), failed("the device says Error")),
        ];
        for (status, body, expect) in cases {
            assert_eq!(answer(status, &body), expect, "{status} {body}");
        }
    }

    #[test]
    fn idle_is_a_sign_of_life() {
        let event = json!({ "topic": "mdm.Connect", "acknowledge_event": { "udid": UDID, "status": "Idle", "raw_payload": "" } });
        assert_eq!(read(event.to_string().as_bytes()), Ok(Some(DeviceReport::Idle { udid: UDID.into() })));
    }

    #[test]
    fn a_device_enrols_and_leaves() {
        let body = strings(&[
            ("SerialNumber", "C02X"),
            ("DeviceName", "Ana's iPad"),
            ("ProductName", "iPad13,1"),
            ("OSVersion", "18.1"),
        ]);
        let reset = DeviceReport::Reset {
            udid: UDID.into(),
            serial: Some("C02X".into()),
            name: Some("Ana's iPad".into()),
            model: Some("iPad13,1".into()),
            os_version: Some("18.1".into()),
        };
        assert_eq!(checkin("mdm.Authenticate", &body), Ok(Some(reset)));
        let device = DeviceReport::Enrolled { udid: UDID.into(), user_channel: None };
        assert_eq!(checkin("mdm.TokenUpdate", &strings(&[("PushMagic", "SECRET")])), Ok(Some(device)));
        assert_eq!(checkin("mdm.CheckOut", ""), Ok(Some(DeviceReport::Left { udid: UDID.into() })));
        assert_eq!(checkin("mdm.CheckOut", &strings(&[("UserID", "F151")])), Ok(None));
    }

    #[test]
    fn a_user_channel_is_named_as_the_server_names_it() {
        let user = |pairs: &[(&str, &str)]| match checkin("mdm.TokenUpdate", &strings(pairs)) {
            Ok(Some(DeviceReport::Enrolled { user_channel, .. })) => user_channel.map(|u| (u.id, u.short_name)),
            other => panic!("{other:?}"),
        };
        assert_eq!(user(&[("UserID", "F151-3988"), ("UserShortName", "ana")]), Some(("F151-3988".into(), Some("ana".into()))));
        let shared = user(&[("UserID", SHARED_IPAD_USER), ("UserShortName", "ana@school.example")]);
        assert_eq!(shared, Some(("ana@school.example".into(), Some("ana@school.example".into()))));
        assert_eq!(user(&[("UserID", SHARED_IPAD_USER)]), None);
    }

    #[test]
    fn what_says_nothing_for_us_is_left_out() {
        for topic in ["mdm.UserAuthenticate", "mdm.GetBootstrapToken", "mdm.DeclarativeManagement", "mdm.New"] {
            assert_eq!(checkin(topic, ""), Ok(None), "{topic}");
        }
        let byod = json!({ "topic": "mdm.TokenUpdate", "checkin_event": { "enrollment_id": "E1", "raw_payload": plist("") } });
        assert_eq!(read(byod.to_string().as_bytes()), Ok(None));
    }

    #[test]
    fn what_is_no_event_says_why() {
        let read = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(read(""), "the body is not an MDM webhook event");
        assert_eq!(read(&"[".repeat(200_000)), "the body is not an MDM webhook event");
        assert_eq!(read(r#"{"topic":"mdm.Connect"}"#), "the event has no \"acknowledge_event\"");
        assert_eq!(read(r#"{"topic":"mdm.CheckOut","checkin_event":{"raw_payload":"%"}}"#), "the payload is not Base64");
        let deep = STANDARD.encode("<array>".repeat(20_000));
        let event = json!({ "topic": "mdm.CheckOut", "checkin_event": { "raw_payload": deep } }).to_string();
        assert_eq!(read(&event), "the payload is nested too deeply");
    }

    #[test]
    fn foreign_text_is_bounded() {
        let long = strings(&[("DeviceName", &"x".repeat(1000)), ("SerialNumber", "a&#10;b")]);
        let Ok(Some(DeviceReport::Reset { name, serial, .. })) = checkin("mdm.Authenticate", &long) else { panic!() };
        assert_eq!((name, serial), (None, None));
        let CommandAnswer::Failed(words) = answer("Acknowledged", &strings(&[("InvitationResult", &"é".repeat(250))])) else {
            panic!()
        };
        assert!(words.chars().count() <= 220);
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bodies_never_panic(body: Vec<u8>, payload: Vec<u8>, status in "\\PC*|Acknowledged|Error|Idle") {
            let _ = read(&body);
            let raw = STANDARD.encode(payload);
            for topic in ["mdm.Authenticate", "mdm.TokenUpdate", "mdm.CheckOut", "mdm.Connect"] {
                let event = json!({ "topic": topic, "checkin_event": { "raw_payload": raw },
                    "acknowledge_event": { "raw_payload": raw, "status": status, "command_uuid": "u" } });
                let _ = read(event.to_string().as_bytes());
            }
        }
    }
}
