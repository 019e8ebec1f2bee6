//! The MDM server in-process, and what its webhook would have said.

use secrecy::ExposeSecret as _;

use super::Doors;
use crate::domain::device::MdmTarget;
use crate::domain::outcome::{ChannelDown, Outcome, Rejection};
use crate::domain::task::NOT_WOKEN;
use crate::domain::time::Span;
use crate::ports::Answer;
use crate::ports::look::{Found, Looked};
use crate::ports::mdm::{CommandAnswer, DeviceReport, InviteCommand, Mdm, UserChannel};
use crate::sim::devices::{DeviceSays, EnrollmentId, Said};
use crate::sim::faults::spend;
use crate::sim::mdm::{MdmServer, QueuedCommand, ServerAnswer};

/// The MDM server, without a line in between.
pub struct SimMdm {
    doors: Doors,
}

impl SimMdm {
    pub(super) fn new(doors: Doors) -> Self {
        Self { doors }
    }

    fn ask(&self, target: &MdmTarget, command: Option<&InviteCommand>) -> Result<Outcome, ChannelDown> {
        let id = enrollment_id(target);
        self.doors.at_now(|world, now| {
            reachable(&world.mdm)?;
            let ids = std::slice::from_ref(&id);
            let answer = match command {
                Some(command) => {
                    let url = command.invitation_url.expose_secret().to_owned();
                    let queued = QueuedCommand::invite(command.command_uuid.clone(), url);
                    let answer = world.mdm.enqueue(now, ids, &queued, true);
                    if spend(&mut world.mdm.faults.drop_after_acting) {
                        // Safe to repeat: the server refuses a command that it holds.
                        let words = "the line dropped before the server answered".to_owned();
                        return Ok(Outcome::Deferred { retry_after: None, words });
                    }
                    answer
                }
                None => world.mdm.push(now, ids),
            };
            if answer.held_already() {
                // The server pushes nothing for a command that it refuses, so the device is woken apart.
                let woken = outcome(&id, &world.mdm.push(now, ids), false);
                let words = match woken {
                    Outcome::Accepted { words } | Outcome::Deferred { words, .. } | Outcome::Rejected { words, .. } => words,
                    Outcome::Doubtful { words } => words,
                };
                return Ok(Outcome::Accepted { words: format!("the server holds the command already; {words}") });
            }
            Ok(outcome(&id, &answer, command.is_some()))
        })
    }
}

impl Mdm for SimMdm {
    fn invite(&self, command: InviteCommand) -> Answer<'_, Result<Outcome, ChannelDown>> {
        Box::pin(async move { self.ask(&command.target, Some(&command)) })
    }

    fn wake(&self, target: MdmTarget) -> Answer<'_, Result<Outcome, ChannelDown>> {
        Box::pin(async move { self.ask(&target, None) })
    }

    fn look(&self) -> Answer<'_, Looked> {
        let looked = self.doors.at_now(|world, _| reachable(&world.mdm));
        let found = Found { words: "the MDM server answers and takes our key".to_owned(), ..Found::default() };
        Box::pin(std::future::ready(looked.map(|()| found)))
    }

    fn at_once(&self) -> usize {
        8
    }
}

fn reachable(server: &MdmServer) -> Result<(), ChannelDown> {
    if server.faults.down {
        return Err(ChannelDown {
            what: "the MDM server can't be reached".to_owned(),
            remedy: "check [mdm] url in site.toml".to_owned(),
            retry_after: Some(Span::minutes(1)),
        });
    }
    if server.faults.refuse_key {
        return Err(ChannelDown {
            what: "the MDM server refused the API key".to_owned(),
            remedy: "check [mdm] api_key in site.toml".to_owned(),
            retry_after: None,
        });
    }
    Ok(())
}

fn outcome(id: &EnrollmentId, answer: &ServerAnswer, queues: bool) -> Outcome {
    if let Some(error) = &answer.command_error {
        return Outcome::Deferred { retry_after: None, words: error.clone() };
    }
    let status = answer.status.get(&id.0).cloned().unwrap_or_default();
    match (status.command_error, status.push_error, status.push_result) {
        (Some(error), ..) => Outcome::Deferred { retry_after: None, words: error },
        (None, Some(error), _) if queues => Outcome::Accepted { words: format!("{NOT_WOKEN}: {error}") },
        (None, Some(error), _) if error.contains("Unregistered") => {
            Outcome::Rejected { why: Rejection::TargetDead, words: error }
        }
        (None, Some(error), _) => Outcome::Deferred { retry_after: None, words: error },
        (None, None, Some(push)) => Outcome::Accepted { words: format!("push {push}") },
        (None, None, None) => Outcome::Accepted { words: "queued".to_owned() },
    }
}

fn enrollment_id(target: &MdmTarget) -> EnrollmentId {
    match target {
        MdmTarget::DeviceChannel { udid } => EnrollmentId(udid.clone()),
        MdmTarget::UserChannel { udid, user } => EnrollmentId(format!("{udid}:{user}")),
    }
}

/// What an MDM server's webhook would have made of a device's words.
#[must_use]
pub fn device_report(says: &DeviceSays) -> Option<DeviceReport> {
    let udid = says.udid.clone();
    let answer = |command_uuid: &String, answer| DeviceReport::Answer { command_uuid: command_uuid.clone(), answer };
    Some(match &says.said {
        Said::Idle => DeviceReport::Idle { udid },
        Said::Acknowledged { command_uuid, invitation_result } => match invitation_result.as_str() {
            "" => return None,
            "Acknowledged" => answer(command_uuid, CommandAnswer::Shown),
            other => answer(command_uuid, CommandAnswer::Failed(other.to_owned())),
        },
        Said::NotNow { command_uuid } => answer(command_uuid, CommandAnswer::NotNow),
        Said::Error { command_uuid, text, .. } => answer(command_uuid, CommandAnswer::Failed(text.clone())),
        Said::Authenticate { serial, name, model, os_version } => DeviceReport::Reset {
            udid,
            serial: Some(serial.clone()),
            name: Some(name.clone()),
            model: Some(model.clone()),
            os_version: Some(os_version.clone()),
        },
        Said::TokenUpdate { .. } => {
            let user_channel = says.user.as_ref().map(|user| UserChannel {
                id: if user.shared_ipad { user.short_name.clone() } else { user.id.clone() },
                short_name: Some(user.short_name.clone()),
            });
            DeviceReport::Enrolled { udid, user_channel }
        }
        Said::CheckOut => DeviceReport::Left { udid },
    })
}
