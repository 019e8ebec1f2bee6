//! What `t::site` is given, read: numbers, maps and text of one roster.

use rhai::{Array, Dynamic, Map};

use super::Wanted;
use super::roster::{DOMAIN, EACH_MAX, Roster, TestUser};
use super::roster_text::{self, field};
use crate::domain::device::Platform;
use crate::script::json::to_json;
use crate::script::options::{Options, type_word};
use crate::script::problem::Problem;
use crate::script::values::Time;

/// The options of `t::site`.
pub const KEYS: [&str; 8] = ["users", "group", "groups", "devices", "settings", "now", "zone", "schedules"];

/// What a map of `devices` has.
pub const DEVICE_KEYS: [&str; 5] = ["platform", "user", "serial", "name", "managed"];

const FUNCTION: &str = "t::site";

impl Wanted {
    /// A site from a roster's text, or from a map of options.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(value: Dynamic, zone: chrono_tz::Tz) -> Result<Self, Problem> {
        match value.try_cast_result::<Map>() {
            Ok(map) => Self::of_options(Options::read(FUNCTION, map, &KEYS)?, zone),
            Err(value) => match value.clone().into_string() {
                Ok(text) => Ok(Self { roster: Roster::parse(&text)?, ..Self::default() }),
                Err(_) => Err(Problem::wants(FUNCTION, "a roster as text, or a map such as `#{ users: 3 }`", &type_word(&value))),
            },
        }
    }

    fn of_options(mut options: Options, zone: chrono_tz::Tz) -> Result<Self, Problem> {
        let mut wanted = Self::default();
        if let Some(users) = options.take("users") {
            wanted.roster = people(&options, users)?;
        }
        if let Some(group) = options.text("group")? {
            all_into(&mut wanted.roster, &group)?;
        }
        if let Some(groups) = options.take("groups") {
            into_groups(&mut wanted.roster, &options, groups)?;
        }
        if let Some(devices) = options.take("devices") {
            hand_out(&mut wanted.roster, &options, devices)?;
        }
        if let Some(settings) = options.take("settings") {
            match to_json(&settings, zone)? {
                serde_json::Value::Object(settings) => wanted.settings = settings,
                _ => return Err(options.wants("settings", "a map", &settings)),
            }
        }
        if let Some(name) = options.text("zone")? {
            let unknown = |_| Problem::new("unknown_zone", format!("there is no time zone {name:?}")).about(name.as_str());
            wanted.zone = Some(name.parse().map_err(unknown)?);
        }
        if let Some(now) = options.take("now") {
            let zone = wanted.zone.unwrap_or(zone);
            wanted.now = Some(match now.clone().try_cast_result::<Time>() {
                Ok(Time(at)) => at,
                Err(text) => {
                    let text = text
                        .into_string()
                        .map_err(|_| options.wants("now", "a time such as `at(\"2026-12-01 08:00\")`", &now))?;
                    crate::script::calendar::time_of_text(&text, zone)?
                }
            });
        }
        wanted.schedules = options.truth("schedules")?.unwrap_or(false);
        Ok(wanted)
    }
}

fn people(options: &Options, users: Dynamic) -> Result<Roster, Problem> {
    if let Ok(count) = users.as_int() {
        return Roster::numbered(count);
    }
    if let Ok(text) = users.clone().into_string() {
        return Roster::parse(&text);
    }
    let users = match users.try_cast_result::<Array>() {
        Ok(users) => users,
        Err(other) => return Err(options.wants("users", "a number, an array of maps or names, or a roster as text", &other)),
    };
    let mut roster = Roster::default();
    for user in users {
        let user = user.flatten();
        if let Ok(username) = user.clone().into_string() {
            roster.add_user(plain(&username))?;
            continue;
        }
        let map =
            user.try_cast_result::<Map>().map_err(|other| options.wants("users", "maps or usernames in its array", &other))?;
        add(&mut roster, map)?;
    }
    Ok(roster)
}

/// Somebody of whom only the username is said: with a mailbox, because most tests need one.
fn plain(username: &str) -> TestUser {
    TestUser {
        username: username.to_owned(),
        full_name: username.to_owned(),
        mail: Some(format!("{username}@{DOMAIN}")),
        ..TestUser::default()
    }
}

fn add(roster: &mut Roster, map: Map) -> Result<(), Problem> {
    let username = map.get("username").and_then(|name| name.clone().into_string().ok());
    let mut user = plain(&username.ok_or_else(|| Problem::new("no_username", "a user needs a username"))?);
    let mut devices = Vec::new();
    for (key, value) in map {
        let value = value.flatten();
        match key.as_str() {
            "username" => {}
            "full_name" => user.full_name = said(&key, value)?,
            "mail" => user.mail = Some(said(&key, value)?).filter(|mail| !mail.is_empty()),
            "group" | "groups" => user.groups.extend(texts(&key, value)?),
            "device" | "devices" => devices = platforms(value)?,
            "attributes" => {
                let attributes =
                    value.try_cast_result::<Map>().map_err(|v| Problem::wants("attributes", "a map", &type_word(&v)))?;
                for (name, value) in attributes {
                    user.fields.insert(format!("attributes.{name}"), said(&name, value.flatten())?);
                }
            }
            other => {
                let (name, value) = field(other, &said(other, value)?)?;
                user.fields.insert(name, value);
            }
        }
    }
    user.groups.dedup();
    let username = user.username.clone();
    roster.add_user(user)?;
    devices.into_iter().try_for_each(|platform| roster.add_device(platform, Some(&username)))
}

/// A value as a roster file has it.
fn said(key: &str, value: Dynamic) -> Result<String, Problem> {
    if value.is_unit() {
        return Ok(String::new());
    }
    if let Ok(truth) = value.as_bool() {
        return Ok(if truth { "yes" } else { "no" }.to_owned());
    }
    if let Ok(number) = value.as_int() {
        return Ok(number.to_string());
    }
    value
        .clone()
        .into_string()
        .map_err(|_| Problem::wants(&format!("the field {key:?}"), "a text", &type_word(&value)).about(key))
}

fn texts(key: &str, value: Dynamic) -> Result<Vec<String>, Problem> {
    match value.try_cast_result::<Array>() {
        Ok(array) if array.len() <= EACH_MAX => array.into_iter().map(|one| said(key, one.flatten())).collect(),
        Ok(_) => Err(Problem::out_of_range(&format!("the field {key:?}"), &format!("at most {EACH_MAX} texts"), "more")),
        Err(one) => Ok(vec![said(key, one)?]),
    }
}

/// `"iPad"`, `"iPad, Mac"`, `["iPad", "Mac"]`, `2` iPads, `true` for one.
fn platforms(value: Dynamic) -> Result<Vec<Platform>, Problem> {
    if let Ok(truth) = value.as_bool() {
        return Ok(if truth { vec![Platform::Ipados] } else { Vec::new() });
    }
    if let Ok(count) = value.as_int() {
        let count = usize::try_from(count).ok().filter(|n| *n <= 20);
        return count
            .map(|n| vec![Platform::Ipados; n])
            .ok_or_else(|| Problem::out_of_range("the devices of one person", "between 0 and 20", value));
    }
    let mut found = Vec::new();
    for text in texts("devices", value)? {
        for kind in text.split(',').map(str::trim) {
            found.push(roster_text::device(kind)?);
        }
    }
    Ok(found)
}

fn all_into(roster: &mut Roster, group: &str) -> Result<(), Problem> {
    roster.add_group(group)?;
    for user in &mut roster.users {
        if !user.groups.iter().any(|g| g == group) {
            user.groups.push(group.to_owned());
        }
    }
    Ok(())
}

/// Names of groups that everybody is in, or a map of a group's name to who is in it.
fn into_groups(roster: &mut Roster, options: &Options, groups: Dynamic) -> Result<(), Problem> {
    let map = match groups.try_cast_result::<Map>() {
        Ok(map) => map,
        Err(names) => return texts("groups", names)?.iter().try_for_each(|group| all_into(roster, group)),
    };
    for (group, members) in map {
        roster.add_group(&group)?;
        if !members.is_array() {
            return Err(options.wants("groups", "an array of usernames for each group", &members));
        }
        for username in texts(&group, members)? {
            let Some(user) = roster.user_mut(&username) else {
                return Err(Problem::unknown("user", &username, roster.users.iter().map(|u| u.username.as_str())));
            };
            user.groups.push(group.to_string());
        }
    }
    Ok(())
}

/// The same devices for everybody, or an array of maps, each with its `user`.
fn hand_out(roster: &mut Roster, options: &Options, devices: Dynamic) -> Result<(), Problem> {
    let maps = devices.read_lock::<Array>().is_some_and(|array| array.iter().any(Dynamic::is_map));
    if !maps {
        let each = platforms(devices)?;
        let usernames: Vec<String> = roster.users.iter().map(|u| u.username.clone()).collect();
        return usernames.iter().try_for_each(|user| each.iter().try_for_each(|p| roster.add_device(*p, Some(user))));
    }
    for device in devices.into_array().unwrap_or_default() {
        let map = device.try_cast_result::<Map>().map_err(|other| options.wants("devices", "maps in its array", &other))?;
        let mut device = Options::read("a device of t::site", map, &DEVICE_KEYS)?;
        let kind = device.text("platform")?.unwrap_or_else(|| "ipad".to_owned());
        let user = device.text("user")?;
        roster.add_device(roster_text::device(&kind)?, user.as_deref())?;
        let (serial, name, managed) = (device.text("serial")?, device.text("name")?, device.truth("managed")?);
        if let Some(made) = roster.devices.last_mut() {
            made.serial = serial.unwrap_or_else(|| std::mem::take(&mut made.serial));
            made.name = name.unwrap_or_else(|| std::mem::take(&mut made.name));
            made.managed = managed.unwrap_or(true);
        }
    }
    Ok(())
}
