//! Apple's notifications over the wire, through beckon's own door: lost, doubled, and with a token that is wrong.

use std::sync::Mutex;

use beckon::http::{Following, following, serve as listen};
use beckon::ports::apps_and_books::{About, HandOut, Notification, Subscription};

use super::*;

/// A door that keeps what comes through it.
async fn door(token: &str) -> (String, Arc<Mutex<Vec<Notification>>>, tokio::task::JoinHandle<()>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    let inbox: beckon::host::apple_inbox::Door = Arc::new(move |notification| {
        kept.lock().unwrap().push(notification);
        Box::pin(async { Ok(()) })
    });
    let router = following(Following { apple: Some((token.into(), inbox)), bounces: None });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/apple/notify", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let _ = listen(listener, router, std::future::pending()).await;
    });
    (url, heard, task)
}

fn about(heard: &Mutex<Vec<Notification>>) -> Vec<About> {
    std::mem::take(&mut *heard.lock().unwrap()).into_iter().map(|n| n.about).collect()
}

#[tokio::test]
async fn what_changes_at_apple_is_posted_to_who_asked_for_it() {
    let side = over_the_wire().await;
    let running = side._running.as_ref().unwrap();
    let (url, heard, task) = door("orchard").await;
    let wrong = Subscription { url: url.clone(), token: "another".into() };
    assert_eq!(side.port.subscribe(wrong).await.unwrap_err().number, Some(9728), "our door takes the right token only");
    side.port.subscribe(Subscription { url: url.clone(), token: "orchard".into() }).await.unwrap();
    assert_eq!(side.port.unit().await.unwrap().notification_url, Some(url));
    assert_eq!(about(&heard), [About::Test]);

    side.register(&["ana", "bo"]).await;
    running.step().await;
    assert_eq!(about(&heard), [About::Users], "two records, one notification");

    let code = side.records("ana").await[0].invite_code.clone().unwrap();
    lock(&side.world).apple.faults.double_notifications = 1;
    side.accept(code.expose_secret());
    running.step().await;
    let twice = heard.lock().unwrap().clone();
    assert_eq!(twice.len(), 2);
    assert_eq!(twice[0], twice[1], "the same notification has the same id");
    about(&heard);

    lock(&side.world).apple.faults.lose_notifications = 1;
    let code = side.records("bo").await[0].invite_code.clone().unwrap();
    lock(&side.world).accept(side.clock.now(), code.expose_secret(), "bo@private.example").unwrap();
    running.step().await;
    assert_eq!(about(&heard), []);

    let book = HandOut { adam_id: "1490000001".into(), pricing: String::new(), client_user_ids: vec!["ana".into()] };
    let event_id = side.port.hand_out(book).await.unwrap();
    side.clock.advance(Span::seconds(31));
    lock(&side.world).apple.buy(side.clock.now(), "1490000001", 5);
    running.step().await;
    let mut said = about(&heard);
    said.sort_by_key(|about| matches!(about, About::Licences { .. }));
    assert_eq!(said, [About::AssetCount, About::Licences { event_id }]);
    side.assert_well_behaved("over the wire");
    task.abort();
}
