//! What a script asked for. A run's plan is an ordered list of these; nothing else can change the world.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::delivery::Channel;
use super::grounds::{Grounds, OwnEffects};
use super::ids::{DeliveryId, DeviceId, GroupId, UserId};
use super::invite_plan::{InvitePlan, Line};
use super::reason::LeftOut;
use super::reminder::ReminderPolicy;
use super::time::Span;

/// One thing a script asked for, and where in its text it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    pub intent: Intent,
    pub origin: Origin,
}

/// A place in a script: file as shown to people, line and column from 1. The REPL's lines are called `repl`.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    pub source: String,
    pub line: u32,
    pub column: u32,
}

/// A held run keeps its intents as JSON: what is renamed here can't be read there any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Intent {
    Invite(Invite),
    /// Withdraw the invitation, or the association: Apple's record is retired.
    Withdraw {
        users: Vec<Person>,
    },
    Mail(MailMessage),
    Push(PushMessage),
    /// Post JSON to an endpoint that `site.toml` names.
    Webhook {
        endpoint: String,
        body: serde_json::Value,
    },
    AssignDevice {
        device: DeviceId,
        serial: String,
        to: Option<Person>,
    },
    /// Managed distribution on or off for a group or one user.
    Distribution {
        target: DistributionTarget,
        name: String,
        on: bool,
    },
    AssignApp {
        adam_id: String,
        app: String,
        group: GroupId,
        group_name: String,
    },
    /// Try a delivery again that ended badly or doubtfully.
    Retry {
        delivery: DeliveryId,
        /// What people call it: `17.3`.
        task: String,
    },
    Cancel {
        delivery: DeliveryId,
        task: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DistributionTarget {
    Group(GroupId),
    User(UserId),
}

/// A user by id, with the name that messages call them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub user: UserId,
    pub username: String,
    pub full_name: String,
}

/// An invitation plan that is to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invite {
    pub plan: InvitePlan,
    pub options: InviteOptions,
}

impl Invite {
    #[must_use]
    pub fn lines(&self) -> &Arc<Vec<Line>> {
        &self.plan.lines
    }
}

/// How an invitation goes out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InviteOptions {
    pub channels: Vec<Channel>,
    pub template: String,
    /// When whoever has not accepted is reminded, counted from the commit.
    pub remind: ReminderPolicy,
    pub expires: Option<Span>,
    /// So many people go ahead of the rest of the run, whatever the site says.
    pub canary: Option<u32>,
}

/// A mail rendered from a template, one for each recipient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MailMessage {
    pub template: String,
    /// What the script gave the template, beside the person and the site.
    pub data: serde_json::Value,
    pub to: MailTo,
    /// Who of the audience gets none, and why.
    pub left_out: Vec<(Person, LeftOut)>,
    /// What is asked of everybody again when it leaves for them.
    #[serde(flatten)]
    pub grounds: Grounds,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MailTo {
    People(Vec<Person>),
    /// An address that is nobody's of the roster.
    Address(super::mail_address::MailAddress),
}

/// A visible alert in a site's own app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PushMessage {
    pub title: Option<String>,
    pub text: String,
    pub to: Vec<(Person, DeviceId)>,
    pub left_out: Vec<(Person, LeftOut)>,
    /// What is asked of everybody again when it leaves for them.
    #[serde(flatten)]
    pub grounds: Grounds,
}

/// The effects a script can have, for its manifest and for the marks in the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    Invite,
    Withdraw,
    Mail,
    Push,
    Webhook,
    AssignDevice,
    Distribution,
    AssignApp,
    Tasks,
}

impl Intent {
    #[must_use]
    pub fn effect(&self) -> Effect {
        match self {
            Self::Invite(_) => Effect::Invite,
            Self::Withdraw { .. } => Effect::Withdraw,
            Self::Mail(_) => Effect::Mail,
            Self::Push(_) => Effect::Push,
            Self::Webhook { .. } => Effect::Webhook,
            Self::AssignDevice { .. } => Effect::AssignDevice,
            Self::Distribution { .. } => Effect::Distribution,
            Self::AssignApp { .. } => Effect::AssignApp,
            Self::Retry { .. } | Self::Cancel { .. } => Effect::Tasks,
        }
    }

    /// Whether it is about nobody. A run of such intents needs no confirmation.
    #[must_use]
    pub fn is_void(&self) -> bool {
        match self {
            Self::Invite(invite) => invite.plan.lines.is_empty(),
            Self::Withdraw { users } => users.is_empty(),
            Self::Mail(mail) => matches!(&mail.to, MailTo::People(people) if people.is_empty()),
            Self::Push(push) => push.to.is_empty(),
            _ => false,
        }
    }

    /// How many deliveries it makes at once; reminders of later days don't count.
    #[must_use]
    pub fn deliveries(&self) -> usize {
        match self {
            Self::Invite(invite) => {
                let channels = &invite.options.channels;
                let ways = |line: &Line| {
                    let devices = if channels.contains(&Channel::Mdm) { line.devices.len() } else { 0 };
                    devices + usize::from(line.mail && channels.contains(&Channel::Mail))
                };
                invite.lines().iter().map(ways).sum()
            }
            Self::Mail(mail) => match &mail.to {
                MailTo::People(people) => people.len(),
                MailTo::Address(_) => 1,
            },
            Self::Push(push) => push.to.len(),
            Self::Webhook { .. } => 1,
            _ => 0,
        }
    }

    /// One or more lines for a person who is asked to confirm it.
    #[must_use]
    pub fn summary(&self) -> String {
        use super::invite_plan::counted;
        match self {
            Self::Invite(invite) => invite.plan.summary(),
            Self::Withdraw { users } => match users.as_slice() {
                [one] => format!("Withdraw {} from managed distribution", one.full_name),
                many => format!("Withdraw {} from managed distribution", counted(many.len(), "user")),
            },
            Self::Mail(mail) => {
                let to = match &mail.to {
                    MailTo::People(people) => match people.as_slice() {
                        [one] => one.full_name.clone(),
                        many => counted(many.len(), "person").replace("persons", "people"),
                    },
                    MailTo::Address(address) => address.to_string(),
                };
                format!("Mail \"{}\" to {to}{}", mail.template, left_out_line(&mail.left_out))
            }
            Self::Push(push) => {
                format!("Push \"{}\" to {}{}", push.text, counted(push.to.len(), "device"), left_out_line(&push.left_out))
            }
            Self::Webhook { endpoint, .. } => format!("Post to the webhook \"{endpoint}\""),
            Self::AssignDevice { serial, to: Some(person), .. } => format!("Assign device {serial} to {}", person.full_name),
            Self::AssignDevice { serial, to: None, .. } => format!("Take device {serial} from its user"),
            Self::Distribution { name, on: true, .. } => format!("Enable managed distribution for {name}"),
            Self::Distribution { name, on: false, .. } => format!("Disable managed distribution for {name}"),
            Self::AssignApp { app, group_name, .. } => format!("Assign {app} to {group_name}"),
            Self::Retry { task, .. } => format!("Send task {task} again"),
            Self::Cancel { task, .. } => format!("Cancel task {task}"),
        }
    }
}

fn left_out_line(left_out: &[(Person, LeftOut)]) -> String {
    let mut counts = std::collections::BTreeMap::<LeftOut, usize>::new();
    for (_, reason) in left_out {
        *counts.entry(*reason).or_default() += 1;
    }
    if counts.is_empty() {
        return String::new();
    }
    let list: Vec<String> = counts.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
    format!("\n  left out: {}", list.join(", "))
}

/// Makes a run's grounds proof against the run itself: who is selected for having no device, and gets one by the
/// same run, gets the mail about it too.
pub fn settle_grounds(asked: &mut [Asked]) {
    let any = |is: fn(&Intent) -> bool| asked.iter().any(|ask| is(&ask.intent));
    let own = OwnEffects {
        devices: any(|intent| matches!(intent, Intent::AssignDevice { .. })),
        enrolment: any(|intent| matches!(intent, Intent::Invite(_) | Intent::Withdraw { .. })),
    };
    for ask in asked {
        let grounds = match &mut ask.intent {
            Intent::Invite(invite) => &mut invite.plan.grounds,
            Intent::Mail(mail) => &mut mail.grounds,
            Intent::Push(push) => &mut push.grounds,
            _ => continue,
        };
        grounds.settle(own);
    }
}
