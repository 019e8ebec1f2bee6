//! Handing letters to mail servers.

use std::sync::Arc;

use super::Answer;
use super::look::Looked;
use crate::domain::mail_address::MailAddress;
use crate::domain::outcome::Handed;
use crate::domain::time::Timestamp;

/// One message to one person.
#[derive(Clone)]
pub struct Letter {
    pub from: Sender,
    pub to: MailAddress,
    pub to_name: String,
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
    /// Without angle brackets. The same for every attempt, so that a second copy is recognisable.
    pub message_id: String,
    pub date: Timestamp,
    /// A language tag for `Content-Language`.
    pub language: String,
}

/// Who a site's letters come from.
#[derive(Clone, Debug)]
pub struct Sender {
    pub name: Arc<str>,
    pub address: MailAddress,
}

/// A letter may hold an invitation link, which is a secret: only where it goes is shown.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter").field("to", &self.to).field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

pub trait Mail: Send + Sync {
    /// Hands one letter over. `Doubtful` only when the whole message had gone out and the answer
    /// to it was lost; a line lost earlier is `Deferred`. May be called many times at once, up to
    /// `at_once`; more calls wait for a connection.
    fn send(&self, letter: Letter) -> Answer<'_, Handed>;

    /// How many letters can be under way at the same time.
    fn at_once(&self) -> usize;

    /// Opens a session, logs in where the site does, and ends it before any letter. Direct delivery
    /// tries a mail exchanger of `domain`; a relay has no use for it.
    fn look<'a>(&'a self, domain: &'a str) -> Answer<'a, Looked>;

    /// Ends idle connections politely. Letters may be sent again afterwards.
    fn close(&self) -> Answer<'_, ()>;
}
