//! Committing a run: everything it asked for becomes rows, in one transaction, or nothing does.

mod invitations;
mod messages;
mod plan;

pub(super) use plan::{Placed, decide_gone, note_run, placed, write_plan};
use rusqlite::{Transaction, params};

use super::apple_work;
use super::grounds;
use super::journal::{self, Entry};
use super::{Store, StoreError, past};
use crate::domain::delivery::{Channel, DeliveryState, Step};
use crate::domain::grounds::Grounds;
use crate::domain::ids::{DeliveryId, DeviceId, InvitationId, RunId, UserId};
use crate::domain::intent::{Asked, DistributionTarget, Intent, Person};
use crate::domain::mail_address::MailAddress;
use crate::domain::reach::Exceeded;
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
    /// Those of them whose day has not come: reminders.
    pub planned: u32,
    /// Deliveries of earlier runs that it asked to be sent again: they belong to its result.
    pub again: Vec<DeliveryId>,
    /// Asks that changed nothing, each with the reason.
    pub skipped: Vec<String>,
    /// The limits that the run is held for: then nothing of it has happened, and all of it is kept.
    pub held: Vec<Exceeded>,
    /// Deliveries that are kept until the run's first wave has ended well.
    pub waiting: u32,
}

impl Store {
    /// Stores the run with everything it asked for, whatever limits say. Nobody sees half of it: it is
    /// one transaction.
    ///
    /// # Errors
    /// The store's; then nothing of the run is kept.
    pub fn commit_run(&self, record: &RunRecord, asked: &[Asked], now: Timestamp) -> Result<Committed, StoreError> {
        self.transaction("commit the run to", |tx| write_run(tx, record, asked, now))
    }

    /// The newest run's number, 0 where there is none.
    ///
    /// # Errors
    /// The store's.
    pub fn newest_run(&self) -> Result<i64, StoreError> {
        let reader = self.connect_reader()?;
        let read = || reader.prepare_cached("SELECT COALESCE(MAX(id), 0) FROM runs")?.query_row([], |row| row.get(0));
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }
}

/// Writes the run, its effects and its journal entry, whatever limits say; whoever calls it decides what
/// else is in the transaction.
pub(super) fn write_run(
    tx: &Transaction<'_>,
    record: &RunRecord,
    asked: &[Asked],
    now: Timestamp,
) -> rusqlite::Result<Committed> {
    let run = insert_run(tx, record)?;
    let mut committed = Committed { run: run.0, ..Committed::default() };
    if record.state == RunState::Committed {
        let all: Vec<Placed<'_>> = (0..).zip(asked).collect();
        write_plan(tx, run, record.saw_run, &all, now, &mut committed)?;
    }
    note_run(tx, record, asked, &committed, now)?;
    Ok(committed)
}

pub(super) fn insert_run(tx: &Transaction<'_>, record: &RunRecord) -> rusqlite::Result<RunId> {
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

/// A letter of beckon's own to somebody who need not be of the roster.
pub(super) struct OwnMail<'a> {
    pub to: &'a MailAddress,
    /// Of the delivery: the same key again is the same letter, and is sent once.
    pub key: String,
    pub subject: String,
    pub text: String,
    /// What the run is called that stands for it.
    pub script: &'a str,
    pub trigger: &'a str,
}

/// Puts a letter of beckon's own into the outbox, as a run of its own: everything in the outbox has one.
pub(super) fn own_mail(tx: &Transaction<'_>, mail: &OwnMail<'_>, now: Timestamp) -> rusqlite::Result<RunId> {
    let record = RunRecord {
        script: mail.script.to_owned(),
        script_hash: String::new(),
        trigger: mail.trigger.to_owned(),
        actor: "beckon".to_owned(),
        params: serde_json::Value::Null,
        started_at: now,
        ended_at: now,
        state: RunState::Committed,
        summary: format!("{}\n{}", mail.subject, mail.text),
        output: String::new(),
        saw_run: 0,
    };
    let run = insert_run(tx, &record)?;
    let mut commit = Commit { tx, run, now, saw_run: 0, number: 0, planned: 0, skipped: Vec::new() };
    let data = serde_json::json!({ "subject": mail.subject, "text": mail.text });
    let message = commit.message("message", &data)?;
    commit.deliver(NewDelivery {
        key: mail.key.clone(),
        invitation: None,
        message,
        user: None,
        device: None,
        address: Some(mail.to.as_str()),
        channel: Channel::Mail,
        step: Step::Message,
        state: DeliveryState::Pending,
        due: now,
    })?;
    Ok(run)
}

/// One run's commit under way.
struct Commit<'a> {
    tx: &'a Transaction<'a>,
    run: RunId,
    now: Timestamp,
    saw_run: i64,
    number: u32,
    planned: u32,
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
            Intent::Retry { delivery, task } => self.retry(delivery.0, task),
            Intent::Cancel { delivery, task } => self.cancel(delivery.0, task),
        }
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
        past::keep_devices_where(self.tx, "id = ?1 AND user_id IS NOT ?2", params![device.0, to.map(|p| p.user.0)], self.now)?;
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
        let verb = if on { "enabled" } else { "disabled" };
        let (table, id, user) = match target {
            DistributionTarget::Group(group) => ("groups", group.0, None),
            DistributionTarget::User(user) => ("users", user.0, Some(user)),
        };
        let as_it_is = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE id = ?1 AND distribution = ?2)");
        if self.tx.prepare_cached(&as_it_is)?.query_row(params![id, on], |row| row.get(0))? {
            self.skipped.push(format!("{name}: managed distribution was {verb} before"));
            return Ok(());
        }
        match user {
            Some(user) => past::keep_users(self.tx, &[user.0], self.now)?,
            None => past::keep_groups(self.tx, &[id], self.now)?,
        }
        self.tx.prepare_cached(&format!("UPDATE {table} SET distribution = ?2 WHERE id = ?1"))?.execute(params![id, on])?;
        self.note(user, "distribution", &format!("managed distribution {verb} for {name}"))
    }

    fn retry(&mut self, delivery: i64, task: &str) -> rusqlite::Result<()> {
        let changed = self
            .tx
            .prepare_cached(
                "UPDATE deliveries SET state = 'pending', due = ?2, ended_at = NULL, first_try = NULL, attempts = 0
                 WHERE id = ?1 AND state IN ('doubtful', 'rejected', 'expired', 'cancelled', 'deferred')",
            )?
            .execute(params![delivery, self.now.timestamp_millis()])?;
        if changed == 0 {
            self.skipped.push(format!("{task}: it has not failed, there is nothing to try again"));
            return Ok(());
        }
        // Who asks for it knows that the address works now.
        self.tx
            .prepare_cached(
                "UPDATE users SET mail_dead = NULL WHERE id = (SELECT user_id FROM deliveries WHERE id = ?1 AND channel = 'mail')",
            )?
            .execute([delivery])?;
        apple_work::try_again(self.tx, delivery, self.now)?;
        self.note_delivery(delivery, "asked to be sent again")
    }

    fn cancel(&mut self, delivery: i64, task: &str) -> rusqlite::Result<()> {
        let changed = self
            .tx
            .prepare_cached(
                "UPDATE deliveries SET state = 'cancelled', ended_at = ?2, words = 'cancelled by a person'
                 WHERE id = ?1 AND state IN ('blocked', 'pending', 'deferred', 'queued', 'notnow')",
            )?
            .execute(params![delivery, self.now.timestamp_millis()])?;
        if changed == 0 {
            self.skipped.push(format!("{task}: it is too late to cancel it"));
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
            let same = self.called(&new.key)?;
            self.skipped.push(format!("{same}: asked for twice in this run, sent once"));
        } else {
            self.number += 1;
            self.planned += u32::from(new.due > self.now);
        }
        Ok(())
    }

    /// A delivery as people call it, and what it is: `17.3, mail to Ana Jansen`.
    fn called(&self, key: &str) -> rusqlite::Result<String> {
        self.tx
            .prepare_cached(
                "SELECT d.run_id || '.' || d.number || ', ' || d.channel || ' to ' || COALESCE(v.name, u.full_name, d.address, m.template)
                 FROM deliveries d JOIN messages m ON m.id = d.message_id
                 LEFT JOIN users u ON u.id = d.user_id LEFT JOIN devices v ON v.id = d.device_id WHERE d.key = ?1",
            )?
            .query_row([key], |row| row.get(0))
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

    /// Says in the run's record what is asked again when something leaves, and what isn't.
    fn note_grounds(&self, grounds: &Grounds) -> rusqlite::Result<()> {
        grounds::words(self.tx, grounds)?.map_or(Ok(()), |words| self.note(None, "grounds", &words))
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
