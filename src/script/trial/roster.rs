//! Who is in a test's site, as plain data, and as the roster files that the site takes them from: so what a
//! test says is checked as every import is.

use std::collections::{BTreeMap, HashMap};

use super::roster_text;
use crate::domain::device::Platform;
use crate::script::problem::Problem;

/// How many people a test may have: enough for a large school, and a second's work.
pub const USERS_MAX: usize = 20_000;
/// Groups of one site, and groups or devices of one person.
pub const EACH_MAX: usize = 1_000;
/// The longest name or value.
pub const TEXT_MAX: usize = 300;

/// The domain of mailboxes that a test doesn't name.
pub const DOMAIN: &str = "school.example";

/// The users, groups and devices of a test's site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    pub users: Vec<TestUser>,
    /// Groups by name, those that have nobody included.
    pub groups: Vec<String>,
    pub devices: Vec<TestDevice>,
    /// Where each user stands: a school of thousands is looked up by name often.
    places: HashMap<String, usize>,
}

/// One person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestUser {
    pub username: String,
    pub full_name: String,
    pub mail: Option<String>,
    /// Every other column of a roster file, `attributes.house` included.
    pub fields: BTreeMap<String, String>,
    pub groups: Vec<String>,
}

/// One device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestDevice {
    pub serial: String,
    pub name: String,
    pub platform: Platform,
    pub user: Option<String>,
    pub managed: bool,
}

impl TestDevice {
    /// What an MDM server calls it.
    #[must_use]
    pub fn udid(&self) -> String {
        format!("UDID-{}", self.serial)
    }

    /// The channel of a Mac's user.
    #[must_use]
    pub fn user_channel(&self) -> Option<String> {
        (self.platform == Platform::Macos && self.user.is_some()).then(|| format!("GUID-{}", self.serial))
    }
}

/// The columns that a person may have beside username, name, mail and groups.
pub const FIELDS: [&str; 6] = ["language", "timezone", "department", "title", "enabled", "managed_account"];

impl Roster {
    /// Reads a roster that is written as text.
    ///
    /// # Errors
    /// The line, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        roster_text::parse(text)
    }

    /// `user1`, `user2`, …, each with a mailbox.
    ///
    /// # Errors
    /// They are too many.
    pub fn numbered(count: i64) -> Result<Self, Problem> {
        let wrong = || Problem::out_of_range("the number of users", &format!("between 0 and {USERS_MAX}"), count);
        let count = usize::try_from(count).ok().filter(|n| *n <= USERS_MAX).ok_or_else(wrong)?;
        let mut roster = Self::default();
        (1..=count).try_for_each(|n| {
            roster.add_user(TestUser {
                username: format!("user{n}"),
                full_name: format!("User {n}"),
                mail: Some(format!("user{n}@{DOMAIN}")),
                ..TestUser::default()
            })
        })?;
        Ok(roster)
    }

    /// Adds somebody.
    ///
    /// # Errors
    /// There is somebody of that name, or there are too many people.
    pub fn add_user(&mut self, user: TestUser) -> Result<(), Problem> {
        for text in [&user.username, &user.full_name].into_iter().chain(&user.mail).chain(user.fields.values()) {
            fitting(text)?;
        }
        if user.username.is_empty() {
            return Err(Problem::new("no_username", "a user needs a username"));
        }
        if self.users.len() >= USERS_MAX {
            return Err(Problem::out_of_range("the number of users", &format!("at most {USERS_MAX}"), "more"));
        }
        if self.places.contains_key(&user.username) {
            let message = format!("there are two users called {:?}", user.username);
            return Err(Problem::new("user_twice", message).about(user.username));
        }
        for group in &user.groups {
            self.add_group(group)?;
        }
        self.places.insert(user.username.clone(), self.users.len());
        self.users.push(user);
        Ok(())
    }

    #[must_use]
    pub fn user(&self, username: &str) -> Option<&TestUser> {
        self.places.get(username).and_then(|place| self.users.get(*place))
    }

    /// Somebody, to be changed in everything but the username.
    pub fn user_mut(&mut self, username: &str) -> Option<&mut TestUser> {
        self.places.get(username).and_then(|place| self.users.get_mut(*place))
    }

    /// Takes somebody away; their devices stay, and are nobody's.
    pub fn remove_user(&mut self, username: &str) {
        self.users.retain(|user| user.username != username);
        self.places = self.users.iter().enumerate().map(|(place, user)| (user.username.clone(), place)).collect();
        for device in self.devices.iter_mut().filter(|d| d.user.as_deref() == Some(username)) {
            device.user = None;
        }
    }

    /// Adds a group, unless there is one of the name.
    ///
    /// # Errors
    /// There are too many, or it has no name.
    pub fn add_group(&mut self, name: &str) -> Result<(), Problem> {
        fitting(name)?;
        if self.groups.iter().any(|g| g == name) {
            return Ok(());
        }
        if name.is_empty() || self.groups.len() >= EACH_MAX {
            return Err(Problem::out_of_range(
                "the groups",
                &format!("at most {EACH_MAX}, each with a name"),
                format!("{name:?}"),
            ));
        }
        self.groups.push(name.to_owned());
        Ok(())
    }

    /// Gives somebody, or nobody, a device that an MDM server manages.
    ///
    /// # Errors
    /// There are too many.
    pub fn add_device(&mut self, platform: Platform, user: Option<&str>) -> Result<(), Problem> {
        let number = self.devices.len() + 1;
        if number > USERS_MAX {
            return Err(Problem::out_of_range("the number of devices", &format!("at most {USERS_MAX}"), "more"));
        }
        let whose = user.and_then(|name| self.user(name));
        let name = match whose {
            Some(user) => format!("{}'s {}", user.full_name.split(' ').next().unwrap_or_default(), platform.noun()),
            None => format!("{} {number}", platform.noun()),
        };
        let user = user.map(str::to_owned);
        self.devices.push(TestDevice { serial: format!("TEST{number:05}"), name, platform, user, managed: true });
        Ok(())
    }

    /// The roster as the files of an import: name and text of each.
    #[must_use]
    pub fn files(&self) -> Vec<(&'static str, String)> {
        let mut columns = vec!["username", "full_name", "mail"];
        let mut extra: Vec<&str> = self.users.iter().flat_map(|u| u.fields.keys().map(String::as_str)).collect();
        extra.sort_unstable();
        extra.dedup();
        columns.extend(&extra);
        let users = self.users.iter().map(|u| {
            let mut row = vec![u.username.as_str(), &u.full_name, u.mail.as_deref().unwrap_or_default()];
            row.extend(extra.iter().map(|column| match u.fields.get(*column) {
                Some(value) => value.as_str(),
                // Everybody of whom nothing else is said is enabled.
                None if *column == "enabled" => "yes",
                None => "",
            }));
            row
        });
        let members = self.users.iter().flat_map(|u| u.groups.iter().map(move |group| vec![group.as_str(), u.username.as_str()]));
        let devices = self.devices.iter().map(|d| {
            let managed = if d.managed { "yes" } else { "no" };
            vec![
                d.serial.clone(),
                d.udid(),
                d.name.clone(),
                d.platform.word().to_owned(),
                d.user.clone().unwrap_or_default(),
                managed.to_owned(),
                "device".to_owned(),
                d.user_channel().unwrap_or_default(),
            ]
        });
        let device_columns = ["serial", "udid", "name", "platform", "user", "managed", "enrollment", "user_channel"];
        vec![
            ("users.csv", table(&columns, users)),
            ("groups.csv", table(&["group", "distribution"], self.groups.iter().map(|g| vec![g.as_str(), "yes"]))),
            ("memberships.csv", table(&["group", "username"], members)),
            ("devices.csv", table(&device_columns, devices)),
        ]
    }
}

fn fitting(text: &str) -> Result<(), Problem> {
    let fits = text.len() <= TEXT_MAX && !text.chars().any(char::is_control);
    let shown: String = text.chars().filter(|c| !c.is_control()).take(20).collect();
    let wrong =
        || Problem::out_of_range("a text of the roster", &format!("one line of at most {TEXT_MAX} bytes"), format!("{shown:?}…"));
    if fits { Ok(()) } else { Err(wrong()) }
}

fn table<R, F>(header: &[&str], rows: impl Iterator<Item = R>) -> String
where
    R: IntoIterator<Item = F>,
    F: AsRef<str>,
{
    let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = header.join(",");
    for row in rows {
        text.push('\n');
        let cells: Vec<String> = row.into_iter().map(|field| cell(field.as_ref())).collect();
        text.push_str(&cells.join(","));
    }
    text.push('\n');
    text
}
