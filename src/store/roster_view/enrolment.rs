//! How far groups have come. They are asked for one after the other, in a table or by a script's loop, and nested
//! ones hold the same people again: what somebody adds to a figure is read once for a view.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

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
    people: HashMap<i64, Person, BuildHasherDefault<Spread>>,
    /// Whether `people` are all that the view shows.
    everybody: bool,
    /// How often figures were added up.
    sums: u64,
}

struct Person {
    status: Status,
    devices: u32,
    /// The sum that counted them last: who is in several nested groups is one user.
    counted: u64,
}

/// Spreads ids, which nobody chooses, by one multiplication: finding people is most of the work.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write_i64(&mut self, id: i64) {
        self.0 = id.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Enrolments {
    /// The figures of a group, of which nested groups are a part.
    pub fn of_group(&mut self, connection: &Connection, group: GroupId) -> Read<Enrolment> {
        if let Some(known) = self.groups.get(&group) {
            return Ok(*known);
        }
        let sql = format!("{INSIDE} SELECT m.user_id FROM inside JOIN group_users m ON m.group_id = inside.id");
        let mut prepared = connection.prepare_cached(&sql)?;
        let members: Vec<i64> = prepared.query_map([group.0], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let figures = self.of_users(connection, &members)?;
        self.groups.insert(group, figures);
        Ok(figures)
    }

    /// The figures of these users; those that nobody sees are passed over.
    pub fn of_users(&mut self, connection: &Connection, ids: &[i64]) -> Read<Enrolment> {
        self.meet(connection, ids)?;
        self.sums += 1;
        let mut figures = Enrolment::default();
        for id in ids {
            let Some(person) = self.people.get_mut(id).filter(|person| person.counted != self.sums) else { continue };
            person.counted = self.sums;
            figures.users += 1;
            figures.devices += u64::from(person.devices);
            match person.status {
                Status::None => {}
                Status::Invited => figures.open += 1,
                Status::Enrolled => figures.enrolled += 1,
                Status::Retired => figures.retired += 1,
            }
        }
        Ok(figures)
    }

    /// Has all of these among the people, as far as the view shows them.
    fn meet(&mut self, connection: &Connection, ids: &[i64]) -> Read<()> {
        if self.everybody {
            return Ok(());
        }
        let strangers: Vec<i64> = ids.iter().copied().filter(|id| !self.people.contains_key(id)).collect();
        if strangers.is_empty() {
            return Ok(());
        }
        let everybody = self.people.len() + strangers.len() > FOUND_EACH;
        let read = if everybody {
            self.people.clear();
            // The plus: what has gone is found by an index of its own.
            self.add(connection, ["", "user_id IS NOT NULL", "+user_id IS NOT NULL"], [])
        } else {
            let among = |column| format!("{column} IN (SELECT value FROM json_each(?1))");
            let (of_user, of_device) = (format!("{} AND", among("id")), among("user_id"));
            self.add(connection, [&of_user, &of_device, &of_device], [id_list(strangers)])
        };
        match &read {
            Ok(()) => self.everybody = everybody,
            // Some of them have come without their devices.
            Err(_) => self.people.clear(),
        }
        read
    }

    /// Adds the users of whom the first condition holds, with what is assigned to them: all devices of whom the second
    /// holds, which an index answers by itself, without the few of whom the third holds and that have gone.
    fn add(&mut self, connection: &Connection, [of_user, of_device, of_gone]: [&str; 3], who: impl Params + Clone) -> Read<()> {
        let mut users = connection.prepare_cached(&format!("SELECT id, status FROM users WHERE {of_user} hidden = 0"))?;
        let mut rows = users.query(who.clone())?;
        while let Some(row) = rows.next()? {
            let person = Person { status: word(row, 1, Status::from_word)?, devices: 0, counted: 0 };
            self.people.insert(row.get(0)?, person);
        }
        for (condition, sign) in [(of_device, 1), (&format!("{of_gone} AND gone_at IS NOT NULL"), -1)] {
            let mut devices = connection.prepare_cached(&format!("SELECT user_id FROM devices WHERE {condition}"))?;
            let mut rows = devices.query(who.clone())?;
            while let Some(row) = rows.next()? {
                if let Some(person) = self.people.get_mut(&row.get(0)?) {
                    person.devices = person.devices.saturating_add_signed(sign);
                }
            }
        }
        Ok(())
    }
}
