//! Apps and Books in JSON: reading what a client asks, writing what Apple answers.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::ports::apps_and_books::{Asset, EventState, Owner, UserPage, UserRequest};
use crate::sim::apple::{AppleConfig, AppleError, Assignment, EventView, TABLE, UnitView, user_json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsersBody {
    #[serde(default)]
    users: Vec<UserBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserBody {
    #[serde(default)]
    client_user_id: String,
    email: Option<String>,
    managed_apple_id: Option<String>,
}

impl UsersBody {
    pub fn users(self) -> Vec<UserRequest> {
        let users = self.users.into_iter();
        users
            .map(|u| UserRequest { client_user_id: u.client_user_id, email: u.email, managed_apple_id: u.managed_apple_id })
            .collect()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientConfigBody {
    mdm_info: Option<MdmInfoBody>,
    pub notification_url: Option<String>,
    pub notification_auth_token: Option<String>,
    pub notification_types: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct MdmInfoBody {
    id: Option<String>,
    name: Option<String>,
    metadata: Option<String>,
}

impl ClientConfigBody {
    /// The owner to be written, where one is named.
    ///
    /// # Errors
    /// 9723 when a part is missing.
    pub fn owner(&self) -> Result<Option<Owner>, AppleError> {
        let Some(info) = &self.mdm_info else { return Ok(None) };
        match (&info.id, &info.name, &info.metadata) {
            (Some(id), Some(name), Some(metadata)) => {
                Ok(Some(Owner { id: id.clone(), name: name.clone(), metadata: metadata.clone() }))
            }
            _ => Err(AppleError::new(9723)),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LicencesBody {
    #[serde(default)]
    assets: Vec<AssetBody>,
    #[serde(default)]
    pub client_user_ids: Vec<String>,
    #[serde(default)]
    pub serial_numbers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssetBody {
    adam_id: String,
}

impl LicencesBody {
    pub fn adam_ids(&self) -> Vec<String> {
        self.assets.iter().map(|a| a.adam_id.clone()).collect()
    }
}

/// `GET service/config`.
pub(super) fn service_config(config: &AppleConfig) -> Value {
    let limits = config.limits;
    let base = &config.base_url;
    let errors: Vec<Value> = TABLE.iter().map(|(n, _, text)| json!({ "errorNumber": n, "errorMessage": text })).collect();
    json!({
        "errorCodes": errors,
        "limits": {
            "maxUsers": limits.max_users,
            "maxAssets": limits.max_assets,
            "maxClientUserIds": limits.max_client_user_ids,
            "maxSerialNumbers": limits.max_serial_numbers,
            "maxRevokeClientUserIds": 100,
            "maxRevokeSerialNumbers": 100,
            "maxNotificationLength": limits.max_notification,
            "maxMdmIdLength": limits.max_mdm_id,
            "maxMdmNameLength": limits.max_mdm_name,
            "maxMdmMetadataLength": limits.max_mdm_metadata,
            "maxRequestPerSecond": limits.max_requests_per_second,
        },
        "notificationTypes": ["ASSET_MANAGEMENT", "USER_MANAGEMENT", "USER_ASSOCIATED", "ASSET_COUNT"],
        "urls": {
            "invitationEmail": config.invitation_url,
            "clientConfig": format!("{base}/client/config"),
            "createUsers": format!("{base}/users/create"),
            "updateUsers": format!("{base}/users/update"),
            "retireUsers": format!("{base}/users/retire"),
            "getUsers": format!("{base}/users"),
            "eventStatus": format!("{base}/status"),
            "getAssets": format!("{base}/assets"),
            "getAssignments": format!("{base}/assignments"),
            "associateAssets": format!("{base}/assets/associate"),
            "disassociateAssets": format!("{base}/assets/disassociate"),
            "revokeAssets": format!("{base}/assets/revoke"),
        },
    })
}

/// The fields that every authenticated answer has, added to `body`.
pub(super) fn with_common(mut body: Value, view: &UnitView) -> Value {
    if let Some(map) = body.as_object_mut() {
        common(map, view);
    }
    body
}

fn common(map: &mut Map<String, Value>, view: &UnitView) {
    map.insert("uId".to_owned(), Value::from(view.u_id.as_str()));
    if let Some(owner) = &view.owner {
        let info = json!({ "id": owner.id, "name": owner.name, "metadata": owner.metadata });
        map.insert("mdmInfo".to_owned(), info);
    }
    if let Some(at) = view.token_expires {
        map.insert("tokenExpirationDate".to_owned(), Value::from(at.format("%Y-%m-%dT%H:%M:%S+0000").to_string()));
    }
}

/// `client/config`, without the common fields.
pub(super) fn client_config(view: &UnitView) -> Value {
    let (platform, site) =
        if view.school { ("volumestore", "https://school.apple.com") } else { ("enterprisestore", "https://business.apple.com") };
    let mut body = json!({ "defaultPlatform": platform, "locationName": view.location, "websiteURL": site });
    if let Some(map) = body.as_object_mut() {
        if let Some(country) = &view.country {
            map.insert("countryISO2ACode".to_owned(), Value::from(country.as_str()));
        }
        if let Some(subscription) = &view.subscription {
            map.insert("notificationUrl".to_owned(), Value::from(subscription.url.as_str()));
            map.insert("notificationAuthToken".to_owned(), Value::from(subscription.auth_token.as_str()));
            map.insert("subscribedNotificationTypes".to_owned(), json!(subscription.types));
        }
    }
    body
}

/// `GET users`, without the common fields.
pub(super) fn users(page: &UserPage, index: u32) -> Value {
    let users: Vec<Value> = page.users.iter().map(user_json).collect();
    let mut body = json!({
        "currentPageIndex": index,
        "size": users.len(),
        "totalPages": page.total_pages,
        "users": users,
        "versionId": page.version,
    });
    if let (Some(next), Some(map)) = (page.next_page, body.as_object_mut()) {
        map.insert("nextPageIndex".to_owned(), Value::from(next));
    }
    body
}

/// `GET status`, without the common fields.
pub(super) fn event(view: &EventView) -> Value {
    let word = match view.status.state {
        EventState::Pending => "PENDING",
        EventState::Complete => "COMPLETE",
        EventState::Failed => "FAILED",
    };
    let failures = view.status.failures.iter();
    let failures: Vec<Value> = failures
        .map(|f| {
            json!({
                "errorNumber": f.number,
                "errorMessage": f.message,
                "errorInfo": { "clientUserIds": f.client_user_ids },
            })
        })
        .collect();
    let mut body = json!({
        "eventStatus": word,
        "eventType": view.kind.word(),
        "numRequested": view.asked,
        "numCompleted": view.completed,
    });
    if let Some(map) = body.as_object_mut().filter(|_| !failures.is_empty()) {
        map.insert("failures".to_owned(), Value::from(failures));
    }
    body
}

/// `GET assets`, without the common fields.
pub(super) fn assets(assets: &[Asset]) -> Value {
    let rows = assets.iter().map(|a| {
        json!({
            "adamId": a.adam_id,
            "pricingParam": a.pricing,
            "productType": a.kind,
            "assignedCount": a.assigned,
            "availableCount": a.available,
            "retiredCount": 0,
            "totalCount": a.total,
            "deviceAssignable": a.kind == "App",
            "revocable": a.kind == "App",
            "supportedPlatforms": ["iOS"],
        })
    });
    let rows: Vec<Value> = rows.collect();
    json!({ "assets": rows, "currentPageIndex": 0, "size": rows.len(), "totalPages": 1 })
}

/// `GET assignments`, without the common fields.
pub(super) fn assignments(assignments: &[Assignment], index: u32, next: Option<u32>) -> Value {
    let rows = assignments.iter().map(|a| {
        let mut row = json!({ "adamId": a.adam_id, "pricingParam": a.pricing });
        if let Some(map) = row.as_object_mut() {
            for (name, value) in [("clientUserId", &a.client_user_id), ("serialNumber", &a.serial_number)] {
                if let Some(value) = value {
                    map.insert(name.to_owned(), Value::from(value.as_str()));
                }
            }
        }
        row
    });
    let rows: Vec<Value> = rows.collect();
    let pages = next.map_or(index + 1, |next| next + 1);
    let mut body = json!({ "assignments": rows, "currentPageIndex": index, "size": rows.len(), "totalPages": pages });
    if let (Some(next), Some(map)) = (next, body.as_object_mut()) {
        map.insert("nextPageIndex".to_owned(), Value::from(next));
    }
    body
}

pub(super) fn error(error: &AppleError) -> Value {
    let mut body = json!({ "errorNumber": error.number, "errorMessage": error.message });
    if let Some(map) = body.as_object_mut().filter(|_| !error.client_user_ids.is_empty()) {
        map.insert("errorInfo".to_owned(), json!({ "clientUserIds": error.client_user_ids }));
    }
    body
}
