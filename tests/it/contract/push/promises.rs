//! What whoever implements the push port promises.

use beckon::domain::time::Span;
use beckon::sim::apns::TokenConduct;
use beckon::sim::lock;
use futures_util::future::join_all;

use super::*;

#[tokio::test]
async fn a_wake_up_arrives_as_mdm_and_nothing_else() {
    for side in sides().await {
        lock(&side.world).apns.register(&token(1), TOPIC);
        let handed = side.port.send(wake(1)).await;
        assert_eq!(word(&handed), "accepted", "{}: {handed:?}", side.name);
        let world = lock(&side.world);
        let [taken] = world.apns.stored() else { panic!("{}", side.name) };
        assert_eq!((taken.id.as_str(), taken.topic.as_str(), taken.push_type.as_str()), (id(1).as_str(), TOPIC, "mdm"));
        let payload: serde_json::Value = serde_json::from_slice(&taken.payload).unwrap();
        assert_eq!(payload, serde_json::json!({ "mdm": "magic-1" }), "{}: no `aps`, or the device ignores it", side.name);
    }
}

#[tokio::test]
async fn an_alert_arrives_with_its_words() {
    let sent = |title: Option<&str>| Notification {
        kind: NotificationKind::Alert { title: title.map(str::to_owned), text: "Je apps staan klaar \u{1f34f}".to_owned() },
        topic: "example.school.app".to_owned(),
        collapse_id: Some("invitation-17".to_owned()),
        ..wake(1)
    };
    for side in sides().await {
        lock(&side.world).apns.register(&token(1), "example.school.app");
        for title in [Some("Sunnyside"), None] {
            lock(&side.world).apns.clear();
            let handed = side.port.send(sent(title)).await;
            assert_eq!(word(&handed), "accepted", "{}: {handed:?}", side.name);
            let world = lock(&side.world);
            let taken = &world.apns.stored()[0];
            assert_eq!(
                (taken.push_type.as_str(), taken.collapse_id.as_deref()),
                ("alert", Some("invitation-17")),
                "{}",
                side.name
            );
            let payload: serde_json::Value = serde_json::from_slice(&taken.payload).unwrap();
            let alert = &payload["aps"]["alert"];
            let body = if alert.is_string() { alert } else { &alert["body"] };
            assert_eq!(body, "Je apps staan klaar \u{1f34f}", "{}: {payload}", side.name);
            assert_eq!(alert.get("title").and_then(|t| t.as_str()), title, "{}: {payload}", side.name);
        }
    }
}

#[tokio::test]
async fn each_answer_of_apns_is_about_the_device_the_moment_or_us() {
    for side in sides().await {
        {
            let apns = &mut lock(&side.world).apns;
            for n in 1..=5 {
                apns.register(&token(n), TOPIC);
            }
            apns.behave(&token(1), TokenConduct::Unregistered { since: start() - Span::days(1) });
            apns.behave(&token(2), TokenConduct::Bad);
            apns.behave(&token(3), TokenConduct::TooMany { times: 1 });
            apns.behave(&token(4), TokenConduct::Unavailable { times: 1 });
            apns.register(&token(5), "another.topic");
        }
        for (n, expected, wait) in [
            (1, "dead", None),
            (2, "dead", None),
            (3, "deferred", Some(Span::minutes(5))),
            (4, "deferred", Some(Span::minutes(15))),
            (5, "refused", None),
            // Nobody's token.
            (6, "dead", None),
        ] {
            let handed = side.port.send(wake(n)).await;
            assert_eq!(word(&handed), expected, "{}, device {n}: {handed:?}", side.name);
            if let Ok(Outcome::Deferred { retry_after, .. }) = handed {
                assert_eq!(retry_after, wait, "{}, device {n}", side.name);
            }
        }
        for n in [3, 4] {
            assert_eq!(word(&side.port.send(wake(n)).await), "accepted", "{}, device {n}, later", side.name);
        }
        lock(&side.world).apns.faults.bad_certificate = true;
        let down = side.port.send(wake(3)).await.unwrap_err();
        assert!(down.retry_after.is_none() && down.remedy.contains("renew"), "{}: {down:?}", side.name);
    }
}

#[tokio::test]
async fn a_lost_answer_is_sent_again_under_the_same_id() {
    for side in sides().await {
        {
            let apns = &mut lock(&side.world).apns;
            apns.register(&token(1), TOPIC);
            apns.faults.drop_after_acting = 1;
        }
        let handed = side.port.send(wake(1)).await;
        assert_eq!(word(&handed), "deferred", "{}: APNs knows our ids, so nothing is doubtful: {handed:?}", side.name);
        assert_eq!(word(&side.port.send(wake(1)).await), "accepted", "{}", side.name);
        assert_eq!(lock(&side.world).apns.times(&id(1)), 2, "{}: the second copy is recognisable", side.name);
    }
}

#[tokio::test]
async fn a_crowd_arrives_once_each() {
    const CROWD: usize = 500;
    for side in sides().await {
        for n in 0..CROWD {
            lock(&side.world).apns.register(&token(n), TOPIC);
        }
        lock(&side.world).apns.behave(&token(250), TokenConduct::Unregistered { since: start() });
        let handed = join_all((0..CROWD).map(|n| side.port.send(wake(n)))).await;
        for (n, handed) in handed.iter().enumerate() {
            assert_eq!(word(handed), if n == 250 { "dead" } else { "accepted" }, "{}, device {n}: {handed:?}", side.name);
        }
        let world = lock(&side.world);
        assert_eq!((world.apns.stored().len(), world.apns.duplicates()), (CROWD - 1, Vec::new()), "{}", side.name);
    }
}

#[tokio::test]
async fn nothing_of_a_secret_is_told() {
    for side in sides().await {
        let secret = Notification { token: "c0ffee".repeat(10) + "c0ff", ..wake(7) };
        let shown = format!("{secret:?}");
        let handed = side.port.send(secret).await;
        for told in [shown, format!("{handed:?}")] {
            assert!(!told.contains("c0ffee") && !told.contains("magic-7"), "{}: {told}", side.name);
        }
    }
}
