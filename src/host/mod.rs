//! What happens, in which order: joins store, ports and scripts.
//! Nothing here waits but the main loop, and nothing here speaks a protocol.

pub mod apple_inbox;
pub mod bounces;
#[cfg(test)]
mod bounces_tests;
pub mod canary;
pub mod check;
pub mod config;
pub mod deliver;
pub mod dispatch;
pub mod doctor;
mod error;
pub mod follower;
#[cfg(test)]
mod follower_tests;
#[cfg(test)]
mod grounds_tests;
pub mod handover;
pub mod inbox;
pub mod letters;
pub mod licences;
#[cfg(test)]
mod limits_tests;
pub mod lock;
pub mod main_loop;
pub mod notification_token;
#[cfg(test)]
mod past_tests;
pub mod prompt;
#[cfg(test)]
mod prompt_tests;
pub mod put_off;
pub mod registrar;
#[cfg(test)]
mod reminder_tests;
pub mod retention;
pub mod run;
pub mod scheduler;
pub mod scripts;
pub mod serve;
pub mod site;
mod site_templates;
pub mod sync;
pub mod tally;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod token;
pub mod tray;
pub mod trial;

use std::sync::Arc;

pub use error::HostError;

use crate::domain::delivery::Channel;
use crate::ports::apps_and_books::AppsAndBooks;
use crate::ports::bounces::BounceBox;
use crate::ports::clock::Clock;
use crate::ports::mail::Mail;
use crate::ports::mdm::Mdm;
use crate::ports::push::Push;
use crate::ports::webhook::Webhook;

/// The world as this process reaches it: what the site has not configured is `None`.
#[derive(Clone)]
pub struct Ports {
    pub clock: Arc<dyn Clock>,
    pub apps_and_books: Option<Arc<dyn AppsAndBooks>>,
    pub mail: Option<Arc<dyn Mail>>,
    pub mdm: Option<Arc<dyn Mdm>>,
    pub push: Option<Arc<dyn Push>>,
    pub webhook: Option<Arc<dyn Webhook>>,
    pub bounces: Option<Arc<dyn BounceBox>>,
}

impl Ports {
    /// Whether the site has this channel.
    #[must_use]
    pub fn has(&self, channel: Channel) -> bool {
        match channel {
            Channel::Mdm => self.mdm.is_some(),
            Channel::Mail => self.mail.is_some(),
            Channel::Push => self.push.is_some(),
            Channel::Webhook => self.webhook.is_some(),
        }
    }
}
