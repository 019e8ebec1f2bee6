//! What we ask Apple: bodies and queries, and the rows that Apple would refuse refused before they leave.

use std::collections::HashMap;

use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::error;
use crate::ports::apps_and_books::{
    CallError, CallErrorKind, Called, NOTIFICATION_TYPES, Owner, Subscription, UserQuery, UserRequest,
};

/// Which of a user's fields a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    All,
    /// Retiring needs no more, and sends no more.
    Id,
}

/// The body of `users/create`, `users/update` and `users/retire`.
pub fn users_request(users: &[UserRequest], fields: Fields) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Row<'a> {
        client_user_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        email: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        managed_apple_id: Option<&'a str>,
    }
    let rows: Vec<Row<'_>> = users
        .iter()
        .map(|user| Row {
            client_user_id: &user.client_user_id,
            email: user.email.as_deref().filter(|_| fields == Fields::All),
            managed_apple_id: user.managed_apple_id.as_deref().filter(|_| fields == Fields::All),
        })
        .collect();
    serde_json::json!({ "users": rows }).to_string().into_bytes()
}

/// The body of `client/config` that says whose the unit is.
pub fn client_config_request(owner: &Owner) -> Vec<u8> {
    serde_json::json!({ "mdmInfo": owner }).to_string().into_bytes()
}

/// The body of `client/config` that says where notifications go; `mdmInfo` stays as it is.
pub fn subscription_request(to: &Subscription) -> Vec<u8> {
    serde_json::json!({
        "notificationUrl": to.url,
        "notificationAuthToken": to.token.expose_secret(),
        "notificationTypes": NOTIFICATION_TYPES,
    })
    .to_string()
    .into_bytes()
}

/// Apple refuses a whole request for one row that comes twice (9715), or that names nobody.
pub fn without_repetitions(users: Vec<UserRequest>) -> Called<Vec<UserRequest>> {
    let refused =
        |words: &str, ids: Vec<String>| Err(CallError { client_user_ids: ids, ..error::of(CallErrorKind::Refused, words) });
    if users.is_empty() || users.iter().any(|user| user.client_user_id.is_empty()) {
        return refused("a request about users must name each of them, and at least one", Vec::new());
    }
    let mut seen = HashMap::<String, usize>::new();
    let mut kept: Vec<UserRequest> = Vec::with_capacity(users.len());
    for user in users {
        match seen.get(&user.client_user_id).and_then(|at| kept.get(*at)) {
            None => {
                seen.insert(user.client_user_id.clone(), kept.len());
                kept.push(user);
            }
            Some(same) if *same == user => {}
            Some(_) => return refused("one request names a user twice, with different data", vec![user.client_user_id]),
        }
    }
    Ok(kept)
}

/// The query of `GET /users`.
///
/// # Errors
/// A `clientUserId` that names nobody.
pub fn users_query(query: UserQuery) -> Called<Vec<(&'static str, String)>> {
    let mut pairs = Vec::new();
    match query.client_user_id {
        // Apple would list everybody.
        Some(id) if id.is_empty() => {
            return Err(error::of(CallErrorKind::Refused, "a user without a clientUserId can't be asked for"));
        }
        Some(id) => pairs.push(("clientUserId", id)),
        None => {}
    }
    if query.active_only {
        pairs.push(("activeOnly", "true".to_owned()));
    }
    if let Some(version) = query.since_version.filter(|v| !v.is_empty()) {
        pairs.push(("sinceVersionId", version));
    }
    pairs.extend(page_query(query.page.unwrap_or(0)));
    Ok(pairs)
}

/// The first page is asked for without a number (using-paginated-endpoints).
pub fn page_query(page: u32) -> Vec<(&'static str, String)> {
    if page == 0 { Vec::new() } else { vec![("pageIndex", page.to_string())] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_carry_what_they_need_and_no_nulls() {
        let user = UserRequest { client_user_id: "u1".into(), email: Some("a@b.example".into()), managed_apple_id: None };
        let text = |fields| String::from_utf8(users_request(std::slice::from_ref(&user), fields)).unwrap();
        assert_eq!(text(Fields::All), r#"{"users":[{"clientUserId":"u1","email":"a@b.example"}]}"#);
        assert_eq!(text(Fields::Id), r#"{"users":[{"clientUserId":"u1"}]}"#);
    }
}
