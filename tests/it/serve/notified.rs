//! Apple tells a running service who has accepted, all of it over the wire: the subscription with its test,
//! the news, and what shows then.

use beckon::channels::system_clock::SystemClock;
use beckon::domain::time::Span;
use beckon::ports::apps_and_books::RecordStatus;
use beckon::ports::clock::Clock as _;
use beckon::sim::faults::{RetryAfterForm, Unavailable};
use beckon::sim::lock;

use super::ask::{health, metric, post, until};
use super::life::LEFT;
use super::service::Service;
use super::sites;
use crate::crash::check::number;
use crate::crash::site::{AND_LEAVE, Site};

const SEEN: &str = "SELECT COUNT(*) FROM notifications_seen";

/// A site that Apple can reach.
fn reachable() -> Site {
    let site = sites().site();
    let file = site.dir.join("site.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let told = text.replace("[http]\n", &format!("[http]\npublic_url = \"http://{}\"\n", site.listen));
    std::fs::write(file, told).unwrap();
    site
}

/// Somebody who has an invitation agrees to it.
fn somebody_accepts(site: &Site) {
    let mut world = lock(&site.running.world);
    let open = world.apple.records().find(|record| record.status == RecordStatus::Registered).unwrap().invite_code.clone();
    let account = format!("{open}@private.example");
    world.accept(SystemClock.now(), &open, &account).unwrap();
    drop(world);
    site.running.poke();
}

fn enrolled(service: &Service) -> Option<f64> {
    metric(service.address, "beckon_users{status=\"enrolled\"}")
}

#[test]
fn an_acceptance_that_apple_tells_of_shows_as_enrolled_and_forged_or_doubled_news_changes_nothing() {
    let site = reachable();
    let mut service = Service::ready(&site);
    // Apple takes a subscription only when its test notification was answered.
    service.hear(&format!("Apple posts notifications to http://{}/apple/notify", site.listen));
    site.command(&AND_LEAVE).expect_code(0).unwrap();
    until(|| number(&site, "SELECT COUNT(*) FROM deliveries") > 50 && number(&site, LEFT) == 0, || service.log());
    for people in [1.0, 2.0] {
        lock(&site.running.world).apple.faults.double_notifications = 1;
        somebody_accepts(&site);
        until(|| enrolled(&service) == Some(people), || service.log());
    }
    assert!(metric(service.address, "beckon_apple_polls_total{result=\"ok\"}").unwrap() >= 2.0);
    assert_eq!(metric(service.address, "beckon_channel_down{channel=\"Apple\"}"), Some(0.0));

    let token = std::fs::read_to_string(site.dir.join("secrets/notify.token")).unwrap();
    let news =
        |id: &str| format!(r#"{{"notificationId":"{id}","notificationType":"USER_ASSOCIATED","uId":"1","notification":{{}}}}"#);
    let say = |bearer: Option<&str>, id: &str| {
        let status = post(service.address, "/apple/notify", bearer, &news(id)).unwrap().status;
        (status, number(&site, SEEN))
    };
    let seen = number(&site, SEEN);
    // The reference has 403 for a token that is not ours.
    for bearer in [None, Some(""), Some("not ours"), Some(&token[1..])] {
        assert_eq!(say(bearer, "forged"), (403, seen), "{bearer:?}");
    }
    for _ in 0..2 {
        assert_eq!(say(Some(&token), "once"), (200, seen + 1));
    }
    assert_eq!(enrolled(&service), Some(2.0));
    service.stop();
    assert_eq!(number(&site, "SELECT COUNT(*) FROM journal WHERE kind = 'enrolled'"), 2);
    assert!(!service.log().contains(token.trim()), "the secret is not in the log");
    assert_eq!(lock(&site.running.world).breaches().len(), 0);
}

#[test]
fn an_apple_that_is_down_is_told_by_health_and_figures() {
    let site = reachable();
    let until_then = SystemClock.now() + Span::hours(2);
    lock(&site.running.world).apple.faults.unavailable = Some(Unavailable { until: until_then, form: RetryAfterForm::Seconds });
    let mut service = Service::ready(&site);
    until(|| metric(service.address, "beckon_channel_down{channel=\"Apple\"}") == Some(1.0), || service.log());
    assert!(metric(service.address, "beckon_apple_polls_total{result=\"failed\"}").unwrap() >= 1.0);
    let (status, body) = health(service.address);
    assert_eq!((status, body["status"].as_str()), (200, Some("degraded")), "{body}");
    assert!(body["reasons"][0]["what"].as_str().unwrap().starts_with("Apple has been down for "), "{body}");
    service.stop();
}
