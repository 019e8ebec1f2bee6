//! A school made from a seed: people, groups and devices, as roster files or as inhabitants of a world.
//! It writes files where it is told to and does nothing else to the outside.

mod devices;
mod files;
mod names;

use std::collections::HashSet;

use super::people::{Habits, Person};
use super::seed::Seed;
use super::world::{World, WorldConfig};
use crate::domain::time::Timestamp;
use crate::sim::apple::UnitConfig;
use crate::sim::devices::SimDevice;

pub use files::content_token;

/// Who is in the school. Users refer to each other by username, devices by serial number.
#[derive(Clone, Debug, PartialEq)]
pub struct School {
    pub seed: u64,
    pub name: String,
    pub users: Vec<SchoolUser>,
    pub groups: Vec<SchoolGroup>,
    /// Group and username.
    pub memberships: Vec<(String, String)>,
    /// Group, and the group that it is part of.
    pub nested: Vec<(String, String)>,
    pub devices: Vec<SchoolDevice>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchoolUser {
    pub username: String,
    pub full_name: String,
    pub mail: Option<String>,
    pub language: &'static str,
    pub department: String,
    pub title: &'static str,
    pub enabled: bool,
    pub managed_account: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchoolGroup {
    pub name: String,
    /// Managed distribution is enabled.
    pub distribution: bool,
}

/// A device, and whether MDM manages it.
#[derive(Clone, Debug, PartialEq)]
pub struct SchoolDevice {
    pub device: SimDevice,
    pub managed: bool,
}

/// The domain of the school's mail addresses.
pub const MAIL_DOMAIN: &str = "sunnyside.example";
/// The domain of its Managed Apple Accounts; a world knows it by default.
pub const MANAGED_DOMAIN: &str = "appleid.sunnyside.example";

const GRADES: usize = 8;
/// "Grade 5" has exactly that many members where the school is large enough.
const GRADE_5: usize = 60;
const CLUBS: [(&str, u64); 4] = [("Music", 12), ("Drama", 8), ("Chess", 5), ("Robotics", 6)];
const SUBJECTS: [&str; 6] = ["Languages", "Science", "Music", "Sports", "Administration", "IT"];

impl School {
    /// A school of that many users, with six devices for every five of them.
    #[must_use]
    pub fn generate(seed: u64, users: usize) -> Self {
        Self::generate_sized(seed, users, users + users / 5)
    }

    /// A school of exactly that many users and devices. The first user is `ana`, in Grade 5 with an
    /// iPad: an example that documents can name.
    #[must_use]
    pub fn generate_sized(seed: u64, users: usize, devices: usize) -> Self {
        let mut school = Self {
            seed,
            name: "Sunnyside School".to_owned(),
            users: Vec::with_capacity(users),
            groups: groups(),
            memberships: Vec::with_capacity(users * 2),
            nested: nested(),
            devices: Vec::with_capacity(devices),
        };
        let mut drawn = Seed::named(seed, &["school"]);
        let mut taken = HashSet::with_capacity(users);
        let staff = users / 10;
        let grade_5 = GRADE_5.min(users - staff);
        let mut elsewhere = 0;
        for number in 0..users {
            let group = if number < grade_5 {
                "Grade 5".to_owned()
            } else if number < users - staff {
                elsewhere += 1;
                format!("Grade {}", other_grade(elsewhere))
            } else {
                "Staff".to_owned()
            };
            school.add_user(&mut drawn, &mut taken, number, group);
        }
        devices::hand_out(&mut school, &mut drawn, devices);
        school
    }

    fn add_user(&mut self, drawn: &mut Seed, taken: &mut HashSet<String>, number: usize, group: String) {
        let (full_name, language) = if number == 0 { ("Ana de Vries".to_owned(), "nl") } else { names::draw(drawn) };
        let base = if number == 0 { "ana".to_owned() } else { names::username(&full_name) };
        let mut username = base.clone();
        let mut again = 1;
        while !taken.insert(username.clone()) {
            again += 1;
            username = format!("{base}{again}");
        }
        let is_staff = group == "Staff";
        let (department, title) = if is_staff {
            (drawn.pick(&SUBJECTS).copied().unwrap_or("IT").to_owned(), if drawn.chance(0.8) { "Teacher" } else { "Assistant" })
        } else {
            (group.clone(), "Student")
        };
        let clubs = CLUBS.iter().filter(|(_, percent)| drawn.below(100) < *percent).map(|(club, _)| (*club).to_owned());
        let mut memberships: Vec<String> = clubs.collect();
        if department == "Music" && !memberships.contains(&department) {
            memberships.push(department.clone());
        }
        memberships.insert(0, group);
        self.memberships.extend(memberships.into_iter().map(|group| (group, username.clone())));
        let ordinary = number == 0;
        let has_mail = ordinary || !drawn.chance(0.04);
        let managed = !ordinary && drawn.chance(0.05);
        let enabled = ordinary || !drawn.chance(0.01);
        self.users.push(SchoolUser {
            mail: has_mail.then(|| format!("{username}@{MAIL_DOMAIN}")),
            managed_account: managed.then(|| format!("{username}@{MANAGED_DOMAIN}")),
            username,
            full_name,
            language,
            department,
            title,
            enabled,
        });
    }

    /// The members of a group, in order, without those of nested groups.
    #[must_use]
    pub fn members(&self, group: &str) -> Vec<&str> {
        self.memberships.iter().filter(|(g, _)| g == group).map(|(_, username)| username.as_str()).collect()
    }

    /// Puts everybody and their devices into a world, with a unit that has the school's content token.
    pub fn move_into(&self, world: &mut World, token_expires: Timestamp) {
        let token = content_token(self.seed, &self.name, token_expires);
        let unit = UnitConfig::school(token, token_expires);
        world.apple.add_unit(UnitConfig { location: self.name.clone(), ..unit });
        for user in &self.users {
            world.people.add(Person::new(&user.username, user.mail.as_deref()));
        }
        for device in self.devices.iter().filter(|d| d.managed) {
            world.mdm.add_device(device.device.clone());
        }
    }

    /// A world with this school in it.
    #[must_use]
    pub fn world(&self, habits: Habits, token_expires: Timestamp) -> World {
        let mut world = World::new(WorldConfig { habits, ..WorldConfig::seeded(self.seed) });
        self.move_into(&mut world, token_expires);
        world
    }
}

/// Which grade the n-th student outside Grade 5 is in.
fn other_grade(number: usize) -> usize {
    let among = number % (GRADES - 1);
    if among < 4 { among + 1 } else { among + 2 }
}

fn groups() -> Vec<SchoolGroup> {
    let group = |name: &str, distribution| SchoolGroup { name: name.to_owned(), distribution };
    // Grade 8 leaves soon and is not invited any more.
    let mut groups: Vec<SchoolGroup> = (1..=GRADES).map(|n| group(&format!("Grade {n}"), n != 8)).collect();
    groups.push(group("Staff", true));
    groups.extend(CLUBS.iter().map(|(club, _)| group(club, false)));
    groups.push(group("All students", false));
    groups.push(group("Everybody", false));
    groups
}

fn nested() -> Vec<(String, String)> {
    let within = |group: &str, outer: &str| (group.to_owned(), outer.to_owned());
    let mut nested: Vec<_> = (1..=GRADES).map(|n| within(&format!("Grade {n}"), "All students")).collect();
    nested.push(within("All students", "Everybody"));
    nested.push(within("Staff", "Everybody"));
    nested
}
