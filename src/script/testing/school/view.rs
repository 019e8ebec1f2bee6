//! What the school answers as a roster.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::School;
use crate::domain::app::App;
use crate::domain::departure::Departure;
use crate::domain::device::Device;
use crate::domain::group::{Enrolment, Group};
use crate::domain::ids::{DeviceId, GroupId, UserId};
use crate::domain::invite_plan::{Candidate, CandidateDevice};
use crate::domain::misspelt::nearest_few;
use crate::domain::roster::{AppToken, AsOf, Read, RosterView};
use crate::domain::selection::Select;
use crate::domain::task::{Future, FutureTask, Page, Task};
use crate::domain::time::Timestamp;
use crate::domain::user::{Status, User};

impl RosterView for School {
    fn ids(&self, select: &Select) -> Read<Vec<i64>> {
        Ok(self.select(select))
    }
    fn count(&self, select: &Select) -> Read<u64> {
        Ok(self.select(select).len() as u64)
    }
    fn explain(&self, select: &Select) -> Read<String> {
        Ok(format!("query: {select:?}"))
    }
    fn users(&self, ids: &[i64]) -> Read<Vec<Arc<User>>> {
        Ok(ids.iter().filter_map(|id| self.users.get(*id as usize - 1)).cloned().collect())
    }
    fn devices(&self, ids: &[i64]) -> Read<Vec<Arc<Device>>> {
        Ok(ids.iter().filter_map(|id| self.devices.get(*id as usize - 1)).cloned().collect())
    }
    fn user_by_username(&self, username: &str) -> Read<Option<Arc<User>>> {
        Ok(self.users.iter().find(|u| u.username == username).cloned())
    }
    fn find_device(&self, name: &str) -> Read<Option<Arc<Device>>> {
        Ok(self.devices.iter().find(|d| d.serial == name || d.name == name).cloned())
    }
    fn group_by_name(&self, name: &str) -> Read<Option<Group>> {
        Ok(self.groups.iter().find(|g| g.name == name).cloned())
    }
    fn groups(&self) -> Read<Vec<Group>> {
        Ok(self.groups.clone())
    }
    fn groups_of(&self, user: UserId) -> Read<Vec<Group>> {
        Ok(self.groups.iter().filter(|g| self.members.contains(&(g.id, user))).cloned().collect())
    }
    fn devices_of(&self, user: UserId) -> Read<Vec<Arc<Device>>> {
        Ok(self.devices.iter().filter(|d| d.user == Some(user)).cloned().collect())
    }
    fn is_member(&self, group: GroupId, user: UserId) -> Read<bool> {
        Ok(self.members.contains(&(group, user)))
    }
    fn subgroups(&self, group: GroupId) -> Read<Vec<Group>> {
        Ok(self.groups.iter().filter(|g| self.nested.contains(&(group, g.id))).cloned().collect())
    }
    fn enrolment(&self, users: &Select) -> Read<Enrolment> {
        let ids = self.select(users);
        let with = |status| self.users.iter().filter(|u| u.status == status && ids.contains(&u.id.0)).count() as u64;
        Ok(Enrolment {
            users: ids.len() as u64,
            enrolled: with(Status::Enrolled),
            open: with(Status::Invited),
            retired: with(Status::Retired),
            devices: self.devices.iter().filter(|d| d.user.is_some_and(|u| ids.contains(&u.0))).count() as u64,
        })
    }
    fn app_tokens(&self, devices: &[DeviceId]) -> Read<Vec<AppToken>> {
        let has = |d: &&DeviceId| d.0 == 2;
        Ok(devices.iter().filter(has).map(|d| AppToken { device: *d, topic: "example.app".into(), token: "aa".into() }).collect())
    }
    fn candidates(&self, users: &Select) -> Read<Vec<Candidate>> {
        self.candidates_asked.fetch_add(1, Ordering::Relaxed);
        let mut devices: BTreeMap<UserId, Vec<CandidateDevice>> = BTreeMap::new();
        for d in &self.devices {
            if let Some(user) = d.user {
                devices.entry(user).or_default().push(CandidateDevice {
                    device: d.id,
                    name: d.name.clone(),
                    platform: d.platform,
                    not_invitable: d.mdm_target().err(),
                });
            }
        }
        let enabled: HashSet<UserId> =
            self.members.iter().filter(|(g, _)| self.groups[g.0 as usize - 1].distribution).map(|(_, u)| *u).collect();
        let users = self.users(&self.select(users))?;
        Ok(users
            .into_iter()
            .map(|u| Candidate {
                user: u.id,
                username: u.username.clone(),
                full_name: u.full_name.clone(),
                enabled: u.enabled,
                status: u.status,
                invited_at: u.invited_at,
                last_contact: u.last_contact,
                has_mail: u.mail.is_some(),
                mail_dead: false,
                managed_account: u.managed_account.is_some(),
                distribution: u.distribution || enabled.contains(&u.id),
                under_way: false,
                doubtful: false,
                devices: devices.remove(&u.id).unwrap_or_default(),
            })
            .collect())
    }
    fn active_tasks(&self) -> Read<Vec<Task>> {
        Ok(self.tasks.clone())
    }
    fn future_tasks(&self, rules: &Departure, now: Timestamp, page: Page) -> Read<Future> {
        let later = |task: &&Task| task.next.is_some_and(|at| at > now);
        let tasks = self.tasks.iter().filter(later).map(|task| FutureTask {
            task: task.clone(),
            zone: rules.site_zone,
            leaves: task.next.unwrap_or(now),
            because: String::new(),
        });
        let tasks: Vec<FutureTask> = tasks.collect();
        let total = tasks.len() as u64;
        Ok(Future { total, tasks: tasks.into_iter().skip(page.from as usize).take(page.rows as usize).collect() })
    }
    fn failed_tasks(&self) -> Read<Vec<Task>> {
        Ok(Vec::new())
    }
    fn apps(&self) -> Read<Vec<App>> {
        Ok(self.apps.clone())
    }
    fn as_of(&self, when: Timestamp) -> Read<AsOf> {
        Ok(match self.past.range(..=when).next_back() {
            Some((_, school)) => AsOf::Known(Box::new(school.clone().dated(when))),
            None => AsOf::Before(self.past.keys().next().copied()),
        })
    }
    fn similar_usernames(&self, wanted: &str) -> Read<Vec<String>> {
        Ok(nearest_few(wanted, self.users.iter().map(|u| u.username.as_str()), 3).into_iter().map(str::to_owned).collect())
    }
    fn similar_devices(&self, wanted: &str) -> Read<Vec<String>> {
        Ok(nearest_few(wanted, self.devices.iter().map(|d| d.serial.as_str()), 3).into_iter().map(str::to_owned).collect())
    }
}
