//! What the port promises about licences and notifications.

use beckon::ports::apps_and_books::{AssignmentQuery, CallErrorKind, HandOut, Subscription};
use beckon::sim::apple::Limits;

use super::*;

const BOOK: &str = "1490000001";

fn book(ids: &[&str]) -> HandOut {
    let client_user_ids = ids.iter().map(|id| (*id).to_owned()).collect();
    HandOut { adam_id: BOOK.to_owned(), pricing: "STDQ".to_owned(), client_user_ids }
}

impl Side {
    /// Who holds a licence of the book, from every page.
    async fn holders(&self) -> Vec<String> {
        let mut query = AssignmentQuery { adam_id: Some(BOOK.to_owned()), ..AssignmentQuery::default() };
        let mut held = Vec::new();
        loop {
            let page = self.port.assignments(query.clone()).await.unwrap();
            held.extend(page.assignments.into_iter().map(|a| a.client_user_id));
            if page.next_page.is_none() {
                return held;
            }
            query.page = page.next_page;
        }
    }
}

#[tokio::test]
async fn licences_are_handed_out_once_and_listed_page_by_page() {
    for (name, side) in sides().await {
        let ids = ["ana", "bo", "cem", "dora", "eva"];
        side.register(&ids).await;
        assert_eq!(side.holders().await, Vec::<String>::new(), "{name}");
        let event = side.port.hand_out(book(&ids)).await.unwrap();
        assert_eq!(side.ended(event).await.state, EventState::Complete, "{name}");
        assert_eq!(side.holders().await, ids, "{name}");
        // The same again changes nothing.
        let event = side.port.hand_out(book(&["bo"])).await.unwrap();
        assert_eq!(side.ended(event).await.state, EventState::Complete, "{name}");
        let assets = side.port.assets(None).await.unwrap().assets;
        let asset = assets.iter().find(|asset| asset.adam_id == BOOK).unwrap();
        assert_eq!((asset.assigned, asset.available, asset.total), (5, 55, 60), "{name}");
        let of_bo = AssignmentQuery { client_user_id: Some("bo".to_owned()), ..AssignmentQuery::default() };
        assert_eq!(side.port.assignments(of_bo).await.unwrap().assignments.len(), 1, "{name}");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn who_gets_none_is_named() {
    for (name, side) in sides().await {
        side.register(&["ana", "bo"]).await;
        lock(&side.world).apple.buy(start(), BOOK, 1 - 60);
        let event = side.port.hand_out(book(&["ana", "bo", "stranger"])).await.unwrap();
        let status = side.ended(event).await;
        let mut named: Vec<(i32, Vec<String>)> = status.failures.into_iter().map(|f| (f.number, f.client_user_ids)).collect();
        named.sort();
        assert_eq!(named, [(9609, vec!["stranger".to_owned()]), (9709, vec!["bo".to_owned()])], "{name}");
        assert_eq!(side.holders().await, ["ana"], "{name}");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn requests_for_licences_that_apple_would_refuse_are_refused() {
    for (name, side) in sides().await {
        lock(&side.world).apple.config.limits = Limits { max_client_user_ids: 2, ..Limits::default() };
        assert_eq!(side.port.limits().await.unwrap().holders_per_request, 2, "{name}");
        for (ids, expected) in [(&[][..], CallErrorKind::Refused), (&["a", "b", "c"][..], CallErrorKind::TooMany)] {
            let error = side.port.hand_out(book(ids)).await.unwrap_err();
            assert_eq!(error.kind, expected, "{name}: {error}");
        }
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_request_for_licences_is_unknown() {
    for (name, side) in sides().await {
        side.register(&["ana"]).await;
        lock(&side.world).apple.faults.drop_after_acting = 1;
        let error = side.port.hand_out(book(&["ana"])).await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::Unknown, "{name}: {error}");
        side.clock.advance(Span::seconds(31));
        assert_eq!(side.holders().await, ["ana"], "{name}: reading tells");
        side.assert_well_behaved(name);
    }
}

#[tokio::test]
async fn an_address_that_nobody_answers_at_gets_no_notifications() {
    for (name, side) in sides().await {
        lock(&side.world).apple.faults.subscriber_unreachable = true;
        // Nobody listens on port 9 of this machine.
        let to = Subscription { url: "http://127.0.0.1:9/apple/notify".to_owned(), token: "orchard".into() };
        let error = side.port.subscribe(to).await.unwrap_err();
        assert_eq!((error.kind, error.number), (CallErrorKind::Refused, Some(9728)), "{name}");
        let query = Subscription { url: "http://127.0.0.1:9/apple/notify?x=1".to_owned(), token: "orchard".into() };
        assert_eq!(side.port.subscribe(query).await.unwrap_err().number, Some(9712), "{name}");
        assert_eq!(side.port.unit().await.unwrap().notification_url, None, "{name}");
        side.assert_well_behaved(name);
    }
}
