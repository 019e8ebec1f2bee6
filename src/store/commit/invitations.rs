//! An invitation plan becomes decisions, invitations and deliveries.

use chrono_tz::Tz;
use rusqlite::{OptionalExtension as _, params};

use super::{Commit, NewDelivery};
use crate::domain::delivery::{Channel, DeliveryState, Step};
use crate::domain::ids::{DeviceId, InvitationId, UserId};
use crate::domain::intent::Invite;
use crate::domain::invitation::InvitationState;
use crate::domain::invite_plan::{Line, counted};
use crate::domain::reminder::ReminderPolicy;
use crate::domain::time::Timestamp;
use crate::store::grounds;

impl Commit<'_> {
    pub(super) fn invite(&mut self, index: i64, invite: &Invite) -> rusqlite::Result<()> {
        for left in invite.plan.left_out.iter() {
            self.decide(left.user, index, false, &left.reason.to_string())?;
        }
        let remind = &invite.options.remind;
        self.note_grounds(&invite.plan.grounds)?;
        let first = self.message(&invite.options.template, &serde_json::json!({}))?;
        self.made_for(first, invite, None)?;
        let reminder = if remind.after.is_empty() { first } else { self.message("reminder", &serde_json::json!({}))? };
        self.made_for(reminder, invite, Some(remind).filter(|policy| !policy.after.is_empty() && policy.has_rules()))?;
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
            if remind.after.is_empty() {
                continue;
            }
            // What goes out now may be a reminder itself: those of later count on from it.
            let mut number = if let Step::Remind(first) = step { first } else { 0 };
            for due in remind.instants(self.now, self.zone(line.user, remind)?) {
                number = number.saturating_add(1);
                let step = Step::Remind(number);
                self.remind_line(line, invitation, step, due, reminder)?;
            }
        }
        Ok(())
    }

    /// Keeps with a message what its deliveries are asked about when they leave: the grounds and the rules.
    fn made_for(&self, message: i64, invite: &Invite, policy: Option<&ReminderPolicy>) -> rusqlite::Result<()> {
        grounds::keep(self.tx, message, &invite.plan.grounds, &invite.plan.audience)?;
        self.keep_policy(message, policy)
    }

    fn keep_policy(&self, message: i64, policy: Option<&ReminderPolicy>) -> rusqlite::Result<()> {
        let Some(policy) = policy else { return Ok(()) };
        // Texts, numbers and dates: there is nothing in it that can't be written as JSON.
        let text = serde_json::to_string(policy).unwrap_or_default();
        self.tx.prepare_cached("UPDATE messages SET policy = ?2 WHERE id = ?1")?.execute(params![message, text])?;
        Ok(())
    }

    /// The zone in which a person reads the clock.
    fn zone(&self, user: UserId, policy: &ReminderPolicy) -> rusqlite::Result<Tz> {
        let own: Option<String> =
            self.tx.prepare_cached("SELECT timezone FROM users WHERE id = ?1")?.query_row([user.0], |row| row.get(0))?;
        Ok(own.and_then(|name| name.parse().ok()).unwrap_or(policy.zone))
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
