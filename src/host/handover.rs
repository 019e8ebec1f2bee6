//! Handing one claimed delivery to its channel, with the text and the link made at this moment.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::Ports;
use super::letters::Letters;
use super::registrar::{Link, Registrar};
use crate::domain::delivery::Channel;
use crate::domain::outcome::{ChannelDown, Handed, Outcome, Rejection};
use crate::domain::time::Span;
use crate::ports::mail::{Letter, Sender};
use crate::ports::mdm::InviteCommand;
use crate::ports::push::{Notification, NotificationKind};
use crate::ports::webhook::Post;
use crate::store::{Claimed, HandOver};

/// How soon a delivery that waits for its invite code is looked at again; the registrar is told at once.
const CODE_WAIT: Span = Span::milliseconds(200);

const NO_TOKEN: &str = "the site has no content token: run `beckon token install FILE`";

/// A visible alert older than this is of no use to anybody.
const ALERT_LIFE: Span = Span::days(1);

/// What handing over needs beside the delivery.
pub struct Hands {
    pub ports: Ports,
    pub registrar: Option<Arc<Registrar>>,
    pub letters: Letters,
    pub from: Option<Sender>,
}

/// What came back from one hand-over.
pub struct HandedOver {
    pub delivery: i64,
    pub channel: Channel,
    pub result: Result<HandOver, ChannelDown>,
}

impl Hands {
    /// Hands a delivery over. Never fails: whatever happens is a result to be written down.
    pub async fn hand_over(&self, delivery: Claimed) -> HandedOver {
        let (id, channel) = (delivery.id, delivery.channel);
        let link = match self.link_for(&delivery).await {
            Ok(link) => link,
            Err(instead) => return HandedOver { delivery: id, channel, result: Ok(instead) },
        };
        let handed = match channel {
            Channel::Mail => self.mail(&delivery, link.as_ref()).await,
            Channel::Mdm => self.mdm(&delivery, link).await,
            Channel::Push => self.push(&delivery).await,
            Channel::Webhook => self.webhook(&delivery).await,
        };
        HandedOver { delivery: id, channel, result: handed.map(HandOver::Ended) }
    }

    /// The invitation's link, for deliveries of an invitation.
    async fn link_for(&self, delivery: &Claimed) -> Result<Option<SecretString>, HandOver> {
        if delivery.invitation.is_none() {
            return Ok(None);
        }
        let (Some(registrar), Some(user)) = (&self.registrar, &delivery.user) else {
            // Only what needs Apple waits; other mail goes on.
            let until = self.ports.clock.now() + Span::minutes(15);
            return Err(HandOver::NotTried { until, words: NO_TOKEN.to_owned() });
        };
        if let Some(trouble) = registrar.trouble(self.ports.clock.now()) {
            let until = self.ports.clock.now() + trouble.retry_after.unwrap_or(Span::minutes(15));
            return Err(HandOver::NotTried { until, words: trouble.what });
        }
        match registrar.link(&user.client_user_id).await {
            Link::Ready(url) => Ok(Some(url)),
            Link::Wanted => {
                let until = self.ports.clock.now() + CODE_WAIT;
                Err(HandOver::NotTried { until, words: "its invitation is being read at Apple".to_owned() })
            }
            Link::NotOpen => Err(refused("Apple's record of this person is not open for an invitation")),
            Link::Broken(words) => Err(refused(&words)),
        }
    }

    async fn mail(&self, delivery: &Claimed, link: Option<&SecretString>) -> Handed {
        let (Some(mail), Some(from)) = (&self.ports.mail, &self.from) else {
            return Err(missing("mail", "a relay or direct delivery"));
        };
        let Some(to) = &delivery.address else {
            return Ok(Outcome::Rejected { why: Rejection::Refused, words: "there is no mail address".to_owned() });
        };
        let now = self.ports.clock.now();
        let text = match self.letters.write(delivery, link.map(|url| url.expose_secret())) {
            Ok(text) => text,
            Err(words) => return Ok(Outcome::Rejected { why: Rejection::Refused, words }),
        };
        let letter = Letter {
            from: from.clone(),
            to: to.clone(),
            to_name: delivery.user.as_ref().map(|u| u.full_name.clone()).unwrap_or_default(),
            subject: text.subject,
            text: text.text,
            html: text.html,
            message_id: format!("{}@{}", delivery.far_id, from.address.domain()),
            date: now,
            language: text.language,
        };
        mail.send(letter).await
    }

    async fn mdm(&self, delivery: &Claimed, link: Option<SecretString>) -> Handed {
        let Some(mdm) = &self.ports.mdm else { return Err(missing("mdm", "the MDM server's address and key")) };
        let target = match delivery.device.as_ref().map(crate::domain::device::Device::mdm_target) {
            Some(Ok(target)) => target,
            Some(Err(why)) => return Ok(Outcome::Rejected { why: Rejection::Refused, words: why.to_string() }),
            None => {
                return Ok(Outcome::Rejected { why: Rejection::TargetDead, words: "the device has left the roster".to_owned() });
            }
        };
        let Some(invitation_url) = link else {
            return Ok(Outcome::Rejected { why: Rejection::Refused, words: "there is no invitation to show".to_owned() });
        };
        mdm.invite(InviteCommand { command_uuid: delivery.far_id.clone(), target, invitation_url }).await
    }

    async fn push(&self, delivery: &Claimed) -> Handed {
        let Some(push) = &self.ports.push else { return Err(missing("push", "a certificate or key")) };
        let Some((topic, token)) = delivery.app_token.clone() else {
            return Ok(Outcome::Rejected {
                why: Rejection::TargetDead,
                words: "no app token is known for this device".to_owned(),
            });
        };
        let text = |key: &str| delivery.data.get(key).and_then(|v| v.as_str()).map(str::to_owned);
        push.send(Notification {
            token,
            topic,
            kind: NotificationKind::Alert { title: text("title"), text: text("text").unwrap_or_default() },
            id: delivery.far_id.clone(),
            expires: Some(self.ports.clock.now() + ALERT_LIFE),
            // APNs replaces an alert with the same collapse id: one sent again is shown once.
            collapse_id: Some(delivery.far_id.clone()),
        })
        .await
    }

    async fn webhook(&self, delivery: &Claimed) -> Handed {
        let Some(webhook) = &self.ports.webhook else { return Err(missing("webhook", "the endpoint's name and url")) };
        webhook
            .post(Post { endpoint: delivery.template.clone(), key: delivery.far_id.clone(), body: delivery.data.clone() })
            .await
    }
}

fn refused(words: &str) -> HandOver {
    HandOver::Ended(Outcome::Rejected { why: Rejection::Refused, words: words.to_owned() })
}

fn missing(section: &str, what: &str) -> ChannelDown {
    ChannelDown {
        what: format!("[{section}] is not configured"),
        remedy: format!("give site.toml a section [{section}] with {what}"),
        retry_after: None,
    }
}
