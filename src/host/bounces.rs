//! Takes reports about our mail: read from the site's mailbox, or posted to us. A chore of `beckon serve`.
//!
//! Anybody can send mail that looks like a report. One is believed when it names a `Message-ID` that we gave,
//! which nobody can guess, and the mailbox that the letter went to.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::site::Site;
use super::{HostError, Ports};
use crate::delivery_reports::{self, LETTER_BYTES_MAX};
use crate::domain::bounce::Bounce;
use crate::domain::mail_address::MailAddress;
use crate::domain::time::{Span, Timestamp};
use crate::ports::clock::Clock;
use crate::store::Store;

/// The largest message that is read.
pub const BYTES_MAX: usize = LETTER_BYTES_MAX;

/// How often the mailbox is looked into.
const EVERY: Span = Span::minutes(1);

/// How many messages are held at the same time.
const AT_ONCE: usize = 20;

/// The chore. Make one for the life of the process.
#[derive(Default)]
pub struct Bounces {
    /// What was wrong with the mailbox at the last look: said once.
    trouble: Option<String>,
    looked_at: Option<Timestamp>,
}

impl Bounces {
    /// Takes every report that waits in the site's mailbox, and answers when to look again. A message is done
    /// with only when what it says is written down.
    ///
    /// # Errors
    /// The store's. What is wrong with the mailbox is said, and the next look tries again.
    pub async fn step(&mut self, site: &Arc<Site>, ports: &Ports, now: Timestamp) -> Result<Option<Timestamp>, HostError> {
        let (Some(inbox), Some(mail)) = (&ports.bounces, &site.config.mail) else { return Ok(None) };
        // A time ahead of us was noted before the clock was set back.
        if let Some(at) = self.looked_at.filter(|at| *at <= now && now < *at + EVERY) {
            return Ok(Some(at + EVERY));
        }
        self.looked_at = Some(now);
        loop {
            let letters = match inbox.letters(AT_ONCE, LETTER_BYTES_MAX).await {
                Ok(letters) => letters,
                Err(words) => return Ok(Some(self.complain(words, now))),
            };
            self.trouble = None;
            if letters.is_empty() {
                return Ok(Some(now + EVERY));
            }
            for letter in letters {
                match &letter.bytes {
                    Some(bytes) => drop(take(&site.store, mail.from.address.domain(), bytes, now)?),
                    None => site.store.ignore_bounce(&delivery_reports::NotAReport::TooLarge.to_string(), now)?,
                }
                if let Err(words) = inbox.done(letter.name).await {
                    return Ok(Some(self.complain(words, now)));
                }
            }
        }
    }

    fn complain(&mut self, words: String, now: Timestamp) -> Timestamp {
        if self.trouble.as_ref() != Some(&words) {
            tracing::warn!("mail reports can't be read: {words}");
        }
        self.trouble = Some(words);
        now + EVERY
    }

    /// What keeps reports from being read, where something does.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is about letters of ours, so many of them.
    Believed(usize),
    /// Why it changed nothing.
    Ignored(String),
}

/// Takes one message. The same one twice changes nothing the second time.
///
/// # Errors
/// The store's; then it is to be taken again.
pub fn take(store: &Store, our_domain: &str, message: &[u8], now: Timestamp) -> Result<Taken, HostError> {
    let why = match delivery_reports::read(message) {
        Ok(bounces) => match believed(store, our_domain, &bounces, now)? {
            0 => "it is about no letter of ours, or not about its address".to_owned(),
            n => return Ok(Taken::Believed(n)),
        },
        Err(why) => why.to_string(),
    };
    store.ignore_bounce(&why, now)?;
    tracing::info!(%why, "a message among mail reports was passed over");
    Ok(Taken::Ignored(why))
}

fn believed(store: &Store, our_domain: &str, bounces: &[Bounce], now: Timestamp) -> Result<usize, HostError> {
    let mut count = 0;
    for bounce in bounces {
        let Some((far_id, domain)) = bounce.message_id.rsplit_once('@') else { continue };
        if !domain.eq_ignore_ascii_case(our_domain) {
            continue;
        }
        let Some(letter) = store.sent_letter(&far_id.to_ascii_lowercase())? else { continue };
        let Some(address) = letter.address.as_deref().map(on_the_wire) else { continue };
        if bounce.recipients.iter().any(|named| on_the_wire(named) == address) {
            store.take_bounce(&letter, bounce, now)?;
            count += 1;
        }
    }
    Ok(count)
}

/// An address as servers compare it: without case, its domain in ASCII.
fn on_the_wire(address: &str) -> String {
    let folded = MailAddress::parse(address).map_or_else(|_| address.to_lowercase(), |a| a.folded());
    match folded.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_owned())),
        None => folded,
    }
}

/// Where posted reports arrive.
pub struct BounceInbox {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    our_domain: String,
}

/// The inbox as a listener wants it: takes a whole message, and answers when it is written down.
pub type Door = Arc<dyn Fn(Vec<u8>) -> BoxFuture<'static, Result<Taken, String>> + Send + Sync>;

impl BounceInbox {
    /// `None` for a site that sends no mail.
    #[must_use]
    pub fn of(site: &Site, clock: Arc<dyn Clock>) -> Option<Self> {
        let our_domain = site.config.mail.as_ref()?.from.address.domain().to_owned();
        Some(Self { store: Arc::clone(&site.store), clock, our_domain })
    }

    /// Reading and writing take a moment, so they have a thread of their own.
    #[must_use]
    pub fn door(self: Arc<Self>) -> Door {
        Arc::new(move |message| {
            let inbox = Arc::clone(&self);
            Box::pin(async move {
                let now = inbox.clock.now();
                let taken = tokio::task::spawn_blocking(move || take(&inbox.store, &inbox.our_domain, &message, now)).await;
                taken.map_err(|e| e.to_string())?.map_err(|e| e.to_string())
            })
        })
    }
}
