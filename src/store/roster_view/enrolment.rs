//! How far groups have come. They are asked for one after the other, in a table or by a script's loop, and nested
//! ones hold the same people again: what somebody adds to a figure is read once for a view.

use std::collections::HashMap;

use rusqlite::{Connection, Params};

use super::groups::INSIDE;
use super::rows::word;
use crate::domain::group::Enrolment;
use crate::domain::ids::GroupId;
use crate::domain::roster::Read;
use crate::domain::user::Status;
use crate::store::selection_sql::id_list;

/// Of more people than this, everybody is read: one walk through the roster costs a fifth of finding each by itself.
/// Tests do both with a handful.
const FOUND_EACH: usize = if cfg!(test) { 2 } else { 5_000 };

/// What a view has read by now.
#[derive(Default)]
pub(super) struct Enrolments {
    groups: HashMap<GroupId, Enrolment>,
    people: HashMap<i64, Person>,
    /// Whether `people` are all that the view shows.
    everybody: bool,
}

struct Person {
    status: Status,
    devices: u32,
    /// The group that counted them last: who is in several of its nested groups is one of its users.
    counted: Option<GroupId>,
}

impl Enrolments {
    /// The figures of a group, of which nested groups are a part.
    pub fn of(&mut self, connection: &Connection, group: GroupId) -> Read<Enrolment> {
        if let Some(known) = self.groups.get(&group) {
            return Ok(*known);
        }
        let sql = format!("{INSIDE} SELECT m.user_id FROM inside JOIN group_users m ON m.group_id = inside.id");
        let mut prepared = connection.prepare_cached(&sql)?;
        let members: Vec<i64> = prepared.query_map([group.0], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        self.meet(connection, &members)?;
        let mut figures = Enrolment::default();
        for member in &members {
            let Some(person) = self.people.get_mut(member).filter(|person| person.counted != Some(group)) else { continue };
            person.counted = Some(group);
            figures.users += 1;
            figures.devices += u64::from(person.devices);
            match person.status {
                Status::None => {}
                Status::Invited => figures.open += 1,
                Status::Enrolled => figures.enrolled += 1,
                Status::Retired => figures.retired += 1,
            }
        }
        self.groups.insert(group, figures);
        Ok(figures)
    }

    /// Has all of these among the people, as far as the view shows them.
    fn meet(&mut self, connection: &Connection, members: &[i64]) -> Read<()> {
        if self.everybody {
            return Ok(());
        }
        let strangers: Vec<i64> = members.iter().copied().filter(|member| !self.people.contains_key(member)).collect();
        if strangers.is_empty() {
            return Ok(());
        }
        if self.people.len() + strangers.len() > FOUND_EACH {
            self.people.clear();
            self.everybody = true;
            return self.add(connection, ["", "user_id IS NOT NULL AND"], []);
        }
        let among = |column| format!("{column} IN (SELECT value FROM json_each(?1)) AND");
        self.add(connection, [&among("id"), &among("user_id")], [id_list(strangers)])
    }

    /// Adds the users, and what is assigned to them, of whom the two conditions hold.
    fn add(&mut self, connection: &Connection, [of_user, of_device]: [&str; 2], who: impl Params + Clone) -> Read<()> {
        let mut users = connection.prepare_cached(&format!("SELECT id, status FROM users WHERE {of_user} hidden = 0"))?;
        let mut rows = users.query(who.clone())?;
        while let Some(row) = rows.next()? {
            let person = Person { status: word(row, 1, Status::from_word)?, devices: 0, counted: None };
            self.people.insert(row.get(0)?, person);
        }
        let mut devices = connection.prepare_cached(&format!("SELECT user_id FROM devices WHERE {of_device} gone_at IS NULL"))?;
        let mut rows = devices.query(who)?;
        while let Some(row) = rows.next()? {
            if let Some(person) = self.people.get_mut(&row.get(0)?) {
                person.devices += 1;
            }
        }
        Ok(())
    }
}
