//! Messages that have nothing to do with an invitation become deliveries.

use super::{Commit, NewDelivery};
use crate::domain::delivery::{Channel, DeliveryState, Step};
use crate::domain::grounds::Grounds;
use crate::domain::intent::{MailMessage, MailTo, PushMessage};
use crate::store::grounds;

impl Commit<'_> {
    pub(super) fn mail(&mut self, index: i64, mail: &MailMessage) -> rusqlite::Result<()> {
        let message = self.message(&mail.template, &mail.data)?;
        self.made_for_group(message, &mail.grounds)?;
        let what = format!("mail/{}/{}", mail.template, digest(&mail.data));
        for (person, reason) in &mail.left_out {
            self.decide(person.user, index, false, &reason.to_string())?;
        }
        match &mail.to {
            MailTo::Address(address) => {
                let key = format!("run-{}/{what}/{}", self.run, address.folded());
                self.deliver(NewDelivery {
                    key,
                    invitation: None,
                    message,
                    user: None,
                    device: None,
                    address: Some(address.as_str()),
                    channel: Channel::Mail,
                    step: Step::Message,
                    state: DeliveryState::Pending,
                    due: self.now,
                })
            }
            MailTo::People(people) => people.iter().try_for_each(|person| {
                self.decide(person.user, index, true, &format!("mail \"{}\"", mail.template))?;
                let key = format!("run-{}/{what}/user-{}", self.run, person.user);
                self.deliver(NewDelivery {
                    key,
                    invitation: None,
                    message,
                    user: Some(person.user),
                    device: None,
                    address: None,
                    channel: Channel::Mail,
                    step: Step::Message,
                    state: DeliveryState::Pending,
                    due: self.now,
                })
            }),
        }
    }

    /// Keeps with a message what its deliveries are asked when they leave.
    fn made_for_group(&self, message: i64, grounds: &Grounds) -> rusqlite::Result<()> {
        self.note_grounds(grounds)?;
        grounds::keep(self.tx, message, grounds, "the group")
    }

    pub(super) fn push(&mut self, index: i64, push: &PushMessage) -> rusqlite::Result<()> {
        let data = serde_json::json!({ "title": push.title, "text": push.text });
        let message = self.message("push", &data)?;
        self.made_for_group(message, &push.grounds)?;
        let what = format!("push/{}", digest(&data));
        for (person, reason) in &push.left_out {
            self.decide(person.user, index, false, &reason.to_string())?;
        }
        for (person, device) in &push.to {
            self.decide(person.user, index, true, "push")?;
            let key = format!("run-{}/{what}/device-{device}", self.run);
            self.deliver(NewDelivery {
                key,
                invitation: None,
                message,
                user: Some(person.user),
                device: Some(*device),
                address: None,
                channel: Channel::Push,
                step: Step::Message,
                state: DeliveryState::Pending,
                due: self.now,
            })?;
        }
        Ok(())
    }

    pub(super) fn webhook(&mut self, endpoint: &str, body: &serde_json::Value) -> rusqlite::Result<()> {
        let message = self.message(endpoint, body)?;
        let key = format!("run-{}/webhook/{endpoint}/{}", self.run, digest(body));
        self.deliver(NewDelivery {
            key,
            invitation: None,
            message,
            user: None,
            device: None,
            address: None,
            channel: Channel::Webhook,
            step: Step::Message,
            state: DeliveryState::Pending,
            due: self.now,
        })
    }
}

/// A short, stable name for a message's content.
fn digest(data: &serde_json::Value) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(data.to_string());
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
