//! NanoMDM over its HTTP API: `PUT /v1/enqueue/{id}` and `GET /v1/push/{id}`, with HTTP Basic.

use std::time::Duration;

use plist::{Dictionary, Value};
use reqwest::{Client, Method, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

use super::nanomdm_answer::{Answer as Said, Enqueued, enqueued, recognised, woken};
use crate::channels::answer::{self, Failure};
use crate::channels::trust;
use crate::domain::device::MdmTarget;
use crate::domain::outcome::{ChannelDown, Handed, Outcome, Rejection};
use crate::domain::task::NOT_WOKEN;
use crate::domain::time::Span;
use crate::ports::Answer;
use crate::ports::look::{Found, Looked};
use crate::ports::mdm::{InviteCommand, Mdm};

/// The user name that NanoMDM wants with its API key.
const USER: &str = "nanomdm";
/// `ProgramID` of managed distribution, the only one Apple defines.
const PROGRAM_ID: &str = "com.apple.cloudvpp";
/// An answer for one enrolment has a few hundred bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Enrolment ids have no promised length; this keeps the path below what servers take.
const ID_BYTES_MAX: usize = 512;
/// No enrolment's id.
const NOBODY: &str = "beckon-doctor";
const AT_ONCE: usize = 16;
const RETRY_CONNECT: Span = Span::minutes(1);
/// Looking takes no push.
const LOOK_TIMEOUT: Duration = Duration::from_secs(20);
/// NanoMDM answers only after APNs has answered it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What is wrong with the `[mdm]` section.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct MdmConfigError {
    pub what: String,
    pub remedy: String,
}

/// The adapter for [`Mdm`].
pub struct NanoMdm {
    client: Client,
    base: Url,
    api_key: SecretString,
    /// One for each request under way: without a bound, as many connections would be opened and
    /// closed again as there are requests.
    places: Semaphore,
}

impl NanoMdm {
    /// `url` is the server's base address, `extra_ca` one more trust anchor (PEM or DER) for it.
    ///
    /// # Errors
    /// The address or the trust anchor can't be used.
    pub fn new(url: &str, api_key: SecretString, extra_ca: Option<&[u8]>) -> Result<Self, MdmConfigError> {
        let bad = |what: String, remedy: &str| MdmConfigError { what, remedy: remedy.to_owned() };
        const FORM: &str = "give the server's base address, such as http://127.0.0.1:9000";
        let mut base: Url = url.trim().parse().map_err(|_| bad("mdm.url is not a URL".to_owned(), FORM))?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() || base.host_str().is_none() {
            return Err(bad("mdm.url is not a URL of http or https".to_owned(), FORM));
        }
        if !base.username().is_empty() || base.password().is_some() || base.query().is_some() || base.fragment().is_some() {
            return Err(bad(
                "mdm.url holds more than an address".to_owned(),
                "leave out user, query and fragment; the key is mdm.api_key",
            ));
        }
        // A trailing slash makes the last segment an empty one, which the request's path replaces.
        base.path_segments_mut().map_err(|()| bad("mdm.url is not a URL".to_owned(), FORM))?.pop_if_empty();
        let tls = trust::http_client(base.scheme() == "https", extra_ca)
            .map_err(|e| bad(e.to_string(), "mdm.ca takes PEM text or one DER certificate"))?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .timeout(REQUEST_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .pool_max_idle_per_host(AT_ONCE)
            .build()
            .map_err(|e| bad(format!("no HTTP client can be made: {}", answer::cause(&e)), "check the [mdm] section"))?;
        Ok(Self { client, base, api_key, places: Semaphore::new(AT_ONCE) })
    }

    fn url(&self, verb: &str, enrollment: &str) -> Option<Url> {
        let mut url = self.base.clone();
        // `push` percent-encodes what a path segment can't hold; `:` and `,` would pass through, and a
        // comma separates ids for NanoMDM.
        url.path_segments_mut().ok()?.push("v1").push(verb).push("");
        let path = format!("{}{}", url.path(), percent_encoded(enrollment));
        url.set_path(&path);
        Some(url)
    }

    async fn ask(&self, method: Method, verb: &str, enrollment: &str, body: Vec<u8>) -> Result<Said, Failed> {
        let url = self.url(verb, enrollment).ok_or(Failed::Answer)?;
        // Never closed, so never an error; a closed one would only lift the bound.
        let _place = self.places.acquire().await.ok();
        let request = self.client.request(method, url).basic_auth(USER, Some(self.api_key.expose_secret()));
        let request = if body.is_empty() { request } else { request.header("Content-Type", "application/xml").body(body) };
        let response = request.send().await.map_err(|e| Failed::of(&e))?;
        let status = response.status().as_u16();
        let retry_after = answer::retry_after(response.headers());
        let body = answer::body(response, BODY_BYTES_MAX).await.map_err(|e| Failed::of(&e))?;
        Ok(Said::read(status, retry_after, body.as_deref()))
    }

    async fn push(&self, enrollment: &str) -> Handed {
        match self.ask(Method::GET, "push", enrollment, Vec::new()).await {
            Ok(said) => woken(&said, enrollment),
            Err(failed) => failed.handed(),
        }
    }

    /// Asks for a push to nobody: the server checks the key first, and then finds no such enrolment.
    async fn look_at(&self) -> Looked {
        let handed = match self.ask(Method::GET, "push", NOBODY, Vec::new()).await {
            Ok(said) => recognised(&said),
            Err(Failed::Answer) => {
                let words = "the MDM server gave no answer".to_owned();
                Ok(Some(Outcome::Deferred { retry_after: None, words }))
            }
            Err(failed) => failed.handed().map(Some),
        };
        match handed? {
            None => Ok(Found { words: "the server answers and takes our key".to_owned(), ..Found::default() }),
            Some(
                Outcome::Deferred { words, .. }
                | Outcome::Rejected { words, .. }
                | Outcome::Doubtful { words }
                | Outcome::Accepted { words },
            ) => Err(ChannelDown { what: words, remedy: "see what the MDM server's own log says".to_owned(), retry_after: None }),
        }
    }

    async fn enqueue(&self, command: &InviteCommand) -> Handed {
        let enrollment = match enrollment_id(&command.target) {
            Ok(id) => id,
            Err(outcome) => return Ok(outcome),
        };
        let Some(body) = command_plist(command) else {
            return Ok(Outcome::Rejected {
                why: Rejection::Refused,
                words: "not sent: the command can't be written as XML".to_owned(),
            });
        };
        let said = match self.ask(Method::PUT, "enqueue", &enrollment, body).await {
            Ok(said) => said,
            Err(failed) => return failed.handed(),
        };
        match enqueued(&said, &enrollment, &command.command_uuid) {
            Enqueued::Judged(handed) => handed,
            Enqueued::HeldAlready => {
                // The earlier attempt may have ended between queueing and waking.
                let words = match self.push(&enrollment).await {
                    Ok(Outcome::Accepted { words }) => format!("queued by an earlier attempt; {words}"),
                    Ok(Outcome::Deferred { words, .. } | Outcome::Rejected { words, .. } | Outcome::Doubtful { words }) => {
                        format!("{NOT_WOKEN}: {words}")
                    }
                    Err(down) => format!("{NOT_WOKEN}: {}", down.what),
                };
                Ok(Outcome::Accepted { words })
            }
        }
    }
}

/// A request without a whole answer.
enum Failed {
    Connect(String),
    Untrusted(String),
    Answer,
}

impl Failed {
    fn of(error: &reqwest::Error) -> Self {
        match answer::failure(error) {
            Failure::Connect => Self::Connect(answer::cause(error)),
            Failure::Untrusted => Self::Untrusted(answer::cause(error)),
            Failure::AnswerLost => Self::Answer,
        }
    }

    fn handed(self) -> Handed {
        match self {
            Self::Connect(why) => Err(ChannelDown {
                what: format!("the MDM server can't be reached: {why}"),
                remedy: "check that it runs, and mdm.url in site.toml".to_owned(),
                retry_after: Some(RETRY_CONNECT),
            }),
            Self::Untrusted(why) => Err(ChannelDown {
                what: format!("the MDM server's certificate is not trusted: {why}"),
                remedy: "name the CA that signed it in mdm.ca".to_owned(),
                retry_after: Some(Span::minutes(15)),
            }),
            // The same CommandUUID goes out again, and the server takes it once.
            Self::Answer => Ok(Outcome::Deferred {
                retry_after: None,
                words: "the MDM server's answer was lost; the command will be sent again with the same id".to_owned(),
            }),
        }
    }
}

/// NanoMDM's name of an enrolment: the UDID, or `UDID:UserID` for a user channel.
fn enrollment_id(target: &MdmTarget) -> Result<String, Outcome> {
    let parts = match target {
        MdmTarget::DeviceChannel { udid } => vec![udid.as_str()],
        MdmTarget::UserChannel { udid, user } => vec![udid.as_str(), user.as_str()],
    };
    let id = parts.join(":");
    // `.` and `..` would be resolved away in a path, encoded or not.
    let no_id = |part: &&str| matches!(*part, "" | "." | "..") || part.chars().any(char::is_control);
    if parts.iter().any(no_id) || id.len() > ID_BYTES_MAX {
        return Err(Outcome::Rejected {
            why: Rejection::Refused,
            words: "not sent: the device's id is empty, too long or not text".to_owned(),
        });
    }
    Ok(id)
}

/// Everything but RFC 3986's unreserved characters, so that no id can end the segment or become two.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The command as Apple's `InviteToProgram` page has it.
fn command_plist(command: &InviteCommand) -> Option<Vec<u8>> {
    let mut inner = Dictionary::new();
    inner.insert("RequestType".into(), Value::from("InviteToProgram"));
    inner.insert("ProgramID".into(), Value::from(PROGRAM_ID));
    inner.insert("InvitationURL".into(), Value::from(command.invitation_url.expose_secret()));
    let mut outer = Dictionary::new();
    outer.insert("CommandUUID".into(), Value::from(command.command_uuid.as_str()));
    outer.insert("Command".into(), Value::from(inner));
    let mut xml = Vec::new();
    Value::from(outer).to_writer_xml(&mut xml).ok()?;
    Some(xml)
}

impl Mdm for NanoMdm {
    fn invite(&self, command: InviteCommand) -> Answer<'_, Result<Outcome, ChannelDown>> {
        Box::pin(async move { self.enqueue(&command).await })
    }

    fn wake(&self, target: MdmTarget) -> Answer<'_, Result<Outcome, ChannelDown>> {
        Box::pin(async move {
            match enrollment_id(&target) {
                Ok(id) => self.push(&id).await,
                Err(outcome) => Ok(outcome),
            }
        })
    }

    fn look(&self) -> Answer<'_, Looked> {
        Box::pin(async move {
            tokio::time::timeout(LOOK_TIMEOUT, self.look_at()).await.unwrap_or_else(|_| {
                Err(ChannelDown {
                    what: format!("the MDM server gave no answer within {} seconds", LOOK_TIMEOUT.as_secs()),
                    remedy: "check that it runs, and mdm.url in site.toml".to_owned(),
                    retry_after: None,
                })
            })
        })
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }
}

#[cfg(test)]
#[path = "nanomdm_tests.rs"]
mod tests;
