//! From rows to checked values. A bad cell is left out and named; a row without its key is left out whole.

use std::collections::{BTreeMap, HashMap};

use super::FileError;
use super::kinds::{Col, Kind};
use super::row::{self, Row, shortened};
use super::school_manager::School;
use crate::domain::device::Platform;
use crate::domain::mail_address::MailAddress;
use crate::domain::roster_change::{
    Cell, Incoming, IncomingApp, IncomingAppToken, IncomingDevice, IncomingGroup, IncomingUser, Membership, Nesting, Place,
    Rejected, RowKind,
};

/// Collects what files say.
#[derive(Default)]
pub(super) struct Taker {
    pub(super) out: Incoming,
    school: School,
    /// Where each username and serial number was first taken, as an index into `out`.
    users: HashMap<String, usize>,
    devices: HashMap<String, usize>,
    apps: HashMap<String, usize>,
}

impl Taker {
    pub(super) fn warn(&mut self, warning: String) {
        self.out.warnings.push(warning);
    }

    pub(super) fn reject(&mut self, place: &Place, about: &str, reason: impl Into<String>) {
        // A proper name stays whole, so that whoever compares can see that its row has not gone.
        let about = if row::identifier(about).is_ok() { about.to_owned() } else { shortened(about) };
        self.out.rejected.push(Rejected { place: place.clone(), about, reason: reason.into() });
    }

    /// # Errors
    /// So many rows are unusable that these must be other files.
    pub(super) fn check_rejected(&self) -> Result<(), FileError> {
        match self.out.rejected.first() {
            Some(first) if self.out.rejected.len() > super::REJECTED_MAX => {
                let first = format!("{}:{}: {}", first.place.file, first.place.line, first.reason);
                Err(FileError::too_many_rejected(&first))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn row(&mut self, kind: Kind, row: &Row<'_>) {
        let taken = match kind {
            Kind::Users => self.user(row),
            Kind::Groups => self.group(row),
            Kind::Memberships => self.membership(row),
            Kind::Nested => self.nesting(row),
            Kind::Devices => self.device(row),
            Kind::Apps => self.app(row),
            Kind::AppTokens => self.app_token(row),
            _ => self.school.row(kind, row),
        };
        if let Err((about, reason)) = taken {
            self.reject(&row.place, &about, reason);
        }
    }

    pub(super) fn finish(mut self) -> Result<Incoming, FileError> {
        let school = std::mem::take(&mut self.school);
        school.finish(&mut self)?;
        self.check_rejected()?;
        self.out.covers.sort_unstable();
        self.out.covers.dedup();
        Ok(self.out)
    }

    /// Notes that the files hold this kind of row, so that missing rows of it are gone. Only rows
    /// that were taken count: a file without any is a mistake, not the end of everybody.
    pub(super) fn covers(&mut self, kind: RowKind) {
        if self.out.covers.last() != Some(&kind) && !self.out.covers.contains(&kind) {
            self.out.covers.push(kind);
        }
    }

    /// Takes a user, unless another row has had this username.
    pub(super) fn add_user(&mut self, user: IncomingUser) -> Taken {
        let Some(first) = self.users.get(&user.username).and_then(|at| self.out.users.get_mut(*at)) else {
            self.users.insert(user.username.clone(), self.out.users.len());
            self.out.users.push(user);
            self.covers(RowKind::User);
            return Ok(());
        };
        // Some exports have a row for each group of a user: what they agree in is one user.
        let IncomingUser {
            place: _,
            username,
            full_name,
            mail,
            language,
            timezone,
            department,
            title,
            enabled,
            managed_account,
            attributes,
            groups,
        } = user;
        let same = first.full_name == full_name
            && first.mail == mail
            && first.language == language
            && first.timezone == timezone
            && first.department == department
            && first.title == title
            && first.enabled == enabled
            && first.managed_account == managed_account
            && first.attributes == attributes;
        if !same {
            return Err((username, format!("this username stands in {} already, with other values", shown(&first.place))));
        }
        for group in groups {
            if !first.groups.contains(&group) {
                first.groups.push(group);
            }
        }
        Ok(())
    }

    fn user(&mut self, row: &Row<'_>) -> Taken {
        let username = key(row, Col::Username, "username", row::identifier)?.to_owned();
        let about = username.as_str();
        let full_name = match self.text(row, Col::FullName, about, "full_name").flatten() {
            Some(name) => Some(name),
            None => self.joined_name(row, about),
        };
        let mail = self.mail(row, Col::Mail, about, "mail");
        let enabled = match self.boolean(row, Col::Enabled, about, "enabled") {
            Some(yes) => Some(yes),
            None => self.boolean(row, Col::Disabled, about, "disabled").map(|yes| !yes),
        };
        let user = IncomingUser {
            place: row.place.clone(),
            full_name,
            mail,
            language: self.cell(row, Col::Language, about, "language", row::language),
            timezone: self.cell(row, Col::Timezone, about, "timezone", row::timezone),
            department: self.text(row, Col::Department, about, "department"),
            title: self.text(row, Col::Title, about, "title"),
            enabled,
            managed_account: self
                .mail(row, Col::ManagedAccount, about, "managed_account")
                .map(|cell| cell.map(|m| m.as_str().to_owned())),
            attributes: self.attributes(row, about),
            groups: self.groups(row, about),
            username: username.clone(),
        };
        self.add_user(user)
    }

    /// First, middle and last name in that order.
    pub(super) fn joined_name(&mut self, row: &Row<'_>, about: &str) -> Option<String> {
        let parts = [(Col::FirstName, "first_name"), (Col::MiddleName, "middle_name"), (Col::LastName, "last_name")];
        let parts: Vec<String> = parts.iter().filter_map(|(col, name)| self.text(row, *col, about, name).flatten()).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    fn group(&mut self, row: &Row<'_>) -> Taken {
        let name = key(row, Col::Group, "group name", row::identifier)?.to_owned();
        let distribution = self.boolean(row, Col::Distribution, &name, "distribution");
        self.out.groups.push(IncomingGroup { place: row.place.clone(), name, distribution });
        self.covers(RowKind::Group);
        Ok(())
    }

    fn membership(&mut self, row: &Row<'_>) -> Taken {
        let username = key(row, Col::Username, "username", row::identifier)?.to_owned();
        let group = key(row, Col::Group, "group name", row::identifier).map_err(|(_, why)| (username.clone(), why))?.to_owned();
        self.out.memberships.push(Membership { place: row.place.clone(), group, username });
        self.covers(RowKind::Membership);
        Ok(())
    }

    fn nesting(&mut self, row: &Row<'_>) -> Taken {
        let group = key(row, Col::Group, "group name", row::identifier)?.to_owned();
        let within = key(row, Col::Within, "outer group", row::identifier).map_err(|(_, why)| (group.clone(), why))?.to_owned();
        if group == within {
            return Err((group, "a group can't be inside itself".to_owned()));
        }
        self.out.nested.push(Nesting { place: row.place.clone(), group, within });
        self.covers(RowKind::Nesting);
        Ok(())
    }

    fn device(&mut self, row: &Row<'_>) -> Taken {
        let serial = key(row, Col::Serial, "serial number", row::serial)?;
        if let Some(first) = self.devices.get(&serial).and_then(|at| self.out.devices.get(*at)) {
            return Err((serial, format!("this serial number stands in {} already", shown(&first.place))));
        }
        let about = serial.as_str();
        let by_model = row.filled(Col::Model).and_then(row::platform);
        let platform = match row.filled(Col::Platform) {
            Some(text) => match (row::platform(text), by_model) {
                // Before iPadOS had a name of its own, inventories called it iOS; many still do.
                (Some(Platform::Ios), Some(Platform::Ipados)) => Some(Platform::Ipados),
                (Some(platform), _) => Some(platform),
                (None, _) => {
                    let known = "iOS, iPadOS, macOS, tvOS, visionOS, watchOS or a device such as iPad, Mac, Apple TV";
                    return Err((serial, format!("the platform \"{}\" is none of {known}", shortened(text))));
                }
            },
            None => by_model,
        };
        let owned = |text: &str| row::token_like(text).map(str::to_owned);
        let device = IncomingDevice {
            place: row.place.clone(),
            udid: self.cell(row, Col::Udid, about, "udid", owned),
            name: self.text(row, Col::DeviceName, about, "name").flatten(),
            platform,
            os_version: self.text(row, Col::OsVersion, about, "os_version"),
            model: self.text(row, Col::Model, about, "model"),
            user: self.cell(row, Col::AssignedUser, about, "user", |text| row::identifier(text).map(str::to_owned)),
            managed: self.boolean(row, Col::Managed, about, "managed"),
            enrollment: self.cell(row, Col::Enrollment, about, "enrollment", row::enrollment).flatten(),
            user_channel: self.cell(row, Col::UserChannel, about, "user_channel", owned),
            last_seen: self.cell(row, Col::LastSeen, about, "last_seen", row::instant),
            serial: serial.clone(),
        };
        self.devices.insert(serial, self.out.devices.len());
        self.out.devices.push(device);
        self.covers(RowKind::Device);
        Ok(())
    }

    fn app(&mut self, row: &Row<'_>) -> Taken {
        let digits = |text: &str| {
            let fine = matches!(text.len(), 1..=20) && text.chars().all(|c| c.is_ascii_digit());
            if fine { Ok(text.to_owned()) } else { Err(format!("\"{}\" is not a catalogue number", shortened(text))) }
        };
        let adam_id = key(row, Col::AdamId, "adam_id", digits)?;
        let name = key(row, Col::AppName, "name", |text| row::words(text).map(std::borrow::Cow::into_owned))
            .map_err(|(_, why)| (adam_id.clone(), why))?;
        if let Some(first) = self.apps.get(&adam_id).and_then(|at| self.out.apps.get(*at)) {
            return Err((adam_id, format!("this adam_id stands in {} already", shown(&first.place))));
        }
        let kind = self.cell(row, Col::AppKind, &adam_id, "kind", |text| match text.to_ascii_lowercase().as_str() {
            "app" | "software" => Ok("App".to_owned()),
            "book" | "buch" | "boek" | "livre" => Ok("Book".to_owned()),
            _ => Err(format!("\"{}\" is neither App nor Book", shortened(text))),
        });
        self.apps.insert(adam_id.clone(), self.out.apps.len());
        self.out.apps.push(IncomingApp { place: row.place.clone(), adam_id, name, kind: kind.flatten() });
        self.covers(RowKind::App);
        Ok(())
    }

    fn app_token(&mut self, row: &Row<'_>) -> Taken {
        let serial = key(row, Col::Serial, "serial number", row::serial)?;
        let of_device = |(_, why): (String, String)| (serial.clone(), why);
        let topic = key(row, Col::Topic, "topic", |text| row::token_like(text).map(str::to_owned)).map_err(of_device)?;
        let token = key(row, Col::Token, "token", row::push_token).map_err(of_device)?;
        self.out.app_tokens.push(IncomingAppToken { place: row.place.clone(), serial, topic, token });
        self.covers(RowKind::AppToken);
        Ok(())
    }

    /// A cell that `parse` makes something of. What can't be used is named and counts as absent, so
    /// that a slip of the finger doesn't take away what the roster holds.
    fn cell<T>(
        &mut self,
        row: &Row<'_>,
        col: Col,
        about: &str,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Cell<T> {
        let text = row.get(col)?;
        if text.is_empty() {
            return Some(None);
        }
        match parse(text) {
            Ok(value) => Some(Some(value)),
            Err(why) => {
                self.reject(&row.place, about, format!("{name} was left out: {why}"));
                None
            }
        }
    }

    fn text(&mut self, row: &Row<'_>, col: Col, about: &str, name: &str) -> Cell<String> {
        self.cell(row, col, about, name, |text| row::words(text).map(std::borrow::Cow::into_owned))
    }

    pub(super) fn mail(&mut self, row: &Row<'_>, col: Col, about: &str, name: &str) -> Cell<MailAddress> {
        self.cell(row, col, about, name, |text| {
            MailAddress::parse(text).map_err(|why| format!("\"{}\" is no mail address, because {why}", shortened(text)))
        })
    }

    fn boolean(&mut self, row: &Row<'_>, col: Col, about: &str, name: &str) -> Option<bool> {
        self.cell(row, col, about, name, row::boolean).flatten()
    }

    fn attributes(&mut self, row: &Row<'_>, about: &str) -> BTreeMap<String, String> {
        let mut attributes = BTreeMap::new();
        for (name, value) in &row.attributes {
            match row::attribute(value.trim()) {
                Ok(value) => {
                    attributes.insert((*name).to_owned(), value.into_owned());
                }
                Err(why) => self.reject(&row.place, about, format!("the attribute {} was left out: {why}", shortened(name))),
            }
        }
        attributes
    }

    fn groups(&mut self, row: &Row<'_>, about: &str) -> Vec<String> {
        let given: Vec<&str> = match (&row.group_list, row.get(Col::Groups)) {
            (Some(list), _) => list.clone(),
            (None, Some(cell)) => cell.split([';', '|']).collect(),
            (None, None) => return Vec::new(),
        };
        // The column is there: memberships that it doesn't name are gone.
        self.covers(RowKind::Membership);
        let mut groups: Vec<String> = Vec::new();
        for name in given.into_iter().map(str::trim).filter(|name| !name.is_empty()) {
            match row::identifier(name) {
                Ok(name) if !groups.iter().any(|g| g == name) => groups.push(name.to_owned()),
                Ok(_) => {}
                Err(why) => self.reject(&row.place, about, format!("the group \"{}\" was left out: {why}", shortened(name))),
            }
        }
        groups
    }
}

/// A row that was taken; or what it is about, and why it wasn't.
pub(super) type Taken = Result<(), (String, String)>;

/// The cell that names the row.
pub(super) fn key<'a, T>(
    row: &Row<'a>,
    col: Col,
    name: &str,
    parse: impl FnOnce(&'a str) -> Result<T, String>,
) -> Result<T, (String, String)> {
    let text = row.filled(col).ok_or_else(|| (String::new(), format!("it has no {name}")))?;
    // A token is a secret: the row is named by something else.
    let about = if col == Col::Token { String::new() } else { text.to_owned() };
    parse(text).map_err(|why| (about, format!("the {name} can't be used: {why}")))
}

/// A place as it is said inside a sentence.
pub(super) fn shown(place: &Place) -> String {
    if place.line == 0 { place.file.clone() } else { format!("{} line {}", place.file, place.line) }
}
