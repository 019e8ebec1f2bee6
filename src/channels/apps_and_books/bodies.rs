//! Apple's JSON, read into the port's words. Unknown fields are ignored, nulls are as good as
//! missing, and a body without the fields that make it an answer is none.

use std::collections::HashMap;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::content_token::parse_apple_date;
use crate::ports::apps_and_books::{
    Asset, AssetPage, EventFailure, EventState, EventStatus, Owner, RecordStatus, Unit, UserPage, UserRecord,
};

/// Names of one failure that are kept; `maxClientUserIds` is as many.
const NAMED_MAX: usize = 1_000;

/// An invite code is 32 characters; what is longer than this is none.
const CODE_MAX: usize = 256;

/// `maxNotificationLength` is 512.
const URL_MAX: usize = 2_048;

/// What every answer may hold.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Common {
    error_number: Option<i64>,
    error_message: Option<String>,
    error_info: Option<ErrorInfo>,
    mdm_info: Option<MdmInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorInfo {
    client_user_ids: Option<Vec<Option<String>>>,
}

#[derive(Deserialize)]
struct MdmInfo {
    id: Option<String>,
    name: Option<String>,
    metadata: Option<String>,
}

impl Common {
    /// Apple's error number; zero is none.
    pub fn number(&self) -> Option<i32> {
        self.error_number.filter(|n| *n != 0).map(|n| i32::try_from(n).unwrap_or(i32::MAX))
    }

    pub fn message(&self) -> Option<&str> {
        self.error_message.as_deref().filter(|m| !m.trim().is_empty())
    }

    pub fn owner(&self) -> Option<Owner> {
        self.mdm_info.as_ref().and_then(MdmInfo::owner)
    }

    pub fn client_user_ids(self) -> Vec<String> {
        self.error_info.map(ErrorInfo::names).unwrap_or_default()
    }
}

impl ErrorInfo {
    fn names(self) -> Vec<String> {
        self.client_user_ids.into_iter().flatten().flatten().take(NAMED_MAX).collect()
    }
}

impl MdmInfo {
    /// Without an id nobody is named.
    fn owner(&self) -> Option<Owner> {
        let text = |field: &Option<String>| one_line(field.as_deref().unwrap_or_default());
        let id = self.id.as_deref().map(one_line).filter(|id| !id.is_empty())?;
        Some(Owner { id, name: text(&self.name), metadata: text(&self.metadata) })
    }
}

/// Foreign text for people: on one line, without controls, and bounded (`maxMdmMetadataLength` is 255).
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

pub fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    // Structs can be read from arrays, too; an answer of Apple's is an object.
    (body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{')).then(|| serde_json::from_slice(body).ok()).flatten()
}

pub fn common(body: &[u8]) -> Option<Common> {
    parse(body)
}

/// `service/config` as it is; what can be trusted in it is another file's question.
pub struct WireServiceConfig {
    pub limits: HashMap<String, Value>,
    pub urls: HashMap<String, Value>,
}

pub fn service_config(body: &[u8]) -> Option<WireServiceConfig> {
    #[derive(Deserialize)]
    struct Wire {
        limits: Option<HashMap<String, Value>>,
        urls: Option<HashMap<String, Value>>,
    }
    let wire: Wire = parse(body)?;
    (wire.limits.is_some() || wire.urls.is_some())
        .then(|| WireServiceConfig { limits: wire.limits.unwrap_or_default(), urls: wire.urls.unwrap_or_default() })
}

pub fn unit(body: &[u8]) -> Option<Unit> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        u_id: Option<String>,
        location_name: Option<String>,
        #[serde(rename = "countryISO2ACode")]
        country: Option<String>,
        default_platform: Option<String>,
        #[serde(rename = "websiteURL")]
        website: Option<String>,
        mdm_info: Option<MdmInfo>,
        token_expiration_date: Option<String>,
        notification_url: Option<String>,
    }
    let wire: Wire = parse(body)?;
    Some(Unit {
        u_id: one_line(&wire.u_id.filter(|id| !id.is_empty())?),
        location: one_line(&wire.location_name.unwrap_or_default()),
        country: wire.country.map(|c| one_line(&c)),
        school: match wire.default_platform.as_deref() {
            Some("volumestore") => true,
            Some("enterprisestore") => false,
            _ => wire.website.is_some_and(|url| url.starts_with("https://school.apple.com")),
        },
        owner: wire.mdm_info.as_ref().and_then(MdmInfo::owner),
        token_expires: wire.token_expiration_date.as_deref().and_then(parse_apple_date),
        notification_url: wire.notification_url.filter(|url| !url.is_empty()).map(|url| url.chars().take(URL_MAX).collect()),
    })
}

/// One page, asked for as page `asked`. `None` also when the next page is not a later one: a walk
/// must end.
pub fn user_page(body: &[u8], asked: u32) -> Option<UserPage> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        users: Option<Vec<Option<Row>>>,
        next_page_index: Option<i64>,
        total_pages: Option<i64>,
        version_id: Option<String>,
        u_id: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row {
        client_user_id: Option<String>,
        email: Option<String>,
        invite_code: Option<String>,
        id_hash: Option<String>,
        status: Option<String>,
    }
    let wire: Wire = parse(body)?;
    // An object that is no page at all must not be read as "there is no such user".
    if wire.users.is_none() && wire.version_id.is_none() && wire.total_pages.is_none() {
        return None;
    }
    let record = |row: Row| {
        Some(UserRecord {
            client_user_id: row.client_user_id.filter(|id| !id.is_empty())?,
            email: row.email,
            status: status(row.status.unwrap_or_default()),
            invite_code: row.invite_code.filter(|c| !c.is_empty() && c.len() <= CODE_MAX).map(SecretString::from),
            id_hash: row.id_hash,
        })
    };
    Some(UserPage {
        users: wire.users.into_iter().flatten().flatten().filter_map(record).collect(),
        next_page: later_page(wire.next_page_index, asked)?,
        total_pages: wire.total_pages.and_then(|n| u32::try_from(n).ok()).unwrap_or(1),
        version: wire.version_id.unwrap_or_default(),
        unit: wire.u_id.filter(|id| !id.is_empty()).as_deref().map(one_line),
    })
}

fn status(word: String) -> RecordStatus {
    match word.as_str() {
        "Registered" => RecordStatus::Registered,
        "Associated" => RecordStatus::Associated,
        "Retired" => RecordStatus::Retired,
        _ => RecordStatus::Other(one_line(&word)),
    }
}

/// `None` when the page that is said to be next can't be.
pub fn later_page(next: Option<i64>, asked: u32) -> Option<Option<u32>> {
    match next {
        None => Some(None),
        Some(next) => u32::try_from(next).ok().filter(|next| *next > asked).map(Some),
    }
}

pub fn asset_page(body: &[u8], asked: u32) -> Option<AssetPage> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        assets: Option<Vec<Option<Row>>>,
        next_page_index: Option<i64>,
        total_pages: Option<i64>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row {
        adam_id: Option<String>,
        pricing_param: Option<String>,
        product_type: Option<String>,
        available_count: Option<i64>,
        assigned_count: Option<i64>,
        total_count: Option<i64>,
    }
    let wire: Wire = parse(body)?;
    if wire.assets.is_none() && wire.total_pages.is_none() {
        return None;
    }
    let count = |n: Option<i64>| u32::try_from(n.unwrap_or(0).max(0)).unwrap_or(u32::MAX);
    let asset = |row: Row| {
        Some(Asset {
            adam_id: row.adam_id.filter(|id| !id.is_empty())?,
            pricing: row.pricing_param.unwrap_or_default(),
            kind: row.product_type.unwrap_or_default(),
            available: count(row.available_count),
            assigned: count(row.assigned_count),
            total: count(row.total_count),
        })
    };
    Some(AssetPage {
        assets: wire.assets.into_iter().flatten().flatten().filter_map(asset).collect(),
        next_page: later_page(wire.next_page_index, asked)?,
    })
}

pub fn event_id(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        event_id: Option<String>,
    }
    parse::<Wire>(body)?.event_id.filter(|id| !id.is_empty() && id.len() <= 256)
}

/// `words` makes a failure's message fit for people.
pub fn event(body: &[u8], words: impl Fn(Option<i32>, Option<&str>) -> String) -> Option<EventStatus> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        event_status: Option<String>,
        failures: Option<Vec<Option<Common>>>,
    }
    let wire: Wire = parse(body)?;
    let state = match wire.event_status?.as_str() {
        "COMPLETE" => EventState::Complete,
        "FAILED" => EventState::Failed,
        // `PENDING`, or a word of tomorrow: nothing is concluded from it.
        _ => EventState::Pending,
    };
    let failure = |failure: Common| EventFailure {
        number: failure.number().unwrap_or(0),
        message: words(failure.number(), failure.message()),
        client_user_ids: failure.client_user_ids(),
    };
    Some(EventStatus { state, failures: wire.failures.into_iter().flatten().flatten().map(failure).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    fn bytes(value: &Value) -> Vec<u8> {
        value.to_string().into_bytes()
    }

    #[test]
    fn a_page_of_users() {
        let page = user_page(
            &bytes(&json!({
                "currentPageIndex": 1, "nextPageIndex": 2, "size": 4, "totalPages": 3, "versionId": "v1", "invention": {"a": [1]},
                "users": [
                    {"clientUserId": "u1", "email": "p.cox@orchard.example", "inviteCode": "0b7d", "status": "Registered"},
                    {"clientUserId": "u2", "idHash": "KCkq", "status": "Associated", "email": null, "inviteCode": null},
                    {"clientUserId": "u3", "status": "Paused"},
                    {"clientUserId": null, "status": "Registered"},
                    null,
                ],
            })),
            1,
        )
        .unwrap();
        let seen: Vec<_> = page.users.iter().map(|u| (u.client_user_id.as_str(), u.status.clone())).collect();
        assert_eq!(
            seen,
            [("u1", RecordStatus::Registered), ("u2", RecordStatus::Associated), ("u3", RecordStatus::Other("Paused".into()))]
        );
        assert_eq!(page.users[0].invite_code.as_ref().map(|c| c.expose_secret().to_owned()).as_deref(), Some("0b7d"));
        assert!(page.users[1].invite_code.is_none());
        assert!(!format!("{page:?}").contains("0b7d"));
        assert_eq!((page.next_page, page.total_pages, page.version.as_str()), (Some(2), 3, "v1"));
    }

    #[test]
    fn an_empty_page_is_a_page_and_something_else_is_not() {
        assert!(user_page(br#"{"versionId":"v2","users":null}"#, 0).unwrap().users.is_empty());
        for other in [r#"{}"#, r#"{"uId":"1"}"#, "[]", "[[],1,1,\"v\"]", "null", "", r#"{"users":[1]}"#, r#"{"users":{}}"#] {
            assert!(user_page(other.as_bytes(), 0).is_none(), "{other}");
        }
    }

    #[test]
    fn a_walk_that_would_not_end_is_not_begun() {
        for next in [-1, 0, 3, i64::MAX] {
            assert!(user_page(&bytes(&json!({ "users": [], "nextPageIndex": next })), 3).is_none(), "{next}");
            assert!(asset_page(&bytes(&json!({ "assets": [], "nextPageIndex": next })), 3).is_none(), "{next}");
        }
    }

    #[test]
    fn depth_is_skipped_where_it_is_not_read_and_refused_where_it_is() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(user_page(format!(r#"{{"users":[],"x":{deep}}}"#).as_bytes(), 0).is_some());
        assert!(service_config(format!(r#"{{"urls":{{"getUsers":{deep}}}}}"#).as_bytes()).is_none());
    }

    #[test]
    fn a_unit_of_a_school() {
        let body = json!({
            "countryISO2ACode": "GB", "defaultPlatform": "volumestore", "locationName": "North\nOrchard",
            "mdmInfo": {"id": "6a0a", "name": "beckon", "metadata": null}, "uId": "3107000000000421",
            "websiteURL": "https://school.apple.com", "tokenExpirationDate": "2031-03-09T07:15:00+0000",
        });
        let unit = unit(&bytes(&body)).unwrap();
        assert_eq!((unit.u_id.as_str(), unit.location.as_str(), unit.school), ("3107000000000421", "North Orchard", true));
        assert_eq!(unit.owner, Some(Owner { id: "6a0a".into(), name: "beckon".into(), metadata: String::new() }));
        assert_eq!(unit.token_expires.unwrap().to_rfc3339(), "2031-03-09T07:15:00+00:00");
        assert!(super::unit(br#"{"locationName":"x"}"#).is_none(), "a unit has an id");
        assert!(super::unit(br#"{"uId":"1","mdmInfo":{"id":"","name":"x"}}"#).unwrap().owner.is_none());
    }

    #[test]
    fn an_event_that_failed_in_part() {
        let body = json!({"eventStatus": "FAILED", "numRequested": 2, "failures": [
            {"errorNumber": 9635, "errorMessage": "no", "errorInfo": {"clientUserIds": ["u2", null]}}, null, {"errorNumber": 9644}]});
        let status = event(&bytes(&body), |number, message| format!("{number:?} {message:?}")).unwrap();
        assert_eq!(status.state, EventState::Failed);
        assert_eq!(
            status.failures,
            [
                EventFailure { number: 9635, message: "Some(9635) Some(\"no\")".into(), client_user_ids: vec!["u2".into()] },
                EventFailure { number: 9644, message: "Some(9644) None".into(), client_user_ids: vec![] },
            ]
        );
        let state = |word: &str| event(&bytes(&json!({ "eventStatus": word })), |_, _| String::new()).unwrap().state;
        assert_eq!(
            [state("PENDING"), state("COMPLETE"), state("PAUSED")],
            [EventState::Pending, EventState::Complete, EventState::Pending]
        );
        assert!(event(b"{}", |_, _| String::new()).is_none());
    }

    #[test]
    fn assets_count_what_can_be_counted() {
        let body = json!({"totalPages": 1, "assets": [
            {"adamId": "361285480", "pricingParam": "STDQ", "productType": "App", "availableCount": -1, "assignedCount": 2, "totalCount": 2_147_483_647_u32},
            {"pricingParam": "STDQ"}]});
        let page = asset_page(&bytes(&body), 0).unwrap();
        assert_eq!(
            page.assets,
            [Asset {
                adam_id: "361285480".into(),
                pricing: "STDQ".into(),
                kind: "App".into(),
                available: 0,
                assigned: 2,
                total: 2_147_483_647
            }]
        );
    }
}
