//! What reached the far side, in words: the simulated services, and an endpoint for webhooks.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use beckon::ports::apps_and_books::RecordStatus;
use beckon::sim::World;

use super::site::Fixture;

/// An endpoint of the staff's chat, whose path is a secret.
pub struct Hook {
    pub port: u16,
    pub secret: String,
    posts: Posts,
    /// How many of the next posts are refused.
    refuse: Arc<Mutex<u32>>,
}

/// The key that each post came with, and its body.
type Posts = Arc<Mutex<Vec<(String, String)>>>;

impl Hook {
    pub async fn serve() -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (posts, refuse) = (Posts::default(), Arc::new(Mutex::new(0)));
        let secret = "hook-path-4f1c9a".to_owned();
        let router = axum::Router::new()
            .route(&format!("/{secret}"), axum::routing::post(take))
            .with_state((posts.clone(), refuse.clone()));
        tokio::spawn(beckon::http::serve(listener, router, std::future::pending()));
        Ok(Self { port, secret, posts, refuse })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/{}", self.port, self.secret)
    }

    pub fn refuse(&self, times: u32) {
        *self.refuse.lock().unwrap_or_else(PoisonError::into_inner) = times;
    }
}

async fn take(
    State((posts, refuse)): State<(Posts, Arc<Mutex<u32>>)>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, &'static str) {
    let mut refuse = refuse.lock().unwrap_or_else(PoisonError::into_inner);
    if *refuse > 0 {
        *refuse -= 1;
        return (StatusCode::SERVICE_UNAVAILABLE, "the chat is being updated");
    }
    let key = headers.get("idempotency-key").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    posts.lock().unwrap_or_else(PoisonError::into_inner).push((key, body));
    (StatusCode::OK, "")
}

/// Answers a question of a case: `? mails`, `? letter ADDRESS`, `? prompts`, `? pushes`, `? posts`, `? apple`,
/// `? breaches`.
pub fn answer(fixture: &Fixture, question: &str) -> Result<String, String> {
    let world = beckon::sim::lock(&fixture.world);
    if let Some(address) = question.strip_prefix("letter ") {
        return letter(&world, address);
    }
    match question {
        "mails" => Ok(mails(&world)),
        "prompts" => Ok(format!("commands: {}, prompts shown: {}\n", world.mdm.commands(), world.mdm.shown())),
        "pushes" => Ok(pushes(&world)),
        "posts" => Ok(posts(&fixture.hook)),
        "apple" => Ok(apple(&world)),
        "breaches" => Ok(or_nothing(world.breaches().iter().map(|breach| format!("{:?}\n", breach.rule)).collect())),
        other => Err(format!("there is no question {other:?}")),
    }
}

/// `ana@sunnyside.example: 1 mail in nl`, in the order of the addresses.
fn mails(world: &World) -> String {
    let mut by_address: BTreeMap<&str, Vec<&beckon::sim::mailboxes::StoredMail>> = BTreeMap::new();
    for mail in world.mail.stored() {
        for to in &mail.to {
            by_address.entry(to).or_default().push(mail);
        }
    }
    let mut text = String::new();
    for (address, mails) in by_address {
        let mut ids: Vec<&str> = mails.iter().map(|m| m.message_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let language = mails.iter().filter_map(|m| m.header("content-language")).next_back().unwrap_or_default();
        let plural = if mails.len() == 1 { "" } else { "s" };
        let ids = if ids.len() == mails.len() { String::new() } else { format!(", {} Message-ID", ids.len()) };
        let _ = writeln!(text, "{address}: {} mail{plural} in {}{ids}", mails.len(), language.trim());
    }
    or_nothing(text)
}

/// Who the last letter to an address says that it is from, to and about, and what else it must not have.
fn letter(world: &World, address: &str) -> Result<String, String> {
    let letters = world.mail.to(address);
    let letter = letters.last().ok_or_else(|| format!("no letter went to {address}"))?;
    let mut text = format!("envelope to {}\n", letter.to.join(", "));
    for name in ["From", "To", "Cc", "Bcc", "Subject", "Auto-Submitted"] {
        if let Some(value) = letter.header(name) {
            let _ = writeln!(text, "{name}: {}", value.trim());
        }
    }
    let _ = writeln!(text, "a link to accept: {}", if letter.decoded().contains("inviteCode=") { "yes" } else { "no" });
    Ok(text)
}

fn pushes(world: &World) -> String {
    let mut lines: Vec<String> = world
        .apns
        .stored()
        .iter()
        .map(|p| {
            let whose = p.token.chars().take(2).collect::<String>();
            format!("{whose}…: {} for {}: {}", p.push_type, p.topic, String::from_utf8_lossy(&p.payload))
        })
        .collect();
    lines.sort();
    or_nothing(lines.iter().map(|line| format!("{line}\n")).collect())
}

fn posts(hook: &Hook) -> String {
    let posts = hook.posts.lock().unwrap_or_else(PoisonError::into_inner);
    or_nothing(
        posts.iter().map(|(key, body)| format!("{body}{}\n", if key.is_empty() { " without a key" } else { "" })).collect(),
    )
}

/// Apple's records by mail address, and who drives the unit.
fn apple(world: &World) -> String {
    let status = |status: &RecordStatus| match status {
        RecordStatus::Registered => "Registered",
        RecordStatus::Associated => "Associated",
        RecordStatus::Retired => "Retired",
        RecordStatus::Other(_) => "something else",
    };
    let mut lines: Vec<String> = world
        .apple
        .records()
        .map(|r| format!("{}: {}", r.email.as_deref().unwrap_or("(no address)"), status(&r.status)))
        .collect();
    lines.sort();
    let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    if let Some(owner) = world.apple.units().first().and_then(|unit| unit.owner.as_ref()) {
        let _ = writeln!(text, "driven by {}", owner.name);
    }
    or_nothing(text)
}

fn or_nothing(text: String) -> String {
    if text.is_empty() { "nothing\n".to_owned() } else { text }
}
