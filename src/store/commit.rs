//! Committing a run: everything it asked for becomes rows, in one transaction, or nothing does.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::apple_work;
use super::journal::{self, Entry};
use super::{Store, StoreError};
use crate::domain::delivery::{Channel, DeliveryState, Step};
use crate::domain::ids::{DeviceId, InvitationId, RunId, UserId};
use crate::domain::intent::{Asked, DistributionTarget, Intent, Invite, MailMessage, MailTo, Person, PushMessage};
use crate::domain::invitation::InvitationState;
use crate::domain::invite_plan::{Line, counted};
use crate::domain::time::Timestamp;

/// What is remembered of a run beside its effects.
#[derive(Clone, Debug)]
pub struct RunRecord {
    pub script: String,
    pub script_hash: String,
    pub trigger: String,
    pub actor: String,
    pub params: serde_json::Value,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub state: RunState,
    pub summary: String,
    pub output: String,
    /// The newest run that the script could see: what a later one did to the same people makes
    /// this run's ask a repetition.
    pub saw_run: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    Committed,
    Held,
    Failed,
}

impl RunState {
    fn word(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Held => "held",
            Self::Failed => "failed",
        }
    }
}

/// What a commit made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    pub run: i64,
    pub deliveries: u32,
    /// Asks that changed nothing, each with the reason.
    pub skipped: Vec<String>,
}

impl Store {
    /// Stores the run with everything it asked for. Nobody sees half of it: it is one transaction.
    ///
    /// # Errors
    /// The store's; then nothing of the run is kept.
    pub fn commit_run(&self, record: &RunRecord, asked: &[Asked], now: Timestamp) -> Result<Committed, StoreError> {
        self.transaction("commit the run to", |tx| {
            let run = insert_run(tx, record)?;
            let mut commit = Commit { tx, run, now, saw_run: record.saw_run, number: 0, skipped: Vec::new() };
            if record.state == RunState::Committed {
                for (index, ask) in asked.iter().enumerate() {
                    commit.intent(i64::try_from(index).unwrap_or(i64::MAX), &ask.intent)?;
                }
            }
            let words = match record.state {
                RunState::Committed => {
                    format!("{}: {}, deliveries: {}", record.script, counted(asked.len(), "intent"), commit.number)
                }
                RunState::Held => format!("{}: held for approval", record.script),
                RunState::Failed => format!("{}: failed, nothing was changed", record.script),
            };
            journal::append(tx, &Entry { at: now, kind: "run", run: Some(run), user: None, delivery: None, words: &words })?;
            Ok(Committed { run: run.0, deliveries: commit.number, skipped: commit.skipped })
        })
    }

    /// The newest run's number, 0 where there is none.
    ///
    /// # Errors
    /// The store's.
    pub fn newest_run(&self) -> Result<i64, StoreError> {
        let reader = self.connect_reader()?;
        reader
            .query_row("SELECT COALESCE(MAX(id), 0) FROM runs", [], |row| row.get(0))
            .map_err(|e| StoreError::new("read", self.path(), e))
    }
}

fn insert_run(tx: &Transaction<'_>, record: &RunRecord) -> rusqlite::Result<RunId> {
    tx.prepare_cached(
        "INSERT INTO runs (script, script_hash, trigger, actor, params, started_at, ended_at, state, summary, output)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        record.script,
        record.script_hash,
        record.trigger,
        record.actor,
        record.params.to_string(),
        record.started_at.timestamp_millis(),
        record.ended_at.timestamp_millis(),
        record.state.word(),
        record.summary,
        record.output,
    ])?;
    Ok(RunId(tx.last_insert_rowid()))
}

/// One run's commit under way.
struct Commit<'a> {
    tx: &'a Transaction<'a>,
    run: RunId,
    now: Timestamp,
    saw_run: i64,
    number: u32,
    skipped: Vec<String>,
}

/// A delivery about to be written.
struct NewDelivery<'a> {
    key: String,
    invitation: Option<InvitationId>,
    message: i64,
    user: Option<UserId>,
    device: Option<DeviceId>,
    address: Option<&'a str>,
    channel: Channel,
    step: Step,
    state: DeliveryState,
    due: Timestamp,
}

impl Commit<'_> {
    fn intent(&mut self, index: i64, intent: &Intent) -> rusqlite::Result<()> {
        match intent {
            Intent::Invite(invite) => self.invite(index, invite),
            Intent::Withdraw { users } => users.iter().try_for_each(|person| self.withdraw(index, person)),
            Intent::Mail(mail) => self.mail(index, mail),
            Intent::Push(push) => self.push(index, push),
            Intent::Webhook { endpoint, body } => self.webhook(endpoint, body),
            Intent::AssignDevice { device, serial, to } => self.assign_device(*device, serial, to.as_ref()),
            Intent::Distribution { target, name, on } => self.distribution(*target, name, *on),
            Intent::AssignApp { adam_id, app, group, group_name } => {
                self.tx
                    .prepare_cached("INSERT OR IGNORE INTO app_groups (adam_id, group_id, run_id) VALUES (?1, ?2, ?3)")?
                    .execute(params![adam_id, group.0, self.run.0])?;
                self.note(None, "app", &format!("{app} assigned to {group_name}"))
            }
            Intent::Retry { delivery } => self.retry(delivery.0),
            Intent::Cancel { delivery } => self.cancel(delivery.0),
        }
    }

    fn invite(&mut self, index: i64, invite: &Invite) -> rusqlite::Result<()> {
        for left in invite.plan.left_out.iter() {
            self.decide(left.user, index, false, &left.reason.to_string())?;
        }
        let first = self.message(&invite.options.template, &serde_json::json!({}))?;
        let reminder = if invite.options.remind.is_empty() { first } else { self.message("reminder", &serde_json::json!({}))? };
        for line in invite.lines().iter() {
            if let Some(reason) = self.overtaken(line.user)? {
                self.skipped.push(format!("{}: {reason}", line.full_name));
                self.decide(line.user, index, false, &reason)?;
                continue;
            }
            self.decide(line.user, index, true, &chosen_words(&invite.plan.audience, line))?;
            let (invitation, registered) = self.open_invitation(line, invite)?;
            // Whoever has the invitation already is reminded of it.
            let step = if registered && line.again { self.next_reminder(line.user)? } else { Step::Invite };
            self.invite_line(line, invite, invitation, (step, registered), first)?;
            for (n, after) in invite.options.remind.iter().enumerate() {
                let step = Step::Remind(u16::try_from(n + 1).unwrap_or(u16::MAX));
                self.remind_line(line, invitation, step, self.now + *after, reminder)?;
            }
        }
        Ok(())
    }

    /// What happened to a user between the run's view and this commit that makes the ask void.
    fn overtaken(&self, user: UserId) -> rusqlite::Result<Option<String>> {
        let (status, enabled): (String, bool) = self
            .tx
            .prepare_cached("SELECT status, enabled FROM users WHERE id = ?1")?
            .query_row([user.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if status == "enrolled" {
            return Ok(Some("enrolled in the meantime".to_owned()));
        }
        if !enabled {
            return Ok(Some("account disabled in the meantime".to_owned()));
        }
        let later: Option<i64> = self
            .tx
            .prepare_cached(
                "SELECT d.run_id FROM invitations i JOIN deliveries d ON d.invitation_id = i.id
                 WHERE i.user_id = ?1 AND d.run_id > ?2 AND d.run_id < ?3 LIMIT 1",
            )?
            .query_row(params![user.0, self.saw_run, self.run.0], |row| row.get(0))
            .optional()?;
        Ok(later.map(|run| format!("run {run} asked for the same a moment ago")))
    }

    /// The user's open invitation, made where there is none, and whether Apple's record is ready.
    fn open_invitation(&self, line: &Line, invite: &Invite) -> rusqlite::Result<(InvitationId, bool)> {
        let open: Option<(i64, String)> = self
            .tx
            .prepare_cached(
                "SELECT id, state FROM invitations
                 WHERE user_id = ?1 AND state IN ('queued', 'registering', 'registered', 'delivered', 'doubtful')",
            )?
            .query_row([line.user.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let expires = invite.options.expires.map(|after| (self.now + after).timestamp_millis());
        let task = if line.associate { "associate" } else { "register" };
        if let Some((id, state)) = open {
            self.tx
                .prepare_cached(
                    "UPDATE invitations SET expires_at = COALESCE(?2, expires_at), task = ?3,
                     due = CASE WHEN state = 'queued' OR ?3 = 'associate' THEN COALESCE(due, ?4) ELSE due END WHERE id = ?1",
                )?
                .execute(params![id, expires, task, self.now.timestamp_millis()])?;
            let registered =
                !matches!(InvitationState::from_word(&state), Some(InvitationState::Queued | InvitationState::Registering));
            return Ok((InvitationId(id), registered));
        }
        self.tx
            .prepare_cached(
                "INSERT INTO invitations (user_id, run_id, task, state, due, queued_at, expires_at) VALUES (?1, ?2, ?3, 'queued', ?4, ?4, ?5)",
            )?
            .execute(params![line.user.0, self.run.0, task, self.now.timestamp_millis(), expires])?;
        Ok((InvitationId(self.tx.last_insert_rowid()), false))
    }

    fn invite_line(
        &mut self,
        line: &Line,
        invite: &Invite,
        invitation: InvitationId,
        (step, registered): (Step, bool),
        message: i64,
    ) -> rusqlite::Result<()> {
        let state = if registered { DeliveryState::Pending } else { DeliveryState::Blocked };
        let channels = &invite.options.channels;
        for device in line.devices.iter().filter(|_| channels.contains(&Channel::Mdm)) {
            self.deliver_invitation(line.user, invitation, step, Channel::Mdm, Some(*device), state, self.now, message)?;
        }
        if line.mail && channels.contains(&Channel::Mail) {
            self.deliver_invitation(line.user, invitation, step, Channel::Mail, None, state, self.now, message)?;
        }
        Ok(())
    }

    fn next_reminder(&self, user: UserId) -> rusqlite::Result<Step> {
        let sent: u16 =
            self.tx.prepare_cached("SELECT reminders FROM users WHERE id = ?1")?.query_row([user.0], |row| row.get(0))?;
        Ok(Step::Remind(sent.saturating_add(1)))
    }

    /// Reminders go by mail; to the devices where there is no mail.
    fn remind_line(
        &mut self,
        line: &Line,
        invitation: InvitationId,
        step: Step,
        due: Timestamp,
        message: i64,
    ) -> rusqlite::Result<()> {
        if line.associate {
            return Ok(());
        }
        let state = DeliveryState::Pending;
        if line.mail {
            return self.deliver_invitation(line.user, invitation, step, Channel::Mail, None, state, due, message);
        }
        for device in &line.devices {
            self.deliver_invitation(line.user, invitation, step, Channel::Mdm, Some(*device), state, due, message)?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of one row")]
    fn deliver_invitation(
        &mut self,
        user: UserId,
        invitation: InvitationId,
        step: Step,
        channel: Channel,
        device: Option<DeviceId>,
        state: DeliveryState,
        due: Timestamp,
        message: i64,
    ) -> rusqlite::Result<()> {
        let target = device.map_or_else(|| "mailbox".to_owned(), |d| format!("device-{d}"));
        let key = format!("run-{}/invitation-{invitation}/{}/{}/{target}", self.run, step.word(), channel.word());
        self.deliver(NewDelivery {
            key,
            invitation: Some(invitation),
            message,
            user: Some(user),
            device,
            address: None,
            channel,
            step,
            state,
            due,
        })
    }

    fn mail(&mut self, index: i64, mail: &MailMessage) -> rusqlite::Result<()> {
        let message = self.message(&mail.template, &mail.data)?;
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

    fn push(&mut self, index: i64, push: &PushMessage) -> rusqlite::Result<()> {
        let data = serde_json::json!({ "title": push.title, "text": push.text });
        let message = self.message("push", &data)?;
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

    fn webhook(&mut self, endpoint: &str, body: &serde_json::Value) -> rusqlite::Result<()> {
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

    fn withdraw(&mut self, index: i64, person: &Person) -> rusqlite::Result<()> {
        let changed = apple_work::withdraw(self.tx, person.user, self.run, self.now)?;
        if !changed {
            self.skipped.push(format!("{}: there is nothing to withdraw", person.full_name));
            return Ok(());
        }
        self.decide(person.user, index, true, "withdrawn from managed distribution")?;
        self.note(Some(person.user), "withdraw", &format!("withdrawal of {} asked for", person.full_name))
    }

    fn assign_device(&mut self, device: DeviceId, serial: &str, to: Option<&Person>) -> rusqlite::Result<()> {
        // The user channel belongs to whoever logged in: it does not move with the assignment.
        self.tx
            .prepare_cached(
                "UPDATE devices SET user_channel = CASE WHEN user_id IS ?2 THEN user_channel END, user_id = ?2 WHERE id = ?1",
            )?
            .execute(params![device.0, to.map(|p| p.user.0)])?;
        let words = match to {
            Some(person) => format!("device {serial} assigned to {}", person.full_name),
            None => format!("device {serial} assigned to nobody"),
        };
        self.note(to.map(|p| p.user), "device", &words)
    }

    fn distribution(&mut self, target: DistributionTarget, name: &str, on: bool) -> rusqlite::Result<()> {
        let (sql, id, user) = match target {
            DistributionTarget::Group(group) => ("UPDATE groups SET distribution = ?2 WHERE id = ?1", group.0, None),
            DistributionTarget::User(user) => ("UPDATE users SET distribution = ?2 WHERE id = ?1", user.0, Some(user)),
        };
        self.tx.prepare_cached(sql)?.execute(params![id, on])?;
        let verb = if on { "enabled" } else { "disabled" };
        self.note(user, "distribution", &format!("managed distribution {verb} for {name}"))
    }

    fn retry(&mut self, delivery: i64) -> rusqlite::Result<()> {
        let changed = self
            .tx
            .prepare_cached(
                "UPDATE deliveries SET state = 'pending', due = ?2, ended_at = NULL, first_try = NULL, attempts = 0
                 WHERE id = ?1 AND state IN ('doubtful', 'rejected', 'expired', 'cancelled', 'deferred')",
            )?
            .execute(params![delivery, self.now.timestamp_millis()])?;
        if changed == 0 {
            self.skipped.push(format!("delivery {delivery}: it has not failed, there is nothing to try again"));
            return Ok(());
        }
        apple_work::try_again(self.tx, delivery, self.now)?;
        self.note_delivery(delivery, "asked to be sent again")
    }

    fn cancel(&mut self, delivery: i64) -> rusqlite::Result<()> {
        let changed = self
            .tx
            .prepare_cached(
                "UPDATE deliveries SET state = 'cancelled', ended_at = ?2, words = 'cancelled by a person'
                 WHERE id = ?1 AND state IN ('blocked', 'pending', 'deferred', 'queued', 'notnow')",
            )?
            .execute(params![delivery, self.now.timestamp_millis()])?;
        if changed == 0 {
            self.skipped.push(format!("delivery {delivery}: it is too late to cancel it"));
            return Ok(());
        }
        self.note_delivery(delivery, "cancelled by a person")
    }

    fn message(&self, template: &str, data: &serde_json::Value) -> rusqlite::Result<i64> {
        self.tx.prepare_cached("INSERT INTO messages (run_id, template, data) VALUES (?1, ?2, ?3)")?.execute(params![
            self.run.0,
            template,
            data.to_string()
        ])?;
        Ok(self.tx.last_insert_rowid())
    }

    /// Writes a delivery; one with the same key is the same ask, and is said to be.
    fn deliver(&mut self, new: NewDelivery<'_>) -> rusqlite::Result<()> {
        let far_id =
            uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("{}@{}", new.key, site_id(self.tx)?).as_bytes()).to_string();
        let written = self
            .tx
            .prepare_cached(
                "INSERT INTO deliveries (run_id, number, key, invitation_id, message_id, user_id, device_id, address, channel, step,
                                         state, due, created_at, far_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT (key) DO NOTHING",
            )?
            .execute(params![
                self.run.0,
                self.number + 1,
                new.key,
                new.invitation.map(|i| i.0),
                new.message,
                new.user.map(|u| u.0),
                new.device.map(|d| d.0),
                new.address,
                new.channel.word(),
                new.step.word(),
                new.state.word(),
                new.due.timestamp_millis(),
                self.now.timestamp_millis(),
                far_id,
            ])?;
        if written == 0 {
            self.skipped.push(format!("{}: asked for twice in this run, sent once", new.key));
        } else {
            self.number += 1;
        }
        Ok(())
    }

    fn decide(&self, user: UserId, index: i64, chosen: bool, reason: &str) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached(
                "INSERT OR REPLACE INTO decisions (user_id, run_id, intent, chosen, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![user.0, self.run.0, index, chosen, reason])?;
        Ok(())
    }

    fn note(&self, user: Option<UserId>, kind: &str, words: &str) -> rusqlite::Result<()> {
        journal::append(self.tx, &Entry { at: self.now, kind, run: Some(self.run), user, delivery: None, words })
    }

    fn note_delivery(&self, delivery: i64, words: &str) -> rusqlite::Result<()> {
        journal::append(
            self.tx,
            &Entry { at: self.now, kind: "task", run: Some(self.run), user: None, delivery: Some(delivery), words },
        )
    }
}

/// What makes this site's far-side ids differ from another site's: drawn once, kept in the store.
fn site_id(tx: &Transaction<'_>) -> rusqlite::Result<String> {
    tx.prepare_cached("SELECT value FROM facts WHERE name = 'site_id'")?.query_row([], |row| row.get(0))
}

fn chosen_words(audience: &str, line: &Line) -> String {
    let mut ways = Vec::new();
    if line.associate {
        ways.push("by Managed Apple Account".to_owned());
    }
    if !line.devices.is_empty() {
        ways.push(format!("on {}", counted(line.devices.len(), "device")));
    }
    if line.mail {
        ways.push("by mail".to_owned());
    }
    format!("of {audience}, {}", ways.join(" and "))
}

/// A short, stable name for a message's content.
fn digest(data: &serde_json::Value) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(data.to_string());
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
