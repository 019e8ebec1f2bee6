//! What a device said, in the envelope that NanoMDM posts to its webhook.

use base64::Engine as _;
use plist::{Dictionary, Value as Plist};
use serde_json::{Map, Value, json};

use crate::domain::device::Enrollment;
use crate::sim::devices::{DeviceSays, Said};
use crate::sim::seed::Seed;

/// The topic that the simulated push certificate has.
const PUSH_TOPIC: &str = "com.apple.mgmt.External.simulated";

/// The JSON body of one post. `number` makes the event's id.
pub(super) fn envelope(says: &DeviceSays, number: u64) -> Value {
    let (topic, key, event) = match &says.said {
        Said::Authenticate { .. } => ("mdm.Authenticate", "checkin_event", checkin(says)),
        Said::TokenUpdate { .. } => ("mdm.TokenUpdate", "checkin_event", checkin(says)),
        Said::CheckOut => ("mdm.CheckOut", "checkin_event", checkin(says)),
        _ => ("mdm.Connect", "acknowledge_event", acknowledge(says)),
    };
    json!({
        "topic": topic,
        "event_id": Seed::named(number, &["webhook"]).uuid(),
        "created_at": says.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        key: event,
    })
}

fn checkin(says: &DeviceSays) -> Value {
    let mut event = about(says);
    if matches!(says.said, Said::TokenUpdate { .. }) {
        event.insert("token_update_tally".to_owned(), Value::from(1));
    }
    Value::from(event)
}

fn acknowledge(says: &DeviceSays) -> Value {
    let mut event = about(says);
    event.insert("status".to_owned(), Value::from(status(&says.said)));
    if let Some(uuid) = command_uuid(&says.said) {
        event.insert("command_uuid".to_owned(), Value::from(uuid));
    }
    Value::from(event)
}

fn about(says: &DeviceSays) -> Map<String, Value> {
    let byod = says.enrollment == Enrollment::User;
    let kind = match (&says.user, byod) {
        (Some(user), _) if user.shared_ipad => "Shared iPad",
        (Some(_), true) => "User Enrollment",
        (Some(_), false) => "User",
        (None, true) => "User Enrollment (Device)",
        (None, false) => "Device",
    };
    let mut ids = json!({ "id": says.enrollment_id.0, "type": kind });
    if let (Some(map), Some(_)) = (ids.as_object_mut(), &says.user) {
        map.insert("parent_id".to_owned(), Value::from(says.udid.as_str()));
    }
    let mut event = Map::new();
    event.insert(if byod { "enrollment_id" } else { "udid" }.to_owned(), Value::from(says.udid.as_str()));
    event.insert("ids".to_owned(), ids);
    event.insert("raw_payload".to_owned(), Value::from(raw_payload(says)));
    event
}

fn status(said: &Said) -> &'static str {
    match said {
        Said::Acknowledged { .. } => "Acknowledged",
        Said::NotNow { .. } => "NotNow",
        Said::Error { .. } => "Error",
        _ => "Idle",
    }
}

fn command_uuid(said: &Said) -> Option<&str> {
    match said {
        Said::Acknowledged { command_uuid, .. } | Said::NotNow { command_uuid } | Said::Error { command_uuid, .. } => {
            Some(command_uuid)
        }
        _ => None,
    }
}

/// The device's own property list, in Base64.
fn raw_payload(says: &DeviceSays) -> String {
    let mut plist = Dictionary::new();
    let mut put = |key: &str, value: Plist| {
        plist.insert(key.to_owned(), value);
    };
    put(if says.enrollment == Enrollment::User { "EnrollmentID" } else { "UDID" }, Plist::from(says.udid.as_str()));
    if let Some(user) = &says.user {
        put("UserID", Plist::from(user.id.as_str()));
        put("UserShortName", Plist::from(user.short_name.as_str()));
        put("UserLongName", Plist::from(user.short_name.as_str()));
    }
    match &says.said {
        Said::Authenticate { serial, name, model, os_version } => {
            put("MessageType", Plist::from("Authenticate"));
            put("Topic", Plist::from(PUSH_TOPIC));
            put("SerialNumber", Plist::from(serial.as_str()));
            put("DeviceName", Plist::from(name.as_str()));
            put("ProductName", Plist::from(model.as_str()));
            put("OSVersion", Plist::from(os_version.as_str()));
        }
        Said::TokenUpdate { .. } => {
            let mut seed = Seed::named(0, &["push token", &says.enrollment_id.0]);
            let token: Vec<u8> = (0..4).flat_map(|_| seed.draw().to_be_bytes()).collect();
            put("MessageType", Plist::from("TokenUpdate"));
            put("Topic", Plist::from(PUSH_TOPIC));
            put("Token", Plist::Data(token));
            put("PushMagic", Plist::from(seed.uuid().to_uppercase()));
        }
        Said::CheckOut => {
            put("MessageType", Plist::from("CheckOut"));
            put("Topic", Plist::from(PUSH_TOPIC));
        }
        said => {
            put("Status", Plist::from(status(said)));
            if let Some(uuid) = command_uuid(said) {
                put("CommandUUID", Plist::from(uuid));
            }
        }
    }
    match &says.said {
        Said::Acknowledged { invitation_result, .. } if !invitation_result.is_empty() => {
            put("InvitationResult", Plist::from(invitation_result.as_str()));
        }
        Said::Error { code, domain, text, .. } => {
            let mut link = Dictionary::new();
            link.insert("ErrorCode".to_owned(), Plist::from(*code));
            link.insert("ErrorDomain".to_owned(), Plist::from(domain.as_str()));
            link.insert("LocalizedDescription".to_owned(), Plist::from(text.as_str()));
            link.insert("USEnglishDescription".to_owned(), Plist::from(text.as_str()));
            put("ErrorChain", Plist::Array(vec![Plist::from(link)]));
        }
        _ => {}
    }
    let mut xml = Vec::new();
    // Writing to memory doesn't fail.
    let _ = Plist::from(plist).to_writer_xml(&mut xml);
    base64::engine::general_purpose::STANDARD.encode(xml)
}
