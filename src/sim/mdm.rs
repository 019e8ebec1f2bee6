//! A NanoMDM-shaped MDM server and the devices that talk to it: queues, pushes, answers.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::agenda::Agenda;
use super::devices::{ChannelUser, DeviceConduct, DeviceSays, EnrollmentId, Reaction, Said, SimDevice};
use super::faults::{MdmFaults, spend};
use super::seed::Seed;
use crate::domain::device::{Enrollment, Platform};
use crate::domain::time::{Span, Timestamp};

/// How the MDM side behaves when nothing is wrong.
#[derive(Clone, Debug)]
pub struct MdmConfig {
    /// From the push until the device connects, from and to.
    pub device_takes: (Span, Span),
    /// Whether a session's first word, Idle, is reported too, as NanoMDM does.
    pub report_idle: bool,
    /// An enrolment id that nobody knows is taken as an iPad's (a Mac's, where it names a user) that
    /// obliges, rather than one without push data.
    pub adopt_strangers: bool,
}

impl Default for MdmConfig {
    fn default() -> Self {
        Self { device_takes: (Span::milliseconds(300), Span::seconds(3)), report_idle: true, adopt_strangers: false }
    }
}

/// A command as the server holds it. The URL is a secret: no `Debug`.
#[derive(Clone)]
pub struct QueuedCommand {
    pub uuid: String,
    pub request_type: String,
    pub program_id: String,
    pub invitation_url: String,
    not_nows: u32,
}

impl QueuedCommand {
    /// `InviteToProgram` for managed distribution.
    #[must_use]
    pub fn invite(uuid: String, invitation_url: String) -> Self {
        Self {
            uuid,
            request_type: "InviteToProgram".to_owned(),
            program_id: "com.apple.cloudvpp".to_owned(),
            invitation_url,
            not_nows: 0,
        }
    }

    /// Any command.
    #[must_use]
    pub fn new(uuid: String, request_type: String, program_id: String, invitation_url: String) -> Self {
        Self { uuid, request_type, program_id, invitation_url, not_nows: 0 }
    }
}

/// NanoMDM's answer to an enqueue or a push.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerAnswer {
    pub status: BTreeMap<String, IdStatus>,
    /// Nothing was queued for anybody.
    pub command_error: Option<String>,
    pub command_uuid: Option<String>,
    pub request_type: Option<String>,
    pub no_push: bool,
}

const HELD_ALREADY: &str = "command already exists";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdStatus {
    pub push_result: Option<String>,
    pub push_error: Option<String>,
    pub command_error: Option<String>,
}

impl IdStatus {
    fn failed(&self) -> bool {
        self.push_error.is_some() || self.command_error.is_some()
    }
}

impl ServerAnswer {
    /// Refused because the server has this command from an earlier request.
    #[must_use]
    pub fn held_already(&self) -> bool {
        self.command_error.as_deref() == Some(HELD_ALREADY)
    }

    /// 200 all good, 207 some failed, 500 all failed.
    #[must_use]
    pub fn http(&self) -> u16 {
        let failed = self.status.values().filter(|s| s.failed()).count();
        if self.command_error.is_some() || (failed > 0 && failed == self.status.len()) {
            500
        } else if failed > 0 {
            207
        } else {
            200
        }
    }
}

/// A prompt that a device showed: whose, and what it said.
pub(super) struct Shown {
    pub at: Timestamp,
    pub user: String,
    pub invitation_url: String,
}

#[derive(Default)]
struct Queue {
    commands: VecDeque<QueuedCommand>,
    /// A visit is on the agenda.
    woken: bool,
}

/// The server and its devices.
pub struct MdmServer {
    pub config: MdmConfig,
    pub faults: MdmFaults,
    seed: u64,
    devices: HashMap<String, SimDevice>,
    queues: HashMap<EnrollmentId, Queue>,
    known_uuids: HashSet<String>,
    pub(super) agenda: Agenda<EnrollmentId>,
    reports: VecDeque<DeviceSays>,
    pushes: u64,
    shown: u64,
}

impl MdmServer {
    #[must_use]
    pub fn new(seed: u64, config: MdmConfig) -> Self {
        Self {
            config,
            faults: MdmFaults::default(),
            seed,
            devices: HashMap::new(),
            queues: HashMap::new(),
            known_uuids: HashSet::new(),
            agenda: Agenda::default(),
            reports: VecDeque::new(),
            pushes: 0,
            shown: 0,
        }
    }

    /// Puts a device in the world, already enrolled; a second one with the same UDID replaces it.
    pub fn add_device(&mut self, device: SimDevice) {
        self.devices.insert(device.udid.clone(), device);
    }

    #[must_use]
    pub fn device(&self, udid: &str) -> Option<&SimDevice> {
        self.devices.get(udid)
    }

    /// The devices that somebody uses.
    #[must_use]
    pub fn udids_of(&self, username: &str) -> Vec<String> {
        let theirs = self.devices.values().filter(|d| d.user.as_deref() == Some(username));
        theirs.map(|d| d.udid.clone()).collect()
    }

    /// To change how a device behaves.
    pub fn device_mut(&mut self, udid: &str) -> Option<&mut SimDevice> {
        self.devices.get_mut(udid)
    }

    /// Commands that have been queued, each counted once.
    #[must_use]
    pub fn commands(&self) -> usize {
        self.known_uuids.len()
    }

    #[must_use]
    pub fn holds(&self, command_uuid: &str) -> bool {
        self.known_uuids.contains(command_uuid)
    }

    /// Prompts that devices have shown.
    #[must_use]
    pub fn shown(&self) -> u64 {
        self.shown
    }

    /// Wake-ups sent to devices.
    #[must_use]
    pub fn pushes(&self) -> u64 {
        self.pushes
    }

    /// Queues one command for each enrolment and wakes them.
    pub fn enqueue(&mut self, now: Timestamp, ids: &[EnrollmentId], command: &QueuedCommand, push: bool) -> ServerAnswer {
        let mut answer = ServerAnswer {
            command_uuid: Some(command.uuid.clone()),
            request_type: Some(command.request_type.clone()),
            no_push: !push,
            ..ServerAnswer::default()
        };
        if command.uuid.is_empty() || command.request_type.is_empty() {
            return ServerAnswer { command_error: Some("invalid command".to_owned()), ..ServerAnswer::default() };
        }
        if spend(&mut self.faults.refuse_commands) {
            return ServerAnswer { command_error: Some("storage is not available".to_owned()), ..answer };
        }
        if !self.known_uuids.insert(command.uuid.clone()) {
            return ServerAnswer { command_error: Some(HELD_ALREADY.to_owned()), ..answer };
        }
        for id in ids {
            self.queues.entry(id.clone()).or_default().commands.push_back(command.clone());
            let status = if push { self.push_one(now, id) } else { IdStatus::default() };
            answer.status.insert(id.0.clone(), status);
        }
        answer
    }

    /// Wakes enrolments without a new command.
    pub fn push(&mut self, now: Timestamp, ids: &[EnrollmentId]) -> ServerAnswer {
        let status = ids.iter().map(|id| (id.0.clone(), self.push_one(now, id))).collect();
        ServerAnswer { status, ..ServerAnswer::default() }
    }

    fn push_one(&mut self, now: Timestamp, id: &EnrollmentId) -> IdStatus {
        let error = |text: String| IdStatus { push_error: Some(text), ..IdStatus::default() };
        self.pushes += 1;
        if spend(&mut self.faults.fail_pushes) {
            return error("push HTTP status: 503: APNs push error: ServiceUnavailable".to_owned());
        }
        let (udid, user) = id.parts();
        if !self.devices.contains_key(udid) && self.config.adopt_strangers {
            let stranger = stranger(udid, user);
            self.add_device(stranger);
        }
        let known = self.devices.get(udid).filter(|d| user.is_none() || d.user_channel.as_deref() == user);
        let Some(device) = known else { return error(format!("push data missing for {}", id.0)) };
        if device.conduct == DeviceConduct::Gone {
            let ms = now.timestamp_millis();
            return error(format!("push HTTP status: 410: APNs push error: Unregistered: timestamp {ms}"));
        }
        let mut seed = Seed::named(self.seed, &["push", &id.0, &self.pushes.to_string()]);
        let result = seed.uuid().to_uppercase();
        let comes = device.conduct != DeviceConduct::NeverSeen;
        let queue = self.queues.entry(id.clone()).or_default();
        if comes && !queue.woken {
            queue.woken = true;
            // Named without a count: the order in which pushes arrive must not change who comes when.
            let takes = Seed::named(self.seed, &["visit", &id.0]).between(self.config.device_takes);
            self.agenda.add(now + takes, id.clone());
        }
        IdStatus { push_result: Some(result), ..IdStatus::default() }
    }

    /// A device's session: it says Idle, takes its commands one by one, and answers each.
    pub(super) fn visit(&mut self, now: Timestamp, id: &EnrollmentId) -> Vec<Shown> {
        let (udid, user) = id.parts();
        let on_user_channel = user.is_some();
        let Some(queue) = self.queues.get_mut(id) else { return Vec::new() };
        queue.woken = false;
        let mut commands = std::mem::take(&mut queue.commands);
        let Some(device) = self.devices.get(udid).cloned() else { return Vec::new() };
        if matches!(device.conduct, DeviceConduct::Gone | DeviceConduct::NeverSeen) {
            self.queues.entry(id.clone()).or_default().commands = commands;
            return Vec::new();
        }
        let mut shown = Vec::new();
        let mut kept = VecDeque::new();
        let mut back_after: Option<Span> = None;
        if self.config.report_idle {
            self.report(now, &device, id, Said::Idle);
        }
        while let Some(mut command) = commands.pop_front() {
            let command_uuid = command.uuid.clone();
            if command.request_type != "InviteToProgram" {
                self.report(now, &device, id, Said::Acknowledged { command_uuid, invitation_result: String::new() });
                continue;
            }
            let acknowledged =
                |result: &str| Said::Acknowledged { command_uuid: command_uuid.clone(), invitation_result: result.to_owned() };
            let said = match device.react(on_user_channel, command.not_nows, &command.program_id, &command.invitation_url) {
                Reaction::Shows => {
                    let who = device.user.clone().unwrap_or_else(|| device.udid.clone());
                    shown.push(Shown { at: now, user: who, invitation_url: command.invitation_url.clone() });
                    acknowledged("Acknowledged")
                }
                Reaction::InvalidProgram => acknowledged("InvalidProgramID"),
                Reaction::InvalidUrl => acknowledged("InvalidInvitationURL"),
                Reaction::Refuses { code, domain, text } => Said::Error { command_uuid, code, domain, text },
                Reaction::NotNow { back_after: wait } => {
                    command.not_nows += 1;
                    kept.push_back(command);
                    back_after = Some(wait);
                    Said::NotNow { command_uuid }
                }
            };
            self.report(now, &device, id, said);
        }
        self.shown += shown.len() as u64;
        let queue = self.queues.entry(id.clone()).or_default();
        queue.commands = kept;
        if let Some(wait) = back_after {
            queue.woken = true;
            self.agenda.add(now + wait, id.clone());
        }
        shown
    }

    /// The device is wiped and enrols again: Authenticate empties its queues, TokenUpdate completes it.
    pub fn enroll_again(&mut self, now: Timestamp, udid: &str) {
        let Some(device) = self.devices.get_mut(udid) else { return };
        if device.conduct == DeviceConduct::Gone {
            device.conduct = DeviceConduct::Obliging;
        }
        let device = device.clone();
        self.empty_queues(udid);
        let id = EnrollmentId(udid.to_owned());
        let said = Said::Authenticate {
            serial: device.serial.clone(),
            name: device.name.clone(),
            model: device.model.clone(),
            os_version: device.os_version.clone(),
        };
        self.report(now, &device, &id, said);
        self.report(now, &device, &id, Said::TokenUpdate { user_channel: false });
        if let Some(user) = &device.user_channel {
            let id = EnrollmentId(format!("{udid}:{user}"));
            self.report(now, &device, &id, Said::TokenUpdate { user_channel: true });
        }
    }

    /// The profile is removed: CheckOut, and pushes are answered 410 from now on.
    pub fn check_out(&mut self, now: Timestamp, udid: &str) {
        let Some(device) = self.devices.get_mut(udid) else { return };
        device.conduct = DeviceConduct::Gone;
        let device = device.clone();
        self.empty_queues(udid);
        self.report(now, &device, &EnrollmentId(udid.to_owned()), Said::CheckOut);
    }

    fn empty_queues(&mut self, udid: &str) {
        for (_, queue) in self.queues.iter_mut().filter(|(id, _)| id.parts().0 == udid) {
            queue.commands.clear();
        }
    }

    fn report(&mut self, at: Timestamp, device: &SimDevice, id: &EnrollmentId, said: Said) {
        if spend(&mut self.faults.lose_reports) {
            return;
        }
        let shared_ipad = device.enrollment == Enrollment::SharedIpad;
        let user = id.parts().1.map(|user| ChannelUser {
            id: if shared_ipad { "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF".to_owned() } else { user.to_owned() },
            short_name: if shared_ipad { user.to_owned() } else { device.user.clone().unwrap_or_default() },
            shared_ipad,
        });
        let enrollment = device.enrollment;
        let says = DeviceSays { at, enrollment, udid: device.udid.clone(), enrollment_id: id.clone(), user, said };
        if spend(&mut self.faults.double_reports) {
            self.reports.push_back(says.clone());
        }
        self.reports.push_back(says);
    }

    pub(super) fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    /// What devices have said since the last call.
    pub fn take_reports(&mut self) -> Vec<DeviceSays> {
        self.reports.drain(..).collect()
    }
}

fn stranger(udid: &str, user: Option<&str>) -> SimDevice {
    let mac = user.is_some();
    SimDevice {
        serial: udid.to_owned(),
        udid: udid.to_owned(),
        name: if mac { "Mac" } else { "iPad" }.to_owned(),
        platform: if mac { Platform::Macos } else { Platform::Ipados },
        os_version: "26.0".to_owned(),
        model: if mac { "Mac16,1" } else { "iPad14,3" }.to_owned(),
        user: None,
        enrollment: Enrollment::Device,
        user_channel: user.map(str::to_owned),
        conduct: DeviceConduct::Obliging,
    }
}
