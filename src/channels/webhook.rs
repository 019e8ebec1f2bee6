//! Posting JSON to the endpoints that `site.toml` names.
//!
//! An endpoint's address may hold a secret in its path, so it is never in words, errors or logs.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Client, StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};

use super::answer::{self, Failure};
use super::trust;
use crate::domain::outcome::{Handed, Outcome, Rejection};
use crate::domain::time::Span;
use crate::domain::words::foreign_without_urls;
use crate::ports::Answer;
use crate::ports::webhook::{Post, Webhook};

/// What is read of an answer: enough for a person to see what was wrong.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// What a post may have: chat services take far less.
const POST_BYTES_MAX: usize = 1 << 20;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A part of the address shorter than this is a word such as `hooks`, not a secret.
const SECRET_PART_MIN: usize = 6;

/// What is wrong with a `[[webhook]]` section.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct WebhookConfigError {
    pub what: String,
    pub remedy: String,
}

/// The adapter for [`Webhook`].
pub struct WebhookChannel {
    client: Client,
    endpoints: BTreeMap<String, Url>,
}

impl WebhookChannel {
    /// `endpoints` are names and addresses; `extra_ca` is one more trust anchor for all of them.
    ///
    /// # Errors
    /// An address is no URL of http or https, or the trust anchor can't be used.
    pub fn new(endpoints: BTreeMap<String, SecretString>, extra_ca: Option<&[u8]>) -> Result<Self, WebhookConfigError> {
        let mut parsed = BTreeMap::new();
        for (name, url) in endpoints {
            let bad = || WebhookConfigError {
                what: format!("the address of webhook \"{name}\" is not a URL of http or https"),
                remedy: "give the whole address, such as https://chat.example/hooks/…, by env: or file:".to_owned(),
            };
            let url: Url = url.expose_secret().trim().parse().map_err(|_| bad())?;
            if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
                return Err(bad());
            }
            parsed.insert(name, url);
        }
        let tls = parsed.values().any(|url| url.scheme() == "https");
        let tls = trust::http_client(tls, extra_ca).map_err(|e| WebhookConfigError {
            what: e.to_string(),
            remedy: "ca takes PEM text or one DER certificate".to_owned(),
        })?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            // A redirect would carry the body to a place that the site never named.
            .redirect(redirect::Policy::none())
            .timeout(REQUEST_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .build()
            .map_err(|e| WebhookConfigError {
                what: format!("no HTTP client can be made: {}", answer::cause(&e)),
                remedy: "check the [[webhook]] sections".to_owned(),
            })?;
        Ok(Self { client, endpoints: parsed })
    }

    async fn hand_over(&self, post: Post) -> Outcome {
        let Some(url) = self.endpoints.get(&post.endpoint) else {
            return refused(format!("not sent: site.toml has no webhook \"{}\"", post.endpoint));
        };
        let body = post.body.to_string();
        if body.len() > POST_BYTES_MAX {
            return refused(format!("not sent: the post has {} bytes, and the limit is {POST_BYTES_MAX}", body.len()));
        }
        let request = self
            .client
            .post(url.clone())
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", post.key)
            .body(body);
        let response = match request.send().await {
            Ok(response) => response,
            // Built from a key that no header can carry: it would never leave.
            Err(error) if error.is_builder() => return refused("not sent: the idempotency key is not plain text".to_owned()),
            Err(error) => {
                return match answer::failure(&error) {
                    Failure::Connect => deferred(None, format!("can't be reached: {}", hidden(url, &answer::cause(&error)))),
                    Failure::Untrusted => {
                        deferred(None, format!("its certificate is not trusted: {}", hidden(url, &answer::cause(&error))))
                    }
                    Failure::AnswerLost => {
                        let why = if error.is_timeout() {
                            "no answer within 30 seconds".to_owned()
                        } else {
                            hidden(url, &answer::cause(&error))
                        };
                        Outcome::Doubtful { words: format!("the post had gone out, and its answer was lost: {why}") }
                    }
                };
            }
        };
        let status = response.status();
        let retry_after = answer::retry_after(response.headers());
        // The status is the answer; its text only explains it, so one that breaks off is no loss.
        let body = answer::body(response, BODY_BYTES_MAX).await.ok().flatten().unwrap_or_default();
        judged(status, retry_after, &hidden(url, &String::from_utf8_lossy(&body)))
    }
}

/// What an answer means.
fn judged(status: StatusCode, retry_after: Option<Span>, said: &str) -> Outcome {
    let words = if said.is_empty() { status.as_u16().to_string() } else { format!("{} {said}", status.as_u16()) };
    match status.as_u16() {
        200..=299 => Outcome::Accepted { words },
        // 425: an early post that the server doesn't dare to take twice; later it will.
        408 | 425 | 429 | 500..=599 => deferred(retry_after, words),
        300..=399 => refused(format!("{words}: the endpoint has moved, and redirects are not followed")),
        _ => refused(words),
    }
}

/// Foreign words, without anything of the address in them.
fn hidden(url: &Url, said: &str) -> String {
    let words = foreign_without_urls(said);
    let segments = url.path_segments().into_iter().flatten();
    let values = url.query().into_iter().flat_map(|q| q.split(['&', '=']));
    let mut parts = segments.chain(values).chain([url.username(), url.password().unwrap_or_default()]);
    if parts.any(|part| part.len() >= SECRET_PART_MIN && words.contains(part)) { String::new() } else { words }
}

fn deferred(retry_after: Option<Span>, words: String) -> Outcome {
    Outcome::Deferred { retry_after, words }
}

fn refused(words: String) -> Outcome {
    Outcome::Rejected { why: Rejection::Refused, words }
}

impl Webhook for WebhookChannel {
    fn post(&self, post: Post) -> Answer<'_, Handed> {
        Box::pin(async move { Ok(self.hand_over(post).await) })
    }
}

/// Only the names: the addresses are secrets.
impl std::fmt::Debug for WebhookChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookChannel").field("endpoints", &self.endpoints.keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    const SECRET_PATH: &str = "/hooks/T0SECRET1/B0SECRET2";

    /// Answers one connection with `answer`, and gives back what it was sent.
    async fn endpoint(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{SECRET_PATH}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut got = Vec::new();
            let mut buffer = [0; 4096];
            while !got.ends_with(b"}") {
                let n = stream.read(&mut buffer).await.unwrap();
                assert!(n > 0, "the request ended early");
                got.extend_from_slice(&buffer[..n]);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(got).unwrap()
        });
        (url, task)
    }

    fn channel(url: &str) -> WebhookChannel {
        WebhookChannel::new(BTreeMap::from([("staff-chat".to_owned(), url.into())]), None).unwrap()
    }

    fn post(endpoint: &str) -> Post {
        Post { endpoint: endpoint.into(), key: "run-17.3".into(), body: serde_json::json!({ "text": "3 invitations sent" }) }
    }

    async fn sent(answer: &'static str) -> (Outcome, String) {
        let (url, task) = endpoint(answer).await;
        let outcome = channel(&url).post(post("staff-chat")).await.unwrap();
        let words = format!("{outcome:?}");
        for secret in ["SECRET", "http://", "hooks"] {
            assert!(!words.contains(secret), "{words}");
        }
        (outcome, task.await.unwrap())
    }

    #[tokio::test]
    async fn a_post_is_json_with_its_key() {
        let (outcome, request) = sent("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        assert_eq!(outcome, Outcome::Accepted { words: "200 ok".into() });
        assert!(request.starts_with(&format!("POST {SECRET_PATH} HTTP/1.1\r\n")), "{request}");
        let lower = request.to_lowercase();
        assert!(
            lower.contains("idempotency-key: run-17.3\r\n") && lower.contains("content-type: application/json\r\n"),
            "{request}"
        );
        assert!(request.ends_with(r#"{"text":"3 invitations sent"}"#), "{request}");
    }

    #[tokio::test]
    async fn answers_are_told_apart() {
        let (outcome, _) = sent("HTTP/1.1 429 Slow\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(outcome, Outcome::Deferred { retry_after: Some(Span::seconds(30)), words: "429".into() });
        let (outcome, _) = sent("HTTP/1.1 404 Gone\r\nContent-Length: 26\r\n\r\nno hook T0SECRET1/B0SECRET").await;
        assert_eq!(outcome, Outcome::Rejected { why: Rejection::Refused, words: "404".into() });
        let (outcome, _) = sent("HTTP/1.1 302 Moved\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n").await;
        assert!(matches!(outcome, Outcome::Rejected { why: Rejection::Refused, .. }));
    }

    #[tokio::test]
    async fn a_lost_answer_is_doubtful() {
        let (outcome, _) = sent("").await;
        assert!(matches!(outcome, Outcome::Doubtful { .. }), "{outcome:?}");
    }

    #[tokio::test]
    async fn nobody_there_is_tried_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{SECRET_PATH}", listener.local_addr().unwrap());
        drop(listener);
        let outcome = channel(&url).post(post("staff-chat")).await.unwrap();
        assert!(matches!(&outcome, Outcome::Deferred { words, .. } if words.contains("refused")), "{outcome:?}");
    }

    #[tokio::test]
    async fn what_can_not_be_posted_is_refused() {
        let channel = channel("http://127.0.0.1:9/x");
        let said = |outcome| match outcome {
            Outcome::Rejected { why: Rejection::Refused, words } => words,
            other => panic!("{other:?}"),
        };
        assert!(said(channel.post(post("nobody")).await.unwrap()).contains("no webhook \"nobody\""));
        assert!(said(channel.post(Post { key: "a\nb".into(), ..post("staff-chat") }).await.unwrap()).contains("idempotency key"));
        let large = Post { body: "x".repeat(POST_BYTES_MAX).into(), ..post("staff-chat") };
        assert!(said(channel.post(large).await.unwrap()).contains("bytes"));
    }

    #[test]
    fn every_status_has_its_outcome() {
        let word = |code: u16| match judged(StatusCode::from_u16(code).unwrap(), None, "") {
            Outcome::Accepted { .. } => "accepted",
            Outcome::Deferred { .. } => "deferred",
            Outcome::Rejected { .. } => "rejected",
            Outcome::Doubtful { .. } => "doubtful",
        };
        for (code, expect) in [
            (200, "accepted"),
            (204, "accepted"),
            (301, "rejected"),
            (400, "rejected"),
            (401, "rejected"),
            (404, "rejected"),
            (408, "deferred"),
            (410, "rejected"),
            (425, "deferred"),
            (429, "deferred"),
            (500, "deferred"),
            (503, "deferred"),
        ] {
            assert_eq!(word(code), expect, "{code}");
        }
    }

    #[test]
    fn wrong_addresses_are_refused_without_showing_them() {
        for bad in ["", "hooks.example/SECRET", "ftp://hooks.example/SECRET", "file:///SECRET"] {
            let error = WebhookChannel::new(BTreeMap::from([("chat".to_owned(), bad.into())]), None).unwrap_err();
            assert!(error.what.contains("\"chat\"") && !format!("{error:?}").contains("SECRET"));
        }
        assert!(!format!("{:?}", channel("https://hooks.example/SECRET")).contains("SECRET"));
    }
}
