//! Licences in Apple's JSON: asking for them to be handed out, and reading who holds which.

use std::collections::HashSet;

use serde::Deserialize;

use super::bodies::{later_page, parse};
use super::error;
use super::requests::page_query;
use crate::ports::apps_and_books::{Assignment, AssignmentPage, AssignmentQuery, CallError, CallErrorKind, Called, HandOut};

fn refused(words: &str) -> CallError {
    error::of(CallErrorKind::Refused, words)
}

/// The body of `assets/associate`. Apple refuses a request that names somebody twice (9704), or nobody (9719).
///
/// # Errors
/// It names no asset or nobody.
pub fn associate_request(what: &HandOut) -> Called<Vec<u8>> {
    let mut seen = HashSet::new();
    let ids: Vec<&str> = what.client_user_ids.iter().map(String::as_str).filter(|id| seen.insert(*id)).collect();
    if what.adam_id.is_empty() || ids.is_empty() || ids.iter().any(|id| id.is_empty()) {
        return Err(refused("a request for licences must name an asset and each person"));
    }
    let mut asset = serde_json::json!({ "adamId": what.adam_id });
    if let Some(map) = asset.as_object_mut().filter(|_| !what.pricing.is_empty()) {
        map.insert("pricingParam".to_owned(), what.pricing.as_str().into());
    }
    Ok(serde_json::json!({ "assets": [asset], "clientUserIds": ids }).to_string().into_bytes())
}

/// The query of `GET /assignments`.
///
/// # Errors
/// An id that names nothing: Apple would list everything.
pub fn assignments_query(query: AssignmentQuery) -> Called<Vec<(&'static str, String)>> {
    let mut pairs = Vec::new();
    for (name, value) in [("adamId", query.adam_id), ("clientUserId", query.client_user_id)] {
        match value {
            Some(id) if id.is_empty() => return Err(refused("licences can't be asked for by an empty id")),
            Some(id) => pairs.push((name, id)),
            None => {}
        }
    }
    pairs.extend(page_query(query.page.unwrap_or(0)));
    Ok(pairs)
}

/// One page, asked for as page `asked`.
pub fn assignment_page(body: &[u8], asked: u32) -> Option<AssignmentPage> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        assignments: Option<Vec<Option<Row>>>,
        next_page_index: Option<i64>,
        total_pages: Option<i64>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row {
        adam_id: Option<String>,
        client_user_id: Option<String>,
    }
    let wire: Wire = parse(body)?;
    // An object that is no page at all must not be read as "nobody holds a licence".
    if wire.assignments.is_none() && wire.total_pages.is_none() {
        return None;
    }
    let assignment = |row: Row| {
        Some(Assignment {
            adam_id: row.adam_id.filter(|id| !id.is_empty())?,
            client_user_id: row.client_user_id.filter(|id| !id.is_empty())?,
        })
    };
    Some(AssignmentPage {
        assignments: wire.assignments.into_iter().flatten().flatten().filter_map(assignment).collect(),
        next_page: later_page(wire.next_page_index, asked)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_everybody_once() {
        let what = HandOut {
            adam_id: "361285480".into(),
            pricing: "STDQ".into(),
            client_user_ids: vec!["a".into(), "b".into(), "a".into()],
        };
        let body: serde_json::Value = serde_json::from_slice(&associate_request(&what).unwrap()).unwrap();
        let expected =
            serde_json::json!({"assets": [{"adamId": "361285480", "pricingParam": "STDQ"}], "clientUserIds": ["a", "b"]});
        assert_eq!(body, expected);
        assert!(associate_request(&HandOut { client_user_ids: vec![], ..what.clone() }).is_err());
        assert!(associate_request(&HandOut { client_user_ids: vec![String::new()], ..what }).is_err());
    }

    #[test]
    fn a_page_of_licences_leaves_devices_out() {
        let body = br#"{"totalPages":2,"nextPageIndex":1,"assignments":[
            {"adamId":"1","clientUserId":"a"},{"adamId":"1","serialNumber":"F1"},null,{"clientUserId":"b"}]}"#;
        let page = assignment_page(body, 0).unwrap();
        assert_eq!(page.assignments, [Assignment { adam_id: "1".into(), client_user_id: "a".into() }]);
        assert_eq!(page.next_page, Some(1));
        assert!(assignment_page(br#"{"totalPages":2,"nextPageIndex":1}"#, 1).is_none(), "a walk ends");
        assert!(assignment_page(br#"{"uId":"1"}"#, 0).is_none());
    }
}
