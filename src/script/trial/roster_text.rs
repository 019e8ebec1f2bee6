//! The roster language of script tests: a person a line, the way one would write a list.
//!
//! ```text
//! # username  the rest in any order, with two spaces or a tab in between
//! Grade 5:
//!   ana    Ana Ruiz      ana@school.example    iPad
//!   ben    Ben Ito       ben@school.example    Mac, iPhone    Chess club
//! Staff:
//!   finn   Finn Bauer    finn@school.example   department: Science   house: red
//!   gia    Gia Rossi     disabled
//! ```
//!
//! What holds an `@` is the mail address; what is a kind of device is one; `field: value` is a field, or an
//! attribute where there is no such field; `disabled` is what it says. Of what is left the first is the name,
//! and all else are groups. A line that ends with a colon is a group for those below it.

use super::roster::{FIELDS, Roster, TestUser};
use crate::domain::device::Platform;
use crate::domain::misspelt::did_you_mean;
use crate::script::problem::Problem;

/// The longest text: a person takes a line of some fifty characters.
const BYTES_MAX: usize = 2_000_000;

/// Kinds of device, as people write them, with their plurals.
const DEVICES: [(&str, Platform); 5] = [
    ("ipad", Platform::Ipados),
    ("iphone", Platform::Ios),
    ("mac", Platform::Macos),
    ("apple tv", Platform::Tvos),
    ("vision pro", Platform::Visionos),
];

pub fn parse(text: &str) -> Result<Roster, Problem> {
    if text.len() > BYTES_MAX {
        return Err(Problem::out_of_range(
            "a roster",
            &format!("at most {BYTES_MAX} bytes long"),
            format!("{} bytes", text.len()),
        ));
    }
    let mut roster = Roster::default();
    let mut below: Option<String> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let columns = columns(line);
        let read = match (columns.as_slice(), line.strip_suffix(':')) {
            ([_], Some(group)) => {
                below = Some(group.trim().to_owned());
                roster.add_group(group.trim())
            }
            _ => person(&mut roster, &columns, below.as_deref()),
        };
        read.map_err(|problem| Problem {
            message: format!("line {} of the roster: {}", number + 1, problem.message),
            ..problem
        })?;
    }
    Ok(roster)
}

/// Two spaces or a tab end a column; one space is part of a name.
fn columns(line: &str) -> Vec<&str> {
    line.split('\t').flat_map(|part| part.split("  ")).map(str::trim).filter(|column| !column.is_empty()).collect()
}

fn person(roster: &mut Roster, columns: &[&str], below: Option<&str>) -> Result<(), Problem> {
    let Some((username, rest)) = columns.split_first() else { return Ok(()) };
    if username.contains(' ') {
        let message = format!("{username:?} is no username");
        return Err(Problem::new("wrong_username", message).about(*username).hint("two spaces, or a tab, end a username"));
    }
    let mut user = TestUser { username: (*username).to_owned(), ..TestUser::default() };
    user.groups.extend(below.map(str::to_owned));
    let mut devices = Vec::new();
    for column in rest {
        if *column == "-" {
            continue;
        }
        if let Some((name, value)) = column.split_once(": ") {
            let (name, value) = field(name.trim(), value.trim())?;
            user.fields.insert(name, value);
        } else if column.contains('@') && !column.contains(' ') {
            if user.mail.replace((*column).to_owned()).is_some() {
                return Err(Problem::new("mail_twice", format!("{username:?} has two mail addresses")).about(*column));
            }
        } else if let Some(found) = devices_in(column)? {
            devices.extend(found);
        } else if *column == "disabled" {
            user.fields.insert("enabled".to_owned(), "no".to_owned());
        } else if user.full_name.is_empty() {
            user.full_name = (*column).to_owned();
        } else {
            user.groups.extend(column.split(',').map(|g| g.trim().to_owned()).filter(|g| !g.is_empty()));
        }
    }
    user.groups.dedup();
    if user.full_name.is_empty() {
        user.full_name = user.username.clone();
    }
    roster.add_user(user)?;
    for platform in devices {
        roster.add_device(platform, Some(username))?;
    }
    Ok(())
}

/// A field of the roster, or an attribute.
pub(super) fn field(name: &str, value: &str) -> Result<(String, String), Problem> {
    if FIELDS.contains(&name) {
        return Ok((name.to_owned(), value.to_owned()));
    }
    // One letter off is a slip of the pen; anything else is an attribute of the site's own.
    if let Some(near) = did_you_mean(name, FIELDS).filter(|_| FIELDS.iter().any(|f| strsim::levenshtein(f, name) <= 2)) {
        return Err(Problem::new("unknown_field", format!("there is no field {name:?}")).about(name).hint(near));
    }
    let fine = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' '));
    let wrong = || Problem::new("wrong_field", format!("{name:?} is no name of an attribute")).about(name);
    if fine { Ok((format!("attributes.{name}"), value.to_owned())) } else { Err(wrong()) }
}

/// The devices in `iPad`, `2 iPads` or `Mac, iPhone`; `None` where it names none.
fn devices_in(column: &str) -> Result<Option<Vec<Platform>>, Problem> {
    let mut found = Vec::new();
    let mut unknown = None;
    for part in column.split(',').map(str::trim) {
        match platforms(part) {
            Some(platforms) => found.extend(platforms),
            None => unknown = Some(part),
        }
    }
    match unknown {
        None => Ok(Some(found)),
        Some(_) if found.is_empty() => Ok(None),
        Some(part) => Err(no_device(part)),
    }
}

/// `iPad`, `2 iPads`.
fn platforms(text: &str) -> Option<Vec<Platform>> {
    let (count, kind) = match text.split_once(' ') {
        Some((count, kind)) if count.chars().all(|c| c.is_ascii_digit()) => (count.parse::<usize>().ok()?, kind.trim()),
        _ => (1, text),
    };
    let platform = platform(kind)?;
    (1..=20).contains(&count).then(|| vec![platform; count])
}

fn no_device(kind: &str) -> Problem {
    Problem::new("unknown_device", format!("{kind:?} is no kind of device"))
        .about(kind)
        .hint("it knows iPad, iPhone, Mac, Apple TV and Vision Pro")
}

/// A kind of device where nothing else can be meant.
pub(super) fn device(kind: &str) -> Result<Platform, Problem> {
    platform(kind).ok_or_else(|| no_device(kind))
}

/// A kind of device, in one or many.
fn platform(kind: &str) -> Option<Platform> {
    let kind = kind.to_lowercase();
    let known = DEVICES.iter().find(|(word, _)| kind == *word || kind.strip_suffix('s') == Some(word));
    known.map(|(_, platform)| *platform).or_else(|| Platform::from_word(&kind))
}
